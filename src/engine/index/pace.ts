/** About 1 ms where a step takes a nanosecond: a write, a search and the collector may be in the same turn. */
const MOST_STEPS = 1_000_000
/** The first slices are short, because code that never ran takes up to 70 times as long. */
const FIRST_STEPS = 50_000
const GROWTH = 1.25

/** Says when it is time to let others have their turn: one kind of work is counted, because the engine has no clock. */
export class Pace {
  #sliceSteps = FIRST_STEPS
  #left = FIRST_STEPS

  /** Counts steps of about a nanosecond each; true once a slice is full, and then the next one begins. */
  isSliceFull(steps: number): boolean {
    this.#left -= steps
    if (this.#left > 0) return false
    this.#sliceSteps = Math.min(this.#sliceSteps * GROWTH, MOST_STEPS)
    this.#left = this.#sliceSteps
    return true
  }
}
