import { type Checksum, checksumText } from '../base/checksum.ts'
import { hasBit } from '../engine/bitmap.ts'
import type { CollectionView } from '../engine/collection-state.ts'
import { digestState } from '../engine/digest.ts'
import { countReached } from '../engine/graph/reach.ts'
import { captureState } from '../engine/state-capture.ts'
import type { StoreView } from '../engine/store-state.ts'
import type { PhaseHost } from '../engine/workers/phase-host.ts'
import type { FoundProblem } from './verify-report.ts'

export interface CheckTools {
  readonly checksum: Checksum
  readonly yieldToEventLoop: () => Promise<void>
}

/** The `data` digest of a state as of the call: 16 hexadecimal digits. */
export async function digestHex(state: StoreView, { checksum, yieldToEventLoop }: CheckTools): Promise<string> {
  return checksumText(await digestState(captureState(state), checksum, yieldToEventLoop))
}

/** Entries checked between two turns of the event loop. */
const SLICE_SLOTS = 2048

/**
 * Every live slot is found under its id, and there are as many as the collection says; none of them is in a chunk that was
 * freed. Writes may go on meanwhile: entries are counted at the call, and each is judged as it is when it is come to, where
 * it was moved meanwhile at its new place.
 */
export async function checkCollection(
  collection: CollectionView,
  { yieldToEventLoop }: Pick<CheckTools, 'yieldToEventLoop'>,
): Promise<FoundProblem[]> {
  const problems: FoundProblem[] = []
  const problem = (message: string) =>
    problems.push({ code: 'ERR_RECORD_INVALID', message: `collection '${collection.name}': ${message}` })
  const live = countLive(collection)
  if (live !== collection.liveCount) problem(`${live} entries are live, ${collection.liveCount} are counted`)
  for (let slot = 0; slot < collection.slotCount; slot += 1) {
    if (slot % SLICE_SLOTS === SLICE_SLOTS - 1) await yieldToEventLoop()
    if (collection.isDead(slot)) continue
    if (collection.isFreed(slot)) {
      problem(`the entry in slot ${slot} is live, but its chunk was freed`)
      continue
    }
    const found = collection.slotOf(collection.idAt(slot))
    if (found !== slot) problem(`the entry in slot ${slot} is found in slot ${found}`)
  }
  return problems
}

function countLive(collection: CollectionView): number {
  const tombstones = collection.copyTombstones()
  let live = 0
  for (let slot = 0; slot < collection.slotCount; slot += 1) {
    if (!hasBit(tombstones, slot)) live += 1
  }
  return live
}

/**
 * What walks would not find, in words: every node of a graph is reached from where they begin, but for those of which the
 * build said that they are not. Rows and in-degrees were checked when the graph was read. Nothing may run in the index.
 */
export async function checkGraph({ name, index }: CollectionView, host: PhaseHost): Promise<string[]> {
  const core = index.served.built?.graph.core
  const root = core?.entries.nodes[0]
  if (core === undefined || root === undefined) return []
  const reached = await host.run(core, countReached(core, root))
  const unreachable = core.linkedCount - reached
  if (unreachable === core.unreachable) return []
  return [`in the graph of '${name}', ${unreachable} nodes are unreachable, of ${core.unreachable} it is known`]
}
