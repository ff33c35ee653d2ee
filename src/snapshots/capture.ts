import type { Checksum } from '../base/checksum.ts'
import { ChainedHash } from '../engine/chained-hash.ts'
import type { CollectionCapture } from '../engine/collection-capture.ts'
import { combineIndexDigests, digestState } from '../engine/digest.ts'
import {
  captureIndex,
  type IndexCapture,
  type IndexVersion,
  writeCapturedIndex,
} from '../engine/index/index-capture.ts'
import { captureState } from '../engine/state-capture.ts'
import type { StoreState } from '../engine/store-state.ts'
import { type GraphVersions, holdsGraph, knownDigest, noteDigest } from './held-graphs.ts'
import { inSlices } from './in-slices.ts'
import { versionOf } from './index-digests.ts'
import type { SnapshotManifest } from './manifest.ts'

/** A store at one LSN, graphs included, whatever happens later. */
export interface StoreCapture {
  readonly lsn: number
  readonly lastCreationLsn: number
  /** In order of creation. */
  readonly collections: readonly CapturedCollection[]
}

export interface CapturedCollection {
  readonly content: CollectionCapture
  readonly index: IndexCapture
  /** Where the blocks of the graph were left out: the index with them, if its graph is still the same. */
  readonly copyAgain?: (() => Promise<IndexCapture | undefined>) | undefined
}

/** Of the graphs that a capture holds. */
export function graphVersions({ collections }: StoreCapture): GraphVersions {
  return new Map(
    collections.flatMap(({ content, index: { graph } }) => (graph ? [[content.creationLsn, graph.version]] : [])),
  )
}

/**
 * Fixes the content at the call, synchronously. The graphs follow when the tasks have run that are ordered by then: each is
 * copied, block by block, before any later task of its collection runs, unless `previous` holds just that graph: the snapshot
 * is to share its parts then. Indexes that no host runs keep it waiting.
 * @throws what an index stopped or failed by: its collection was dropped meanwhile, or the store closes. A later capture
 * may succeed.
 */
export async function captureStore(
  state: StoreState,
  yieldToEventLoop: () => Promise<void>,
  previous?: SnapshotManifest | undefined,
): Promise<StoreCapture> {
  const { lsn, lastCreationLsn } = state
  const contents = captureState(state).collections
  const indexes = state.collections().map(({ creationLsn, index }) => {
    const moment = index.moment()
    const copy = (isKept: (index: IndexVersion) => boolean = () => false) =>
      index.visit(async (served, whole) => {
        const version = versionOf(served)
        const isLeftOut = version !== undefined && isKept(version)
        return inSlices(captureIndex(moment, isLeftOut ? served : await whole(), isKept), yieldToEventLoop)
      })
    const isHeld = (captured: IndexVersion) =>
      holdsGraph(previous, creationLsn, captured.version) && knownDigest(captured) !== undefined
    return copy(isHeld).then((captured) => ({ index: captured, copyAgain: () => sameGraph(captured, copy()) }))
  })
  const captured = await Promise.all(indexes)
  return { lsn, lastCreationLsn, collections: contents.map((content, i) => ({ content, ...captured[i]! })) }
}

async function sameGraph({ graph }: IndexCapture, copying: Promise<IndexCapture>): Promise<IndexCapture | undefined> {
  const copy = await copying
  return copy.graph?.version === graph?.version ? copy : undefined
}

/** Digests of a capture, equal to those that the state had at its LSN. */
export async function digestCapture(
  { lsn, collections }: StoreCapture,
  checksum: Checksum,
  yieldToEventLoop: () => Promise<void>,
): Promise<{ data: bigint; index: bigint }> {
  const contents = collections.map(({ content }) => content)
  const data = await digestState({ lsn, collections: contents }, checksum, yieldToEventLoop)
  const digests: [creationLsn: number, digest: bigint][] = []
  for (const { content, index } of collections) {
    const known = index.graph && knownDigest({ ...index, version: index.graph.version })
    const digest = known ?? (await digestIndex(index, checksum, yieldToEventLoop))
    digests.push([content.creationLsn, digest])
  }
  return { data, index: combineIndexDigests(digests, checksum) }
}

async function digestIndex(
  index: IndexCapture,
  checksum: Checksum,
  yieldToEventLoop: () => Promise<void>,
): Promise<bigint> {
  const hash = new ChainedHash(checksum)
  await inSlices(writeCapturedIndex(hash, index), yieldToEventLoop)
  const digest = hash.finish()
  if (index.graph !== undefined) noteDigest({ ...index, version: index.graph.version }, digest)
  return digest
}
