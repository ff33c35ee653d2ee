import type { WalkCore } from '../graph/walk-core.ts'

interface Dropped {
  readonly memory: WeakRef<object>
  readonly bytes: number
  readonly isKnown: () => boolean
}

/**
 * Memories of graphs that nobody needs any more. They stay resident until the workers that knew them have ended and the collector
 * has found them, which nobody can ask for: so they are told.
 */
export class DroppedMemories {
  #dropped: Dropped[] = []

  /** `isKnown` says whether a worker still has it; it must not refer to the graph. */
  add({ memory }: WalkCore, isKnown: () => boolean = () => false): void {
    this.#dropped.push({ memory: new WeakRef(memory.memory), bytes: memory.usedBytes, isKnown })
  }

  memoryBytes(): number {
    this.#dropped = this.#dropped.filter(({ memory, isKnown }) => memory.deref() !== undefined || isKnown())
    return this.#dropped.reduce((sum, { bytes }) => sum + bytes, 0)
  }
}
