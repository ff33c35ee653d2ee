import { powerLosses } from '../../support/each-crash.ts'
import { type CameBack, type Checks, checkBounds, checkRecovered } from './check-recovered.ts'
import { afterPowerLoss, allButLatest, boundsOf, type CrashedStore } from './crashed-store.ts'
import type { History } from './history.ts'

/** What is done with the indexes of one image after the other: each builds them, and most are not waited for. */
const INDEX_CHECKS: readonly Checks['indexes'][] = ['atOnce', 'never', 'never', 'later', 'never', 'never']

/** One in so many images of a short history has more done with it than being opened and compared. */
const OFTEN = { served: 2, goesOn: 5, fallback: 7, snapshot: 9 }

/**
 * Checks what crashes leave, each content once: what is recovered depends on the bytes alone, so an image met again need only
 * be within its new bounds.
 */
export class ImageCheck {
  readonly #history: History
  readonly #isShort: boolean
  readonly #hasStaleFiles: boolean
  /** Where an image came back, by the hash of its content. */
  readonly #recovered = new Map<string, CameBack>()
  #checks = 0

  /** With `isShort` there are so many images that most are only opened and compared. */
  constructor(history: History, { isShort = false, hasStaleFiles = false } = {}) {
    this.#history = history
    this.#isShort = isShort
    this.#hasStaleFiles = hasStaleFiles
  }

  /** Images of different content. */
  get distinct(): number {
    return this.#recovered.size
  }

  get checks(): number {
    return this.#checks
  }

  /**
   * Checks what a crash left, and says whether it was a new image. A killed store has unsynced state that its content does not
   * show, so it is checked even where it looks like another.
   */
  async check(crashed: CrashedStore): Promise<boolean> {
    this.#checks += 1
    const { files, where } = crashed
    const bounds = boundsOf(crashed)
    if (files.pendingSummary() !== '') {
      await checkRecovered(files.restartImage(), bounds, this.#history, where, this.#checksOf(this.#checks))
      return false
    }
    const hash = files.contentHash()
    const known = this.#recovered.get(hash)
    if (known !== undefined) {
      checkBounds(known, bounds, where)
      return false
    }
    const came = await checkRecovered(files, bounds, this.#history, where, this.#checksOf(this.distinct))
    this.#recovered.set(hash, came)
    return true
  }

  #checksOf(number: number): Checks {
    const indexes = INDEX_CHECKS[number % INDEX_CHECKS.length]!
    if (!this.#isShort) return { indexes, served: true, goesOn: true, snapshot: false, fallback: false }
    return {
      indexes,
      hasStaleFiles: this.#hasStaleFiles,
      served: number % OFTEN.served === 0,
      goesOn: number % OFTEN.goesOn === 0,
      fallback: number % OFTEN.fallback === 0,
      snapshot: number % OFTEN.snapshot === 0,
    }
  }

  /**
   * Checks what a power loss may leave: nothing of what is unsynced, everything, and random subsets. Where these keep being
   * new, much is unsynced, and it looks at several times as many.
   */
  async checkPowerLosses(crashed: CrashedStore, randomCount: number, seed: number): Promise<void> {
    let fresh = 0
    await this.check(afterPowerLoss(crashed, 'all but the latest change', allButLatest))
    for (const [name, choose] of powerLosses(randomCount, seed)) {
      if (await this.check(afterPowerLoss(crashed, name, choose))) fresh += 1
    }
    if (fresh < randomCount / 4) return
    const moreCount = (this.#isShort ? 2 : 6) * randomCount
    for (const [name, choose] of powerLosses(moreCount, seed + randomCount)) {
      await this.check(afterPowerLoss(crashed, name, choose))
    }
  }
}
