import { CHUNK_SLOTS } from '../base/limits.ts'
import type { BytesCapture } from '../engine/bytes-column.ts'
import type { CollectionCapture } from '../engine/collection-capture.ts'
import { blocksOf, type GraphCapture, type IndexCapture } from '../engine/index/index-capture.ts'
import { bytesOf } from './bytes.ts'
import type { CapturedCollection } from './capture.ts'
import * as format from './format.ts'
import type { PartKey } from './part.ts'
import { rowsOfChunk } from './part-plan.ts'

/** Norms and small values are gathered into pieces of about this size. */
const GATHER_BYTES = 64 * 1024

/** Rows that are gone through between two pauses. */
const ROWS_A_SLICE = 2048
const PAUSE = new Uint8Array(0)

/**
 * The content of a part as pieces, each valid until the next one is asked for; an empty one is a chance to pause.
 * docs/FORMAT.md has the tables.
 */
export function contentOf({ content, index }: CapturedCollection, { kind, chunk }: PartKey): Iterable<Uint8Array> {
  switch (kind) {
    case format.ORIGINALS:
      return originals(content, chunk)
    case format.IDS:
      return values(content, chunk, content.ids)
    case format.DOCUMENTS:
      return values(content, chunk, content.documents)
    case format.TOMBSTONES:
      return tombstones(content, index)
    default:
      return graphContent(index.graph!, kind, chunk)
  }
}

/** Whether a chunk has a document at all. */
export function hasDocuments(content: CollectionCapture, chunk: number): boolean {
  const [first, rows] = [chunk * CHUNK_SLOTS, rowsOfChunk(content.slotCount, chunk)]
  for (let slot = first; slot < first + rows; slot++) if (content.documents.lengthOf(slot) !== undefined) return true
  return false
}

/** Rows, then, under cosine, their norms. */
function* originals(content: CollectionCapture, chunk: number): Generator<Uint8Array> {
  const first = chunk * CHUNK_SLOTS
  const end = first + rowsOfChunk(content.slotCount, chunk)
  for (let slot = first; slot < end; ) {
    const { bytes, rows } = content.borrowRows(slot, end - slot)
    yield bytes
    slot += rows
  }
  if (content.metric !== 'cosine') return
  for (let slot = first; slot < end; ) {
    const { norms, rows } = content.borrowRun(slot, end - slot)
    yield bytesOf(norms)
    slot += rows
  }
}

/** Lengths, then the bytes of those that have some. */
function* values(content: CollectionCapture, chunk: number, column: BytesCapture): Generator<Uint8Array> {
  const [first, rows] = [chunk * CHUNK_SLOTS, rowsOfChunk(content.slotCount, chunk)]
  const lengths = new Uint32Array(rows)
  for (let row = 0; row < rows; row++) {
    lengths[row] = column.lengthOf(first + row) ?? format.ABSENT_LENGTH
    if (row % ROWS_A_SLICE === ROWS_A_SLICE - 1) yield PAUSE
  }
  yield bytesOf(lengths)
  const gathered = new Uint8Array(GATHER_BYTES)
  let filled = 0
  for (let row = 0; row < rows; row++) {
    if (row % ROWS_A_SLICE === ROWS_A_SLICE - 1) yield PAUSE
    const value = column.borrow(first + row)
    if (value === undefined) continue
    if (filled + value.byteLength > GATHER_BYTES) {
      yield gathered.subarray(0, filled)
      filled = 0
    }
    if (value.byteLength > GATHER_BYTES) {
      yield value
      continue
    }
    gathered.set(value, filled)
    filled += value.byteLength
  }
  yield gathered.subarray(0, filled)
}

/** Tombstones, placed slots, then where records end that are not in the graph, and their LSNs. */
function* tombstones(content: CollectionCapture, { placed, added }: IndexCapture): Generator<Uint8Array> {
  yield content.tombstones
  yield bytesOf(placed)
  yield bytesOf(Uint32Array.from(added.ends))
  yield bytesOf(BigUint64Array.from(added.lsns, BigInt))
}

function* graphContent(graph: GraphCapture, kind: number, chunk: number): Generator<Uint8Array> {
  if (kind === format.NODES) {
    yield graph.states
    yield graph.inDegrees
    yield bytesOf(graph.entries)
    return
  }
  const block = blocksOf(graph)[chunk]!
  if (kind === format.CODES) {
    yield block.wideCodes
    yield block.narrowCodes
  } else if (kind === format.EDGES) {
    yield bytesOf(block.offsets)
    yield bytesOf(block.neighbours)
  } else {
    yield bytesOf(block.slotOffsets)
    yield bytesOf(block.hashes)
    yield bytesOf(block.slots)
  }
}
