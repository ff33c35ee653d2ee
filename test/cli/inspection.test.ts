import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Collection, VectorStore } from '../../src/store/public.ts'
import { BuiltCli } from './support/built-cli.ts'
import { CliFixture } from './support/cli-fixture.ts'

let cli: CliFixture
beforeAll(async () => {
  cli = await CliFixture.create()
  await cli.importWords(1200)
  await cli.json('delete', cli.store, 'words', 'the')
})
afterAll(() => cli.remove())

describe('stats', () => {
  test('prints tables', async () => {
    const { exitCode, stdout, stderr } = await cli.run('stats', cli.store)
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(stdout).toMatch(/^LSN +\d+ \(durable \d+\), epoch \d+$/m)
    expect(stdout).toMatch(/^log +[\d.]+ KiB in \d+ segments?$/m)
    expect(stdout).toMatch(/^words +1,199 +100 {2}float32 {2}cosine +none +1$/m)
    expect(stdout).toMatch(/^total +[\d.]+ [KM]iB$/m)
  })

  test('prints JSON', async () => {
    const stats = await cli.json<{ memory: { total: number; components: Record<string, number> } }>('stats', cli.store)
    expect(stats).toMatchObject({ readOnly: true, collections: [{ name: 'words', count: 1199 }] })
    const components = Object.values(stats.memory.components)
    expect(components.reduce((sum, bytes) => sum + bytes, 0)).toBe(stats.memory.total)
  })
})

describe('log', () => {
  interface LogLine {
    readonly lsn: number
    readonly type: string
    readonly count?: number
  }

  async function logLines(...argv: string[]): Promise<LogLine[]> {
    const { stdout } = await cli.run('log', cli.store, '--json', ...argv)
    return stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as LogLine)
  }

  test('prints one event a line', async () => {
    const { exitCode, stdout } = await cli.run('log', cli.store)
    expect(exitCode).toBe(0)
    const lines = stdout.trimEnd().split('\n')
    expect(lines[0]).toMatch(/^ +1 {2}\d{4}-\d\d-\d\dT[\d:.]+Z {2}create {7}words {2}100 dimensions, cosine$/)
    expect(lines[1]).toMatch(/ add {10}words {2}[\d,]+ ids: the, of, /)
    expect(lines.at(-1)).toMatch(/ delete {7}words {2}1 id: the$/)
  })

  test('prints JSON Lines with every event', async () => {
    const lines = await logLines()
    expect(lines[0]).toMatchObject({ lsn: 1, type: 'create', name: 'words', dimensions: 100, metric: 'cosine' })
    const added = lines.filter(({ type }) => type === 'add').reduce((sum, { count }) => sum + (count ?? 0), 0)
    expect(added).toBe(1200)
  })

  test('--from and --to choose records', async () => {
    expect((await logLines('--from', '2', '--to', '2')).map(({ lsn }) => lsn)).toEqual([2])
    const { stdout } = await cli.run('log', cli.store, '--from', '2', '--to', '2')
    expect(stdout).toContain('collection@1')
  })
})

describe('verify and digest', () => {
  test('a sound store is ok', async () => {
    const { exitCode, stdout, stderr } = await cli.run('verify', cli.store)
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(stdout).toMatch(/\nok: everything checks out\n$/)
    expect(await cli.json('verify', cli.store)).toMatchObject({ ok: true, problems: [] })
  })

  test('the digest is the same each time, and changes with the data', async () => {
    const first = await cli.json<{ lsn: number; data: string; index: string }>('digest', cli.store)
    expect(first).toEqual({ lsn: 4, data: expect.stringMatching(/^[0-9a-f]{16}$/), index: expect.any(String) })
    expect(first.index).toMatch(/^[0-9a-f]{16}$/)
    const text = `LSN    4\ndata   ${first.data}\nindex  ${first.index}\n`
    expect(await cli.run('digest', cli.store)).toEqual({ exitCode: 0, stdout: text, stderr: '' })
    await cli.json('delete', cli.store, 'words', 'king')
    const second = await cli.json<{ lsn: number; data: string }>('digest', cli.store)
    expect(second.data).not.toBe(first.data)
    expect(second.lsn).toBe(first.lsn + 1)
  })

  test('digest --data leaves the index out', async () => {
    const { lsn, data } = await cli.json<{ lsn: number; data: string }>('digest', cli.store)
    expect(await cli.json('digest', cli.store, '--data')).toEqual({ lsn, data })
    expect((await cli.run('digest', cli.store, '--data')).stdout).toBe(`LSN   ${lsn}\ndata  ${data}\n`)
  })
})

describe('beside a live writer', () => {
  let store: VectorStore
  let words: Collection
  beforeAll(async () => {
    store = await VectorStore.open(cli.store)
    words = await store.collection('words')
  })
  afterAll(() => store.close())

  test('every reading command works and sees what is durable', async () => {
    await words.delete(['of'])
    expect((await cli.run('get', cli.store, 'words', 'of')).exitCode).toBe(1)
    for (const argv of [['stats'], ['log'], ['verify'], ['digest']]) {
      const { exitCode, stderr } = await cli.run(argv[0]!, cli.store)
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    }
    expect((await cli.run('search', cli.store, 'words', '--id', 'city')).exitCode).toBe(0)
  })

  test('another process cannot write', async () => {
    const { exitCode, stderr } = await new BuiltCli('delete', cli.store, 'words', 'to').result
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/^annals: .* is open for writing in another process.*\(ERR_STORE_LOCKED\)\n$/)
    expect(await words.has('to')).toBe(true)
  })
})
