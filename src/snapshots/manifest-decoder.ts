import type { Checksum } from '../base/checksum.ts'
import { CHUNK_SLOTS, MAX_DIMENSIONS, MAX_NAME_BYTES } from '../base/limits.ts'
import { hasBit } from '../engine/bitmap.ts'
import { computedMetric, DISTANCE_METRICS } from '../engine/metric.ts'
import { QUANTIZATION_MODES } from '../engine/quantization.ts'
import { fitsDimensions, fitsMetric, VECTOR_TYPES } from '../engine/vector-type.ts'
import { equalBytes, readSafe, viewOf } from './bytes.ts'
import * as format from './format.ts'
import type { CollectionRecord, GraphRecord, SnapshotManifest } from './manifest.ts'
import { centreOffset, freedBytes } from './manifest-encoder.ts'
import type { PartEntry } from './part.ts'
import { checkParts } from './part-plan.ts'
import { corrupt, newerVersion, orCorrupt } from './snapshot-error.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const MOST_SLOTS = 2 ** 31

/**
 * Reads a manifest, of which nothing is believed before its checksum holds.
 * @throws StoreError `ERR_SNAPSHOT_CORRUPT` or `ERR_FORMAT_VERSION`.
 */
export function decodeManifest(path: string, bytes: Uint8Array, checksum: Checksum): SnapshotManifest {
  checkFrame(path, bytes, checksum)
  return orCorrupt(path, () => decodeVerified(bytes))
}

/** Magic, length and checksum stand at the same places in every version, so a flipped bit is never called newer. */
function checkFrame(path: string, bytes: Uint8Array, checksum: Checksum): void {
  const view = viewOf(bytes)
  if (bytes.byteLength < format.STORE_ID_OFFSET + format.CHECKSUM_BYTES) throw corrupt(path, 'it is too short')
  if (!equalBytes(bytes.subarray(0, format.MANIFEST_MAGIC.byteLength), format.MANIFEST_MAGIC)) {
    throw corrupt(path, 'the magic is wrong')
  }
  if (view.getUint32(format.LENGTH_OFFSET, true) !== bytes.byteLength) throw corrupt(path, 'the length is wrong')
  const checksumAt = bytes.byteLength - format.CHECKSUM_BYTES
  if (checksum.xxh64(bytes.subarray(0, checksumAt), 0n) !== view.getBigUint64(checksumAt, true)) {
    throw corrupt(path, 'the checksum is wrong')
  }
  const version = view.getUint32(format.VERSION_OFFSET, true)
  if (version > format.MANIFEST_VERSION) throw newerVersion(path, version, format.MANIFEST_VERSION)
  if (version < format.UNTYPED_VERSION) throw corrupt(path, `there is no format version ${version}`)
}

function decodeVerified(bytes: Uint8Array): SnapshotManifest {
  const view = viewOf(bytes)
  check(bytes.byteLength >= format.MANIFEST_HEADER_BYTES + format.CHECKSUM_BYTES, 'it is too short')
  const collections: CollectionRecord[] = []
  const partCount = view.getUint32(format.MANIFEST_PARTS_OFFSET, true)
  const partsAt = bytes.byteLength - format.CHECKSUM_BYTES - partCount * format.PART_ENTRY_BYTES
  let offset = format.MANIFEST_HEADER_BYTES
  for (let left = view.getUint32(format.MANIFEST_COLLECTIONS_OFFSET, true); left > 0; left--) {
    check(offset + format.COLLECTION_BYTES <= partsAt, 'a collection does not fit')
    const length = view.getUint32(offset + format.COLLECTION_LENGTH_OFFSET, true)
    check(length >= format.COLLECTION_BYTES && offset + length <= partsAt, 'a collection has a wrong length')
    collections.push(decodeCollection(bytes.subarray(offset, offset + length)))
    offset += length
  }
  check(offset === partsAt, 'the parts are not where they should be')
  const parts = Array.from({ length: partCount }, (_, index) =>
    decodePartEntry(view, partsAt + index * format.PART_ENTRY_BYTES),
  )
  const manifest: SnapshotManifest = { ...decodeHeader(view, bytes), collections, parts }
  checkCollections(manifest)
  checkParts(manifest)
  return manifest
}

function decodeHeader(view: DataView, bytes: Uint8Array): Omit<SnapshotManifest, 'collections' | 'parts'> {
  return {
    storeId: bytes.slice(format.STORE_ID_OFFSET, format.STORE_ID_OFFSET + format.STORE_ID_BYTES),
    position: {
      epoch: safeAt(view, format.MANIFEST_EPOCH_OFFSET),
      lsn: safeAt(view, format.MANIFEST_LSN_OFFSET),
      chain: view.getBigUint64(format.MANIFEST_CHAIN_OFFSET, true),
    },
    timeMs: safeAt(view, format.MANIFEST_TIME_OFFSET),
    dataDigest: view.getBigUint64(format.MANIFEST_DATA_OFFSET, true),
    indexDigest: view.getBigUint64(format.MANIFEST_INDEX_OFFSET, true),
    lastCreationLsn: safeAt(view, format.MANIFEST_LAST_CREATION_OFFSET),
    indexVersion: view.getUint32(format.MANIFEST_INDEX_VERSION_OFFSET, true),
  }
}

function decodeCollection(bytes: Uint8Array): CollectionRecord {
  const view = viewOf(bytes)
  const word = (offset: number) => view.getUint32(offset, true)
  const nameBytes = word(format.COLLECTION_NAME_BYTES_OFFSET)
  const [slotCount, dimensions] = [word(format.COLLECTION_SLOTS_OFFSET), word(format.COLLECTION_DIMENSIONS_OFFSET)]
  const distanceMetric = DISTANCE_METRICS[word(format.COLLECTION_METRIC_OFFSET)]
  const vectorType = VECTOR_TYPES[word(format.COLLECTION_TYPE_OFFSET)]
  const quantization = QUANTIZATION_MODES[word(format.COLLECTION_QUANTIZATION_OFFSET)]
  check(distanceMetric !== undefined, 'there is no such metric')
  check(vectorType !== undefined, 'there is no such vector type')
  check(fitsMetric(vectorType, distanceMetric), 'the metric is not one of the vector type')
  check(quantization !== undefined, 'there is no such quantization')
  check(slotCount <= MOST_SLOTS && nameBytes >= 1 && nameBytes <= MAX_NAME_BYTES, 'a count is out of range')
  check(dimensions >= 1 && dimensions <= MAX_DIMENSIONS, 'the dimensions are out of range')
  check(fitsDimensions(vectorType, dimensions), 'the dimensions are none of the vector type')
  const metric = computedMetric(distanceMetric)
  const centreAt = centreOffset(nameBytes, freedBytes(slotCount))
  const flags = word(format.COLLECTION_FLAGS_OFFSET)
  check((flags & ~(format.FLAG_GRAPH | format.FLAG_NARROW)) === 0, 'there is no such flag')
  const hasGraph = (flags & format.FLAG_GRAPH) !== 0
  const centreLength = hasGraph && metric === 'euclidean' ? dimensions : 0
  check(bytes.byteLength === centreAt + centreLength * 8, 'a collection has a wrong length')
  const freedAt = format.COLLECTION_BYTES + nameBytes
  return {
    creationLsn: safeAt(view, format.COLLECTION_CREATION_OFFSET),
    name: decodeName(bytes.subarray(format.COLLECTION_BYTES, freedAt)),
    metric,
    dimensions,
    vectorType,
    quantization,
    slotCount,
    liveCount: word(format.COLLECTION_LIVE_OFFSET),
    freedChunks: decodeFreed(bytes.subarray(freedAt, freedAt + freedBytes(slotCount)), slotCount),
    flushedThrough: word(format.COLLECTION_FLUSHED_OFFSET),
    builtThrough: word(format.COLLECTION_BUILT_OFFSET),
    placedCount: word(format.COLLECTION_PLACED_OFFSET),
    addedCount: word(format.COLLECTION_ADDED_OFFSET),
    forgottenThrough: word(format.COLLECTION_FORGOTTEN_OFFSET),
    firstLsn: safeAt(view, format.COLLECTION_FIRST_LSN_OFFSET),
    graph: hasGraph ? decodeGraph(view, flags, bytes.slice(centreAt)) : undefined,
  }
}

function decodeGraph(view: DataView, flags: number, centre: Uint8Array<ArrayBuffer>): GraphRecord {
  const word = (offset: number) => view.getUint32(offset, true)
  return {
    walkCodes: (flags & format.FLAG_NARROW) !== 0 ? 'narrow' : 'wide',
    scale: view.getFloat64(format.GRAPH_SCALE_OFFSET, true),
    alpha: view.getFloat64(format.GRAPH_ALPHA_OFFSET, true),
    degree: word(format.GRAPH_DEGREE_OFFSET),
    seed: word(format.GRAPH_SEED_OFFSET),
    centre: new Float64Array(centre.buffer),
    nodeCount: word(format.GRAPH_NODES_OFFSET),
    linkedCount: word(format.GRAPH_LINKED_OFFSET),
    entryCount: word(format.GRAPH_ENTRIES_OFFSET),
    firstEntries: word(format.GRAPH_FIRST_ENTRIES_OFFSET),
    freedCount: word(format.GRAPH_FREED_OFFSET),
    unreachable: word(format.GRAPH_UNREACHABLE_OFFSET),
  }
}

function decodePartEntry(view: DataView, offset: number): PartEntry {
  return {
    creationLsn: safeAt(view, offset + format.ENTRY_CREATION_OFFSET),
    kind: view.getUint32(offset + format.ENTRY_KIND_OFFSET, true),
    chunk: view.getUint32(offset + format.ENTRY_CHUNK_OFFSET, true),
    lsn: safeAt(view, offset + format.ENTRY_LSN_OFFSET),
    number: safeAt(view, offset + format.ENTRY_NUMBER_OFFSET),
    contentBytes: safeAt(view, offset + format.ENTRY_CONTENT_OFFSET),
    checksum: view.getBigUint64(offset + format.ENTRY_CHECKSUM_OFFSET, true),
  }
}

/** Counts that contradict each other are no snapshot's, even under a checksum that holds. */
function checkCollections({ collections, position, lastCreationLsn }: SnapshotManifest): void {
  const names = new Set(collections.map(({ name }) => name))
  check(names.size === collections.length, 'a name comes twice')
  check(lastCreationLsn <= position.lsn, 'a collection was created later')
  let last = 0
  for (const record of collections) {
    check(record.creationLsn > last && record.creationLsn <= lastCreationLsn, 'the collections are not in order')
    last = record.creationLsn
    checkCounts(record)
  }
}

function checkCounts({ slotCount, graph, ...record }: CollectionRecord): void {
  const { liveCount, flushedThrough, builtThrough, placedCount, forgottenThrough } = record
  for (const count of [liveCount, flushedThrough, builtThrough, placedCount, forgottenThrough]) {
    check(count <= slotCount, 'a count is out of range')
  }
  const { nodeCount, linkedCount, entryCount } = graph ?? { nodeCount: 0, linkedCount: 0, entryCount: 0 }
  check(graph !== undefined || (builtThrough === 0 && placedCount === 0), 'slots are built without a graph')
  check(linkedCount <= nodeCount && entryCount <= linkedCount, 'a count of nodes is out of range')
}

function decodeFreed(bits: Uint8Array, slotCount: number): number[] {
  const freed: number[] = []
  for (let chunk = 0; chunk < bits.byteLength * 8; chunk++) if (hasBit(bits, chunk)) freed.push(chunk)
  check((freed.at(-1) ?? -1) < Math.floor(slotCount / CHUNK_SLOTS), 'a chunk was freed that was not full')
  return freed
}

function decodeName(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch (error) {
    throw new RangeError('a name is not UTF-8', { cause: error })
  }
}

function safeAt(view: DataView, offset: number): number {
  const value = readSafe(view, offset)
  check(value !== undefined, 'a number is out of range')
  return value
}

function check(holds: boolean, reason: string): asserts holds {
  if (!holds) throw new RangeError(reason)
}
