/** The part of a message port that is used here; only Node's can be unreferenced. */
interface Port {
  onmessage: (() => void) | null
  postMessage(message: unknown): void
  close(): void
  ref?(): void
  unref?(): void
}

/**
 * Turns of the event loop that do not keep it going unless they are held: an open store never keeps its process alive. By
 * messages to oneself, because an immediate that is unreferenced waits until something else wakes the loop.
 */
export class QuietTurns {
  readonly #inner: Port
  readonly #outer: Port
  readonly #waiting: (() => void)[] = []
  #isClosed = false

  constructor() {
    const { port1, port2 } = new MessageChannel()
    this.#inner = port1 as unknown as Port
    this.#outer = port2 as unknown as Port
    this.#inner.onmessage = () => afterOthers(() => this.#waiting.shift()?.())
    this.#inner.unref?.()
  }

  /** After `close` there is none: it resolves at once. */
  turn(): Promise<void> {
    if (this.#isClosed) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.#outer.postMessage(undefined)
    })
  }

  hold(): void {
    this.#inner.ref?.()
  }

  release(): void {
    this.#inner.unref?.()
  }

  /** Turns that were asked for are over at once. */
  close(): void {
    this.#isClosed = true
    this.#inner.close()
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

/**
 * Node hands out up to 1,000 messages before timers and input have their turn, and each of ours stands for some
 * milliseconds of work; an immediate that a message has set comes once a turn.
 */
const afterOthers: (next: () => void) => void =
  typeof setImmediate === 'function' ? (next) => setImmediate(next).unref?.() : (next) => next()
