// How long the event loop is held: the length of every turn, Node's own measure of the delay, and the longest turns with their times.
import { createHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { threadMs } from './thread-time.mjs'

/** Turns of at least so much count as long. */
export const LONG_MS = 10
/** Of turns of at least so much the processor time is looked up. */
const NOTED_MS = 5
const LOOK_MS = 2
const KEPT_TURNS = 12

/** Spins through the event loop, so that every turn is seen: it takes a core, and delays nothing. */
export class TurnMeter {
  #phase
  #lastMs = 0
  #lookedMs = 0
  #threadMs

  /** Runs `work` and says what the event loop did meanwhile. */
  async during(name, work) {
    const delay = monitorEventLoopDelay({ resolution: 1 })
    const phase = { name, turns: createHistogram(), delay, longest: [], totalMs: 0, longMs: 0, longOwn: 0 }
    await nextTurn()
    this.#phase = phase
    delay.enable()
    this.#look(performance.now())
    this.#lastMs = performance.now()
    setImmediate(() => this.#turn(phase))
    try {
      phase.result = await work()
      // The turn in which it ended counts as well.
      await nextTurn()
    } finally {
      delay.disable()
      this.#phase = undefined
    }
    return phase
  }

  #turn(phase) {
    if (this.#phase !== phase) return
    const nowMs = performance.now()
    this.#note(phase, this.#lastMs, nowMs)
    if (nowMs - this.#lookedMs >= LOOK_MS) this.#look(nowMs)
    // What looking took is nobody's turn.
    this.#lastMs = performance.now()
    setImmediate(() => this.#turn(phase))
  }

  #look(nowMs) {
    this.#threadMs = threadMs()
    this.#lookedMs = nowMs
  }

  #note(phase, fromMs, toMs) {
    const turnMs = toMs - fromMs
    phase.turns.record(Math.max(1, Math.round(turnMs * 1e6)))
    phase.totalMs += turnMs
    if (turnMs >= LONG_MS) phase.longMs += turnMs
    if (turnMs < NOTED_MS) return
    const ownMs = this.#threadMs === undefined ? undefined : Math.min(turnMs, threadMs() - this.#threadMs)
    if (ownMs >= LONG_MS) phase.longOwn += 1
    phase.longest.push({ phase: phase.name, turnMs, ownMs, fromMs, toMs })
    phase.longest.sort(byOwnTime)
    phase.longest.length = Math.min(phase.longest.length, KEPT_TURNS)
  }
}

/** The longest first, by their time on the processor where that is known. */
export function byOwnTime(left, right) {
  return (right.ownMs ?? right.turnMs) - (left.ownMs ?? left.turnMs)
}

/** Milliseconds from a histogram of nanoseconds. */
export function percentileMs(histogram, percentile) {
  return histogram.percentile(percentile) / 1e6
}
