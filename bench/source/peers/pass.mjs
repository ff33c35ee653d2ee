// One timed pass of queries, one after another on one thread.
import { quantile } from '../statistics.mjs'

/**
 * Goes round the queries from `from` on until enough of them were answered and enough time went by. Results are turned into row
 * numbers behind the clock.
 */
export async function measurePass(session, queries, { from, k, minimumQueries, minimumMs, maximumMs }) {
  const found = []
  const latenciesMs = []
  const startMs = performance.now()
  let beforeMs = startMs
  let answered = 0
  for (;;) {
    const spentMs = beforeMs - startMs
    if ((answered >= minimumQueries && spentMs >= minimumMs) || spentMs >= maximumMs) break
    const pending = session.search(queries[(from + answered) % queries.length], k)
    // Awaiting what is no promise would cost a turn that the engine did not ask for.
    const result = pending instanceof Promise ? await pending : pending
    const nowMs = performance.now()
    latenciesMs.push(nowMs - beforeMs)
    beforeMs = nowMs
    if (found.length < queries.length) found.push(result)
    answered += 1
  }
  return {
    answered,
    elapsedMs: beforeMs - startMs,
    p50Ms: answered === 0 ? 0 : quantile(latenciesMs, 0.5),
    p99Ms: answered === 0 ? 0 : quantile(latenciesMs, 0.99),
    found: found.map((result, index) => ({
      query: (from + index) % queries.length,
      rows: Array.from(session.rowsOf(result)),
    })),
  }
}
