import { describe, expect, test } from 'vitest'
import type { CollectionState } from '../../src/engine/collection-state.ts'
import { digestState } from '../../src/engine/digest.ts'
import { METRICS } from '../../src/engine/metric.ts'
import { captureState } from '../../src/engine/state-capture.ts'
import { checksum, EngineFixture, noYield, textBytes } from './engine-fixture.ts'

describe('digestState', () => {
  test('is fixed for good: these values may change only together with the name of the layout', async () => {
    expect(await new EngineFixture().digest()).toBe(EMPTY_DIGEST)
    expect(await storeOf(() => {}).digest()).toBe(BASE_DIGEST)
  })

  test('differs after any one change', async () => {
    const digests = await Promise.all(Object.values(CHANGES).map((change) => storeOf(change).digest()))
    const names = Object.keys(CHANGES)
    expect(digests.map((digest, index) => names[digests.indexOf(digest)] ?? index)).toEqual(names)
    expect(digests).not.toContain(await storeOf(() => {}).digest())
  })

  test('ignores what dead slots held', async () => {
    const one = storeOf(() => {})
    const other = storeOf(() => {})
    one.add(base(one), { gone: [1, 1] }, [textBytes('this')])
    other.add(base(other), { went: [2, -0] }, [undefined])
    expect(await one.digest()).not.toBe(await other.digest())
    one.delete(base(one), 'gone')
    other.delete(base(other), 'went')
    expect(await one.digest()).toBe(await other.digest())
  })

  test('ignores the LSN, how writes were cut into events, and updates that came to the same', async () => {
    const one = new EngineFixture()
    const other = new EngineFixture()
    one.add(one.create('c', 1), { a: [1], b: [2] }, [textBytes('x'), textBytes('y')])
    const collection = other.create('c', 1)
    other.add(collection, { a: [1] }, [textBytes('z')])
    other.add(collection, { b: [2] }, [textBytes('y')])
    other.update(collection, 'a', textBytes('x'))
    expect(one.state.lsn).not.toBe(other.state.lsn)
    expect(await one.digest()).toBe(await other.digest())
  })

  test('follows the layout that its comment states, over many pieces and blocks', async () => {
    const store = largeStore()
    let yields = 0
    const digest = await digestState(captureState(store.state), checksum, async () => {
      yields += 1
    })
    const stream = plainEncoding(store)
    const pieces = Math.ceil(stream.byteLength / 2 ** 20)
    expect(pieces).toBeGreaterThan(4)
    // After each piece, and now and then where ids and documents are short.
    expect(yields).toBeGreaterThanOrEqual(pieces - 1)
    expect(yields).toBeLessThan(pieces * 4)
    let expected = 0n
    for (let piece = 0; piece < pieces; piece++) {
      expected = checksum.xxh64(stream.subarray(piece * 2 ** 20, (piece + 1) * 2 ** 20), expected)
    }
    expect(digest).toBe(expected)
  })

  test('is of the content at the capture, whatever happens in the meantime', async () => {
    const store = largeStore()
    const [first, second] = store.state.collections() as CollectionState[]
    const before = await store.digest()
    const capture = captureState(store.state)
    const changes = [
      () => store.update(first!, 'id 7', textBytes('changed')),
      () => store.delete(first!, 'id 10000', 'id 3'),
      () => store.add(first!, { 'id 8': new Array(100).fill(9) }, [textBytes('again')]),
      () => store.update(first!, 'id 12000', undefined),
      () => store.drop(second!),
      () => store.drop(first!),
    ]
    const digest = await digestState(capture, checksum, async () => {
      changes.shift()?.()
      changes.shift()?.()
    })
    expect(changes).toHaveLength(0)
    expect(digest).toBe(before)
    expect(await store.digest()).toBe(await new EngineFixture().digest())
    expect(await digestState(capture, checksum, noYield)).toBe(before)
  })
})

const EMPTY_DIGEST = 14226181539668355731n
const BASE_DIGEST = 18406552549088699802n

/** Each changes one thing of the base state. */
const CHANGES: Record<string, (store: EngineFixture) => void> = {
  'a bit of a vector': (store) => replaceVector(store, [1.0000001192092896, 0]),
  '-0 for 0': (store) => replaceVector(store, [1, -0]),
  'a slot more, dead': (store) => replaceVector(store, [1, 0]),
  'components swapped': (store) => replaceVector(store, [0, 1]),
  'a document absent instead of empty': (store) => store.update(base(store), 'empty', undefined),
  'a document empty instead of absent': (store) => store.update(base(store), 'none', new Uint8Array(0)),
  'a bit of a document': (store) => store.update(base(store), 'full', textBytes('doc2')),
  'a byte from one document to the next': (store) => {
    store.update(base(store), 'full', textBytes('do'))
    store.update(base(store), 'last', textBytes('clast'))
  },
  'a tombstone': (store) => store.delete(base(store), 'last'),
  'another tombstone': (store) => store.delete(base(store), 'full'),
  'an entry more': (store) => store.add(base(store), { more: [1, 0] }),
  'an entry more of another id': (store) => store.add(base(store), { mora: [1, 0] }),
  'a collection more': (store) => store.create('other', 2),
  'a collection more of another metric': (store) => store.create('other', 2, 'dot'),
  'a collection more of other dimensions': (store) => store.create('other', 3),
  'a collection more of another name': (store) => store.create('others', 2),
  'a collection more at a later LSN': (store) => {
    store.delete(base(store))
    store.create('other', 2)
  },
  'no collection': (store) => store.drop(base(store)),
}

function storeOf(change: (store: EngineFixture) => void): EngineFixture {
  const store = new EngineFixture()
  const collection = store.create('base', 2)
  const entries = { empty: [1, 2], none: [3, 4], full: [5, 6], last: [7, 8], swap: [1, 0] }
  store.add(collection, entries, [new Uint8Array(0), undefined, textBytes('doc'), textBytes('last'), undefined])
  change(store)
  return store
}

function replaceVector(store: EngineFixture, vector: number[]): void {
  store.add(base(store), { swap: vector })
}

function base(store: EngineFixture): CollectionState {
  return store.state.collectionByName('base')!
}

/** Two collections with 5 MB of vectors in several blocks, dead slots and documents of all kinds. */
function largeStore(): EngineFixture {
  const store = new EngineFixture()
  const large = store.create('large', 100, 'cosine')
  const small = store.create('smäll', 2, 'dot')
  for (let first = 0; first < 12_500; first += 500) {
    const entries: Record<string, number[]> = {}
    for (let slot = first; slot < first + 500; slot++) {
      entries[`id ${slot}`] = Array.from({ length: 100 }, (_, at) => ((slot * 31 + at * 7) % 101) + 0.5)
    }
    const documents = Object.keys(entries).map((id, at) => (at % 3 === 0 ? undefined : textBytes(id.slice(at % 5))))
    store.add(large, entries, documents)
  }
  for (let slot = 0; slot < 12_500; slot += 37) store.delete(large, `id ${slot}`)
  store.delete(large, ...Array.from({ length: 300 }, (_, at) => `id ${4000 + at}`))
  store.add(small, { x: [1, 2], y: [3, 4] })
  return store
}

/** The layout, written down a second time in the plainest way. */
function plainEncoding(store: EngineFixture): Uint8Array {
  const parts: Uint8Array[] = []
  const u32 = (...values: number[]) => parts.push(new Uint8Array(Uint32Array.from(values).buffer))
  const sized = (bytes: Uint8Array) => {
    u32(bytes.byteLength)
    parts.push(bytes)
  }
  sized(textBytes('annals data digest 1'))
  u32(store.state.collections().length)
  for (const collection of store.state.collections()) {
    u32(collection.creationLsn, 0)
    sized(textBytes(collection.name))
    u32(collection.dimensions, METRICS.indexOf(collection.metric), collection.slotCount)
    parts.push(collection.copyTombstones())
    for (const slot of collection.liveSlots()) sized(textBytes(collection.idAt(slot)))
    for (const slot of collection.liveSlots()) {
      const document = collection.documentAt(slot)
      u32(document === undefined ? 0 : document.byteLength + 1)
      if (document !== undefined) parts.push(document)
    }
    for (const slot of collection.liveSlots()) parts.push(new Uint8Array(collection.copyVector(slot).buffer))
  }
  return Buffer.concat(parts)
}
