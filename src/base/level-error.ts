import { type ErrorCode, StoreError } from './errors.ts'

/**
 * Turns what a database threw into the store's own error. LevelDB puts the system's reason into words inside `cause`, and
 * IndexedDB into the name of its exception, so both are searched.
 */
export function levelError(error: unknown, operation: string, path: string): StoreError {
  if (error instanceof StoreError) return error
  return new StoreError(
    levelErrorCode(error),
    `Could not ${operation} '${path}' in the database: ${messageOf(error)}`,
    {
      cause: error,
      details: { path, operation },
    },
  )
}

/** What a database's error means, by what it and its causes say. */
export function levelErrorCode(error: unknown): ErrorCode {
  let current = error
  // A cause can be anything, itself included, so the search is bounded.
  for (let depth = 0; depth < 8 && typeof current === 'object' && current !== null; depth++) {
    const { name, cause } = current as { name?: unknown; cause?: unknown }
    const message = messageOf(current)
    if (name === 'QuotaExceededError' || /no space left|quota exceeded/i.test(message)) return 'ERR_DISK_FULL'
    if (/permission denied|read-only file system/i.test(message)) return 'ERR_PERMISSION'
    current = cause
  }
  return 'ERR_IO'
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
