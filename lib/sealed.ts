export type { SealingSecret } from './stores/sealed/key';
export type { SealedOptions } from './stores/sealed/options';
export type { ResealedRecords, ResealOptions, ResealProgress } from './stores/sealed/reseal';
export { type ResealableStore, type Sealed, type SealedAbility, sealed } from './stores/sealed/store';
