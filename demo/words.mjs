// The 10,000 words that the demo stores: id, vector, and how common the word is.
import { readFileSync } from 'node:fs'
import { decodeWordVectors } from '../test/fixtures/word-vectors.mjs'

const { ids, vectors, dimensions } = decodeWordVectors(
  readFileSync(new URL('../test/fixtures/glove-10k.bin', import.meta.url)),
)

export const DIMENSIONS = dimensions
export const WORD_COUNT = ids.length
/** What the numbers alone take up, without any store around them. */
export const RAW_BYTES = vectors.byteLength

const rowByWord = new Map(ids.map((word, row) => [word, row]))

export function wordAt(row) {
  return ids[row]
}

export function entryAt(row) {
  return { id: ids[row], vector: vectorAt(row), metadata: { rank: row + 1 } }
}

/** Compares all bytes, not numbers: -0 and 0 are different bits. */
export function hasSameBits({ id, vector }) {
  const row = rowByWord.get(id)
  return row !== undefined && bytesOf(vector).equals(bytesOf(vectorAt(row)))
}

function vectorAt(row) {
  return vectors.subarray(row * DIMENSIONS, (row + 1) * DIMENSIONS)
}

function bytesOf(floats) {
  return Buffer.from(floats.buffer, floats.byteOffset, floats.byteLength)
}
