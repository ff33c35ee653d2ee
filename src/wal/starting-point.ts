import { isStoreError, StoreError } from '../base/errors.ts'
import type { TimedPosition } from './position.ts'

/**
 * A record from which the log is read on: whoever gives it has verified a copy of everything up to it, so nothing at or below
 * it is needed.
 */
export interface StartingPoint extends TimedPosition {
  readonly storeId: Uint8Array
}

/** What is wrong where log and starting point both hold, and are not of one history. */
export function contradiction(path: string, lsn: number, reason: string): StoreError {
  const message = `${path} contradicts what LSN ${lsn} is known to be: ${reason}`
  return new StoreError('ERR_LOG_CORRUPT', message, {
    details: { segment: path, lsn, reason, contradictsStart: true },
  })
}

/** Whether the log cannot be that of the starting point, though it may be whole by itself. */
export function isContradiction(error: unknown): boolean {
  return isStoreError(error, 'ERR_LOG_CORRUPT') && error.details.contradictsStart === true
}

/** `LSN 7 is missing`, `LSN 7 to 9 are missing`. */
export function missingText(firstLsn: number, lastLsn: number): string {
  return lastLsn > firstLsn ? `LSN ${firstLsn} to ${lastLsn} are missing` : `LSN ${firstLsn} is missing`
}
