import { loadChecksum } from '../base/checksum.ts'
import { type DescribedRecord, readRecords } from '../replay/log-reader.ts'
import { verifyFiles } from '../replay/verify.ts'
import type { VerifyReport } from '../replay/verify-report.ts'
import { locate, type StoreLocation } from './locations.ts'
import { refuseUnknownOptions, requireInteger } from './options.ts'
import { storeNotFound } from './store-core.ts'
import { type VerifyStoreOptions, verifyOptionsOf } from './vector-store.ts'

export interface ReadLogOptions {
  /** First LSN wanted; default the oldest that is kept. */
  readonly from?: number
  /** Last LSN wanted; default the last one known to be on disk. */
  readonly to?: number
  readonly signal?: AbortSignal
}

/**
 * The log as readable records, without opening the store and without its lock: works beside a writer and where opening
 * fails. Damage is thrown after everything that stands before it was given.
 * @throws StoreError `ERR_STORE_NOT_FOUND`, `ERR_HISTORY_TRUNCATED` (`from`), `ERR_LOG_CORRUPT`, `ERR_FORMAT_VERSION`,
 * `ERR_ABORTED`; TypeError, RangeError.
 */
export async function* readLog(
  location: StoreLocation,
  options: ReadLogOptions = {},
): AsyncGenerator<DescribedRecord, void, void> {
  refuseUnknownOptions(options, ['from', 'to', 'signal'], 'readLog')
  const { from, to = Number.MAX_SAFE_INTEGER, signal } = options
  if (from !== undefined) requireInteger('from', from, 1, Number.MAX_SAFE_INTEGER)
  requireInteger('to', to, 1, Number.MAX_SAFE_INTEGER)
  const { surroundings } = await locate(location, { create: false })
  const { files } = await surroundings({ lock: false })
  yield* readRecords(files, { checksum: await loadChecksum(), from, to, signal })
}

/**
 * Checks everything a store has on disk, without opening it and without its lock, and reports instead of throwing.
 * @throws StoreError `ERR_STORE_NOT_FOUND`, `ERR_ABORTED`, or what the files say.
 */
export async function verifyStore(location: StoreLocation, options: VerifyStoreOptions = {}): Promise<VerifyReport> {
  refuseUnknownOptions(options, ['onProgress', 'signal'], 'verifyStore')
  const { surroundings } = await locate(location, { create: false })
  const { files, name, yieldToEventLoop } = await surroundings({ lock: false })
  const report = await verifyFiles(files, {
    ...verifyOptionsOf(options),
    checksum: await loadChecksum(),
    yieldToEventLoop,
  })
  if (report === undefined) throw storeNotFound(name)
  return report
}
