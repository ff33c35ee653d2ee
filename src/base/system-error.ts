import { type ErrorCode, StoreError } from './errors.ts'

const CODES: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'ERR_FILE_NOT_FOUND',
  EEXIST: 'ERR_FILE_EXISTS',
  ENOSPC: 'ERR_DISK_FULL',
  EDQUOT: 'ERR_DISK_FULL',
  EACCES: 'ERR_PERMISSION',
  EPERM: 'ERR_PERMISSION',
  EROFS: 'ERR_PERMISSION',
}

/** The system's name for an error, such as `ENOENT`, or `undefined` for an error that is not the system's. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? code : undefined
}

/** Turns what the system threw into the store's own error, keeping the original as its cause. */
export function systemError(error: unknown, operation: string, path: string): StoreError {
  if (error instanceof StoreError) return error
  const reason = systemCode(error)
  const known = reason !== undefined && Object.hasOwn(CODES, reason) ? CODES[reason] : undefined
  return new StoreError(
    known ?? 'ERR_IO',
    `Could not ${operation} '${path}'${reason === undefined ? '' : `: ${reason}`}`,
    {
      cause: error,
      details: { path, operation, ...(reason === undefined ? {} : { reason }) },
    },
  )
}
