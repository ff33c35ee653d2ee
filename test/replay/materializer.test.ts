import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeCbor } from '../../src/base/cbor.ts'
import { isStoreError } from '../../src/base/errors.ts'
import { encodeEvents } from '../../src/replay/event-codec.ts'
import { Materializer } from '../../src/replay/materializer.ts'
import { garbagePayload } from './payloads.ts'
import { addOf, CREATE, ReplayFixture } from './replay-fixture.ts'

const FLUSH = { type: 'flush', collection: 1, throughSlot: 1, indexVersion: 1 } as const

describe('the materializer', () => {
  test('applies the events of a record in their order and says what each did', () => {
    const replay = new ReplayFixture()
    replay.applyEvents(CREATE)
    const { lsn, outcomes } = replay.applyEvents(addOf('a', 1, 2), addOf('a', 3, 4), {
      type: 'delete',
      collection: 1,
      ids: ['a', 'b'],
    })
    expect(lsn).toBe(2)
    expect(outcomes).toEqual([
      { added: 1, replaced: 0, removed: 0 },
      { added: 0, replaced: 1, removed: 0 },
      { added: 0, replaced: 0, removed: 1 },
    ])
  })

  test.each([0, 1, 3, 2.5])('takes no record %d after record 1', (lsn) => {
    const replay = new ReplayFixture()
    replay.applyEvents(CREATE)
    expect(() => replay.applyPayload(encodeEvents([addOf('a', 1, 2)]), lsn)).toThrow(RangeError)
    expect(replay.state.lsn).toBe(1)
    expect(replay.materializer.counts).toEqual({ records: 1, events: 1, misfits: 0 })
  })

  test('says which record it applied last, and goes on from one that it is told', () => {
    const replay = new ReplayFixture()
    expect(replay.materializer.applied).toBeUndefined()
    const payload = encodeEvents([CREATE])
    replay.materializer.apply({ lsn: 1, epoch: 2, timeMs: 30, chain: 4n, payload })
    const applied = { lsn: 1, epoch: 2, timeMs: 30, chain: 4n }
    expect(replay.materializer.applied).toEqual(applied)
    const again = new Materializer(replay.state, applied)
    expect([again.applied, again.counts.records]).toEqual([applied, 0])
    again.apply({ lsn: 2, epoch: 2, timeMs: 40, chain: 5n, payload })
    expect(again.applied).toEqual({ lsn: 2, epoch: 2, timeMs: 40, chain: 5n })
  })

  test('takes an event that does not fit as one that changes nothing, and counts it', async () => {
    const replay = new ReplayFixture()
    replay.applyEvents(CREATE)
    const before = await replay.digest()
    expect(replay.applyEvents(CREATE).outcomes[0]).toMatchObject({ code: 'ERR_COLLECTION_MISMATCH' })
    expect(replay.applyEvents(addOf('a', 1)).outcomes[0]).toMatchObject({ code: 'ERR_DIMENSIONS' })
    expect(replay.applyEvents({ type: 'drop', collection: 9 }).outcomes[0]).toMatchObject({
      code: 'ERR_COLLECTION_NOT_FOUND',
    })
    expect(await replay.digest()).toBe(before)
    expect(replay.materializer.counts).toEqual({ records: 4, events: 4, misfits: 3 })
  })

  test('takes a record that is no list of events as one that changes nothing, and goes on behind it', async () => {
    const replay = new ReplayFixture()
    replay.applyEvents(CREATE)
    const before = await replay.digest()
    expect(replay.applyPayload(Uint8Array.of(0xff)).outcomes).toMatchObject([{ code: 'ERR_RECORD_INVALID' }])
    expect(await replay.digest()).toBe(before)
    expect(replay.applyEvents(addOf('a', 1, 2))).toMatchObject({ lsn: 3, outcomes: [{ added: 1 }] })
  })

  test('takes nothing of a record that holds an event of a newer release', async () => {
    const replay = new ReplayFixture()
    replay.applyEvents(CREATE)
    const before = await replay.digest()
    const payload = encodeCbor([
      ['drop', 1],
      ['fold', 1],
    ])
    expect(() => replay.applyPayload(payload)).toThrow("the log has an event 'fold' of a newer release")
    expect(await replay.digest()).toBe(before)
    expect(replay.state.lsn).toBe(1)
  })

  test.each([
    ['create', [['create', 7, 'x', {}]]],
    ['drop', [['drop', [1]]]],
    ['add, without anything', [['add']]],
    ['add, of maps', [['add', 1, { length: 1 }, { byteLength: 8 }, 5]]],
    ['add, ids of another kind', [['add', 1, [1, null], new Uint8Array(16), 'x']]],
    ['update', [['update', 1, 5, 'x']]],
    ['delete', [['delete', 1, 'a']]],
    ['delete, of lists', [['delete', 1, [['a']]]]],
    ['flush', [['flush', 1, '1', 1, 'bulk', 'wide', 1]]],
    ['flush, of no method', [['flush', 1, 1, 1]]],
    ['flush, with a centre of numbers', [['flush', 1, 1, 1, 'bulk', 'wide', 1, [1, 2]]]],
    ['rebuild', [['rebuild', 1, 1, {}, 'wide', 1]]],
    ['consolidate', [['consolidate', [1]]]],
    ['compact', [['compact', 1, 'first']]],
  ])('takes fields of the wrong kind as a misfit: %s', async (_, encoded) => {
    const replay = new ReplayFixture()
    replay.applyEvents(CREATE)
    replay.applyEvents(addOf('a', 1, 2))
    const before = await replay.digest()
    expect(replay.applyPayload(encodeCbor(encoded)).outcomes[0]?.code).toMatch(/^ERR_/)
    expect(await replay.digest()).toBe(before)
  })

  test('never throws on garbage but for a newer event, and what it refuses changes nothing', async () => {
    const sound = [
      encodeEvents([addOf('b', 3, 4)]),
      encodeEvents([CREATE]),
      encodeEvents([{ type: 'update', collection: 1, id: 'a', document: Uint8Array.of(0xa0) }]),
      encodeEvents([{ type: 'delete', collection: 1, ids: ['a'] }]),
      encodeEvents([{ ...FLUSH, method: 'insert' }]),
      encodeEvents([{ ...FLUSH, method: 'bulk', walkCodes: 'wide', scale: 2, centre: new Uint8Array(8) }]),
      encodeEvents([{ type: 'compact', collection: 1, chunk: 0 }]),
    ]
    const property = fc.asyncProperty(garbagePayload(sound), async (payload) => {
      const replay = new ReplayFixture()
      replay.applyEvents(CREATE)
      replay.applyEvents(addOf('a', 1, 2))
      const before = await replay.digest()
      const changed = hasEffect(replay, payload)
      if (!changed) expect(await replay.digest()).toBe(before)
    })
    await fc.assert(property, { numRuns: 2000 })
  })
})

function hasEffect(replay: ReplayFixture, payload: Uint8Array): boolean {
  try {
    return replay.applyPayload(payload).outcomes.some(({ code }) => code === undefined)
  } catch (error) {
    if (isStoreError(error, 'ERR_FORMAT_VERSION')) return false
    throw error
  }
}
