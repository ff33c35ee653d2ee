import { expect, test } from 'vitest'
import {
  type Closure,
  DECISIONS,
  type Decision,
  decide,
  type Finding,
  type Place,
  type Reach,
} from '../../src/wal/tail-decision.ts'

const FINDINGS: readonly Finding[] = ['clean', 'record', 'header', 'newer']
const PLACES: readonly Place[] = ['last', 'older', 'before-rewritten']
const CLOSURES: readonly Closure[] = ['sealed', 'open']
const REACHES: readonly Reach[] = ['covered', 'beyond']

/** Every combination and what it must come to, written out: finding, place, closure, reach. */
const EXPECTED: Readonly<Record<string, Decision>> = {
  'clean last sealed covered': 'corrupt',
  'clean last sealed beyond': 'end',
  'clean last open covered': 'corrupt',
  'clean last open beyond': 'end',
  'clean older sealed covered': 'continue',
  'clean older sealed beyond': 'continue',
  'clean older open covered': 'corrupt',
  'clean older open beyond': 'corrupt',
  'clean before-rewritten sealed covered': 'continue',
  'clean before-rewritten sealed beyond': 'continue',
  'clean before-rewritten open covered': 'continue',
  'clean before-rewritten open beyond': 'continue',

  'record last sealed covered': 'corrupt',
  'record last sealed beyond': 'corrupt',
  'record last open covered': 'corrupt',
  'record last open beyond': 'cut',
  'record older sealed covered': 'corrupt',
  'record older sealed beyond': 'corrupt',
  'record older open covered': 'corrupt',
  'record older open beyond': 'corrupt',
  'record before-rewritten sealed covered': 'corrupt',
  'record before-rewritten sealed beyond': 'corrupt',
  'record before-rewritten open covered': 'corrupt',
  'record before-rewritten open beyond': 'corrupt',

  'header last sealed covered': 'corrupt',
  'header last sealed beyond': 'corrupt',
  'header last open covered': 'corrupt',
  'header last open beyond': 'corrupt',
  'header older sealed covered': 'corrupt',
  'header older sealed beyond': 'corrupt',
  'header older open covered': 'corrupt',
  'header older open beyond': 'corrupt',
  'header before-rewritten sealed covered': 'corrupt',
  'header before-rewritten sealed beyond': 'corrupt',
  'header before-rewritten open covered': 'corrupt',
  'header before-rewritten open beyond': 'corrupt',

  'newer last sealed covered': 'refuse-newer',
  'newer last sealed beyond': 'refuse-newer',
  'newer last open covered': 'refuse-newer',
  'newer last open beyond': 'refuse-newer',
  'newer older sealed covered': 'refuse-newer',
  'newer older sealed beyond': 'refuse-newer',
  'newer older open covered': 'refuse-newer',
  'newer older open beyond': 'refuse-newer',
  'newer before-rewritten sealed covered': 'refuse-newer',
  'newer before-rewritten sealed beyond': 'refuse-newer',
  'newer before-rewritten open covered': 'refuse-newer',
  'newer before-rewritten open beyond': 'refuse-newer',
}

const COMBINATIONS = FINDINGS.flatMap((finding) =>
  PLACES.flatMap((place) =>
    CLOSURES.flatMap((closure) => REACHES.map((reach) => ({ finding, place, closure, reach, decision: '*' }))),
  ),
)

const rowFor = (combination: (typeof COMBINATIONS)[number]) =>
  DECISIONS.find((row) =>
    (['finding', 'place', 'closure', 'reach'] as const).every(
      (key) => row[key] === '*' || row[key] === combination[key],
    ),
  )

test('every combination is decided as written out above', () => {
  const decided = COMBINATIONS.map(({ finding, place, closure, reach }) => [
    `${finding} ${place} ${closure} ${reach}`,
    decide(finding, place, closure, reach),
  ])
  expect(Object.fromEntries(decided)).toEqual(EXPECTED)
  expect(COMBINATIONS).toHaveLength(48)
})

test('every combination has a row: none falls back', () => {
  expect(COMBINATIONS.filter((combination) => rowFor(combination) === undefined)).toEqual([])
})

test('every row decides something', () => {
  expect(new Set(COMBINATIONS.map(rowFor))).toEqual(new Set(DECISIONS))
})

test('every row says why', () => {
  for (const row of DECISIONS) expect(row.why.length, JSON.stringify(row)).toBeGreaterThan(10)
})

test('only the end of the newest segment is ever cut', () => {
  const cut = COMBINATIONS.filter(
    ({ finding, place, closure, reach }) => decide(finding, place, closure, reach) === 'cut',
  )
  expect(cut).toEqual([{ finding: 'record', place: 'last', closure: 'open', reach: 'beyond', decision: '*' }])
})

test('a combination that no row knows is damage', () => {
  expect(decide('unheard-of' as Finding, 'last', 'open', 'beyond')).toBe('corrupt')
})
