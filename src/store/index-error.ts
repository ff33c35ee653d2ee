import { isStoreError, StoreError } from '../base/errors.ts'

/** What work on an index failed with, as an error of the store; one that is one already stays as it is. */
export function indexError(cause: unknown): StoreError {
  if (isStoreError(cause)) return cause
  return new StoreError('ERR_WORKER', `an index could not be built: ${(cause as Error).message}`, { cause })
}

/** For the end of a chain of promises. */
export function rejectAsIndexError(cause: unknown): never {
  throw indexError(cause)
}
