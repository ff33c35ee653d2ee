import './support/forced-walks.ts'
import './support/shared-kernel.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Collection } from '../../src/store/collection.ts'
import type { OpenOptions } from '../../src/store/options.ts'
import { componentFor, handedIn, METRICS_OF, VECTOR_TYPES, type VectorType } from '../support/typed-vectors.ts'
import { StoreFixture } from './support/store-fixture.ts'

const IDS = 60

type Step =
  | { readonly type: 'add'; readonly entries: readonly { id: number; components: readonly number[] }[] }
  | { readonly type: 'delete'; readonly ids: readonly number[] }
  | { readonly type: 'search'; readonly components: readonly number[]; readonly k: number; readonly among?: number[] }
  | { readonly type: 'flush' | 'consolidate' | 'optimize' | 'compact' | 'settled' | 'reopen' }

const id = fc.integer({ min: 0, max: IDS - 1 })
/** Few values, so that many vectors are equal and many distances too. */
const components = fc.array(fc.constantFrom(1, 2, -3, 0.5, 1e-3), { minLength: 4, maxLength: 4 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('add' as const),
      entries: fc.array(fc.record({ id, components }), { maxLength: 40 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('delete' as const), ids: fc.array(id, { maxLength: 30 }) }) },
  {
    weight: 5,
    arbitrary: fc.record(
      {
        type: fc.constant('search' as const),
        components,
        k: fc.integer({ min: 1, max: 70 }),
        among: fc.array(id, { maxLength: 40 }),
      },
      { requiredKeys: ['type', 'components', 'k'] },
    ),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constantFrom('flush', 'consolidate', 'optimize', 'compact', 'settled', 'reopen') }),
  },
) as fc.Arbitrary<Step>

const typed = fc
  .oneof(fc.constant('float32' as const), fc.constantFrom(...VECTOR_TYPES))
  .chain((type) => fc.record({ type: fc.constant(type), metric: fc.constantFrom(...METRICS_OF[type]) }))

const history = fc.record({
  typed,
  /** As float32, and by codes. */
  dimensions: fc.constantFrom(8, 40),
  bufferEntries: fc.integer({ min: 1, max: 30 }),
  isAwaited: fc.boolean(),
  steps: fc.array(step, { minLength: 3, maxLength: 25 }),
})

/** The components, one after the other and over again; those of bits say more than their signs. */
function componentsOf(type: VectorType, four: readonly number[], dimensions: number): number[] {
  const shifted = (number: number, i: number) => (type === 'binary' ? Math.sin(number * (i + 1)) : number)
  const components = Array.from({ length: dimensions }, (_, i) => componentFor(type, shifted(four[i % 4]!, i)))
  // A zero vector has no cosine.
  return components.with(0, components[0] || 1)
}

/** A store and what must be in it: ids, by what resolved calls have done. */
class Run {
  readonly #settings: typeof history extends fc.Arbitrary<infer Value> ? Omit<Value, 'steps'> : never
  readonly #live = new Set<string>()
  #fixture!: StoreFixture
  vectors!: Collection<object, VectorType>

  constructor(settings: Run['settings']) {
    this.#settings = settings
  }

  get settings() {
    return this.#settings
  }

  async open(files?: StoreFixture['files']): Promise<void> {
    const { bufferEntries, dimensions, typed } = this.#settings
    const options: OpenOptions = { threads: 0, bufferEntries, consolidateShare: 0.2, rebuildShare: 0.5 }
    this.#fixture = await StoreFixture.open(options, files)
    this.vectors = await this.#fixture.store.collection('vectors', { dimensions, ...typed })
  }

  async take(step: Step): Promise<unknown> {
    switch (step.type) {
      case 'add': {
        const entries = step.entries.map((entry) => ({
          id: `e${entry.id}`,
          vector: this.#vectorOf(entry.components),
        }))
        for (const entry of entries) this.#live.add(entry.id)
        return this.vectors.add(entries)
      }
      case 'delete': {
        const ids = step.ids.map((each) => `e${each}`)
        for (const each of ids) this.#live.delete(each)
        return this.vectors.delete(ids)
      }
      case 'search':
        return this.search(step)
      case 'reopen':
        await this.close()
        return this.open(this.#fixture.files)
      default:
        return this.vectors[step.type]()
    }
  }

  /** As many as there are, none that is not there, and the distances that they have. */
  async search({ components, k, among }: Step & { type: 'search' }) {
    const query = this.#vectorOf(components)
    const filter = among && { filter: among.map((each) => `e${each}`) }
    const searching = this.vectors.search(query, { k, listSize: 1000, ...filter })
    const comparing = this.vectors.search(query, { k: 1000, exact: true, ...filter })
    const [{ hits }, exact] = await Promise.all([searching, comparing])
    const allowed = [...this.#live].filter((each) => filter === undefined || filter.filter.includes(each))
    expect(hits).toHaveLength(Math.min(k, allowed.length))
    expect(exact.hits.map((hit) => hit.id).sort()).toEqual(allowed.sort())
    const distances = new Map(exact.hits.map((hit) => [hit.id, hit.distance]))
    expect(new Set(hits.map((hit) => hit.id)).size).toBe(hits.length)
    expect(hits.map(({ distance }) => distance)).toEqual(hits.map((hit) => distances.get(hit.id)))
    return { hits, exact: exact.hits.slice(0, k) }
  }

  /** Where nothing is under way, everything is reached, and a list as long as the index finds the very nearest. */
  async expectAllFound(): Promise<void> {
    await this.vectors.settled()
    const { index, count } = this.vectors.stats()
    expect(index).toMatchObject({ backlog: 0, unreachable: 0 })
    expect(index.indexed + index.waiting).toBe(count)
    for (const four of [
      [1, 2, -3, 0.5],
      [1e-3, 1, 1, 1],
    ]) {
      const { hits, exact } = await this.search({ type: 'search', components: four, k: 15 })
      expect(hits).toEqual(exact)
    }
  }

  #vectorOf(four: readonly number[]) {
    const { typed, dimensions } = this.#settings
    return handedIn(typed.type, componentsOf(typed.type, four, dimensions))
  }

  close(): Promise<void> {
    return this.#fixture.store.close()
  }
}

describe('a history of writes, maintenance and searches', () => {
  test('gives k hits for k, of what is there, and with a long list the very nearest', async () => {
    const property = fc.asyncProperty(history, async ({ steps, ...settings }) => {
      const run = new Run(settings)
      await run.open()
      for (const each of steps) {
        await run.take(each)
        if (settings.isAwaited) await run.expectAllFound()
      }
      await run.expectAllFound()
      await run.close()
    })
    await fc.assert(property, { numRuns: 150 })
  })
})
