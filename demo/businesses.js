const { visitorOf } = require('./visitor');

const MINUTE = 60_000;

/**
 * @typedef {object} Business
 * @property {'shop' | 'blog'} name
 * @property {string} title
 * @property {string} prefix of its records in the store
 * @property {string} shelf key in the session for the things that a visitor has picked
 * @property {number} most maximum number of one thing on the shelf
 * @property {number} ttl lifetime of a session in milliseconds
 * @property {import('koa-evented-session').SessionOptions} options
 * @property {string} lifetime the same in words
 * @property {string} seen what the time of the last use means: only with `rolling` does each request move it
 * @property {Record<string, Thing>} things
 */

/**
 * A thing that a visitor can pick.
 *
 * @typedef {object} Thing
 * @property {string} title
 * @property {string} text
 * @property {number} [price] in cents
 * @property {string} [colour]
 */

/**
 * What separates the sessions of two businesses: a prefix does it for their records, a name and a path for their cookies.
 *
 * @param {Business['name']} name
 * @param {number} ttl
 * @returns {import('koa-evented-session').SessionOptions}
 */
function separate(name, ttl) {
  return {
    prefix: `${name}:sess:`,
    key: `${name}.sid`,
    cookie: { path: `/${name}`, maxAge: ttl },
    beforeSave: (_ctx, saved) => {
      visitorOf(saved).since ??= Date.now();
    },
  };
}

/** @type {Business} */
const shop = {
  name: 'shop',
  title: 'Leaf & Kettle',
  prefix: 'shop:sess:',
  shelf: 'cart',
  most: 99,
  ttl: 15 * MINUTE,
  options: { ...separate('shop', 15 * MINUTE), rolling: true },
  lifetime: '15 minutes after the last request (rolling)',
  seen: 'last used',
  things: {
    sencha: { title: 'Sencha', text: 'Green and grassy, from Uji', price: 940, colour: '#a8b545' },
    assam: { title: 'Assam', text: 'Dark and malty, second flush', price: 720, colour: '#9a4a1c' },
    oolong: { title: 'Dong Ding', text: 'Roasted oolong with honey', price: 1280, colour: '#c98a2b' },
    hibiscus: { title: 'Hibiscus', text: 'Tart and red, no caffeine', price: 560, colour: '#a3234a' },
  },
};

/** @type {Business} */
const blog = {
  name: 'blog',
  title: 'The Slow Page',
  prefix: 'blog:sess:',
  shelf: 'saved',
  most: 1,
  ttl: 5 * MINUTE,
  options: { ...separate('blog', 5 * MINUTE), renew: true },
  lifetime: '5 minutes, extended by requests in the second half (renew)',
  seen: 'last extended',
  things: {
    'two-tabs': {
      title: 'Two tabs, one cart',
      text: 'Two requests of one visitor read the same session, each changes it, and the later one used to overwrite the earlier. It is safer to merge by key: each request stores only the keys that it changed.',
    },
    patience: {
      title: 'A little patience',
      text: 'Most outages end before anyone notices. A request that waits two seconds for the store is slow; a request that fails at once may lose the visitor. If the outage lasts longer, tell visitors, and ask them to come back.',
    },
    'gone-is-gone': {
      title: 'Gone is gone',
      text: 'You log out while a slow request is still running. If that request writes the session back, you are logged in again without noticing. An ended session must stay ended, however late other requests are.',
    },
  },
};

module.exports = { businesses: [shop, blog] };
