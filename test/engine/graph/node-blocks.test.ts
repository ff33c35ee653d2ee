import { describe, expect, test } from 'vitest'
import {
  checkBlockRows,
  checkMarks,
  exportBlock,
  exportMarks,
  extendCodes,
  importMarks,
  type NodeBlock,
  type NodeBlockRows,
  type NodeMarks,
  takeBlockRows,
  uncounted,
} from '../../../src/engine/graph/node-blocks.ts'
import type { VamanaGraph } from '../../../src/engine/graph/vamana-graph.ts'
import { CODED, FREE, LINKED } from '../../../src/engine/kernel/assembly-graph/layout.ts'
import { bitmapOf, builtGraph, graphOf, rowsOf } from './graph-fixture.ts'
import { normalSet } from './vector-sets.ts'

const set = normalSet('euclidean', 1500, 40)

function blockOf(graph: VamanaGraph): NodeBlock {
  const steps = exportBlock(graph.core, 0)
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

/** A graph in the memory of another one. */
async function copyOf(graph: VamanaGraph, marks: NodeMarks = exportMarks(graph.core)): Promise<VamanaGraph> {
  const copy = await graphOf({ ...set, vectors: new Float32Array(0) })
  const block = blockOf(graph)
  checkMarks(marks)
  const { wideCodes, narrowCodes } = extendCodes(copy.core, block.nodes)
  wideCodes.set(block.wideCodes)
  narrowCodes.set(block.narrowCodes)
  const incoming = uncounted(marks.states)
  takeBlockRows(copy.core, 0, block, marks.states, incoming)
  for (const _ of importMarks(copy.core, marks, incoming));
  return copy
}

const bytesOf = (graph: VamanaGraph) => Buffer.concat([...graph.digestBytes()].map((bytes) => bytes.slice()))

describe('blocks of nodes', () => {
  test('give the same graph, which goes on in the same way', async () => {
    const graph = await builtGraph(set, 'bulk')
    graph.run(graph.consolidate(bitmapOf(1500, (node) => node % 5 === 0)))
    const copy = await copyOf(graph)
    expect(copy.checkInvariants()).toEqual([])
    expect(bytesOf(copy).equals(bytesOf(graph))).toBe(true)
    expect([...copy.core.entries.nodes]).toEqual([...graph.core.entries.nodes])
    for (const each of [graph, copy]) {
      const nodes = rowsOf(set)
        .slice(0, 400)
        .map((row) => each.add(row))
      each.run(each.insert(Uint32Array.from(nodes)))
    }
    expect(bytesOf(copy).equals(bytesOf(graph))).toBe(true)
  })

  test('keep a count of incoming edges that has once been 255, and refuse a wrong one below', async () => {
    const graph = await builtGraph(set, 'bulk')
    graph.core.setInDegree(7, 255)
    expect((await copyOf(graph)).core.inDegree(7)).toBe(255)
    graph.core.setInDegree(7, 254)
    await expect(copyOf(graph)).rejects.toThrow('node 7 has in-degree')
  })

  test('know of any number of incoming edges whether it is the one that was counted', async () => {
    for (const sources of [254, 255, 256, 300]) {
      const core = (await graphOf({ ...set, vectors: new Float32Array(0) })).core
      extendCodes(core, sources + 1)
      const marks = {
        states: new Uint8Array(sources + 1).fill(LINKED),
        inDegrees: new Uint8Array(sources + 1),
        entries: Uint32Array.of(0),
      }
      const offsets = Uint32Array.from({ length: sources + 2 }, (_, node) => Math.max(0, node - 1))
      const incoming = uncounted(marks.states)
      takeBlockRows(core, 0, { offsets, neighbours: new Uint32Array(sources) }, marks.states, incoming)
      const importing = () => [...importMarks(core, marks, incoming)]
      marks.inDegrees[0] = 254
      if (sources === 254) expect(importing).not.toThrow()
      else expect(importing).toThrow('node 0 has in-degree')
      marks.inDegrees[0] = 255
      expect(importing).not.toThrow()
      expect([core.inDegree(0), core.row(sources)[1], core.linkedCount]).toEqual([255, 0, sources + 1])
    }
  })

  test('refuse marks of another graph', async () => {
    const graph = await builtGraph(set, 'bulk')
    const marks = exportMarks(graph.core)
    const states = marks.states.slice(1)
    await expect(copyOf(graph, { ...marks, states, inDegrees: marks.inDegrees.slice(1) })).rejects.toThrow(RangeError)
  })
})

describe('what cannot be a graph', () => {
  const states = Uint8Array.of(LINKED, LINKED, CODED, FREE)
  const rows = (offsets: number[], neighbours: number[]) => ({
    offsets: Uint32Array.from(offsets),
    neighbours: Uint32Array.from(neighbours),
  })

  /** Both ways in which rows are checked. */
  const refusals = async (given: NodeBlockRows) => {
    const { core } = await graphOf({ ...set, vectors: new Float32Array(0) })
    extendCodes(core, states.length)
    return [() => checkBlockRows(given, 0, states), () => takeBlockRows(core, 0, given, states, uncounted(states))]
  }

  test('is refused, and what can be is not', async () => {
    for (const check of await refusals(rows([0, 1, 2, 2, 2], [1, 0]))) check()
  })

  test.each([
    ['too few offsets', [0, 1, 2, 2], [1, 0]],
    ['offsets that do not begin at 0', [1, 1, 2, 2, 2], [1, 0]],
    ['offsets that do not span the edges', [0, 1, 1, 1, 1], [1, 0]],
    ['offsets that fall', [0, 2, 1, 2, 2], [1, 0]],
    ['an edge to the node itself', [0, 1, 2, 2, 2], [0, 0]],
    ['an edge to a node that is not linked', [0, 1, 2, 2, 2], [2, 0]],
    ['an edge to a node that does not exist', [0, 1, 2, 2, 2], [1, 4]],
    ['a row of a node that is not linked', [0, 0, 0, 1, 1], [1]],
    ['a row that is too long', [0, 64, 64, 64, 64], Array(64).fill(1)],
  ])('%s', async (_, offsets, neighbours) => {
    for (const check of await refusals(rows(offsets, neighbours))) expect(check).toThrow(RangeError)
  })

  test.each([
    ['a state that is none', [LINKED, 3], [0, 0], [0]],
    ['fewer in-degrees than states', [LINKED, LINKED], [0], [0]],
    ['an entry that is not linked', [LINKED, CODED], [0, 0], [1]],
    ['an entry that does not exist', [LINKED, LINKED], [0, 0], [2]],
    ['no entry', [LINKED, LINKED], [0, 0], []],
  ])('%s', (_, states, inDegrees, entries) => {
    const marks = {
      states: Uint8Array.from(states),
      inDegrees: Uint8Array.from(inDegrees),
      entries: Uint32Array.from(entries),
    }
    expect(() => checkMarks(marks)).toThrow(RangeError)
  })
})
