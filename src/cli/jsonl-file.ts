import type { ByteReader } from './byte-reader.ts'
import { InputError } from './cli-errors.ts'
import { readLines } from './line-reader.ts'
import type { VectorRecord } from './vector-record.ts'

const FIELDS: readonly string[] = ['id', 'vector', 'metadata']

/** Reads JSON Lines: `{ "id": "king", "vector": [0.1, …], "metadata": { … } }` on each; blank lines are skipped. */
export async function* readJsonLines(reader: ByteReader, path: string): AsyncGenerator<VectorRecord, void, undefined> {
  for await (const { number, text } of readLines(reader, path)) {
    if (text.trim() !== '') yield recordOf(text, `${path}, line ${number}`)
  }
}

function recordOf(text: string, where: string): VectorRecord {
  const fields = objectOf(text, where)
  const unknown = Object.keys(fields).find((name) => !FIELDS.includes(name))
  // Dropping what a user meant to keep would be the worse surprise.
  if (unknown !== undefined) {
    throw new InputError(`${where}: unknown field '${unknown}'; what belongs to an entry goes into 'metadata'`)
  }
  const { id, vector, metadata } = fields
  if (typeof id !== 'string') throw new InputError(`${where}: 'id' must be a string`)
  const record = { id, vector: vectorOf(vector, where), where }
  if (metadata === undefined) return record
  if (!isObject(metadata)) throw new InputError(`${where}: 'metadata' must be an object`)
  return { ...record, metadata }
}

function objectOf(text: string, where: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new InputError(`${where}: not valid JSON: ${(error as Error).message}`)
  }
  if (!isObject(value)) throw new InputError(`${where}: expected an object with 'id' and 'vector'`)
  return value
}

function vectorOf(value: unknown, where: string): Float32Array {
  if (!Array.isArray(value) || value.length === 0)
    throw new InputError(`${where}: 'vector' must be an array of numbers`)
  const wrong = value.findIndex((element) => typeof element !== 'number')
  if (wrong !== -1) throw new InputError(`${where}: element ${wrong} of 'vector' is not a number`)
  return Float32Array.from(value as number[])
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
