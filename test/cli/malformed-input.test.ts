import { existsSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CliFixture } from './support/cli-fixture.ts'
import { fvecsBytes, someVectors } from './support/vector-bytes.ts'

let cli: CliFixture
beforeEach(async () => {
  cli = await CliFixture.create()
})
afterEach(() => cli.remove())

const GOOD_LINE = '{"id":"good","vector":[1,2]}\n'

describe('a malformed line stops the import and is named', () => {
  const cases: [title: string, line: string | Buffer, message: string][] = [
    ['text', 'hello', 'line 2: not valid JSON'],
    ['a line cut short', '{"id":"b","vector":[1,', 'line 2: not valid JSON'],
    ['an array', '[1,2]', "line 2: expected an object with 'id' and 'vector'"],
    ['no id', '{"vector":[1,2]}', "line 2: 'id' must be a string"],
    ['an id that is a number', '{"id":7,"vector":[1,2]}', "line 2: 'id' must be a string"],
    ['no vector', '{"id":"b"}', "line 2: 'vector' must be an array of numbers"],
    ['an empty vector', '{"id":"b","vector":[]}', "line 2: 'vector' must be an array of numbers"],
    ['an element that is text', '{"id":"b","vector":[1,"2"]}', "line 2: element 1 of 'vector' is not a number"],
    ['another dimension', '{"id":"b","vector":[1,2,3]}', 'line 2: the vector has 3 dimensions, those before have 2'],
    [
      'a number beyond float32',
      '{"id":"b","vector":[1,1e39]}',
      'line 2: element 1 of the vector is not a finite float32',
    ],
    ['a zero vector', '{"id":"b","vector":[0,0]}', 'line 2: a zero vector has no direction, which cosine needs'],
    ['a misspelt field', '{"id":"b","vector":[1,2],"meta":{}}', "line 2: unknown field 'meta'"],
    ['metadata that is text', '{"id":"b","vector":[1,2],"metadata":"x"}', "line 2: 'metadata' must be an object"],
    ['bytes that are no text', Buffer.from([0x7b, 0xff, 0x7d]), 'line 2: not valid UTF-8'],
  ]
  test.each(cases)('%s', async (_title, line, message) => {
    const path = await cli.write(
      'a.jsonl',
      Buffer.concat([Buffer.from(GOOD_LINE), Buffer.from(line), Buffer.from('\n'), Buffer.from(GOOD_LINE)]),
    )
    const { exitCode, stdout, stderr } = await cli.run('import', cli.store, 'words', path)
    expect(exitCode).toBe(1)
    expect(stderr).toContain(`annals: ${path}, ${message}`)
    expect(stderr).toMatch(/\(ERR_INPUT\)\n$/)
    expect(stdout).toMatch(/^stopped: 1 vector of 2 dimensions into words/)
    expect(await cli.json('get', cli.store, 'words', 'good')).toMatchObject({ missing: [] })
  })

  test('--json carries the error beside the counts', async () => {
    const path = await cli.write('a.jsonl', `${GOOD_LINE}{}\n`)
    const { exitCode, stdout } = await cli.run('import', cli.store, 'words', path, '--json')
    expect(exitCode).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({ vectors: 1, interrupted: false, error: { code: 'ERR_INPUT' } })
  })

  test('what the store refuses keeps its own code', async () => {
    const path = await cli.write('a.jsonl', `${GOOD_LINE}{"id":"","vector":[1,2]}\n`)
    const { exitCode, stderr } = await cli.run('import', cli.store, 'words', path)
    expect(exitCode).toBe(1)
    expect(stderr).toContain('(ERR_ID_INVALID)')
  })
})

describe('a malformed fvecs record stops the import and is named', () => {
  const good = fvecsBytes(someVectors(2, 3))
  const cases: [title: string, tail: Buffer, message: string][] = [
    ['cut within the dimension', Buffer.from([3, 0]), 'record 3: the file ends within the vector'],
    ['cut within the vector', fvecsBytes([[1, 2, 3]]).subarray(0, 9), 'record 3: the file ends within the vector'],
    ['another dimension', fvecsBytes([[1, 2]]), 'record 3: the vector has 2 dimensions, those before have 3'],
    ['a dimension of 0', Buffer.alloc(4), 'record 3: 0 cannot be a number of dimensions'],
    ['a dimension below 0', Buffer.from([255, 255, 255, 255]), 'record 3: -1 cannot be a number of dimensions'],
    ['not a number', fvecsBytes([[1, Number.NaN, 3]]), 'record 3: element 1 of the vector is not a finite float32'],
  ]
  test.each(cases)('%s', async (_title, tail, message) => {
    const path = await cli.write('a.fvecs', Buffer.concat([good, tail]))
    const { exitCode, stdout, stderr } = await cli.run('import', cli.store, 'rows', path)
    expect(exitCode).toBe(1)
    expect(stderr).toContain(`annals: ${path}, ${message}`)
    expect(stdout).toMatch(/^stopped: 2 vectors of 3 dimensions/)
  })
})

describe('what is wrong as a whole leaves no store behind', () => {
  const cases: [title: string, files: Record<string, string | Buffer>, argv: string[], message: string][] = [
    ['no file', {}, ['a.fvecs'], 'there is no file'],
    ['an empty file', { 'a.jsonl': '' }, ['a.jsonl'], 'holds no vectors'],
    ['blank lines only', { 'a.jsonl': '\n \n' }, ['a.jsonl'], 'holds no vectors'],
    ['another format', { 'a.fvecs': 'hello, I am text' }, ['a.fvecs'], 'is this file in fvecs format?'],
    ['no ids file', { 'a.fvecs': fvecsBytes([[1]]) }, ['a.fvecs', '--ids', 'i'], 'there is no file'],
    ['too few ids', { 'a.fvecs': fvecsBytes([[1], [2]]), i: 'x\n' }, ['a.fvecs', '--ids', 'i'], 'has 1 ids'],
    ['too many ids', { 'a.fvecs': fvecsBytes([[1]]), i: 'x\ny\n' }, ['a.fvecs', '--ids', 'i'], 'has 2 ids'],
  ]
  test.each(cases)('%s', async (_title, files, argv, message) => {
    for (const [name, content] of Object.entries(files)) await cli.write(name, content)
    const paths = argv.map((argument) => (argument.startsWith('--') ? argument : cli.path(argument)))
    const { exitCode, stdout, stderr } = await cli.run('import', cli.store, 'rows', ...paths)
    expect(exitCode).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toContain(message)
    expect(existsSync(cli.store)).toBe(false)
  })

  test('more dimensions than a collection can have', async () => {
    const file = await cli.writeFvecs('wide.fvecs', someVectors(1, 9000))
    const { exitCode, stderr } = await cli.run('import', cli.store, 'rows', file)
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/^annals: dimensions must be .* not 9000 \(ERR_RANGE\)\n$/)
  })

  test('a directory', async () => {
    const { exitCode, stderr } = await cli.run('import', cli.store, 'rows', cli.directory, '--format', 'fvecs')
    expect(exitCode).toBe(1)
    expect(stderr).toContain('is a directory, not a file (EISDIR)')
  })

  test('an empty line among the ids', async () => {
    const file = await cli.writeFvecs('a.fvecs', someVectors(3, 2))
    const ids = await cli.write('i', 'x\n\nz\n')
    const { exitCode, stderr } = await cli.run('import', cli.store, 'rows', file, '--ids', ids)
    expect(exitCode).toBe(1)
    expect(stderr).toContain(`${ids}, line 2: the id is empty`)
  })
})
