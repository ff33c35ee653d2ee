import { CHUNK_SLOTS } from '../base/limits.ts'
import type { CollectionView } from '../engine/collection-state.ts'
import { nodeBytes } from '../engine/graph/graph-ledger.ts'
import { graphBytes } from '../engine/index/index-memory.ts'
import { rowBytesOf } from '../engine/vector-type.ts'
import type { AddFields } from './inputs.ts'

// What memory a write comes to in the end: estimates, from above, for who decides whether to take it.

/** What is to be added to a collection. */
export interface Addition {
  readonly entries: number
  /** Of ids and documents. */
  readonly textBytes: number
}

export function additionOf({ ids, documents }: Pick<AddFields, 'ids' | 'documents'>): Addition {
  const idBytes = ids.reduce((sum, id) => sum + id.length, 0)
  const documentBytes = documents?.reduce((sum, document) => sum + (document?.byteLength ?? 0), 0) ?? 0
  return { entries: ids.length, textBytes: idBytes + documentBytes }
}

/** Norm, places of id and document, and the id's place in the table of identities, which is at least a third full. */
const ENTRY_BYTES = 64
/** Which nodes stand for which slots, and how equal vectors find each other. */
const NODE_SLOT_BYTES = 48
/**
 * What the jobs of a bulk build put beside each node: measured, 340 bytes with 300,000 vectors of 100 dimensions; by dot product
 * there are two kinds of neighbours.
 */
const JOB_BYTES = { cosine: 512, euclidean: 512, dot: 1024 } as const
/** Lists and panels of each thread that builds or searches. */
const THREAD_BYTES = 1024 * 1024

/** Bytes that the columns take for it. */
export function additionBytes({ vectorType, dimensions }: CollectionView, { entries, textBytes }: Addition): number {
  return entries * (rowBytesOf(vectorType, dimensions) + ENTRY_BYTES) + textBytes * 2
}

/**
 * Bytes that the index of a collection may take beyond those it takes now, once `added` entries are there: the rest of the
 * buffer goes into the graph, which is made whole for that; a new graph is built beside it; and a snapshot copies it.
 */
export function maintenanceBytes(view: CollectionView, added: number, settings: IndexSettings): number {
  const { dimensions, metric, liveCount, slotCount, index } = view
  const { built, builtThrough } = index.served
  if (built === undefined && slotCount + added < settings.bufferEntries) return 0
  const threads = settings.threads + 2
  const perNode = nodeBytes(dimensions, threads) + NODE_SLOT_BYTES
  const nodes = liveCount + added
  const waiting = slotCount - builtThrough + added
  const bufferCodes = waiting * dimensions * 1.25
  const inserted = built === undefined ? 0 : waiting * perNode
  const whole = built?.leanCodes === undefined ? 0 : built.graph.nodeCount * perNode
  const rebuilt = nodes * (perNode + JOB_BYTES[metric]) + threads * THREAD_BYTES
  const building = Math.max(0, indexBytes(view) - (built === undefined ? 0 : graphBytes(built)))
  const moved = rowBytesOf(view.vectorType, dimensions) * Math.min(CHUNK_SLOTS, slotCount)
  return Math.ceil(bufferCodes + inserted + whole + Math.max(0, rebuilt - building) + nodes * perNode + moved)
}

export interface IndexSettings {
  readonly threads: number
  readonly bufferEntries: number
}

function indexBytes({ index }: CollectionView): number {
  return index.memory().reduce((sum, { bytes }) => sum + bytes, 0)
}
