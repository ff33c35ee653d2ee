import { type Abortable, throwIfAborted } from '../base/abort.ts'
import type { Checksum } from '../base/checksum.ts'
import { isStoreError } from '../base/errors.ts'
import type { Files, OpenFile } from '../base/files.ts'
import { viewOf } from './bytes.ts'
import { CHECKSUM_BYTES, PART_HEADER_BYTES, pageBytesOf } from './format.ts'
import { partPath } from './names.ts'
import { BATCH_BYTES } from './page-stream.ts'
import { checkPartHeader, encodePartHeader, PartChecksum, type PartEntry, partFileBytes } from './part.ts'
import { corrupt, missingAsCorrupt } from './snapshot-error.ts'

/** Who is told of bytes read, and may stop the reading. */
export interface ReadTools {
  readonly checksum: Checksum
  readonly signal?: Abortable | undefined
  readonly onBytes?: ((bytes: number) => void) | undefined
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
  readonly #header: Uint8Array
  readonly #sums: PartChecksum
  readonly #sizeBytes: number
  /** What was read and verified, and where its open page ends and is consumed to. */
  #batch = new Uint8Array(0)
  #spare: Uint8Array<ArrayBuffer> | undefined
  #pageAt = 0
  #pageEnd = 0
  #at = 0
  #position = 0
  #pages = 0
  #taken = 0
  #reading: Promise<Uint8Array<ArrayBuffer>> | undefined

  private constructor(file: OpenFile, storeId: Uint8Array, entry: PartEntry, tools: ReadTools) {
    this.path = partPath(entry)
    this.contentBytes = entry.contentBytes
    this.#file = file
    this.#entry = entry
    this.#tools = tools
    this.#header = encodePartHeader({ ...entry, storeId })
    this.#sums = new PartChecksum(tools.checksum, this.#header)
    this.#sizeBytes = partFileBytes(entry)
  }

  /** Opens a part, calls `read`, and closes it. `read` must take all of the content. */
  static async use<Result>(
    files: Files,
    storeId: Uint8Array,
    entry: PartEntry,
    tools: ReadTools,
    read: (reader: PartReader) => Promise<Result>,
  ): Promise<Result> {
    const path = partPath(entry)
    const file = await files.open(path, 'read').catch((error) => {
      throw missingAsCorrupt(path, error)
    })
    const reader = new PartReader(file, storeId, entry, tools)
    try {
      await reader.#begin()
      const result = await read(reader)
      reader.#end()
      return result
    } finally {
      await reader.#reading?.catch(() => {})
      await file.close()
    }
  }

  /** Content that was not taken yet. */
  get remainingBytes(): number {
    return this.contentBytes - this.#taken
  }

  /** Fills `target` with the next content. */
  async fill(target: Uint8Array): Promise<void> {
    if (target.byteLength > this.remainingBytes) throw corrupt(this.path, 'its content is too short')
    await this.#fill(target)
    this.#taken += target.byteLength
  }

  async takeU32(count: number): Promise<Uint32Array> {
    if (count * 4 > this.remainingBytes) throw corrupt(this.path, 'its content is too short')
    const words = new Uint32Array(count)
    await this.fill(new Uint8Array(words.buffer))
    return words
  }

  async takeBytes(count: number): Promise<Uint8Array> {
    if (count > this.remainingBytes) throw corrupt(this.path, 'its content is too short')
    const bytes = new Uint8Array(count)
    await this.fill(bytes)
    return bytes
  }

  /** Verifies what is left without handing it out. */
  async skipRest(): Promise<void> {
    while (this.remainingBytes > 0) {
      if (this.#at === this.#pageEnd) await this.#openPage()
      const bytes = Math.min(this.remainingBytes, this.#pageEnd - this.#at)
      this.#at += bytes
      this.#taken += bytes
    }
  }

  async #begin(): Promise<void> {
    const sizeBytes = await this.#file.size()
    if (sizeBytes !== this.#sizeBytes)
      throw corrupt(this.path, `it has ${sizeBytes} bytes instead of ${this.#sizeBytes}`)
    const header = new Uint8Array(PART_HEADER_BYTES)
    await this.#fill(header)
    checkPartHeader(this.path, header, this.#header)
  }

  #end(): void {
    if (this.remainingBytes > 0) throw corrupt(this.path, 'its content is too long')
    if (this.#sums.whole !== this.#entry.checksum) throw corrupt(this.path, 'it is not the file that was written')
  }

  async #fill(target: Uint8Array): Promise<void> {
    for (let filled = 0; filled < target.byteLength; ) {
      if (this.#at === this.#pageEnd) await this.#openPage()
      const bytes = Math.min(target.byteLength - filled, this.#pageEnd - this.#at)
      target.set(this.#batch.subarray(this.#at, this.#at + bytes), filled)
      this.#at += bytes
      filled += bytes
    }
  }

  /** Verifies the next page, of this batch or the next one. */
  async #openPage(): Promise<void> {
    const pageBytes = pageBytesOf(this.#entry.kind)
    this.#pageAt = this.#pageEnd + (this.#pages > 0 ? CHECKSUM_BYTES : 0)
    if (this.#pageAt >= this.#batch.byteLength) await this.#nextBatch()
    const end = Math.min(this.#pageAt + pageBytes, this.#batch.byteLength)
    const contentEnd = end - CHECKSUM_BYTES
    const found = this.#sums.ofPage(this.#batch.subarray(this.#pageAt, contentEnd), this.#pages)
    if (found !== viewOf(this.#batch).getBigUint64(contentEnd, true)) {
      throw corrupt(this.path, 'a checksum is wrong', { details: { offset: this.#pages * pageBytes } })
    }
    this.#sums.append(found)
    this.#pages += 1
    this.#at = this.#pageAt
    this.#pageEnd = contentEnd
  }

  async #nextBatch(): Promise<void> {
    throwIfAborted(this.#tools.signal, 'reading a snapshot')
    const batch = await (this.#reading ?? this.#read())
    this.#tools.onBytes?.(batch.byteLength)
    if (this.#batch.byteLength > 0) this.#spare = new Uint8Array(this.#batch.buffer)
    // The batch after it is read meanwhile.
    this.#reading = this.#position < this.#sizeBytes ? this.#read() : undefined
    this.#reading?.catch(() => {})
    this.#batch = batch
    this.#pageAt = 0
  }

  /** Reads into one of two buffers by turns: the other one is being taken from. */
  async #read(): Promise<Uint8Array<ArrayBuffer>> {
    const buffer = this.#spare ?? new Uint8Array(Math.min(BATCH_BYTES, this.#sizeBytes))
    this.#spare = undefined
    const target = buffer.subarray(0, Math.min(BATCH_BYTES, this.#sizeBytes - this.#position))
    const position = this.#position
    this.#position += target.byteLength
    const read = await this.#file.read(target, position)
    if (read < target.byteLength) throw corrupt(this.path, 'it became shorter while it was read')
    return target
  }
}
