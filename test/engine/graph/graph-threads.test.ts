import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Job } from '../../../src/engine/graph/job.ts'
import type { VamanaGraph } from '../../../src/engine/graph/vamana-graph.ts'
import { FIRST_BUILD_THREAD } from '../../../src/engine/workers/thread-numbers.ts'
import { readGloveFixture } from '../../fixtures/glove.ts'
import { Random } from '../../support/random.ts'
import { allNodes, bitmapOf, graphOf, type VectorSet } from './graph-fixture.ts'
import { clusterSet, logNormalSet } from './vector-sets.ts'

const glove = (limit: number): VectorSet => {
  const { vectors, dimensions } = readGloveFixture(limit)
  return { metric: 'cosine', dimensions, vectors }
}

type Work = (graph: VamanaGraph, run: (job: Job<unknown>) => void) => void

const WORK: Record<string, { set: () => VectorSet; work: Work; digest: string }> = {
  'insertion and consolidation': {
    set: () => glove(3000),
    work: (graph, run) => {
      const nodes = allNodes(graph)
      run(graph.insert(nodes.subarray(0, 2500)))
      run(graph.consolidate(bitmapOf(2500, (node) => node % 5 === 2)))
      run(graph.insert(nodes.subarray(2500)))
    },
    digest: '8cc5dc89fb1bf01716e90233893212de',
  },
  'bulk build': {
    set: () => glove(5000),
    work: (graph, run) => run(graph.bulk(allNodes(graph))),
    digest: '295cdda53ab41957a41ed46649a5028c',
  },
  'bulk build of torn clusters': {
    set: () => clusterSet('euclidean', 4000, 40, 400, 0.02),
    work: (graph, run) => run(graph.bulk(allNodes(graph))),
    digest: '0a9a0b2fff39b131d9623c84ff52c1d8',
  },
  'dot, insertion into a bulk build': {
    set: () => logNormalSet(3000, 24),
    work: (graph, run) => {
      const nodes = allNodes(graph)
      run(graph.bulk(nodes.subarray(0, 2000)))
      run(graph.insert(nodes.subarray(2000)))
    },
    digest: '7c4d9e48ee0e125a26eb99f18b47882f',
  },
}

describe('a graph is a function of its input alone', () => {
  test.each(Object.entries(WORK))('%s', async (_, { set, work, digest }) => {
    for (const threads of [1, 2, 4]) {
      const graph = await graphOf(set())
      for (let worker = 0; worker < threads; worker++) graph.core.scratch(FIRST_BUILD_THREAD + worker)
      work(graph, (job) => runOnThreads(graph, job, threads))
      expect(graph.checkInvariants()).toEqual([])
      expect(digestOf(graph)).toBe(digest)
    }
  })
})

describe('the slices of a job', () => {
  test.each<[string, number]>([
    ['linkNodes', 64],
    ['reverseEdges', 128],
    ['assignLeaders', 2500],
    ['nearestInLeaves', 1],
    ['linkFromEdges', 128],
    ['linkReverse', 128],
    ['refineNodes', 64],
  ])('of %s have a bounded number of items', async (task, most) => {
    const graph = await graphOf(glove(4000))
    const nodes = allNodes(graph)
    const seen: number[] = []
    for (const job of [graph.bulk(nodes.subarray(0, 3000)), graph.insert(nodes.subarray(3000))]) {
      for (let step = job.next(); !step.done; step = job.next()) {
        if (step.value.task === task) seen.push(step.value.sliceItems)
        graph.core.runTask(step.value, 0, 0, step.value.items)
      }
    }
    expect(seen.length).toBeGreaterThan(0)
    expect(Math.max(...seen)).toBeLessThanOrEqual(most)
  })
})

/**
 * Runs a job as so many threads would: each has its own scratch and a range of its own of every phase. The ranges are cut
 * into slices, and the slices of all threads are run in random order.
 */
function runOnThreads(graph: VamanaGraph, job: Job<unknown>, threads: number): void {
  const random = new Random(threads)
  for (let step = job.next(); !step.done; step = job.next()) {
    const { items } = step.value
    const slices: { thread: number; from: number; to: number }[] = []
    for (let thread = 0; thread < threads; thread++) {
      const end = Math.floor(((thread + 1) * items) / threads)
      for (let from = Math.floor((thread * items) / threads); from < end; ) {
        const to = Math.min(end, from + random.nextBetween(1, Math.max(1, items >> 2)))
        slices.push({ thread, from, to })
        from = to
      }
    }
    for (const { thread, from, to } of threads === 1 ? slices : random.shuffle(slices)) {
      graph.core.runTask(step.value, FIRST_BUILD_THREAD + thread, from, to)
    }
  }
}

function digestOf(graph: VamanaGraph): string {
  const hash = createHash('sha256')
  for (const bytes of graph.digestBytes()) hash.update(bytes)
  return hash.digest('hex').slice(0, 32)
}
