export interface Column {
  readonly title: string
  readonly align?: 'left' | 'right'
}

/** Lines of a table with its titles; every cell must be one line. */
export function tableLines(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const all = [columns.map((column) => column.title), ...rows]
  const widths = columns.map((_, index) => Math.max(...all.map((row) => width(row[index] ?? ''))))
  return all.map((row) =>
    columns
      .map(({ align }, index) => pad(row[index] ?? '', widths[index] as number, align))
      .join('  ')
      .trimEnd(),
  )
}

/** Lines of `name  value` pairs. */
export function pairLines(pairs: readonly (readonly [name: string, value: string])[]): string[] {
  const longest = Math.max(...pairs.map(([name]) => width(name)))
  return pairs.map(([name, value]) => `${pad(name, longest)}  ${value}`)
}

/** Control characters, line breaks, and the characters that turn the direction of writing. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

/** What the user stored may hold line feeds and terminal escapes, which must not act on the screen of who looks at it. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}

export function truncated(text: string, longest: number): string {
  const characters = [...text]
  return characters.length <= longest ? text : `${characters.slice(0, longest - 1).join('')}…`
}

function pad(text: string, length: number, align: 'left' | 'right' = 'left'): string {
  const spaces = ' '.repeat(Math.max(0, length - width(text)))
  return align === 'right' ? spaces + text : text + spaces
}

function width(text: string): number {
  return [...text].length
}
