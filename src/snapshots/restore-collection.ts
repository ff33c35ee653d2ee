import { CHUNK_SLOTS } from '../base/limits.ts'
import { CollectionRestorer } from '../engine/collection-restorer.ts'
import type { CollectionState } from '../engine/collection-state.ts'
import { rowBytesOf } from '../engine/vector-type.ts'
import type { CollectionParts } from './collection-parts.ts'
import * as format from './format.ts'
import { inSlices } from './in-slices.ts'
import type { CollectionRecord } from './manifest.ts'
import { readTombstones, readValues } from './part-decoders.ts'
import { rowsOfChunk } from './part-plan.ts'
import type { PartReader } from './part-reader.ts'
import { restoreGraph } from './restore-graph.ts'

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
  const built = record.graph && (await restoreGraph(record, record.graph, (slot) => collection.isDead(slot), parts))
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
  { slotCount, metric, dimensions, vectorType }: CollectionRecord,
  chunk: number,
  parts: CollectionParts,
): Promise<void> {
  const rows = rowsOfChunk(slotCount, chunk)
  await parts.read(format.ORIGINALS, chunk, async (reader) => {
    await fillRows(reader, rows, rowBytesOf(vectorType, dimensions), (most) => restorer.extendVectors(most))
    if (metric === 'cosine') await fillRows(reader, rows, 8, (most) => restorer.extendNorms(most))
  })
}

/** Leaves the vectors of a full chunk where they are, and reads their norms. */
async function restoreColdVectors(
  restorer: CollectionRestorer,
  { metric, dimensions, vectorType }: CollectionRecord,
  chunk: number,
  parts: CollectionParts,
): Promise<void> {
  const source = await parts.openRows(chunk, rowBytesOf(vectorType, dimensions))
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
