import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { readGloveFixture } from '../fixtures/glove.ts'
import { decodeWordVectors, encodeWordVectors } from '../fixtures/word-vectors.mjs'

const FILE = readFileSync(new URL('../fixtures/glove-10k.bin', import.meta.url))

test('the fixture holds common words with finite vectors', () => {
  const { ids, vectors, dimensions } = readGloveFixture()
  expect(dimensions).toBe(100)
  expect(vectors).toHaveLength(10_000 * 100)
  expect(new Set(ids).size).toBe(10_000)
  expect(ids).toEqual(expect.arrayContaining(['the', 'king', 'queen', 'prince', 'monarch', 'throne', 'coffee']))
  expect(vectors.every(Number.isFinite)).toBe(true)
})

test('a limit reads the first words', () => {
  const { ids, vectors } = readGloveFixture(3)
  expect(ids).toEqual(['the', 'of', 'to'])
  expect(vectors).toEqual(readGloveFixture().vectors.slice(0, 300))
})

test('encoding what was decoded gives the same bytes', () => {
  expect(encodeWordVectors(decodeWordVectors(FILE)).equals(FILE)).toBe(true)
})

test('another file, or a file cut short, is refused', () => {
  expect(() => decodeWordVectors(Buffer.from('hello'))).toThrow('not a word vector file')
  expect(() => decodeWordVectors(FILE.subarray(0, -4))).toThrow('cannot hold 10000 vectors')
})
