import './support/forced-walks.ts'
import { describe, expect, test } from 'vitest'
import type { CollectionView } from '../../src/engine/collection-state.ts'
import type { QuantizationMode } from '../../src/engine/quantization.ts'
import { binaryMisfit } from '../../src/store/binary-fit.ts'
import type { Collection } from '../../src/store/collection.ts'
import { rowsOf, type VectorSet } from '../engine/graph/graph-fixture.ts'
import { clusterSet, queriesNear } from '../engine/graph/vector-sets.ts'
import { entriesOf, gloveSet, ON_DEMAND, recallOf } from './support/index-fixture.ts'
import { untilLean } from './support/lean-fixture.ts'
import { NONE_UNASKED } from './support/snapshot-files.ts'
import { StoreFixture } from './support/store-fixture.ts'

async function switched(set: VectorSet, entries: number, mode: QuantizationMode) {
  const { dimensions, metric } = set
  const { store, vectors } = await StoreFixture.withCollection(
    { dimensions, metric },
    { ...ON_DEMAND, ...NONE_UNASKED },
  )
  await vectors.addAll(entriesOf(set, 0, entries))
  await vectors.optimize()
  return { store, vectors, report: await vectors.quantize(mode) }
}

const recallsOf = async (vectors: Collection, queries: readonly Float32Array[], listSizes: readonly number[]) => {
  const recalls: number[] = []
  for (const listSize of listSizes) recalls.push(await recallOf(vectors, queries, { listSize }))
  return recalls
}

function expectAtLeast(found: readonly number[], wanted: readonly number[]): void {
  for (const [place, recall] of found.entries()) expect(recall).toBeGreaterThanOrEqual(wanted[place]!)
}

describe('a warning', () => {
  const view = (dimensions: number, quantization: QuantizationMode) =>
    ({ name: 'words', dimensions, quantization }) as CollectionView

  test('says what speaks against codes of one bit, and nothing of other modes', () => {
    expect(binaryMisfit(view(256, 'binary'), 0.9)).toBeUndefined()
    expect(binaryMisfit(view(256, 'binary'), undefined)).toBeUndefined()
    expect(binaryMisfit(view(2, 'int8'), 0.1)).toBeUndefined()
    expect(binaryMisfit(view(768, 'binary'), 0.8349)).toBe(
      "'binary' does not fit 'words': searches found 0.834 of the 10 nearest, less than 0.9. 'int8' finds more, for more memory",
    )
    expect(binaryMisfit(view(255, 'binary'), 0.5)).toMatch(
      /found 0\.5 of the 10 nearest.*; its vectors have 255 dimensions/,
    )
  })
})

describe('codes of one bit', () => {
  test('find little of vectors of 100 dimensions, which the report says', async () => {
    const words = gloveSet(4100)
    const queries = rowsOf(words).slice(4000)
    const { store, vectors, report } = await switched(words, 4000, 'binary')
    const recalls = await recallsOf(vectors, queries, [80, 160, 640])
    expectAtLeast(recalls, [0.88, 0.93, 0.98])
    expectAtLeast([report.before.recall!, report.after.recall!], [0.98, 0.93])
    expect(report.warning).toMatch(/^'binary' does not fit 'vectors': its vectors have 100 dimensions, /)
    const { after, warning } = await vectors.quantize('int8')
    expect([after.recall! >= report.after.recall!, warning]).toEqual([true, undefined])
    await store.close()
  })

  test('find nearly all of 768', async () => {
    const set = clusterSet('cosine', 1500, 768, 30, 0.6)
    const { store, vectors, report } = await switched(set, 1500, 'binary')
    const recalls = await recallsOf(vectors, queriesNear(set, 50, 0.1), [80, 160, 640])
    expectAtLeast(recalls, [0.85, 0.94, 0.99])
    expectAtLeast([report.before.recall!, report.after.recall!], [0.98, 0.94])
    const bytes = ({ memory: { components } }: typeof report.after) => components.indexCodes! + components.indexFactors!
    expect([report.warning, bytes(report.after) * 8 < bytes(report.before)]).toEqual([undefined, true])
    await store.close()
  })

  test('need lists of their own for a recall, and the other forms of a graph share theirs', async () => {
    const words = gloveSet(1500)
    const { store, vectors } = await switched(words, 1500, 'int8')
    const measuredAt = async () => {
      await vectors.search(rowsOf(words)[7]!, { recall: 0.9 })
      return vectors.stats().recall.map(({ lsn }) => lsn)
    }
    const first = await measuredAt()
    expect(first.length).toBe(1)
    await vectors.quantize('none')
    expect(await measuredAt()).toEqual(first)
    await vectors.quantize('binary')
    const binary = await measuredAt()
    expect([binary.length, binary[0] === first[0]]).toEqual([1, false])
    await vectors.addAll(entriesOf(gloveSet(1520), 1500))
    await vectors.flush()
    expect([vectors.stats().index.form, await measuredAt()]).toEqual(['whole', first])
    await store.snapshot()
    await untilLean(vectors)
    expect(await measuredAt()).toEqual(binary)
    await store.close()
  })
})
