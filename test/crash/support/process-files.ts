import type { Files, OpenFile, OpenMode } from '../../../src/base/files.ts'

/**
 * The files as one process has them. Once it is killed, what it has asked the system for still happens, but it never hears of
 * that, and can ask for nothing more: what it was doing in the background must not go on beside the next process.
 */
export class ProcessFiles implements Files {
  readonly readsNow: boolean
  readonly #files: Files
  #isKilled = false
  #underWay = 0
  #onQuiet: (() => void) | undefined

  constructor(files: Files) {
    this.#files = files
    this.readsNow = files.readsNow ?? false
  }

  /** Resolves when everything that was asked for has happened. */
  async kill(): Promise<void> {
    this.#isKilled = true
    if (this.#underWay > 0) await new Promise<void>((resolve) => (this.#onQuiet = resolve))
  }

  open(path: string, mode: OpenMode): Promise<OpenFile> {
    return this.#run(async () => new ProcessFile(await this.#files.open(path, mode), (work) => this.#run(work)))
  }

  rename(from: string, to: string): Promise<void> {
    return this.#run(() => this.#files.rename(from, to))
  }

  remove(path: string): Promise<void> {
    return this.#run(() => this.#files.remove(path))
  }

  list(directory: string): Promise<string[]> {
    return this.#run(() => this.#files.list(directory))
  }

  makeDirectory(path: string): Promise<void> {
    return this.#run(() => this.#files.makeDirectory(path))
  }

  syncDirectory(path: string): Promise<void> {
    return this.#run(() => this.#files.syncDirectory(path))
  }

  #run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#isKilled) return new Promise(() => {})
    this.#underWay += 1
    return new Promise((resolve, reject) => {
      const end = (tell: () => void) => {
        this.#underWay -= 1
        if (!this.#isKilled) tell()
        else if (this.#underWay === 0) this.#onQuiet?.()
      }
      work().then(
        (result) => end(() => resolve(result)),
        (error: unknown) => end(() => reject(error)),
      )
    })
  }
}

class ProcessFile implements OpenFile {
  readonly #file: OpenFile
  readonly #run: <Result>(work: () => Promise<Result>) => Promise<Result>
  readonly readNow?: (target: Uint8Array, position: number) => number

  constructor(file: OpenFile, run: <Result>(work: () => Promise<Result>) => Promise<Result>) {
    this.#file = file
    this.#run = run
    if (file.readNow !== undefined) this.readNow = (target, position) => file.readNow!(target, position)
  }

  read(target: Uint8Array, position: number): Promise<number> {
    return this.#run(() => this.#file.read(target, position))
  }

  write(bytes: Uint8Array, position: number): Promise<number> {
    return this.#run(() => this.#file.write(bytes, position))
  }

  truncate(size: number): Promise<void> {
    return this.#run(() => this.#file.truncate(size))
  }

  size(): Promise<number> {
    return this.#run(() => this.#file.size())
  }

  sync(): Promise<void> {
    return this.#run(() => this.#file.sync())
  }

  close(): Promise<void> {
    return this.#run(() => this.#file.close())
  }
}
