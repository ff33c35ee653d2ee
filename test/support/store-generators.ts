import fc from 'fast-check'
import type { DistanceMetric } from '../../src/engine/metric.ts'
import { METRICS_OF, VECTOR_TYPES, type VectorType } from './typed-vectors.ts'

/** How the vectors of an `add` are handed in. */
export type HandedIn =
  | 'typed array'
  | 'numbers'
  | 'other realm'
  | 'overwritten after the call'
  | 'addAll from one array'

/** What is wrong with an entry, by the code of the error that it must give. */
export type Defect =
  | 'ERR_DIMENSIONS'
  | 'ERR_VECTOR_NOT_FINITE'
  | 'ERR_VECTOR_VALUE'
  | 'ERR_VECTOR_ZERO'
  | 'ERR_ID_INVALID'
  | 'ERR_METADATA_INVALID'

export interface GeneratedEntry {
  readonly id: string
  /** From which the collection takes what its type has: the first so many, and these again where it needs more. */
  readonly components: readonly number[]
  readonly metadata?: object
}

export type Operation =
  | {
      readonly type: 'create'
      readonly name: string
      readonly dimensions: number
      readonly vectorType: VectorType
      readonly metric: DistanceMetric
    }
  | { readonly type: 'drop'; readonly name: string }
  | {
      readonly type: 'add'
      readonly name: string
      readonly entries: readonly GeneratedEntry[]
      readonly handedIn: HandedIn
    }
  /** An `add` whose last entry does not fit. */
  | {
      readonly type: 'badAdd'
      readonly name: string
      readonly entries: readonly GeneratedEntry[]
      readonly defect: Defect
    }
  | { readonly type: 'update'; readonly name: string; readonly id: string; readonly metadata: object | undefined }
  | { readonly type: 'delete'; readonly name: string; readonly ids: readonly string[] }

/** Calls made in one turn of the event loop, none awaited before all are made, then what happens to the store. */
export interface Turn {
  readonly operations: readonly Operation[]
  readonly afterwards: 'go on' | 'reopen' | 'kill' | 'sync'
}

export interface GeneratedHistory {
  readonly durability: 'sync' | 'async'
  readonly segmentSizeBytes: number
  readonly turns: readonly Turn[]
  /** Components of a query. */
  readonly query: readonly number[]
}

export const MOST_DIMENSIONS = 6

const NAMES = ['words', 'Bücher', 'constructor'] as const
const IDS = ['a', 'b', 'c', 'd', 'e', '\uFEFFa', '🂡', '__proto__', 'x'.repeat(100)] as const

/** What a float32 can be at its ends: signed zero, the smallest, the subnormal, the largest. */
const EDGES = [
  -0, 0, 1, -1, 1.401298464324817e-45, -1.1754942106924411e-38, 3.4028234663852886e38, -3.4028234663852886e38,
]

export const component: fc.Arbitrary<number> = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(...EDGES) },
  { weight: 3, arbitrary: fc.float({ noNaN: true, noDefaultInfinity: true }) },
  { weight: 3, arbitrary: fc.integer({ min: -3, max: 3 }) },
)

const components = fc.array(component, { minLength: MOST_DIMENSIONS, maxLength: MOST_DIMENSIONS })

/** What JSON can hold but -0, which CBOR's integers cannot, and `__proto__`, which is refused. */
export const metadata: fc.Arbitrary<object> = fc
  .dictionary(
    fc.oneof(fc.constantFrom('constructor', 'toString', '0', '1', '', '\uFEFF'), fc.string({ unit: 'grapheme' })),
    fc.jsonValue({ stringUnit: 'grapheme', maxDepth: 3 }),
    { maxKeys: 5 },
  )
  .map((value) => tidy(value) as object)

const entry: fc.Arbitrary<GeneratedEntry> = fc.record(
  { id: fc.constantFrom(...IDS), components, metadata },
  { requiredKeys: ['id', 'components'] },
)

const name = fc.constantFrom(...NAMES)

const handedIn: fc.Arbitrary<HandedIn> = fc.constantFrom(
  'typed array',
  'numbers',
  'other realm',
  'overwritten after the call',
  'addAll from one array',
)

function createOf(created: fc.Arbitrary<string>): fc.Arbitrary<Operation> {
  const vectorType = fc.oneof(
    { weight: 4, arbitrary: fc.constant('float32' as const) },
    { weight: 5, arbitrary: fc.constantFrom(...VECTOR_TYPES) },
  )
  return vectorType.chain((type) =>
    fc.record({
      type: fc.constant('create' as const),
      name: created,
      vectorType: fc.constant(type),
      dimensions: type === 'binary' ? fc.constantFrom(8, 16) : fc.integer({ min: 1, max: MOST_DIMENSIONS }),
      metric: fc.constantFrom(...METRICS_OF[type]),
    }),
  )
}

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 2, arbitrary: createOf(name) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('drop' as const), name }) },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('add' as const),
      name,
      entries: fc.array(entry, { maxLength: 6 }),
      handedIn,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('badAdd' as const),
      name,
      entries: fc.array(entry, { minLength: 1, maxLength: 3 }),
      defect: fc.constantFrom<Defect[]>(
        'ERR_DIMENSIONS',
        'ERR_VECTOR_NOT_FINITE',
        'ERR_VECTOR_VALUE',
        'ERR_VECTOR_ZERO',
        'ERR_ID_INVALID',
        'ERR_METADATA_INVALID',
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('update' as const),
      name,
      id: fc.constantFrom(...IDS),
      metadata: fc.option(metadata, { nil: undefined }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('delete' as const),
      name,
      ids: fc.array(fc.constantFrom(...IDS), { maxLength: 4 }),
    }),
  },
)

/** Two changes of what a name stands for, made at once, may come in either order: a turn has one at most. */
const turn: fc.Arbitrary<Turn> = fc.record({
  operations: fc.array(operation, { minLength: 1, maxLength: 8, size: 'max' }).map((operations) => {
    const changed = new Set<string>()
    return operations.filter(({ type, name: changedName }) => {
      if (type !== 'create' && type !== 'drop') return true
      if (changed.has(changedName)) return false
      changed.add(changedName)
      return true
    })
  }),
  afterwards: fc.oneof(
    { weight: 6, arbitrary: fc.constant('go on' as const) },
    { weight: 1, arbitrary: fc.constantFrom('reopen' as const, 'kill' as const, 'sync' as const) },
  ),
})

/** Every name stands for something at first; otherwise most calls would find nothing to do. */
const firstTurn: fc.Arbitrary<Turn> = fc.record({
  operations: fc.tuple(...NAMES.map((created) => createOf(fc.constant(created)))),
  afterwards: fc.constant('go on' as const),
})

export const history: fc.Arbitrary<GeneratedHistory> = fc.record({
  durability: fc.constantFrom('sync' as const, 'async' as const),
  segmentSizeBytes: fc.constantFrom(4096, 64 * 1024 * 1024),
  turns: fc.tuple(firstTurn, fc.array(turn, { maxLength: 10, size: 'max' })).map(([first, rest]) => [first, ...rest]),
  query: components,
})

/** Without -0 and without `__proto__`, at every depth. */
function tidy(value: unknown): unknown {
  if (Object.is(value, -0)) return 0
  if (Array.isArray(value)) return value.map(tidy)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([key]) => key !== '__proto__')
  return Object.fromEntries(entries.map(([key, inner]) => [key, tidy(inner)]))
}
