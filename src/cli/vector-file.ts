import { ByteReader } from './byte-reader.ts'
import { InputError, UsageError } from './cli-errors.ts'
import { COMPONENT_BYTES, readFvecs } from './fvecs-file.ts'
import { readJsonLines } from './jsonl-file.ts'
import { countLines, readLines } from './line-reader.ts'
import type { VectorRecord } from './vector-record.ts'

export type VectorFormat = 'fvecs' | 'bvecs' | 'jsonl'
export const VECTOR_FORMATS: readonly VectorFormat[] = ['fvecs', 'bvecs', 'jsonl']

/** A file of vectors that is read forward, in bounded memory. */
export interface VectorFile {
  /** The other ones must have as many components. */
  readonly first: VectorRecord['vector']
  readonly sizeBytes: number | undefined
  consumedBytes(): number
  records(): AsyncIterable<VectorRecord>
  close(): Promise<void>
}

export function formatOf(path: string): VectorFormat {
  if (/\.fvecs$/i.test(path)) return 'fvecs'
  if (/\.bvecs$/i.test(path)) return 'bvecs'
  if (/\.(jsonl|ndjson)$/i.test(path)) return 'jsonl'
  throw new UsageError(`the name ${path} does not tell its format: add --format fvecs, bvecs or jsonl`)
}

/** Opens a file and reads its first vector, so that what is wrong with it as a whole shows before a store is touched. */
export async function openVectorFile(path: string, format: VectorFormat, idsPath?: string): Promise<VectorFile> {
  const reader = await ByteReader.open(path)
  const opened: ByteReader[] = [reader]
  const closeAll = async (): Promise<void> => {
    for (const one of opened) await one.close()
  }
  try {
    const ids = idsPath === undefined ? rowNumbers() : await openIds(idsPath, opened)
    const records = format === 'jsonl' ? readJsonLines(reader, path) : readFvecs(reader, path, ids, format)
    const first = await records.next()
    if (first.done) throw new InputError(`${path} holds no vectors`)
    const { vector } = first.value
    if (idsPath !== undefined && format !== 'jsonl') {
      await checkIdCount(path, reader, 4 + vector.length * COMPONENT_BYTES[format], idsPath)
    }
    return {
      first: vector,
      sizeBytes: reader.sizeBytes,
      consumedBytes: () => reader.consumedBytes,
      records: () => sameDimensions(first.value, records),
      close: closeAll,
    }
  } catch (error) {
    await closeAll()
    throw error
  }
}

async function* sameDimensions(
  first: VectorRecord,
  rest: AsyncGenerator<VectorRecord, void, undefined>,
): AsyncGenerator<VectorRecord, void, undefined> {
  const expected = first.vector.length
  yield first
  for await (const record of rest) {
    const found = record.vector.length
    if (found !== expected) {
      throw new InputError(`${record.where}: the vector has ${found} dimensions, those before have ${expected}`)
    }
    yield record
  }
}

/** Where a file has no ids of its own, its rows are counted from 0. */
async function* rowNumbers(): AsyncGenerator<string, void, undefined> {
  for (let row = 0; ; row++) yield String(row)
}

async function openIds(path: string, opened: ByteReader[]): Promise<AsyncGenerator<string, void, undefined>> {
  const reader = await ByteReader.open(path)
  opened.push(reader)
  return readIds(reader, path)
}

export async function* readIds(reader: ByteReader, path: string): AsyncGenerator<string, void, undefined> {
  for await (const { number, text } of readLines(reader, path)) {
    if (text === '') throw new InputError(`${path}, line ${number}: the id is empty`)
    yield text
  }
}

/** Ids that do not belong to these vectors would name every one of them wrongly, so the counts are compared beforehand. */
async function checkIdCount(path: string, reader: ByteReader, recordBytes: number, idsPath: string): Promise<void> {
  if (reader.sizeBytes === undefined || reader.sizeBytes % recordBytes !== 0) return
  const vectors = reader.sizeBytes / recordBytes
  const ids = await countLines(idsPath)
  if (ids !== vectors) throw new InputError(`${idsPath} has ${ids} ids, ${path} has ${vectors} vectors`)
}
