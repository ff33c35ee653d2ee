import type { Checksum } from '../base/checksum.ts'
import type { StoreError } from '../base/errors.ts'
import type { CollectionState, CollectionView } from '../engine/collection-state.ts'
import type { LeanCodes, WholeGraphSource } from '../engine/index/lean-graph.ts'
import type { QuantizationMode } from '../engine/quantization.ts'
import type { StoreState } from '../engine/store-state.ts'
import { GraphSource } from '../snapshots/graph-source.ts'
import { holdsGraph, knownDigest } from '../snapshots/held-graphs.ts'
import { digestIndex, versionOf } from '../snapshots/index-digests.ts'
import type { SnapshotManifest } from '../snapshots/manifest.ts'
import type { PinnedParts } from '../snapshots/pinned-parts.ts'
import { problemOf } from './snapshot-result.ts'
import type { Surroundings } from './store-core.ts'

/** In which form the graph of an index is in memory. */
export interface GraphFormStats {
  /**
   * `'whole'`: with all that building needs; `'lean'`: with what searches need, the rest is read from a snapshot when the graph is
   * to change. Missing where there is no graph.
   */
  readonly form?: 'whole' | 'lean'
  /** Why that is not the form that the mode of the collection wants, where the next snapshot will not change it. */
  readonly formProblem?: string
}

export interface GraphKeeperHost {
  readonly surroundings: Surroundings
  readonly checksum: Checksum
  readonly state: StoreState
  readonly pinned: PinnedParts
  /** The newest snapshot that is known to hold. */
  readonly newestSnapshot: () => SnapshotManifest | undefined
  readonly onProblem: ((problem: StoreError) => void) | undefined
  /** Called when nothing is done to a graph any more: meanwhile nothing was ordered for it. */
  readonly onEnd: (view: CollectionView) => void
}

const CODES: Record<QuantizationMode, LeanCodes | undefined> = { none: undefined, int8: 'walk', binary: 'binary' }
const UNREADABLE = 'the files of this store cannot be read in the middle of a search, so the index stays whole'

/**
 * Brings the graphs of collections into the form that their modes want: behind a switch, behind a snapshot, and at opening. A
 * graph becomes lean while the newest snapshot holds just it, and is whole from its first change on until the next one does.
 */
export class GraphKeeper {
  readonly #host: GraphKeeperHost
  readonly #closing = new AbortController()
  /** The last change of each collection's graph: those of one run one after the other. */
  readonly #changes = new Map<CollectionState, Promise<void>>()
  readonly #problems = new WeakMap<CollectionState, string>()
  /** Graphs that are being read. */
  readonly #readings = new Set<Promise<unknown>>()

  constructor(host: GraphKeeperHost) {
    this.#host = host
  }

  statsOf(view: CollectionView): GraphFormStats {
    const { built } = view.index.served
    if (built === undefined) return {}
    const form = built.leanCodes === undefined ? 'whole' : 'lean'
    const problem = this.#problemOf(view)
    return problem === undefined ? { form } : { form, formProblem: problem }
  }

  /** Whether there is a graph, or is going to be one, that is to become lean, and that no snapshot holds yet. */
  needsSnapshot(view: CollectionView): boolean {
    const wanted = this.#wanted(view)
    const { served, backlog, failure } = view.index
    if (wanted === undefined || failure !== undefined) return false
    if (backlog > 0) return true
    return served.built !== undefined && served.built.leanCodes !== wanted && !this.#isHeld(view)
  }

  /** To be called at opening, and behind every snapshot: brings into form in the background what is not. */
  considerAll(): void {
    for (const collection of this.#host.state.collections())
      if (!this.#isInForm(collection)) void this.follow(collection)
  }

  /**
   * Brings a graph into the form that is wanted as things stand when it is its turn, as far as the newest snapshot holds it.
   * Never rejects: what cannot be done is reported.
   */
  follow(view: CollectionView): Promise<void> {
    const collection = this.#collectionOf(view)
    if (collection === undefined) return Promise.resolve()
    const before = this.#changes.get(collection) ?? Promise.resolve()
    const change = before
      .then(() => this.#change(collection))
      .catch((error: unknown) => this.#note(collection, error))
      .finally(() => {
        if (this.#changes.get(collection) === change) this.#changes.delete(collection)
        if (!this.#isOver(collection)) this.#host.onEnd(collection)
      })
    this.#changes.set(collection, change)
    return change
  }

  /** To be called in the turn in which the indexes are stopped, and to be waited for before the files are given up. */
  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.allSettled([...this.#changes.values(), ...this.#readings])
  }

  async #change(collection: CollectionState): Promise<void> {
    const { index } = collection
    this.#problems.delete(collection)
    if (this.#isOver(collection) || this.#isInForm(collection)) return
    if (this.#wanted(collection) === undefined) {
      await index.makeWhole()
      return
    }
    await this.#learnDigest(collection)
    const wanted = this.#wanted(collection)
    if (this.#isOver(collection) || wanted === undefined || !this.#isHeld(collection)) return
    await index.makeLean(wanted, this.#sourceOf(collection))
  }

  /** By its digest the next snapshot knows a graph that it leaves out, and to have that of a lean one it is read again. */
  async #learnDigest(collection: CollectionState): Promise<void> {
    const { checksum, surroundings } = this.#host
    const { index } = collection
    const version = versionOf(index.served)
    if (version === undefined || !this.#isHeld(collection) || knownDigest(version) !== undefined) return
    // What an index was stopped by, or has failed by, is for others to report.
    await digestIndex(index, { checksum, yieldToEventLoop: surroundings.yieldToEventLoop }).catch(() => {})
  }

  #sourceOf({ creationLsn }: CollectionState): WholeGraphSource {
    const { surroundings, checksum, pinned, newestSnapshot } = this.#host
    const { files, yieldToEventLoop } = surroundings
    const { signal } = this.#closing
    const tools = { checksum, yieldToEventLoop, signal, pinned }
    const source = new GraphSource(files, newestSnapshot()!, creationLsn, tools)
    return {
      restore: (isDead) => {
        const reading = source.restore(isDead).finally(() => this.#readings.delete(reading))
        this.#readings.add(reading)
        return reading
      },
      release: () => source.release(),
    }
  }

  #problemOf(view: CollectionView): string | undefined {
    if (!this.#readsNow) return view.quantization === 'none' ? undefined : UNREADABLE
    const collection = this.#collectionOf(view)
    return collection === undefined || this.#isInForm(collection) ? undefined : this.#problems.get(collection)
  }

  #wanted({ quantization }: CollectionView): LeanCodes | undefined {
    return this.#readsNow ? CODES[quantization] : undefined
  }

  #isInForm(view: CollectionView): boolean {
    const { built } = view.index.served
    return built === undefined || built.leanCodes === this.#wanted(view)
  }

  #isHeld({ index, creationLsn }: CollectionView): boolean {
    const { built } = index.served
    return built !== undefined && holdsGraph(this.#host.newestSnapshot(), creationLsn, built.version)
  }

  #isOver(collection: CollectionState): boolean {
    return this.#closing.signal.aborted || collection.dropped
  }

  get #readsNow(): boolean {
    return this.#host.surroundings.files.readsNow === true
  }

  #note(collection: CollectionState, cause: unknown): void {
    if (this.#isOver(collection)) return
    const error = problemOf(cause, `the index of '${collection.name}' could not be brought into the form of its mode`)
    this.#problems.set(collection, error.message)
    // An index that has failed has said so.
    if (cause !== collection.index.failure) this.#host.onProblem?.(error)
  }

  #collectionOf({ creationLsn }: CollectionView): CollectionState | undefined {
    return this.#host.state.collectionByLsn(creationLsn)
  }
}
