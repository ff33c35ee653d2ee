import { describe, expect, test, vi } from 'vitest'
import { ABSENT } from '../../src/engine/bytes-chunk.ts'
import { CollectionRestorer } from '../../src/engine/collection-restorer.ts'
import { textBytes } from './engine-fixture.ts'

vi.mock('../../src/base/limits.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../src/base/limits.ts')>()),
  CHUNK_SLOTS: 16,
}))

const SETTINGS = { name: 'c', dimensions: 1, metric: 'euclidean' } as const

function fill(
  restorer: CollectionRestorer,
  ids: readonly string[],
  documents?: readonly (Uint8Array | undefined)[],
): void {
  for (let left = ids.length; left > 0; ) {
    const target = restorer.extendVectors(left)
    new Float32Array(target.buffer, target.byteOffset, target.byteLength / 4).fill(ids.length - left + 1)
    left -= target.byteLength / 4
  }
  restorer.appendIds(
    Uint32Array.from(ids, (id) => id.length),
    textBytes(ids.join('')),
  )
  if (documents === undefined) {
    restorer.appendNoDocuments(ids.length)
    return
  }
  const lengths = Uint32Array.from(documents, (document) => document?.byteLength ?? ABSENT)
  restorer.appendDocuments(lengths, new Uint8Array(documents.flatMap((document) => [...(document ?? [])])))
}

function finish(restorer: CollectionRestorer, tombstones: Uint8Array) {
  const steps = restorer.finish(tombstones)
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

const idsFrom = (first: number, count: number) => Array.from({ length: count }, (_, i) => `id-${first + i}`)

describe('a collection that is restored', () => {
  test('has its entries, freed chunks and tombstones, and takes new entries', () => {
    const restorer = new CollectionRestorer(SETTINGS, 3)
    restorer.appendFreedChunk()
    const large = new Uint8Array(20_000).fill(7)
    const documents = Array.from(
      { length: 16 },
      (_, i) => [undefined, textBytes('doc'), large, new Uint8Array(0)][i % 4],
    )
    fill(restorer, idsFrom(0, 16), documents)
    fill(restorer, idsFrom(16, 3))
    const collection = finish(restorer, Uint8Array.of(255, 255, 0b10, 0, 0))
    expect([collection.slotCount, collection.liveCount, collection.freedChunks()]).toEqual([35, 18, [0]])
    expect([collection.slotOf('id-0'), collection.slotOf('id-1'), collection.slotOf('id-18')]).toEqual([
      16,
      undefined,
      34,
    ])
    expect([16, 17, 18, 19].map((slot) => collection.documentAt(slot))).toEqual(documents.slice(0, 4))
    expect(collection.idAt(17)).toBe('id-1')
    expect(() => collection.copyVector(3)).toThrow(RangeError)
    collection.appendVectors(new Uint8Array(Float32Array.of(9).buffer), new Float64Array(1))
    expect(collection.appendEntry('id-0', textBytes('new'))).toBe(true)
    expect([collection.slotOf('id-0'), ...collection.copyVector(35)]).toEqual([35, 9])
    collection.replaceDocument(18, textBytes('small'))
    collection.replaceDocument(17, undefined)
    expect([collection.documentAt(18), collection.documentAt(17)]).toEqual([textBytes('small'), undefined])
    expect(collection.documentAt(22)).toEqual(large)
  })

  test('is refused where an id comes twice, or a freed chunk has live slots', () => {
    const twice = new CollectionRestorer(SETTINGS, 3)
    fill(twice, ['same', 'same'])
    expect(() => finish(twice, Uint8Array.of(0))).toThrow('comes twice')
    const freed = new CollectionRestorer(SETTINGS, 3)
    freed.appendFreedChunk()
    expect(() => finish(freed, Uint8Array.of(255, 254))).toThrow('was freed')
  })

  test('takes no chunk behind one that is not full', () => {
    const restorer = new CollectionRestorer(SETTINGS, 3)
    fill(restorer, ['one'])
    expect(() => restorer.appendIds(Uint32Array.of(1), textBytes('x'))).toThrow(RangeError)
    expect(() => restorer.appendNoDocuments(1)).toThrow(RangeError)
    expect(() => restorer.appendFreedChunk()).toThrow(RangeError)
  })
})
