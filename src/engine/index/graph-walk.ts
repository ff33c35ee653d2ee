import { type Abortable, throwIfAborted } from '../../base/abort.ts'
import type { GraphHits, SearchOptions } from '../graph/graph-search.ts'
import type { BuiltGraph } from './built-graph.ts'

/**
 * A walk on the main thread. Nearly all are over within one kernel call; a longer one lets the event loop turn between its
 * calls, and others wait meanwhile, because the thread has one set of lists. Yields what is to be awaited.
 */
export function* walkGraph(
  built: BuiltGraph,
  vector: Float32Array,
  options: SearchOptions,
  turn: { yieldToEventLoop: () => Promise<void>; signal?: Abortable | undefined },
): Generator<Promise<void>, GraphHits, void> {
  while (built.walking !== undefined) yield built.walking
  throwIfAborted(turn.signal, 'search')
  const steps = built.graph.searchSteps(vector, options)
  if (steps.next().done) return built.graph.hits(options)
  let isOver = () => {}
  built.walking = new Promise((resolve) => {
    isOver = resolve
  })
  try {
    do {
      yield turn.yieldToEventLoop()
      throwIfAborted(turn.signal, 'search')
    } while (!steps.next().done)
    return built.graph.hits(options)
  } finally {
    built.walking = undefined
    isOver()
  }
}
