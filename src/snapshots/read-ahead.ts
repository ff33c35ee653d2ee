import type { Files } from '../base/files.ts'
import type { PartEntry } from './part.ts'
import { PartReader, type ReadTools } from './part-reader.ts'

interface Opening {
  readonly part: PartEntry
  readonly reader: Promise<PartReader>
}

/**
 * Opens parts that are used one after the other, each while the one before it is taken from: so its first megabyte is there
 * when it is asked for. No more than one is ahead.
 */
export class ReadAhead {
  readonly #files: Files
  readonly #storeId: Uint8Array
  readonly #tools: ReadTools
  readonly #order: readonly PartEntry[]
  #place = 0
  #opening: Opening | undefined

  /** `order`: the parts that will be asked for, or most of them. */
  constructor(files: Files, storeId: Uint8Array, order: readonly PartEntry[], tools: ReadTools) {
    this.#files = files
    this.#storeId = storeId
    this.#order = order
    this.#tools = tools
  }

  /** As {@link PartReader.use}. */
  async use<Result>(part: PartEntry, read: (reader: PartReader) => Promise<Result>): Promise<Result> {
    const { reader } = this.#opening?.part === part ? this.#opening : await this.#openAnew(part)
    this.#opening = undefined
    const opened = await reader
    this.#openNext(part)
    return opened.use(read)
  }

  /** Closes what was opened ahead. */
  async close(): Promise<void> {
    const opening = this.#opening
    this.#opening = undefined
    const reader = await opening?.reader.catch(() => undefined)
    await reader?.close()
  }

  async #openAnew(part: PartEntry): Promise<Opening> {
    await this.close()
    return this.#open(part)
  }

  #openNext(part: PartEntry): void {
    if (this.#order[this.#place] === part) this.#place += 1
    const next = this.#order[this.#place]
    if (next === undefined || next === part) return
    this.#opening = this.#open(next)
    // Whoever asks for it hears of its failure.
    this.#opening.reader.catch(() => {})
  }

  #open(part: PartEntry): Opening {
    return { part, reader: PartReader.open(this.#files, this.#storeId, part, this.#tools) }
  }
}
