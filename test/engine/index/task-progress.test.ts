import { describe, expect, test } from 'vitest'
import { type Job, PAUSE, type Phase, phase } from '../../../src/engine/graph/job.ts'
import { TaskProgress } from '../../../src/engine/index/task-progress.ts'
import { rowsOf } from '../graph/graph-fixture.ts'
import { normalSet } from '../graph/vector-sets.ts'
import { Gate, hostOf, IndexFixture, turn } from './index-fixture.ts'

/** How far a task is after the first and after the second half of each phase. */
function sharesOf(progress: TaskProgress, phases: readonly Phase[]): number[] {
  const shares: number[] = []
  const job = (function* (): Job {
    yield* phases
  })()
  for (const { items, noteDone } of progress.watch(job)) {
    for (const part of [Math.floor(items / 2), Math.ceil(items / 2)]) {
      noteDone?.(part)
      shares.push(Number(progress.share.toFixed(3)))
    }
  }
  return shares
}

describe('how far a task is', () => {
  test('follows the phases of a build', () => {
    const phases = [
      PAUSE,
      phase('encodeNodes', 500, 100),
      phase('encodeNodes', 500, 100),
      phase('assignLeaders', 1000, 100),
      phase('nearestInLeaves', 8, 1),
      phase('linkFromEdges', 1000, 100),
      phase('linkReverse', 1000, 100),
      phase('refineNodes', 400, 100),
      phase('refineNodes', 600, 100),
      phase('linkReverse', 1000, 100),
      PAUSE,
    ]
    expect(sharesOf(TaskProgress.ofBulk(1000), phases)).toEqual([
      0, 0, 0.007, 0.015, 0.022, 0.03, 0.053, 0.077, 0.201, 0.302, 0.405, 0.44, 0.44, 0.44, 0.554, 0.658, 0.814, 0.97,
      0.97, 0.97, 0.97, 0.97,
    ])
  })

  test('goes on where leaves come again, and never falls', () => {
    const leaves = phase('nearestInLeaves', 100, 1)
    const round = [leaves, leaves, phase('linkFromEdges', 10, 1), phase('refineNodes', 10, 1)]
    const shares = sharesOf(TaskProgress.ofBulk(10), [...round, ...round])
    expect(shares.slice(0, 4)).toEqual([0.201, 0.302, 0.328, 0.353])
    expect(shares).toEqual(shares.toSorted((left, right) => left - right))
    expect(shares.at(-1)).toBe(0.97)
  })

  test('follows the nodes that are linked one batch after another', () => {
    const batch = [phase('nearestInLeaves', 1, 1), phase('linkNodes', 100, 10), phase('reverseEdges', 900, 100)]
    const phases = [phase('encodeNodes', 200, 100), ...batch, ...batch]
    expect(sharesOf(TaskProgress.ofInsert(200), phases)).toEqual([
      0.015, 0.03, 0.03, 0.03, 0.265, 0.5, 0.5, 0.5, 0.5, 0.5, 0.735, 0.97, 0.97, 0.97,
    ])
  })

  test('stays within its stage where more comes than was expected', () => {
    expect(sharesOf(TaskProgress.ofBulk(0), [phase('linkFromEdges', 10, 1)])).toEqual([0.44, 0.44])
    expect(sharesOf(TaskProgress.ofInsert(5), [phase('linkNodes', 10, 1)])).toEqual([0.97, 0.97])
  })

  test('ends the job within when it is ended, and gives its result and its error', () => {
    const log: string[] = []
    const job = function* (result: () => string): Job<string> {
      try {
        yield PAUSE
        return result()
      } finally {
        log.push('finally')
      }
    }
    const progress = TaskProgress.ofBulk(1)
    const ended = progress.watch(job(() => 'result'))
    ended.next()
    ended.return('nothing')
    expect(log).toEqual(['finally'])
    const done = progress.watch(job(() => 'result'))
    done.next()
    expect(done.next()).toEqual({ done: true, value: 'result' })
    const failing = progress.watch(
      job(() => {
        throw new RangeError('no more')
      }),
    )
    failing.next()
    expect(() => failing.next()).toThrow(new RangeError('no more'))
    expect(log).toEqual(['finally', 'finally', 'finally'])
  })
})

describe('how far an index is with its task', () => {
  /** What it says at every slice of the work until all is done. */
  async function sharesUntilSettled(fixture: IndexFixture, gate: Gate): Promise<number[]> {
    const shares: number[] = []
    // A graph takes some turns to be made, and no slices.
    while (fixture.index.progress === undefined) await turn()
    for (; fixture.index.progress !== undefined; await gate.allow(1)) shares.push(fixture.index.progress)
    await fixture.index.settled()
    return shares
  }

  test('is known while it builds and while it inserts, and not otherwise', async () => {
    const rows = rowsOf(normalSet('euclidean', 600, 8)).map((row) => [...row])
    const fixture = new IndexFixture(8)
    const gate = new Gate()
    fixture.start(hostOf({ yieldToEventLoop: gate.pass }))
    expect(fixture.index.progress).toBeUndefined()
    fixture.addRows(rows.slice(0, 400))
    fixture.bulk()
    const building = await sharesUntilSettled(fixture, gate)
    fixture.addRows(rows.slice(400), 400)
    fixture.insert()
    const inserting = await sharesUntilSettled(fixture, gate)
    for (const shares of [building, inserting]) {
      expect(shares[0]).toBe(0)
      expect(shares).toEqual(shares.toSorted((left, right) => left - right))
      expect(shares.at(-1)).toBeCloseTo(0.97, 10)
    }
    expect(fixture.index.progress).toBeUndefined()
    fixture.consolidate()
    expect(fixture.index).toMatchObject({ backlog: 1, progress: undefined })
    await gate.allow(1000)
    await fixture.index.settled()
  })
})
