import { describe, expect, test } from 'vitest'
import type { GraphHits } from '../../../src/engine/graph/graph-search.ts'
import { walkGraph } from '../../../src/engine/index/graph-walk.ts'
import { Random } from '../../support/random.ts'
import { Gate, hostOf, IndexFixture, turn } from './index-fixture.ts'

const COUNT = 4000
/** So long that a walk takes several calls of the kernel. */
const OPTIONS = { listSize: 3000 }

async function graphOf(count = COUNT): Promise<IndexFixture> {
  const random = new Random(1)
  const store = new IndexFixture(4)
  store.addRows(Array.from({ length: count }, () => Array.from({ length: 4 }, () => random.nextUnit())))
  store.bulk()
  store.start()
  await store.index.settled()
  return store
}

/** A walk that awaits what it has to. */
async function walk(...given: Parameters<typeof walkGraph>): Promise<GraphHits> {
  const steps = walkGraph(...given)
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    await step.value
  }
}

const queries = [0.1, 0.4, 0.9].map((x) => new Float32Array(4).fill(x))

describe('walkGraph', () => {
  test('lets the event loop turn, and walks that take turns find what each finds alone', async () => {
    const { built } = await graphOf()
    const expected = queries.map((query) => built.graph.search(query, OPTIONS))
    let yields = 0
    const tools = {
      yieldToEventLoop: async () => {
        yields += 1
        await turn()
      },
    }
    const found = await Promise.all(queries.map((query) => walk(built, query, OPTIONS, tools)))
    expect(found).toEqual(expected)
    expect(yields).toBeGreaterThanOrEqual(queries.length)
    expect(built.walking).toBeUndefined()
  })

  test('keeps a short walk waiting while a long one is under way', async () => {
    const { built } = await graphOf()
    const gate = new Gate()
    const tools = { yieldToEventLoop: gate.pass }
    const ends: string[] = []
    const long = walk(built, queries[0]!, OPTIONS, tools).then((hits) => {
      ends.push('long')
      return hits
    })
    const short = walk(built, queries[1]!, { listSize: 5 }, tools).then((hits) => {
      ends.push('short')
      return hits
    })
    await turn()
    expect(ends).toEqual([])
    await gate.allow(1000)
    const found = [await long, await short]
    expect(ends).toEqual(['long', 'short'])
    expect(found).toEqual([built.graph.search(queries[0]!, OPTIONS), built.graph.search(queries[1]!, { listSize: 5 })])
  })

  test('lets the next one walk where one is aborted', async () => {
    const { built } = await graphOf()
    const controller = new AbortController()
    const aborting = async () => controller.abort('enough')
    const first = walk(built, queries[0]!, OPTIONS, { yieldToEventLoop: aborting, signal: controller.signal })
    const second = walk(built, queries[1]!, OPTIONS, { yieldToEventLoop: turn })
    await expect(first).rejects.toMatchObject({ code: 'ERR_ABORTED', cause: 'enough' })
    expect(await second).toEqual(built.graph.search(queries[1]!, OPTIONS))
    const third = walk(built, queries[2]!, OPTIONS, { yieldToEventLoop: turn, signal: controller.signal })
    await expect(third).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    expect(built.walking).toBeUndefined()
  })

  test.each([
    ['among all nodes', {}],
    ['among some', { allowed: new Uint8Array(COUNT / 8).fill(0b1110_1111) }],
  ])('goes on while a job begins on the graph: %s', async (_, filter) => {
    const store = await graphOf()
    const { built, index } = store
    const options = { ...OPTIONS, ...filter }
    const expected = built.graph.search(queries[0]!, options)
    const [walking, building] = [new Gate(), new Gate()]
    store.start(hostOf({ yieldToEventLoop: building.pass }))
    const found = walk(built, queries[0]!, options, { yieldToEventLoop: walking.pass })
    await turn()
    expect(built.walking).toBeDefined()
    // So far from everything that nobody comes by it.
    store.addRows([[90, 90, 90, 90]], COUNT)
    store.insert()
    await building.allow(6)
    await walking.allow(1000)
    expect((await found).nodes).toEqual(expected.nodes)
    await building.allow(Number.POSITIVE_INFINITY)
    await index.settled()
    expect(index.served.builtThrough).toBe(COUNT + 1)
  })
})
