import type { CrashableFiles } from '../../support/crashable-files.ts'
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

  /** Checks an image that has nothing pending: what a power loss left. */
  async check(image: CrashableFiles, bounds: Bounds, where: string): Promise<void> {
    this.#checks += 1
    const hash = image.contentHash()
    const known = this.#recovered.get(hash)
    if (known !== undefined) return checkBounds(known, bounds, where)
    this.#recovered.set(hash, await checkRecovered(image, bounds, this.#history, where))
  }
}
