import type { GraphCore } from '../graph/graph-core.ts'
import type { TaskName } from '../graph/graph-kernel.ts'
import type { Phase } from '../graph/job.ts'
import { ROW_BYTES } from '../kernel/assembly-graph/layout.ts'
import { allocatePages } from '../page-memory.ts'

/** A range of the items of a phase. */
export interface Range {
  readonly from: number
  readonly to: number
}

/** What a task overwrites although it has read it: the first words of the row of each item's node. */
interface Overwritten {
  readonly rowWords: number
  /** `words` are those of the whole memory. */
  readonly nodeOf: (words: Uint32Array, item: number, parameters: readonly number[]) => number
}

const ROW_WORDS = ROW_BYTES / 4

/**
 * All tasks write only to places that are fixed by their items, but some read such a place before they write to it. Run in
 * part and again, they would find what they wrote the first time.
 */
const OVERWRITTEN: Readonly<Record<TaskName, Overwritten | undefined>> = {
  encodeNodes: undefined,
  // Nothing leads to the new nodes yet, so that no walk reads the rows it writes.
  linkNodes: undefined,
  nearestInLeaves: undefined,
  assignLeaders: undefined,
  linkFromEdges: undefined,
  // Appends behind the neighbours of a row, whose count alone is overwritten; a row without room is only staged.
  reverseEdges: {
    rowWords: 1,
    nodeOf: (words, item, [pairs, groups, , firstGroup]) => {
      const first = words[groups! / 4 + firstGroup! + item]!
      return words[pairs! / 4 + first * 2 + 1]!
    },
  },
  linkReverse: { rowWords: ROW_WORDS, nodeOf: (words, item, [nodes]) => words[nodes! / 4 + item]! },
  refineNodes: undefined,
  spliceDead: { rowWords: ROW_WORDS, nodeOf: (_, item) => item },
}

/** A copy of what a range of a phase overwrites, so that a thread that ends in the middle of it leaves no trace. */
export class SavedRows {
  readonly #core: GraphCore
  readonly #overwritten: Overwritten
  readonly #parameters: readonly number[]
  readonly #range: Range
  readonly #saved: Uint32Array

  private constructor(core: GraphCore, overwritten: Overwritten, parameters: readonly number[], range: Range) {
    this.#core = core
    this.#overwritten = overwritten
    this.#parameters = parameters
    this.#range = range
    const words = (range.to - range.from) * overwritten.rowWords
    this.#saved = new Uint32Array(allocatePages(words * 4), 0, words)
  }

  /** `undefined` where the range can be run again as it is. */
  static of(core: GraphCore, { task, parameters }: Phase, range: Range): SavedRows | undefined {
    const overwritten = task && OVERWRITTEN[task]
    if (overwritten === undefined) return undefined
    const rows = new SavedRows(core, overwritten, parameters, range)
    const saved = rows.#saved
    rows.#forEachRow((words, at, savedAt, count) => {
      if (count === 1) saved[savedAt] = words[at]!
      else saved.set(words.subarray(at, at + count), savedAt)
    })
    return rows
  }

  /** Puts everything back. The thread that ran the range must have ended. */
  restore(): void {
    const saved = this.#saved
    this.#forEachRow((words, at, savedAt, count) => words.set(saved.subarray(savedAt, savedAt + count), at))
  }

  #forEachRow(visit: (words: Uint32Array, at: number, savedAt: number, count: number) => void): void {
    const words = new Uint32Array(this.#core.memory.buffer)
    const { rowWords, nodeOf } = this.#overwritten
    const { from, to } = this.#range
    for (let item = from; item < to; item++) {
      const node = nodeOf(words, item, this.#parameters)
      visit(words, this.#core.addressOf(node, 0, ROW_BYTES) / 4, (item - from) * rowWords, rowWords)
    }
  }
}
