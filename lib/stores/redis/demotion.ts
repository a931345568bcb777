/** A server that follows another one takes no writes. In a script older servers say so in the middle of the message. */
const DEMOTED = /\bREADONLY\b/;

/** Milliseconds in which all that was under way on the old connection fails. */
const SAME_MOMENT = 100;

/** Milliseconds between two attempts: a server that stays a replica must not be connected to again with each request. */
const PAUSE = 1000;

/**
 * Tells, for each error of a connection, whether another one is to be made: after a failover the address may lead to the new primary, but the old
 * connection stays with the server that has become a replica. The command is sent again on the new connection, once: it was refused.
 */
export function demotions(): (error: Error) => boolean {
  let since = Number.NEGATIVE_INFINITY;
  return (error) => {
    if (!DEMOTED.test(error.message)) return false;
    const passed = performance.now() - since;
    if (passed > PAUSE) since = performance.now();
    return passed > PAUSE || passed < SAME_MOMENT;
  };
}

/** What `reconnectOnError` of ioredis returns to have the command sent again. */
const RECONNECT_AND_RESEND = 2;

/** The option of ioredis that reconnects where the server was demoted. */
export function reconnectOnDemotion(): { reconnectOnError(error: Error): 2 | false } {
  const isDemotion = demotions();
  return { reconnectOnError: (error) => isDemotion(error) && RECONNECT_AND_RESEND };
}
