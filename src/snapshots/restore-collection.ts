import type { Files } from '../base/files.ts'
import { CHUNK_SLOTS } from '../base/limits.ts'
import { CollectionRestorer } from '../engine/collection-restorer.ts'
import type { CollectionState } from '../engine/collection-state.ts'
import { nodesOfBlock } from '../engine/graph/node-blocks.ts'
import type { BuiltGraph } from '../engine/index/built-graph.ts'
import { GraphRestorer } from '../engine/index/graph-restorer.ts'
import { BLOCK_POSITIONS } from '../engine/kernel/assembly-graph/layout.ts'
import { inSlices } from './capture.ts'
import type { ColdChunks } from './cold-chunks.ts'
import type { PartRows, PartValues } from './cold-parts.ts'
import * as format from './format.ts'
import type { CollectionRecord, GraphRecord } from './manifest.ts'
import type { PartEntry } from './part.ts'
import { readEdges, readNodes, readSlots, readTombstones, readValues } from './part-decoders.ts'
import { rowsOfChunk } from './part-plan.ts'
import type { PartReader } from './part-reader.ts'
import { ReadAhead } from './read-ahead.ts'
import { ofPart, type VerifyTools } from './verify-parts.ts'

/** Where the parts of one collection are read from. */
export class CollectionParts {
  readonly #storeId: Uint8Array
  readonly #parts: ReadonlyMap<string, PartEntry>
  readonly #ahead: ReadAhead
  readonly tools: VerifyTools
  /** What is to stay on disk, if anything. */
  readonly cold: ColdChunks | undefined

  constructor(
    files: Files,
    storeId: Uint8Array,
    record: CollectionRecord,
    parts: readonly PartEntry[],
    { cold, ...tools }: VerifyTools & { readonly cold?: ColdChunks | undefined },
  ) {
    this.#storeId = storeId
    this.cold = cold
    this.#parts = new Map(parts.map((part) => [`${part.kind}.${part.chunk}`, part]))
    this.tools = tools
    this.#ahead = new ReadAhead(files, storeId, inReadingOrder(record, parts, cold), tools)
  }

  has(kind: number, chunk: number): boolean {
    return this.#parts.has(`${kind}.${chunk}`)
  }

  openRows(chunk: number, dimensions: number): Promise<PartRows> {
    return this.cold!.openRows(this.#storeId, this.#parts.get(`${format.ORIGINALS}.${chunk}`)!, dimensions)
  }

  openValues(chunk: number): Promise<PartValues> {
    return this.cold!.openValues(this.#storeId, this.#parts.get(`${format.DOCUMENTS}.${chunk}`)!)
  }

  /** Reads a part; the plan of the manifest says that it is there. */
  async read<Result>(kind: number, chunk: number, read: (reader: PartReader) => Promise<Result>): Promise<Result> {
    const part = this.#parts.get(`${kind}.${chunk}`)!
    const result = await ofPart(part, this.#ahead.use(part, read))
    await this.tools.yieldToEventLoop()
    return result
  }

  /** To be called when no more is read. */
  close(): Promise<void> {
    return this.#ahead.close()
  }
}

/** Which parts are read, and in which order: columns chunk by chunk, then graphs block by block. */
function inReadingOrder(
  { slotCount, quantization, graph }: CollectionRecord,
  parts: readonly PartEntry[],
  cold: ColdChunks | undefined,
): PartEntry[] {
  const isRead = ({ kind, chunk }: PartEntry) =>
    kind >= format.NODES
      ? graph !== undefined
      : cold?.leaves(kind, rowsOfChunk(slotCount, chunk), quantization) !== true
  const stageOf = ({ kind }: PartEntry) => (kind < format.TOMBSTONES ? 0 : kind <= format.NODES ? kind : format.CODES)
  return parts.filter(isRead).sort((a, b) => stageOf(a) - stageOf(b) || a.chunk - b.chunk || a.kind - b.kind)
}

/** Makes a collection as it was, index included. */
export async function restoreCollection(record: CollectionRecord, parts: CollectionParts): Promise<CollectionState> {
  const restorer = new CollectionRestorer(record, record.creationLsn)
  const freed = new Set(record.freedChunks)
  for (let chunk = 0; chunk * CHUNK_SLOTS < record.slotCount; chunk++) {
    if (freed.has(chunk)) restorer.appendFreedChunk()
    else await restoreChunk(restorer, record, chunk, parts)
  }
  const { tombstones, placed, ends, lsns } = await parts.read(format.TOMBSTONES, 0, (reader) =>
    readTombstones(reader, record),
  )
  const collection = await inSlices(restorer.finish(tombstones), parts.tools.yieldToEventLoop)
  const { flushedThrough, builtThrough, forgottenThrough } = record
  const built = record.graph && (await restoreGraph(record, record.graph, collection, parts))
  const firstLsn = record.firstLsn === 0 ? undefined : record.firstLsn
  const moment = { flushedThrough, added: { firstLsn, forgottenThrough, ends, lsns } }
  collection.index.restore(moment, { built, builtThrough, placed: new Set(built && placed) })
  return collection
}

async function restoreChunk(
  restorer: CollectionRestorer,
  record: CollectionRecord,
  chunk: number,
  parts: CollectionParts,
): Promise<void> {
  const rows = rowsOfChunk(record.slotCount, chunk)
  const { quantization } = record
  if (parts.cold?.leaves(format.ORIGINALS, rows, quantization)) await restoreColdVectors(restorer, record, chunk, parts)
  else await restoreVectors(restorer, record, chunk, parts)
  const ids = await parts.read(format.IDS, chunk, (reader) => readValues(reader, format.IDS, rows))
  restorer.appendIds(ids.lengths, ids.bytes)
  if (!parts.has(format.DOCUMENTS, chunk)) return restorer.appendNoDocuments(rows)
  if (parts.cold?.leaves(format.DOCUMENTS, rows, quantization))
    return restorer.appendColdDocuments(await parts.openValues(chunk))
  const documents = await parts.read(format.DOCUMENTS, chunk, (reader) => readValues(reader, format.DOCUMENTS, rows))
  restorer.appendDocuments(documents.lengths, documents.bytes)
}

async function restoreVectors(
  restorer: CollectionRestorer,
  { slotCount, metric, dimensions }: CollectionRecord,
  chunk: number,
  parts: CollectionParts,
): Promise<void> {
  const rows = rowsOfChunk(slotCount, chunk)
  await parts.read(format.ORIGINALS, chunk, async (reader) => {
    await fillRows(reader, rows, dimensions * 4, (most) => restorer.extendVectors(most))
    if (metric === 'cosine') await fillRows(reader, rows, 8, (most) => restorer.extendNorms(most))
  })
}

/** Leaves the vectors of a full chunk where they are, and reads their norms. */
async function restoreColdVectors(
  restorer: CollectionRestorer,
  { metric, dimensions }: CollectionRecord,
  chunk: number,
  parts: CollectionParts,
): Promise<void> {
  const source = await parts.openRows(chunk, dimensions)
  restorer.appendColdVectors(source)
  for (let row = 0; metric === 'cosine' && row < CHUNK_SLOTS; ) {
    const target = restorer.extendNorms(CHUNK_SLOTS - row)
    source.readNorms(row, target)
    row += target.byteLength / Float64Array.BYTES_PER_ELEMENT
  }
  await parts.tools.yieldToEventLoop()
}

/** Reads rows straight into the column, block by block. */
async function fillRows(
  reader: PartReader,
  rows: number,
  rowBytes: number,
  extend: (mostRows: number) => Uint8Array,
): Promise<void> {
  for (let left = rows; left > 0; ) {
    const target = extend(left)
    await reader.fill(target)
    left -= target.byteLength / rowBytes
  }
}

async function restoreGraph(
  { dimensions, metric, builtThrough }: CollectionRecord,
  graph: GraphRecord,
  collection: CollectionState,
  parts: CollectionParts,
): Promise<BuiltGraph> {
  const { degree, alpha, seed, scale, centre, nodeCount } = graph
  const marks = await parts.read(format.NODES, 0, (reader) => readNodes(reader, graph))
  const parameters = { dimensions, metric, degree, alpha, seed, scale, centre }
  const restorer = await GraphRestorer.create({ ...graph, parameters }, marks, collection)
  for (let first = 0; first < nodeCount; first += BLOCK_POSITIONS) {
    const [block, nodes] = [first / BLOCK_POSITIONS, nodesOfBlock(nodeCount, first)]
    await parts.read(format.CODES, block, async (reader) => {
      const { wideCodes, narrowCodes } = restorer.extendCodes(nodes)
      await reader.fill(wideCodes)
      await reader.fill(narrowCodes)
    })
    await parts.read(format.EDGES, block, async (reader) => restorer.takeRows(first, await readEdges(reader, nodes)))
    await parts.read(format.SLOTS, block, async (reader) => restorer.takeSlots(first, await readSlots(reader, nodes)))
  }
  const isDead = (slot: number) => collection.isDead(slot)
  return inSlices(restorer.finish(nodeCount, builtThrough, isDead), parts.tools.yieldToEventLoop)
}
