import { StoreError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import { createMark, type Mark, MarkWriter } from './durable-mark.ts'
import { WAL_DIRECTORY } from './format.ts'
import { Log, type LogOptions } from './log.ts'
import { type Repair, repairLog } from './log-repair.ts'
import { type LogScan, type LogScanOptions, scanLog } from './log-scan.ts'
import { genesisChain, type Position } from './position.ts'
import { measureSkipped } from './skipped-segments.ts'

export interface OpenLogOptions<Result>
  extends LogOptions<Result>,
    Pick<LogScanOptions, 'checksum' | 'after' | 'onRecord' | 'onProgress'> {
  /** Identity of the store, should there be none yet: 16 random bytes. */
  readonly newStoreId: Uint8Array
}

export interface OpenedLog<Result> {
  readonly log: Log<Result>
  readonly storeId: Uint8Array
  readonly scan: LogScan
  readonly repair: Repair
}

/** The epoch of a store that was never promoted. */
const FIRST_EPOCH = 1

/**
 * Opens the log for writing: walks it, delivering every record, mends its tail, and makes the durable mark say that all of it
 * is on disk. A directory without a store becomes one.
 * @throws StoreError `ERR_LOG_CORRUPT`, `ERR_FORMAT_VERSION`: nothing was changed. `ERR_DISK_FULL`, `ERR_PERMISSION`: the tail
 * cannot be mended, though the log can still be read. Else what the files say.
 */
export async function openLog<Result>(files: Files, options: OpenLogOptions<Result>): Promise<OpenedLog<Result>> {
  const { checksum } = options
  const { after, onRecord, onProgress } = options
  const scan = await scanLog(files, { checksum, after, onRecord, onProgress })
  const older = await measureSkipped(files, scan, checksum)
  const storeId = scan.storeId ?? options.newStoreId
  const isNew = scan.storeId === undefined
  const position: Position = {
    epoch: Math.max(scan.position.epoch, scan.mark?.position.epoch ?? FIRST_EPOCH),
    lsn: scan.position.lsn,
    chain: isNew ? genesisChain(checksum, storeId) : scan.position.chain,
  }
  if (isNew) await makeLogDirectory(files, scan)
  const repair = await repairLog(files, scan, checksum)
  const mark = await openMark(files, { storeId, position }, scan.mark, options)
  try {
    const { segments, rewrittenRecords } = repair
    const continueLast = rewrittenRecords > 0
    const start = { storeId, position, timeMs: scan.timeMs, segments, older, mark, continueLast }
    return { log: await Log.open(files, start, options), storeId, scan, repair }
  } catch (error) {
    await mark.close()
    throw error
  }
}

async function makeLogDirectory(files: Files, scan: LogScan): Promise<void> {
  if (scan.markExists) {
    const message =
      'the durable mark cannot be read and there is no log beside it, so nothing can be said about this store'
    throw new StoreError('ERR_LOG_CORRUPT', message, { details: { reason: 'no slot of the durable mark holds' } })
  }
  await files.makeDirectory(WAL_DIRECTORY)
  await files.syncDirectory('')
}

/**
 * Opens the mark for writing at a position that is known to be on disk. It is made anew each time, never merely synced: after a
 * failed sync of the directory its name may be seen and never reach the disk.
 */
async function openMark(
  files: Files,
  now: Pick<Mark, 'storeId' | 'position'>,
  existing: Mark | undefined,
  { checksum }: Pick<OpenLogOptions<unknown>, 'checksum'>,
): Promise<MarkWriter> {
  const mark = { ...now, sequence: (existing?.sequence ?? 0) + 1 }
  await createMark(files, mark, checksum)
  return MarkWriter.open(files, mark, checksum)
}
