import { createHook } from 'node:async_hooks';

/** Counts the promises that are made from `begin` on. */
export function promiseCounter() {
  let made = 0;
  const hook = createHook({
    init: (_id, type) => {
      if (type === 'PROMISE') made += 1;
    },
  });
  return {
    begin: () => {
      made = 0;
      hook.enable();
    },
    end: () => {
      hook.disable();
      return made;
    },
  };
}
