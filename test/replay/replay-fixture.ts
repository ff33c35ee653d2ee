import type { StoreEvent } from '../../src/engine/events.ts'
import { StoreState } from '../../src/engine/store-state.ts'
import { digestHex } from '../../src/replay/check-collection.ts'
import { encodeEvents } from '../../src/replay/event-codec.ts'
import { Materializer, type RecordOutcome } from '../../src/replay/materializer.ts'
import { MARK_PATH } from '../../src/wal/format.ts'
import { markFile, markSlot, SegmentBuilder } from '../support/byte-builder.ts'
import { CrashableFiles } from '../support/crashable-files.ts'
import { checksum } from '../support/log-fixture.ts'

export { checksum }

export const CREATE: StoreEvent = { type: 'create', name: 'vectors', dimensions: 2, metric: 'euclidean' }

/** An `add` of one entry to the collection that record 1 created. */
export function addOf(id: string, ...components: readonly number[]): StoreEvent {
  return { type: 'add', collection: 1, ids: [id], vectors: new Uint8Array(Float32Array.from(components).buffer) }
}

/** A state, fed with records. */
export class ReplayFixture {
  readonly state = new StoreState()
  readonly materializer = new Materializer(this.state)

  applyEvents(...events: StoreEvent[]): RecordOutcome {
    return this.applyPayload(encodeEvents(events))
  }

  applyPayload(payload: Uint8Array, lsn = this.state.lsn + 1): RecordOutcome {
    return this.materializer.apply({ lsn, epoch: 1, timeMs: 0, chain: 0n, payload })
  }

  digest(): Promise<string> {
    return digestHex(this.state, { checksum, yieldToEventLoop: async () => {} })
  }
}

/** Files that hold one segment with these payloads, all of it below the durable mark. */
export function filesOf(...payloads: readonly Uint8Array[]): CrashableFiles {
  const files = new CrashableFiles()
  const segment = new SegmentBuilder().header()
  for (const payload of payloads) segment.record(payload)
  files.writeWhole('wal/0000000000000001.wal', segment.bytes())
  const position = { lsn: payloads.length, chain: segment.chain }
  const even = markSlot({ ...position, sequence: 2 })
  files.writeWhole(MARK_PATH, markFile(even, markSlot({ ...position, sequence: 1 })))
  return files
}
