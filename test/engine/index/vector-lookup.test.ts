import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { setBit } from '../../../src/engine/bitmap.ts'
import { hashOfBits, VectorLookup } from '../../../src/engine/index/vector-lookup.ts'

const FIRST_PLACES = 1024

/** A lookup of texts of bits, beside a map of them. Hashes are those that a test gives, so that it can make them collide. */
class LookupFixture {
  lookup = new VectorLookup()
  readonly nodes = new Map<string, number>()
  readonly #bits: string[] = []
  readonly #free: number[] = []
  readonly #hashOf: (bits: string) => number
  /** Nodes with which a vector was compared. */
  compared: number[] = []

  constructor(hashOf: (bits: string) => number) {
    this.#hashOf = hashOf
  }

  find(bits: string): number | undefined {
    this.compared = []
    return this.lookup.find(this.#hashOf(bits), (node) => {
      this.compared.push(node)
      return this.#bits[node] === bits
    })
  }

  add(bits: string): void {
    if (this.nodes.has(bits)) return
    const node = this.#free.pop() ?? this.#bits.length
    this.#bits[node] = bits
    this.nodes.set(bits, node)
    this.lookup.add(node, this.#hashOf(bits))
  }

  /** Makes it the lookup of a graph that is restored: with the same nodes and hashes, and no table yet. */
  restore(): void {
    const hashes = new Uint32Array(this.#bits.length)
    const there = new Uint8Array(Math.ceil(hashes.length / 8))
    for (const [bits, node] of this.nodes) {
      hashes[node] = this.#hashOf(bits)
      setBit(there, node)
    }
    this.lookup = new VectorLookup()
    this.lookup.restore(hashes, there)
  }

  remove(bits: string): void {
    const node = this.nodes.get(bits)
    if (node === undefined) return
    this.nodes.delete(bits)
    this.lookup.remove(node)
    this.#bits[node] = 'free'
    this.#free.push(node)
  }
}

const bits = fc.nat(60).map(String)
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ isAdded: fc.constant(true), bits }) },
  { weight: 2, arbitrary: fc.record({ isAdded: fc.constant(false), bits }) },
)

/** Hashes that all name a few places, some of them at the end of the table, so that clusters wrap around. */
const hashings: [string, (bits: string) => number][] = [
  ['all equal', () => 7],
  ['all equal, at the last place', () => 0xffffffff],
  ['different, naming one place', (bits) => Number(bits) * FIRST_PLACES * 4 + 5],
  ['naming few places around the end', (bits) => FIRST_PLACES - 4 + (Number(bits) % 7)],
  ['naming places side by side', (bits) => Number(bits) >> 2],
]

describe('VectorLookup', () => {
  test.each(hashings)('agrees with a map where hashes are %s', (_, hashOf) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
        const fixture = new LookupFixture(hashOf)
        for (const { isAdded, bits } of steps) {
          if (isAdded) fixture.add(bits)
          else fixture.remove(bits)
        }
        for (let number = 0; number <= 61; number++) {
          expect(fixture.find(`${number}`)).toBe(fixture.nodes.get(`${number}`))
        }
      }),
      { numRuns: 100, seed: 1 },
    )
  })

  test.each(hashings)('that is restored on the way agrees with a map where hashes are %s', (_, hashOf) => {
    const all = fc.array(step, { maxLength: 120, size: 'max' })
    fc.assert(
      fc.property(all, all, fc.constantFrom('not at all', 'half way', 'wholly'), (before, after, prepared) => {
        const fixture = new LookupFixture(hashOf)
        const take = ({ isAdded, bits }: { isAdded: boolean; bits: string }) =>
          isAdded ? fixture.add(bits) : fixture.remove(bits)
        before.forEach(take)
        fixture.restore()
        const steps = fixture.lookup.prepare()
        if (prepared === 'half way') steps.next()
        if (prepared === 'wholly') for (const _ of steps);
        after.forEach(take)
        // One that goes on after others asked takes nothing back.
        for (const _ of steps);
        for (let number = 0; number <= 61; number++) {
          expect(fixture.find(`${number}`)).toBe(fixture.nodes.get(`${number}`))
        }
      }),
      { numRuns: 60, seed: 2 },
    )
  })

  test('that is restored has no table before somebody asks, makes it in slices, and knows all hashes', () => {
    const hashes = Uint32Array.from({ length: 50_000 }, (_, node) => Math.imul(node, 0x9e3779b1) >>> 0)
    const lookup = new VectorLookup()
    lookup.restore(hashes, new Uint8Array(6250).fill(255))
    const bytes = lookup.memoryBytes()
    expect([lookup.hashOf(49_999), lookup.memoryBytes()]).toEqual([hashes[49_999], bytes])
    expect([...lookup.prepare()].length).toBeGreaterThan(2)
    expect(lookup.memoryBytes()).toBeGreaterThanOrEqual(50_000 * 2 * 4 + hashes.byteLength)
    expect(lookup.find(hashes[777]!, (node) => node === 777)).toBe(777)
    expect([...lookup.prepare()]).toEqual([])
  })

  test('finds everything while it grows and shrinks', () => {
    const fixture = new LookupFixture((bits) => Math.imul(Number(bits), 0x9e3779b1) >>> 0)
    for (let number = 0; number < 5000; number++) fixture.add(`${number}`)
    const bytes = fixture.lookup.memoryBytes()
    expect(bytes).toBeGreaterThanOrEqual(5000 * 2 * 4 + 5000 * 4)
    for (let number = 0; number < 5000; number += 3) fixture.remove(`${number}`)
    for (let number = 0; number < 5001; number++) expect(fixture.find(`${number}`)).toBe(fixture.nodes.get(`${number}`))
    for (let number = 0; number < 5000; number++) fixture.remove(`${number}`)
    for (let number = 0; number < 5000; number++) fixture.add(`${number + 1_000_000}`)
    // Every node was given out again, so that there was no reason to grow.
    expect(fixture.lookup.memoryBytes()).toBe(bytes)
  })

  test('compares with nodes of the same hash only, whatever place they are in', () => {
    const fixture = new LookupFixture((bits) => Number(bits) * FIRST_PLACES * 4)
    for (const bits of ['1', '2', '3']) fixture.add(bits)
    expect([fixture.find('3'), fixture.compared]).toEqual([2, [2]])
    expect([fixture.find('4'), fixture.compared]).toEqual([undefined, []])
  })
})

describe('hashOfBits', () => {
  test('depends on each bit and on the order, and stays an unsigned integer', () => {
    const base = new Uint32Array(Float32Array.of(1, 0, 3).buffer)
    const others = [
      [1, -0, 3],
      [0, 1, 3],
      [1, 0, 3, 0],
      [1, 0],
      [1, 0, 3.0000002384185791],
    ]
    const hashes = [base, ...others.map((vector) => new Uint32Array(Float32Array.from(vector).buffer))].map(hashOfBits)
    expect(new Set(hashes).size).toBe(hashes.length)
    for (const hash of hashes) expect(hash).toBe(hash >>> 0)
  })

  test('spreads vectors that differ in few bits', () => {
    const places = new Set<number>()
    for (let number = 0; number < 1024; number++) {
      places.add(hashOfBits(new Uint32Array(Float32Array.of(number, 0, 0).buffer)) % 4096)
    }
    expect(places.size).toBeGreaterThan(850)
  })
})
