import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { COMMANDS } from '../../src/cli/commands.ts'
import { CliFixture } from './support/cli-fixture.ts'

let cli: CliFixture
beforeAll(async () => {
  cli = await CliFixture.create()
})
afterAll(() => cli.remove())

describe('help', () => {
  test.each([['help'], ['--help'], ['-h']])('%s lists every command', async (argument) => {
    const { exitCode, stdout, stderr } = await cli.run(argument)
    expect(exitCode).toBe(0)
    expect(stderr).toBe('')
    for (const { name, summary } of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${name} .*${summary}$`, 'm'))
  })

  test.each(COMMANDS.map(({ name }) => name))('help %s names every option, and so does --help', async (name) => {
    const { exitCode, stdout } = await cli.run('help', name)
    expect(exitCode).toBe(0)
    const { options, examples } = COMMANDS.find((command) => command.name === name)!
    for (const option of Object.keys(options)) expect(stdout).toContain(`--${option}`)
    for (const example of examples) expect(stdout).toContain(example)
    expect((await cli.run(name, '--help')).stdout).toBe(stdout)
  })

  test('--version prints the version of the package', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
    expect(await cli.run('--version')).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' })
  })
})

describe('wrong usage exits with 2 and says what is wrong', () => {
  const cases: [title: string, argv: string[], message: string][] = [
    ['no command', [], 'no command given'],
    ['an unknown command', ['explode'], "there is no command 'explode'"],
    ['help on an unknown command', ['help', 'explode'], "there is no command 'explode'"],
    ['a missing directory', ['stats'], '<dir> is missing'],
    ['a missing collection', ['search', 'x'], '<collection> is missing'],
    ['a missing id', ['get', 'x', 'words'], '<id> is missing'],
    ['an empty argument', ['get', 'x', 'words', ''], '<id> is empty'],
    ['an argument too many', ['stats', 'x', 'y'], "unexpected argument 'y'"],
    ['an unknown option', ['stats', 'x', '--fast'], "Unknown option '--fast'"],
    ['an option without its value', ['log', 'x', '--from'], "Option '--from <value>' argument missing"],
    ['a number that is none', ['log', 'x', '--from', 'two'], "--from must be a whole number from 1, not 'two'"],
    ['a range that ends before it begins', ['log', 'x', '--from', '3', '--to', '2'], '--from 3 lies behind --to 2'],
    ['no query', ['search', 'x', 'words'], 'give exactly one of --id, --vector and --queries'],
    ['two queries', ['search', 'x', 'words', '--id', 'a', '--vector', '1'], 'give exactly one of'],
    ['k 0', ['search', 'x', 'words', '--id', 'a', '--k', '0'], '--k must be a whole number from 1'],
    ['k beyond the limit', ['search', 'x', 'words', '--id', 'a', '--k', '65537'], 'from 1 to 65,536'],
    [
      'a list size of 0',
      ['search', 'x', 'words', '--id', 'a', '--list-size', '0'],
      '--list-size must be a whole number',
    ],
    [
      'a list for nothing',
      ['search', 'x', 'words', '--id', 'a', '--exact', '--list-size', '9'],
      'leave out --list-size',
    ],
    [
      'a recall of 0',
      ['search', 'x', 'words', '--id', 'a', '--recall', '0'],
      '--recall must be a number above 0 and at',
    ],
    ['two recalls', ['search', 'x', 'words', '--id', 'a', '--recall', '0.9,0.95'], "at most 1, not '0.9,0.95'"],
    ['a recall of 95', ['search', 'x', 'words', '--id', 'a', '--recall', '95'], "at most 1, not '95'"],
    ['a recall without a number', ['search', 'x', 'words', '--id', 'a', '--recall', ''], "at most 1, not ''"],
    [
      'a recall and a list',
      ['search', 'x', 'words', '--id', 'a', '--recall', '0.9', '--list-size', '9'],
      'leave out --list-size',
    ],
    [
      'a recall of all',
      ['search', 'x', 'words', '--id', 'a', '--recall', '0.9', '--exact'],
      'leave out --list-size, --exact',
    ],
    ['a recall of codes', ['search', 'x', 'words', '--id', 'a', '--recall', '0.9', '--no-rescore'], 'and --no-rescore'],
    ['all without vectors', ['search', 'x', 'words', '--id', 'a', '--exact', '--no-rescore'], 'leave out --no-rescore'],
    ['a vector that is none', ['search', 'x', 'words', '--vector', '1,b'], "'b' is not a number"],
    ['an empty vector', ['search', 'x', 'words', '--vector', '[]'], '--vector has no numbers'],
    ['a distance that is none', ['search', 'x', 'words', '--id', 'a', '--max-distance', 'far'], '--max-distance must'],
    ['a metric that is none', ['import', 'x', 'words', 'a.fvecs', '--metric', 'taxi'], '--metric must be cosine or'],
    ['a format that shows nowhere', ['import', 'x', 'words', 'a.csv'], 'add --format fvecs, bvecs or jsonl'],
    ['ids beside ids', ['import', 'x', 'words', 'a.jsonl', '--ids', 'b'], '--ids is for fvecs'],
  ]
  test.each(cases)('%s', async (_title, argv, message) => {
    const { exitCode, stdout, stderr } = await cli.run(...argv)
    expect(exitCode).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toContain(`annals: `)
    expect(stderr).toContain(message)
    expect(stderr).toMatch(/\(ERR_USAGE\)\nTry: annals help/)
  })
})

describe('a store that is not there', () => {
  const commands = [
    ['search', '--id', 'a'],
    ['optimize'],
    ['get', 'a'],
    ['delete', 'a'],
    ['stats'],
    ['log'],
    ['verify'],
    ['digest'],
  ]
  test.each(commands)('%s fails with 1 and makes nothing', async (name, ...rest) => {
    const collection = ['search', 'optimize', 'get', 'delete'].includes(name!) ? ['words'] : []
    const { exitCode, stdout, stderr } = await cli.run(name!, cli.path('nowhere'), ...collection, ...rest)
    expect(exitCode).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toBe(
      `annals: cannot open the store ${cli.path('nowhere')}: there is no such directory (ERR_STORE_NOT_FOUND)\n`,
    )
  })

  test('a file in its place is named', async () => {
    const file = await cli.write('file', 'x')
    expect((await cli.run('stats', file)).stderr).toContain('it is not a directory (ERR_STORE_NOT_FOUND)')
  })
})
