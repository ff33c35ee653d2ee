import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readGloveFixture } from '../fixtures/glove.ts'
import { CliFixture } from './support/cli-fixture.ts'

interface SearchJson {
  readonly query?: number
  readonly hits: { id: string; distance: number; metadata?: { rank: number } }[]
  readonly exact: boolean
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
    for (const argv of [['--exact'], ['--list-size', '1'], ['--list-size', '65536']]) {
      const found = await cli.json<SearchJson>('search', cli.store, 'words', '--id', 'king', ...argv)
      // So few are compared one by one, whatever the list.
      expect(found).toEqual({ hits: plain.hits, exact: true, visited: 1999 })
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
