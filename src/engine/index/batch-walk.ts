import type { Abortable } from '../../base/abort.ts'
import { countBits } from '../bitmap.ts'
import type { CollectionView } from '../collection-state.ts'
import type { SearchHost } from '../workers/search-host.ts'
import { listSizeOf } from './list-sizes.ts'
import { isScanQuicker } from './scan-or-walk.ts'
import { allowedNodes, liveBits, type Walked } from './search-pass.ts'

export interface BatchWalk {
  readonly k: number
  readonly listSize: number
  readonly exact?: boolean
  readonly allowed?: Uint8Array
  readonly signal?: Abortable | undefined
}

/**
 * Walks for many queries at once, `dimensions` components each: what each finds is where a search may go on. Gives
 * `undefined` where a search would rather compare everything.
 */
export async function walkMany(
  host: SearchHost,
  view: CollectionView,
  queries: Float32Array,
  batch: BatchWalk,
): Promise<Walked[] | undefined> {
  const { served } = view.index
  const { built } = served
  const allowed = batch.allowed && liveBits(view, batch.allowed)
  const candidateCount = allowed === undefined ? view.liveCount : countBits(allowed)
  if (built === undefined || isScanQuicker(view, batch, candidateCount)) return undefined
  // Copied, because deaths change it while the workers read it.
  const nodes = allowedNodes(built, allowed)?.slice()
  const { signal } = batch
  const options = { listSize: listSizeOf(batch, built), ...(nodes && { allowed: nodes }), signal }
  const hits = await host.search(built.graph.walkCore, queries, options)
  return hits.map((found) => ({ served, hits: found }))
}
