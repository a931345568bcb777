/** Browser types that TypeDoc's highlighter needs and Node's types lack. */
declare namespace WebAssembly {
  type ImportValue = unknown;
  interface Instance {
    exports: unknown;
  }
  interface WebAssemblyInstantiatedSource {
    instance: Instance;
  }
}
