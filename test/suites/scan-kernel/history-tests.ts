import fc from 'fast-check'
import { test } from 'vitest'
import { createSelection } from '../../../src/engine/kernel/scan-kernel.ts'
import { METRICS } from '../../../src/engine/metric.ts'
import { type Current, hitsIn, runOf, smallVectors } from './scan-inputs.ts'
import { expectHits, expectNearest, lengthOf, nearestBySort } from './scan-oracle.ts'

export function historyTests(kernel: Current): void {
  const component = fc.oneof(
    fc.constantFrom(0, -0, 1, -1, 2, 0.5),
    fc.float({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(...[1e-45, -1e-45, 3.4e38, -3.4e38, 1e-40].map(Math.fround)),
  )

  test('any run of calls gives what a full sort gives', () => {
    const history = fc.integer({ min: 1, max: 13 }).chain((dimensions) => {
      const vector = fc
        .array(component, { minLength: dimensions, maxLength: dimensions })
        .map((a) => Float32Array.from(a))
      return fc.record({
        metric: fc.constantFrom(...METRICS),
        query: vector,
        batches: fc.array(fc.array(vector, { maxLength: 24 }), { maxLength: 8 }),
        k: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 30 })),
        firstSlot: fc.oneof(fc.nat(20), fc.integer({ min: 0, max: 2 ** 32 - 192 })),
        deadBytes: fc.uint8Array({ maxLength: 26 }),
      })
    })
    fc.assert(
      fc.property(history, ({ metric, query, batches, k, firstSlot, deadBytes }) => {
        const near = firstSlot > 1000 ? new Uint8Array(0) : deadBytes
        const calls = batches.map((batch) => batch.length)
        expectNearest(kernel(), { metric, query, vectors: batches.flat(), k, firstSlot, dead: near, calls })
      }),
      { numRuns: 1500 },
    )
  })

  test('two searches that take turns in any order give what two alone give', () => {
    const turn = fc.record({ second: fc.boolean(), rows: fc.nat(9) })
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 25 }), fc.nat(), (turns, seed) => {
        const searches = [0, 1].map((index) => ({
          query: { metric: METRICS[(seed + index) % 3]!, vector: smallVectors(1, seed)[0]!, norm: 1 },
          selection: createSelection(1 + ((seed + index * 5) % 9)),
          offered: [] as Float32Array[],
        }))
        for (const { second, rows } of turns) {
          const { query, selection, offered } = searches[second ? 1 : 0]!
          const vectors = smallVectors(rows, seed + offered.length)
          kernel().scan({ ...query, norm: lengthOf(query.vector) }, runOf(vectors, offered.length), selection)
          offered.push(...vectors)
        }
        for (const { query, selection, offered } of searches) {
          const scenario = { metric: query.metric, query: query.vector, vectors: offered, k: selection.k }
          expectHits(hitsIn(selection), nearestBySort(scenario), `seed ${seed}`)
        }
      }),
      { numRuns: 300 },
    )
  })
}
