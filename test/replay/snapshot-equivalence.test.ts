import { describe, expect, test, vi } from 'vitest'
import { StoreState } from '../../src/engine/store-state.ts'
import { decodeEvents } from '../../src/replay/event-codec.ts'
import { Materializer } from '../../src/replay/materializer.ts'
import { captureStore, type StoreCapture } from '../../src/snapshots/capture.ts'
import { writeSnapshot } from '../../src/snapshots/writer.ts'
import { noYield } from '../engine/engine-fixture.ts'
import { SnapshotFixture, writeOptions } from '../snapshots/snapshot-fixture.ts'
import { STORE_ID } from '../support/byte-builder.ts'
import { Random } from '../support/random.ts'
import { expectState, type History, randomHistory, read, settled, withSnapshots } from './history-fixture.ts'

// Chunks of 16 slots: what takes many thousands of entries else takes a few.
vi.mock('../../src/base/limits.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../src/base/limits.ts')>()),
  CHUNK_SLOTS: 16,
}))

const EVENTS = 220

const typeOf = (payload: Uint8Array | undefined) => (payload === undefined ? undefined : decodeEvents(payload)[0]?.type)

/** How often something was as it should now and then be when a snapshot is taken. */
interface Seen {
  snapshots: number
  /** Graphs were still to be built. */
  pending: number
  /** Entries were deleted before they were. */
  deletes: number
}

/**
 * A store that goes on while its snapshots are taken: records come several in a turn, a snapshot is begun at each of them, and
 * what they have ordered is built when all of them are there.
 */
async function takeWhileGoingOn(history: History, random: Random): Promise<Seen> {
  const { points, payloads, lastLsn } = history
  const state = new StoreState()
  const store = new SnapshotFixture(state)
  const materializer = new Materializer(state)
  const seen: Seen = { snapshots: 0, pending: 0, deletes: 0 }
  const captured: { lsn: number; capturing: Promise<StoreCapture> }[] = []
  let left = 0
  for (let lsn = 1; lsn <= lastLsn; lsn++) {
    const isPending = state.collections().some(({ index }) => index.backlog > 0)
    if (isPending && typeOf(payloads[lsn - 1]) === 'delete') seen.deletes += 1
    materializer.apply({ ...points[lsn]!, payload: payloads[lsn - 1]! })
    store.startIndexes()
    if (state.collections().some(({ index }) => index.backlog > 0)) seen.pending += 1
    captured.push({ lsn, capturing: captureStore(state, noYield) })
    left = left === 0 ? random.nextInt(8) : left - 1
    // A collection that is dropped is not captured any more.
    if (left > 0 && lsn < lastLsn && typeOf(payloads[lsn]) !== 'drop') continue
    for (const { lsn: at, capturing } of captured.splice(0)) {
      await expectEqual(history, at, await capturing)
      seen.snapshots += 1
    }
  }
  return seen
}

/** Snapshot and log behind it are the whole log. */
async function expectEqual(history: History, lsn: number, capture: StoreCapture): Promise<void> {
  const { epoch, chain, timeMs } = history.points[lsn]!
  const files = settled(history.log)
  const options = { storeId: STORE_ID, position: { epoch, lsn, chain }, timeMs }
  await writeSnapshot(files, capture, writeOptions(lsn, options))
  const recovered = await read(files)
  expect(recovered.report.snapshotLsn).toBe(lsn)
  await expectState(recovered, history, history.lastLsn, `snapshot at ${lsn}`)
}

describe('of a random history, the snapshot at every record and the log behind it', { timeout: 900_000 }, () => {
  test('have what the histories are about', async () => {
    const types = new Set<string | undefined>()
    for (const seed of [11, 12]) {
      const { payloads } = await randomHistory(seed, EVENTS)
      for (const payload of payloads) types.add(typeOf(payload))
    }
    expect([...types].toSorted()).toEqual('add compact consolidate create delete drop flush quantize update'.split(' '))
  })

  test.each([11, 12])('are the whole log, with all that was flushed still to be built (%i)', async (seed) => {
    const history = await randomHistory(seed, EVENTS)
    for (let lsn = 1; lsn <= history.lastLsn; lsn++) {
      const recovered = await read(await withSnapshots(history, lsn))
      expect(recovered.report.snapshotLsn).toBe(lsn)
      await expectState(recovered, history, history.lastLsn, `snapshot at ${lsn}`)
    }
  })

  test.each([11, 12])('are the whole log, taken while the store goes on (%i)', async (seed) => {
    const seen = await takeWhileGoingOn(await randomHistory(seed, EVENTS), new Random(seed))
    expect(seen.snapshots).toBe(EVENTS)
    expect(seen.pending).toBeGreaterThan(20)
    expect(seen.deletes).toBeGreaterThan(1)
  })
})
