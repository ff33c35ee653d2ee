import { Writable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCli } from '../../src/cli/run.ts'
import { BuiltCli } from './support/built-cli.ts'
import { CliFixture, CollectingStream } from './support/cli-fixture.ts'
import { someVectors } from './support/vector-bytes.ts'

let cli: CliFixture
beforeAll(async () => {
  cli = await CliFixture.create()
  const file = await cli.writeFvecs('rows.fvecs', someVectors(3000, 3))
  await cli.json('import', cli.store, 'rows', file, '--batch', '1')
})
afterAll(() => cli.remove())

/** Takes a few lines, then fails like a pipe or a disk does. */
class FailingStream extends Writable {
  readonly #code: string
  #writes = 0

  constructor(code: string) {
    super()
    this.#code = code
  }

  get writes(): number {
    return this.#writes
  }

  override _write(_chunk: unknown, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    const fails = ++this.#writes > 3
    done(fails ? Object.assign(new Error(`write ${this.#code}`), { code: this.#code }) : undefined)
  }
}

async function runInto(stdout: Writable, ...argv: string[]) {
  const stderr = new CollectingStream()
  const exitCode = await runCli(argv, { stdout, stderr, env: {}, onSigint: () => () => undefined })
  return { exitCode, stderr: stderr.text }
}

describe('output that nobody reads', () => {
  test('ends a long command early and is no failure', async () => {
    const stdout = new FailingStream('EPIPE')
    expect(await runInto(stdout, 'log', cli.store)).toEqual({ exitCode: 0, stderr: '' })
    expect(stdout.writes).toBeLessThan(100)
  })

  test('in a real pipe is no crash', async () => {
    const running = new BuiltCli('log', cli.store)
    running.child.stdout?.once('data', () => running.child.stdout?.destroy())
    expect(await running.result).toMatchObject({ exitCode: 0, stderr: '' })
  })

  test('a full disk behind it is a failure', async () => {
    const { exitCode, stderr } = await runInto(new FailingStream('ENOSPC'), 'log', cli.store)
    expect(exitCode).toBe(1)
    expect(stderr).toContain('(ENOSPC)')
  })
})

describe('errors', () => {
  test('ANNALS_DEBUG prints stacks', async () => {
    const plain = await cli.run('stats', cli.path('nowhere'))
    const debug = await cli.runWith({ env: { ANNALS_DEBUG: '1' } }, 'stats', cli.path('nowhere'))
    expect(plain.stderr).not.toContain('    at ')
    expect(debug.stderr).toContain('    at ')
  })
})
