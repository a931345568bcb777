/** What the types of TypeDoc's highlighter take from a browser's; those of Node lack it. */
declare namespace WebAssembly {
  type ImportValue = unknown;
  interface Instance {
    exports: unknown;
  }
  interface WebAssemblyInstantiatedSource {
    instance: Instance;
  }
}
