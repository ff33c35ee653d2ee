import { loadChecksum } from '../base/checksum.ts'
import { isStoreError, StoreError } from '../base/errors.ts'
import { type BackupReport, backupFiles } from '../replay/backup.ts'
import { requireEmpty } from '../replay/backup-target.ts'
import { type SalvageReport, salvageFiles } from '../replay/salvage.ts'
import { defaultThreads } from './default-threads.ts'
import { IndexThreads } from './index-threads.ts'
import { locate, type StoreLocation } from './locations.ts'
import { type Progress, refuseUnknownOptions, requireInteger } from './options.ts'
import { type StoreCore, type Surroundings, storeNotFound } from './store-core.ts'

export interface BackupCallOptions {
  readonly signal?: AbortSignal
  /** Called with `phase: 'backup'` and bytes copied or read back; while a snapshot is taken first, with `'snapshot'`. */
  readonly onProgress?: (progress: Progress) => void
}

export interface SalvageCallOptions {
  /** LSN to copy the state of. Default the last that can be proven. */
  readonly to?: number
  readonly signal?: AbortSignal
  /** Called with bytes: `'snapshot'` and `'replay'` while the old store is read, `'write'` while the new one is written. */
  readonly onProgress?: (progress: Progress) => void
}

/**
 * Copies a store to another place, which must be empty, beside a writer or not, without opening it and without its lock: as of
 * the last LSN that is known to be on disk.
 * @throws StoreError `ERR_STORE_NOT_FOUND`, `ERR_FILE_EXISTS` where something stands at the new place, `ERR_LOG_CORRUPT`,
 * `ERR_ABORTED`, or what the files say; TypeError.
 */
export async function backupStore(
  location: StoreLocation,
  newLocation: StoreLocation,
  options: BackupCallOptions = {},
): Promise<BackupReport> {
  refuseUnknownOptions(options, ['signal', 'onProgress'], 'backupStore')
  const { surroundings } = await locate(location, { create: false })
  const source = await surroundings({ lock: false })
  return withPlace(newLocation, (target) => backup(source, target, undefined, options)).catch(nameIn(source))
}

/**
 * The same of a store that is open: as of the call, or a little later. A writer takes a snapshot first, and copies that; a
 * reader copies what it sees.
 */
export async function backupCore(
  core: StoreCore,
  newLocation: StoreLocation,
  options: BackupCallOptions = {},
): Promise<BackupReport> {
  refuseUnknownOptions(options, ['signal', 'onProgress'], 'backup')
  const { surroundings, readOnly, snapshots, recovered, threads } = core
  return withPlace(newLocation, async (target) => {
    if (readOnly) return backup(surroundings, target, recovered.state.lsn, options)
    const { lsn } = await snapshots.take(options)
    const release = snapshots.hold(lsn)
    try {
      return await threads.whileHeld(() => backup(surroundings, target, lsn, options))
    } finally {
      release()
    }
  })
}

/**
 * Copies what can be proven of a store, damaged or not, to another place, which must be empty: a store of the next epoch. The
 * old store is only read, and needs not open.
 * @throws StoreError `ERR_STORE_NOT_FOUND`, `ERR_FILE_EXISTS` where something stands at the new place, `ERR_LOG_CORRUPT` where
 * nothing can be proven or `to` cannot, `ERR_LSN_AHEAD`, `ERR_HISTORY_TRUNCATED`, `ERR_FORMAT_VERSION`, `ERR_ABORTED`, or what the files say; TypeError,
 * RangeError.
 */
export async function salvageStore(
  location: StoreLocation,
  newLocation: StoreLocation,
  options: SalvageCallOptions = {},
): Promise<SalvageReport> {
  refuseUnknownOptions(options, ['to', 'signal', 'onProgress'], 'salvageStore')
  const { to, signal, onProgress } = options
  if (to !== undefined) requireInteger('to', to, 1, Number.MAX_SAFE_INTEGER)
  const { surroundings } = await locate(location, { create: false })
  const source = await surroundings({ lock: false })
  const { yieldToEventLoop } = source
  const checksum = await loadChecksum()
  const threads = new IndexThreads(defaultThreads())
  const common = { checksum, phases: threads.phases, to, signal, yieldToEventLoop }
  const report = (phase: string, done: number, total: number) => onProgress?.({ phase, done, total })
  try {
    return await withPlace(newLocation, (target) =>
      threads.whileHeld(() => salvageFiles(source.files, target.files, { ...common, onProgress: report })),
    ).catch(nameIn(source))
  } finally {
    await threads.close()
  }
}

async function backup(
  { files, yieldToEventLoop }: Surroundings,
  target: Surroundings,
  lsn: number | undefined,
  { signal, onProgress }: BackupCallOptions,
): Promise<BackupReport> {
  const checksum = await loadChecksum()
  const report = (done: number, total: number) => onProgress?.({ phase: 'backup', done, total })
  return backupFiles(files, target.files, { checksum, yieldToEventLoop, lsn, signal, onProgress: report })
}

/** Makes the place where it is missing, and keeps others from opening it meanwhile. */
async function withPlace<Result>(
  location: StoreLocation,
  copy: (target: Surroundings) => Promise<Result>,
): Promise<Result> {
  const { surroundings } = await locate(location, { create: true })
  const place = await surroundings({ lock: false })
  try {
    // Before the lock, which would leave its trace in a place that is none of ours.
    await requireEmpty(place.files, await loadChecksum())
    const target = await surroundings({ lock: true })
    return await copy(target).finally(() => target.release())
  } catch (error) {
    throw namedIn(place, error)
  }
}

function nameIn({ name }: Surroundings): (error: unknown) => never {
  return (error) => {
    if (isStoreError(error, 'ERR_STORE_NOT_FOUND')) throw storeNotFound(name)
    throw error
  }
}

/** What is known of the place by its files alone gets its name. */
function namedIn({ name }: Surroundings, error: unknown): unknown {
  if (!isStoreError(error, 'ERR_FILE_EXISTS') || error.details.reason === undefined) return error
  const details = { ...error.details, path: name }
  return new StoreError(error.code, `${name}: ${error.message}`, { cause: error, details })
}
