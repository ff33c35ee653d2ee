import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CliFixture } from './support/cli-fixture.ts'

let cli: CliFixture
beforeEach(async () => {
  cli = await CliFixture.create()
})
afterEach(() => cli.remove())

interface Got {
  readonly entries: { readonly vector: number[] }[]
}

interface Found {
  readonly hits: { readonly id: string; readonly distance: number }[]
}

function bvecs(...rows: number[][]): Buffer {
  return Buffer.concat(
    rows.map((row) => Buffer.concat([Buffer.from(Int32Array.of(row.length).buffer), Buffer.from(row)])),
  )
}

async function vectorsOf(collection: string, ...ids: string[]): Promise<number[][]> {
  const { entries } = await cli.json<Got>('get', cli.store, collection, ...ids, '--vector')
  return entries.map(({ vector }) => vector)
}

describe('import --type', () => {
  test('keeps whole numbers as bytes, and stats and log name the type', async () => {
    const file = await cli.writeJsonLines('rows.jsonl', [
      { id: 'a', vector: [-128, 127] },
      { id: 'b', vector: [0, 1] },
    ])
    const imported = await cli.run('import', cli.store, 'rows', file, '--type', 'int8', '--metric', 'dot')
    expect(imported.stdout).toContain('imported 2 vectors of 2 dimensions in int8 into rows (dot, 2 added, 0 replaced)')
    expect(await vectorsOf('rows', 'a', 'b')).toEqual([
      [-128, 127],
      [0, 1],
    ])
    const { stdout } = await cli.run('stats', cli.store)
    expect(stdout).toMatch(/collection +entries +dimensions +type +metric/)
    expect(stdout).toMatch(/rows +2 +2 +int8 +dot/)
    expect((await cli.run('log', cli.store)).stdout).toContain('2 dimensions of int8, dot')
    // What is there keeps its type.
    await cli.json('import', cli.store, 'rows', await cli.writeFvecs('more.fvecs', [[5, 6]]))
    expect(await vectorsOf('rows', '0')).toEqual([[5, 6]])
    const other = await cli.run('import', cli.store, 'rows', file, '--type', 'uint8')
    expect(other.stderr).toContain('ERR_COLLECTION_MISMATCH')
  })

  test('rounds to float16, and says where a number is beyond it', async () => {
    const file = await cli.writeFvecs('rows.fvecs', [
      [0.1, 1 / 3],
      [1, 70_000],
    ])
    const { exitCode, stderr } = await cli.run('import', cli.store, 'rows', file, '--type', 'float16')
    expect(exitCode).toBe(1)
    expect(stderr).toContain('record 2: element 1 of the vector is beyond what float16 can hold')
    expect(await vectorsOf('rows', '0')).toEqual([[0.099975586, 0.33325195]])
  })

  test.each([
    ['int8', [1, 0.5], 'element 1 of the vector, 0.5, is not a whole number from -128 to 127, which int8 needs'],
    ['uint8', [256, 0], 'element 0 of the vector, 256, is not a whole number from 0 to 255, which uint8 needs'],
    [
      'binary',
      [0, 1, 2, 0, 0, 0, 0, 0],
      'element 2 of the vector, 2, is not a whole number from 0 to 1, which binary needs',
    ],
  ])('stops at what %s cannot hold', async (type, vector, message) => {
    const file = await cli.writeJsonLines('rows.jsonl', [{ id: 'a', vector }])
    const { exitCode, stderr } = await cli.run('import', cli.store, 'rows', file, '--type', type)
    expect(exitCode).toBe(1)
    expect(stderr).toContain(`rows.jsonl, line 1: ${message}`)
  })

  test('takes bits as zeros and ones, and prints and searches them so', async () => {
    const bits = [1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1]
    const file = await cli.writeJsonLines('rows.jsonl', [
      { id: 'a', vector: bits },
      { id: 'b', vector: bits.map((bit) => 1 - bit) },
    ])
    await cli.json('import', cli.store, 'rows', file, '--type', 'binary')
    expect(await vectorsOf('rows', 'a')).toEqual([bits])
    const { hits } = await cli.json<Found>('search', cli.store, 'rows', '--vector', JSON.stringify(bits.with(0, 0)))
    expect(hits).toEqual([
      { id: 'a', distance: 1 },
      { id: 'b', distance: 15 },
    ])
    const queries = await cli.writeFvecs('queries.fvecs', [bits])
    const { exitCode, stdout } = await cli.run('eval', cli.store, 'rows', '--queries', queries, '--k', '2')
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining('recall@2')])
  })

  test('of bvecs makes uint8, or bits of packed bytes', async () => {
    const file = await cli.write('rows.bvecs', bvecs([1, 128, 255], [0, 7, 9]))
    const ids = await cli.write('ids.txt', 'one\ntwo\n')
    await cli.json('import', cli.store, 'bytes', file, '--metric', 'euclidean', '--ids', ids)
    expect(await vectorsOf('bytes', 'one', 'two')).toEqual([
      [1, 128, 255],
      [0, 7, 9],
    ])
    const found = await cli.run('search', cli.store, 'bytes', '--queries', file, '--k', '1', '--json')
    const lines = found.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Found)
    expect(lines.map(({ hits }) => hits)).toEqual([[{ id: 'one', distance: 0 }], [{ id: 'two', distance: 0 }]])
    await cli.json('import', cli.store, 'bits', file, '--type', 'binary')
    expect((await vectorsOf('bits', '1'))[0]).toEqual(
      [0, 7, 9].flatMap((byte) => [0, 1, 2, 3, 4, 5, 6, 7].map((bit) => (byte >> bit) & 1)),
    )
    const { stdout } = await cli.run('stats', cli.store)
    expect(stdout).toMatch(/bytes +2 +3 +uint8 +euclidean/)
    expect(stdout).toMatch(/bits +2 +24 +binary +hamming/)
  })
})
