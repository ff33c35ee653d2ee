import { type FileHandle, open, rm } from 'node:fs/promises'
import type { ByteReader } from './byte-reader.ts'
import { InputError } from './cli-errors.ts'

/** Beyond any list of neighbours one meets: a larger number means that the file is not ivecs. */
const MAX_PLAUSIBLE_WIDTH = 1_000_000

interface IvecsRow {
  readonly values: Int32Array
  /** Such as `truth.ivecs, record 12`. */
  readonly where: string
}

/** Reads ivecs: each row is its width as an int32 and that many int32, all little-endian. */
export async function* readIvecs(reader: ByteReader, path: string): AsyncGenerator<IvecsRow, void, undefined> {
  for (let number = 1; ; number++) {
    const where = `${path}, record ${number}`
    const head = await reader.take(4)
    if (head.length === 0) return
    if (head.length < 4) throw new InputError(`${where}: the file ends within the row`)
    const width = head.readInt32LE(0)
    if (width < 1 || width > MAX_PLAUSIBLE_WIDTH) {
      throw new InputError(`${where}: ${width} cannot be the width of a row; is this file in ivecs format?`)
    }
    const bytes = await reader.take(width * 4)
    if (bytes.length < width * 4) throw new InputError(`${where}: the file ends within the row`)
    yield { values: Int32Array.from({ length: width }, (_, index) => bytes.readInt32LE(index * 4)), where }
  }
}

/** Writes a new ivecs file row by row. */
export class IvecsWriter {
  readonly #handle: FileHandle
  readonly #path: string

  private constructor(handle: FileHandle, path: string) {
    this.#handle = handle
    this.#path = path
  }

  /** Fails where there is such a file: it may be one that took hours, or the base file by a slip. */
  static async create(path: string): Promise<IvecsWriter> {
    const handle = await open(path, 'wx').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') throw new InputError(`${path} is there already and will not be overwritten`)
      throw error
    })
    return new IvecsWriter(handle, path)
  }

  /** A row without values cannot be told from a damaged one, so it is refused. */
  async write(values: readonly number[]): Promise<void> {
    if (values.length === 0) throw new RangeError('an ivecs row needs a value')
    const record = Buffer.alloc(4 + values.length * 4)
    record.writeInt32LE(values.length, 0)
    for (const [index, value] of values.entries()) record.writeInt32LE(value, 4 + index * 4)
    await this.#handle.appendFile(record)
  }

  close(): Promise<void> {
    return this.#handle.close()
  }

  /** Takes back what was written. */
  async discard(): Promise<void> {
    await this.#handle.close()
    await rm(this.#path, { force: true })
  }
}
