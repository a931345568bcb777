export type { SealingSecret } from './stores/sealed/key';
export type { SealedOptions } from './stores/sealed/options';
export { type Sealed, sealed } from './stores/sealed/store';
