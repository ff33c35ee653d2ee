import type { Files } from '../base/files.ts'
import type { ColdChunks } from './cold-chunks.ts'
import type { PartRows, PartValues } from './cold-parts.ts'
import * as format from './format.ts'
import type { CollectionRecord } from './manifest.ts'
import type { PartEntry } from './part.ts'
import { rowsOfChunk } from './part-plan.ts'
import type { PartReader } from './part-reader.ts'
import { ReadAhead } from './read-ahead.ts'
import { ofPart, type VerifyTools } from './verify-parts.ts'

/** Where the parts of one collection are read from. */
export class CollectionParts {
  readonly #storeId: Uint8Array
  readonly #parts: ReadonlyMap<string, PartEntry>
  readonly #ahead: ReadAhead
  readonly tools: VerifyTools
  /** What is to stay on disk, if anything. */
  readonly cold: ColdChunks | undefined

  constructor(
    files: Files,
    storeId: Uint8Array,
    record: CollectionRecord,
    parts: readonly PartEntry[],
    { cold, ...tools }: VerifyTools & { readonly cold?: ColdChunks | undefined },
  ) {
    this.#storeId = storeId
    this.cold = cold
    this.#parts = new Map(parts.map((part) => [`${part.kind}.${part.chunk}`, part]))
    this.tools = tools
    this.#ahead = new ReadAhead(files, storeId, inReadingOrder(record, parts, cold), tools)
  }

  has(kind: number, chunk: number): boolean {
    return this.#parts.has(`${kind}.${chunk}`)
  }

  openRows(chunk: number, rowBytes: number): Promise<PartRows> {
    return this.cold!.openRows(this.#storeId, this.#parts.get(`${format.ORIGINALS}.${chunk}`)!, rowBytes)
  }

  openValues(chunk: number): Promise<PartValues> {
    return this.cold!.openValues(this.#storeId, this.#parts.get(`${format.DOCUMENTS}.${chunk}`)!)
  }

  /** Reads a part; the plan of the manifest says that it is there. */
  async read<Result>(kind: number, chunk: number, read: (reader: PartReader) => Promise<Result>): Promise<Result> {
    const part = this.#parts.get(`${kind}.${chunk}`)!
    const result = await ofPart(part, this.#ahead.use(part, read))
    await this.tools.yieldToEventLoop()
    return result
  }

  /** To be called when no more is read. */
  close(): Promise<void> {
    return this.#ahead.close()
  }
}

/** Which parts are read, and in which order: columns chunk by chunk, then graphs block by block. */
function inReadingOrder(
  { slotCount, quantization, graph }: CollectionRecord,
  parts: readonly PartEntry[],
  cold: ColdChunks | undefined,
): PartEntry[] {
  const isRead = ({ kind, chunk }: PartEntry) =>
    kind >= format.NODES
      ? graph !== undefined
      : cold?.leaves(kind, rowsOfChunk(slotCount, chunk), quantization) !== true
  const stageOf = ({ kind }: PartEntry) => (kind < format.TOMBSTONES ? 0 : kind <= format.NODES ? kind : format.CODES)
  return parts.filter(isRead).sort((a, b) => stageOf(a) - stageOf(b) || a.chunk - b.chunk || a.kind - b.kind)
}
