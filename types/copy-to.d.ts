// The module has no types of its own.
declare module 'copy-to' {
  interface Copy {
    to<T extends object>(target: T): T;
    toCover<T extends object>(target: T): T;
    pick(...names: string[]): Copy;
    withAccess(access?: boolean): Copy;
  }
  function copy(source: object): Copy;
  export = copy;
}
