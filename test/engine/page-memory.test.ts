import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { allocatePages, PageMemory, type PageRun } from '../../src/engine/page-memory.ts'

declare const WebAssembly: { Memory: new (size: unknown) => unknown }

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')
const MIB = 2 ** 20
const BLOCK = MIB / 2

afterEach(() => vi.restoreAllMocks())

const bytesOf = ({ buffer, byteOffset }: PageRun) => new Uint8Array(buffer, byteOffset, BLOCK)

async function collectUntil(holds: () => boolean): Promise<void> {
  for (let round = 0; round < 100 && !holds(); round++) {
    await new Promise((resolve) => setTimeout(resolve, 5))
    collect()
  }
  expect(holds()).toBe(true)
}

describe('memory by pages', () => {
  test('is one area a chunk, whose blocks are zeroed and apart', () => {
    const pages = new PageMemory(2 * MIB)
    const blocks = Array.from({ length: 4 }, () => bytesOf(pages.allocate(0, BLOCK)))
    expect(new Set(blocks.map(({ buffer }) => buffer)).size).toBe(1)
    for (const [number, block] of blocks.entries()) block.fill(number + 1)
    for (const [number, block] of blocks.entries()) expect(new Set(block)).toEqual(new Set([number + 1]))
    expect(pages.allocate(1, BLOCK).buffer).not.toBe(blocks[0]!.buffer)
    // The area is full.
    expect(pages.allocate(0, BLOCK).buffer).not.toBe(blocks[0]!.buffer)
    expect(new Set(bytesOf(pages.allocate(2, BLOCK)))).toEqual(new Set([0]))
  })

  test('is told as long as somebody holds a block of it', async () => {
    const pages = new PageMemory(2 * MIB)
    const kept = [bytesOf(pages.allocate(0, BLOCK))]
    pages.allocate(1, BLOCK)
    await collectUntil(() => pages.aliveBytes() === BLOCK)
    expect(kept.pop()!.byteLength).toBe(BLOCK)
    await collectUntil(() => pages.aliveBytes() === 0)
  })

  test('comes from the allocator where areas are small', () => {
    const { buffer, byteOffset } = new PageMemory(1000).allocate(0, 100)
    expect([buffer.byteLength, byteOffset]).toEqual([100, 0])
    expect(allocatePages(100).byteLength).toBe(100)
    expect(allocatePages(MIB + 1).byteLength).toBeGreaterThan(MIB)
  })

  test('comes from the allocator where the system has no addresses left', () => {
    vi.spyOn(WebAssembly, 'Memory').mockImplementation(function noAddresses() {
      throw new RangeError('could not allocate memory')
    })
    const pages = new PageMemory(2 * MIB)
    expect(bytesOf(pages.allocate(0, BLOCK)).byteLength).toBe(BLOCK)
    expect(pages.aliveBytes()).toBe(0)
  })
})
