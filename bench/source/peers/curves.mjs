// From measured points to figures that can be compared: recall, the points that no other point beats, QPS at one recall.

/** Share of the k nearest that were found, over queries. */
export function recallOf(found, truth, k) {
  let right = 0
  for (const { query, rows } of found) {
    const wanted = new Set(truth[query])
    right += Math.min(k, new Set(rows.slice(0, k).filter((row) => wanted.has(row))).size)
  }
  return right / (found.length * k)
}

/** Points for which no other has both more recall and more QPS, by rising recall. */
export function frontierOf(points) {
  const sorted = [...points].sort((left, right) => right.recall - left.recall || right.qps - left.qps)
  const frontier = []
  for (const point of sorted) {
    const last = frontier.at(-1)
    if (last === undefined || point.qps > last.qps) frontier.push(point)
  }
  return frontier.reverse()
}

/**
 * QPS at a recall on one curve, between its two neighbouring points. Curves of graph indexes are nearly straight in log QPS over
 * log of the share missed. A curve that starts above the recall gives its first point: it has at least that. `undefined` where it
 * never comes that far.
 */
export function qpsAt(points, recall) {
  const frontier = frontierOf(points)
  const above = frontier.findIndex((point) => point.recall >= recall)
  if (above < 0) return undefined
  const right = frontier[above]
  // Points below may be there and yet not on the frontier, where a shorter list was no quicker.
  if (above === 0) return { qps: right.qps, bracketed: points.some((point) => point.recall < recall) }
  const left = frontier[above - 1]
  const share = (missed(recall) - missed(left.recall)) / (missed(right.recall) - missed(left.recall))
  return { qps: Math.exp(Math.log(left.qps) + share * (Math.log(right.qps) - Math.log(left.qps))), bracketed: true }
}

/** A whole 1 stands as a ten-thousandth missed: 1,000 queries of 10 can tell no more than that. */
function missed(recall) {
  return Math.log(Math.max(1 - recall, 1e-4))
}

/** The best of some curves at a recall. */
export function bestAt(curves, recall) {
  let best
  for (const curve of curves) {
    const reached = qpsAt(curve.points, recall)
    if (reached !== undefined && (best === undefined || reached.qps > best.qps)) best = { ...reached, curve }
  }
  return best
}
