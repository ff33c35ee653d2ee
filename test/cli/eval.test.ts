import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { distanceBetween } from '../../src/cli/vector-distance.ts'
import { VectorStore } from '../../src/store/public.ts'
import { CliFixture } from './support/cli-fixture.ts'
import { fvecsBytes, ivecsBytes, someVectors } from './support/vector-bytes.ts'

interface EvalJson {
  readonly collection: string
  readonly entries: number
  readonly queries: number
  readonly k: number
  readonly index: { readonly indexed: number; readonly waiting: number }
  readonly truth: { readonly path?: string; readonly savedTo?: string; readonly disordered: number }
  readonly points: readonly {
    readonly listSize?: number
    readonly wantedRecall?: number
    readonly recall: number
    readonly queriesPerSecond: number
    readonly p50Ms: number
    readonly p99Ms: number
    readonly meanVisited: number
    readonly exactAnswers: number
  }[]
}

const DIMENSIONS = 8
const all = someVectors(330, DIMENSIONS)
const base = all.slice(0, 300)
const queries = all.slice(300)

let cli: CliFixture
let queryPath: string
let truthPath: string
beforeAll(async () => {
  cli = await CliFixture.create()
  const basePath = await cli.writeFvecs('base.fvecs', base)
  const idsPath = await cli.write('ids.txt', base.map((_, row) => `name ${row}\n`).join(''))
  await cli.json('import', cli.store, 'rows', basePath, '--metric', 'euclidean')
  await cli.json('import', cli.store, 'names', basePath, '--metric', 'euclidean', '--ids', idsPath)
  queryPath = await cli.writeFvecs('queries.fvecs', queries)
  truthPath = await cli.write('truth.ivecs', ivecsBytes(trueRows(20)))
})
afterAll(() => cli.remove())

/** The rows of the nearest of `base` to each query. */
function trueRows(k: number): number[][] {
  const vectors = base.map((vector) => Float32Array.from(vector))
  return queries.map((query) => {
    const distances = vectors.map((vector) => distanceBetween('euclidean', Float32Array.from(query), vector))
    const rows = vectors.map((_, row) => row)
    return rows.sort((left, right) => distances[left]! - distances[right]!).slice(0, k)
  })
}

function evaluate(collection: string, ...argv: string[]): Promise<EvalJson> {
  return cli.json<EvalJson>('eval', cli.store, collection, '--queries', queryPath, ...argv)
}

describe('eval', () => {
  test('with a truth from a file', async () => {
    const report = await evaluate('rows', '--truth', truthPath, '--k', '20', '--list-sizes', '100,150')
    expect(report).toEqual({
      collection: 'rows',
      entries: 300,
      dimensions: DIMENSIONS,
      metric: 'euclidean',
      queries: 30,
      k: 20,
      passes: 1,
      warmUpQueries: 50,
      index: { awaited: 0, waitedMs: expect.any(Number), indexed: 0, waiting: 300 },
      truth: { path: truthPath, disordered: 0 },
      points: [100, 150].map((listSize) => ({
        listSize,
        recall: 1,
        queriesPerSecond: expect.any(Number),
        p50Ms: expect.any(Number),
        p99Ms: expect.any(Number),
        meanVisited: expect.any(Number),
        exactAnswers: expect.any(Number),
      })),
    })
  })

  test('with a truth by exact search, which it can keep', async () => {
    const savedTo = cli.path('saved.ivecs')
    const report = await evaluate('rows', '--k', '20', '--list-sizes', '100', '--save-truth', savedTo)
    expect(report.truth).toEqual({ computedMs: expect.any(Number), savedTo, disordered: 0 })
    expect(await readFile(savedTo)).toEqual(await readFile(truthPath))
    const again = await evaluate('rows', '--k', '20', '--list-sizes', '100', '--truth', savedTo)
    expect(again.points.map(({ recall }) => recall)).toEqual(report.points.map(({ recall }) => recall))
  })

  test('with the ids of the import', async () => {
    const idsPath = cli.path('ids.txt')
    const { points } = await evaluate('names', '--truth', truthPath, '--ids', idsPath, '--list-sizes', '100')
    expect(points).toMatchObject([{ listSize: 100, recall: 1 }])
    const savedTo = cli.path('of-names.ivecs')
    await evaluate('names', '--k', '20', '--ids', idsPath, '--save-truth', savedTo, '--list-sizes', '100')
    expect(await readFile(savedTo)).toEqual(await readFile(truthPath))
  })

  test('with queries as JSON Lines, under any name', async () => {
    const lines = queries.map((vector, row) => ({ id: `q${row}`, vector }))
    const path = await cli.writeJsonLines('queries.txt', lines)
    const argv = ['eval', cli.store, 'rows', '--queries', path, '--format', 'jsonl', '--list-sizes', '100']
    expect(await cli.json<EvalJson>(...argv)).toMatchObject({ queries: 30, k: 10, points: [{ recall: 1 }] })
  })

  test.each([
    ['10', [20, 40, 60, 80, 120, 160]],
    ['1', [20, 40, 60, 80, 120, 160]],
    ['64', [128, 256]],
    ['300', [600]],
    ['65536', [65_536]],
  ])('with k %s searches with multiples of twice it, up to the collection', async (k, listSizes) => {
    const { points } = await evaluate('rows', '--k', k)
    expect(points.map(({ listSize }) => listSize)).toEqual(listSizes)
    for (const { recall } of points) expect(recall).toSatisfy((share: number) => share >= 0 && share <= 1)
  })

  test('calls a copy of a true neighbour right', async () => {
    // Row 1 is a copy of row 0, and the truth may name either.
    const path = await cli.writeFvecs('twins.fvecs', [base[0]!, base[0]!, base[1]!])
    await cli.json('import', cli.store, 'twins', path)
    const query = await cli.writeFvecs('twin.fvecs', [base[0]!])
    for (const row of [0, 1]) {
      const truth = await cli.write(`twin-${row}.ivecs`, ivecsBytes([[row]]))
      const argv = ['eval', cli.store, 'twins', '--queries', query, '--truth', truth, '--k', '1']
      expect(await cli.json<EvalJson>(...argv)).toMatchObject({ points: [{ recall: 1 }] })
    }
  })
})

describe('an index', () => {
  // Fewer bytes would be scanned, which is quicker than a walk.
  const WIDE = 192
  const wide = someVectors(2540, WIDE)

  beforeAll(async () => {
    await cli.writeFvecs('wide.fvecs', wide.slice(2500))
    const store = await VectorStore.open(cli.path('indexed'), { bufferEntries: 500, threads: 0 })
    const rows = await store.collection('rows', { dimensions: WIDE, metric: 'euclidean' })
    await rows.addAll(wide.slice(0, 2500).map((vector, row) => ({ id: String(row), vector })))
    await rows.settled()
    await rows.add(wide.slice(2500).map((vector, row) => ({ id: `late ${row}`, vector })))
    await store.close()
  })

  test('is waited for and walked', async () => {
    const argv = ['eval', cli.path('indexed'), 'rows', '--queries', cli.path('wide.fvecs'), '--list-sizes', '20,200']
    const { index, points } = await cli.json<EvalJson>(...argv)
    expect(index).toMatchObject({ indexed: 2500, waiting: 40, codes: expect.any(String) })
    expect(points).toMatchObject([{ exactAnswers: 0 }, { exactAnswers: 0 }])
    expect(points[1]!.recall).toBeGreaterThan(0.8)
    expect(points[1]!.recall).toBeGreaterThanOrEqual(points[0]!.recall)
    expect(points[0]!.meanVisited).toBeLessThan(points[1]!.meanVisited)
    expect(points[1]!.meanVisited).toBeLessThan(2540)
  })

  test('is walked for a recall that is asked for', async () => {
    const argv = ['eval', cli.path('indexed'), 'rows', '--queries', cli.path('wide.fvecs'), '--recalls', '0.6,0.97,1']
    const { points } = await cli.json<EvalJson>(...argv)
    expect(points.map(({ wantedRecall, exactAnswers }) => [wantedRecall, exactAnswers])).toEqual([
      [0.6, 0],
      [0.97, 0],
      [1, 40],
    ])
    const [few, many, all] = points
    expect(few!.meanVisited).toBeLessThan(many!.meanVisited)
    expect(few!.recall).toBeGreaterThanOrEqual(0.6)
    expect(many!.recall).toBeGreaterThanOrEqual(0.96)
    expect(all).toMatchObject({ recall: 1, meanVisited: 2540 })
  })

  test('is walked without rescoring', async () => {
    const argv = ['eval', cli.path('indexed'), 'rows', '--queries', cli.path('wide.fvecs'), '--list-sizes', '200']
    const [plain, coded] = [await cli.json<EvalJson>(...argv), await cli.json<EvalJson>(...argv, '--no-rescore')]
    expect(coded.points[0]!.recall).toBeGreaterThan(0.5)
    expect(coded.points[0]!.recall).toBeLessThanOrEqual(plain.points[0]!.recall)
    expect(coded.points[0]!.listSize).toBe(200)
  })
})

describe('the text of eval', () => {
  const row = /^ +\d+ +[01]\.\d{4} +[\d,]+ +\d+\.\d{3} +\d+\.\d{3} +[\d,]+$/

  test('is a curve', async () => {
    const argv = ['--queries', queryPath, '--truth', truthPath, '--list-sizes', '20,100', '--passes', '2']
    const { exitCode, stdout, stderr } = await cli.run('eval', cli.store, 'rows', ...argv)
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    const lines = stdout.split('\n')
    expect(lines.slice(0, 5)).toEqual([
      '30 queries near rows (300 entries of 8 dimensions, euclidean), k 10',
      'index: none, 300 entries to compare with every query',
      `truth: ${truthPath}`,
      '',
      expect.stringMatching(/^list size +recall@10 +QPS +p50 ms +p99 ms +visited$/),
    ])
    expect(lines[5]).toMatch(row)
    expect(lines[6]).toMatch(row)
    expect(lines.slice(5, 7).map((line) => line.trim().split(/ +/).slice(0, 2))).toEqual([
      ['20', '1.0000'],
      ['100', '1.0000'],
    ])
    expect(lines.slice(7)).toEqual(['', expect.stringMatching(/^Every answer was exact: /), ''])
  })

  test('says that a truth is not of this metric', async () => {
    const truth = await cli.write('turned.ivecs', ivecsBytes(trueRows(20).map((rows) => rows.reverse())))
    const { stdout } = await cli.run('eval', cli.store, 'rows', '--queries', queryPath, '--truth', truth)
    expect(stdout).toContain(
      '\nFor 30 of 30 queries distances do not rise along the truth: was it made with another metric',
    )
  })
})

describe('what cannot be evaluated', () => {
  const good = fvecsBytes(queries)
  const files: Record<string, Buffer> = {
    'other.fvecs': fvecsBytes([[1, 2, 3]]),
    'cut.fvecs': good.subarray(0, -3),
    'mixed.fvecs': Buffer.concat([good, fvecsBytes([[1, 2]])]),
    'nan.fvecs': Buffer.concat([good, fvecsBytes([[1, 2, 3, Number.NaN, 5, 6, 7, 8]])]),
    'none.fvecs': Buffer.alloc(0),
    'cut.ivecs': ivecsBytes(trueRows(10)).subarray(0, -1),
    'narrow.ivecs': ivecsBytes(trueRows(9)),
    'short.ivecs': ivecsBytes(trueRows(10).slice(1)),
    'beyond.ivecs': ivecsBytes(queries.map(() => [...Array(9).keys(), 300])),
    'base-again.fvecs': fvecsBytes(base),
  }
  const cases: [title: string, argv: string[], message: string][] = [
    [
      'queries of other dimensions',
      ['--queries', 'other.fvecs'],
      "record 1: the query has 3 dimensions, the collection 'rows' has 8",
    ],
    [
      'queries cut short',
      ['--queries', 'cut.fvecs'],
      'cut.fvecs, record 30: the file ends within the vector (ERR_INPUT)',
    ],
    ['queries of mixed dimensions', ['--queries', 'mixed.fvecs'], 'record 31: the vector has 2 dimensions'],
    [
      'a query that is not finite',
      ['--queries', 'nan.fvecs'],
      'record 31: element 3 of the vector is not a finite float32',
    ],
    ['no queries', ['--queries', 'none.fvecs'], 'none.fvecs holds no vectors (ERR_INPUT)'],
    ['queries that are not there', ['--queries', 'nowhere.fvecs'], 'there is no file'],
    ['a truth that is not there', ['--truth', 'nowhere.ivecs'], 'there is no file'],
    ['a truth cut short', ['--truth', 'cut.ivecs'], 'cut.ivecs, record 30: the file ends within the row (ERR_INPUT)'],
    ['a truth narrower than k', ['--truth', 'narrow.ivecs'], 'record 1: 9 neighbours, too few for k 10 (ERR_INPUT)'],
    ['a truth of fewer queries', ['--truth', 'short.ivecs'], 'short.ivecs has 29 rows for 30 queries (ERR_INPUT)'],
    [
      'a truth of other vectors',
      ['--truth', 'beyond.ivecs'],
      "record 1: the neighbour '300' is not in the collection 'rows'",
    ],
    ['a truth that is fvecs', ['--truth', 'queries.fvecs'], 'record 1: 8 neighbours, too few for k 10'],
    [
      'a place that is taken',
      ['--save-truth', 'base-again.fvecs'],
      'is there already and will not be overwritten (ERR_INPUT)',
    ],
  ]
  beforeAll(async () => {
    for (const [name, bytes] of Object.entries(files)) await cli.write(name, bytes)
  })
  test.each(cases)('%s', async (_title, argv, message) => {
    const paths = argv.map((argument) => (argument.startsWith('--') ? argument : cli.path(argument)))
    const given = argv.includes('--queries') ? [] : ['--queries', queryPath]
    const { exitCode, stdout, stderr } = await cli.run('eval', cli.store, 'rows', ...given, ...paths)
    expect(stderr).toContain(message)
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' })
  })

  test('a collection that is not there, or has nothing', async () => {
    const missing = await cli.run('eval', cli.store, 'columns', '--queries', queryPath)
    expect(missing).toMatchObject({
      exitCode: 1,
      stdout: '',
      stderr: expect.stringContaining('(ERR_COLLECTION_NOT_FOUND)'),
    })
    const path = await cli.writeFvecs('one.fvecs', [base[0]!])
    await cli.json('import', cli.store, 'empty', path)
    await cli.json('delete', cli.store, 'empty', '0')
    const empty = await cli.run('eval', cli.store, 'empty', '--queries', queryPath)
    expect(empty).toMatchObject({ exitCode: 1, stderr: "annals: the collection 'empty' is empty (ERR_INPUT)\n" })
  })

  test('a store that is not there', async () => {
    const { exitCode, stderr } = await cli.run('eval', cli.path('nowhere'), 'rows', '--queries', queryPath)
    expect(exitCode).toBe(1)
    expect(stderr).toContain('there is no such directory (ERR_STORE_NOT_FOUND)')
  })

  test('a zero query under cosine', async () => {
    const zero = await cli.writeFvecs('zero.fvecs', [base[0]!, Array(DIMENSIONS).fill(0)])
    await cli.json('import', cli.store, 'angles', cli.path('base.fvecs'))
    const { exitCode, stderr } = await cli.run('eval', cli.store, 'angles', '--queries', zero)
    expect(exitCode).toBe(1)
    expect(stderr).toContain(`${zero}, record 2: a zero vector has no direction`)
  })

  test('a truth to be kept without rows for its ids', async () => {
    const savedTo = cli.path('no-rows.ivecs')
    const { exitCode, stderr } = await cli.run(
      'eval',
      cli.store,
      'names',
      '--queries',
      queryPath,
      '--save-truth',
      savedTo,
    )
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/no row is known for the id 'name \d+', so the truth cannot be saved: give .*--ids/)
    expect(existsSync(savedTo)).toBe(false)
  })
})

describe('wrong usage of eval', () => {
  const cases: [title: string, argv: string[], message: string][] = [
    ['no queries', [], '--queries is missing'],
    ['a format that shows nowhere', ['--queries', 'q.csv'], 'add --format'],
    ['k 0', ['--queries', 'q.fvecs', '--k', '0'], '--k must be a whole number from 1'],
    ['a list size of 0', ['--queries', 'q.fvecs', '--list-sizes', '10,0'], "unlike '0'"],
    ['a list size beyond the limit', ['--queries', 'q.fvecs', '--list-sizes', '65537'], 'from 1 to 65,536'],
    [
      'list sizes that are none',
      ['--queries', 'q.fvecs', '--list-sizes', '10,,20'],
      '--list-sizes must be whole numbers',
    ],
    ['a truth twice', ['--queries', 'q.fvecs', '--truth', 't', '--save-truth', 'u'], 'leave out --truth'],
    [
      'recalls and lists',
      ['--queries', 'q.fvecs', '--recalls', '0.9', '--list-sizes', '20'],
      'leave out --list-sizes and',
    ],
    [
      'recalls of codes',
      ['--queries', 'q.fvecs', '--recalls', '0.9', '--no-rescore'],
      'leave out --list-sizes and --no-rescore',
    ],
    ['a recall above 1', ['--queries', 'q.fvecs', '--recalls', '0.9,1.5'], "unlike '1.5'"],
    ['ids for nothing', ['--queries', 'q.fvecs', '--ids', 'i'], 'give --truth or --save-truth'],
  ]
  test.each(cases)('%s', async (_title, argv, message) => {
    const { exitCode, stdout, stderr } = await cli.run('eval', cli.store, 'rows', ...argv)
    expect(stderr).toContain(message)
    expect(stderr).toMatch(/\(ERR_USAGE\)\nTry: annals help eval\n$/)
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
  })
})

describe('an interruption', () => {
  test('takes back the truth that was begun', async () => {
    const many = await cli.writeFvecs('many.fvecs', Array(20_000).fill(base[0]))
    const savedTo = cli.path('interrupted.ivecs')
    let polling = true
    const onSigint = (listener: () => void) => {
      const poll = () => (existsSync(savedTo) ? listener() : polling && setImmediate(poll))
      setImmediate(poll)
      return () => {
        polling = false
      }
    }
    const argv = ['eval', cli.store, 'rows', '--queries', many, '--save-truth', savedTo]
    const { exitCode, stdout, stderr } = await cli.runWith({ onSigint }, ...argv)
    expect({ exitCode, stdout }).toEqual({ exitCode: 130, stdout: '' })
    expect(stderr).toBe('annals: interrupted before everything was measured\n')
    expect(existsSync(savedTo)).toBe(false)
  })

  test('before anything is measured ends it', async () => {
    const onSigint = (listener: () => void) => {
      listener()
      return () => undefined
    }
    const { exitCode, stdout } = await cli.runWith({ onSigint }, 'eval', cli.store, 'rows', '--queries', queryPath)
    expect({ exitCode, stdout }).toEqual({ exitCode: 130, stdout: '' })
  })
})
