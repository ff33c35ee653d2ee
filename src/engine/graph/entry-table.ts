import { LINKED, SETTING_ENTRIES_AT, SETTING_ENTRY_COUNT } from '../kernel/assembly-graph/layout.ts'
import type { GraphCore } from './graph-core.ts'
import { SeededRandom } from './seeded-random.ts'

const FEWEST_PLACES = 64
/** Draws for each entry before all nodes are gone through instead, as when nearly all are free. */
const MOST_DRAWS = 64

/**
 * The nodes that a walk may start from: about as many as the square root of all, drawn by the seed. Which they are
 * follows from the set of linked nodes alone, so a graph read back from its bytes has the same.
 */
export class EntryTable {
  readonly #core: GraphCore
  #at = 0
  #places = 0
  #nodes: Uint32Array = new Uint32Array(0)

  constructor(core: GraphCore) {
    this.#core = core
  }

  /** Rising. */
  get nodes(): Uint32Array {
    return this.#nodes
  }

  memoryBytes(): number {
    return this.#places * 4
  }

  /** Draws the table anew. */
  draw(): void {
    this.#nodes = this.#drawn(Math.ceil(Math.sqrt(this.#core.linkedCount)))
    this.use(this.#nodes)
  }

  /** Draws it anew if the graph has outgrown it by a fifth. */
  keepUp(): void {
    const wanted = Math.ceil(Math.sqrt(this.#core.linkedCount))
    if (wanted > this.#nodes.length * 1.2) this.draw()
  }

  /** Lets walks start from some of the table only, until it is drawn again. */
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

  #drawn(wanted: number): Uint32Array {
    const core = this.#core
    const random = new SeededRandom(core.parameters.seed)
    const drawn = new Set<number>()
    for (let draw = 0; drawn.size < wanted && draw < wanted * MOST_DRAWS; draw++) {
      const node = random.below(core.nodeCount)
      if (core.state(node) === LINKED) drawn.add(node)
    }
    for (let node = 0; drawn.size < wanted && node < core.nodeCount; node++) {
      if (core.state(node) === LINKED) drawn.add(node)
    }
    return Uint32Array.from(drawn).sort()
  }
}
