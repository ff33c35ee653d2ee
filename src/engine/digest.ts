import type { Checksum } from '../base/checksum.ts'
import { CHUNK_SLOTS } from '../base/limits.ts'
import { ChainedHash } from './chained-hash.ts'
import type { CollectionCapture } from './collection-capture.ts'
import { passFreed } from './freed-chunks.ts'
import type { DiskANNIndex } from './index/disk-ann-index.ts'
import { writeIndex } from './index/index-digest.ts'
import { DISTANCE_METRICS } from './metric.ts'
import { QUANTIZATION_MODES } from './quantization.ts'
import { RunScratch } from './run-scratch.ts'
import type { StateCapture } from './state-capture.ts'
import type { StoreView } from './store-state.ts'
import { VECTOR_TYPES } from './vector-type.ts'

const utf8 = new TextEncoder()
const WORD = 2n ** 32n
/** Changes whenever the layout below does, so that digests of two layouts never meet. */
const LAYOUT = utf8.encode('annals data digest 1')

/** Ids or documents that are written between two pauses even where they do not fill a piece: some 1 ms. */
const SLOTS_A_SLICE = 2048

/**
 * The `data` digest: a hash of what users stored, equal on every replica that applied the same log, however it got there.
 * Works in slices of about 1 MiB and awaits `yieldToEventLoop` between them, while events may go on being applied.
 *
 * Layout, little-endian, every length before its content:
 *   the layout's name (sized), collections u32; a collection, in order of creation:
 *   creation LSN u64, name (u32 length, UTF-8), dimensions u32, metric u16 (position in DISTANCE_METRICS), quantization u8
 *   (position in QUANTIZATION_MODES), vector type u8 (position in VECTOR_TYPES), slots u32,
 *   tombstones (one bit a slot, `ceil(slots / 8)` bytes);
 *   for each live slot in order its id (u32 length, UTF-8);
 *   for each live slot in order its document: u32 0 for none, else u32 length + 1, bytes;
 *   for each live slot in order its vector, bit for bit as given.
 *
 * Dead entries are in by position only: their content is freed by compactions. Positions are part of the state because they
 * order equal distances. Norms and the identity table are left out: both are functions of what is in. So are the chunks that
 * were freed, which hold dead slots only: freed or not, whatever is applied later leads to the same data. And so is the LSN:
 * two states of equal content are equal.
 */
export async function digestState(
  capture: StateCapture,
  checksum: Checksum,
  yieldToEventLoop: () => Promise<void>,
): Promise<bigint> {
  const hash = new ChainedHash(checksum)
  hash.writeSized(LAYOUT)
  hash.writeU32(capture.collections.length)
  for (const collection of capture.collections) {
    for (const _ of writeCollection(hash, collection)) await yieldToEventLoop()
  }
  return hash.finish()
}

/** Writes a collection; yields after each value with which a piece was hashed, so that the caller may pause. */
function* writeCollection(hash: ChainedHash, collection: CollectionCapture): Generator<void> {
  hash.writeU64(collection.creationLsn)
  hash.writeSized(utf8.encode(collection.name))
  hash.writeU32(collection.dimensions)
  const { distanceMetric, quantization, vectorType } = collection
  const [metric, mode] = [DISTANCE_METRICS.indexOf(distanceMetric), QUANTIZATION_MODES.indexOf(quantization)]
  hash.writeU32(metric + mode * 2 ** 16 + VECTOR_TYPES.indexOf(vectorType) * 2 ** 24)
  hash.writeU32(collection.slotCount)
  hash.writeBytes(collection.tombstones)
  yield* writeLiveSlots(hash, collection, (slot) => hash.writeSized(collection.borrowId(slot)))
  yield* writeLiveSlots(hash, collection, (slot) => writeDocument(hash, collection.borrowDocument(slot)))
  yield* writeVectors(hash, collection)
}

function* writeLiveSlots(
  hash: ChainedHash,
  collection: CollectionCapture,
  write: (slot: number) => void,
): Generator<void> {
  let pieces = hash.hashedPieces
  for (let slot = passFreed(collection, 0); slot < collection.slotCount; slot = passFreed(collection, slot + 1)) {
    if (!collection.isDead(slot)) write(slot)
    if (hash.hashedPieces === pieces && slot % SLOTS_A_SLICE !== SLOTS_A_SLICE - 1) continue
    yield
    pieces = hash.hashedPieces
  }
}

function writeDocument(hash: ChainedHash, document: Uint8Array | undefined): void {
  hash.writeU32(document === undefined ? 0 : document.byteLength + 1)
  if (document !== undefined) hash.writeBytes(document)
}

/** Live rows that stand side by side go in as one run, which ends with its block: at most 1 MiB. */
function* writeVectors(hash: ChainedHash, collection: CollectionCapture): Generator<void> {
  const scratch = new RunScratch()
  let pieces = hash.hashedPieces
  let slot = 0
  while (slot < collection.slotCount) {
    let end = slot
    while (end < collection.slotCount && end - slot < CHUNK_SLOTS && !collection.isDead(end)) end += 1
    if (end === slot) {
      slot = passFreed(collection, slot + 1)
      continue
    }
    const { bytes, rows } = collection.borrowRows(slot, end - slot, scratch)
    hash.writeBytes(bytes)
    slot += rows
    if (hash.hashedPieces === pieces) continue
    yield
    pieces = hash.hashedPieces
  }
}

const INDEX_LAYOUT = utf8.encode('annals index digest 1')

/**
 * The `index` digest: a hash of the graphs of all collections when every task that is queued at the call has run. Equal
 * wherever the same log was applied, by however many threads. Collections are written in order of creation: creation LSN
 * u64, then the hash of what `writeIndex` writes u64.
 */
export async function digestIndexes(
  state: StoreView,
  checksum: Checksum,
  yieldToEventLoop: () => Promise<void>,
): Promise<bigint> {
  const digestIndex = (index: DiskANNIndex) =>
    index.visitWhole(async (served) => {
      const ofIndex = new ChainedHash(checksum)
      for (const _ of writeIndex(ofIndex, served)) await yieldToEventLoop()
      return ofIndex.finish()
    })
  return digestEachIndex(state, checksum, digestIndex)
}

/** The same, with the hash of each index as `digestIndex` gives it. */
export async function digestEachIndex(
  state: StoreView,
  checksum: Checksum,
  digestIndex: (index: DiskANNIndex) => Promise<bigint>,
): Promise<bigint> {
  // All are asked at once, so that each waits at this very place of the log.
  const collections = state.collections()
  const digests = await Promise.all(collections.map(({ index }) => digestIndex(index)))
  return combineIndexDigests(
    collections.map(({ creationLsn }, place) => [creationLsn, digests[place]!]),
    checksum,
  )
}

/** The `index` digest out of the hashes of collections by the LSN that created each, in that order. */
export function combineIndexDigests(
  digests: readonly (readonly [creationLsn: number, digest: bigint])[],
  checksum: Checksum,
): bigint {
  const hash = new ChainedHash(checksum)
  hash.writeSized(INDEX_LAYOUT)
  for (const [creationLsn, digest] of digests) {
    hash.writeU64(creationLsn)
    hash.writeU32(Number(digest % WORD))
    hash.writeU32(Number(digest / WORD))
  }
  return hash.finish()
}
