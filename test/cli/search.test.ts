import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { VectorStore } from '../../src/store/public.ts'
import { readGloveFixture } from '../fixtures/glove.ts'
import { CliFixture } from './support/cli-fixture.ts'

interface SearchJson {
  readonly query?: number
  readonly hits: { id: string; distance: number; metadata?: { rank: number } }[]
  readonly exact: boolean
  readonly rescored: boolean
  readonly visited: number
}

let cli: CliFixture
beforeAll(async () => {
  cli = await CliFixture.create()
  await cli.importWords(2000)
})
afterAll(() => cli.remove())

function vectorOf(word: string): number[] {
  const { ids, vectors, dimensions } = readGloveFixture(2000)
  const row = ids.indexOf(word)
  return Array.from(vectors.subarray(row * dimensions, (row + 1) * dimensions))
}

function idsOf({ hits }: SearchJson): string[] {
  return hits.map(({ id }) => id)
}

describe('search', () => {
  test('prints a table of the nearest', async () => {
    const { exitCode, stdout, stderr } = await cli.run('search', cli.store, 'words', '--id', 'king', '--k', '4')
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    const lines = stdout.split('\n')
    expect(lines[0]).toBe('rank  distance  id')
    expect(stdout).toMatch(/0\.2\d{5} {2}queen\n/)
    expect(lines.at(-2)).toMatch(/^4 hits, exact, [\d,]+ visited, [\d.]+ ms$/)
    expect(stdout).not.toContain('rank"')
  })

  test('near an id and near its vector find the same, in either notation', async () => {
    const vector = vectorOf('king')
    const byComma = await cli.json<SearchJson>('search', cli.store, 'words', `--vector=${vector.join(',')}`)
    const byArray = await cli.json<SearchJson>('search', cli.store, 'words', '--vector', JSON.stringify(vector))
    expect(byComma).toEqual(byArray)
    expect(byComma.hits).toHaveLength(10)
    expect(idsOf(byComma)).toEqual(expect.arrayContaining(['king', 'queen', 'prince']))
    const byId = await cli.json<SearchJson>('search', cli.store, 'words', '--id', 'king', '--k', '10')
    expect(idsOf(byId)).toEqual(expect.arrayContaining(['queen', 'prince']))
  })

  test('--metadata adds metadata', async () => {
    const { hits } = await cli.json<SearchJson>('search', cli.store, 'words', '--id', 'king', '--metadata')
    expect(hits.find(({ id }) => id === 'queen')?.metadata).toEqual({ rank: 1929 })
    const { stdout } = await cli.run('search', cli.store, 'words', '--id', 'king', '--metadata')
    expect(stdout).toContain('queen    {"rank":1929}')
    expect((await cli.json<SearchJson>('search', cli.store, 'words', '--id', 'king')).hits[0]).not.toHaveProperty(
      'metadata',
    )
  })

  test('--max-distance cuts the list', async () => {
    const { hits } = await cli.json<SearchJson>('search', cli.store, 'words', '--id', 'king', '--max-distance', '0.25')
    expect(hits.length).toBeGreaterThan(0)
    expect(hits.length).toBeLessThan(10)
    expect(hits.every(({ distance }) => distance <= 0.25)).toBe(true)
  })

  test('--exact and --list-size say how to search, and the answer says how it was found', async () => {
    const plain = await cli.json<SearchJson>('search', cli.store, 'words', '--id', 'king')
    for (const argv of [['--exact'], ['--list-size', '1'], ['--list-size', '65536'], ['--recall', '0.95']]) {
      const found = await cli.json<SearchJson>('search', cli.store, 'words', '--id', 'king', ...argv)
      // So few are compared one by one, whatever the list.
      expect(found).toEqual({ hits: plain.hits, exact: true, rescored: true, visited: 1999 })
    }
  })

  test('--queries answers each vector of a file', async () => {
    const queries = await cli.writeFvecs('q.fvecs', ['king', 'computer'].map(vectorOf))
    const { exitCode, stdout } = await cli.run('search', cli.store, 'words', '--queries', queries, '--k', '3', '--json')
    expect(exitCode).toBe(0)
    const results = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as SearchJson)
    expect(results.map(({ query, hits }) => [query, hits[0]?.id])).toEqual([
      [0, 'king'],
      [1, 'computer'],
    ])
    const text = await cli.run('search', cli.store, 'words', '--queries', queries, '--k', '3')
    expect(text.stdout).toMatch(/^query 0: 3 hits, exact, .* visited\nrank/)
    expect(text.stdout).toContain('query 1: 3 hits')
  })
})

describe('a search of an index', () => {
  const WORDS = 6000
  const queries = ['--id', 'king', '--k', '10']
  beforeAll(async () => {
    const { ids, vectors, dimensions } = readGloveFixture(WORDS)
    const store = await VectorStore.open(cli.path('indexed'), { threads: 0 })
    const words = await store.collection('words', { dimensions, metric: 'cosine' })
    await words.addAll(ids.map((id, row) => ({ id, vector: vectors.slice(row * dimensions, (row + 1) * dimensions) })))
    await words.flush()
    await words.settled()
    await store.snapshot()
    await store.close()
  })

  test('--recall takes as long a list as the share needs, and all entries for all of the nearest', async () => {
    const find = (recall: string) =>
      cli.json<SearchJson>('search', cli.path('indexed'), 'words', ...queries, '--recall', recall)
    const [few, many, all] = [await find('0.7'), await find('0.99'), await find('1')]
    expect([few, many, all].map(({ exact, rescored }) => [exact, rescored])).toEqual([
      [false, true],
      [false, true],
      [true, true],
    ])
    expect(few.visited).toBeLessThan(many.visited)
    expect(many.visited).toBeLessThan(all.visited)
    expect(all.visited).toBe(WORDS - 1)
  })

  test('--no-rescore gives distances of codes, and says so', async () => {
    const plain = await cli.json<SearchJson>('search', cli.path('indexed'), 'words', ...queries)
    const coded = await cli.json<SearchJson>('search', cli.path('indexed'), 'words', ...queries, '--no-rescore')
    expect([plain.rescored, coded.rescored, coded.exact, coded.hits.length]).toEqual([true, false, false, 10])
    const distances = new Map(plain.hits.map(({ id, distance }) => [id, distance]))
    const shared = coded.hits.filter(({ id }) => distances.has(id))
    expect(shared.length).toBeGreaterThan(6)
    for (const { id, distance } of shared) expect(distance).toBeCloseTo(distances.get(id)!, 1)
    expect(coded.hits.map(({ distance }) => distance)).not.toEqual(plain.hits.map(({ distance }) => distance))
    const { stdout } = await cli.run('search', cli.path('indexed'), 'words', ...queries, '--no-rescore')
    expect(stdout).toMatch(/\n10 hits, approximate, distances of codes, [\d,]+ visited, [\d.]+ ms\n$/)
  })
})

describe('what cannot be answered', () => {
  const cases: [title: string, argv: string[], code: string][] = [
    ['an unknown collection', ['nouns', '--id', 'king'], 'ERR_COLLECTION_NOT_FOUND'],
    ['an unknown id', ['words', '--id', 'kinggg'], 'ERR_ENTRY_NOT_FOUND'],
    ['a query of other dimensions', ['words', '--vector', '1,2,3'], 'ERR_DIMENSIONS'],
    ['no queries file', ['words', '--queries', '/nowhere.fvecs'], 'ENOENT'],
  ]
  test.each(cases)('%s', async (_title, argv, code) => {
    const { exitCode, stdout, stderr } = await cli.run('search', cli.store, ...argv)
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' })
    expect(stderr).toMatch(new RegExp(`^annals: .*\\(${code}\\)\n$`))
  })
})
