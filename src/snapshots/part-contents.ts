import { CHUNK_SLOTS } from '../base/limits.ts'
import type { BytesChunkCapture } from '../engine/bytes-chunk.ts'
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

/** Bytes of the content of a part, and chances to pause. Values are not read for it. */
export function* contentBytesOf(collection: CapturedCollection, key: PartKey): Generator<undefined, number, void> {
  const { content } = collection
  const { kind, chunk } = key
  let bytes = 0
  if (kind !== format.IDS && kind !== format.DOCUMENTS) {
    for (const piece of contentOf(collection, key)) bytes += piece.byteLength
    return bytes
  }
  const values = (kind === format.IDS ? content.ids : content.documents).chunk(chunk)!
  const rows = rowsOfChunk(content.slotCount, chunk)
  for (let row = 0; row < rows; row += ROWS_A_SLICE) {
    bytes += bytesOfValues(values, row, Math.min(rows, row + ROWS_A_SLICE))
    yield
  }
  return rows * Uint32Array.BYTES_PER_ELEMENT + bytes
}

function bytesOfValues(values: BytesChunkCapture, from: number, to: number): number {
  let bytes = 0
  for (let row = from; row < to; row++) bytes += values.lengthOf(row) ?? 0
  return bytes
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
    const norms = content.borrowNorms(slot, end - slot)
    yield bytesOf(norms)
    slot += norms.length
  }
}

/** Lengths, then the bytes of those that have some. */
function* values(content: CollectionCapture, chunk: number, column: BytesCapture): Generator<Uint8Array> {
  const values = column.chunk(chunk)!
  const lengths = new Uint32Array(rowsOfChunk(content.slotCount, chunk))
  for (let row = 0; row < lengths.length; row += ROWS_A_SLICE) {
    takeLengths(values, row, lengths)
    yield PAUSE
  }
  yield bytesOf(lengths)
  const gathered = new Uint8Array(GATHER_BYTES)
  for (let row = 0; row < lengths.length; ) {
    const { end, bytes } = gather(values, row, lengths, gathered)
    yield gathered.subarray(0, bytes)
    yield PAUSE
    row = end
    if (row === lengths.length || lengths[row] === format.ABSENT_LENGTH || lengths[row]! <= GATHER_BYTES) continue
    yield values.borrow(row)!
    row += 1
  }
}

function takeLengths(values: BytesChunkCapture, from: number, lengths: Uint32Array): void {
  const end = Math.min(lengths.length, from + ROWS_A_SLICE)
  for (let row = from; row < end; row++) lengths[row] = values.lengthOf(row) ?? format.ABSENT_LENGTH
}

/** Copies values from a row on, up to one that does not fit any more, for at most a slice. */
function gather(
  values: BytesChunkCapture,
  from: number,
  lengths: Uint32Array,
  target: Uint8Array,
): { end: number; bytes: number } {
  const last = Math.min(lengths.length, from + ROWS_A_SLICE)
  let bytes = 0
  for (let row = from; row < last; row++) {
    const length = lengths[row]!
    if (length === format.ABSENT_LENGTH) continue
    if (bytes + length > target.byteLength) return { end: row, bytes }
    target.set(values.borrow(row)!, bytes)
    bytes += length
  }
  return { end: last, bytes }
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
