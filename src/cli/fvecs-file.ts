import type { ByteReader } from './byte-reader.ts'
import { InputError } from './cli-errors.ts'
import type { VectorRecord } from './vector-record.ts'

/** Beyond any vector one meets: a larger number means that the file is not fvecs. */
const MAX_PLAUSIBLE_DIMENSIONS = 1_000_000

/** Reads fvecs: each vector is its dimension as an int32 and that many float32, all little-endian. */
export async function* readFvecs(
  reader: ByteReader,
  path: string,
  ids: AsyncGenerator<string, void, undefined>,
): AsyncGenerator<VectorRecord, void, undefined> {
  for (let number = 1; ; number++) {
    const where = `${path}, record ${number}`
    const head = await reader.take(4)
    if (head.length === 0) return
    if (head.length < 4) throw new InputError(`${where}: the file ends within the vector`)
    const dimensions = head.readInt32LE(0)
    if (dimensions < 1 || dimensions > MAX_PLAUSIBLE_DIMENSIONS) {
      throw new InputError(`${where}: ${dimensions} cannot be a number of dimensions; is this file in fvecs format?`)
    }
    const bytes = await reader.take(dimensions * 4)
    if (bytes.length < dimensions * 4) throw new InputError(`${where}: the file ends within the vector`)
    const id = await ids.next()
    if (id.done) throw new InputError(`${where}: there is no id for this vector`)
    yield { id: id.value, vector: floatsOf(bytes, dimensions), where }
  }
}

function floatsOf(bytes: Buffer, dimensions: number): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const vector = new Float32Array(dimensions)
  for (let index = 0; index < dimensions; index++) vector[index] = view.getFloat32(index * 4, true)
  return vector
}
