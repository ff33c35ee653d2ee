import type { Checksum } from '../base/checksum.ts'
import type { Files, OpenFile } from '../base/files.ts'
import { CHUNK_SLOTS } from '../base/limits.ts'
import type { QuantizationMode } from '../engine/quantization.ts'
import { PartRows, PartValues } from './cold-parts.ts'
import { DOCUMENTS, ORIGINALS } from './format.ts'
import { partPath } from './names.ts'
import { type PartEntry, partFileBytes } from './part.ts'
import { cannotReadNow, PageWindow, PartRange } from './part-range.ts'
import { corrupt, missingAsCorrupt, orCorrupt } from './snapshot-error.ts'

/** Where content is that a snapshot holds. */
export type Residence = 'memory' | 'disk'

export interface Residency {
  readonly originals: Residence
  readonly documents: Residence
}

/**
 * The parts of snapshots that a store reads from instead of having their content in memory. A part is open for as long as
 * anything can read it, a capture too, so that it stays readable when it is removed; what nobody can reach any more is closed
 * when the collector finds it.
 */
export class ColdChunks {
  #residency: Residency
  readonly #files: Files
  readonly #checksum: Checksum
  /** Made when the first part is opened: most stores read none. */
  #window: PageWindow | undefined
  readonly #open = new Set<OpenFile>()
  readonly #unreachable = new FinalizationRegistry<OpenFile>((file) => void this.#release(file))

  constructor(files: Files, checksum: Checksum, residency: Residency) {
    this.#files = files
    this.#checksum = checksum
    this.#residency = residency
  }

  /** Parts that are open. */
  get openCount(): number {
    return this.#open.size
  }

  /**
   * Whether the content of a part of a kind, of a chunk with so many rows, is to be left on disk. Only full chunks are; those of
   * originals whatever residency says where the collection has a mode other than `none`.
   */
  leaves(kind: number, rows: number, quantization: QuantizationMode): boolean {
    if (rows < CHUNK_SLOTS) return false
    const { originals, documents } = this.#residency
    if (kind === ORIGINALS) return originals === 'disk' || quantization !== 'none'
    return kind === DOCUMENTS && documents === 'disk'
  }

  /**
   * Opens the vectors of a full chunk, which take `rowBytes` each.
   * @throws StoreError `ERR_SNAPSHOT_CORRUPT` where the file is missing or has another size; `ERR_STORE_OPTIONS` where files
   * cannot be read at once; what the files say.
   */
  openRows(storeId: Uint8Array, part: PartEntry, rowBytes: number): Promise<PartRows> {
    return this.#openPart(storeId, part, (range) => new PartRows(part, range, rowBytes))
  }

  /** Opens the documents of a full chunk, and reads their lengths. Throws what {@link openRows} throws. */
  openValues(storeId: Uint8Array, part: PartEntry): Promise<PartValues> {
    return this.#openPart(storeId, part, (range) => new PartValues(part, range))
  }

  /** From now on the vectors of all collections are to be on disk, whatever their modes say: memory is short. */
  leaveOriginals(): void {
    this.#residency = { ...this.#residency, originals: 'disk' }
  }

  /** Bytes that parts share for reading; what each of them holds is its chunk's. */
  memoryBytes(): number {
    return this.#window?.bytes.byteLength ?? 0
  }

  /** Closes all parts: what is read of them from now on throws `ERR_IO`. */
  async close(): Promise<void> {
    if (this.#window !== undefined) this.#window.holder = undefined
    await Promise.all([...this.#open].map((file) => this.#release(file)))
  }

  async #openPart<Source extends object>(
    storeId: Uint8Array,
    part: PartEntry,
    create: (range: PartRange) => Source,
  ): Promise<Source> {
    const path = partPath(part)
    const file = await this.#files.open(path, 'read').catch((error) => {
      throw missingAsCorrupt(path, error)
    })
    this.#open.add(file)
    try {
      if (file.readNow === undefined) throw cannotReadNow()
      const [sizeBytes, expectedBytes] = [await file.size(), partFileBytes(part)]
      if (sizeBytes !== expectedBytes) throw corrupt(path, `it has ${sizeBytes} bytes instead of ${expectedBytes}`)
      this.#window ??= new PageWindow()
      const range = new PartRange(file, storeId, part, this.#checksum, this.#window)
      const source = orCorrupt(path, () => create(range))
      this.#unreachable.register(range, file)
      return source
    } catch (error) {
      await this.#release(file)
      throw error
    }
  }

  /** Closing what was only read cannot lose anything. */
  async #release(file: OpenFile): Promise<void> {
    this.#open.delete(file)
    await file.close().catch(() => {})
  }
}
