import { CHUNK_SLOTS, MAX_ID_BYTES } from '../base/limits.ts'
import { countBits } from '../engine/bitmap.ts'
import type { NodeBlockRows, NodeMarks } from '../engine/graph/node-blocks.ts'
import { checkMarks } from '../engine/graph/node-blocks.ts'
import type { SlotBlock } from '../engine/index/index-capture.ts'
import { LINKED } from '../engine/kernel/assembly-graph/layout.ts'
import { ABSENT_LENGTH, IDS } from './format.ts'
import type { CollectionRecord, GraphRecord } from './manifest.ts'
import type { PartReader } from './part-reader.ts'

// What the content of parts says. The reader has verified every byte; what is checked here is that it can be. All throw
// `RangeError` where it cannot.

const SAFE_LSN = BigInt(Number.MAX_SAFE_INTEGER)

/** Places among the buffers for words that nobody keeps. */
const [OFFSETS, ENDS, HASHES] = [0, 1, 2]

/** Values of a chunk of ids or documents. `lengths` are right until the next part is read. */
export async function readValues(
  reader: PartReader,
  kind: number,
  rows: number,
): Promise<{ lengths: Uint32Array; bytes: Uint8Array }> {
  const lengths = await reader.takeU32(rows, OFFSETS)
  let sum = 0
  for (let row = 0; row < rows; row++) {
    const length = lengths[row]!
    if (kind === IDS && (length === 0 || length > MAX_ID_BYTES)) throw new RangeError(`an id has ${length} bytes`)
    if (length !== ABSENT_LENGTH) sum += length
  }
  if (sum !== reader.remainingBytes) throw new RangeError(`lengths add up to ${sum}, not ${reader.remainingBytes}`)
  return { lengths, bytes: await reader.takeBytes(sum) }
}

export interface TombstonesPart {
  readonly tombstones: Uint8Array
  readonly placed: Uint32Array
  readonly ends: number[]
  readonly lsns: number[]
}

export async function readTombstones(reader: PartReader, record: CollectionRecord): Promise<TombstonesPart> {
  const { slotCount, liveCount, builtThrough, placedCount, addedCount } = record
  const tombstones = await reader.takeBytes(Math.ceil(slotCount / 8))
  check(countBits(tombstones) === slotCount - liveCount, 'tombstones and live entries do not add up')
  check(slotCount % 8 === 0 || tombstones.at(-1)! >> (slotCount % 8) === 0, 'a slot is dead that is none')
  for (const chunk of record.freedChunks) {
    const ofChunk = tombstones.subarray((chunk * CHUNK_SLOTS) / 8, ((chunk + 1) * CHUNK_SLOTS) / 8)
    check(countBits(ofChunk) === CHUNK_SLOTS, `chunk ${chunk} was freed with live entries`)
  }
  const placed = await reader.takeU32(placedCount)
  check(
    isRising(placed, record.graph === undefined ? -1 : builtThrough - 1) && (placed.at(-1) ?? -1) < slotCount,
    'the placed slots are none',
  )
  const ends = [...(await reader.takeU32(addedCount))]
  // A compaction that found nothing alive filled no slot.
  const isOrdered = ends.every((end, index) => index === 0 || ends[index - 1]! <= end)
  check(isOrdered && (ends.at(-1) ?? 0) <= slotCount, 'the records end at no slots')
  const lsns = new BigUint64Array(addedCount)
  await reader.fill(new Uint8Array(lsns.buffer))
  check(
    lsns.every((lsn) => lsn <= SAFE_LSN),
    'an LSN is out of range',
  )
  return { tombstones, placed, ends, lsns: Array.from(lsns, Number) }
}

export async function readNodes(reader: PartReader, graph: GraphRecord): Promise<NodeMarks> {
  const states = await reader.takeBytes(graph.nodeCount)
  const inDegrees = await reader.takeBytes(graph.nodeCount)
  const marks = { states, inDegrees, entries: await reader.takeU32(graph.entryCount) }
  checkMarks(marks)
  let linked = 0
  for (let node = 0; node < states.length; node++) if (states[node] === LINKED) linked += 1
  check(linked === graph.linkedCount, `${linked} nodes are linked instead of ${graph.linkedCount}`)
  return marks
}

/** Right until the next part is read. */
export async function readEdges(reader: PartReader, nodes: number): Promise<NodeBlockRows> {
  const offsets = await reader.takeU32(nodes + 1, OFFSETS)
  return { offsets, neighbours: await reader.takeU32(wordsLeft(reader), ENDS) }
}

/** Right until the next part is read. */
export async function readSlots(reader: PartReader, nodes: number): Promise<SlotBlock> {
  const offsets = await reader.takeU32(nodes + 1, OFFSETS)
  const hashes = await reader.takeU32(nodes, HASHES)
  return { offsets, hashes, slots: await reader.takeU32(wordsLeft(reader), ENDS) }
}

function wordsLeft(reader: PartReader): number {
  check(reader.remainingBytes % 4 === 0, 'it ends within a number')
  return reader.remainingBytes / 4
}

function isRising(numbers: Iterable<number>, above: number): boolean {
  let last = above
  for (const number of numbers) {
    if (number <= last) return false
    last = number
  }
  return true
}

function check(holds: boolean, reason: string): asserts holds {
  if (!holds) throw new RangeError(reason)
}
