import { StoreError } from '../base/errors.ts'
import type { CollectionView } from '../engine/collection-state.ts'
import type { CollectionLsn } from '../engine/events.ts'
import type { StoreView } from '../engine/store-state.ts'
import type { Shape } from './vector-input.ts'

/** A collection as a new write will find it: there, or about to be. */
export type Found =
  | { readonly view: CollectionView }
  | { readonly pending: Promise<CollectionView>; readonly shape: Shape }

/**
 * Judges writes against the state as it will be when they are applied: what is applied plus what is queued. Every call of it
 * and the append behind it happen in one turn of the event loop, so nothing comes between.
 */
export class Admission {
  readonly #state: StoreView
  readonly #creates = new Map<string, { pending: Promise<CollectionView>; shape: Shape }>()
  readonly #drops = new Set<CollectionLsn>()

  constructor(state: StoreView) {
    this.#state = state
  }

  /** What the name will stand for once everything queued is applied. */
  find(name: string): Found | undefined {
    const create = this.#creates.get(name)
    if (create !== undefined) return create
    const view = this.#state.collectionByName(name)
    return view === undefined || this.#drops.has(view.creationLsn) ? undefined : { view }
  }

  /**
   * @throws StoreError `ERR_COLLECTION_NOT_FOUND` where the collection is dropped, or will be before this write.
   */
  requireLive(view: CollectionView): void {
    if (!view.dropped && !this.#drops.has(view.creationLsn)) return
    throw collectionDropped(view.name)
  }

  /** Notes a queued create until it is applied or refused. */
  queueCreate(name: string, shape: Shape, pending: Promise<CollectionView>): void {
    const create = { pending, shape }
    this.#creates.set(name, create)
    const forget = () => {
      if (this.#creates.get(name) === create) this.#creates.delete(name)
    }
    pending.then(forget, forget)
  }

  /** Notes a queued drop until it is applied or refused. */
  queueDrop(view: CollectionView, pending: Promise<unknown>): void {
    this.#drops.add(view.creationLsn)
    const forget = () => this.#drops.delete(view.creationLsn)
    pending.then(forget, forget)
    this.#creates.delete(view.name)
  }
}

export function collectionDropped(name: string): StoreError {
  const message = `the collection '${name}' was dropped; store.collection() makes a new one of that name`
  return new StoreError('ERR_COLLECTION_NOT_FOUND', message, { details: { collection: name } })
}

/** @throws StoreError `ERR_COLLECTION_MISMATCH` where a collection is not what the caller takes it for. */
export function requireShape(name: string, existing: Shape, wanted: Shape): void {
  if (isSameShape(existing, wanted)) return
  const types = existing.vectorType === wanted.vectorType ? () => '' : (shape: Shape) => `, ${shape.vectorType}`
  const show = (shape: Shape) => `${shape.dimensions} dimensions, ${shape.distanceMetric}${types(shape)}`
  const message = `the collection '${name}' has ${show(existing)}; it cannot be opened with ${show(wanted)}`
  throw new StoreError('ERR_COLLECTION_MISMATCH', message, { details: { collection: name } })
}

function isSameShape(one: Shape, other: Shape): boolean {
  const isSameType = one.dimensions === other.dimensions && one.vectorType === other.vectorType
  return isSameType && one.distanceMetric === other.distanceMetric
}
