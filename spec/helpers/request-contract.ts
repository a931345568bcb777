import { assigningContract } from './requests/assigning';
import { handlerContract } from './requests/handler';
import { hooksContract } from './requests/hooks';
import { keepingContract } from './requests/keeping';
import { parallelContract } from './requests/parallel';
import { placementContract } from './requests/placement';
import { regeneratingContract } from './requests/regenerating';
import { savingContract } from './requests/saving';
import { storeErrorsContract } from './requests/store-errors';
import { throwingContract } from './requests/throwing';
import { trustContract } from './requests/trust';
import type { Variant } from './requests/variant';

/** What every request is promised, whatever the mode, the version of Koa and the store. */
export function requestContract(variant: Variant): void {
  loneRequestContract(variant);
  parallelContract(variant);
}

/** The part of it that needs no record which other requests can see. */
export function loneRequestContract(variant: Variant): void {
  keepingContract(variant);
  trustContract(variant);
  assigningContract(variant);
  savingContract(variant);
  regeneratingContract(variant);
  hooksContract(variant);
  placementContract(variant);
  handlerContract(variant);
  storeErrorsContract(variant);
  throwingContract(variant);
}
