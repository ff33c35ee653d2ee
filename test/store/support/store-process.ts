import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const ROOT = new URL('../../../', import.meta.url)
const SCRIPTS = new URL('test/store/support/', ROOT)

/** Other processes run the package as it is built. */
export function requireBuild(): void {
  if (existsSync(new URL('dist/index.js', ROOT))) return
  execFileSync(process.execPath, [fileURLToPath(new URL('scripts/build.mjs', ROOT))], { cwd: ROOT, stdio: 'inherit' })
}

/** What a process sees of a store, or the code of the error that it got. */
export interface Seen {
  readonly count?: number
  readonly lsn?: number
  readonly data?: string
  readonly code?: string
}

/** A process with a store of its own; the script, `store-process.mjs` unless another is named, lists the verbs. */
export class StoreProcess {
  readonly child: ChildProcess
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | string | null>
  readonly #lines: AsyncIterator<string>
  readonly #reader: Interface

  constructor(verb: string, directory: string, options: object = {}, script = 'store-process.mjs') {
    this.child = spawn(
      process.execPath,
      [fileURLToPath(new URL(script, SCRIPTS)), verb, directory, JSON.stringify(options)],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    )
    this.#reader = createInterface({ input: this.child.stdout! })
    this.#lines = this.#reader[Symbol.asyncIterator]()
    this.ended = new Promise((resolve) => this.child.on('exit', (code, signal) => resolve(code ?? signal)))
  }

  /** The next line that it says. */
  async hear(): Promise<Seen> {
    const { value, done } = await this.#lines.next()
    if (done) throw new Error(`the process ended (${await this.ended}) and said nothing more`)
    return JSON.parse(value)
  }

  /** Asks it to look again. */
  ask(): Promise<Seen> {
    this.child.stdin!.write('again\n')
    return this.hear()
  }

  /** Ends it as a power switch would. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.ended
  }

  /** Lets it come to its end by itself. */
  finish(): Promise<number | string | null> {
    this.child.stdin!.end()
    return this.ended
  }
}
