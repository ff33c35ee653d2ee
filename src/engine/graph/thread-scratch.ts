import * as layout from '../kernel/assembly-graph/layout.ts'
import type { BlockShape } from './block-shape.ts'
import type { SharedMemory } from './shared-memory.ts'

/** Rows of a leaf panel; the kernel compares four nodes with eight. */
const PANEL_NODES = 8
const MOST_NEAREST = 16

/** Bytes that are looked at to see whether most of a bitmap is set. */
const SAMPLED_BYTES = 256

/** An array of a thread's scratch: where its address is noted, and how long it is. */
export interface ScratchPart {
  readonly setting: number
  readonly bytes: number
}

/** A thread's own part of a graph's memory: its query, its lists, and the record that tells the kernel where they are. */
export class ThreadScratch {
  readonly #memory: SharedMemory
  readonly #record: number
  #lists: { at: number; bytes: number; size: number } | undefined
  #allowed: { at: number; bytes: number } | undefined
  #fixedBytes = 0

  /** `marksAt` is where the kernel finds the thread's marks: from the start of a block, or those of node 0. */
  constructor(memory: SharedMemory, thread: number, marksAt: number, parts: readonly ScratchPart[]) {
    this.#memory = memory
    this.#record = layout.THREADS_AT + (thread << layout.THREAD_SHIFT)
    this.#set(layout.THREAD_MARKS_AT, marksAt)
    for (const { setting, bytes } of parts) {
      this.#set(setting, memory.allocate(bytes))
      this.#fixedBytes += bytes
    }
  }

  /** Makes room for a frontier and results of these sizes, which the next walk keeps to. */
  useLists(frontierSize: number, resultsSize: number): void {
    const size = Math.max(frontierSize, resultsSize)
    if (this.#lists === undefined || this.#lists.size < size) {
      this.#makeLists(Math.max(size, (this.#lists?.size ?? 64) * 2))
    }
    this.#set(layout.THREAD_FRONTIER_SIZE, frontierSize)
    this.#set(layout.THREAD_RESULTS_SIZE, resultsSize)
    this.#set(layout.THREAD_EXPANDED_SIZE, 0)
  }

  /** Copies the bitmap of nodes that may be results; without one all may. */
  useAllowed(allowed: Uint8Array | undefined): void {
    if (allowed === undefined) {
      this.#set(layout.THREAD_ALLOWED_AT, 0)
      return
    }
    const nodeBytes = Math.ceil(new Uint32Array(this.#memory.buffer, layout.SETTING_NODE_LIMIT, 1)[0]! / 8)
    const used = allowed.subarray(0, nodeBytes)
    if (this.#allowed === undefined || this.#allowed.bytes < used.byteLength) {
      if (this.#allowed !== undefined) this.#memory.release(this.#allowed.at, this.#allowed.bytes)
      const bytes = Math.max(1024, used.byteLength * 2)
      this.#allowed = { at: this.#memory.allocate(bytes), bytes }
    }
    new Uint8Array(this.#memory.buffer, this.#allowed.at, used.byteLength).set(used)
    this.#set(layout.THREAD_ALLOWED_AT, this.#allowed.at)
    this.#set(layout.THREAD_ALLOWED_NODES, used.byteLength * 8)
    const kind = isMostSet(used, nodeBytes) ? layout.RESULTS_WITHIN : layout.RESULTS_APART
    this.#set(layout.THREAD_RESULTS_KIND, kind)
  }

  get(setting: number): number {
    return new Uint32Array(this.#memory.buffer, this.#record + setting, 1)[0]!
  }

  words(setting: number, count: number): Uint32Array {
    return new Uint32Array(this.#memory.buffer, this.get(setting), count)
  }

  /** The distances that the kernel computed last. */
  distances(count: number): Float32Array {
    return this.floats(layout.THREAD_DISTANCES_AT, count)
  }

  floats(setting: number, count: number): Float32Array {
    return new Float32Array(this.#memory.buffer, this.get(setting), count)
  }

  memoryBytes(): number {
    return this.#fixedBytes + (this.#lists?.bytes ?? 0) + (this.#allowed?.bytes ?? 0)
  }

  #makeLists(size: number): void {
    if (this.#lists !== undefined) this.#memory.release(this.#lists.at, this.#lists.bytes)
    // Moving keys up writes one key beyond the last.
    const listBytes = (size + 4) * 8
    const at = this.#memory.allocate(listBytes * 2)
    this.#lists = { at, bytes: listBytes * 2, size }
    this.#set(layout.THREAD_FRONTIER_AT, at)
    this.#set(layout.THREAD_RESULTS_AT, at + listBytes)
  }

  #set(setting: number, value: number): void {
    new Uint32Array(this.#memory.buffer, this.#record + setting, 1)[0] = value
  }
}

/** Whether at least half of the first bits are set, judged by a sample that depends on the bitmap alone. */
function isMostSet(bitmap: Uint8Array, bytes: number): boolean {
  const sampled = Math.min(SAMPLED_BYTES, bytes)
  let bits = 0
  for (let i = 0; i < sampled; i++) {
    let byte = bitmap[Math.floor((i * bytes) / sampled)] ?? 0
    byte -= (byte >> 1) & 0x55
    byte = (byte & 0x33) + ((byte >> 2) & 0x33)
    bits += (byte + (byte >> 4)) & 15
  }
  return bits >= sampled * 4
}

/** What a thread needs that searches. */
export function walkParts(dimensions: number, shape: BlockShape, mostGathered: number): ScratchPart[] {
  const padded = Math.ceil(dimensions / 4) * 4
  const gathered = mostGathered + 8
  return [
    { setting: layout.THREAD_VECTOR_AT, bytes: padded * 4 },
    { setting: layout.THREAD_WORK_AT, bytes: padded * 8 },
    { setting: layout.THREAD_CODE_AT, bytes: shape.wideStride + 16 },
    { setting: layout.THREAD_WIDE_QUERY_AT, bytes: shape.wideBytes * 2 + 32 },
    { setting: layout.THREAD_NARROW_QUERY_AT, bytes: shape.narrowBytes * 4 + 64 },
    { setting: layout.THREAD_GATHERED_AT, bytes: gathered * 4 },
    { setting: layout.THREAD_ADDRESSES_AT, bytes: gathered * 4 },
    { setting: layout.THREAD_DISTANCES_AT, bytes: gathered * 4 },
    { setting: layout.THREAD_CANDIDATES_AT, bytes: gathered * 8 },
  ]
}

/** What a thread needs that builds. */
export function buildParts(dimensions: number, shape: BlockShape, leafNodes: number): ScratchPart[] {
  const padded = Math.ceil(dimensions / 4) * 4
  const panelNodes = Math.ceil(leafNodes / PANEL_NODES) * PANEL_NODES
  return [
    ...walkParts(dimensions, shape, layout.MOST_CANDIDATES),
    { setting: layout.THREAD_UNIT_AT, bytes: padded * 4 + padded + 64 },
    { setting: layout.THREAD_EXPANDED_AT, bytes: layout.MOST_EXPANDED * 8 },
    { setting: layout.THREAD_KEPT_AT, bytes: layout.ROW_BYTES },
    { setting: layout.THREAD_PANELS_AT, bytes: panelNodes * (shape.wideBytes * 2 + 12) + 16 },
    { setting: layout.THREAD_NEAREST_AT, bytes: panelNodes * (MOST_NEAREST * 8 + 8) },
  ]
}
