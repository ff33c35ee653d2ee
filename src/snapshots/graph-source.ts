import { isStoreError, StoreError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import type { BuiltGraph } from '../engine/index/built-graph.ts'
import type { WholeGraphSource } from '../engine/index/lean-graph.ts'
import type { IsDead } from '../engine/index/live-nodes.ts'
import { CollectionParts } from './collection-parts.ts'
import { NODES } from './format.ts'
import type { CollectionRecord, SnapshotManifest } from './manifest.ts'
import { manifestPath } from './names.ts'
import { PageBuffers } from './page-buffers.ts'
import type { PartEntry } from './part.ts'
import type { PinnedParts } from './pinned-parts.ts'
import { restoreGraph } from './restore-graph.ts'
import { asCorrupt } from './snapshot-error.ts'
import type { VerifyTools } from './verify-parts.ts'

export interface GraphSourceTools extends VerifyTools {
  readonly pinned: PinnedParts
}

/** The parts of a snapshot that hold a graph, from which it is read again as it was. They stay until it is released. */
export class GraphSource implements WholeGraphSource {
  readonly #files: Files
  readonly #storeId: Uint8Array
  readonly #record: CollectionRecord
  readonly #parts: readonly PartEntry[]
  readonly #path: string
  readonly #tools: VerifyTools
  readonly #unpin: () => void

  /** The manifest must hold a graph of the collection. */
  constructor(files: Files, manifest: SnapshotManifest, creationLsn: number, { pinned, ...tools }: GraphSourceTools) {
    this.#files = files
    this.#storeId = manifest.storeId
    this.#record = manifest.collections.find((record) => record.creationLsn === creationLsn)!
    this.#parts = manifest.parts.filter((part) => part.creationLsn === creationLsn && part.kind >= NODES)
    this.#path = manifestPath(manifest.position.lsn)
    this.#tools = tools
    this.#unpin = pinned.pin(this.#parts)
  }

  /** @throws StoreError `ERR_SNAPSHOT_CORRUPT` where files are damaged or missing, `ERR_ABORTED`, or what the files say. */
  async restore(isDead: IsDead): Promise<BuiltGraph> {
    const tools = { ...this.#tools, buffers: new PageBuffers() }
    const parts = new CollectionParts(this.#files, this.#storeId, this.#record, this.#parts, tools)
    try {
      return await restoreGraph(this.#record, this.#record.graph!, isDead, parts)
    } catch (error) {
      throw this.#explained(asCorrupt(this.#path, error))
    } finally {
      await parts.close()
    }
  }

  release(): void {
    this.#unpin()
  }

  #explained(error: unknown): unknown {
    if (!isStoreError(error) || error.code === 'ERR_ABORTED') return error
    const message = `the graph of '${this.#record.name}' cannot be read back from its snapshot: ${error.message}. optimize() makes a new one`
    return new StoreError(error.code, message, { cause: error, details: error.details })
  }
}
