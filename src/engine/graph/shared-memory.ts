import { StoreError } from '../../base/errors.ts'
import { ALLOCATED_AT } from '../kernel/assembly-graph/layout.ts'

/** The part of the global that is used here: neither Node's types nor the language's declare it. */
interface WasmMemory {
  readonly buffer: SharedArrayBuffer
  grow(pages: number): number
}
declare const WebAssembly: {
  readonly Memory: new (size: { initial: number; maximum: number; shared: boolean }) => WasmMemory
}

const PAGE_BYTES = 65_536
const MOST_PAGES = 65_536
const ALIGNMENT = 64
/** The most that one growth adds beyond what is asked for: addresses are free, pages are taken when they are touched. */
const SPARE_BYTES = 16 * 1024 * 1024

interface Span {
  at: number
  bytes: number
}

/**
 * The one memory of a graph, and who owns which part of it. What is handed out never moves. Views are made from
 * {@link buffer} at every use: growth leaves older ones silently short.
 */
export class SharedMemory {
  readonly memory: WasmMemory = new WebAssembly.Memory({ initial: 1, maximum: MOST_PAGES, shared: true })
  /** Sorted by address, never touching each other. */
  readonly #free: Span[] = []
  #end = align(ALLOCATED_AT)

  get buffer(): SharedArrayBuffer {
    return this.memory.buffer
  }

  /** Bytes that were ever handed out. */
  get usedBytes(): number {
    return this.#end
  }

  /** Bytes that were given back, by jobs that have ended above all: they are handed out again, and resident until the memory goes. */
  get freeBytes(): number {
    return this.#free.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** Bytes that can still be handed out in one piece. */
  get roomBytes(): number {
    return MOST_PAGES * PAGE_BYTES - this.#end
  }

  /** Grows at once by what is going to be asked for: each growth by itself is a call of the system. */
  makeRoomFor(bytes: number): void {
    this.#growTo(Math.min(this.#end + bytes, MOST_PAGES * PAGE_BYTES))
  }

  /** Zeroed bytes, at a multiple of 64. */
  allocate(bytes: number): number {
    const { at, isZeroed } = this.allocateDirty(bytes)
    if (!isZeroed) new Uint8Array(this.buffer, at, bytes).fill(0)
    return at
  }

  /** Bytes at a multiple of 64 that may hold anything, unless they were never handed out before. */
  allocateDirty(bytes: number): { at: number; isZeroed: boolean } {
    const size = align(Math.max(1, bytes))
    const index = this.#free.findIndex((span) => span.bytes >= size)
    if (index >= 0) return { at: this.#takeFree(index, size), isZeroed: false }
    const at = this.#end
    if (at + size > MOST_PAGES * PAGE_BYTES) {
      throw new StoreError(
        'ERR_COLLECTION_FULL',
        'A graph takes at most 4 GiB of memory, and there is no room left in it',
      )
    }
    this.#growTo(at + size)
    this.#end = at + size
    return { at, isZeroed: true }
  }

  /** Gives back what {@link allocate} handed out for as many bytes. */
  release(at: number, bytes: number): void {
    const size = align(Math.max(1, bytes))
    const index = this.#free.findIndex((span) => span.at > at)
    const place = index < 0 ? this.#free.length : index
    this.#free.splice(place, 0, { at, bytes: size })
    this.#join(place)
    if (place > 0) this.#join(place - 1)
  }

  #takeFree(index: number, size: number): number {
    const span = this.#free[index]!
    const at = span.at
    span.at += size
    span.bytes -= size
    if (span.bytes === 0) this.#free.splice(index, 1)
    return at
  }

  #join(index: number): void {
    const [first, second] = [this.#free[index]!, this.#free[index + 1]]
    if (second === undefined || first.at + first.bytes !== second.at) return
    first.bytes += second.bytes
    this.#free.splice(index + 1, 1)
  }

  #growTo(bytes: number): void {
    const missing = bytes - this.buffer.byteLength
    if (missing <= 0) return
    const held = this.buffer.byteLength / PAGE_BYTES
    const pages = Math.min(Math.ceil((missing + SPARE_BYTES) / PAGE_BYTES), MOST_PAGES - held)
    try {
      this.memory.grow(pages)
    } catch (cause) {
      throw new StoreError('ERR_COLLECTION_FULL', 'The system has no memory left for the graph', { cause })
    }
  }
}

function align(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT
}
