import type { StoreError } from '../base/errors.ts'
import { recordBytes } from './format.ts'

/** The most bytes that go out in one write; a single larger record goes out alone. */
const GROUP_BYTES = 8 * 1024 * 1024

/** One append or one barrier, waiting. */
export interface GroupItem<Result> {
  /** `undefined` for a barrier. */
  readonly payload: Uint8Array | undefined
  readonly timeMs: number
  readonly needsSync: boolean
  readonly resolve: (result: Result) => void
  readonly resolveBarrier: (() => void) | undefined
  readonly reject: (error: StoreError) => void
}

/** What goes out in one write and one sync. */
export interface Group<Result> {
  readonly items: readonly GroupItem<Result>[]
  readonly needsSync: boolean
  readonly hasBarrier: boolean
  reject(error: StoreError): void
}

/** Appends in the order of their calls. */
export class GroupQueue<Result> {
  #items: GroupItem<Result>[] = []
  #start = 0
  #bytes = 0

  /** Bytes of the payloads that wait. */
  get bytes(): number {
    return this.#bytes
  }

  get isEmpty(): boolean {
    return this.#start === this.#items.length
  }

  push(payload: Uint8Array, timeMs: number, durability: 'sync' | 'async'): Promise<Result> {
    this.#bytes += payload.byteLength
    return new Promise((resolve, reject) => {
      this.#items.push({
        payload,
        timeMs,
        needsSync: durability === 'sync',
        resolve,
        resolveBarrier: undefined,
        reject,
      })
    })
  }

  pushBarrier(): Promise<void> {
    return new Promise((resolve, reject) => {
      const item = {
        payload: undefined,
        timeMs: 0,
        needsSync: true,
        resolve: () => {},
        resolveBarrier: resolve,
        reject,
      }
      this.#items.push(item)
    })
  }

  /** Takes the next group, or `undefined` where nothing waits. */
  take(): Group<Result> | undefined {
    if (this.isEmpty) return undefined
    let writeBytes = 0
    let end = this.#start
    while (end < this.#items.length) {
      const { payload } = this.#items[end] as GroupItem<Result>
      writeBytes += payload === undefined ? 0 : recordBytes(payload.byteLength)
      if (end > this.#start && writeBytes > GROUP_BYTES) break
      end += 1
    }
    const items = this.#items.slice(this.#start, end)
    this.#start = end
    this.#bytes -= items.reduce((sum, { payload }) => sum + (payload?.byteLength ?? 0), 0)
    if (this.isEmpty) {
      this.#items = []
      this.#start = 0
    }
    return createGroup(items)
  }

  rejectAll(error: StoreError): void {
    const waiting = this.#items.slice(this.#start)
    this.#items = []
    this.#start = 0
    this.#bytes = 0
    for (const item of waiting) item.reject(error)
  }
}

function createGroup<Result>(items: readonly GroupItem<Result>[]): Group<Result> {
  return {
    items,
    needsSync: items.some((item) => item.needsSync),
    hasBarrier: items.some((item) => item.payload === undefined),
    reject: (error) => {
      for (const item of items) item.reject(error)
    },
  }
}
