import { createHash } from 'node:crypto'
import type { CrashChooser } from './crash-chooser.ts'
import { Random } from './random.ts'

/** What a disk writes whole or not at all. */
export const SECTOR_BYTES = 512

/** What a failed sync did with the pages, or entries, it should have made durable. */
export type SyncDamage = 'keep' | 'drop' | 'mixed'

/** So many overwritten versions of a sector are remembered, the newest ones. */
const VERSION_LIMIT = 16

/** A sector whose durable bytes may differ from those that are seen. Never changed, so that copies can share it. */
interface SectorState {
  readonly durable: Uint8Array
  /** What it held between two syncs and no longer does, oldest first. */
  readonly versions: readonly Uint8Array[]
  /** False after a failed sync that called the page clean: no later sync writes it. */
  readonly dirty: boolean
}

const ZERO_SECTOR = new Uint8Array(SECTOR_BYTES)

/**
 * The content of one file: the bytes that calls see, and for each sector that may differ on disk what is there. Zero past
 * the end, always. Copies share the bytes until one of them is written.
 */
export class CrashableInode {
  #bytes: Uint8Array = new Uint8Array(0)
  #shared = false
  #size = 0
  #durableSize = 0
  /** Sizes since the last sync that a crash may leave, beside the durable one. */
  #sizes: number[] = []
  #sectors = new Map<number, SectorState>()
  #hash: string | undefined

  static fromDurable(bytes: Uint8Array): CrashableInode {
    const inode = new CrashableInode()
    inode.#bytes = bytes
    inode.#size = bytes.byteLength
    inode.#durableSize = bytes.byteLength
    return inode
  }

  get size(): number {
    return this.#size
  }

  /** True when a crash could leave anything but what is seen. */
  get isPending(): boolean {
    return this.#sectors.size > 0 || this.#sizes.length > 0
  }

  read(target: Uint8Array, position: number): number {
    const count = Math.max(0, Math.min(target.byteLength, this.#size - position))
    target.set(this.#bytes.subarray(position, position + count))
    return count
  }

  write(bytes: Uint8Array, position: number): void {
    if (bytes.byteLength === 0) return
    const end = position + bytes.byteLength
    this.#ownBytes(end)
    this.#touch(position, end)
    this.#bytes.set(bytes, position)
    if (end > this.#size) this.#resize(end)
  }

  /** The sectors that a cut takes away count as written: their new content is zeros. */
  truncate(size: number): void {
    this.#ownBytes(size)
    if (size < this.#size) {
      this.#touch(size, this.#size)
      this.#bytes.fill(0, size, this.#size)
    }
    this.#resize(size)
  }

  sync(): void {
    for (const [sector, state] of this.#sectors) {
      if (state.dirty) this.#sectors.delete(sector)
    }
    this.#settleSize()
  }

  /** A sync that fails, and what it leaves behind. Unless the size went back, a crash may leave any it had. */
  failSync(damage: SyncDamage, seed: number): void {
    const source = new Random(seed)
    if (damage === 'drop') this.#revertSize()
    for (const [sector, state] of this.#sectors) {
      if (!state.dirty) continue
      const outcome = damage === 'mixed' ? source.pick(['written', 'keep', 'drop'] as const) : damage
      // A sector that the size cuts cannot show its durable bytes: they may lie past the end.
      const isWhole = (sector + 1) * SECTOR_BYTES <= this.#size
      if (outcome === 'written') this.#sectors.delete(sector)
      else if (outcome === 'drop' && (damage === 'drop' || isWhole)) this.#revert(sector, state)
      else this.#sectors.set(sector, { durable: state.durable, versions: [], dirty: false })
    }
    if (damage === 'mixed' && source.nextBoolean()) this.#settleSize()
  }

  /** What a power loss leaves: nothing pending, sharing the bytes when nothing was. */
  crashImage(choose: CrashChooser): CrashableInode {
    if (!this.isPending) return this.clone()
    const candidates = [this.#durableSize, ...this.#sizes]
    const size = candidates[choose.size(candidates)]!
    const bytes = new Uint8Array(size)
    bytes.set(this.#bytes.subarray(0, Math.min(size, this.#size)))
    for (const [sector, state] of this.#sectors) {
      const start = sector * SECTOR_BYTES
      if (start >= size) continue
      const newest = state.dirty ? state.versions.length + 1 : 0
      const choice = newest === 0 ? 0 : choose.sector(newest + 1)
      if (choice === newest && newest > 0) continue
      const chosen = choice === 0 ? state.durable : state.versions[choice - 1]!
      bytes.set(chosen.subarray(0, Math.min(SECTOR_BYTES, size - start)), start)
    }
    return CrashableInode.fromDurable(bytes)
  }

  clone(): CrashableInode {
    const copy = new CrashableInode()
    this.#shared = true
    copy.#shared = true
    copy.#bytes = this.#bytes
    copy.#size = this.#size
    copy.#durableSize = this.#durableSize
    copy.#sizes = [...this.#sizes]
    copy.#sectors = new Map(this.#sectors)
    copy.#hash = this.#hash
    return copy
  }

  /** Makes `bytes` the whole content, durable, as tests set the scene. */
  settle(bytes: Uint8Array): void {
    this.#bytes = bytes
    this.#shared = false
    this.#size = bytes.byteLength
    this.#settleSize()
    this.#sectors.clear()
    this.#hash = undefined
  }

  copyBytes(): Uint8Array {
    return this.#bytes.slice(0, this.#size)
  }

  /** A hash of the bytes that are seen, kept until the next change. */
  contentHash(): string {
    this.#hash ??= createHash('sha1').update(this.#bytes.subarray(0, this.#size)).digest('hex')
    return this.#hash
  }

  /** What a crash could change, in words; `undefined` if nothing. */
  pendingSummary(): string | undefined {
    if (!this.isPending) return undefined
    const dirty = [...this.#sectors].filter(([, state]) => state.dirty).map(([sector]) => sector)
    const lost = [...this.#sectors].filter(([, state]) => !state.dirty).map(([sector]) => sector)
    const parts = [`size ${[this.#durableSize, ...this.#sizes].join('|')}`]
    if (dirty.length > 0) parts.push(`sectors ${ranges(dirty)} unsynced`)
    if (lost.length > 0) parts.push(`sectors ${ranges(lost)} lost by a failed sync`)
    return parts.join(', ')
  }

  /** Notes what the sectors of a range hold, before they change. */
  #touch(start: number, end: number): void {
    this.#hash = undefined
    const last = Math.floor((end - 1) / SECTOR_BYTES)
    for (let sector = Math.floor(start / SECTOR_BYTES); sector <= last; sector++) {
      const state = this.#sectors.get(sector)
      if (state === undefined)
        this.#sectors.set(sector, { durable: this.#copySector(sector), versions: [], dirty: true })
      else if (!state.dirty) this.#sectors.set(sector, { durable: state.durable, versions: [], dirty: true })
      else {
        const versions = [...state.versions, this.#copySector(sector)].slice(-VERSION_LIMIT)
        this.#sectors.set(sector, { durable: state.durable, versions, dirty: true })
      }
    }
  }

  #copySector(sector: number): Uint8Array {
    const start = sector * SECTOR_BYTES
    if (start >= this.#size) return ZERO_SECTOR
    const copy = new Uint8Array(SECTOR_BYTES)
    copy.set(this.#bytes.subarray(start, start + SECTOR_BYTES))
    return copy
  }

  #revert(sector: number, state: SectorState): void {
    const start = sector * SECTOR_BYTES
    const length = Math.min(SECTOR_BYTES, Math.max(0, this.#size - start))
    this.#ownBytes(start + length)
    this.#bytes.set(state.durable.subarray(0, length), start)
    this.#sectors.delete(sector)
    this.#hash = undefined
  }

  #revertSize(): void {
    this.#ownBytes(this.#durableSize)
    this.#bytes.fill(0, this.#durableSize)
    this.#size = this.#durableSize
    this.#sizes = []
    this.#hash = undefined
  }

  #settleSize(): void {
    this.#durableSize = this.#size
    this.#sizes = []
  }

  #resize(size: number): void {
    if (size === this.#size) return
    this.#size = size
    this.#hash = undefined
    // The newest comes last, once.
    this.#sizes = [...this.#sizes.filter((earlier) => earlier !== size), size]
  }

  /** Bytes of our own, with room for at least `end`. */
  #ownBytes(end: number): void {
    if (!this.#shared && end <= this.#bytes.byteLength) return
    const capacity = end <= this.#bytes.byteLength ? this.#bytes.byteLength : Math.max(end, this.#bytes.byteLength * 2)
    const own = new Uint8Array(capacity)
    own.set(this.#bytes.subarray(0, this.#size))
    this.#bytes = own
    this.#shared = false
  }
}

/** `3, 4, 5, 9` as `3-5 9`. */
function ranges(numbers: readonly number[]): string {
  const sorted = [...numbers].sort((left, right) => left - right)
  const texts: string[] = []
  for (let index = 0; index < sorted.length; ) {
    const start = index
    while (index + 1 < sorted.length && sorted[index + 1] === sorted[index]! + 1) index++
    texts.push(start === index ? `${sorted[start]}` : `${sorted[start]}-${sorted[index]}`)
    index++
  }
  return texts.join(' ')
}
