// Tells on stderr how far a long step is: in place on a terminal, a line at most every ten seconds elsewhere.
const QUIET_MS = 10_000
let shownAtMs = 0
let shownStep

export function showProgress(step, done, total) {
  const nowMs = performance.now()
  const finished = done >= total
  const waitMs = process.stderr.isTTY ? 200 : QUIET_MS
  if (!finished && step === shownStep && nowMs - shownAtMs < waitMs) return
  shownAtMs = nowMs
  shownStep = step
  const share = total === 0 ? 100 : Math.floor((100 * done) / total)
  const end = process.stderr.isTTY && !finished ? '\r' : '\n'
  process.stderr.write(
    `${step}: ${done.toLocaleString('en-US')} of ${total.toLocaleString('en-US')} (${share} %)${end}`,
  )
}

export function say(text) {
  process.stderr.write(`${text}\n`)
}
