import { type Abortable, throwIfAborted } from '../base/abort.ts'
import type { Checksum } from '../base/checksum.ts'
import { isStoreError } from '../base/errors.ts'
import type { Files, OpenFile } from '../base/files.ts'
import { bytesOf, viewOf } from './bytes.ts'
import { CHECKSUM_BYTES, PART_HEADER_BYTES, pageBytesOf } from './format.ts'
import { partPath } from './names.ts'
import { PageBuffers } from './page-buffers.ts'
import { BATCH_BYTES } from './page-stream.ts'
import { checkPartHeader, encodePartHeader, PartChecksum, type PartEntry, partFileBytes } from './part.ts'
import { corrupt, missingAsCorrupt } from './snapshot-error.ts'

/** Who is told of bytes read, and may stop the reading. */
export interface ReadTools {
  readonly checksum: Checksum
  readonly signal?: Abortable | undefined
  readonly onBytes?: ((bytes: number) => void) | undefined
  /** Shared by parts that are read one after the other. */
  readonly buffers?: PageBuffers | undefined
}

/** Whether the file of a part is there and has its size. */
export async function probePart(files: Files, entry: PartEntry): Promise<boolean> {
  let file: OpenFile
  try {
    file = await files.open(partPath(entry), 'read')
  } catch (error) {
    if (isStoreError(error, 'ERR_FILE_NOT_FOUND')) return false
    throw error
  }
  try {
    return (await file.size()) === partFileBytes(entry)
  } finally {
    await file.close()
  }
}

/** Reads a part from front to back; every byte handed out was verified. */
export class PartReader {
  readonly path: string
  readonly contentBytes: number
  readonly #file: OpenFile
  readonly #entry: PartEntry
  readonly #tools: ReadTools
  readonly #buffers: PageBuffers
  readonly #pageBytes: number
  readonly #header: Uint8Array
  readonly #sums: PartChecksum
  readonly #sizeBytes: number
  /** What was read, and where its open page, which was verified, ends and is consumed to. */
  #batch: Uint8Array = new Uint8Array(0)
  #view = viewOf(this.#batch)
  #pageEnd = 0
  #at = 0
  #position = 0
  #pages = 0
  #taken = 0
  #reading: Promise<Uint8Array> | undefined

  private constructor(file: OpenFile, storeId: Uint8Array, entry: PartEntry, tools: ReadTools) {
    this.path = partPath(entry)
    this.contentBytes = entry.contentBytes
    this.#file = file
    this.#entry = entry
    this.#tools = tools
    this.#buffers = tools.buffers ?? new PageBuffers()
    this.#pageBytes = pageBytesOf(entry.kind)
    this.#header = encodePartHeader({ ...entry, storeId })
    this.#sums = new PartChecksum(tools.checksum, this.#header)
    this.#sizeBytes = partFileBytes(entry)
  }

  /** Opens a part and begins to read it, so that it may be opened some time before it is {@link use}d; that must follow. */
  static async open(files: Files, storeId: Uint8Array, entry: PartEntry, tools: ReadTools): Promise<PartReader> {
    const path = partPath(entry)
    const file = await files.open(path, 'read').catch((error) => {
      throw missingAsCorrupt(path, error)
    })
    const reader = new PartReader(file, storeId, entry, tools)
    try {
      await reader.#checkSize()
    } catch (error) {
      await file.close()
      throw error
    }
    reader.#readAhead()
    return reader
  }

  /** Opens a part, calls `read`, and closes it. `read` must take all of the content. */
  static async use<Result>(
    files: Files,
    storeId: Uint8Array,
    entry: PartEntry,
    tools: ReadTools,
    read: (reader: PartReader) => Promise<Result>,
  ): Promise<Result> {
    const reader = await PartReader.open(files, storeId, entry, tools)
    return reader.use(read)
  }

  /** Calls `read`, which must take all of the content, and closes the part. */
  async use<Result>(read: (reader: PartReader) => Promise<Result>): Promise<Result> {
    try {
      const header = new Uint8Array(PART_HEADER_BYTES)
      await this.#fill(header)
      checkPartHeader(this.path, header, this.#header)
      const result = await read(this)
      this.#end()
      return result
    } finally {
      await this.close()
    }
  }

  /** For a part that was opened and is not used after all. */
  async close(): Promise<void> {
    const buffer = await this.#reading?.catch(() => undefined)
    for (const used of [buffer, this.#batch]) if (used !== undefined) this.#giveBack(used)
    this.#batch = new Uint8Array(0)
    await this.#file.close()
  }

  /** Content that was not taken yet. */
  get remainingBytes(): number {
    return this.contentBytes - this.#taken
  }

  /** Fills `target` with the next content. */
  async fill(target: Uint8Array): Promise<void> {
    this.#checkLeft(target.byteLength)
    await this.#fill(target)
    this.#taken += target.byteLength
  }

  /** The next words: in memory of their own, or in that of a place of the buffers, until it is asked for again. */
  async takeU32(count: number, place?: number): Promise<Uint32Array> {
    this.#checkLeft(count * 4)
    const words = place === undefined ? new Uint32Array(count) : this.#buffers.words(place, count)
    await this.fill(bytesOf(words))
    return words
  }

  async takeBytes(count: number): Promise<Uint8Array> {
    this.#checkLeft(count)
    const bytes = new Uint8Array(count)
    await this.fill(bytes)
    return bytes
  }

  /** Verifies what is left without handing it out. */
  async skipRest(): Promise<void> {
    while (this.remainingBytes > 0) {
      if (this.#at === this.#pageEnd) {
        if (this.#isBatchOver) await this.#nextBatch()
        this.#openPage()
      }
      const bytes = Math.min(this.remainingBytes, this.#pageEnd - this.#at)
      this.#at += bytes
      this.#taken += bytes
    }
  }

  async #checkSize(): Promise<void> {
    const sizeBytes = await this.#file.size()
    if (sizeBytes !== this.#sizeBytes)
      throw corrupt(this.path, `it has ${sizeBytes} bytes instead of ${this.#sizeBytes}`)
  }

  #checkLeft(bytes: number): void {
    if (bytes > this.remainingBytes) throw corrupt(this.path, 'its content is too short')
  }

  #end(): void {
    if (this.remainingBytes > 0) throw corrupt(this.path, 'its content is too long')
    if (this.#sums.whole !== this.#entry.checksum) throw corrupt(this.path, 'it is not the file that was written')
  }

  async #fill(target: Uint8Array): Promise<void> {
    for (let filled = 0; filled < target.byteLength; ) {
      if (this.#at === this.#pageEnd) {
        if (this.#isBatchOver) await this.#nextBatch()
        this.#openPage()
      }
      const bytes = Math.min(target.byteLength - filled, this.#pageEnd - this.#at)
      target.set(this.#batch.subarray(this.#at, this.#at + bytes), filled)
      this.#at += bytes
      filled += bytes
    }
  }

  /** Whether the page that is open, if any is, is the last of its batch. */
  get #isBatchOver(): boolean {
    return this.#pageEnd + CHECKSUM_BYTES >= this.#batch.byteLength
  }

  /** Verifies the next page of the batch. */
  #openPage(): void {
    const pageAt = this.#pageEnd === 0 ? 0 : this.#pageEnd + CHECKSUM_BYTES
    const contentEnd = Math.min(pageAt + this.#pageBytes, this.#batch.byteLength) - CHECKSUM_BYTES
    const found = this.#sums.ofPage(this.#batch.subarray(pageAt, contentEnd), this.#pages)
    if (found !== this.#view.getBigUint64(contentEnd, true)) {
      throw corrupt(this.path, 'a checksum is wrong', { details: { offset: this.#pages * this.#pageBytes } })
    }
    this.#sums.append(found)
    this.#pages += 1
    this.#at = pageAt
    this.#pageEnd = contentEnd
  }

  async #nextBatch(): Promise<void> {
    throwIfAborted(this.#tools.signal, 'reading a snapshot')
    const batch = await this.#reading!
    this.#tools.onBytes?.(batch.byteLength)
    this.#giveBack(this.#batch)
    this.#batch = batch
    this.#view = viewOf(batch)
    this.#at = 0
    this.#pageEnd = 0
    this.#reading = undefined
    this.#readAhead()
  }

  /** Has the batch read behind that one which is taken from. */
  #readAhead(): void {
    if (this.#position === this.#sizeBytes) return
    this.#reading = this.#read()
    // Whoever awaits it hears of its failure.
    this.#reading.catch(() => {})
  }

  async #read(): Promise<Uint8Array> {
    const bytes = Math.min(BATCH_BYTES, this.#sizeBytes - this.#position)
    const target = this.#buffers.take(bytes).subarray(0, bytes)
    const position = this.#position
    this.#position += bytes
    const read = await this.#file.read(target, position)
    if (read < bytes) throw corrupt(this.path, 'it became shorter while it was read')
    return target
  }

  #giveBack({ buffer }: Uint8Array): void {
    if (buffer.byteLength > 0) this.#buffers.give(new Uint8Array(buffer))
  }
}
