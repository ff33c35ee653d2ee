import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { QuantizeReport } from '../../src/store/public.ts'
import { VectorStore } from '../../src/store/public.ts'
import { CliFixture } from './support/cli-fixture.ts'
import { someVectors } from './support/vector-bytes.ts'

const ENTRIES = 17_000
const CHUNK_BYTES = 16_384 * 4 * 4

let cli: CliFixture
beforeAll(async () => {
  cli = await CliFixture.create()
  const store = await VectorStore.open(cli.store, { threads: 0, bufferEntries: 2 ** 30 })
  const rows = await store.collection('rows', { dimensions: 4, metric: 'euclidean' })
  await rows.addAll(someVectors(ENTRIES, 4).map((vector, row) => ({ id: String(row), vector })))
  await store.close()
})
afterAll(() => cli.remove())

describe('quantize', () => {
  test('switches, and prints what that brought', async () => {
    const report = await cli.json<QuantizeReport>('quantize', cli.store, 'rows', 'int8')
    expect(report).toEqual({
      collection: 'rows',
      lsn: expect.any(Number),
      before: { mode: 'none', recall: 1, latencyMs: expect.any(Object), memory: expect.any(Object) },
      after: { mode: 'int8', recall: 1, latencyMs: expect.any(Object), memory: expect.any(Object) },
      queries: 100,
      originals: { residence: 'disk', chunks: 1, chunksOnDisk: 1 },
      index: {},
      durationMs: expect.any(Number),
    })
    const bytesOf = ({ memory }: QuantizeReport['before']) => memory.components.originals!
    expect(bytesOf(report.before) - bytesOf(report.after)).toBe(CHUNK_BYTES)
    const stats = await cli.json<{ collections: unknown[] }>('stats', cli.store)
    expect(stats.collections).toMatchObject([{ quantization: 'int8' }])
    expect((await cli.run('stats', cli.store)).stdout).toMatch(/^rows +17,000 +4 +float32 +euclidean +int8 /m)
    expect((await cli.run('log', cli.store)).stdout).toMatch(/quantize +rows +int8/)
    expect((await cli.run('verify', cli.store)).exitCode).toBe(0)
  })

  test('prints a table', async () => {
    const { exitCode, stdout } = await cli.run('quantize', cli.store, 'rows', 'none')
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^rows is none since LSN \d+, and was int8; switched in [\d.,]+ m?s\n/)
    expect(stdout).toContain('\n0 of 1 full chunk of vectors on disk only\n')
    expect(stdout).toMatch(/^recall@10 of 100 queries +1\.0000 +1\.0000$/m)
    expect(stdout).toMatch(/^median search +[\d.]+ ms +[\d.]+ ms$/m)
    expect(stdout).toMatch(/^originals +[\d.]+ KiB +[\d.]+ [KM]iB$/m)
  })

  test('says in which form an index is, and warns where binary does not fit', async () => {
    const store = await VectorStore.open(cli.store, { threads: 0, bufferEntries: 2 ** 30 })
    const few = await store.collection('few', { dimensions: 64, metric: 'euclidean' })
    await few.addAll(someVectors(300, 64).map((vector, row) => ({ id: String(row), vector })))
    await few.optimize()
    await store.close()
    const { stdout } = await cli.run('quantize', cli.store, 'few', 'binary')
    expect(stdout).toContain('\nwhat searches need of the index in memory\n')
    const warning =
      "'binary' does not fit 'few': its vectors have 64 dimensions, and below 256 one bit of each says little"
    expect(stdout).toContain(`\nwarning: ${warning}. 'int8' finds more, for more memory\n`)
    expect(stdout).toMatch(/^indexCodes +[\d.]+ [KM]iB +[\d.]+ KiB$/m)
    const back = await cli.json<QuantizeReport>('quantize', cli.store, 'few', 'none')
    expect([back.warning, back.index]).toEqual([undefined, { form: 'whole' }])
    expect((await cli.run('stats', cli.store)).stdout).toMatch(/^few +300 +0 +300 +0 +4-bit +whole +settled$/m)
  })

  test('refuses what is no mode, and what there is not', async () => {
    const wrong = await cli.run('quantize', cli.store, 'rows', 'int4')
    expect([wrong.exitCode, wrong.stderr]).toEqual([
      2,
      expect.stringContaining("<mode> must be one of none, int8, binary, not 'int4'"),
    ])
    const missing = await cli.run('quantize', cli.store, 'nothing', 'int8')
    expect([missing.exitCode, missing.stderr]).toEqual([1, expect.stringContaining('ERR_COLLECTION_NOT_FOUND')])
  })
})
