import { type ErrorDetails, isStoreError, StoreError } from '../base/errors.ts'

/** Something in a snapshot that cannot be what was written. */
export function corrupt(
  path: string,
  reason: string,
  options: { cause?: unknown; details?: ErrorDetails } = {},
): StoreError {
  return new StoreError('ERR_SNAPSHOT_CORRUPT', `${path} is damaged: ${reason}`, {
    cause: options.cause,
    details: { path, reason, ...options.details },
  })
}

export function newerVersion(path: string, version: number, known: number): StoreError {
  return new StoreError(
    'ERR_FORMAT_VERSION',
    `${path} has format version ${version}; this release reads up to ${known}`,
    { details: { path, version } },
  )
}

/** Runs what throws `RangeError` for content that cannot be, and says so of the file at `path`. */
export function orCorrupt<Result>(path: string, work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    throw asCorrupt(path, error)
  }
}

/** A `RangeError` as damage of a file; anything else as it is. */
export function asCorrupt(path: string, error: unknown): unknown {
  return error instanceof RangeError ? corrupt(path, error.message, { cause: error }) : error
}

/** A file that a snapshot needs and that is not there is damage of the snapshot. */
export function missingAsCorrupt(path: string, error: unknown): unknown {
  return isStoreError(error, 'ERR_FILE_NOT_FOUND') ? corrupt(path, 'it is missing', { cause: error }) : error
}
