/** Memory that nobody needs any more, and that is resident until the collector finds it. */
export const AWAITING_COLLECTION = 'awaitingCollection'

/** What one component says of itself: bytes that it has allocated, not bytes that it uses of them. */
export interface MemoryEntry {
  readonly component: string
  readonly bytes: number
}

/** Bytes by component, and their sum. */
export interface MemoryLedger {
  readonly total: number
  readonly components: Readonly<Record<string, number>>
}

/** Adds up what components report. Entries of one name, from several collections for instance, are added together. */
export function ledgerOf(entries: Iterable<MemoryEntry>): MemoryLedger {
  const components = new Map<string, number>()
  let total = 0
  for (const { component, bytes } of entries) {
    components.set(component, (components.get(component) ?? 0) + bytes)
    total += bytes
  }
  return { total, components: Object.fromEntries(components) }
}
