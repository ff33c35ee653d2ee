import { CHUNK_SLOTS } from '../../../src/base/limits.ts'
import type { Maintenance } from './operations.ts'

/**
 * What calls for maintenance of one collection find to do, and so which of them are logged. It knows what is in the index and
 * nothing of how the index is built: whether a flush links entries into the graph or builds a new one is not its affair.
 */
export class MaintenanceModel {
  /** The slot of each live entry, by id. */
  readonly #slots = new Map<string, number>()
  /** The bits of each live vector in the index, by id. */
  readonly #indexed = new Map<string, string>()
  readonly #freedChunks = new Set<number>()
  #slotCount = 0
  /** Whether there are nodes in the index that stand for dead entries only. */
  #deadNodes: 'none' | 'some' | 'unknown' = 'none'

  noteAdded(id: string): void {
    this.noteRemoved(id)
    this.#slots.set(id, this.#slotCount)
    this.#slotCount += 1
  }

  noteRemoved(id: string): void {
    this.#slots.delete(id)
    const bits = this.#indexed.get(id)
    this.#indexed.delete(id)
    // Entries of equal vectors share a node.
    if (bits !== undefined && ![...this.#indexed.values()].includes(bits)) this.#deadNodes = 'some'
  }

  /** How many chunks have become full, and which of them are free. */
  chunks(): { full: number; freed: ReadonlySet<number> } {
    return { full: Math.floor(this.#slotCount / CHUNK_SLOTS), freed: new Set(this.#freedChunks) }
  }

  /** Takes a call, and says whether it is logged. `bitsOf` gives the bits of the vector of a live entry. */
  maintain(what: Maintenance, bitsOf: (id: string) => string): boolean {
    switch (what) {
      case 'flush':
        return this.#flush(bitsOf)
      case 'optimize':
        return this.#rebuild(bitsOf)
      case 'consolidate':
        return this.#consolidate()
      case 'compact':
        return this.#compact()
    }
  }

  #flush(bitsOf: (id: string) => string): boolean {
    const waiting = [...this.#slots.keys()].filter((id) => !this.#indexed.has(id))
    for (const id of waiting) this.#indexed.set(id, bitsOf(id))
    // They are gone if it was a new graph that was built.
    if (waiting.length > 0 && this.#deadNodes !== 'none') this.#deadNodes = 'unknown'
    return waiting.length > 0
  }

  #rebuild(bitsOf: (id: string) => string): boolean {
    if (this.#slots.size === 0) return false
    for (const id of this.#slots.keys()) this.#indexed.set(id, bitsOf(id))
    this.#deadNodes = 'none'
    return true
  }

  #consolidate(): boolean {
    if (this.#deadNodes === 'unknown') throw new Error('Whether this consolidation is logged is not known')
    const isLogged = this.#deadNodes === 'some'
    this.#deadNodes = 'none'
    return isLogged
  }

  /** Entries keep their nodes, so this changes slots only. */
  #compact(): boolean {
    const [chunk, second] = this.#sparseChunks()
    if (chunk === undefined) return false
    if (second !== undefined) throw new Error('A compaction of several chunks is logged several times')
    const moving = [...this.#slots].filter(([, slot]) => Math.floor(slot / CHUNK_SLOTS) === chunk)
    for (const [id] of moving.sort(([, a], [, b]) => a - b)) {
      this.#slots.set(id, this.#slotCount)
      this.#slotCount += 1
    }
    this.#freedChunks.add(chunk)
    return true
  }

  /** Full chunks that are less than half alive. */
  #sparseChunks(): number[] {
    const live = new Array<number>(Math.floor(this.#slotCount / CHUNK_SLOTS)).fill(0)
    for (const slot of this.#slots.values()) {
      const chunk = Math.floor(slot / CHUNK_SLOTS)
      if (chunk < live.length) live[chunk]! += 1
    }
    return [...live.keys()].filter((chunk) => live[chunk]! * 2 < CHUNK_SLOTS && !this.#freedChunks.has(chunk))
  }
}
