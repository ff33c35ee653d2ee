import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readLog, VectorStore } from '../../src/store/public.ts'
import { CliFixture } from './support/cli-fixture.ts'
import { someVectors } from './support/vector-bytes.ts'

/** So many entries make a store order an index by itself. */
const ENTRIES = 10_000
const DIMENSIONS = 64

interface IndexJson {
  readonly index?: { indexed: number; waiting: number; codes?: string; waitedMs: number; interrupted: boolean }
  readonly vectors: number
  readonly interrupted: boolean
  readonly durableLsn: number
}

let cli: CliFixture
let file: string
beforeAll(async () => {
  cli = await CliFixture.create()
  file = await cli.writeFvecs('rows.fvecs', someVectors(ENTRIES, DIMENSIONS))
})
afterAll(() => cli.remove())

/** How many events of a type are in the log, and how many entries they are about. */
async function logged(store: string, type: string): Promise<{ events: number; entries: number }> {
  const sum = { events: 0, entries: 0 }
  for await (const { events } of readLog(store)) {
    for (const { count = 0 } of events.filter((event) => event.type === type)) {
      sum.events += 1
      sum.entries += count
    }
  }
  return sum
}

/** Interrupts once the last vector is in the log: the index is then still to be planned and built. */
function interruptAtEnd(store: string): (listener: () => void) => () => void {
  const isComplete = async (): Promise<boolean> => (await logged(store, 'add')).entries === ENTRIES
  return (listener) => {
    const poll = async (): Promise<void> => {
      // There is no log before there is a store.
      while (!(await isComplete().catch(() => false))) await new Promise((resolve) => setTimeout(resolve, 10))
      listener()
    }
    void poll()
    return () => undefined
  }
}

describe('an import', () => {
  test('waits for the index, and says how long', async () => {
    const store = cli.path('waited')
    const report = await cli.json<IndexJson>('import', store, 'rows', file)
    expect(report).toMatchObject({
      vectors: ENTRIES,
      index: { indexed: ENTRIES, waiting: 0, codes: expect.any(String), interrupted: false },
    })
    expect(report.index!.waitedMs).toBeGreaterThan(0)
    expect((await logged(store, 'flush')).events).toBe(1)
    expect((await cli.json<{ lsn: number }>('digest', store)).lsn).toBe(report.durableLsn)
    const again = await cli.run('import', store, 'rows', await cli.writeFvecs('few.fvecs', someVectors(3, DIMENSIONS)))
    expect(again).toMatchObject({ exitCode: 0, stderr: '' })
    expect(again.stdout).toMatch(
      /\nindex: 9,997 entries, (4-bit|8-bit) codes, 3 more to compare with every query, [\d.]+ m?s after the import\n$/,
    )
  })

  test('does not wait under --no-index', async () => {
    const few = await cli.writeFvecs('few.fvecs', someVectors(3, DIMENSIONS))
    const report = await cli.json<IndexJson>('import', cli.path('unwaited'), 'rows', few, '--no-index')
    expect(report).toMatchObject({ vectors: 3, interrupted: false })
    expect(report).not.toHaveProperty('index')
    const { stdout } = await cli.run('import', cli.path('waited'), 'rows', few, '--no-index')
    expect(stdout).not.toContain('index')
  })

  test('is complete when the wait is interrupted, and whoever opens the store for writing next goes on', async () => {
    const store = cli.path('interrupted')
    const onSigint = interruptAtEnd(store)
    const { exitCode, stdout, stderr } = await cli.runWith({ onSigint }, 'import', store, 'rows', file)
    expect({ exitCode, stderr }).toEqual({ exitCode: 130, stderr: '' })
    expect(stdout).toMatch(
      /^imported 10,000 vectors of 64 dimensions into rows \(cosine, 10,000 added, 0 replaced\) in /,
    )
    expect(stdout).toMatch(
      /\nindex: interrupted after [\d.]+ m?s with 0 of 10,000 entries in it; the import is complete\n$/,
    )
    const reopened = await VectorStore.open(store, { threads: 0 })
    const rows = await reopened.collection('rows')
    await rows.settled()
    expect(rows.stats().index).toMatchObject({ indexed: ENTRIES, waiting: 0 })
    await reopened.close()
  })

  test('that is interrupted in its wait says so in JSON', async () => {
    const store = cli.path('interrupted-json')
    const argv = ['import', store, 'rows', file, '--json']
    const { exitCode, stdout } = await cli.runWith({ onSigint: interruptAtEnd(store) }, ...argv)
    const report = JSON.parse(stdout) as IndexJson
    expect(exitCode).toBe(130)
    expect(report).toMatchObject({
      vectors: ENTRIES,
      interrupted: false,
      index: { waiting: ENTRIES, interrupted: true },
    })
  })
})

describe('the digest of a store with an index', () => {
  test('is that of the writer, index included', async () => {
    const path = cli.path('digested')
    const store = await VectorStore.open(path, { threads: 0 })
    const rows = await store.collection('rows', { dimensions: 3, metric: 'dot' })
    const empty = await store.digest()
    await rows.add(someVectors(500, 3).map((vector, row) => ({ id: String(row), vector })))
    await rows.flush()
    await rows.delete(['7'])
    const { lsn, data, index } = await store.digest()
    await store.close()
    expect(await cli.json('digest', path)).toEqual({ lsn, data, index })
    expect(index).not.toBe(empty.index)
  })
})

describe('the log of a store with an index', () => {
  test('shows what keeps it in order', async () => {
    const path = cli.path('logged')
    const noUpkeep = { bufferEntries: 2 ** 30, consolidateShare: 1, rebuildShare: Number.POSITIVE_INFINITY }
    const store = await VectorStore.open(path, { threads: 0, ...noUpkeep })
    const rows = await store.collection('rows', { dimensions: 2, metric: 'euclidean' })
    const ids = Array.from({ length: 17_000 }, (_, row) => String(row))
    const vectors = someVectors(17_000, 2)
    await rows.addAll(ids.slice(0, 9000).map((id, row) => ({ id, vector: vectors[row]! })))
    await rows.flush()
    await rows.addAll(ids.slice(9000, 9010).map((id, row) => ({ id, vector: vectors[9000 + row]! })))
    await rows.flush()
    await rows.delete(ids.slice(0, 10))
    await rows.consolidate()
    await rows.optimize()
    await rows.addAll(ids.slice(9010).map((id, row) => ({ id, vector: vectors[9010 + row]! })))
    await rows.delete(ids.slice(0, 8200))
    await rows.compact()
    await store.close()
    const { stdout } = await cli.run('log', path)
    const lines = stdout.split('\n').map((line) => line.replace(/^.*Z {2}/, ''))
    expect(lines.filter((line) => !/^(create|add|delete) /.test(line))).toEqual([
      expect.stringMatching(/^flush {8}rows {2}bulk, through slot 9,000, (narrow|wide) codes$/),
      'flush        rows  insert, through slot 9,010',
      'consolidate  rows',
      expect.stringMatching(/^rebuild {6}rows {2}through slot 9,010, (narrow|wide) codes$/),
      'compact      rows  chunk 0',
      '',
    ])
    const json = await cli.run('log', path, '--json')
    const events = json.stdout.split('\n').filter((line) => /"type":"(flush|compact)"/.test(line))
    expect(events.map((line) => JSON.parse(line))).toMatchObject([
      { type: 'flush', collection: 1, method: 'bulk', throughSlot: 9000, walkCodes: expect.any(String) },
      { type: 'flush', collection: 1, method: 'insert', throughSlot: 9010 },
      { type: 'compact', collection: 1, chunk: 0 },
    ])
  })
})
