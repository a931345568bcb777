export {
  type MakeClient,
  type Runner,
  type StoreContractOptions,
  type Subject,
  storeContract,
} from './testing/store-contract';
