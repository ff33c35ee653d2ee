import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { runCli } from '../../../src/cli/run.ts'
import { readGloveFixture } from '../../fixtures/glove.ts'
import { fvecsBytes, jsonLinesText, type TestEntry } from './vector-bytes.ts'

export interface CliResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly terminal?: boolean
  readonly env?: Record<string, string>
  readonly onSigint?: (listener: () => void) => () => void
}

/** A temp directory with a store in `store`, and the command line run on it within this process. */
export class CliFixture {
  readonly directory: string

  private constructor(directory: string) {
    this.directory = directory
  }

  static async create(): Promise<CliFixture> {
    return new CliFixture(await mkdtemp(join(tmpdir(), 'annals-cli-')))
  }

  get store(): string {
    return this.path('store')
  }

  path(name: string): string {
    return join(this.directory, name)
  }

  run(...argv: string[]): Promise<CliResult> {
    return this.runWith({}, ...argv)
  }

  async runWith(options: RunOptions, ...argv: string[]): Promise<CliResult> {
    const stdout = new CollectingStream(options.terminal)
    const stderr = new CollectingStream(options.terminal)
    const onSigint = options.onSigint ?? (() => () => undefined)
    const exitCode = await runCli(argv, { stdout, stderr, env: options.env ?? {}, onSigint })
    return { exitCode, stdout: stdout.text, stderr: stderr.text }
  }

  /** Runs with --json and returns the one document. */
  async json<T = Record<string, unknown>>(...argv: string[]): Promise<T> {
    const { exitCode, stdout, stderr } = await this.run(...argv, '--json')
    if (exitCode !== 0) throw new Error(`exit code ${exitCode}: ${stderr}`)
    return JSON.parse(stdout) as T
  }

  async write(name: string, content: string | Uint8Array): Promise<string> {
    await writeFile(this.path(name), content)
    return this.path(name)
  }

  writeJsonLines(name: string, entries: readonly TestEntry[]): Promise<string> {
    return this.write(name, jsonLinesText(entries))
  }

  writeFvecs(name: string, vectors: readonly (readonly number[])[]): Promise<string> {
    return this.write(name, fvecsBytes(vectors))
  }

  /** Puts the most common English words into the collection `words`. */
  async importWords(count: number): Promise<void> {
    const { ids, vectors, dimensions } = readGloveFixture(count)
    const entries = ids.map((id, row) => ({
      id,
      vector: Array.from(vectors.subarray(row * dimensions, (row + 1) * dimensions)),
      metadata: { rank: row + 1 },
    }))
    await this.json('import', this.store, 'words', await this.writeJsonLines('words.jsonl', entries))
  }

  remove(): Promise<void> {
    return rm(this.directory, { recursive: true, force: true })
  }
}

/** Keeps what is printed; says that it is a terminal when asked to be one. */
export class CollectingStream extends Writable {
  readonly isTTY: boolean
  readonly columns = 100
  text = ''

  constructor(terminal = false) {
    super({ decodeStrings: false })
    this.isTTY = terminal
  }

  override _write(chunk: string, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.text += chunk
    done()
  }
}
