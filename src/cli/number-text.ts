const COUNT = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
const ONE_DECIMAL = new Intl.NumberFormat('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 })
const BYTE_UNITS = ['KiB', 'MiB', 'GiB', 'TiB'] as const

/** `1234567` -> `1,234,567` */
export function countText(count: number): string {
  return COUNT.format(count)
}

/** `4_279_296` -> `4.1 MiB` */
export function bytesText(bytes: number): string {
  if (bytes < 1024) return `${COUNT.format(bytes)} B`
  let amount = bytes / 1024
  let unit = 0
  // What would round up to 1,024.0 of one unit is 1.0 of the next.
  while (amount >= 1023.95 && unit < BYTE_UNITS.length - 1) {
    amount /= 1024
    unit++
  }
  return `${ONE_DECIMAL.format(amount)} ${BYTE_UNITS[unit]}`
}

/** `1234` -> `1.2 s` */
export function durationText(durationMs: number): string {
  if (durationMs < 1000) return `${durationMs < 10 ? ONE_DECIMAL.format(durationMs) : COUNT.format(durationMs)} ms`
  const seconds = durationMs / 1000
  if (seconds < 100) return `${ONE_DECIMAL.format(seconds)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 100) return `${minutes} min ${Math.floor(seconds % 60)} s`
  return `${COUNT.format(Math.floor(minutes / 60))} h ${minutes % 60} min`
}

/** `1 vector`, `2 vectors`; the plural of `entry` has to be given. */
export function quantityText(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`
}

export function distanceText(distance: number): string {
  const text = distance.toFixed(6)
  return Number(text) === 0 ? '0.000000' : text
}

/** The shortest decimal that reads back as the same float32: `0.1`, not `0.10000000149011612`. */
export function shortestFloat(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const candidate = Number(value.toPrecision(digits))
    if (Math.fround(candidate) === value) return candidate
  }
  return value
}
