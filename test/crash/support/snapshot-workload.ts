import type { Metric } from '../../../src/engine/metric.ts'
import { QUANTIZATION_MODES } from '../../../src/engine/quantization.ts'
import { Random } from '../../support/random.ts'
import { ContentModel } from './content.ts'
import { archiveDigests, type History } from './history.ts'
import {
  add,
  aSecondPasses,
  behind,
  close,
  compact,
  consolidate,
  create,
  drop,
  flush,
  type Operation,
  optimize,
  quantize,
  remove,
  reopen,
  type SessionSnapshots,
  type Step,
  snapshot,
  snapshotWhileBuilding,
  sync,
  together,
  update,
  whileBuilding,
  whileSwitching,
} from './operations.ts'
import { EntrySource, planWorkload } from './workload.ts'

const SESSIONS = 5
const IDS = 14
const METRICS: readonly Metric[] = ['cosine', 'euclidean', 'dot']

/** How sessions take snapshots by themselves: often, at closing only, never; and how much of the past they promise. */
const SNAPSHOTS: readonly SessionSnapshots[] = [
  { snapshotRecords: 3 },
  { snapshotRecords: 5 },
  { snapshotRecords: 12 },
  {},
  { snapshotRecords: 4, history: { bytes: 700 } },
  { history: { ms: 40 } },
]

/**
 * Draws short workloads of stores that are small in everything, so that what a crash leaves of them is cheap to look at by the
 * thousand: each session takes snapshots on demand and by itself, with writes and building beside them, and log that they make
 * unneeded is dropped. Chunks are to be made small where this is used.
 */
class SnapshotWorkload {
  readonly #random: Random
  readonly #entries: EntrySource
  readonly #model = new ContentModel()
  readonly #steps: Step[] = []
  readonly #dimensions = new Map<string, number>()

  readonly #residency: SessionSnapshots

  constructor(seed: number, residency: SessionSnapshots) {
    this.#residency = residency
    this.#random = new Random(seed)
    this.#entries = new EntrySource(seed)
  }

  create(sessions: number): Step[] {
    const { pick, nextInt } = bound(this.#random)
    this.#take(together(this.#creation('a'), this.#creation('b')))
    // A chunk of them is to be full soon: what is full is what switches move.
    this.#take(together(add('a', this.#entries.entries('a', 0, IDS, this.#dimensions.get('a')!))))
    for (let session = 1; session <= sessions; session++) {
      if (session > 1) {
        const ending = pick(['close', 'close', 'kill'] as const)
        this.#take(reopen(ending, pick(['sync', 'sync', 'async'] as const), this.#snapshots()))
      }
      this.#take(together(...this.#calls(2)))
      // Entries that are new to the index: there is something to build.
      if (session === 2) this.#take(whileBuilding(flush('a'), ...this.#calls(2, 'b')))
      if (session === 3) this.#take(snapshotWhileBuilding(flush('a'), ...this.#calls(2)))
      for (let count = nextInt(3); count > 0; count--) this.#takeAny()
      // What a switch brings to disk needs a snapshot; what it brings back does not.
      if (session === 2) this.#take(together(quantize('a', 'int8')))
      // A chunk of entries that are on disk, where there is a sparse one.
      if (session === 3) this.#take(together(compact('a')))
      if (session === 4) this.#take(whileSwitching(quantize('a', 'none'), ...this.#calls(2)))
      this.#take(snapshot(...this.#calls(nextInt(3))))
      for (let count = nextInt(3); count > 0; count--) this.#takeAny()
    }
    // There is nothing new for the second.
    if (this.#random.nextBoolean()) this.#steps.push(snapshot(), snapshot())
    this.#steps.push(close)
    return this.#steps
  }

  /** What a store that had reached the end goes on with. */
  sequel(): Operation[] {
    return [add('a', this.#entries.entries('z', 0, 2, this.#dimensions.get('a')!)), remove('a', 'a1', 'z1')]
  }

  #snapshots(): SessionSnapshots {
    return { ...this.#random.pick(SNAPSHOTS), ...this.#residency }
  }

  /** A step that the model can follow: where it cannot, another one. */
  #takeAny(): void {
    while (!this.#take(this.#anyStep())) {}
  }

  #anyStep(): Step {
    const { pick, nextInt } = bound(this.#random)
    const name = pick(['a', 'a', 'b'])
    switch (nextInt(15)) {
      case 0:
        return sync
      case 1:
        return aSecondPasses
      case 2:
        return whileBuilding(flush(name), ...this.#calls(2))
      case 3:
        return whileBuilding(optimize(name), ...this.#calls(2))
      case 4:
        return together(consolidate(name))
      case 5:
      case 6:
        // Alone: it goes on with chunks that writes beside it leave sparse, which takes another LSN.
        return together(compact(name))
      case 7:
        return together(drop('b'), this.#creation('b'), ...this.#calls(1, 'a'))
      case 8:
        return snapshotWhileBuilding(this.#random.pick([flush, optimize])(name), ...this.#calls(2))
      case 9:
        return behind(...this.#calls(3))
      case 10:
        return this.#anySwitch(name)
      default:
        return together(...this.#calls(3))
    }
  }

  /** Alone, beside a snapshot, with writes behind it, or while an index is being built. */
  #anySwitch(name: string): Step {
    const mode = quantize(name, this.#random.pick(QUANTIZATION_MODES))
    switch (this.#random.nextInt(4)) {
      case 0:
        return snapshot(mode)
      case 1:
        return whileBuilding(flush(name), ...this.#calls(1), mode)
      case 2:
        return whileSwitching(mode, ...this.#calls(2))
      default:
        return together(mode)
    }
  }

  /** Whether it is one whose maintenance the model can tell. */
  #take(step: Step): boolean {
    const operations = 'operations' in step ? step.operations : []
    try {
      for (const operation of operations) this.#model.apply(operation)
    } catch {
      return false
    }
    this.#steps.push(step)
    return true
  }

  #creation(name: string): Operation {
    const dimensions = this.#random.nextBetween(1, 3)
    this.#dimensions.set(name, dimensions)
    const metric = this.#random.pick(METRICS)
    return create(name, dimensions, metric, this.#random.pick([undefined, undefined, ...QUANTIZATION_MODES]))
  }

  #calls(count: number, only?: string): Operation[] {
    return Array.from({ length: count }, () => this.#call(only ?? this.#random.pick(['a', 'a', 'b'])))
  }

  #call(name: string): Operation {
    const { nextInt, nextBoolean, nextBetween } = bound(this.#random)
    const id = () => `${name}${nextInt(IDS)}`
    const kind = nextInt(6)
    if (kind === 0) return remove(name, id(), id(), id())
    if (kind === 1) return update(name, id(), nextBoolean() ? { changed: nextInt(9) } : undefined)
    const entries = Array.from({ length: nextBetween(1, 6) }, () =>
      this.#entries.entry(id(), this.#dimensions.get(name)!),
    )
    // Vectors of equal bits share a place in an index.
    if (nextInt(4) === 0) return add(name, [...entries, { ...entries[0]!, id: id() }])
    return add(name, entries)
  }
}

function bound(random: Random) {
  return {
    pick: <Value>(values: readonly Value[]): Value => random.pick(values),
    nextInt: (bound: number) => random.nextInt(bound),
    nextBoolean: () => random.nextBoolean(),
    nextBetween: (least: number, most: number) => random.nextBetween(least, most),
  }
}

export interface ShortHistoryOptions {
  readonly sessions?: number
  /** Whether full chunks leave memory when a snapshot holds them. */
  readonly onDisk?: boolean
}

/** A short history in which snapshots are taken. Those who go on after a crash take more of them. */
export async function snapshotHistory(
  seed: number,
  { sessions = SESSIONS, onDisk = false }: ShortHistoryOptions = {},
): Promise<History> {
  const residency: SessionSnapshots = onDisk ? { originals: 'disk', documents: 'disk' } : {}
  const workload = new SnapshotWorkload(seed, residency)
  const steps = workload.create(sessions)
  const plan = planWorkload(steps, workload.sequel(), { snapshotRecords: 3, ...residency })
  return { ...plan, digests: await archiveDigests(plan) }
}
