import type { Metric } from '../../../src/engine/metric.ts'
import type { QuantizationMode } from '../../../src/engine/quantization.ts'
import type { OpenOptions } from '../../../src/store/options.ts'

/** An entry as plain data. */
export interface EntryData {
  readonly id: string
  readonly vector: readonly number[]
  readonly metadata?: object
}

/** One call on a store, as plain data: the model reads it, and so does the driver, but neither reads the other. */
export type Operation =
  | {
      readonly type: 'create'
      readonly name: string
      readonly dimensions: number
      readonly metric: Metric
      /** `'none'` where it is missing. */
      readonly quantization?: QuantizationMode
    }
  | { readonly type: 'drop'; readonly name: string }
  | { readonly type: 'add'; readonly name: string; readonly entries: readonly EntryData[] }
  | { readonly type: 'update'; readonly name: string; readonly id: string; readonly metadata: object | undefined }
  | { readonly type: 'delete'; readonly name: string; readonly ids: readonly string[] }
  | { readonly type: 'maintain'; readonly name: string; readonly what: Maintenance }
  /** Measures first, so its place in the log is behind everything that is called before or with it. */
  | { readonly type: 'quantize'; readonly name: string; readonly mode: QuantizationMode }

/**
 * Calls that keep the index in order. Each logs what it finds to do once everything that was ordered before is built, so its
 * place in the log would be a matter of timing if writes were called beside it.
 */
export type Maintenance = 'flush' | 'consolidate' | 'optimize' | 'compact'

export type SessionDurability = 'sync' | 'async'

/** How a session of a store is opened, as far as it is not the same everywhere. By default it takes no snapshot by itself. */
export type SessionSnapshots = Pick<OpenOptions, 'snapshotRecords' | 'history' | 'originals' | 'documents'>

/**
 * Calls made in one turn of the event loop, as by so many callers at once; or the first alone, and the others while it is
 * being written, so that they wait behind it, or while what it has ordered is being built, or once it is in the log and goes on.
 */
export type Timing = 'atOnce' | 'behindFirst' | 'whileBuilding' | 'whileSwitching'

/** What a workload does, one after the other. */
export type Step =
  | { readonly kind: 'together'; readonly operations: readonly Operation[]; readonly timing: Timing }
  /** `store.sync()`. */
  | { readonly kind: 'sync' }
  /** A second passes, after which the store syncs what it left unsynced. */
  | { readonly kind: 'second' }
  /** The store is closed, or its process is killed, and opened again. */
  | {
      readonly kind: 'reopen'
      readonly ending: 'close' | 'kill'
      readonly durability: SessionDurability
      readonly snapshots: SessionSnapshots
    }
  /** `store.snapshot()`, and calls that are made while it is under way; it waits for what the first of them builds, or for none. */
  | { readonly kind: 'snapshot'; readonly operations: readonly Operation[]; readonly isBuilding: boolean }
  | { readonly kind: 'close' }

const calls =
  (timing: Timing) =>
  (...operations: readonly Operation[]): Step => ({ kind: 'together', operations, timing })
export const together = calls('atOnce')
export const behind = calls('behindFirst')
export const whileBuilding = calls('whileBuilding')
export const whileSwitching = calls('whileSwitching')
export const create = (
  name: string,
  dimensions: number,
  metric: Metric,
  quantization?: QuantizationMode,
): Operation => ({
  type: 'create',
  name,
  dimensions,
  metric,
  ...(quantization === undefined ? {} : { quantization }),
})
export const drop = (name: string): Operation => ({ type: 'drop', name })
export const add = (name: string, entries: readonly EntryData[]): Operation => ({ type: 'add', name, entries })
export const update = (name: string, id: string, metadata: object | undefined): Operation => ({
  type: 'update',
  name,
  id,
  metadata,
})
export const remove = (name: string, ...ids: readonly string[]): Operation => ({ type: 'delete', name, ids })
const maintain =
  (what: Maintenance) =>
  (name: string): Operation => ({ type: 'maintain', name, what })
export const flush = maintain('flush')
export const consolidate = maintain('consolidate')
export const optimize = maintain('optimize')
export const compact = maintain('compact')
export const quantize = (name: string, mode: QuantizationMode): Operation => ({ type: 'quantize', name, mode })
export const sync: Step = { kind: 'sync' }
export const aSecondPasses: Step = { kind: 'second' }
export const close: Step = { kind: 'close' }
const snapshots =
  (isBuilding: boolean) =>
  (...operations: readonly Operation[]): Step => ({ kind: 'snapshot', operations, isBuilding })
export const snapshot = snapshots(false)
export const snapshotWhileBuilding = snapshots(true)
export const reopen = (
  ending: 'close' | 'kill',
  durability: SessionDurability,
  snapshots: SessionSnapshots = {},
): Step => ({ kind: 'reopen', ending, durability, snapshots })
