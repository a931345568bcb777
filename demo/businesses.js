const MINUTE = 60_000;

/**
 * @typedef {object} Business
 * @property {'shop' | 'blog'} name
 * @property {string} title
 * @property {string} prefix of its records in the store
 * @property {string} shelf where its sessions keep what a visitor has picked
 * @property {number} most of one thing on the shelf
 * @property {number} ttl milliseconds that a session lives
 * @property {import('koa-evented-session').SessionOptions} options
 * @property {string} lifetime the same in words
 * @property {Record<string, Thing>} things
 */

/**
 * What a visitor may pick.
 *
 * @typedef {object} Thing
 * @property {string} title
 * @property {string} text
 * @property {number} [price] in cents
 * @property {string} [colour]
 * @property {number} [minutes] to read it
 */

/** @type {Business} */
const shop = {
  name: 'shop',
  title: 'Leaf & Kettle',
  prefix: 'shop:sess:',
  shelf: 'cart',
  most: 99,
  ttl: 15 * MINUTE,
  options: { rolling: true },
  lifetime: '15 minutes, which begin anew with every request (rolling)',
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
  options: { renew: true },
  lifetime: '5 minutes, extended once half of them have passed (renew)',
  things: {
    'two-tabs': {
      title: 'Two tabs, one cart',
      text: 'Two requests of one visitor read the same session, each changes it, and the later one used to write over the earlier. A session is safer as a set of keys: each request hands in the keys that it changed, and the store takes them one set at a time.',
      minutes: 2,
    },
    patience: {
      title: 'A little patience',
      text: 'Most outages are over before anyone has noticed. A request that waits two seconds for the store is slow; a request that fails at once is lost, and its visitor with it. Past that, it is kinder to say so and to ask them back.',
      minutes: 3,
    },
    'gone-is-gone': {
      title: 'Gone is gone',
      text: 'You log out, and a slow request that began before comes to its end. If it writes the session back, you are logged in again without noticing. What has ended must stay so, however late the others are.',
      minutes: 2,
    },
  },
};

module.exports = { businesses: [shop, blog] };
