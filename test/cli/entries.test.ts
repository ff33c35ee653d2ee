import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CliFixture } from './support/cli-fixture.ts'

let cli: CliFixture
beforeEach(async () => {
  cli = await CliFixture.create()
  const file = await cli.writeJsonLines('a.jsonl', [
    { id: 'a', vector: [0.1, 2], metadata: { color: 'red' } },
    { id: '-b', vector: [3, -4.5] },
    { id: 'line\nfeed\u001b[31m', vector: [1, 1], metadata: { text: '\u202e' } },
  ])
  await cli.json('import', cli.store, 'things', file)
})
afterEach(() => cli.remove())

describe('get', () => {
  test('prints metadata, and vectors when asked', async () => {
    const { exitCode, stdout } = await cli.run('get', cli.store, 'things', '--vector', '--', 'a', '-b')
    expect(exitCode).toBe(0)
    expect(stdout).toBe(
      'id        a\nmetadata  {"color":"red"}\nvector    [0.1, 2]\n\nid        -b\nmetadata  none\nvector    [3, -4.5]\n',
    )
    expect((await cli.run('get', cli.store, 'things', 'a')).stdout).not.toContain('vector')
  })

  test('prints JSON', async () => {
    expect(await cli.json('get', cli.store, 'things', 'a', '--vector')).toEqual({
      entries: [{ id: 'a', vector: [0.1, 2], metadata: { color: 'red' } }],
      missing: [],
    })
  })

  test('an id that is not there is named, and the others are printed', async () => {
    const { exitCode, stdout, stderr } = await cli.run('get', cli.store, 'things', 'x', 'a')
    expect(exitCode).toBe(1)
    expect(stdout).toContain('id        a')
    expect(stderr).toBe('annals: things has no entry x (ERR_ENTRY_NOT_FOUND)\n')
    const json = await cli.run('get', cli.store, 'things', 'x', '--json')
    expect(json.exitCode).toBe(1)
    expect(JSON.parse(json.stdout)).toEqual({ entries: [], missing: ['x'] })
  })

  test('what is stored cannot act on the terminal', async () => {
    const { stdout } = await cli.run('get', cli.store, 'things', 'line\nfeed\u001b[31m')
    expect(stdout).toBe('id        line\\u{a}feed\\u{1b}[31m\nmetadata  {"text":"\\u{202e}"}\n')
  })
})

describe('delete', () => {
  test('says how many there were', async () => {
    const { exitCode, stdout } = await cli.run('delete', cli.store, 'things', 'a', 'x')
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^deleted 1 of 2 ids, LSN \d+\n$/)
    expect((await cli.run('get', cli.store, 'things', 'a')).exitCode).toBe(1)
  })

  test('prints JSON', async () => {
    expect(await cli.json('delete', cli.store, 'things', 'a')).toEqual({ lsn: expect.any(Number), deleted: 1 })
  })

  test('never makes a store or a collection', async () => {
    expect((await cli.run('delete', cli.store, 'other', 'a')).stderr).toContain('(ERR_COLLECTION_NOT_FOUND)')
    const { exitCode, stderr } = await cli.run('delete', cli.directory, 'things', 'a')
    expect(exitCode).toBe(1)
    expect(stderr).toContain('(ERR_STORE_NOT_FOUND)')
  })
})
