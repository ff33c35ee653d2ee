import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CliFixture } from './support/cli-fixture.ts'
import { someVectors } from './support/vector-bytes.ts'

let cli: CliFixture
beforeEach(async () => {
  cli = await CliFixture.create()
})
afterEach(() => cli.remove())

interface StatsJson {
  readonly collections: { name: string; dimensions: number; metric: string; count: number }[]
}

async function onlyCollection() {
  const { collections } = await cli.json<StatsJson>('stats', cli.store)
  expect(collections).toHaveLength(1)
  return collections[0]!
}

describe('fvecs', () => {
  test('takes dimensions from the data and counts rows from 0', async () => {
    const file = await cli.writeFvecs('rows.fvecs', someVectors(250, 7))
    const { exitCode, stdout, stderr } = await cli.run('import', cli.store, 'rows', file)
    expect(stderr).toBe('')
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(
      /^imported 250 vectors of 7 dimensions into rows \(cosine, 250 added, 0 replaced\) in .*vectors\/s\n/,
    )
    // So few get no index, which is nothing to speak of.
    expect(stdout).toMatch(/durable up to LSN \d+, log [\d.]+ [KM]iB\n$/)
    expect(await onlyCollection()).toMatchObject({ name: 'rows', dimensions: 7, metric: 'cosine', count: 250 })
    expect(await cli.json('get', cli.store, 'rows', '0', '249', '250').catch(String)).toContain('no entry 250')
  })

  test('takes ids from a file', async () => {
    const file = await cli.writeFvecs('rows.fvecs', someVectors(3, 2))
    const ids = await cli.write('ids.txt', 'one\r\ntwo\nüç drei')
    await cli.json('import', cli.store, 'rows', file, '--ids', ids)
    expect(await cli.json('get', cli.store, 'rows', 'one', 'two', 'üç drei')).toMatchObject({ missing: [] })
  })

  test('keeps every bit of a vector', async () => {
    const vector = [1e-45, -3.4e38, 0.1, Math.PI, -0.25].map(Math.fround)
    const file = await cli.writeFvecs('rows.fvecs', [vector])
    await cli.json('import', cli.store, 'rows', file, '--metric', 'euclidean')
    const { entries } = await cli.json<{ entries: { vector: number[] }[] }>('get', cli.store, 'rows', '0', '--vector')
    expect(entries[0]!.vector.map(Math.fround)).toEqual(vector)
  })

  test('reads vectors that cross the blocks of the file', async () => {
    const file = await cli.writeFvecs('large.data', someVectors(701, 211))
    expect(await cli.json('import', cli.store, 'rows', file, '--format', 'fvecs')).toMatchObject({
      vectors: 701,
      dimensions: 211,
    })
  })
})

describe('jsonl', () => {
  test('keeps metadata and skips blank lines', async () => {
    const file = await cli.write(
      'a.jsonl',
      '\ufeff{"id":"a","vector":[1,2],"metadata":{"n":[1,null]}}\r\n\n  \n{"id":"b","vector":[2,1]}',
    )
    expect(await cli.json('import', cli.store, 'words', file)).toMatchObject({ vectors: 2, added: 2 })
    expect(await cli.json('get', cli.store, 'words', 'a', 'b')).toEqual({
      entries: [{ id: 'a', metadata: { n: [1, null] } }, { id: 'b' }],
      missing: [],
    })
  })

  test('an id that is there already is replaced', async () => {
    const first = await cli.writeJsonLines('a.jsonl', [{ id: 'a', vector: [1, 2] }])
    const second = await cli.writeJsonLines('b.ndjson', [
      { id: 'a', vector: [3, 4] },
      { id: 'b', vector: [5, 6] },
    ])
    await cli.json('import', cli.store, 'words', first)
    expect(await cli.json('import', cli.store, 'words', second)).toMatchObject({ vectors: 2, added: 1, replaced: 1 })
  })
})

describe('collections', () => {
  test('a new one gets the metric that was asked for, and later imports keep it', async () => {
    const file = await cli.writeFvecs('rows.fvecs', someVectors(2, 3))
    await cli.json('import', cli.store, 'rows', file, '--metric', 'dot')
    expect(await cli.json('import', cli.store, 'rows', file)).toMatchObject({ metric: 'dot', replaced: 2 })
    const other = await cli.run('import', cli.store, 'rows', file, '--metric', 'cosine')
    expect(other).toMatchObject({ exitCode: 1, stdout: '' })
    expect(other.stderr).toContain('(ERR_COLLECTION_MISMATCH)')
  })

  test('vectors of other dimensions are refused', async () => {
    await cli.json('import', cli.store, 'rows', await cli.writeFvecs('a.fvecs', someVectors(2, 3)))
    const { exitCode, stderr } = await cli.run(
      'import',
      cli.store,
      'rows',
      await cli.writeFvecs('b.fvecs', someVectors(2, 4)),
    )
    expect(exitCode).toBe(1)
    expect(stderr).toContain('(ERR_COLLECTION_MISMATCH)')
  })

  test('--memory-limit ends it where the store would take more, and keeps what came before', async () => {
    const file = await cli.writeFvecs('a.fvecs', someVectors(4000, 256))
    const { exitCode, stderr } = await cli.run(
      'import',
      cli.store,
      'rows',
      file,
      '--memory-limit',
      '2',
      '--batch',
      '100',
      '--no-index',
    )
    expect(exitCode).toBe(1)
    expect(stderr).toContain('ERR_MEMORY_LIMIT')
    const { collections } = (await cli.json('stats', cli.store)) as { collections: { count: number }[] }
    expect(collections[0]?.count).toBeGreaterThan(0)
    expect(collections[0]?.count).toBeLessThan(4000)
  })

  test('--batch sets the entries of a record', async () => {
    await cli.json('import', cli.store, 'rows', await cli.writeFvecs('a.fvecs', someVectors(25, 3)), '--batch', '10')
    const { stdout } = await cli.run('log', cli.store, '--json')
    const added = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ type }) => type === 'add')
    expect(added.map(({ count }) => count)).toEqual([10, 10, 5])
  })

  test('--json prints one document', async () => {
    const file = await cli.write('a.jsonl', '{"id":"a","vector":[1,2]}')
    expect(await cli.json('import', cli.store, 'words', file)).toEqual({
      collection: 'words',
      dimensions: 2,
      type: 'float32',
      metric: 'cosine',
      vectors: 1,
      added: 1,
      replaced: 0,
      durableLsn: 2,
      logBytes: expect.any(Number),
      durationMs: expect.any(Number),
      vectorsPerSecond: expect.any(Number),
      interrupted: false,
      index: { indexed: 0, waiting: 1, waitedMs: expect.any(Number), interrupted: false },
    })
  })
})
