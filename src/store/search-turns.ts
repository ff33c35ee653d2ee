/**
 * Searches that may begin within one turn of the event loop. Each takes up to a quarter of a millisecond; a
 * turn takes some microseconds.
 */
const MOST_SEARCHES = 4

/**
 * Lets the event loop turn between searches. Most searches end without waiting for anything, so that a caller who awaits one
 * after the other, or makes thousands at once, would keep timers, input and the answers of workers waiting.
 */
export class SearchTurns {
  readonly #yieldToEventLoop: () => Promise<void>
  #begun = 0
  #turn: Promise<void> | undefined

  constructor(yieldToEventLoop: () => Promise<void>) {
    this.#yieldToEventLoop = yieldToEventLoop
  }

  /** Lets a search begin: at once, or when what it gives has resolved. */
  begin(): Promise<void> | undefined {
    if (this.#begun >= MOST_SEARCHES) return this.#wait()
    this.#begun += 1
    return undefined
  }

  async #wait(): Promise<void> {
    while (this.#begun >= MOST_SEARCHES) {
      this.#turn ??= this.#next()
      await this.#turn
    }
    this.#begun += 1
  }

  async #next(): Promise<void> {
    await this.#yieldToEventLoop()
    this.#begun = 0
    this.#turn = undefined
  }
}
