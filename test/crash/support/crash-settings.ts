/**
 * How far the crash suite goes. The defaults are those of CI; a longer run is asked for by environment variables, and its
 * seed makes it another one each time.
 */

/** Every random choice of the suite follows from it. */
export const SEED = readNumber('ANNALS_CRASH_SEED', 1)

/** Multiplies how many random outcomes are looked at; below 1 the suite becomes a sketch of itself. */
export const BUDGET = readNumber('ANNALS_CRASH_BUDGET', 1)

/** How many processes are killed. */
export const KILLS = readNumber('ANNALS_CRASH_KILLS', 200)

/** `count` of something, as far as the budget allows, but at least one. */
export function budgeted(count: number): number {
  return Math.max(1, Math.round(count * BUDGET))
}

/** Whether the case at `index` is looked at: every one, unless the budget is below 1. */
export function isWithinBudget(index: number): boolean {
  return BUDGET >= 1 || Math.floor((index + 1) * BUDGET) > Math.floor(index * BUDGET)
}

/** A floor that a run at the default budget or above must reach. */
export function floorOf(count: number): number {
  return BUDGET >= 1 ? count : 1
}

/** Says how far a sweep went, where a reader of the test's output sees it. */
export function report(line: string): void {
  process.stdout.write(`crash suite: ${line}\n`)
}

function readNumber(name: string, otherwise: number): number {
  const text = process.env[name]
  if (text === undefined || text === '') return otherwise
  const value = Number(text)
  if (!Number.isFinite(value) || value < 0) throw new Error(`${name} must be a number, not '${text}'`)
  return value
}
