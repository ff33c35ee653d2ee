import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { digestState } from '../../src/engine/digest.ts'
import { captureState } from '../../src/engine/state-capture.ts'
import { checksum, EngineFixture, noYield, textBytes } from './engine-fixture.ts'

const change = fc.record({
  type: fc.constantFrom('add', 'add', 'update', 'update', 'delete', 'drop'),
  id: fc.constantFrom('a', 'b', 'c', 'd'),
  component: fc.constantFrom(1, 2, 3),
  document: fc.option(
    fc.nat(20_000).map((size) => new Uint8Array(size)),
    { nil: undefined },
  ),
})

describe('captureState', () => {
  test('captures taken anywhere in a history keep the content of their moment', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 40, size: 'max' }), fc.nat(5), async (changes, every) => {
        const store = new EngineFixture()
        const captures = []
        for (const [index, { type, id, component, document }] of changes.entries()) {
          const collection = store.state.collectionByName('c') ?? store.create('c', 1)
          if (type === 'add') store.add(collection, { [id]: [component] }, [document])
          else if (type === 'update') store.update(collection, id, document)
          else if (type === 'delete') store.delete(collection, id)
          else if (component === 1) store.drop(collection)
          if (index % (every + 1) !== 0) continue
          captures.push({ capture: captureState(store.state), digest: await store.digest(), lsn: store.state.lsn })
        }
        for (const { capture, digest, lsn } of captures) {
          expect(capture.lsn).toBe(lsn)
          expect(await digestState(capture, checksum, noYield)).toBe(digest)
        }
      }),
      { numRuns: 100 },
    )
  })

  test('shows settings and content', () => {
    const store = new EngineFixture()
    const words = store.create('words', 2, 'cosine')
    store.add(words, { a: [1, 2], b: [3, 4] }, [undefined, textBytes('b')])
    store.delete(words, 'a')
    const [capture] = captureState(store.state).collections
    store.add(words, { c: [5, 6] })
    store.drop(words)
    expect([capture!.name, capture!.dimensions, capture!.metric, capture!.creationLsn]).toEqual([
      'words',
      2,
      'cosine',
      1,
    ])
    expect([capture!.slotCount, capture!.isDead(0), capture!.isDead(1)]).toEqual([2, true, false])
    expect([capture!.borrowId(1), capture!.borrowDocument(0), capture!.borrowDocument(1)]).toEqual([
      textBytes('b'),
      undefined,
      textBytes('b'),
    ])
    const { bytes, rows } = capture!.borrowRows(0, 9)
    expect([rows, ...new Float32Array(bytes.slice().buffer)]).toEqual([2, 1, 2, 3, 4])
  })
})
