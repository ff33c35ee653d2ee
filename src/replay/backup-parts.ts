import { throwIfAborted } from '../base/abort.ts'
import type { Files, OpenFile } from '../base/files.ts'
import { writeFully } from '../base/files.ts'
import { SNAPSHOT_DIRECTORY } from '../snapshots/format.ts'
import type { SnapshotManifest } from '../snapshots/manifest.ts'
import { verifyWrittenManifest, writeManifest } from '../snapshots/manifest-file.ts'
import { manifestPath, partPath } from '../snapshots/names.ts'
import { type PartEntry, partFileBytes } from '../snapshots/part.ts'
import { corrupt, missingAsCorrupt } from '../snapshots/snapshot-error.ts'
import { listFiles, makeSnapshotDirectory, removeIfPresent } from '../snapshots/snapshot-files.ts'
import { SyncQueue } from '../snapshots/sync-queue.ts'
import { usePart, type VerifyTools } from '../snapshots/verify-parts.ts'
import { readBackError } from './backup-target.ts'

const PIECE_BYTES = 1024 * 1024

/** Copies the parts of a snapshot, byte for byte, each checked as it stands in the copy. */
export class PartCopier {
  readonly #source: Files
  readonly #target: Files
  readonly #tools: VerifyTools
  readonly #copied = new Set<string>()

  constructor(source: Files, target: Files, tools: VerifyTools) {
    this.#source = source
    this.#target = target
    this.#tools = tools
  }

  /**
   * Copies what is not there yet. When it resolves, all parts are on disk and were read back; the manifest is not there yet.
   * @throws StoreError `ERR_SNAPSHOT_CORRUPT` for a part that is damaged or missing in the source, or what the files say.
   */
  async copy(manifest: SnapshotManifest): Promise<void> {
    await makeSnapshotDirectory(this.#target)
    const missing = manifest.parts.filter((part) => !this.#copied.has(partPath(part)))
    const syncs = new SyncQueue()
    try {
      for (const part of missing) await this.#copyPart(part, syncs)
      await syncs.drain()
    } finally {
      await syncs.settle()
    }
    await this.#target.syncDirectory(SNAPSHOT_DIRECTORY)
    for (const part of missing) {
      await this.#check(manifest, part)
      this.#copied.add(partPath(part))
    }
  }

  /** Gives the copy its manifest, and removes what attempts before left that it does not name. */
  async publish(manifest: SnapshotManifest): Promise<void> {
    const { lsn } = manifest.position
    const named = new Set(manifest.parts.map(partPath))
    for (const { path } of await listFiles(this.#target))
      if (!named.has(path)) await removeIfPresent(this.#target, path)
    const temporary = await writeManifest(this.#target, manifest, this.#tools.checksum)
    await verifyWrittenManifest(this.#target, manifest, this.#tools.checksum)
    await this.#target.rename(temporary, manifestPath(lsn))
    await this.#target.syncDirectory(SNAPSHOT_DIRECTORY)
  }

  async #copyPart(part: PartEntry, syncs: SyncQueue): Promise<void> {
    const path = partPath(part)
    const source = await this.#source.open(path, 'read').catch((error) => {
      throw missingAsCorrupt(path, error)
    })
    try {
      const [sizeBytes, expectedBytes] = [await source.size(), partFileBytes(part)]
      if (sizeBytes !== expectedBytes) throw corrupt(path, `it has ${sizeBytes} bytes instead of ${expectedBytes}`)
      await removeIfPresent(this.#target, path)
      const copy = await this.#target.open(path, 'create')
      try {
        await this.#copyBytes(source, copy, sizeBytes, path)
      } catch (error) {
        await copy.close()
        throw error
      }
      await syncs.push(copy)
    } finally {
      await source.close()
    }
  }

  async #copyBytes(source: OpenFile, copy: OpenFile, sizeBytes: number, path: string): Promise<void> {
    const { signal, onBytes, yieldToEventLoop } = this.#tools
    const buffer = new Uint8Array(Math.min(PIECE_BYTES, sizeBytes))
    for (let position = 0; position < sizeBytes; position += buffer.byteLength) {
      throwIfAborted(signal, 'the backup')
      const piece = buffer.subarray(0, Math.min(buffer.byteLength, sizeBytes - position))
      if ((await source.read(piece, position)) < piece.byteLength) throw corrupt(path, 'it became shorter meanwhile')
      await writeFully(copy, piece, position)
      onBytes?.(piece.byteLength)
      await yieldToEventLoop()
    }
  }

  /** What does not hold in the copy is damage of the source, if it does not hold there either. */
  async #check({ storeId }: SnapshotManifest, part: PartEntry): Promise<void> {
    const read = (files: Files, tools: VerifyTools) =>
      usePart(files, storeId, part, tools, (reader) => reader.skipRest())
    try {
      await read(this.#target, this.#tools)
    } catch (error) {
      throwIfAborted(this.#tools.signal, 'the backup')
      await read(this.#source, { ...this.#tools, onBytes: undefined })
      throw readBackError(partPath(part), error)
    }
    await this.#tools.yieldToEventLoop()
  }
}
