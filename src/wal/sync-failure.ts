/**
 * Errors after which the log cannot say what is on disk. They poison it; only a reopen, which rewrites what lies above the
 * durable mark, goes on.
 */
export class SyncFailure extends Error {
  constructor(cause: unknown) {
    super('a sync failed, and what it should have made durable may be lost or not', { cause })
  }
}

/** A write failed and could not be taken back. */
export class RollbackFailure extends Error {
  constructor(writeError: unknown, cause: unknown) {
    super(
      `a write failed (${writeError instanceof Error ? writeError.message : String(writeError)}) and could not be taken back`,
      { cause },
    )
  }
}

/** Calls a sync. It is never called again when it fails: a second fsync may succeed without having written anything. */
export async function syncOnce(sync: () => Promise<void>): Promise<void> {
  try {
    await sync()
  } catch (error) {
    throw new SyncFailure(error)
  }
}

export function leavesLogUnknown(error: unknown): error is SyncFailure | RollbackFailure {
  return error instanceof SyncFailure || error instanceof RollbackFailure
}
