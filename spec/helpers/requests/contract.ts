import { assigningContract } from './assigning';
import { handlerContract } from './handler';
import { hooksContract } from './hooks';
import { keepingContract } from './keeping';
import { parallelContract } from './parallel';
import { placementContract } from './placement';
import { regeneratingContract } from './regenerating';
import { savingContract } from './saving';
import { storeErrorsContract } from './store-errors';
import { throwingContract } from './throwing';
import { trustContract } from './trust';
import type { Variant } from './variant';

/** What every request is promised, whatever the mode, the version of Koa and the store. */
export function requestContract(variant: Variant): void {
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
  if (variant.sharesSessions) parallelContract(variant);
}
