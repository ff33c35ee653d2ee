import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { countRight, readTruth, resolveTruth } from '../../src/cli/eval-truth.ts'
import { ROW_NUMBERS, readRowIds } from '../../src/cli/row-ids.ts'
import { CliFixture } from './support/cli-fixture.ts'
import { TruncatedSearch } from './support/truncated-search.ts'
import { ivecsBytes } from './support/vector-bytes.ts'

let cli: CliFixture
beforeAll(async () => {
  cli = await CliFixture.create()
})
afterAll(() => cli.remove())

describe('the rows of a truth', () => {
  test('are ids as they are, and only the first k count', async () => {
    const path = await cli.write(
      't.ivecs',
      ivecsBytes([
        [7, 0, 3],
        [12, 7],
      ]),
    )
    expect(await readTruth(path, ROW_NUMBERS, 2, 2)).toEqual([
      { ids: ['7', '0'], where: `${path}, record 1` },
      { ids: ['12', '7'], where: `${path}, record 2` },
    ])
  })

  test('are the ids of a file where there is one', async () => {
    const path = await cli.write('t.ivecs', ivecsBytes([[2, 0]]))
    const rowIds = await readRowIds(await cli.write('ids.txt', 'king\r\nqueen\nüç'))
    expect(await readTruth(path, rowIds, 2, 1)).toMatchObject([{ ids: ['üç', 'king'] }])
  })

  const cases: [title: string, rows: number[][], k: number, queries: number, message: string][] = [
    ['narrower than k', [[1, 0], [1]], 2, 2, 'record 2: 1 neighbour, too few for k 2'],
    ['below 0', [[0, -1]], 2, 1, 'record 1: there is no row -1 in the base file'],
    ['beyond the ids', [[0, 2]], 2, 1, 'record 1: there is no row 2 in the base file'],
    ['fewer than queries', [[0]], 1, 2, 'has 1 row for 2 queries'],
    ['more than queries', [[0], [1]], 1, 1, 'has 2 rows for 1 query'],
  ]
  test.each(cases)('%s are refused', async (_title, rows, k, queries, message) => {
    const path = await cli.write('bad.ivecs', ivecsBytes(rows))
    const rowIds = await readRowIds(await cli.write('two.txt', 'a\nb\n'))
    await expect(readTruth(path, rowIds, k, queries)).rejects.toThrow(message)
  })
})

describe('the row of an id', () => {
  test('is the number it spells', () => {
    const ids = ['0', '41', '2147483647', '2147483648', '-1', '041', '1e3', '1.5', '', ' 1', 'king']
    expect(ids.map((id) => ROW_NUMBERS.rowOf(id))).toEqual([0, 41, 2147483647, ...Array(8).fill(undefined)])
  })

  test('is its line, the last one where it stands twice', async () => {
    const rowIds = await readRowIds(await cli.write('ids.txt', 'a\nb\na\n'))
    expect(['a', 'b', 'c'].map((id) => rowIds.rowOf(id))).toEqual([2, 1, undefined])
    expect([0, 1, 2, 3].map((row) => rowIds.idOf(row))).toEqual(['a', 'b', 'a', undefined])
  })

  test('is not found in an empty line', async () => {
    const path = await cli.write('ids.txt', 'a\n\nb\n')
    await expect(readRowIds(path)).rejects.toThrow(`${path}, line 2: the id is empty`)
  })
})

describe('a hit', () => {
  // Rows 0, 1 and 3 are equally far from the origin, row 2 is farther, row 4 nearer.
  const vectors = [[1, 0], [0, 1], [2, 0], [-1, 0], [0.5, 0]] // biome-ignore format: one line
  const origin = Float32Array.of(0, 0)

  async function rightOf(truthIds: string[], hitIds: string[]): Promise<number> {
    const source = new TruncatedSearch('euclidean', vectors)
    const truth = await resolveTruth(source, origin, { ids: truthIds, where: 't.ivecs, record 1' })
    return countRight(source, origin, hitIds, truth)
  }

  test('is right where it is in the truth, in any order', async () => {
    expect(await rightOf(['4', '0', '1'], ['1', '4', '0'])).toBe(3)
  })

  test('is right where it is as near as the last true neighbour', async () => {
    expect(await rightOf(['4', '0'], ['4', '3'])).toBe(2)
    expect(await rightOf(['0', '1'], ['4', '3'])).toBe(2)
  })

  test('is wrong where it is farther', async () => {
    expect(await rightOf(['4', '0'], ['4', '2'])).toBe(1)
    expect(await rightOf(['4', '0'], [])).toBe(0)
  })

  test('that has gone meanwhile is wrong', async () => {
    expect(await rightOf(['4', '0'], ['4', 'gone'])).toBe(1)
  })

  test('never makes more than all', async () => {
    expect(await rightOf(['0'], ['0', '1', '3'])).toBe(1)
  })
})

describe('a truth', () => {
  const vectors = [[1, 0], [2, 0], [0, 3], [8, 8]] // biome-ignore format: one line
  const where = 't.ivecs, record 5'

  test('reaches as far as its farthest neighbour, in order or not', async () => {
    const source = new TruncatedSearch('euclidean', vectors)
    const origin = Float32Array.of(0, 0)
    expect(await resolveTruth(source, origin, { ids: ['0', '1', '2'], where })).toEqual({
      ids: new Set(['0', '1', '2']),
      reach: 3,
      ordered: true,
    })
    expect(await resolveTruth(source, origin, { ids: ['2', '0'], where })).toMatchObject({ reach: 3, ordered: false })
  })

  test('of another metric is found out by its order', async () => {
    const query = Float32Array.of(1, 0)
    const byCosine = { ids: ['1', '0', '3', '2'], where }
    expect(await resolveTruth(new TruncatedSearch('cosine', vectors), query, byCosine)).toMatchObject({ ordered: true })
    expect(await resolveTruth(new TruncatedSearch('dot', vectors), query, byCosine)).toMatchObject({ ordered: false })
  })

  test('may be out of order by rounding', async () => {
    const source = new TruncatedSearch('euclidean', [[1.0004], [1]])
    const truth = await resolveTruth(source, Float32Array.of(0), { ids: ['0', '1'], where })
    expect(truth).toEqual({ ids: new Set(['0', '1']), reach: Math.fround(1.0004), ordered: true })
  })

  test('of vectors that are not here is refused', async () => {
    const resolving = resolveTruth(new TruncatedSearch('dot', vectors), Float32Array.of(1, 0), {
      ids: ['0', '9'],
      where,
    })
    await expect(resolving).rejects.toThrow("t.ivecs, record 5: the neighbour '9' is not in the collection 'rows'")
  })
})
