/**
 * Runs before each spec file: most have short secrets in `app.keys`, which are easier to read. The warning of them is
 * left out of the output.
 */
const { emitWarning } = process;
process.emitWarning = ((warning: string, options?: { code?: string }, ...rest: unknown[]) => {
  if (options?.code !== 'KOA_EVENTED_SESSION_WEAK_SECRET')
    Reflect.apply(emitWarning, process, [warning, options, ...rest]);
}) as typeof emitWarning;
