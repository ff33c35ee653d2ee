/**
 * The turns of the event loop in which stores build their indexes, in the place of `QuietTurns`. A killed process takes its own
 * with it, so that a store which is left behind builds nothing more, and a workload can keep building from going on, so that
 * what it does meanwhile is done meanwhile in every run.
 */
export class ProcessTurns {
  readonly #process = current
  readonly #waiting = new Set<() => void>()
  #isClosed = false

  turn(): Promise<void> {
    if (this.#isClosed) return Promise.resolve()
    return new Promise((resolve) => {
      const end = () => {
        this.#waiting.delete(end)
        resolve()
      }
      this.#waiting.add(end)
      setImmediate(() => this.#process.pass(end))
    })
  }

  /** No process is to be kept alive. */
  hold(): void {}

  release(): void {}

  close(): void {
    this.#isClosed = true
    for (const end of this.#waiting) end()
  }
}

class Process {
  #isEnded = false
  #held: (() => void)[] | undefined

  pass(end: () => void): void {
    if (this.#isEnded) return
    if (this.#held === undefined) end()
    else this.#held.push(end)
  }

  hold(): void {
    this.#held ??= []
  }

  release(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const end of held) end()
  }

  end(): void {
    this.#isEnded = true
    this.#held = undefined
  }
}

let current = new Process()

/** Nothing that is being built goes on; stores that are opened from now on build their own. */
export function endBuilding(): void {
  current.end()
  current = new Process()
}

/** Nothing is built until what it returns is called. */
export function holdBuilding(): () => void {
  const holding = current
  holding.hold()
  return () => holding.release()
}
