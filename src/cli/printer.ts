import type { Writable } from 'node:stream'

/** A stream to print on; a terminal says so and knows its width. */
export type PrintStream = Writable & { readonly isTTY?: boolean; readonly columns?: number }

/**
 * Prints on a stream that may be slow or go away. A reader that has seen enough (`annals log | head`) closes the pipe:
 * that is no failure, so printing goes on into nothing and `signal` tells long commands to stop.
 */
export class Printer {
  readonly #stream: PrintStream
  readonly #closing = new AbortController()
  #failure: Error | undefined

  constructor(stream: PrintStream) {
    this.#stream = stream
    stream.on('error', (error: Error) => this.#break(error))
  }

  get isTerminal(): boolean {
    return this.#stream.isTTY === true
  }

  get columns(): number {
    // A terminal that does not know its width says 0.
    return this.#stream.columns || 80
  }

  /** Aborted when nobody reads any more. */
  get signal(): AbortSignal {
    return this.#closing.signal
  }

  /** Why printing failed, when it was not a reader that left. */
  get failure(): Error | undefined {
    return this.#failure
  }

  /** Resolves when the stream can take more. */
  write(text: string): Promise<void> {
    if (this.signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const takesMore = this.#stream.write(text, (error) => {
        if (error) this.#break(error)
        resolve()
      })
      if (takesMore) resolve()
    })
  }

  line(text = ''): Promise<void> {
    return this.write(`${text}\n`)
  }

  /** One JSON document on one line. */
  json(value: unknown): Promise<void> {
    return this.line(JSON.stringify(value))
  }

  #break(error: Error): void {
    if (this.signal.aborted) return
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') this.#failure = error
    this.#closing.abort()
  }
}
