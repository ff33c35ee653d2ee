import { createHash } from 'node:crypto'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { GraphCore } from '../../src/engine/graph/graph-core.ts'
import { type Job, PAUSE, phase } from '../../src/engine/graph/job.ts'
import { withArea } from '../../src/engine/graph/job-memory.ts'
import type { VamanaGraph } from '../../src/engine/graph/vamana-graph.ts'
import type { PhaseHost } from '../../src/engine/workers/phase-host.ts'
import { allNodes, bitmapOf, graphOf, rowsOf, type VectorSet } from '../engine/graph/graph-fixture.ts'
import { readGloveFixture } from '../fixtures/glove.ts'

export interface PhaseHostFixture<Host extends PhaseHost = PhaseHost> {
  readonly host: Host
  close(): Promise<void>
}

const NODES = 2000
/** Nodes that are taken again after they were freed. */
const REPLACED_NODES = 200
/** So many bytes that no area of a graph has as many. */
const AREA_BYTES = 3_000_000

export function gloveSet(nodes = NODES): VectorSet {
  const { vectors, dimensions } = readGloveFixture(nodes)
  return { metric: 'cosine', dimensions, vectors }
}

/** All kinds of jobs, one after another. */
export function jobsOf(graph: VamanaGraph, set: VectorSet): (() => Job)[] {
  const nodes = allNodes(graph)
  const half = nodes.length >> 1
  const rows = rowsOf(set)
  return [
    () => graph.bulk(nodes.subarray(0, half)),
    () => graph.insert(nodes.subarray(half)),
    () => graph.consolidate(bitmapOf(nodes.length, (node) => node % 7 === 3)),
    function* () {
      const reserved = Uint32Array.from({ length: REPLACED_NODES }, () => graph.reserve())
      yield* graph.encode(reserved, (index, target) => target.set(rows[index]!.map((component) => -component)))
      yield* graph.insert(reserved)
    },
  ]
}

/** Of edges and codes. */
export function digestOf(graph: VamanaGraph): string {
  const hash = createHash('sha256')
  for (const bytes of graph.digestBytes()) hash.update(bytes)
  return hash.digest('hex')
}

/** A job that holds an area, pauses, and notes how it ends. */
function watchedJob(
  core: GraphCore,
  part: (at: number) => Job<unknown>,
): { job: Job; at: () => number; log: string[] } {
  const log: string[] = []
  let areaAt = 0
  const job = (function* (): Job {
    try {
      yield* withArea(core, AREA_BYTES, function* (at) {
        areaAt = at
        yield PAUSE
        yield* part(at)
      })
      log.push('end')
    } finally {
      log.push('finally')
    }
  })()
  return { job, at: () => areaAt, log }
}

/** What every host of jobs does. */
export function phaseHostSuite(name: string, create: () => PhaseHostFixture): void {
  describe(name, () => {
    let set: VectorSet
    let expected: string
    let host: PhaseHost
    let close: () => Promise<void>

    beforeAll(async () => {
      set = gloveSet()
      const graph = await graphOf(set)
      for (const job of jobsOf(graph, set)) graph.run(job())
      expected = digestOf(graph)
    })
    beforeEach(() => {
      const fixture = create()
      host = fixture.host
      close = fixture.close
    })
    afterEach(() => close())

    test('gives the graph that one thread gives', async () => {
      const graph = await graphOf(set)
      for (const job of jobsOf(graph, set)) await host.run(graph.core, job())
      expect(graph.checkInvariants()).toEqual([])
      expect(digestOf(graph)).toBe(expected)
      host.forget(graph.core)
    })

    test('runs jobs on two graphs at once', async () => {
      const graphs = [await graphOf(set), await graphOf(set)]
      await Promise.all(
        graphs.map(async (graph) => {
          for (const job of jobsOf(graph, set)) await host.run(graph.core, job())
        }),
      )
      expect(graphs.map(digestOf)).toEqual([expected, expected])
    })

    test('lets the main thread search meanwhile', async () => {
      const graph = await graphOf(set)
      const query = set.vectors.subarray(0, set.dimensions)
      let isOver = false
      const built = host.run(graph.core, graph.bulk(allNodes(graph))).finally(() => {
        isOver = true
      })
      while (!isOver) {
        const { nodes } = graph.search(query, { listSize: 20 })
        expect([...nodes].every((node) => node < NODES)).toBe(true)
        await new Promise((resolve) => setImmediate(resolve))
      }
      await built
      expect(graph.search(query, { listSize: 20 }).nodes[0]).toBe(0)
    })

    test('gives the result of a job', async () => {
      const graph = await graphOf(set)
      const job = (function* (): Job<string> {
        yield PAUSE
        return 'result'
      })()
      expect(await host.run(graph.core, job)).toBe('result')
    })

    test('says of each phase how many of its items are done', async () => {
      const graph = await graphOf(set)
      const said: number[] = []
      const wanted: number[] = []
      const listenedTo = function* (job: Job): Job {
        for (let step = job.next(); !step.done; step = job.next()) {
          const index = said.push(0) - 1
          wanted.push(step.value.items)
          const noteDone = (items: number): void => {
            said[index]! += items
          }
          yield { ...step.value, noteDone }
        }
      }
      for (const job of jobsOf(graph, set)) await host.run(graph.core, listenedTo(job()))
      expect(said).toEqual(wanted)
      expect(digestOf(graph)).toBe(expected)
    })

    test('gives the error of a job, which has given its memory back', async () => {
      const { core } = await graphOf(set)
      const { job, at, log } = watchedJob(core, function* (area) {
        yield phase('assignLeaders', 64, 16, area, area, 1, area + 1024, 1)
        throw new RangeError('no more')
      })
      await expect(host.run(core, job)).rejects.toThrow(new RangeError('no more'))
      expect(log).toEqual(['finally'])
      expect(core.memory.allocate(AREA_BYTES)).toBe(at())
    })

    test('gives the error of a task', async () => {
      const { core } = await graphOf(set)
      const { job, at, log } = watchedJob(core, function* () {
        yield phase('linkFromEdges', 1000, 10, 0xffff_0000, 0, 0)
      })
      await expect(host.run(core, job)).rejects.toThrow('memory access out of bounds')
      expect(log).toEqual(['finally'])
      expect(core.memory.allocate(AREA_BYTES)).toBe(at())
    })

    test('ends an aborted job between slices', async () => {
      const { core } = await graphOf(set)
      const reason = new Error('enough')
      const controller = new AbortController()
      const { job, at, log } = watchedJob(core, function* (area) {
        controller.abort(reason)
        yield phase('assignLeaders', 1000, 16, area, area, 1, area + 4096, 1)
      })
      await expect(host.run(core, job, controller.signal)).rejects.toMatchObject({ code: 'ERR_ABORTED', cause: reason })
      expect(log).toEqual(['finally'])
      expect(core.memory.allocate(AREA_BYTES)).toBe(at())
    })

    test('does not begin a job that is aborted before', async () => {
      const { core } = await graphOf(set)
      const { job, log } = watchedJob(core, function* () {})
      await expect(host.run(core, job, AbortSignal.abort())).rejects.toMatchObject({ code: 'ERR_ABORTED' })
      expect(log).toEqual([])
    })

    test('runs a job after another has failed', async () => {
      const graph = await graphOf(set)
      const { job } = watchedJob(graph.core, function* () {
        yield PAUSE
        throw new Error('no more')
      })
      await expect(host.run(graph.core, job)).rejects.toThrow('no more')
      for (const next of jobsOf(graph, set)) await host.run(graph.core, next())
      expect(digestOf(graph)).toBe(expected)
    })
  })
}
