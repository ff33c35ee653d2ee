import { describe, expect, test } from 'vitest'
import type { GraphCore } from '../../../src/engine/graph/graph-core.ts'
import type { TaskName } from '../../../src/engine/graph/graph-kernel.ts'
import type { Job, Phase } from '../../../src/engine/graph/job.ts'
import type { VamanaGraph } from '../../../src/engine/graph/vamana-graph.ts'
import { SavedRows } from '../../../src/engine/workers/saved-rows.ts'
import { digestOf, gloveSet, jobsOf } from '../../suites/phase-host-suite.ts'
import { Random } from '../../support/random.ts'
import { graphOf } from '../graph/graph-fixture.ts'

/** The node whose row a task writes for an item. */
const NODE_OF: Partial<Record<TaskName, (core: GraphCore, item: number, parameters: readonly number[]) => number>> = {
  linkNodes: (core, item, [nodes]) => core.words(nodes! + item * 4, 1)[0]!,
  linkFromEdges: (core, item, [nodes]) => core.words(nodes! + item * 4, 1)[0]!,
  linkReverse: (core, item, [nodes]) => core.words(nodes! + item * 4, 1)[0]!,
  spliceDead: (_, item) => item,
  reverseEdges: (core, item, [pairs, groups, , firstGroup]) => {
    const first = core.words(groups! + (firstGroup! + item) * 4, 1)[0]!
    return core.words(pairs! + first * 8 + 4, 1)[0]!
  },
}

describe('a thread that ends in the middle of a range leaves no trace', () => {
  test('once what the range overwrites is put back', async () => {
    const set = gloveSet(6000)
    const alone = await graphOf(set)
    for (const job of jobsOf(alone, set)) alone.run(job())
    for (const seed of [1, 2]) {
      const graph = await graphOf(set)
      for (const thread of [2, 3]) graph.core.scratch(thread)
      const torn = new Set<TaskName>()
      for (const job of jobsOf(graph, set)) runWithDeaths(graph, job(), new Random(seed), torn)
      expect(graph.checkInvariants()).toEqual([])
      expect(digestOf(graph)).toBe(digestOf(alone))
      expect([...torn].sort()).toEqual(Object.keys(NODE_OF).sort())
    }
  })
})

/** Each range is run in part by a thread that leaves a half-written row behind, and then by another. */
function runWithDeaths({ core }: VamanaGraph, job: Job, random: Random, torn: Set<TaskName>): void {
  for (let step = job.next(); !step.done; step = job.next()) {
    const { items, sliceItems } = step.value
    for (const { from, to } of random.shuffle(rangesOf(items, sliceItems * 2, random))) {
      const saved = SavedRows.of(core, step.value, { from, to })
      const end = random.nextBetween(from, to)
      core.runTask(step.value, 2, from, end)
      if (end < to) tear(core, step.value, end, random, torn)
      saved?.restore()
      core.runTask(step.value, 3, from, to)
    }
  }
}

function rangesOf(items: number, most: number, random: Random): { from: number; to: number }[] {
  const ranges: { from: number; to: number }[] = []
  for (let from = 0; from < items; ) {
    const to = Math.min(items, from + random.nextBetween(1, most))
    ranges.push({ from, to })
    from = to
  }
  return ranges
}

/** Appending writes behind the row's neighbours; everything else may have got to any word of it. */
function tear(core: GraphCore, { task, parameters }: Phase, item: number, random: Random, torn: Set<TaskName>): void {
  const nodeOf = task && NODE_OF[task]
  if (nodeOf === undefined) return
  const row = core.row(nodeOf(core, item, parameters))
  const first = task === 'reverseEdges' ? row[0]! + 1 : 0
  for (let i = first; i < row.length; i++) if (random.nextBoolean()) row[i] = random.nextInt(core.nodeCount)
  torn.add(task!)
}
