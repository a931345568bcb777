/** A replica refuses writes. In a script, older servers put READONLY in the middle of the message. */
const DEMOTED = /\bREADONLY\b/;

/** Milliseconds within which all pending commands of the old connection fail. */
const SAME_MOMENT = 100;

/**
 * Milliseconds between two attempts, so that requests do not reconnect again and again to a server that stays a
 * replica.
 */
const PAUSE = 1000;

/**
 * Decides, for each error of a connection, whether to reconnect. After a failover, the address may lead to the new
 * primary while the old connection stays with the server that became a replica. The refused command is sent once more
 * on the new connection.
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

/** The value of ioredis' `reconnectOnError` that also resends the command. */
const RECONNECT_AND_RESEND = 2;

/** The ioredis option that reconnects if the server was demoted. */
export function reconnectOnDemotion(): { reconnectOnError(error: Error): 2 | false } {
  const isDemotion = demotions();
  return { reconnectOnError: (error) => isDemotion(error) && RECONNECT_AND_RESEND };
}
