const session = require('koa-evented-session');
const { deviceOf } = require('./device');
const { visitorOf } = require('./visitor');

/** In milliseconds. Short, so that the demo can show requests that fail. */
const RECONNECT_TIMEOUT = 2500;

/**
 * The sessions of a business. The overview shows this function as it stands here.
 *
 * @param {import('koa')} app
 * @param {import('./sessions-list').Client} store
 * @param {Pick<import('./businesses').Business, 'options'>} business
 */
const openSessions = (app, store, { options }) =>
  session({
    ...options, // the cookie and the prefix of each, and a lifetime
    app,
    store, // one for both, in memory or in Redis
    reconnectTimeout: RECONNECT_TIMEOUT, // outages this short are only a pause
    user: (data) => visitorOf(data).user, // they see and end their sessions
    device: (ctx) => deviceOf(ctx.get('user-agent')),
    broadcastEndings: true, // open pages hear it at once
  });

module.exports = { RECONNECT_TIMEOUT, openSessions };
