import { vi } from 'vitest'

// Property tests open stores by the thousand: one kernel, whose memory is large and who keeps nothing, is enough for all.
vi.mock('../../../src/engine/kernel/wasm-kernel.ts', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../../src/engine/kernel/wasm-kernel.ts')>()
  const kernel = await original.loadWasmKernel()
  return { ...original, loadWasmKernel: async () => kernel }
})
