import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { VamanaGraph } from '../../src/engine/graph/vamana-graph.ts'
import type { PhaseHost } from '../../src/engine/workers/phase-host.ts'
import type { BatchSearchOptions, SearchHost } from '../../src/engine/workers/search-host.ts'
import { allNodes, bitmapOf, builtGraph, graphOf, rowsOf, type VectorSet } from '../engine/graph/graph-fixture.ts'
import { readGloveFixture } from '../fixtures/glove.ts'
import { leanOf } from './lean-kernel-suite.ts'
import type { PhaseHostFixture } from './phase-host-suite.ts'

const NODES = 2000
const QUERIES = 50

/** What every host of searches does. */
export function searchHostSuite(name: string, create: () => PhaseHostFixture<PhaseHost & SearchHost>): void {
  describe(name, () => {
    let set: VectorSet
    let graph: VamanaGraph
    let queries: Float32Array
    let host: PhaseHost & SearchHost
    let close: () => Promise<void>

    beforeAll(async () => {
      const { vectors, dimensions } = readGloveFixture(NODES + QUERIES)
      set = { metric: 'cosine', dimensions, vectors: vectors.subarray(0, NODES * dimensions) }
      queries = vectors.subarray(NODES * dimensions)
      graph = await builtGraph(set, 'bulk')
    })
    beforeEach(() => {
      const fixture = create()
      host = fixture.host
      close = fixture.close
    })
    afterEach(() => close())

    const oneByOne = (options: BatchSearchOptions) =>
      rowsOf({ ...set, vectors: queries }).map((query) => graph.search(query, options))

    test.each<[string, BatchSearchOptions]>([
      ['a list', { listSize: 40 }],
      ['a list of one', { listSize: 1 }],
      ['a list longer than the graph', { listSize: NODES + 100 }],
      ['a filter', { listSize: 20, allowed: bitmapOf(NODES, (node) => node % 3 === 0) }],
      ['a filter that nothing passes', { listSize: 20, allowed: new Uint8Array(10) }],
      ['a filter and a frontier', { listSize: 10, frontierSize: 15, allowed: bitmapOf(NODES, (node) => node > 1000) }],
    ])('finds with %s what a search for each query finds', async (_, options) => {
      expect(await host.search(graph.core, queries, options)).toEqual(oneByOne(options))
    })

    test.each(['walk', 'binary'] as const)(
      'finds on a lean graph what a search for each query finds: %s',
      async (codes) => {
        const lean = leanOf(graph, codes)
        for (const options of [
          { listSize: 40 },
          { listSize: 20, allowed: bitmapOf(NODES, (node) => node % 3 === 0) },
        ]) {
          const expected = rowsOf({ ...set, vectors: queries }).map((query) => lean.search(query, options))
          expect(await host.search(lean.walkCore, queries, options)).toEqual(expected)
          if (codes === 'walk') expect(expected).toEqual(oneByOne(options))
        }
        host.forget(lean.walkCore)
      },
    )

    test('keeps searches at the same time apart', async () => {
      const allowed = bitmapOf(NODES, (node) => node % 2 === 0)
      const all = [{ listSize: 30 }, { listSize: 12, allowed }, { listSize: 90 }, { listSize: 8 }]
      const found = await Promise.all(all.map((options) => host.search(graph.core, queries, options)))
      for (const [index, options] of all.entries()) expect(found[index]).toEqual(oneByOne(options))
    })

    test('searches while a job runs', async () => {
      const growing = await graphOf(set)
      const nodes = allNodes(growing)
      await host.run(growing.core, growing.bulk(nodes.subarray(0, NODES / 2)))
      let isOver = false
      const job = host.run(growing.core, growing.insert(nodes.subarray(NODES / 2))).finally(() => {
        isOver = true
      })
      while (!isOver) {
        const found = await host.search(growing.core, queries, { listSize: 30 })
        expect(found.every((hits) => hits.nodes.length === 30 && hits.nodes.every((node) => node < NODES))).toBe(true)
      }
      await job
      const alone = await graphOf(set)
      alone.run(alone.bulk(nodes.subarray(0, NODES / 2)))
      alone.run(alone.insert(nodes.subarray(NODES / 2)))
      expect(growing.exportEdges()).toEqual(alone.exportEdges())
    })

    test('is not disturbed by jobs that begin meanwhile', async () => {
      const options = { listSize: 20, allowed: bitmapOf(NODES, (node) => node % 3 === 0) }
      let isOver = false
      const searches = [1, 2, 3, 4].map(() => host.search(graph.core, queries, options))
      const found = Promise.all(searches).finally(() => {
        isOver = true
      })
      while (!isOver) await host.run(graph.core, graph.insert(new Uint32Array(0)))
      for (const hits of await found) expect(hits).toEqual(oneByOne(options))
    })

    test('finds nothing in an empty graph, and nothing for no query', async () => {
      const empty = await graphOf({ ...set, vectors: new Float32Array(0) })
      const [first, ...others] = await host.search(empty.core, queries, { listSize: 5 })
      expect(first).toEqual({ nodes: new Uint32Array(0), distances: new Float32Array(0), visited: 0 })
      expect(others).toHaveLength(QUERIES - 1)
      expect(await host.search(graph.core, new Float32Array(0), { listSize: 5 })).toEqual([])
    })

    test.each<[string, number, BatchSearchOptions]>([
      ['part of a query', 99, { listSize: 5 }],
      ['no list', 100, { listSize: 0 }],
      ['a frontier shorter than the list', 100, { listSize: 5, frontierSize: 4 }],
    ])('refuses %s', async (_, components, options) => {
      await expect(host.search(graph.core, new Float32Array(components).fill(1), options)).rejects.toThrow(RangeError)
    })

    test('ends when it is aborted', async () => {
      const reason = new Error('enough')
      const options = { listSize: 5, signal: AbortSignal.abort(reason) }
      const aborted = { code: 'ERR_ABORTED', cause: reason }
      await expect(host.search(graph.core, queries, options)).rejects.toMatchObject(aborted)
      const controller = new AbortController()
      const many = new Float32Array(queries.length * 100)
      for (let at = 0; at < many.length; at += queries.length) many.set(queries, at)
      const search = host.search(graph.core, many, { listSize: 50, signal: controller.signal })
      setImmediate(() => controller.abort(reason))
      await expect(search).rejects.toMatchObject(aborted)
      expect(await host.search(graph.core, queries, { listSize: 5 })).toEqual(oneByOne({ listSize: 5 }))
    })
  })
}
