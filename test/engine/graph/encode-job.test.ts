import { describe, expect, test } from 'vitest'
import { VamanaGraph } from '../../../src/engine/graph/vamana-graph.ts'
import { readGloveFixture } from '../../fixtures/glove.ts'
import { graphOf, rowsOf, type VectorSet } from './graph-fixture.ts'

const { vectors, dimensions } = readGloveFixture(3000)
const set: VectorSet = { metric: 'cosine', dimensions, vectors }

describe('encoding reserved nodes', () => {
  test('gives the codes that adding the vectors one by one gives', async () => {
    const added = await graphOf(set)
    const graph = await VamanaGraph.create({ metric: 'cosine', dimensions })
    const rows = rowsOf(set)
    const nodes = Uint32Array.from(rows, () => graph.reserve())
    expect([...nodes.subarray(0, 3)]).toEqual([0, 1, 2])
    graph.run(graph.encode(nodes, (index, target) => target.set(rows[index]!)))
    expect(graph.exportCodes(0, rows.length)).toEqual(added.exportCodes(0, rows.length))
    graph.run(graph.insert(nodes))
    added.run(added.insert(nodes))
    expect(graph.exportEdges()).toEqual(added.exportEdges())
    expect(graph.unreachable).toBe(0)
  })

  test('refuses nodes that are in use, and uses freed ones again, lowest first', async () => {
    const graph = await graphOf({ ...set, vectors: vectors.subarray(0, 50 * dimensions) })
    const nodes = Uint32Array.from({ length: 50 }, (_, node) => node)
    expect(() => graph.run(graph.encode(nodes, () => {}))).toThrow(RangeError)
    graph.run(graph.insert(nodes))
    graph.run(graph.consolidate(Uint8Array.of(0b1000_0100)))
    expect([graph.reserve(), graph.reserve(), graph.reserve()]).toEqual([2, 7, 50])
  })

  test('encodes in slices of bounded size', async () => {
    const graph = await VamanaGraph.create({ metric: 'cosine', dimensions })
    const nodes = Uint32Array.from({ length: 3000 }, () => graph.reserve())
    for (const { items, sliceItems } of graph.encode(nodes, () => {})) {
      expect(items * dimensions * 4).toBeLessThanOrEqual(1024 * 1024)
      expect(sliceItems * dimensions).toBeLessThanOrEqual(200_000)
    }
  })
})
