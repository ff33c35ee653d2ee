import type { Checksum } from '../base/checksum.ts'
import { CHUNK_SLOTS } from '../base/limits.ts'
import { setBit } from '../engine/bitmap.ts'
import { DISTANCE_METRICS } from '../engine/metric.ts'
import { QUANTIZATION_MODES } from '../engine/quantization.ts'
import { VECTOR_TYPES } from '../engine/vector-type.ts'
import { bytesOf, viewOf } from './bytes.ts'
import * as format from './format.ts'
import type { CollectionRecord, GraphRecord, SnapshotManifest } from './manifest.ts'
import type { PartEntry } from './part.ts'

const utf8 = new TextEncoder()

/** Bytes of a collection's freed chunks, one bit each; only full chunks are ever freed. */
export function freedBytes(slotCount: number): number {
  return Math.ceil(Math.floor(slotCount / CHUNK_SLOTS) / 8)
}

/** The bytes of a manifest: header, collections, parts, checksum. */
export function encodeManifest(manifest: SnapshotManifest, checksum: Checksum): Uint8Array {
  const collections = manifest.collections.map(encodeCollection)
  const collectionBytes = collections.reduce((sum, { byteLength }) => sum + byteLength, 0)
  const partsAt = format.MANIFEST_HEADER_BYTES + collectionBytes
  const checksumAt = partsAt + manifest.parts.length * format.PART_ENTRY_BYTES
  const bytes = new Uint8Array(checksumAt + format.CHECKSUM_BYTES)
  writeHeader(viewOf(bytes), bytes, manifest)
  let offset = format.MANIFEST_HEADER_BYTES
  for (const collection of collections) {
    bytes.set(collection, offset)
    offset += collection.byteLength
  }
  for (const part of manifest.parts) {
    writePartEntry(viewOf(bytes.subarray(offset, offset + format.PART_ENTRY_BYTES)), part)
    offset += format.PART_ENTRY_BYTES
  }
  viewOf(bytes).setBigUint64(checksumAt, checksum.xxh64(bytes.subarray(0, checksumAt), 0n), true)
  return bytes
}

function writeHeader(view: DataView, bytes: Uint8Array, manifest: SnapshotManifest): void {
  const { position, collections, parts } = manifest
  bytes.set(format.MANIFEST_MAGIC)
  view.setUint32(format.VERSION_OFFSET, versionOf(collections), true)
  view.setUint32(format.LENGTH_OFFSET, bytes.byteLength, true)
  bytes.set(manifest.storeId, format.STORE_ID_OFFSET)
  view.setBigUint64(format.MANIFEST_EPOCH_OFFSET, BigInt(position.epoch), true)
  view.setBigUint64(format.MANIFEST_LSN_OFFSET, BigInt(position.lsn), true)
  view.setBigUint64(format.MANIFEST_CHAIN_OFFSET, position.chain, true)
  view.setBigUint64(format.MANIFEST_TIME_OFFSET, BigInt(manifest.timeMs), true)
  view.setBigUint64(format.MANIFEST_DATA_OFFSET, manifest.dataDigest, true)
  view.setBigUint64(format.MANIFEST_INDEX_OFFSET, manifest.indexDigest, true)
  view.setBigUint64(format.MANIFEST_LAST_CREATION_OFFSET, BigInt(manifest.lastCreationLsn), true)
  view.setUint32(format.MANIFEST_INDEX_VERSION_OFFSET, manifest.indexVersion, true)
  view.setUint32(format.MANIFEST_COLLECTIONS_OFFSET, collections.length, true)
  view.setUint32(format.MANIFEST_PARTS_OFFSET, parts.length, true)
}

/** A manifest that an older release can read is of the older version: all of its vectors are float32, and no mode is `binary`. */
function versionOf(collections: readonly CollectionRecord[]): number {
  const isReadable = ({ vectorType, quantization }: CollectionRecord) =>
    vectorType === 'float32' && quantization !== 'binary'
  return collections.every(isReadable) ? format.UNTYPED_VERSION : format.MANIFEST_VERSION
}

function encodeCollection(record: CollectionRecord): Uint8Array {
  const name = utf8.encode(record.name)
  const freed = new Uint8Array(freedBytes(record.slotCount))
  for (const chunk of record.freedChunks) setBit(freed, chunk)
  const centre = record.graph === undefined ? new Uint8Array(0) : bytesOf(record.graph.centre)
  const centreAt = centreOffset(name.byteLength, freed.byteLength)
  const bytes = new Uint8Array(centreAt + centre.byteLength)
  writeCollection(viewOf(bytes), record, name.byteLength)
  bytes.set(name, format.COLLECTION_BYTES)
  bytes.set(freed, format.COLLECTION_BYTES + name.byteLength)
  bytes.set(centre, centreAt)
  return bytes
}

/** Where the centre begins in a collection's record: behind name and freed chunks, at a multiple of 8. */
export function centreOffset(nameBytes: number, freedBytes: number): number {
  return Math.ceil((format.COLLECTION_BYTES + nameBytes + freedBytes) / 8) * 8
}

function writeCollection(view: DataView, record: CollectionRecord, nameBytes: number): void {
  const { graph } = record
  const flags = (graph && format.FLAG_GRAPH) ?? 0
  const metric = record.vectorType === 'binary' ? 'hamming' : record.metric
  view.setBigUint64(format.COLLECTION_CREATION_OFFSET, BigInt(record.creationLsn), true)
  view.setUint32(format.COLLECTION_LENGTH_OFFSET, view.byteLength, true)
  view.setUint32(format.COLLECTION_METRIC_OFFSET, DISTANCE_METRICS.indexOf(metric), true)
  view.setUint32(format.COLLECTION_DIMENSIONS_OFFSET, record.dimensions, true)
  view.setUint32(format.COLLECTION_SLOTS_OFFSET, record.slotCount, true)
  view.setUint32(format.COLLECTION_LIVE_OFFSET, record.liveCount, true)
  view.setUint32(format.COLLECTION_FLUSHED_OFFSET, record.flushedThrough, true)
  view.setUint32(format.COLLECTION_BUILT_OFFSET, record.builtThrough, true)
  view.setUint32(format.COLLECTION_PLACED_OFFSET, record.placedCount, true)
  view.setUint32(format.COLLECTION_ADDED_OFFSET, record.addedCount, true)
  view.setUint32(format.COLLECTION_FORGOTTEN_OFFSET, record.forgottenThrough, true)
  view.setBigUint64(format.COLLECTION_FIRST_LSN_OFFSET, BigInt(record.firstLsn), true)
  view.setUint32(format.COLLECTION_FLAGS_OFFSET, flags | (graph?.walkCodes === 'narrow' ? format.FLAG_NARROW : 0), true)
  view.setUint32(format.COLLECTION_NAME_BYTES_OFFSET, nameBytes, true)
  view.setUint32(format.COLLECTION_QUANTIZATION_OFFSET, QUANTIZATION_MODES.indexOf(record.quantization), true)
  view.setUint32(format.COLLECTION_TYPE_OFFSET, VECTOR_TYPES.indexOf(record.vectorType), true)
  if (graph !== undefined) writeGraph(view, graph)
}

function writeGraph(view: DataView, graph: GraphRecord): void {
  view.setFloat64(format.GRAPH_SCALE_OFFSET, graph.scale, true)
  view.setFloat64(format.GRAPH_ALPHA_OFFSET, graph.alpha, true)
  view.setUint32(format.GRAPH_DEGREE_OFFSET, graph.degree, true)
  view.setUint32(format.GRAPH_SEED_OFFSET, graph.seed, true)
  view.setUint32(format.GRAPH_NODES_OFFSET, graph.nodeCount, true)
  view.setUint32(format.GRAPH_LINKED_OFFSET, graph.linkedCount, true)
  view.setUint32(format.GRAPH_ENTRIES_OFFSET, graph.entryCount, true)
  view.setUint32(format.GRAPH_FIRST_ENTRIES_OFFSET, graph.firstEntries, true)
  view.setUint32(format.GRAPH_FREED_OFFSET, graph.freedCount, true)
  view.setUint32(format.GRAPH_UNREACHABLE_OFFSET, graph.unreachable, true)
}

function writePartEntry(view: DataView, part: PartEntry): void {
  view.setBigUint64(format.ENTRY_CREATION_OFFSET, BigInt(part.creationLsn), true)
  view.setUint32(format.ENTRY_KIND_OFFSET, part.kind, true)
  view.setUint32(format.ENTRY_CHUNK_OFFSET, part.chunk, true)
  view.setBigUint64(format.ENTRY_LSN_OFFSET, BigInt(part.lsn), true)
  view.setBigUint64(format.ENTRY_NUMBER_OFFSET, BigInt(part.number), true)
  view.setBigUint64(format.ENTRY_CONTENT_OFFSET, BigInt(part.contentBytes), true)
  view.setBigUint64(format.ENTRY_CHECKSUM_OFFSET, part.checksum, true)
}
