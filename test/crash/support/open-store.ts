import { vi } from 'vitest'
import type { Files } from '../../../src/base/files.ts'
import type { OpenOptions } from '../../../src/store/options.ts'
import { VectorStore } from '../../../src/store/vector-store.ts'

// Stores are opened by the ten thousand here and none is searched: one kernel, whose memory is large, is enough for all.
vi.mock('../../../src/engine/kernel/wasm-kernel.ts', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../../src/engine/kernel/wasm-kernel.ts')>()
  const kernel = await original.loadWasmKernel()
  return { ...original, loadWasmKernel: async () => kernel }
})

// Time passes only when a workload says so: a slow machine must not make a store sync at another place.
vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })

const START_MS = 1_800_000_000_000

let nowMs = START_MS

/** Starts a run anew: the same clock, and no timer left of stores that were killed. */
export function resetTime(): void {
  dropTimers()
  nowMs = START_MS
}

/** What the end of a process does to its timers. */
export function dropTimers(): void {
  vi.clearAllTimers()
}

/** Lets a second pass, and everything that it sets off come to its end. */
export async function passSecond(): Promise<void> {
  await vi.advanceTimersByTimeAsync(1000)
  // The files in memory answer in microtasks, all of which run before the next turn.
  await new Promise((resolve) => setImmediate(resolve))
}

/** Opens a store on given files, with a clock and chance that are the same in every run. */
export function openStore(files: Files, options: OpenOptions = {}): Promise<VectorStore> {
  const surroundings = {
    files,
    name: 'the store',
    now: () => nowMs++,
    randomBytes: (count: number) => new Uint8Array(count).fill(7),
    yieldToEventLoop: async () => {},
    release: async () => {},
  }
  return VectorStore.openWith(surroundings, options)
}
