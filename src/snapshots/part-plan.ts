import { CHUNK_SLOTS } from '../base/limits.ts'
import { blockShape } from '../engine/graph/block-shape.ts'
import { rowBytesOf } from '../engine/vector-type.ts'
import * as format from './format.ts'
import { type CollectionRecord, comparePartKeys, type GraphRecord, type SnapshotManifest } from './manifest.ts'
import type { PartKey } from './part.ts'

/** Nodes of a block of a graph. */
const BLOCK_NODES = 16_384
const MOST_EDGES_A_NODE = 63

/** A part that a collection has, and how long its content is. */
export interface PlannedPart extends PartKey {
  readonly leastBytes: number
  readonly mostBytes: number
  /** Documents of a chunk in which nobody has one are left out. */
  readonly isOptional: boolean
}

/** Rows of a chunk. */
export function rowsOfChunk(slotCount: number, chunk: number): number {
  return Math.min(CHUNK_SLOTS, slotCount - chunk * CHUNK_SLOTS)
}

/** Which parts a collection has, in the order of manifests. */
export function* plannedParts(record: CollectionRecord): Generator<PlannedPart> {
  yield* columnParts(record)
  const { creationLsn, slotCount, placedCount, addedCount, graph } = record
  const bytes = Math.ceil(slotCount / 8) + placedCount * 4 + addedCount * 12
  yield { ...exactly(bytes), creationLsn, kind: format.TOMBSTONES, chunk: 0 }
  if (graph !== undefined) yield* graphParts(record, graph)
}

function* columnParts({
  creationLsn,
  slotCount,
  metric,
  dimensions,
  vectorType,
  freedChunks,
}: CollectionRecord): Generator<PlannedPart> {
  const freed = new Set(freedChunks)
  const chunks = Array.from({ length: Math.ceil(slotCount / CHUNK_SLOTS) }, (_, chunk) => chunk)
  const rowBytes = rowBytesOf(vectorType, dimensions) + (metric === 'cosine' ? 8 : 0)
  for (const kind of [format.ORIGINALS, format.IDS, format.DOCUMENTS]) {
    for (const chunk of chunks) {
      if (freed.has(chunk)) continue
      const rows = rowsOfChunk(slotCount, chunk)
      const length = kind === format.ORIGINALS ? exactly(rows * rowBytes) : atLeast(rows * 4)
      yield { ...length, isOptional: kind === format.DOCUMENTS, creationLsn, kind, chunk }
    }
  }
}

function* graphParts(
  { creationLsn, dimensions, slotCount }: CollectionRecord,
  graph: GraphRecord,
): Generator<PlannedPart> {
  const { nodeCount, entryCount } = graph
  const { wideStride, narrowStride } = blockShape(dimensions)
  const blocks = Array.from({ length: Math.ceil(nodeCount / BLOCK_NODES) }, (_, block) => block)
  const nodesOf = (block: number) => Math.min(BLOCK_NODES, nodeCount - block * BLOCK_NODES)
  yield { ...exactly(nodeCount * 2 + entryCount * 4), creationLsn, kind: format.NODES, chunk: 0 }
  for (const chunk of blocks) {
    yield { ...exactly(nodesOf(chunk) * (wideStride + narrowStride)), creationLsn, kind: format.CODES, chunk }
  }
  for (const chunk of blocks) {
    const offsetBytes = (nodesOf(chunk) + 1) * 4
    const mostBytes = offsetBytes + nodesOf(chunk) * MOST_EDGES_A_NODE * 4
    yield { ...atLeast(offsetBytes), mostBytes, creationLsn, kind: format.EDGES, chunk }
  }
  for (const chunk of blocks) {
    const fixedBytes = (nodesOf(chunk) * 2 + 1) * 4
    yield { ...atLeast(fixedBytes), mostBytes: fixedBytes + slotCount * 4, creationLsn, kind: format.SLOTS, chunk }
  }
}

function exactly(bytes: number): Pick<PlannedPart, 'leastBytes' | 'mostBytes' | 'isOptional'> {
  return { leastBytes: bytes, mostBytes: bytes, isOptional: false }
}

function atLeast(bytes: number): Pick<PlannedPart, 'leastBytes' | 'mostBytes' | 'isOptional'> {
  return { leastBytes: bytes, mostBytes: Number.MAX_SAFE_INTEGER, isOptional: false }
}

/** Throws RangeError unless a manifest names just the parts that its collections have, each once and in order. */
export function checkParts({ collections, parts, position }: SnapshotManifest): void {
  const waiting = parts.values()
  let next = waiting.next().value
  for (const record of collections) {
    for (const planned of plannedParts(record)) {
      if (next === undefined || comparePartKeys(planned, next) !== 0) {
        if (planned.isOptional) continue
        throw new RangeError(`part ${planned.kind}.${planned.chunk} of collection ${planned.creationLsn} is missing`)
      }
      const { contentBytes, lsn } = next
      if (contentBytes < planned.leastBytes || contentBytes > planned.mostBytes) {
        throw new RangeError(`part ${planned.kind}.${planned.chunk} has ${contentBytes} bytes`)
      }
      if (lsn > position.lsn) throw new RangeError('a part is newer than the snapshot')
      next = waiting.next().value
    }
  }
  if (next !== undefined)
    throw new RangeError(`part ${next.kind}.${next.chunk} is none of collection ${next.creationLsn}`)
  if (new Set(parts.map(({ lsn, number }) => `${lsn}-${number}`)).size !== parts.length) {
    throw new RangeError('a part comes twice')
  }
}
