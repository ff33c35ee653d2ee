import { describe, expect, test } from 'vitest'
import { MAX_DIMENSIONS, MAX_ID_BYTES, MAX_METADATA_BYTES, MAX_NAME_BYTES } from '../../src/base/limits.ts'
import type { Metric } from '../../src/engine/metric.ts'
import { bitsOf, EngineFixture, textBytes, vectorBytes } from './engine-fixture.ts'

const NOTHING = { added: 0, replaced: 0, removed: 0 }

describe('create and drop', () => {
  test('a collection is named by the LSN that created it', () => {
    const store = new EngineFixture()
    const outcome = store.applyAt({ type: 'create', name: 'words', dimensions: 3, metric: 'cosine' }, 7)
    expect(outcome).toEqual(NOTHING)
    const words = store.state.collectionByName('words')!
    expect([words.name, words.dimensions, words.metric, words.creationLsn]).toEqual(['words', 3, 'cosine', 7])
    expect(store.state.collectionByLsn(7)).toBe(words)
    expect([store.state.lsn, words.slotCount, words.liveCount, words.dropped]).toEqual([7, 0, 0, false])
  })

  test('collections come in the order they were created', () => {
    const store = new EngineFixture()
    for (const name of ['b', 'a', 'c']) store.create(name, 1)
    store.drop(store.state.collectionByName('a')!)
    store.create('a', 1)
    expect(store.state.collections().map(({ name }) => name)).toEqual(['b', 'c', 'a'])
  })

  test('drop counts the live entries, frees their memory and the name', () => {
    const store = new EngineFixture()
    const first = store.create('words', 2, 'cosine')
    store.add(first, { a: [1, 2], b: [3, 4] }, [textBytes('x'), undefined])
    store.delete(first, 'a')
    expect(store.drop(first)).toEqual({ ...NOTHING, removed: 1 })
    expect([first.dropped, first.slotCount, first.liveCount, first.slotOf('b'), first.isDead(1)]).toEqual([
      true,
      0,
      0,
      undefined,
      true,
    ])
    expect(first.memory().every(({ bytes }) => bytes === 0)).toBe(true)
    const second = store.create('words', 3)
    expect(store.drop(first).code).toBe('ERR_COLLECTION_NOT_FOUND')
    expect(store.state.collectionByName('words')).toBe(second)
  })

  test('one LSN creates one collection, even after it was dropped', () => {
    const store = new EngineFixture()
    const first = store.create('a', 1)
    const lsn = first.creationLsn
    expect(store.applyAt({ type: 'create', name: 'b', dimensions: 1, metric: 'dot' }, lsn).code).toBe(
      'ERR_RECORD_INVALID',
    )
    store.applyAt({ type: 'drop', collection: lsn }, lsn)
    expect(store.applyAt({ type: 'create', name: 'b', dimensions: 1, metric: 'dot' }, lsn).code).toBe(
      'ERR_RECORD_INVALID',
    )
    expect(store.state.collections()).toEqual([])
  })

  test.each([
    ['an existing name', { name: 'taken' }, 'ERR_COLLECTION_MISMATCH'],
    ['an empty name', { name: '' }, 'ERR_COLLECTION_NAME'],
    ['a name too long', { name: 'é'.repeat(MAX_NAME_BYTES / 2 + 1) }, 'ERR_COLLECTION_NAME'],
    ['a name that is not well-formed', { name: 'a\ud800' }, 'ERR_COLLECTION_NAME'],
    ['a name that is no string', { name: 5 }, 'ERR_COLLECTION_NAME'],
    ['no dimensions', { dimensions: 0 }, 'ERR_DIMENSIONS'],
    ['too many dimensions', { dimensions: MAX_DIMENSIONS + 1 }, 'ERR_DIMENSIONS'],
    ['half a dimension', { dimensions: 1.5 }, 'ERR_DIMENSIONS'],
    ['dimensions as text', { dimensions: '3' }, 'ERR_DIMENSIONS'],
    ['an unknown metric', { metric: 'hamming' }, 'ERR_RECORD_INVALID'],
  ])('create with %s changes nothing', async (_, fields, code) => {
    const store = new EngineFixture()
    store.create('taken', 2)
    const before = await store.digest()
    const outcome = store.applyAnything({ type: 'create', name: 'new', dimensions: 2, metric: 'dot', ...fields })
    expect(outcome).toEqual({ ...NOTHING, code })
    expect(await store.digest()).toBe(before)
  })

  test('limits themselves are allowed', () => {
    const store = new EngineFixture()
    expect(store.create('é'.repeat(MAX_NAME_BYTES / 2), MAX_DIMENSIONS).dimensions).toBe(MAX_DIMENSIONS)
  })
})

describe('add', () => {
  test('fills slots in order, with the bits and documents given', () => {
    const store = new EngineFixture()
    const words = store.create('words', 2)
    const vectors = { a: [1, -0], b: [1e-45, 3.4028234663852886e38] }
    expect(store.add(words, vectors, [undefined, textBytes('doc')])).toEqual({ ...NOTHING, added: 2 })
    expect([words.slotOf('a'), words.slotOf('b'), words.slotOf('c')]).toEqual([0, 1, undefined])
    expect([words.idAt(0), words.idAt(1)]).toEqual(['a', 'b'])
    expect([...words.liveSlots()]).toEqual([0, 1])
    expect(bitsOf(words.copyVector(0))).toEqual(bitsOf([1, -0]))
    expect(bitsOf(words.copyVector(1))).toEqual(bitsOf(vectors.b))
    expect(words.documentAt(0)).toBeUndefined()
    expect(words.documentAt(1)).toEqual(textBytes('doc'))
  })

  test('an existing id takes a new slot and leaves its old one dead', () => {
    const store = new EngineFixture()
    const words = store.create('words', 1)
    store.add(words, { a: [1], b: [2] }, [textBytes('old'), undefined])
    expect(store.add(words, { b: [3], a: [4], c: [5] })).toEqual({ added: 1, replaced: 2, removed: 0 })
    expect(['a', 'b', 'c'].map((id) => words.slotOf(id))).toEqual([3, 2, 4])
    expect([...words.liveSlots()]).toEqual([2, 3, 4])
    expect([words.slotCount, words.liveCount, words.isDead(0), words.isDead(3)]).toEqual([5, 3, true, false])
    expect([words.copyVector(3)[0], words.documentAt(3)]).toEqual([4, undefined])
    expect([...words.copyTombstones()]).toEqual([0b11])
  })

  test('of equal ids in one event the last wins, and the others take no slot', () => {
    const store = new EngineFixture()
    const words = store.create('words', 1, 'cosine')
    store.add(words, { b: [9] })
    const ids = ['a', 'b', 'a', 'c', 'b', 'a']
    const outcome = store.apply({
      type: 'add',
      collection: words.creationLsn,
      ids,
      vectors: vectorBytes(...ids.map((_, position) => [position + 1])),
      documents: ids.map((_, position) => textBytes(`${position}`)),
    })
    expect(outcome).toEqual({ added: 2, replaced: 1, removed: 0 })
    expect([...words.liveSlots()].map((slot) => [words.idAt(slot), words.copyVector(slot)[0]])).toEqual([
      ['c', 4],
      ['b', 5],
      ['a', 6],
    ])
    expect([...words.borrowRun(1, 3).norms]).toEqual([4, 5, 6])
    expect(words.documentAt(3)).toEqual(textBytes('5'))
    expect(words.slotCount).toBe(4)
  })

  test('keeps nothing of the event', () => {
    const store = new EngineFixture()
    const words = store.create('words', 1)
    const vectors = vectorBytes([7])
    const document = textBytes('doc')
    store.apply({ type: 'add', collection: words.creationLsn, ids: ['a'], vectors, documents: [document] })
    vectors.fill(0)
    document.fill(0)
    expect([words.copyVector(0)[0], words.documentAt(0)]).toEqual([7, textBytes('doc')])
  })

  test('norms are kept under cosine only', () => {
    const store = new EngineFixture()
    const expected: Record<Metric, number[]> = { cosine: [5], euclidean: [], dot: [] }
    for (const metric of ['cosine', 'euclidean', 'dot'] as const) {
      const collection = store.create(metric, 2, metric)
      store.add(collection, { a: [3, 4] })
      expect([...collection.borrowRun(0, 1).norms]).toEqual(expected[metric])
    }
  })

  test('an empty event, a zero vector outside cosine, and the longest id and document fit', () => {
    const store = new EngineFixture()
    const words = store.create('words', 2)
    expect(store.add(words, {})).toEqual(NOTHING)
    const longest = 'é'.repeat(MAX_ID_BYTES / 2)
    const largest = new Uint8Array(MAX_METADATA_BYTES)
    expect(store.add(words, { [longest]: [0, 0] }, [largest]).added).toBe(1)
    expect(words.idAt(words.slotOf(longest)!)).toBe(longest)
    expect(words.documentAt(0)!.byteLength).toBe(MAX_METADATA_BYTES)
  })

  test.each(['\ufeffid', 'a\u0000b', '\u{1F600}', ' ', '__proto__', 'e\u0301'])(
    'the id %j comes back as it is',
    (id) => {
      const store = new EngineFixture()
      const words = store.create('words', 1)
      store.apply({ type: 'add', collection: words.creationLsn, ids: [id, 'é'], vectors: vectorBytes([1], [2]) })
      expect([words.idAt(0), words.slotOf(id)]).toEqual([id, 0])
    },
  )

  const TWO = vectorBytes([1, 2], [3, 4])
  test.each([
    ['a collection that is not there', { collection: 99 }, 'ERR_COLLECTION_NOT_FOUND'],
    ['a collection by name', { collection: 'words' }, 'ERR_COLLECTION_NOT_FOUND'],
    ['ids that are no array', { ids: 'ab' }, 'ERR_RECORD_INVALID'],
    ['an id that is no string', { ids: ['x', 1] }, 'ERR_ID_INVALID'],
    ['an empty id', { ids: ['x', ''] }, 'ERR_ID_INVALID'],
    ['a hole among the ids', { ids: ['x', ...new Array(1)] }, 'ERR_ID_INVALID'],
    ['an id too long in bytes', { ids: ['x', `${'é'.repeat(MAX_ID_BYTES / 2)}.`] }, 'ERR_ID_INVALID'],
    ['an id too long in units', { ids: ['x', 'x'.repeat(MAX_ID_BYTES + 1)] }, 'ERR_ID_INVALID'],
    ['an id that is not well-formed', { ids: ['x', 'a\udc00'] }, 'ERR_ID_INVALID'],
    ['vectors that are no bytes', { vectors: new Float32Array(4) }, 'ERR_RECORD_INVALID'],
    ['vectors as an array', { vectors: [1, 2, 3, 4] }, 'ERR_RECORD_INVALID'],
    ['a byte too few', { vectors: TWO.subarray(1) }, 'ERR_DIMENSIONS'],
    ['a vector too many', { vectors: vectorBytes([1, 2], [3, 4], [5, 6]) }, 'ERR_DIMENSIONS'],
    ['NaN', { vectors: vectorBytes([1, 2], [3, Number.NaN]) }, 'ERR_VECTOR_NOT_FINITE'],
    ['infinity', { vectors: vectorBytes([1, 2], [Infinity, 4]) }, 'ERR_VECTOR_NOT_FINITE'],
    ['a zero vector', { vectors: vectorBytes([1, 2], [0, -0]) }, 'ERR_VECTOR_ZERO'],
    [
      'NaN in an entry that a later one replaces',
      { ids: ['y', 'y'], vectors: vectorBytes([Number.NaN, 2], [3, 4]) },
      'ERR_VECTOR_NOT_FINITE',
    ],
    ['documents that are no array', { documents: TWO }, 'ERR_METADATA_INVALID'],
    ['a document too few', { documents: [TWO] }, 'ERR_METADATA_INVALID'],
    ['a document that is no bytes', { documents: [TWO, 'text'] }, 'ERR_METADATA_INVALID'],
    ['a document of null', { documents: [null, TWO] }, 'ERR_METADATA_INVALID'],
    ['a document too large', { documents: [TWO, new Uint8Array(MAX_METADATA_BYTES + 1)] }, 'ERR_METADATA_INVALID'],
  ])('with %s changes nothing', async (_, fields, code) => {
    const store = new EngineFixture()
    const words = store.create('words', 2, 'cosine')
    store.add(words, { x: [1, 1] })
    const before = await store.digest()
    const event = { type: 'add', collection: words.creationLsn, ids: ['x', 'y'], vectors: TWO, ...fields }
    expect(store.applyAnything(event)).toEqual({ ...NOTHING, code })
    expect(await store.digest()).toBe(before)
    expect(words.slotCount).toBe(1)
  })
})

describe('update', () => {
  test('replaces the document and nothing else', () => {
    const store = new EngineFixture()
    const words = store.create('words', 1)
    store.add(words, { a: [1] })
    expect(store.update(words, 'a', textBytes('new'))).toEqual({ ...NOTHING, replaced: 1 })
    expect([words.documentAt(0), words.slotOf('a'), words.slotCount]).toEqual([textBytes('new'), 0, 1])
    store.update(words, 'a', undefined)
    expect(words.documentAt(0)).toBeUndefined()
  })

  test.each([
    ['an absent id', { id: 'b' }, 'ERR_ENTRY_NOT_FOUND'],
    ['a deleted id', { id: 'gone' }, 'ERR_ENTRY_NOT_FOUND'],
    ['an id that is no string', { id: 5 }, 'ERR_ID_INVALID'],
    ['an id that would be encoded as another', { id: '\ud800' }, 'ERR_ID_INVALID'],
    ['a document that is no bytes', { document: {} }, 'ERR_METADATA_INVALID'],
    ['a document of null', { document: null }, 'ERR_METADATA_INVALID'],
    ['a collection that is not there', { collection: undefined }, 'ERR_COLLECTION_NOT_FOUND'],
  ])('of %s changes nothing', async (_, fields, code) => {
    const store = new EngineFixture()
    const words = store.create('words', 1)
    store.add(words, { a: [1], gone: [2], '\ufffd': [3] })
    store.delete(words, 'gone')
    const before = await store.digest()
    const event = { type: 'update', collection: words.creationLsn, id: 'a', document: textBytes('new'), ...fields }
    expect(store.applyAnything(event)).toEqual({ ...NOTHING, code })
    expect(await store.digest()).toBe(before)
  })
})

describe('delete', () => {
  test('tombstones, and counts what was there, once', () => {
    const store = new EngineFixture()
    const words = store.create('words', 1)
    store.add(words, { a: [1], b: [2], c: [3] })
    expect(store.delete(words, 'a', 'absent', 'c', 'a')).toEqual({ ...NOTHING, removed: 2 })
    expect([words.slotOf('a'), words.slotOf('b'), [...words.liveSlots()]]).toEqual([undefined, 1, [1]])
    expect(store.delete(words, 'a')).toEqual(NOTHING)
    expect(store.add(words, { a: [4] }).added).toBe(1)
    expect(words.slotOf('a')).toBe(3)
  })

  test.each([
    ['ids that are no array', { ids: 'a' }, 'ERR_RECORD_INVALID'],
    ['one invalid id among others', { ids: ['a', ''] }, 'ERR_ID_INVALID'],
    ['a collection that is not there', { collection: Number.NaN }, 'ERR_COLLECTION_NOT_FOUND'],
  ])('with %s changes nothing', async (_, fields, code) => {
    const store = new EngineFixture()
    const words = store.create('words', 1)
    store.add(words, { a: [1] })
    const before = await store.digest()
    expect(store.applyAnything({ type: 'delete', collection: words.creationLsn, ids: ['a'], ...fields })).toEqual({
      ...NOTHING,
      code,
    })
    expect(await store.digest()).toBe(before)
  })
})

test.each([
  undefined,
  null,
  5,
  'create',
  [],
  {},
  { type: 'explode' },
  { type: 'toString' },
  new Map([['type', 'drop']]),
])('what is no event is refused: %j', (event) => {
  expect(new EngineFixture().applyAnything(event)).toEqual({ ...NOTHING, code: 'ERR_RECORD_INVALID' })
})

test('slotOf takes any string', () => {
  const store = new EngineFixture()
  const words = store.create('words', 1)
  store.add(words, { '\ufffd': [1] })
  for (const id of ['', '\ud800', 'x'.repeat(5000), 'é'.repeat(600)]) expect(words.slotOf(id)).toBeUndefined()
  expect(words.slotOf('\ufffd')).toBe(0)
})
