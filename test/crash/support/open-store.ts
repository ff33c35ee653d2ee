import { vi } from 'vitest'
import type { Files } from '../../../src/base/files.ts'
import type { OpenOptions } from '../../../src/store/options.ts'
import { VectorStore } from '../../../src/store/vector-store.ts'
import { endBuilding } from './process-turns.ts'

// Stores are opened by the ten thousand here: one kernel, whose memory is large and which keeps nothing, is enough for all.
vi.mock('../../../src/engine/kernel/wasm-kernel.ts', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../../src/engine/kernel/wasm-kernel.ts')>()
  const kernel = await original.loadWasmKernel()
  return { ...original, loadWasmKernel: async () => kernel }
})

// What was killed must not go on, and ports of messages by the ten thousand are open handles.
vi.mock('../../../src/store/quiet-turns.ts', async () => ({
  QuietTurns: (await import('./process-turns.ts')).ProcessTurns,
}))

// Small collections are compared entry by entry, because that is quicker; what is lost from an index would be found all the same.
vi.mock('../../../src/engine/index/scan-or-walk.ts', () => ({
  isScanQuicker: (_: unknown, { exact }: { exact?: boolean }) => exact === true,
}))

// Compiled before any run, because that takes real time, and given in a later turn: a store that is closed at once, as most are
// here, makes no graph.
vi.mock('../../../src/engine/graph/graph-kernel.ts', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../../src/engine/graph/graph-kernel.ts')>()
  const { laterTurn } = await import('./process-turns.ts')
  const module = await original.loadGraphModule()
  return { ...original, loadGraphModule: () => laterTurn().then(() => module) }
})

// Stores order nothing by themselves: a workload says when, and only so does it know the LSN of what comes next.
vi.mock('../../../src/store/index-policy.ts', async (importOriginal) => {
  const { IndexPolicy } = await importOriginal<typeof import('../../../src/store/index-policy.ts')>()
  class OnDemand extends IndexPolicy {
    override next(): undefined {}
  }
  return { IndexPolicy: OnDemand }
})

// Time passes only when a workload says so: a slow machine must not make a store sync at another place.
vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })

const START_MS = 1_800_000_000_000

let nowMs = START_MS

/** Starts a run anew: the same clock, and nothing left of stores that were killed. */
export function resetTime(): void {
  endProcess()
  nowMs = START_MS
}

/** What the end of a process does to its timers and to what it builds. */
export function endProcess(): void {
  vi.clearAllTimers()
  endBuilding()
}

/** Lets a second pass, and everything that it sets off come to its end. */
export async function passSecond(): Promise<void> {
  await vi.advanceTimersByTimeAsync(1000)
  await untilQuiet()
}

/** The files in memory answer in microtasks, all of which run before the next turn. An index may need another to begin with. */
export async function untilQuiet(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** Opens a store on given files, with a clock and chance that are the same in every run; `idByte` makes it another store. */
export function openStore(files: Files, options: OpenOptions = {}, idByte = 7): Promise<VectorStore> {
  const surroundings = {
    files,
    name: 'the store',
    now: () => nowMs++,
    randomBytes: (count: number) => new Uint8Array(count).fill(idByte),
    yieldToEventLoop: async () => {},
    release: async () => {},
  }
  return VectorStore.openWith(surroundings, { threads: 0, ...options })
}
