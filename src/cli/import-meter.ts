import { bytesText, countText, durationText } from './number-text.ts'
import type { ProgressState } from './progress.ts'

/** Counts what an import has made durable, and how fast. */
export class ImportMeter {
  readonly #startMs = performance.now()
  readonly #startLogBytes: number
  #done = 0
  #durableBytes = 0

  constructor(startLogBytes: number) {
    this.#startLogBytes = startLogBytes
  }

  get done(): number {
    return this.#done
  }

  get elapsedMs(): number {
    return performance.now() - this.#startMs
  }

  advance(done: number, logBytes: number): void {
    this.#done = done
    this.#durableBytes = logBytes - this.#startLogBytes
  }

  describe(total: number | undefined): ProgressState {
    const perSecond = vectorsPerSecond(this.#done, this.elapsedMs)
    const details = [
      countText(this.#done),
      `${countText(perSecond)} vectors/s`,
      ...remaining(this.#done, total, perSecond),
      `${bytesText(this.#durableBytes)} durable`,
    ]
    return { label: 'importing', fraction: total === undefined ? undefined : this.#done / total, details }
  }
}

export function vectorsPerSecond(vectors: number, durationMs: number): number {
  return durationMs > 0 ? Math.round((vectors * 1000) / durationMs) : 0
}

function remaining(done: number, total: number | undefined, perSecond: number): string[] {
  if (total === undefined || perSecond === 0) return []
  const seconds = Math.max(1, Math.ceil((total - done) / perSecond))
  return [`ETA ${seconds < 100 ? `${seconds} s` : durationText(seconds * 1000)}`]
}
