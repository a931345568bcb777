/** Loads modules as a process has them that has warned of nothing yet. */
export function fresh<T>(load: () => T): T {
  let loaded: T[] = [];
  jest.isolateModules(() => {
    loaded = [load()];
  });
  return loaded[0] as T;
}

/** The process warnings of each test; none is printed. */
export function heardWarnings(): [code: string, text: string][] {
  const warnings: [code: string, text: string][] = [];
  beforeEach(() => {
    warnings.length = 0;
    jest.spyOn(process, 'emitWarning').mockImplementation(((text: string, { code }: { code: string }) => {
      warnings.push([code, text]);
    }) as never);
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });
  return warnings;
}
