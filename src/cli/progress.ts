import type { CliContext } from './command.ts'
import type { Printer } from './printer.ts'
import { truncated } from './table.ts'

const REDRAW_MS = 100
const PLAIN_LINE_MS = 3000
/** Work that is done before anyone looks gets no bar. */
const FIRST_DRAW_MS = 400
const LONGEST_BAR_CELLS = 24
const SHORTEST_BAR_CELLS = 4
const CLEAR_LINE = '\r\u001b[K'

export interface ProgressState {
  readonly label: string
  /** From 0 to 1, or `undefined` while the end is unknown. */
  readonly fraction: number | undefined
  readonly details: readonly string[]
}

/** Shows how far long work is: a bar where stderr is a terminal, otherwise a plain line every few seconds. */
export interface Progress {
  /** Called as often as one likes; `describe` runs only when something is drawn. */
  update(describe: () => ProgressState): void
  /** Takes the bar off the screen. */
  finish(): void
}

export function createProgress({ error, environment }: CliContext, options: { readonly silent: boolean }): Progress {
  if (options.silent) return SILENT
  return error.isTerminal && environment.TERM !== 'dumb' ? new ProgressBar(error) : new ProgressLines(error)
}

const SILENT: Progress = { update: () => undefined, finish: () => undefined }

class ProgressBar implements Progress {
  readonly #printer: Printer
  #nextDrawMs = performance.now() + FIRST_DRAW_MS
  #visible = false

  constructor(printer: Printer) {
    this.#printer = printer
  }

  update(describe: () => ProgressState): void {
    const nowMs = performance.now()
    if (nowMs < this.#nextDrawMs) return
    this.#nextDrawMs = nowMs + REDRAW_MS
    this.#visible = true
    void this.#printer.write(CLEAR_LINE + barLine(describe(), this.#printer.columns - 1))
  }

  finish(): void {
    if (this.#visible) void this.#printer.write(CLEAR_LINE)
    this.#visible = false
  }
}

class ProgressLines implements Progress {
  readonly #printer: Printer
  #nextLineMs = performance.now() + PLAIN_LINE_MS

  constructor(printer: Printer) {
    this.#printer = printer
  }

  update(describe: () => ProgressState): void {
    const nowMs = performance.now()
    if (nowMs < this.#nextLineMs) return
    this.#nextLineMs = nowMs + PLAIN_LINE_MS
    const { label, fraction, details } = describe()
    void this.#printer.line([label, ...percentOf(fraction), ...details].join('  '))
  }

  finish(): void {}
}

/** The bar takes what room the text leaves. The line is cut before it would wrap, because then it could not be redrawn. */
export function barLine({ label, fraction, details }: ProgressState, columns: number): string {
  const text = [...percentOf(fraction), ...details].join('  ')
  const cells = Math.min(LONGEST_BAR_CELLS, columns - label.length - text.length - 5)
  if (fraction === undefined || cells < SHORTEST_BAR_CELLS) return truncated(`${label}  ${text}`, columns)
  const filled = Math.round(Math.min(1, Math.max(0, fraction)) * cells)
  return `${label}  [${'#'.repeat(filled)}${'-'.repeat(cells - filled)}] ${text}`
}

function percentOf(fraction: number | undefined): string[] {
  return fraction === undefined ? [] : [`${Math.floor(Math.min(1, fraction) * 100)} %`.padStart(5)]
}
