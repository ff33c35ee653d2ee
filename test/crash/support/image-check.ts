import { powerLosses } from '../../support/each-crash.ts'
import { checkBounds, checkRecovered, type IndexCheck } from './check-recovered.ts'
import { afterPowerLoss, allButLatest, boundsOf, type CrashedStore } from './crashed-store.ts'
import type { History } from './history.ts'

/** What is done with the indexes of one image after the other: each builds them, and most are not waited for. */
const INDEX_CHECKS: readonly IndexCheck[] = ['atOnce', 'never', 'never', 'later', 'never', 'never']

/**
 * Checks what crashes leave, each content once: what is recovered depends on the bytes alone, so an image met again need only
 * be within its new bounds.
 */
export class ImageCheck {
  readonly #history: History
  /** LSN that an image came back at, by the hash of its content. */
  readonly #recovered = new Map<string, number>()
  #checks = 0

  constructor(history: History) {
    this.#history = history
  }

  /** Images of different content. */
  get distinct(): number {
    return this.#recovered.size
  }

  get checks(): number {
    return this.#checks
  }

  /** Checks what a power loss left, with nothing pending, and says whether it was a new image. */
  async check(crashed: CrashedStore): Promise<boolean> {
    this.#checks += 1
    const { files, where } = crashed
    const bounds = boundsOf(crashed)
    const hash = files.contentHash()
    const known = this.#recovered.get(hash)
    if (known !== undefined) {
      checkBounds(known, bounds, where)
      return false
    }
    const indexes = INDEX_CHECKS[this.distinct % INDEX_CHECKS.length]
    this.#recovered.set(hash, await checkRecovered(files, bounds, this.#history, where, indexes))
    return true
  }

  /**
   * Checks what a power loss may leave: nothing of what is unsynced, everything, and random subsets. Where these keep being
   * new, much is unsynced, and it looks at six times as many.
   */
  async checkPowerLosses(crashed: CrashedStore, randomCount: number, seed: number): Promise<void> {
    let fresh = 0
    await this.check(afterPowerLoss(crashed, 'all but the latest change', allButLatest))
    for (const [name, choose] of powerLosses(randomCount, seed)) {
      if (await this.check(afterPowerLoss(crashed, name, choose))) fresh += 1
    }
    if (fresh < randomCount / 4) return
    for (const [name, choose] of powerLosses(6 * randomCount, seed + randomCount)) {
      await this.check(afterPowerLoss(crashed, name, choose))
    }
  }
}
