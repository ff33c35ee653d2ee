import type { Assignment, WorkerSlot } from './worker-slot.ts'

/** Work of a pool that any number of workers may take pieces of. */
export interface PoolWork {
  /** The next piece, made ready for the worker of a slot; `undefined` if there is none now. */
  take(slot: WorkerSlot): Assignment | undefined
  /** Settles the work's promise if no piece is under way and none will be; returns whether it is settled. */
  settle(): boolean
}
