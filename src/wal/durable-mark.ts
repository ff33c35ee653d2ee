import type { Checksum } from '../base/checksum.ts'
import { isStoreError, StoreError } from '../base/errors.ts'
import { type Files, type OpenFile, writeFully } from '../base/files.ts'
import {
  EPOCH_OFFSET,
  FORMAT_VERSION,
  LENGTH_OFFSET,
  MAGIC_OFFSET,
  MARK_CHAIN_OFFSET,
  MARK_CHECKSUM_OFFSET,
  MARK_FILE_BYTES,
  MARK_LSN_OFFSET,
  MARK_MAGIC,
  MARK_PATH,
  MARK_SEQUENCE_OFFSET,
  MARK_SLOT_BYTES,
  MARK_SLOT_STRIDE,
  STORE_ID_BYTES,
  STORE_ID_OFFSET,
  VERSION_OFFSET,
  WAL_DIRECTORY,
} from './format.ts'
import { type Position, viewOf } from './position.ts'
import { checkFrame } from './segment-header.ts'

/** What is known to be on disk: the log up to `position` was synced before this was written. */
export interface Mark {
  readonly storeId: Uint8Array
  readonly position: Position
  /** Counts the writes of the mark; the slot is its lowest bit. */
  readonly sequence: number
}

export interface MarkReading {
  /** The newest slot that holds, or `undefined` where there is no file or no slot holds. */
  readonly mark: Mark | undefined
  readonly exists: boolean
  /** Slots that do not hold. One may be a write that a crash cut short; two are damage. */
  readonly damagedSlots: number
}

/**
 * Reads the durable mark.
 * @throws StoreError `ERR_FORMAT_VERSION` when a newer release wrote it.
 */
export async function readMark(files: Files, checksum: Checksum): Promise<MarkReading> {
  let file: OpenFile
  try {
    file = await files.open(MARK_PATH, 'read')
  } catch (error) {
    if (isStoreError(error, 'ERR_FILE_NOT_FOUND')) return { mark: undefined, exists: false, damagedSlots: 0 }
    throw error
  }
  try {
    const bytes = new Uint8Array(MARK_FILE_BYTES)
    await file.read(bytes, 0)
    const slots = [0, 1].map((index) => {
      const start = index * MARK_SLOT_STRIDE
      return decodeSlot(bytes.subarray(start, start + MARK_SLOT_STRIDE), index, checksum)
    })
    const valid = slots.filter((slot) => slot !== undefined)
    const newest = valid.reduce<Mark | undefined>(
      (best, slot) => (best === undefined || slot.sequence > best.sequence ? slot : best),
      undefined,
    )
    return { mark: newest, exists: true, damagedSlots: 2 - valid.length }
  } finally {
    await file.close()
  }
}

function decodeSlot(slot: Uint8Array, index: number, checksum: Checksum): Mark | undefined {
  const framed = checkFrame(slot, MARK_MAGIC, MARK_SLOT_BYTES, checksum)
  if (framed?.kind === 'newer') {
    throw new StoreError(
      'ERR_FORMAT_VERSION',
      `the durable mark has format version ${framed.version}; this release reads up to ${FORMAT_VERSION}`,
      {
        details: { path: MARK_PATH, version: framed.version },
      },
    )
  }
  if (framed !== undefined) return undefined
  const view = viewOf(slot)
  const [epoch, lsn, sequence] = [EPOCH_OFFSET, MARK_LSN_OFFSET, MARK_SEQUENCE_OFFSET].map((offset) =>
    Number(view.getBigUint64(offset, true)),
  ) as [number, number, number]
  if (![epoch, lsn, sequence].every(Number.isSafeInteger) || sequence % 2 !== index) return undefined
  return {
    storeId: slot.slice(STORE_ID_OFFSET, STORE_ID_OFFSET + STORE_ID_BYTES),
    position: { epoch, lsn, chain: view.getBigUint64(MARK_CHAIN_OFFSET, true) },
    sequence,
  }
}

function encodeSlot(mark: Mark, checksum: Checksum): Uint8Array {
  const slot = new Uint8Array(MARK_SLOT_BYTES)
  const view = viewOf(slot)
  slot.set(MARK_MAGIC, MAGIC_OFFSET)
  view.setUint32(VERSION_OFFSET, FORMAT_VERSION, true)
  view.setUint32(LENGTH_OFFSET, MARK_SLOT_BYTES, true)
  slot.set(mark.storeId, STORE_ID_OFFSET)
  view.setBigUint64(EPOCH_OFFSET, BigInt(mark.position.epoch), true)
  view.setBigUint64(MARK_LSN_OFFSET, BigInt(mark.position.lsn), true)
  view.setBigUint64(MARK_CHAIN_OFFSET, mark.position.chain, true)
  view.setBigUint64(MARK_SEQUENCE_OFFSET, BigInt(mark.sequence), true)
  view.setBigUint64(MARK_CHECKSUM_OFFSET, checksum.xxh64(slot.subarray(0, MARK_CHECKSUM_OFFSET), 0n), true)
  return slot
}

/**
 * Makes the mark's file, or a new one in its place: whole and synced before it gets its name.
 */
export async function createMark(files: Files, mark: Mark, checksum: Checksum): Promise<void> {
  const temporary = `${MARK_PATH}.tmp`
  await removeIfPresent(files, temporary)
  const file = await files.open(temporary, 'create')
  try {
    const bytes = new Uint8Array(MARK_FILE_BYTES)
    // Both slots hold from the beginning, so that a slot that does not hold is always the trace of something.
    for (const sequence of [mark.sequence, mark.sequence - 1]) {
      bytes.set(encodeSlot({ ...mark, sequence }, checksum), (sequence % 2) * MARK_SLOT_STRIDE)
    }
    await writeFully(file, bytes, 0)
    await file.sync()
  } finally {
    await file.close()
  }
  await files.rename(temporary, MARK_PATH)
  await files.syncDirectory(WAL_DIRECTORY)
}

export async function removeIfPresent(files: Files, path: string): Promise<void> {
  try {
    await files.remove(path)
  } catch (error) {
    if (!isStoreError(error, 'ERR_FILE_NOT_FOUND')) throw error
  }
}

/** The open mark of a log that is being written: only its owner advances it. */
export class MarkWriter {
  readonly #file: OpenFile
  readonly #checksum: Checksum
  #mark: Mark
  #synced: boolean

  private constructor(file: OpenFile, mark: Mark, checksum: Checksum) {
    this.#file = file
    this.#mark = mark
    this.#checksum = checksum
    this.#synced = true
  }

  static async open(files: Files, mark: Mark, checksum: Checksum): Promise<MarkWriter> {
    return new MarkWriter(await files.open(MARK_PATH, 'update'), mark, checksum)
  }

  get position(): Position {
    return this.#mark.position
  }

  /** Whether the newest mark may be lost by a power cut. The records below it are not. */
  get isSynced(): boolean {
    return this.#synced
  }

  /** Overwrites the older slot. Call it only after the log up to `position` was synced. */
  async advance(position: Position): Promise<void> {
    const mark = { ...this.#mark, position, sequence: this.#mark.sequence + 1 }
    this.#synced = false
    await writeFully(this.#file, encodeSlot(mark, this.#checksum), (mark.sequence % 2) * MARK_SLOT_STRIDE)
    this.#mark = mark
  }

  async sync(): Promise<void> {
    if (this.#synced) return
    const sequence = this.#mark.sequence
    await this.#file.sync()
    if (sequence === this.#mark.sequence) this.#synced = true
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}
