import { describe, expect, test } from 'vitest'
import { IndexQueue, type IndexTask, type VisitTask } from '../../../src/engine/index/index-jobs.ts'
import { EngineFixture } from '../engine-fixture.ts'

const engine = new EngineFixture()
const collection = engine.create('c', 2)
const input = { vectors: collection.captureVectors(), dead: new Uint8Array(0) }
const plan = { walkCodes: 'wide', scale: 1, centre: undefined } as const

const insert = (throughSlot: number): IndexTask => ({ kind: 'insert', throughSlot, ...input })
const bulk = (throughSlot: number): IndexTask => ({ kind: 'bulk', throughSlot, plan, ...input })
const consolidate: IndexTask = { kind: 'consolidate', ...input }
const move: IndexTask = { kind: 'move', moves: new Uint32Array(0) }
const forget: IndexTask = { kind: 'forget' }

function visit(refused: unknown[] = []): VisitTask {
  return { kind: 'visit', visit: async () => {}, refuse: (reason) => refused.push(reason) }
}

function queueOf(...tasks: IndexTask[]): IndexQueue {
  const queue = new IndexQueue()
  for (const task of tasks) queue.push(task)
  return queue
}

function drained(queue: IndexQueue): IndexTask[] {
  const tasks: IndexTask[] = []
  for (let task = queue.shift(); task !== undefined; task = queue.shift()) tasks.push(task)
  return tasks
}

describe('IndexQueue', () => {
  test('keeps the order of the log', () => {
    const tasks = [bulk(4), insert(6), consolidate, move, insert(9)]
    const queue = queueOf(...tasks)
    expect(queue.length).toBe(5)
    expect(drained(queue)).toEqual(tasks)
    expect([queue.length, queue.shift()]).toEqual([0, undefined])
  })

  test.each([
    ['a bulk build', bulk(9)],
    ['forgetting', forget],
  ])('drops what %s makes needless', (_, fresh) => {
    expect(drained(queueOf(bulk(4), insert(6), consolidate, move, forget, fresh, insert(12)))).toEqual([
      fresh,
      insert(12),
    ])
  })

  test('drops nothing that somebody is to look at', () => {
    const [first, second] = [visit(), visit()]
    expect(drained(queueOf(bulk(1), first, insert(2), second, move, consolidate, bulk(5)))).toEqual([
      bulk(1),
      first,
      insert(2),
      second,
      bulk(5),
    ])
    expect(drained(queueOf(bulk(1), first, bulk(5)))).toEqual([bulk(1), first, bulk(5)])
  })

  test('refuses visits where it is cleared, and nothing else', () => {
    const refused: unknown[] = []
    const queue = queueOf(bulk(1), visit(refused), insert(2), visit(refused))
    queue.clear('reason')
    expect([refused, queue.length]).toEqual([['reason', 'reason'], 0])
  })
})
