import { LINKED, SETTING_ENTRIES_AT, SETTING_ENTRY_COUNT } from '../kernel/assembly-graph/layout.ts'
import type { GraphCore } from './graph-core.ts'
import { type Job, PAUSE } from './job.ts'
import { withArea } from './job-memory.ts'
import { SeededRandom } from './seeded-random.ts'

const FEWEST_PLACES = 64
/** Draws for each node before all nodes are gone through instead, as when nearly all are free. */
const MOST_DRAWS = 64
/** Nodes of the sample for each entry that is chosen from it. */
const SAMPLE_FACTOR = 8
/** Distances of one slice: some 4 ms. */
const SLICE_DISTANCES = 500_000

/**
 * The nodes that a walk may start from: about as many as the square root of all. Half are drawn by the seed; the others are
 * chosen from a larger sample to be far from all before them, so that a cluster is not without one by bad luck: a walk
 * that starts in another cluster may fill its whole list there. Which they are follows from the set of linked nodes and
 * their codes alone, so a graph read back from its bytes has the same.
 */
export class EntryTable {
  readonly #core: GraphCore
  #at = 0
  #places = 0
  #nodes: Uint32Array = new Uint32Array(0)

  constructor(core: GraphCore) {
    this.#core = core
  }

  get nodes(): Uint32Array {
    return this.#nodes
  }

  memoryBytes(): number {
    return this.#places * 4
  }

  /** Chooses the table anew. */
  *draw(): Job {
    const wanted = Math.ceil(Math.sqrt(this.#core.linkedCount))
    const random = new SeededRandom(this.#core.parameters.seed)
    const given = this.#drawn(random, Math.ceil(wanted / 2), new Set())
    const sample = this.#drawn(random, (wanted - given.length) * SAMPLE_FACTOR, new Set(given))
    this.#nodes = yield* this.#spread(given, sample, Math.min(wanted, given.length + sample.length))
    this.use(this.#nodes)
  }

  /** Chooses it anew if the graph has outgrown it by a fifth. */
  *keepUp(): Job {
    const wanted = Math.ceil(Math.sqrt(this.#core.linkedCount))
    if (wanted > this.#nodes.length * 1.2) yield* this.draw()
  }

  /** Takes over a table that was chosen before: nodes that are linked. */
  restore(nodes: Uint32Array): void {
    this.#nodes = nodes
    this.use(nodes)
  }

  /** Lets walks start from some of the table only, until it is chosen again. */
  use(nodes: Uint32Array): void {
    const { memory } = this.#core
    if (this.#places < nodes.length) {
      if (this.#places > 0) memory.release(this.#at, this.#places * 4)
      this.#places = Math.max(FEWEST_PLACES, nodes.length * 2)
      this.#at = memory.allocate(this.#places * 4)
      this.#core.setWord(SETTING_ENTRIES_AT, this.#at)
    }
    this.#core.words(this.#at, nodes.length).set(nodes)
    this.#core.setWord(SETTING_ENTRY_COUNT, nodes.length)
  }

  /** Linked nodes by chance, none twice and none of `taken`; fewer only if there are no more. */
  #drawn(random: SeededRandom, wanted: number, taken: Set<number>): Uint32Array {
    const core = this.#core
    const drawn = new Set<number>()
    const take = (node: number) => {
      if (core.state(node) === LINKED && !taken.has(node)) drawn.add(node)
    }
    for (let draw = 0; drawn.size < wanted && draw < wanted * MOST_DRAWS; draw++) take(random.below(core.nodeCount))
    for (let node = 0; drawn.size < wanted && node < core.nodeCount; node++) take(node)
    return Uint32Array.from(drawn)
  }

  *#spread(given: Uint32Array, sample: Uint32Array, wanted: number): Job<Uint32Array> {
    if (sample.length === 0) return given
    const core = this.#core
    const count = sample.length
    const slice = Math.max(1, Math.floor(SLICE_DISTANCES / (count * (1 + core.parameters.dimensions / 100))))
    // Other threads' scratch is in use while a job runs, but a job and its host share the first.
    core.scratch(0)
    return yield* withArea(core, wanted * 4 + count * 8, function* (chosen) {
      const sampleAt = chosen + wanted * 4
      const nearest = sampleAt + count * 4
      core.words(chosen, given.length).set(given)
      core.words(sampleAt, count).set(sample)
      new Float32Array(core.memory.buffer, nearest, count).fill(Number.POSITIVE_INFINITY)
      for (let from = 0; from < wanted; from += slice) {
        core.kernel.spread(from, Math.min(wanted, from + slice), chosen, given.length, sampleAt, count, nearest)
        yield PAUSE
      }
      return core.words(chosen, wanted).slice()
    })
  }
}
