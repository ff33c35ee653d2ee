import { throwIfAborted } from '../base/abort.ts'
import { isStoreError, StoreError } from '../base/errors.ts'
import type { CollectionView } from '../engine/collection-state.ts'
import type { QuantizationMode } from '../engine/quantization.ts'
import { binaryMisfit } from './binary-fit.ts'
import { type Progress, refuseUnknownOptions } from './options.ts'
import { checkMode } from './quantization-input.ts'
import { type QuantizeFigures, QuantizeMeter, type QuantizeReport } from './quantize-report.ts'
import { unlessAborted } from './snapshot-capture.ts'
import type { StoreCore } from './store-core.ts'
import type { Written } from './writer.ts'

/** What reading vectors that are on disk fails with. */
const READING_FAILED = ['ERR_CHUNK_CORRUPT', 'ERR_IO', 'ERR_PERMISSION', 'ERR_DISK_FULL'] as const

/** How a switch is asked for. */
export interface QuantizeOptions {
  /**
   * Called with queries (`phase: 'measure'`), with bytes of the snapshot that vectors are read from (`'snapshot'`), and with chunks
   * of 16,384 vectors (`'move'`).
   */
  readonly onProgress?: (progress: Progress) => void
  /** Before the switch is logged, changes nothing; later the switch holds, and what was not moved yet moves when it can. */
  readonly signal?: AbortSignal
}

interface Switch {
  readonly mode: QuantizationMode
  readonly write: () => Promise<Written>
}

/** Measures, logs the switch, brings vectors and index where the mode wants them, and measures again. */
export async function quantizeCollection(
  core: StoreCore,
  view: CollectionView,
  { mode, write }: Switch,
  options: QuantizeOptions,
): Promise<QuantizeReport> {
  checkMode(mode)
  refuseUnknownOptions(options, ['onProgress', 'signal'], 'quantize')
  const { onProgress, signal } = options
  throwIfAborted(signal, 'the switch')
  const onQuery = (done: number, total: number) => onProgress?.({ phase: 'measure', done, total })
  const meter = new QuantizeMeter(core, view, { signal, onQuery })
  const before = await meter.measure()
  throwIfAborted(signal, 'the switch')
  const { now } = core.surroundings
  const startedMs = now()
  const { lsn } = await write()
  try {
    const problems = await bringIntoMode(core, view, options)
    const durationMs = now() - startedMs
    throwIfAborted(signal, 'the switch')
    const after = await measuredAgain(meter, lsn)
    const warning = binaryMisfit(view, after.recall)
    return {
      collection: view.name,
      lsn,
      before,
      after,
      queries: meter.queries,
      originals: { ...core.originals.statsOf(view), ...problems.originals },
      index: { ...core.graphs.statsOf(view), ...problems.index },
      ...(warning === undefined ? {} : { warning }),
      durationMs,
    }
  } catch (error) {
    if (!isStoreError(error, 'ERR_ABORTED')) throw error
    const message = `'${view.name}' has been '${mode}' since LSN ${lsn}, but the switch was aborted before all was where it belongs`
    throw new StoreError('ERR_ABORTED', message, { cause: error, details: { lsn, mode } })
  }
}

/** The switch holds: that vectors cannot be read is no reason to call it failed. */
async function measuredAgain(meter: QuantizeMeter, lsn: number): Promise<QuantizeFigures> {
  try {
    return await meter.measure(lsn)
  } catch (error) {
    if (READING_FAILED.some((code) => isStoreError(error, code))) return meter.unmeasured()
    throw error
  }
}

/** Why some things are not where the mode wants them: no snapshot holds them. */
interface SnapshotProblems {
  readonly originals?: { readonly problem: string }
  readonly index?: { readonly formProblem: string }
}

async function bringIntoMode(
  core: StoreCore,
  view: CollectionView,
  { onProgress, signal }: QuantizeOptions,
): Promise<SnapshotProblems> {
  const { originals, graphs, snapshots, threads } = core
  const snapshotOptions = {
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined ? {} : { onProgress }),
  }
  const [isForVectors, isForGraph] = [originals.needsSnapshot(view), graphs.needsSnapshot(view)]
  let reason: string | undefined
  if (isForVectors || isForGraph) {
    await snapshots.take(snapshotOptions).catch((error: unknown) => {
      if (isStoreError(error, 'ERR_ABORTED') || isStoreError(error, 'ERR_STORE_CLOSED')) throw error
      reason = (error as Error).message
    })
  }
  const onChunk = (done: number, total: number) => onProgress?.({ phase: 'move', done, total })
  await originals.follow(view, { onChunk, ...(signal === undefined ? {} : { signal }) })
  await threads.whileHeld(() => unlessAborted(graphs.follow(view), signal, 'the switch'))
  if (reason === undefined) return {}
  const [vectors, index] = [
    `the vectors stay in memory until a snapshot holds them: ${reason}`,
    `the index stays whole until a snapshot holds it: ${reason}`,
  ]
  return {
    ...(isForVectors ? { originals: { problem: vectors } } : {}),
    ...(isForGraph ? { index: { formProblem: index } } : {}),
  }
}
