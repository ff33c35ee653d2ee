/**
 * Every code a {@link StoreError} can carry. Codes are stable: a release may add one, never change or reuse one.
 * The README lists what each means for the caller.
 */
export const ERROR_CODES = [
  'ERR_ABORTED',
  'ERR_BATCH_TOO_LARGE',
  'ERR_CHUNK_CORRUPT',
  'ERR_COLLECTION_FULL',
  'ERR_COLLECTION_MISMATCH',
  'ERR_COLLECTION_NAME',
  'ERR_COLLECTION_NOT_FOUND',
  'ERR_DIMENSIONS',
  'ERR_DISK_FULL',
  'ERR_ENTRY_NOT_FOUND',
  'ERR_FILE_EXISTS',
  'ERR_FILE_NOT_FOUND',
  'ERR_FORMAT_VERSION',
  'ERR_HISTORY_TRUNCATED',
  'ERR_ID_INVALID',
  'ERR_INDETERMINATE',
  'ERR_IO',
  'ERR_LOG_CORRUPT',
  'ERR_LSN_AHEAD',
  'ERR_MEMORY_LIMIT',
  'ERR_METADATA_INVALID',
  'ERR_PERMISSION',
  'ERR_POISONED',
  'ERR_QUEUE_FULL',
  'ERR_READ_ONLY',
  'ERR_RECORD_INVALID',
  'ERR_SNAPSHOT_CORRUPT',
  'ERR_STORE_CLOSED',
  'ERR_STORE_LOCKED',
  'ERR_STORE_NOT_FOUND',
  'ERR_STORE_OPTIONS',
  'ERR_VECTOR_NOT_FINITE',
  'ERR_VECTOR_VALUE',
  'ERR_VECTOR_ZERO',
  'ERR_WORKER',
] as const

export type ErrorCode = (typeof ERROR_CODES)[number]

/** Facts about an error that a program may want to read, by name: `segment`, `offset`, `lsn`, `reason`, … */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | undefined>>

/**
 * An error of the store, as opposed to a mistake in the calling program (those are `TypeError` and `RangeError`).
 * `code` is stable and meant for programs; `message` is meant for people; `cause` is the error underneath, if any.
 */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; details?: ErrorDetails } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.details = options.details ?? {}
  }
}

/** Tells a store error by its tag, because two copies of the package in one process have two classes. */
export function isStoreError(error: unknown, code?: ErrorCode): error is StoreError {
  if (typeof error !== 'object' || error === null) return false
  const candidate = error as { name?: unknown; code?: unknown }
  return candidate.name === 'StoreError' && (code === undefined || candidate.code === code)
}
