import type { CollectionView } from '../engine/collection-state.ts'
import { AWAITING_COLLECTION, type MemoryEntry } from '../engine/memory-ledger.ts'
import type { StoreCore } from './store-core.ts'

/** What a store asks besides its collections. */
type MemoryHost = Pick<StoreCore, 'state' | 'kernel' | 'scorer' | 'recovered' | 'threads' | 'snapshots'> & {
  readonly pageWindowBytes: number
}

/** What a store holds in memory, told by who holds it, each time it is asked. */
export class MemoryEntries {
  /** Collections that were dropped, as long as their memory is not free. */
  readonly #dropped = new Set<CollectionView>()

  noteDropped(view: CollectionView): void {
    this.#dropped.add(view)
  }

  of({ state, kernel, scorer, recovered, threads, snapshots, pageWindowBytes }: MemoryHost): MemoryEntry[] {
    return [
      ...state.collections().flatMap((collection) => collection.memory()),
      { component: 'kernel', bytes: kernel.memoryBytes() + scorer.memoryBytes() },
      { component: 'logQueue', bytes: recovered.log?.queuedBytes ?? 0 },
      ...unlessZero('buffer', scorer.codes.memoryBytes()),
      ...unlessZero('pageWindow', pageWindowBytes),
      ...unlessZero('snapshot', snapshots.memoryBytes()),
      ...unlessZero('workers', threads.memory.threadBytes()),
      ...unlessZero(AWAITING_COLLECTION, threads.memory.droppedBytes() + this.#droppedBytes()),
    ]
  }

  #droppedBytes(): number {
    let bytes = 0
    for (const view of this.#dropped) {
      const ofView = view.memory().reduce((sum, entry) => sum + entry.bytes, 0)
      if (ofView === 0) this.#dropped.delete(view)
      bytes += ofView
    }
    return bytes
  }
}

/** Parts that are there now and then are told while they are. */
function unlessZero(component: string, bytes: number): MemoryEntry[] {
  return bytes === 0 ? [] : [{ component, bytes }]
}
