/** What the first screen says, and where it leads, in the languages of the two READMEs. */
const words = {
  'README.md': {
    promise:
      'Session middleware for Koa that keeps every change when requests run in parallel, makes a logout final, and reports outages of its store. ' +
      'Coming from koa-generic-session, koa-session, koa-session-minimal or egg-session, you change one line, and existing sessions stay valid.',
    actions: '[Start](#start) [Choose a store](#stores) [Migrate](#migrating)',
  },
  'docs/zh/README.md': {
    promise:
      'Koa 的会话（session）中间件：请求并发时每处修改都会保留，登出之后会话不会复活，存储出故障时会通知你。' +
      '从 koa-generic-session、koa-session、koa-session-minimal 或 egg-session 迁移只需改一行，已有的会话继续有效。',
    actions: '[快速上手](#快速上手) [选择存储](#存储) [迁移](#迁移)',
  },
};

/**
 * Puts the promise and the program to start with, which the README has further down, under the heading of a README.
 *
 * @param {string} text that of the page
 * @param {string} page
 */
function withOpening(text, page) {
  const opening = words[/** @type {keyof typeof words} */ (page)];
  if (opening === undefined) return text;
  const [install, program] = ['sh', 'js'].map((language) => firstBlock(text, language));
  const parts = ['<div class="opening">', opening.promise, opening.actions, install, program, '</div>'];
  return text.replace(/^# .+\n/m, (heading) => `${heading}\n${parts.join('\n\n')}\n`);
}

/** @param {string} text @param {string} language */
function firstBlock(text, language) {
  return new RegExp(`^\`\`\`${language}\n[^]*?^\`\`\`$`, 'm').exec(text)?.[0] ?? '';
}

module.exports = { withOpening };
