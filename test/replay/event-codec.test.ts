import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeCbor, encodeCbor } from '../../src/base/cbor.ts'
import { isStoreError } from '../../src/base/errors.ts'
import type { AddEvent, StoreEvent } from '../../src/engine/events.ts'
import { decodeEvents, encodeEvents } from '../../src/replay/event-codec.ts'
import { anyEvent, garbagePayload } from './payloads.ts'

/** Signed zero, subnormals, the largest, and NaN with a payload: only bits tell whether they came through. */
const EDGE_BITS = Uint32Array.of(0x8000_0000, 0x0000_0001, 0x807f_ffff, 0x7f7f_ffff, 0xff7f_ffff, 0x7fc0_1234)

const ADD: AddEvent = { type: 'add', collection: 7, ids: ['a', 'b'], vectors: new Uint8Array(EDGE_BITS.buffer) }

function roundTrip(...events: StoreEvent[]): StoreEvent[] {
  return decodeEvents(encodeEvents(events))
}

function codeOf(payload: Uint8Array): string {
  try {
    decodeEvents(payload)
    return 'ok'
  } catch (error) {
    if (isStoreError(error)) return error.code
    throw error
  }
}

describe('events', () => {
  test('come back as they were, many to a record and in order', () => {
    const property = fc.property(fc.array(anyEvent), (events) => {
      // An event without documents and one whose documents are left out are the same.
      expect(roundTrip(...events)).toEqual(events)
    })
    fc.assert(property, { numRuns: 500 })
  })

  test('keep every bit of a vector', () => {
    const [decoded] = roundTrip(ADD) as [AddEvent]
    expect([...new Uint32Array(decoded.vectors.slice().buffer)]).toEqual([...EDGE_BITS])
  })

  test('tell documents that are left out, absent and empty from each other', () => {
    expect(roundTrip(ADD)[0]).not.toHaveProperty('documents')
    const documents = [undefined, new Uint8Array(0)]
    expect((roundTrip({ ...ADD, documents })[0] as AddEvent).documents).toStrictEqual(documents)
    expect(roundTrip({ type: 'update', collection: 1, id: 'a', document: undefined })[0]).not.toHaveProperty('document')
  })

  test('of quantization take no place where there is none, and stop where the mode is that of a newer release', () => {
    const create = { type: 'create', name: 'c', dimensions: 2, metric: 'dot' } as const
    expect(decodeCbor(encodeEvents([create]))).toEqual([['create', 'c', 2, 'dot']])
    const quantized: StoreEvent[] = [
      { ...create, quantization: 'int8' },
      { type: 'quantize', collection: 7, mode: 'none' },
    ]
    expect(roundTrip(...quantized)).toStrictEqual(quantized)
    expect(decodeCbor(encodeEvents(quantized))).toEqual([
      ['create', 'c', 2, 'dot', 'int8'],
      ['quantize', 7, 'none'],
    ])
    expect(codeOf(encodeCbor([['create', 'c', 2, 'dot', 'int1']]))).toBe('ERR_FORMAT_VERSION')
    expect(codeOf(encodeCbor([['quantize', 7, 'int1']]))).toBe('ERR_FORMAT_VERSION')
    expect(codeOf(encodeCbor([['quantize', 7, 8]]))).toBe('ok')
  })

  test('that make a collection of another type have a name of their own, which older releases refuse', () => {
    const create = { type: 'create', name: 'c', dimensions: 8 } as const
    const typed: StoreEvent[] = [
      { ...create, metric: 'hamming', vectorType: 'binary' },
      { ...create, metric: 'dot', vectorType: 'int8', quantization: 'int8' },
    ]
    expect(roundTrip(...typed)).toStrictEqual(typed)
    expect(decodeCbor(encodeEvents(typed))).toEqual([
      ['createTyped', 'c', 8, 'hamming', 'binary'],
      ['createTyped', 'c', 8, 'dot', 'int8', 'int8'],
    ])
    expect(Buffer.from(encodeEvents(typed.slice(0, 1))).toString('hex')).toBe(
      '81856b63726561746554797065646163086768616d6d696e676662696e617279',
    )
    expect(codeOf(encodeCbor([['createTyped', 'c', 8, 'dot', 'int4']]))).toBe('ERR_FORMAT_VERSION')
    expect(codeOf(encodeCbor([['createTyped', 'c', 8, 'jaccard', 'binary']]))).toBe('ERR_FORMAT_VERSION')
    expect(codeOf(encodeCbor([['createTyped', 'c', 8, 'dot', 'int8', 'int1']]))).toBe('ERR_FORMAT_VERSION')
    expect(codeOf(encodeCbor([['createTyped', 'c', 8, 1, 2]]))).toBe('ok')
  })

  test('that order graph work have a place for each field, and come back exactly', () => {
    const fields = { collection: 7, throughSlot: 20_000, indexVersion: 1 } as const
    const plan = { walkCodes: 'narrow', scale: 2 ** -200, centre: new Uint8Array(EDGE_BITS.slice().buffer) } as const
    const events: StoreEvent[] = [
      { type: 'flush', ...fields, method: 'insert' },
      { type: 'flush', ...fields, method: 'bulk', walkCodes: 'wide', scale: 2 ** 200 },
      { type: 'rebuild', ...fields, ...plan },
      { type: 'consolidate', collection: 7 },
      { type: 'compact', collection: 7, chunk: 3 },
    ]
    expect(roundTrip(...events)).toStrictEqual(events)
    expect(decodeCbor(encodeEvents(events))).toEqual([
      ['flush', 7, 20_000, 1, 'insert', null, null, null],
      ['flush', 7, 20_000, 1, 'bulk', 'wide', 2 ** 200, null],
      ['rebuild', 7, 20_000, 1, 'narrow', 2 ** -200, plan.centre],
      ['consolidate', 7],
      ['compact', 7, 3],
    ])
    for (const event of events) expect(encodeEvents([event])).toEqual(encodeEvents(roundTrip(event)))
  })

  test('are encoded at once: the arrays may be reused', () => {
    const vectors = Uint8Array.from(ADD.vectors)
    const ids = ['a', 'b']
    const payload = encodeEvents([{ ...ADD, ids, vectors }])
    vectors.fill(0)
    ids[0] = 'changed'
    expect(decodeEvents(payload)).toEqual([ADD])
  })

  test('leave payloads of earlier calls alone', () => {
    const payloads = Array.from({ length: 2000 }, (_, index) =>
      encodeEvents([{ type: 'delete', collection: index, ids: [`id ${index}`] }]),
    )
    for (const [index, payload] of payloads.entries()) {
      expect(decodeEvents(payload)).toEqual([{ type: 'delete', collection: index, ids: [`id ${index}`] }])
    }
  })
})

describe('a payload that is none', () => {
  test.each([
    ['no CBOR', Uint8Array.of(0xff)],
    ['cut off', encodeEvents([ADD]).slice(0, -1)],
    ['followed by more', Uint8Array.of(...encodeEvents([ADD]), 0)],
    ['a number', encodeCbor(1)],
    ['text', encodeCbor('add')],
    ['null', encodeCbor(null)],
    ['a map', encodeCbor({ type: 'add' })],
    ['a list of numbers', encodeCbor([1])],
    ['an event without a name', encodeCbor([[]])],
    ['an event with a number for a name', encodeCbor([[1, 2]])],
    ['an event that is a map', encodeCbor([{ type: 'drop', collection: 1 }])],
    ['nested a million deep', new Uint8Array(1_000_000).fill(0x81)],
    ['a list longer than the payload', Uint8Array.of(0x9a, 0xff, 0xff, 0xff, 0xff)],
    ['text longer than the payload', Uint8Array.of(0x81, 0x81, 0x7a, 0x7f, 0xff, 0xff, 0xff)],
  ])('is ERR_RECORD_INVALID: %s', (_, payload) => {
    expect(codeOf(payload)).toBe('ERR_RECORD_INVALID')
  })

  test.each(['promote', 'ADD', '', '__proto__', 'constructor', 'toString'])(
    'is ERR_FORMAT_VERSION where it has an event that only a newer release knows: %s',
    (type) => {
      expect(
        codeOf(
          encodeCbor([
            ['drop', 1],
            [type, 1],
          ]),
        ),
      ).toBe('ERR_FORMAT_VERSION')
    },
  )

  test('never does anything else, and never disturbs the payload after it', () => {
    const sound = [encodeEvents([ADD]), encodeEvents([{ type: 'create', name: 'a', dimensions: 3, metric: 'dot' }])]
    const property = fc.property(garbagePayload(sound), (payload) => {
      expect(['ok', 'ERR_RECORD_INVALID', 'ERR_FORMAT_VERSION']).toContain(codeOf(payload))
      expect(decodeEvents(sound[0]!)).toEqual([ADD])
    })
    fc.assert(property, { numRuns: 3000 })
  })
})
