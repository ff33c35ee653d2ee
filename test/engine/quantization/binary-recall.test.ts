import { beforeAll, describe, expect, test } from 'vitest'
import type { BinaryOptions } from '../../../src/engine/quantization/binary-parameters.ts'
import { WasmBinaryCodes } from '../../../src/engine/quantization/wasm-binary-codes.ts'
import { readGloveFixture } from '../../fixtures/glove.ts'
import { estimatesOf, flat, trueScore } from '../../suites/binary-codes/binary-inputs.ts'
import { embeddingSet, meanDirectionOf, meanOf } from './embedding-set.ts'

const K = 10

interface Case {
  readonly base: readonly Float32Array[]
  readonly queries: readonly Float32Array[]
  readonly options: BinaryOptions
}

/** Every hundredth word asks for the others. */
function gloveCase(hasCentre: boolean): Case {
  const { vectors, dimensions } = readGloveFixture()
  const rows = Array.from({ length: vectors.length / dimensions }, (_, row) =>
    vectors.slice(row * dimensions, (row + 1) * dimensions),
  )
  const base = rows.filter((_, row) => row % 100 !== 99)
  const centre = hasCentre ? { centre: meanDirectionOf(base) } : {}
  return {
    base,
    queries: rows.filter((_, row) => row % 100 === 99),
    options: { dimensions, metric: 'cosine', ...centre },
  }
}

function embeddingCase(): Case {
  const { rows, dimensions } = embeddingSet(4050, 768, 1)
  const base = rows.slice(50)
  return { base, queries: rows.slice(0, 50), options: { dimensions, metric: 'euclidean', centre: meanOf(base) } }
}

interface Measured {
  /** Recall where so many times as many as are asked for are compared on originals. */
  recall(multiple: number): number
  /** (estimate - score) / deviation, of every pair. */
  readonly errors: Float64Array
}

async function measure({ base, queries, options }: Case): Promise<Measured> {
  const codes = await WasmBinaryCodes.create(options)
  codes.encode(0, flat(base))
  const errors = new Float64Array(base.length * queries.length)
  const ranks: number[] = []
  queries.forEach((query, index) => {
    const { scores, deviations } = estimatesOf(codes, query)
    const exact = Float64Array.from(base, (row) => trueScore(options, query, row))
    for (const [row, score] of exact.entries()) {
      errors[index * base.length + row] = (scores[row]! - score) / deviations[row]!
    }
    const limit = exact.slice().sort()[K - 1]!
    const sorted = scores.slice().sort()
    for (const [row, score] of exact.entries()) if (score <= limit) ranks.push(sorted.indexOf(scores[row]!))
  })
  return { errors, recall: (multiple) => ranks.filter((rank) => rank < multiple * K).length / ranks.length }
}

/** Measured: .778, .981, .997; .798, .992, .999; .962, 1, 1. */
const CASES: [string, () => Case, leastOf2: number, leastOf10: number, leastOf20: number][] = [
  ['word vectors', () => gloveCase(false), 0.75, 0.97, 0.99],
  ['word vectors around their centre', () => gloveCase(true), 0.77, 0.98, 0.995],
  ['768 dimensions', embeddingCase, 0.94, 0.995, 0.998],
]

describe.each(CASES)('estimates rank: %s', (_, make, leastOf2, leastOf10, leastOf20) => {
  let measured: Measured
  beforeAll(async () => {
    measured = await measure(make())
  })

  test('recall at 10 of rescoring', () => {
    expect(measured.recall(2)).toBeGreaterThan(leastOf2)
    expect(measured.recall(10)).toBeGreaterThan(leastOf10)
    expect(measured.recall(20)).toBeGreaterThan(leastOf20)
  })

  test('errors are centred, and what their deviations say', () => {
    const { errors } = measured
    const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length
    const rootMeanSquare = Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / errors.length)
    const outside = errors.filter((error) => Math.abs(error) > 3).length / errors.length
    expect(Math.abs(mean)).toBeLessThan(0.1)
    expect(rootMeanSquare).toBeGreaterThan(0.5)
    expect(rootMeanSquare).toBeLessThan(1)
    expect(outside).toBeLessThan(0.003)
  })
})
