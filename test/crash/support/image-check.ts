import type { CrashableFiles } from '../../support/crashable-files.ts'
import { powerLosses } from '../../support/each-crash.ts'
import { type Bounds, checkBounds, checkRecovered } from './check-recovered.ts'
import type { History } from './history.ts'

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

  /** Checks an image that has nothing pending, as a power loss leaves it, and says whether it was a new one. */
  async check(image: CrashableFiles, bounds: Bounds, where: string): Promise<boolean> {
    this.#checks += 1
    const hash = image.contentHash()
    const known = this.#recovered.get(hash)
    if (known !== undefined) {
      checkBounds(known, bounds, where)
      return false
    }
    this.#recovered.set(hash, await checkRecovered(image, bounds, this.#history, where))
    return true
  }

  /**
   * Checks what a power loss may leave of `files`: nothing of what is unsynced, everything, and random subsets. Where these
   * keep being new, much is unsynced, and it looks at four times as many.
   */
  async checkPowerLosses(files: CrashableFiles, bounds: Bounds, where: string, randomCount: number, seed: number): Promise<void> {
    let fresh = 0
    for (const [name, choose] of powerLosses(randomCount, seed)) {
      if (await this.check(files.crashImage(choose), bounds, `${where}, ${name}`)) fresh += 1
    }
    if (fresh < randomCount / 4) return
    for (const [name, choose] of powerLosses(4 * randomCount, seed + randomCount)) {
      await this.check(files.crashImage(choose), bounds, `${where}, ${name}`)
    }
  }
}
