import fc from 'fast-check'
import type { StoreEvent } from '../../src/engine/events.ts'
import { METRICS } from '../../src/engine/metric.ts'
import { QUANTIZATION_MODES } from '../../src/engine/quantization.ts'

const collection = fc.integer({ min: 1, max: 2 ** 40 })
const id = fc.string({ unit: 'grapheme', minLength: 1 })
const bytes = fc.uint8Array({ maxLength: 64 })
const flushFields = {
  type: fc.constant('flush' as const),
  collection,
  throughSlot: fc.nat({ max: 2 ** 31 }),
  indexVersion: fc.integer({ min: 1, max: 2 ** 40 }),
}
const plan = {
  walkCodes: fc.constantFrom('narrow' as const, 'wide' as const),
  scale: fc.integer({ min: -200, max: 200 }).map((exponent) => 2 ** exponent),
  centre: bytes,
}
/** All but the centre, which only some graphs have. */
const PLANNED = ['type', 'collection', 'throughSlot', 'indexVersion', 'walkCodes', 'scale'] as const

/** Well-formed events whose vectors are any bits at all. */
export const anyEvent: fc.Arbitrary<StoreEvent> = fc.oneof(
  fc.record({
    type: fc.constant('create' as const),
    name: id,
    dimensions: fc.integer({ min: 1, max: 8192 }),
    metric: fc.constantFrom(...METRICS),
  }),
  fc.record({
    type: fc.constant('create' as const),
    name: id,
    dimensions: fc.integer({ min: 1, max: 8192 }),
    metric: fc.constantFrom(...METRICS),
    quantization: fc.constantFrom(...QUANTIZATION_MODES),
  }),
  fc.record({ type: fc.constant('quantize' as const), collection, mode: fc.constantFrom(...QUANTIZATION_MODES) }),
  fc.record({ type: fc.constant('drop' as const), collection }),
  fc.record(
    {
      type: fc.constant('add' as const),
      collection,
      ids: fc.array(id),
      vectors: bytes,
      documents: fc.array(fc.option(bytes, { nil: undefined })),
    },
    { requiredKeys: ['type', 'collection', 'ids', 'vectors'] },
  ),
  fc.record({
    type: fc.constant('update' as const),
    collection,
    id,
    document: fc.option(bytes, { nil: undefined }),
  }),
  fc.record({ type: fc.constant('delete' as const), collection, ids: fc.array(id) }),
  fc.record({ ...flushFields, method: fc.constant('insert' as const) }),
  fc.record(
    { ...flushFields, ...plan, method: fc.constant('bulk' as const) },
    { requiredKeys: [...PLANNED, 'method'] },
  ),
  fc.record({ ...flushFields, ...plan, type: fc.constant('rebuild' as const) }, { requiredKeys: [...PLANNED] }),
  fc.record({ type: fc.constant('consolidate' as const), collection }),
  fc.record({ type: fc.constant('compact' as const), collection, chunk: fc.nat({ max: 2 ** 17 }) }),
)

/** Anything at all, and CBOR with single bytes changed, which comes closer to what a decoder can be led astray by. */
export function garbagePayload(sound: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const damaged = fc
    .tuple(
      fc.constantFrom(...sound),
      fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 3 }),
      fc.nat({ max: 3 }),
    )
    .map(([payload, changes, cut]) => {
      const copy = payload.slice(0, payload.byteLength - cut)
      for (const [place, value] of changes) copy[place % copy.byteLength] = value
      return copy
    })
  return fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 100 }), damaged)
}
