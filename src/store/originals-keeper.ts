import type { Checksum } from '../base/checksum.ts'
import type { StoreError } from '../base/errors.ts'
import { CHUNK_SLOTS } from '../base/limits.ts'
import type { CollectionState, CollectionView } from '../engine/collection-state.ts'
import type { StoreState } from '../engine/store-state.ts'
import type { ColdChunks, Residence } from '../snapshots/cold-chunks.ts'
import { ORIGINALS } from '../snapshots/format.ts'
import type { SnapshotManifest } from '../snapshots/manifest.ts'
import { evictVectors, holdsAllVectors, loadVectors, type MoveOptions } from '../snapshots/move-vectors.ts'
import { problemOf } from './snapshot-result.ts'
import type { Surroundings } from './store-core.ts'

/** Where the vectors of a collection are. */
export interface OriginalsStats {
  /** Where its mode and the options of the store want them: those of full chunks, which have 16,384 entries. */
  readonly residence: Residence
  /** Full chunks. */
  readonly chunks: number
  /** Those of them that are on disk only; the others leave memory with the next snapshot where `residence` is `disk`. */
  readonly chunksOnDisk: number
  /** Why they are not where the mode would have them. */
  readonly problem?: string
}

export interface OriginalsHost {
  readonly surroundings: Surroundings
  readonly checksum: Checksum
  readonly state: StoreState
  /** `undefined` where files cannot be read in the middle of a search: then vectors stay in memory, whatever the mode. */
  readonly cold: ColdChunks | undefined
  /** The newest snapshot that is known to hold. */
  readonly newestSnapshot: () => SnapshotManifest | undefined
  readonly onProblem: ((problem: StoreError) => void) | undefined
}

const UNREADABLE = 'the files of this store cannot be read in the middle of a search, so the vectors stay in memory'

/**
 * Brings the vectors of collections where their modes want them: behind a switch, and at opening, where the log behind the
 * snapshot has one. What becomes full later leaves memory with the snapshot that holds it.
 */
export class OriginalsKeeper {
  readonly #host: OriginalsHost
  readonly #closing = new AbortController()
  /** The last move of each collection: moves of one run one after the other. */
  readonly #moves = new Map<CollectionState, Promise<void>>()
  readonly #problems = new WeakMap<CollectionState, string>()

  constructor(host: OriginalsHost) {
    this.#host = host
  }

  statsOf(view: CollectionView): OriginalsStats {
    const collection = this.#collectionOf(view)
    const { full, cold } = view.vectorChunks()
    const isHeldBack = this.#host.cold === undefined && view.quantization !== 'none'
    const problem = isHeldBack ? UNREADABLE : collection && this.#problems.get(collection)
    return {
      residence: this.residenceOf(view),
      chunks: full,
      chunksOnDisk: cold,
      ...(problem === undefined ? {} : { problem }),
    }
  }

  residenceOf({ quantization }: CollectionView): Residence {
    return this.#host.cold?.leaves(ORIGINALS, CHUNK_SLOTS, quantization) === true ? 'disk' : 'memory'
  }

  /** Whether there is no snapshot yet from which all could be read that is to leave memory. */
  needsSnapshot(view: CollectionView): boolean {
    const collection = this.#collectionOf(view)
    if (collection === undefined || this.residenceOf(view) === 'memory') return false
    const { full, cold } = view.vectorChunks()
    if (cold === full) return false
    const manifest = this.#host.newestSnapshot()
    return manifest === undefined || !holdsAllVectors(manifest, collection)
  }

  /** Whether full chunks of vectors are in memory, and could be on disk. */
  canMoveMore(): boolean {
    if (this.#host.cold === undefined || this.#closing.signal.aborted) return false
    return this.#host.state.collections().some((collection) => {
      const { full, cold } = collection.vectorChunks()
      return cold < full
    })
  }

  /** From now on the vectors of all collections are wanted on disk: {@link follow} brings them there. */
  leaveMemory(): void {
    this.#host.cold?.leaveOriginals()
  }

  /** To be called at opening: moves in the background what is not where it is wanted. */
  considerAll(): void {
    for (const collection of this.#host.state.collections()) {
      const { full, cold } = collection.vectorChunks()
      const isWrong = this.residenceOf(collection) === 'disk' ? cold < full : cold > 0
      if (isWrong) void this.follow(collection)
    }
  }

  /**
   * Brings vectors where they are wanted as things stand when it is their turn, as far as the newest snapshot holds them. Never
   * rejects: what cannot be moved stays, and is reported.
   */
  follow(view: CollectionView, options: MoveOptions & { readonly signal?: AbortSignal } = {}): Promise<void> {
    const collection = this.#collectionOf(view)
    if (collection === undefined) return Promise.resolve()
    const before = this.#moves.get(collection) ?? Promise.resolve()
    const move = before
      .then(() => this.#move(collection, options))
      .finally(() => {
        if (this.#moves.get(collection) === move) this.#moves.delete(collection)
      })
    this.#moves.set(collection, move)
    return move
  }

  /** To be called before what is read is closed. */
  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.all(this.#moves.values())
  }

  async #move(
    collection: CollectionState,
    { onChunk, signal }: MoveOptions & { readonly signal?: AbortSignal },
  ): Promise<void> {
    const { cold, checksum, surroundings, newestSnapshot } = this.#host
    if (cold === undefined || this.#closing.signal.aborted || signal?.aborted || collection.dropped) return
    const { files, yieldToEventLoop } = surroundings
    const residence = this.residenceOf(collection)
    const isWanted = () => this.residenceOf(collection) === residence && !collection.dropped
    const stopping = { signal: signalOf(this.#closing.signal, signal), yieldToEventLoop, onChunk }
    const manifest = newestSnapshot()
    this.#problems.delete(collection)
    if (residence === 'memory')
      this.#note(collection, (await loadVectors(collection, { ...stopping, isWanted })).problems)
    else if (manifest !== undefined) {
      const tools = { ...stopping, cold, checksum }
      this.#note(collection, (await evictVectors(files, collection, manifest, tools)).problems)
    }
  }

  #note(collection: CollectionState, [problem, ...others]: readonly unknown[]): void {
    if (problem === undefined) return
    const more = others.length > 0 ? `, nor could ${others.length} others` : ''
    const what = this.residenceOf(collection) === 'memory' ? 'come back into' : 'leave'
    const error = problemOf(problem, `a chunk of vectors of '${collection.name}' could not ${what} memory${more}`)
    this.#problems.set(collection, error.message)
    this.#host.onProblem?.(error)
  }

  #collectionOf({ creationLsn }: CollectionView): CollectionState | undefined {
    return this.#host.state.collectionByLsn(creationLsn)
  }
}

/** Aborted when any of some is. */
function signalOf(...signals: readonly (AbortSignal | undefined)[]): { readonly aborted: boolean } {
  return {
    get aborted() {
      return signals.some((signal) => signal?.aborted === true)
    },
  }
}
