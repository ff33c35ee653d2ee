import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readLog, VectorStore } from '../../src/store/public.ts'
import { CliFixture } from './support/cli-fixture.ts'
import { someVectors } from './support/vector-bytes.ts'

const SLOTS = 17_000
const DELETED = 8500
const LEFT = SLOTS - DELETED
/** Slots of a chunk; what is left of one has moved to new slots. */
const CHUNK = 16_384

const NO_UPKEEP = { consolidateShare: 1, rebuildShare: Number.POSITIVE_INFINITY }

interface Figures {
  readonly memory: { total: number; components: Record<string, number> }
}
interface OptimizeJson {
  readonly before: Figures
  readonly after: Figures
}

let cli: CliFixture
beforeAll(async () => {
  cli = await CliFixture.create()
  const store = await VectorStore.open(cli.store, { threads: 0, bufferEntries: 2 ** 30, ...NO_UPKEEP })
  const rows = await store.collection('rows', { dimensions: 4, metric: 'euclidean' })
  await rows.addAll(someVectors(SLOTS, 4).map((vector, row) => ({ id: String(row), vector })))
  await rows.flush()
  const deleted = Array.from({ length: DELETED }, (_, row) => String(row))
  // A store compacts by itself, but does not look again after every few deaths.
  await rows.delete(deleted.slice(0, 8000))
  await rows.settled()
  await rows.delete(deleted.slice(8000))
  await store.collection('empty', { dimensions: 4, metric: 'dot' })
  await store.close()
})
afterAll(() => cli.remove())

describe('optimize', () => {
  test('compacts, builds anew, and prints what changed', async () => {
    const report = await cli.json<OptimizeJson>('optimize', cli.store, 'rows')
    const moved = CHUNK - DELETED
    expect(report).toEqual({
      collection: 'rows',
      dimensions: 4,
      metric: 'euclidean',
      catchUpMs: expect.any(Number),
      compactMs: expect.any(Number),
      buildMs: expect.any(Number),
      before: {
        entries: LEFT,
        slots: SLOTS,
        nodes: SLOTS,
        deadNodes: DELETED,
        codes: 'float32',
        memory: { total: expect.any(Number), components: expect.any(Object) },
      },
      after: {
        entries: LEFT,
        slots: SLOTS - CHUNK + moved,
        nodes: LEFT,
        deadNodes: 0,
        codes: 'float32',
        memory: { total: expect.any(Number), components: expect.any(Object) },
      },
    })
    const { before, after } = report
    for (const { memory } of [before, after]) {
      const sum = Object.values(memory.components).reduce((total, bytes) => total + bytes, 0)
      expect(memory.total).toBe(sum)
    }
    expect(after.memory.components.indexGraph).toBeGreaterThan(0)
    expect(after.memory.total).toBeLessThan(before.memory.total)
    expect(await cli.json('get', cli.store, 'rows', '8500', '16999')).toMatchObject({ missing: [] })
    expect((await cli.run('verify', cli.store)).exitCode).toBe(0)
  })

  test('prints a table', async () => {
    const { exitCode, stdout, stderr } = await cli.run('optimize', cli.store, 'rows')
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    const lines = stdout.split('\n')
    expect(lines[0]).toMatch(
      /^indexed rows \(8,500 entries of 4 dimensions, euclidean\) in [\d.]+ m?s, compacted in [\d.]+ m?s, after [\d.]+ m?s of catching up$/,
    )
    expect(lines[2]).toMatch(/^ +before +after$/)
    expect(lines).toContainEqual(expect.stringMatching(/^nodes +8,500 +8,500$/))
    expect(lines).toContainEqual(expect.stringMatching(/^dead nodes +0 +0$/))
    expect(lines).toContainEqual(expect.stringMatching(/^indexGraph +[\d.]+ MiB +[\d.]+ MiB$/))
    expect(lines.at(-2)).toMatch(/^memory +[\d.]+ MiB +[\d.]+ MiB$/)
  })

  test('finds nothing to do where there is nothing', async () => {
    const report = await cli.json('optimize', cli.store, 'empty')
    const figures = { entries: 0, slots: 0, nodes: 0, deadNodes: 0 }
    expect(report).toMatchObject({ before: figures, after: figures })
  })

  test('of a collection that is not there fails', async () => {
    const { exitCode, stdout, stderr } = await cli.run('optimize', cli.store, 'columns')
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' })
    expect(stderr).toMatch(/\(ERR_COLLECTION_NOT_FOUND\)\n$/)
  })

  test('ends with an interruption, and the listener is taken off', async () => {
    const listeners = new Set<() => void>()
    const onSigint = (listener: () => void) => {
      listeners.add(listener)
      listener()
      return () => listeners.delete(listener)
    }
    const logLength = async (): Promise<number> => {
      let length = 0
      for await (const { lsn } of readLog(cli.store)) length = lsn
      return length
    }
    const before = await logLength()
    const { exitCode, stdout, stderr } = await cli.runWith({ onSigint }, 'optimize', cli.store, 'rows')
    expect({ exitCode, stdout }).toEqual({ exitCode: 130, stdout: '' })
    expect(stderr).toBe('annals: interrupted before the new index was built; every entry is as it was\n')
    expect(listeners.size).toBe(0)
    expect(await logLength()).toBe(before)
  })
})
