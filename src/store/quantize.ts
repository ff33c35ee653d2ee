import { throwIfAborted } from '../base/abort.ts'
import { isStoreError, StoreError } from '../base/errors.ts'
import type { CollectionView } from '../engine/collection-state.ts'
import type { QuantizationMode } from '../engine/quantization.ts'
import { type Progress, refuseUnknownOptions } from './options.ts'
import { checkMode } from './quantization-input.ts'
import { QuantizeMeter, type QuantizeReport } from './quantize-report.ts'
import type { StoreCore } from './store-core.ts'
import type { Written } from './writer.ts'

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

/** Measures, logs the switch, brings the vectors where the mode wants them, and measures again. */
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
    const problem = await moveVectors(core, view, options)
    const durationMs = now() - startedMs
    throwIfAborted(signal, 'the switch')
    const after = await meter.measure(lsn)
    const originals = { ...core.originals.statsOf(view), ...(problem === undefined ? {} : { problem }) }
    return { collection: view.name, lsn, before, after, queries: meter.queries, originals, durationMs }
  } catch (error) {
    if (!isStoreError(error, 'ERR_ABORTED')) throw error
    const message = `'${view.name}' has been '${mode}' since LSN ${lsn}, but the switch was aborted before all had moved`
    throw new StoreError('ERR_ABORTED', message, { cause: error, details: { lsn, mode } })
  }
}

/** Says why some vectors did not move because no snapshot holds them. */
async function moveVectors(
  core: StoreCore,
  view: CollectionView,
  { onProgress, signal }: QuantizeOptions,
): Promise<string | undefined> {
  const snapshotOptions = {
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined ? {} : { onProgress }),
  }
  let problem: string | undefined
  if (core.originals.needsSnapshot(view)) {
    await core.snapshots.take(snapshotOptions).catch((error: unknown) => {
      if (isStoreError(error, 'ERR_ABORTED') || isStoreError(error, 'ERR_STORE_CLOSED')) throw error
      problem = `the vectors stay in memory until a snapshot holds them: ${(error as Error).message}`
    })
  }
  const onChunk = (done: number, total: number) => onProgress?.({ phase: 'move', done, total })
  await core.originals.follow(view, { onChunk, ...(signal === undefined ? {} : { signal }) })
  return problem
}
