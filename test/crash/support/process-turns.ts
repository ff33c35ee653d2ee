/** What a killed process takes with it: everything of its stores that waits for a turn of the event loop. */
class Process {
  #isEnded = false
  #held: (() => void)[] | undefined

  /** Calls `next` in a later turn. */
  after(next: () => void): void {
    setImmediate(() => {
      if (!this.#isEnded) next()
    })
  }

  /** Calls `next` in a later turn in which building is not held. */
  build(next: () => void): void {
    this.after(() => {
      if (this.#held === undefined) next()
      else this.#held.push(next)
    })
  }

  hold(): void {
    this.#held ??= []
  }

  release(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const next of held) next()
  }

  end(): void {
    this.#isEnded = true
  }
}

let current = new Process()

/** The turns in which stores build their indexes, in the place of `QuietTurns`. Nothing here keeps a process alive. */
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
      this.#process.build(end)
    })
  }

  hold(): void {}

  release(): void {}

  close(): void {
    this.#isClosed = true
    for (const end of this.#waiting) end()
  }
}

/** Resolves in a later turn, unless the process has ended by then. */
export function laterTurn(): Promise<void> {
  return new Promise((resolve) => current.after(resolve))
}

/** Nothing that is being built goes on; stores that are opened from now on build their own. */
export function endBuilding(): void {
  current.end()
  current = new Process()
}

/** Keeps all building from going on until what it returns is called: what is done meanwhile is so in every run. */
export function holdBuilding(): () => void {
  const held = current
  held.hold()
  return () => held.release()
}
