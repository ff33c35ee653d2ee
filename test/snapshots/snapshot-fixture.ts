import { expect } from 'vitest'
import { isStoreError, type StoreError } from '../../src/base/errors.ts'
import type { Files } from '../../src/base/files.ts'
import type { CollectionState } from '../../src/engine/collection-state.ts'
import { digestIndexes, digestState } from '../../src/engine/digest.ts'
import { INDEX_VERSION } from '../../src/engine/index/disk-ann-index.ts'
import { captureState } from '../../src/engine/state-capture.ts'
import type { StoreState } from '../../src/engine/store-state.ts'
import { captureStore } from '../../src/snapshots/capture.ts'
import { type OpenedSnapshot, openSnapshot } from '../../src/snapshots/reader.ts'
import { type WriteOptions, type WrittenSnapshot, writeSnapshot } from '../../src/snapshots/writer.ts'
import { checksum, EngineFixture, noYield, textBytes } from '../engine/engine-fixture.ts'
import { hostOf, PLAN } from '../engine/index/index-fixture.ts'

export const STORE_ID = textBytes('golden store id!')
export const OTHER_STORE_ID = textBytes('another store id')
export const START_MS = 1_700_000_000_000

/** A state whose indexes run, and its snapshots. */
export class SnapshotFixture extends EngineFixture {
  override readonly state: StoreState

  constructor(state: StoreState) {
    super()
    this.state = state
    this.startIndexes()
  }

  /** Starts the indexes of collections that are new. */
  startIndexes(): void {
    for (const { index } of this.state.collections()) index.start(hostOf())
  }

  flush(collection: CollectionState, method: 'insert' | 'bulk', throughSlot = collection.slotCount) {
    const plan = method === 'bulk' ? PLAN : {}
    const fields = { collection: collection.creationLsn, throughSlot, indexVersion: INDEX_VERSION }
    return this.apply({ type: 'flush', method, ...fields, ...plan } as never)
  }

  async write(files: Files, options: Partial<WriteOptions> = {}): Promise<WrittenSnapshot> {
    return writeSnapshot(files, await captureStore(this.state, noYield), writeOptions(this.state.lsn, options))
  }

  digests(): Promise<[bigint, bigint]> {
    return digestsOf(this.state)
  }
}

export function writeOptions(lsn: number, options: Partial<WriteOptions> = {}): WriteOptions {
  const position = { epoch: 3, lsn, chain: (BigInt(lsn) * 0x9e3779b97f4a7c15n) & 0xffff_ffff_ffff_ffffn }
  return { checksum, storeId: STORE_ID, position, timeMs: START_MS + lsn, yieldToEventLoop: noYield, ...options }
}

/** Both digests, of a state whose indexes run. */
export async function digestsOf(state: StoreState): Promise<[bigint, bigint]> {
  return [await digestState(captureState(state), checksum, noYield), await digestIndexes(state, checksum, noYield)]
}

export function open(files: Files, lsn: number, storeId?: Uint8Array): Promise<OpenedSnapshot> {
  return openSnapshot(files, lsn, { checksum, yieldToEventLoop: noYield, storeId })
}

export async function errorOf(work: Promise<unknown>): Promise<StoreError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(isStoreError(error), `${error}`).toBe(true)
  return error as StoreError
}
