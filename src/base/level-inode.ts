import type { LevelDatabase, LevelOperation } from './level-database.ts'
import type { LevelKeys } from './level-keys.ts'
import { damaged, type LevelRecords } from './level-records.ts'

/**
 * An append rewrites the last block. Measured with classic-level on a two-core machine: synced appends of 300 bytes take 0.4 ms
 * with blocks of 4 KiB, 1.2-1.7 ms with 16 and 64 KiB; writes of 1 MiB 4-6 ms against 6-9 ms, reads of 8 MiB 25 ms against 12-32 ms.
 */
export const BLOCK_BYTES = 4 * 1024

/** One write makes one batch, and a batch is copied several times on its way: longer writes are cut short. */
const WRITE_BYTES = 4 * 1024 * 1024

/** Blocks fetched in one call. */
const READ_BLOCKS = 256

/** Bytes in blocks that may wait for a sync before a write syncs them itself. */
const UNSYNCED_BYTES = 256 * 1024

const ENCODINGS = { keyEncoding: 'utf8', valueEncoding: 'view' } as const

/**
 * The content of one file in a database.
 *
 * A synced write to LevelDB does not make earlier ones durable: when its log grows full it goes on to a new one without
 * syncing the old (google/leveldb issue 193, open since 2014). So blocks written without a sync are kept, and `sync` writes
 * them again in one synced batch. What must not be lost on its own, such as the removal of blocks, is synced at once.
 */
export class LevelInode {
  readonly number: number
  /** Handles open on it. */
  handleCount = 0
  /** True once no name stands for it; its blocks go when the last handle does. */
  isRemoved = false
  readonly #database: LevelDatabase
  readonly #keys: LevelKeys
  readonly #records: LevelRecords
  #size: number
  #unsynced = new Map<number, Uint8Array>()
  #queue: Promise<unknown> = Promise.resolve()

  constructor(database: LevelDatabase, keys: LevelKeys, records: LevelRecords, number: number, size: number) {
    this.#database = database
    this.#keys = keys
    this.#records = records
    this.number = number
    this.#size = size
  }

  get size(): number {
    return this.#size
  }

  /** True when a sync would have something to do. */
  get isUnsynced(): boolean {
    return this.#unsynced.size > 0
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    const end = position + Math.max(0, Math.min(target.byteLength, this.#size - position))
    for (let at = position; at < end; ) {
      const first = Math.floor(at / BLOCK_BYTES)
      const last = Math.min(Math.floor((end - 1) / BLOCK_BYTES), first + READ_BLOCKS - 1)
      const blocks = await this.#fetch(first, last)
      for (const block of blocks) {
        const inBlock = at % BLOCK_BYTES
        const count = Math.min(BLOCK_BYTES - inBlock, end - at)
        const bytes = block.subarray(inBlock, inBlock + count)
        const piece = target.subarray(at - position, at - position + count)
        piece.set(bytes)
        // A block is stored only as long as it need be, and one that is missing is all zeros.
        piece.fill(0, bytes.byteLength)
        at += count
      }
    }
    return end - position
  }

  /** Writes at most {@link WRITE_BYTES}, in one atomic batch. */
  write(bytes: Uint8Array, position: number): Promise<number> {
    return this.#inTurn(async () => {
      const taken = bytes.subarray(0, Math.min(bytes.byteLength, WRITE_BYTES))
      const end = position + taken.byteLength
      const blocks = new Map<number, Uint8Array>()
      for (let block = Math.floor(position / BLOCK_BYTES); block * BLOCK_BYTES < end; block++) {
        blocks.set(block, await this.#merge(block, taken, position))
      }
      await this.#store(blocks, Math.max(this.#size, end))
      return taken.byteLength
    })
  }

  /** Leaves nothing beyond the new end, not even what a write that failed may have put there. */
  truncate(size: number): Promise<void> {
    return this.#inTurn(async () => {
      const operations: LevelOperation[] = [this.#sizeRecord(size)]
      const end = Math.min(size, this.#size)
      const kept = Math.ceil(end / BLOCK_BYTES)
      const range = this.#keys.blocks(this.number, kept)
      for await (const key of this.#database.keys({ ...range, keyEncoding: 'utf8' }))
        operations.push({ type: 'del', key })
      const tailBytes = end % BLOCK_BYTES
      if (tailBytes > 0) {
        const [tail] = await this.#fetch(kept - 1, kept - 1)
        const value = new Uint8Array(tail!.subarray(0, tailBytes))
        operations.push({ type: 'put', key: this.#keys.block(this.number, kept - 1), value })
      }
      await this.#database.batch(operations, { ...ENCODINGS, sync: true })
      const firstSettled = tailBytes > 0 ? kept - 1 : kept
      this.#unsynced = new Map([...this.#unsynced].filter(([block]) => block < firstSettled))
      this.#size = size
    })
  }

  sync(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#unsynced.size > 0) await this.#store(new Map(), this.#size, true)
    })
  }

  /** What makes it in the database, for the batch that gives it a name. */
  birth(): LevelOperation {
    return this.#sizeRecord(this.#size)
  }

  /** Frees the blocks of a file without a name. Done again on the next use of the database if it does not finish. */
  async free(): Promise<void> {
    await this.#database.clear({ ...this.#keys.blocks(this.number), keyEncoding: 'utf8' })
    await this.#database.batch(
      [
        { type: 'del', key: this.#keys.inode(this.number) },
        { type: 'del', key: this.#keys.orphan(this.number) },
      ],
      { ...ENCODINGS, sync: true },
    )
  }

  /** What a block holds after a write, in bytes of its own: a database in memory keeps the very array it is given. */
  async #merge(block: number, bytes: Uint8Array, position: number): Promise<Uint8Array> {
    const start = block * BLOCK_BYTES
    const from = Math.max(position - start, 0)
    const to = Math.min(position + bytes.byteLength - start, BLOCK_BYTES)
    const written = bytes.subarray(start + from - position, start + to - position)
    const sizeInBlock = Math.min(Math.max(this.#size - start, 0), BLOCK_BYTES)
    // Not slice(): of a Buffer it is a view.
    if (from === 0 && to >= sizeInBlock) return new Uint8Array(written)
    const merged = new Uint8Array(Math.max(to, sizeInBlock))
    if (sizeInBlock > 0) {
      const [old] = await this.#fetch(block, block)
      merged.set(old!.subarray(0, sizeInBlock))
    }
    merged.set(written, from)
    return merged
  }

  /** Puts blocks and the size in one batch, with all that still waits for a sync if there is much of it or on demand. */
  async #store(blocks: Map<number, Uint8Array>, size: number, syncs = false): Promise<void> {
    const waiting = new Map([...this.#unsynced, ...blocks])
    const sync = syncs || waiting.size * BLOCK_BYTES > UNSYNCED_BYTES
    const operations: LevelOperation[] = [this.#sizeRecord(size)]
    for (const [block, value] of sync ? waiting : blocks) {
      operations.push({ type: 'put', key: this.#keys.block(this.number, block), value })
    }
    await this.#database.batch(operations, { ...ENCODINGS, sync })
    this.#unsynced = sync ? new Map() : waiting
    this.#size = size
  }

  async #fetch(first: number, last: number): Promise<Uint8Array[]> {
    const numbers = Array.from({ length: last - first + 1 }, (_, index) => first + index)
    const waiting = this.#unsynced
    const keys = numbers.filter((block) => !waiting.has(block)).map((block) => this.#keys.block(this.number, block))
    const values = keys.length === 0 ? [] : await this.#database.getMany(keys, ENCODINGS)
    const stored = new Map(keys.map((key, index) => [key, values[index]]))
    return numbers.map((block) => {
      const key = this.#keys.block(this.number, block)
      const bytes = waiting.get(block) ?? stored.get(key) ?? new Uint8Array(0)
      if (!ArrayBuffer.isView(bytes)) throw damaged(key, `a value of type ${typeof bytes}`)
      return bytes
    })
  }

  #sizeRecord(size: number): LevelOperation {
    const key = this.#keys.inode(this.number)
    return { type: 'put', key, value: this.#records.encodeInode(key, size) }
  }

  /** Changes read what they change, so they must not overlap. */
  #inTurn<Result>(change: () => Promise<Result>): Promise<Result> {
    const result = this.#queue.then(change)
    this.#queue = result.catch(() => undefined)
    return result
  }
}
