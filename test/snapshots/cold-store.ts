import type { Files } from '../../src/base/files.ts'
import type { StoreState } from '../../src/engine/store-state.ts'
import { captureStore } from '../../src/snapshots/capture.ts'
import { ColdChunks, type Residency } from '../../src/snapshots/cold-chunks.ts'
import { type Eviction, evictChunks } from '../../src/snapshots/evict-chunks.ts'
import type { SnapshotManifest } from '../../src/snapshots/manifest.ts'
import { type OpenedSnapshot, openSnapshot } from '../../src/snapshots/reader.ts'
import { type WrittenSnapshot, writeSnapshot } from '../../src/snapshots/writer.ts'
import { checksum, noYield } from '../engine/engine-fixture.ts'
import { SnapshotFixture, writeOptions } from './snapshot-fixture.ts'

export function coldChunks(files: Files, residency: Residency): ColdChunks {
  return new ColdChunks(files, checksum, residency)
}

export function openCold(
  files: Files,
  lsn: number,
  cold: ColdChunks,
  onProgress?: (done: number, total: number) => void,
): Promise<OpenedSnapshot> {
  return openSnapshot(files, lsn, { checksum, yieldToEventLoop: noYield, cold, onProgress })
}

/** A state whose indexes run, of which snapshots take chunks out of memory. */
export class ColdStore extends SnapshotFixture {
  readonly files: Files
  readonly cold: ColdChunks

  constructor(files: Files, state: StoreState, residency: Residency, cold = coldChunks(files, residency)) {
    super(state)
    this.files = files
    this.cold = cold
  }

  static async open(files: Files, lsn: number, residency: Residency): Promise<ColdStore> {
    const cold = coldChunks(files, residency)
    return new ColdStore(files, (await openCold(files, lsn, cold)).state, residency, cold)
  }

  /** Takes a snapshot and evicts what it holds; `meanwhile` happens between its capture and the eviction. */
  async snapshot(
    previous: SnapshotManifest | undefined,
    meanwhile: () => void = () => {},
  ): Promise<{ written: WrittenSnapshot; manifest: SnapshotManifest; evicted: Eviction }> {
    const capture = await captureStore(this.state, noYield)
    const written = await writeSnapshot(this.files, capture, writeOptions(capture.lsn, { previous }))
    meanwhile()
    const { manifest } = written
    const tools = { cold: this.cold, checksum, yieldToEventLoop: noYield }
    return { written, manifest, evicted: await evictChunks(this.files, this.state, capture, manifest, tools) }
  }
}
