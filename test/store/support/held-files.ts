import type { Files, OpenFile, OpenMode } from '../../../src/base/files.ts'

/** Files of which some wait until they are let go: what is called on a path that is held comes after `release`. */
export class HeldFiles implements Files {
  /** Calls that wait. */
  waiting = 0
  readonly #files: Files
  readonly #isHeld: (path: string) => boolean
  #gate: { readonly opened: Promise<void>; readonly open: () => void } | undefined

  constructor(files: Files, isHeld: (path: string) => boolean) {
    this.#files = files
    this.#isHeld = isHeld
  }

  hold(): void {
    let open = () => {}
    const opened = new Promise<void>((resolve) => {
      open = resolve
    })
    this.#gate = { opened, open }
  }

  release(): void {
    this.#gate?.open()
    this.#gate = undefined
  }

  async open(path: string, mode: OpenMode): Promise<OpenFile> {
    await this.#pass(path)
    return this.#files.open(path, mode)
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#pass(from)
    return this.#files.rename(from, to)
  }

  async remove(path: string): Promise<void> {
    await this.#pass(path)
    return this.#files.remove(path)
  }

  async list(directory: string): Promise<string[]> {
    await this.#pass(directory)
    return this.#files.list(directory)
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#pass(path)
    return this.#files.makeDirectory(path)
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#pass(path)
    return this.#files.syncDirectory(path)
  }

  async #pass(path: string): Promise<void> {
    if (this.#gate === undefined || !this.#isHeld(path)) return
    this.waiting += 1
    await this.#gate.opened
    this.waiting -= 1
  }
}
