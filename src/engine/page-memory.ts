/** The part of the global that is used here: neither Node's types nor the language's declare it. */
declare const WebAssembly: {
  readonly Memory: new (size: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer }
}

const PAGE_BYTES = 65_536
/** Smaller areas come from the allocator of the process: each of its own takes addresses for 10 GiB, and a millisecond's third. */
const LEAST_BYTES = 1024 * 1024
/** A third of the addresses that a process has. Graphs need them as well. */
const MOST_MEMORIES = 4096

/** Bytes of an area, to make a view of. */
export interface PageRun {
  readonly buffer: ArrayBuffer
  readonly byteOffset: number
}

interface Area {
  readonly memory: WeakRef<ArrayBuffer>
  readonly chunk: number
  usedBytes: number
}

/** How many memories this process has: beyond {@link MOST_MEMORIES} the allocator is asked, which changes nothing that is read. */
let memories = 0
const freed = new FinalizationRegistry<undefined>(() => {
  memories -= 1
})

/**
 * Memory for the blocks of one column, an area for each chunk. It is that of a WebAssembly.Memory, which the system gives page by
 * page as it is written to, and gets back as a whole once nobody refers to any block of it. What the allocator of the process
 * is given back it keeps, as soon as something that is in use lies behind it: a column that had left memory would still be resident.
 */
export class PageMemory {
  readonly #areaBytes: number
  #areas: Area[] = []

  /** `areaBytes` is what the blocks of one chunk take, at most. */
  constructor(areaBytes: number) {
    this.#areaBytes = areaBytes
  }

  /** Zeroed bytes for a block of a chunk. */
  allocate(chunk: number, bytes: number): PageRun {
    const area = this.#areas.find((found) => found.chunk === chunk && found.usedBytes + bytes <= this.#areaBytes)
    const buffer = area?.memory.deref()
    if (area === undefined || buffer === undefined) return this.#allocateAnew(chunk, bytes)
    const byteOffset = area.usedBytes
    area.usedBytes += bytes
    return { buffer, byteOffset }
  }

  /** Bytes of the blocks that areas were given to and that are not collected yet, whoever holds them. */
  aliveBytes(): number {
    this.#areas = this.#areas.filter(({ memory }) => memory.deref() !== undefined)
    return this.#areas.reduce((sum, { usedBytes }) => sum + usedBytes, 0)
  }

  #allocateAnew(chunk: number, bytes: number): PageRun {
    this.#areas = this.#areas.filter((area) => area.chunk !== chunk || area.memory.deref() !== undefined)
    const buffer = createPages(this.#areaBytes)
    if (buffer === undefined) return { buffer: new ArrayBuffer(bytes), byteOffset: 0 }
    this.#areas.push({ memory: new WeakRef(buffer), chunk, usedBytes: bytes })
    return { buffer, byteOffset: 0 }
  }
}

/** Zeroed bytes of no column, that are given back as soon as they are collected, unless they are few. */
export function allocatePages(bytes: number): ArrayBuffer {
  return createPages(bytes) ?? new ArrayBuffer(bytes)
}

/** `undefined` where the area is small, or there are too many already, or the system gives no addresses. */
function createPages(bytes: number): ArrayBuffer | undefined {
  if (bytes < LEAST_BYTES || memories >= MOST_MEMORIES) return undefined
  const pages = Math.ceil(bytes / PAGE_BYTES)
  try {
    const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages })
    freed.register(buffer, undefined)
    memories += 1
    return buffer
  } catch {
    return undefined
  }
}
