import type { ByteReader } from './byte-reader.ts'
import { InputError } from './cli-errors.ts'
import type { VectorRecord } from './vector-record.ts'

/** Beyond any vector one meets: a larger number means that the file is not fvecs. */
const MAX_PLAUSIBLE_DIMENSIONS = 1_000_000

/** Bytes of a component. */
export const COMPONENT_BYTES = { fvecs: 4, bvecs: 1 } as const

/** Reads fvecs or bvecs: each vector is its dimension as an int32 and that many float32 or bytes, all little-endian. */
export async function* readFvecs(
  reader: ByteReader,
  path: string,
  ids: AsyncGenerator<string, void, undefined>,
  format: keyof typeof COMPONENT_BYTES = 'fvecs',
): AsyncGenerator<VectorRecord, void, undefined> {
  for (let number = 1; ; number++) {
    const where = `${path}, record ${number}`
    const head = await reader.take(4)
    if (head.length === 0) return
    if (head.length < 4) throw new InputError(`${where}: the file ends within the vector`)
    const dimensions = head.readInt32LE(0)
    if (dimensions < 1 || dimensions > MAX_PLAUSIBLE_DIMENSIONS) {
      throw new InputError(
        `${where}: ${dimensions} cannot be a number of dimensions; is this file in ${format} format?`,
      )
    }
    const lengthBytes = dimensions * COMPONENT_BYTES[format]
    const bytes = await reader.take(lengthBytes)
    if (bytes.length < lengthBytes) throw new InputError(`${where}: the file ends within the vector`)
    const id = await ids.next()
    if (id.done) throw new InputError(`${where}: there is no id for this vector`)
    yield { id: id.value, vector: format === 'fvecs' ? floatsOf(bytes, dimensions) : Uint8Array.from(bytes), where }
  }
}

function floatsOf(bytes: Buffer, dimensions: number): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const vector = new Float32Array(dimensions)
  for (let index = 0; index < dimensions; index++) vector[index] = view.getFloat32(index * 4, true)
  return vector
}
