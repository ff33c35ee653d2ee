import { Random } from '../../support/random.ts'
import { type ChunkContent, ContentModel } from './content.ts'
import {
  add,
  aSecondPasses,
  behind,
  close,
  compact,
  consolidate,
  create,
  drop,
  type EntryData,
  flush,
  type Operation,
  optimize,
  quantize,
  remove,
  reopen,
  type SessionSnapshots,
  type Step,
  sync,
  type Timing,
  together,
  update,
  whileBuilding,
  whileSwitching,
} from './operations.ts'

/** Finite numbers that a careless copy would change. */
const ODD_NUMBERS = [-0, 1e-45, -1.1754942e-38, 3.4028235e38, 16_777_217, 0.1]
const WORD_DIMENSIONS = 24

/** Draws entries: the same seed draws the same. */
export class EntrySource {
  readonly #random: Random

  constructor(seed: number) {
    this.#random = new Random(seed)
  }

  entry(id: string, dimensions: number): EntryData {
    const vector = Array.from({ length: dimensions }, () => this.#random.nextUnit() * 2 - 1)
    // One component stays as it is: no vector is zero.
    if (dimensions > 1) vector[this.#random.nextInt(dimensions - 1)] = this.#random.pick(ODD_NUMBERS)
    if (this.#random.nextInt(3) > 0) return { id, vector }
    return { id, vector, metadata: { tag: id, rank: this.#random.nextInt(1000), path: ['a', { b: null }] } }
  }

  entries(prefix: string, first: number, count: number, dimensions: number): EntryData[] {
    return Array.from({ length: count }, (_, index) => this.entry(`${prefix}${first + index}`, dimensions))
  }

  /** Operations on the words, whatever is there: hits, misses, replacements and batches with an id twice. */
  operation(): Operation {
    const id = () => `w${this.#random.nextInt(30)}`
    const kind = this.#random.nextInt(6)
    if (kind === 0) return remove('words', id(), id(), 'never there')
    if (kind === 1) return update('words', id(), this.#random.nextBoolean() ? { changed: true } : undefined)
    const count = this.#random.nextBetween(1, 5)
    return add(
      'words',
      Array.from({ length: count }, () => this.entry(id(), WORD_DIMENSIONS)),
    )
  }

  /** Calls at once, and now and then maintenance. */
  step(): Step {
    if (this.#random.nextInt(10) === 0) return together(this.#random.pick([flush, optimize])('words'))
    return together(...Array.from({ length: this.#random.nextBetween(1, 4) }, () => this.operation()))
  }

  steps(count: number): Step[] {
    return Array.from({ length: count }, () => this.step())
  }
}

/**
 * The workload of the sweeps: several collections, batches, upserts, deletes, changes of metadata, drops and names used
 * again, callers at once, indexes that are built, added to, cleaned and built anew, writes meanwhile, both durabilities, clean
 * closes and kills, and so many bytes that segments of the smallest size rotate in every session. It starts with a session of
 * durability `'sync'`.
 */
export function createWorkload(seed: number): Step[] {
  const source = new EntrySource(seed)
  const beside = new EntrySource(seed + 2)
  const words = (first: number, count: number) => add('words', source.entries('w', first, count, WORD_DIMENSIONS))
  const notes = (first: number, count: number, dimensions = 3) =>
    add('notes', source.entries('n', first, count, dimensions))
  return [
    together(create('words', WORD_DIMENSIONS, 'cosine'), create('notes', 3, 'euclidean')),
    together(words(0, 6)),
    together(
      words(6, 2),
      notes(0, 3),
      words(1, 2),
      add('notes', [...source.entries('n', 2, 2, 3), source.entry('n2', 3)]),
    ),
    together(
      update('words', 'w1', { tag: 'changed' }),
      update('notes', 'absent', { tag: 'nowhere' }),
      remove('words', 'w0', 'w7'),
    ),
    // Two callers want the same collection; one makes it.
    together(create('signals', 1, 'dot'), create('signals', 1, 'dot'), words(8, 1)),
    together(words(9, 16)),
    // What comes behind a queued drop is judged as if it had happened.
    together(
      add('signals', [{ id: 'zero', vector: [0] }]),
      drop('notes'),
      notes(4, 1),
      drop('notes'),
      create('notes', 5, 'dot'),
    ),
    whileBuilding(flush('words'), words(10, 18), notes(0, 2, 5)),
    ...source.steps(2),
    whileSwitching(
      quantize('words', 'int8'),
      add('words', beside.entries('w', 4, 2, WORD_DIMENSIONS)),
      update('notes', 'n2', { switched: true }),
    ),
    // Vectors of equal bits share a place in an index.
    together(
      add(
        'signals',
        [1, 2, 1, -0, 0, 1].map((first, n) => ({ id: `s${n}`, vector: [first] })),
      ),
    ),
    together(flush('signals')),
    behind(words(2, 1), words(3, 2), update('words', 'w2', { second: true }), notes(3, 1, 5)),
    behind(words(1, 13), remove('words', 'w3'), words(3, 1), remove('signals', 's0', 's1')),
    reopen('close', 'async'),
    together(words(20, 4), notes(2, 1, 5)),
    together(words(0, 1)),
    together(quantize('notes', 'int8')),
    sync,
    whileBuilding(optimize('words'), words(3, 14)),
    together(consolidate('words')),
    // There is nothing to do any more, and nothing is logged.
    together(consolidate('words')),
    together(compact('words')),
    together(words(17, 14), remove('words', 'w18')),
    ...source.steps(3),
    together(words(0, 50)),
    aSecondPasses,
    behind(words(21, 1), remove('notes', 'n2'), words(22, 2)),
    together(update('words', 'w20', { late: true })),
    together(words(0, 40), words(20, 40), remove('words', 'w3', 'w4')),
    ...source.steps(5),
    together(optimize('words')),
    together(words(30, 3), notes(1, 1, 5)),
    reopen('kill', 'sync'),
    // Few entries are linked into a graph that is there; it was built again from the log.
    whileBuilding(flush('words'), words(31, 2)),
    together(consolidate('words')),
    ...source.steps(2),
    together(drop('words')),
    together(create('words', WORD_DIMENSIONS, 'euclidean'), update('notes', 'n1', undefined)),
    together(words(0, 15)),
    together(words(5, 15), remove('notes', 'n0')),
    together(flush('words')),
    together(consolidate('signals')),
    // Far more than a segment holds, in one write.
    together(words(0, 30), words(20, 30), words(40, 30), update('words', 'w41', { size: 'large' })),
    whileBuilding(flush('words'), words(10, 70)),
    reopen('kill', 'sync'),
    together(words(40, 2)),
    reopen('kill', 'async'),
    together(words(42, 1)),
    whileBuilding(consolidate('words'), words(0, 60), quantize('words', 'none')),
    ...source.steps(4),
    sync,
    ...source.steps(1),
    reopen('close', 'sync'),
    ...source.steps(2),
    together(words(44, 12), notes(7, 2, 5)),
    close,
  ]
}

/** Operations that follow on the workload: what a recovered store is asked to go on with when it had reached the end. */
export function createSequel(seed: number): Operation[] {
  const source = new EntrySource(seed + 1)
  return [add('words', source.entries('z', 0, 2, WORD_DIMENSIONS)), remove('words', 'z0')]
}

/** One operation of a workload with what the model says of it. */
export interface PlannedOperation {
  readonly operation: Operation
  /** LSN that its record has, in every run that comes so far; missing where nothing is logged. */
  readonly lsn: number | undefined
  /** Its answer as JSON. */
  readonly answer: string
}

export type PlannedStep =
  | Exclude<Step, { kind: 'together' | 'snapshot' }>
  | { readonly kind: 'together'; readonly operations: readonly PlannedOperation[]; readonly timing: Timing }
  | { readonly kind: 'snapshot'; readonly operations: readonly PlannedOperation[]; readonly isBuilding: boolean }

/** A workload worked out by the model alone. */
export interface Plan {
  readonly steps: readonly PlannedStep[]
  /** The logged operations, sequel included: that of LSN n is at index n - 1. */
  readonly logged: readonly PlannedOperation[]
  /** Content after LSN n, at index n. */
  readonly contents: readonly string[]
  /** Full chunks after LSN n, by the LSN of their collection, at index n. */
  readonly chunks: readonly ReadonlyMap<number, ChunkContent>[]
  /** LSN of the last operation of the workload itself. */
  readonly endLsn: number
  /** Of the first session, and of those that go on after a crash. */
  readonly snapshots?: SessionSnapshots
}

export function planWorkload(steps: readonly Step[], sequel: readonly Operation[], snapshots?: SessionSnapshots): Plan {
  const model = new ContentModel()
  const logged: PlannedOperation[] = []
  const contents = [model.text()]
  const chunks = [model.chunks()]
  const plan = (operation: Operation): PlannedOperation => {
    const { lsn, answer } = model.apply(operation)
    const planned = { operation, lsn, answer: JSON.stringify(answer) }
    if (lsn !== undefined) {
      logged.push(planned)
      contents.push(model.text())
      chunks.push(model.chunks())
    }
    return planned
  }
  const planned = steps.map(
    (step): PlannedStep => ('operations' in step ? { ...step, operations: step.operations.map(plan) } : step),
  )
  const endLsn = model.lsn
  for (const operation of sequel) plan(operation)
  return { steps: planned, logged, contents, chunks, endLsn, ...(snapshots === undefined ? {} : { snapshots }) }
}
