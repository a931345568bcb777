/** Something to wait for until it is opened. */
export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

export function gate(): Gate {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** Lets nobody pass before `size` have come; everybody after that passes. */
export function meeting(size: number): () => Promise<void> {
  const { opened, open } = gate();
  let here = 0;
  return () => {
    here += 1;
    if (here === size) open();
    return opened;
  };
}
