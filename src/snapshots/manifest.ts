import type { Metric } from '../engine/metric.ts'
import type { QuantizationMode } from '../engine/quantization.ts'
import type { VectorType } from '../engine/vector-type.ts'
import type { PartEntry, PartKey } from './part.ts'

/** A point in a store's history, as the log counts it. */
export interface SnapshotPosition {
  readonly epoch: number
  readonly lsn: number
  readonly chain: bigint
}

/** What a snapshot says of itself. */
export interface SnapshotManifest {
  /** 16 bytes. */
  readonly storeId: Uint8Array
  readonly position: SnapshotPosition
  /** Time of the record at its LSN, in ms. */
  readonly timeMs: number
  readonly dataDigest: bigint
  readonly indexDigest: bigint
  /** LSN of the newest collection ever created, dropped or not. */
  readonly lastCreationLsn: number
  /** Rules by which the graphs were built. */
  readonly indexVersion: number
  /** In order of creation. */
  readonly collections: readonly CollectionRecord[]
  /** All files of the snapshot beside the manifest, by collection, kind and chunk. */
  readonly parts: readonly PartEntry[]
}

/** Settings and counts of one collection. */
export interface CollectionRecord {
  readonly creationLsn: number
  readonly name: string
  /** By which its vectors are compared; those of `binary` have a metric of their own in the format. */
  readonly metric: Metric
  readonly dimensions: number
  readonly vectorType: VectorType
  readonly quantization: QuantizationMode
  readonly slotCount: number
  readonly liveCount: number
  /** Rising. Chunks of 16,384 slots. */
  readonly freedChunks: readonly number[]
  readonly flushedThrough: number
  readonly builtThrough: number
  readonly placedCount: number
  /** Records whose slots are not all in the graph. */
  readonly addedCount: number
  readonly forgottenThrough: number
  /** LSN of the first record that filled a slot, 0 where there is none. */
  readonly firstLsn: number
  readonly graph: GraphRecord | undefined
}

export interface GraphRecord {
  readonly walkCodes: 'narrow' | 'wide'
  readonly scale: number
  readonly alpha: number
  readonly degree: number
  readonly seed: number
  /** As many components as there are dimensions under euclidean, none otherwise. */
  readonly centre: Float64Array
  readonly nodeCount: number
  readonly linkedCount: number
  readonly entryCount: number
  readonly firstEntries: number
  readonly freedCount: number
  readonly unreachable: number
}

/** By collection, kind and chunk: the order of parts in a manifest. */
export function comparePartKeys(left: PartKey, right: PartKey): number {
  return left.creationLsn - right.creationLsn || left.kind - right.kind || left.chunk - right.chunk
}
