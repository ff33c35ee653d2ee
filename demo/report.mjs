// How the demo talks, and how it insists.

const COUNT = new Intl.NumberFormat('en-US')
let chapters = 0

export function chapter(title) {
  console.log(`\n${++chapters}. ${title}`)
}

export function say(text = '') {
  console.log(text === '' ? '' : `   ${text}`)
}

export function sayTable(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  for (const row of rows) {
    const [first, ...rest] = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]),
    )
    say(`  ${[first, ...rest].join('  ')}`)
  }
}

/** A claim of the demo: said where it holds, the end of the demo where it does not. */
export function prove(holds, claim) {
  if (!holds) throw new Error(`not true: ${claim}`)
  say(`proved: ${claim}`)
}

export function count(number) {
  return COUNT.format(number)
}

export function mebibytes(bytes) {
  return `${(bytes / 1024 / 1024).toFixed(2)} MiB`
}
