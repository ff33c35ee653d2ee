import { type Checksum, loadChecksum } from '../../src/base/checksum.ts'
import { applyEvent, markApplied } from '../../src/engine/apply-event.ts'
import type { CollectionState } from '../../src/engine/collection-state.ts'
import { digestState } from '../../src/engine/digest.ts'
import type { EventOutcome, StoreEvent } from '../../src/engine/events.ts'
import type { Metric } from '../../src/engine/metric.ts'
import { captureState } from '../../src/engine/state-capture.ts'
import { StoreState } from '../../src/engine/store-state.ts'

export const checksum: Checksum = await loadChecksum()

export const noYield = async (): Promise<void> => {}

/** The bytes of vectors as an event carries them, at an odd offset, because that is where a decoder may leave them. */
export function vectorBytes(...vectors: (readonly number[] | Float32Array)[]): Uint8Array {
  const bytes = new Uint8Array(Float32Array.from(vectors.flatMap((vector) => [...vector])).buffer)
  const shifted = new Uint8Array(bytes.byteLength + 1).subarray(1)
  shifted.set(bytes)
  return shifted
}

export function textBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** The bit pattern of each component, so that -0 and NaN compare as what they are. */
export function bitsOf(vector: Float32Array | readonly number[]): number[] {
  return [...new Uint32Array(Float32Array.from(vector).buffer)]
}

/** Events of one record each on one state. */
export class EngineFixture {
  readonly state = new StoreState()

  apply(event: StoreEvent): EventOutcome {
    return this.applyAt(event, this.state.lsn + 1)
  }

  applyAt(event: StoreEvent, lsn: number): EventOutcome {
    const outcome = applyEvent(this.state, event, lsn)
    markApplied(this.state, lsn)
    return outcome
  }

  /** Applies something that is no event, whatever the types say. */
  applyAnything(event: unknown): EventOutcome {
    return this.apply(event as StoreEvent)
  }

  create(name: string, dimensions: number, metric: Metric = 'euclidean'): CollectionState {
    this.apply({ type: 'create', name, dimensions, metric })
    return this.state.collectionByName(name)!
  }

  add(
    collection: CollectionState,
    entries: Record<string, readonly number[]>,
    documents?: (Uint8Array | undefined)[],
  ): EventOutcome {
    return this.apply({
      type: 'add',
      collection: collection.creationLsn,
      ids: Object.keys(entries),
      vectors: vectorBytes(...Object.values(entries)),
      ...(documents === undefined ? {} : { documents }),
    })
  }

  update(collection: CollectionState, id: string, document: Uint8Array | undefined): EventOutcome {
    return this.apply({ type: 'update', collection: collection.creationLsn, id, document })
  }

  delete(collection: CollectionState, ...ids: string[]): EventOutcome {
    return this.apply({ type: 'delete', collection: collection.creationLsn, ids })
  }

  drop(collection: CollectionState): EventOutcome {
    return this.apply({ type: 'drop', collection: collection.creationLsn })
  }

  digest(): Promise<bigint> {
    return digestState(captureState(this.state), checksum, noYield)
  }
}
