import type { Checksum } from '../base/checksum.ts'
import { ChainedHash } from '../engine/chained-hash.ts'
import { digestEachIndex } from '../engine/digest.ts'
import type { DiskANNIndex } from '../engine/index/disk-ann-index.ts'
import type { IndexVersion } from '../engine/index/index-capture.ts'
import { writeIndex } from '../engine/index/index-digest.ts'
import type { ServedGraph } from '../engine/index/index-task-runner.ts'
import type { StoreView } from '../engine/store-state.ts'
import { knownDigest, noteDigest } from './held-graphs.ts'
import { inSlices } from './in-slices.ts'

export interface DigestTools {
  readonly checksum: Checksum
  readonly yieldToEventLoop: () => Promise<void>
}

/** What makes the digest of an index that has a graph. */
export function versionOf({ built, builtThrough, placed }: ServedGraph): IndexVersion | undefined {
  return built && { version: built.version, builtThrough, placed: Uint32Array.from(placed).sort() }
}

/** The digest of an index when the tasks that are queued now have run. That of a lean one is known, or it is read for that. */
export function digestIndex(index: DiskANNIndex, { checksum, yieldToEventLoop }: DigestTools): Promise<bigint> {
  return index.visit(async (served, whole) => {
    const version = versionOf(served)
    const known = version && served.built?.leanCodes !== undefined ? knownDigest(version) : undefined
    if (known !== undefined) return known
    const hash = new ChainedHash(checksum)
    await inSlices(writeIndex(hash, await whole()), yieldToEventLoop)
    const digest = hash.finish()
    if (version !== undefined) noteDigest(version, digest)
    return digest
  })
}

/** The `index` digest of a state, as `digestIndexes` gives it, without reading lean graphs whose digests are known. */
export function digestGraphs(state: StoreView, tools: DigestTools): Promise<bigint> {
  return digestEachIndex(state, tools.checksum, (index) => digestIndex(index, tools))
}
