import type { MemoryEntry } from '../memory-ledger.ts'
import type { AddedSlots } from './added-slots.ts'
import type { BuiltGraph } from './built-graph.ts'

/** Bytes of an index by component: of the graph that is served, and of one that is being built beside it. */
export function indexMemory(
  served: BuiltGraph | undefined,
  building: BuiltGraph | undefined,
  added: AddedSlots,
): MemoryEntry[] {
  const entries = [{ component: 'indexSlots', bytes: added.memoryBytes() }]
  for (const built of [served, building]) if (built !== undefined) entries.push(...graphEntries(built))
  return entries
}

/** Bytes of one graph and of what belongs to it. */
export function graphBytes(built: BuiltGraph): number {
  return graphEntries(built).reduce((sum, { bytes }) => sum + bytes, 0)
}

function graphEntries({ graph, slots, live, lookup }: BuiltGraph): MemoryEntry[] {
  const { codes, factors, rows, scratch, spare } = graph.memory()
  return [
    { component: 'indexCodes', bytes: codes },
    { component: 'indexFactors', bytes: factors },
    { component: 'indexGraph', bytes: rows },
    { component: 'indexScratch', bytes: scratch },
    { component: 'indexSpare', bytes: spare },
    { component: 'indexSlots', bytes: slots.memoryBytes() + live.memoryBytes() + lookup.memoryBytes() },
  ]
}
