import { describe, expect, test } from 'vitest'
import { readGloveFixture } from '../../fixtures/glove.ts'
import { leanOf } from '../../suites/lean-kernel-suite.ts'
import { embeddingSet, meanOf } from '../quantization/embedding-set.ts'
import { builtGraph, recallOf, rowsOf, type VectorSet } from './graph-fixture.ts'

interface Case {
  readonly set: VectorSet
  readonly queries: Float32Array[]
}

function packed(rows: readonly Float32Array[]): Float32Array {
  const vectors = new Float32Array(rows.length * rows[0]!.length)
  rows.forEach((row, index) => {
    vectors.set(row, index * row.length)
  })
  return vectors
}

/** Every hundredth word asks for the others. */
function gloveCase(): Case {
  const { vectors, dimensions } = readGloveFixture()
  const rows = rowsOf({ metric: 'cosine', dimensions, vectors })
  const base = packed(rows.filter((_, row) => row % 100 !== 99))
  return { set: { metric: 'cosine', dimensions, vectors: base }, queries: rows.filter((_, row) => row % 100 === 99) }
}

function embeddingCase(dimensions: number, metric: VectorSet['metric']): Case {
  const { rows } = embeddingSet(4100, dimensions, 1)
  const base = rows.slice(100)
  const centre = metric === 'euclidean' && { centre: meanOf(base) }
  return { set: { metric, dimensions, vectors: packed(base), ...centre }, queries: rows.slice(0, 100) }
}

/** What is found when the whole list is compared on originals; measured. */
describe.each<[string, () => Case, of80: number, of320: number]>([
  ['word vectors, .983 and .999', gloveCase, 0.97, 0.995],
  ['256 dimensions, .998 and 1', () => embeddingCase(256, 'euclidean'), 0.99, 0.997],
  ['768 dimensions, all', () => embeddingCase(768, 'euclidean'), 0.99, 0.997],
  ['768 dimensions by cosine, all', () => embeddingCase(768, 'cosine'), 0.99, 0.997],
  ['768 dimensions by dot product, all', () => embeddingCase(768, 'dot'), 0.99, 0.997],
])('recall on codes of one bit: %s', (_, make, of80, of320) => {
  test('with lists of 80 and of 320', async () => {
    const { set, queries } = make()
    const lean = leanOf(await builtGraph(set, 'bulk'), 'binary')
    const recalls = [80, 320].map((listSize) => recallOf(lean, set, queries, { listSize }))
    expect([recalls, recalls[0]! > of80, recalls[1]! > of320]).toEqual([recalls, true, true])
  })
})
