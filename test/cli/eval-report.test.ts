import { describe, expect, test } from 'vitest'
import { type EvalReport, printEvalReport, recallText } from '../../src/cli/eval-report.ts'
import { Invocation } from '../../src/cli/invocation.ts'
import { Printer } from '../../src/cli/printer.ts'
import { CollectingStream } from './support/cli-fixture.ts'

const report: EvalReport = {
  collection: 'words',
  entries: 340_479,
  dimensions: 100,
  metric: 'cosine',
  queries: 1000,
  k: 10,
  passes: 1,
  index: { awaited: 2, waitedMs: 12_345, indexed: 340_000, waiting: 479, codes: '4-bit' },
  truth: { computedMs: 20_100, savedTo: 'truth.ivecs', disordered: 0 },
  points: [
    {
      listSize: 20,
      recall: 0.78126,
      queriesPerSecond: 21_234.5,
      p50Ms: 0.0414,
      p99Ms: 0.1,
      meanVisited: 912.4,
      exactAnswers: 0,
    },
    {
      listSize: 640,
      recall: 0.99997,
      queriesPerSecond: 1_876,
      p50Ms: 0.5,
      p99Ms: 1.25,
      meanVisited: 12_345,
      exactAnswers: 1000,
    },
  ],
}

async function printed(changes: Partial<EvalReport>, json = false): Promise<string> {
  const stream = new CollectingStream()
  const out = new Printer(stream)
  const context = { out, error: out, environment: {}, onSigint: () => () => undefined }
  await printEvalReport({ ...report, ...changes }, new Invocation([], { json }), context)
  return stream.text
}

describe('the report of an evaluation', () => {
  test('says what was measured on what, and the curve', async () => {
    expect(await printed({})).toBe(
      [
        '1,000 queries near words (340,479 entries of 100 dimensions, cosine), k 10',
        'index: 340,000 entries, 4-bit codes, 479 more to compare with every query, after 12.3 s of waiting for it to catch up',
        'truth: exact search, 20.1 s, saved to truth.ivecs',
        '',
        'list size  recall@10     QPS  p50 ms  p99 ms  visited',
        '       20     0.7812  21,235   0.041   0.100      912',
        '      640     0.9999   1,876   0.500   1.250   12,345',
        '',
      ].join('\n'),
    )
  })

  test('says no more of an index than there is', async () => {
    const whole = await printed({ index: { awaited: 0, waitedMs: 0.1, indexed: 5, waiting: 0, codes: '8-bit' } })
    expect(whole).toContain('\nindex: 5 entries, 8-bit codes\n')
    const none = await printed({ index: { awaited: 0, waitedMs: 0.1, indexed: 0, waiting: 1 } })
    expect(none).toContain('\nindex: none, 1 entry to compare with every query\n')
  })

  test('says where nothing was approximate', async () => {
    const points = report.points.map((point) => ({ ...point, exactAnswers: 1000 }))
    expect(await printed({ points })).toMatch(/\n\nEvery answer was exact: .*\n$/)
  })

  test('prints the control characters of a path harmlessly', async () => {
    expect(await printed({ truth: { path: 'a\u001b[2J.ivecs', disordered: 1 } })).toContain(
      'truth: a\\u{1b}[2J.ivecs\n',
    )
  })

  test('names what was asked for instead of lists', async () => {
    const points = report.points.map(({ listSize: _, ...point }, place) => ({
      ...point,
      wantedRecall: [0.8, 0.995][place]!,
    }))
    expect((await printed({ points })).split('\n').slice(4, 7)).toEqual([
      'asked for  recall@10     QPS  p50 ms  p99 ms  visited',
      '      0.8     0.7812  21,235   0.041   0.100      912',
      '    0.995     0.9999   1,876   0.500   1.250   12,345',
    ])
  })

  test('is one document as JSON', async () => {
    expect(JSON.parse(await printed({}, true))).toEqual({ ...report, warmUpQueries: 50 })
  })
})

test('a recall is cut, so that only a whole one is 1', () => {
  expect([0, 0.5, 0.99999, 1].map(recallText)).toEqual(['0.0000', '0.5000', '0.9999', '1.0000'])
})
