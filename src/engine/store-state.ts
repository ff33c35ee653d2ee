import { CollectionState, type CollectionView } from './collection-state.ts'
import type { CollectionLsn, CreationSettings } from './events.ts'

/** A store, to be read. */
export interface StoreView {
  /** LSN of the last record applied; 0 before the first. */
  readonly lsn: number
  /** Collections in the order they were created. */
  collections(): readonly CollectionView[]
  collectionByLsn(creationLsn: CollectionLsn): CollectionView | undefined
  collectionByName(name: string): CollectionView | undefined
}

/** All collections. Only `apply-event.ts` may call what changes it; everyone else is handed a {@link StoreView}. */
export class StoreState implements StoreView {
  /** In order of creation, because a Map keeps the order of insertion and LSNs only rise. */
  readonly #byLsn = new Map<CollectionLsn, CollectionState>()
  readonly #byName = new Map<string, CollectionState>()
  #lastCreationLsn = 0
  #lsn = 0

  /** A state as it was after the record `lsn`; collections in order of creation. */
  static restore(lsn: number, lastCreationLsn: CollectionLsn, collections: readonly CollectionState[]): StoreState {
    const state = new StoreState()
    for (const collection of collections) {
      state.#byLsn.set(collection.creationLsn, collection)
      state.#byName.set(collection.name, collection)
    }
    state.#lastCreationLsn = lastCreationLsn
    state.#lsn = lsn
    return state
  }

  get lsn(): number {
    return this.#lsn
  }

  /** LSN of the newest collection ever created, dropped or not. */
  get lastCreationLsn(): CollectionLsn {
    return this.#lastCreationLsn
  }

  collections(): readonly CollectionState[] {
    return [...this.#byLsn.values()]
  }

  collectionByLsn(creationLsn: CollectionLsn): CollectionState | undefined {
    return this.#byLsn.get(creationLsn)
  }

  collectionByName(name: string): CollectionState | undefined {
    return this.#byName.get(name)
  }

  create(settings: CreationSettings, creationLsn: CollectionLsn): void {
    const collection = new CollectionState(settings, creationLsn)
    this.#byLsn.set(creationLsn, collection)
    this.#byName.set(collection.name, collection)
    this.#lastCreationLsn = creationLsn
  }

  drop(collection: CollectionState): void {
    this.#byLsn.delete(collection.creationLsn)
    this.#byName.delete(collection.name)
    collection.release()
  }

  markApplied(lsn: number): void {
    this.#lsn = lsn
  }
}
