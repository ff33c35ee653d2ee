import type { StoreError } from '../../src/base/errors.ts'
import { systemError } from '../../src/base/system-error.ts'
import type { SyncDamage } from './crashable-inode.ts'

export type FaultCode = 'EIO' | 'ENOSPC' | 'EACCES'

/**
 * What goes wrong at one operation. A bare code fails it without effect, except that a failed `sync` behaves as
 * `{ sync: 'keep' }`. A fault that does not fit its operation (a short write of a rename) fails it with EIO.
 *
 * - `{ code, writtenBytes }`: the write fails after this many bytes.
 * - `{ shortWrite }`: the write stops after this many bytes (at least one) and succeeds; with `thenDiskFull` the next write
 *   of any file fails with ENOSPC.
 * - `{ sync }`: the `sync` or `syncDirectory` fails with EIO. `'keep'`: what was to be synced stays visible but counts as
 *   clean, so that only writing it again makes it durable. `'drop'`: what is seen goes back to what is durable. `'mixed'`:
 *   either, or reached the disk after all, for each sector or entry on its own, by `seed`.
 */
export type Fault =
  | FaultCode
  | { readonly code: FaultCode; readonly writtenBytes: number }
  | { readonly shortWrite: number; readonly thenDiskFull?: boolean }
  | { readonly sync: SyncDamage; readonly seed?: number }

interface Rule {
  readonly matches: (operation: string) => boolean
  readonly fault: Fault
  remaining: number
}

/** Which operation meets which fault. */
export class FaultPlan {
  readonly #byNumber = new Map<number, Fault>()
  #rules: Rule[] = []

  failAt(number: number, fault: Fault): void {
    this.#byNumber.set(number, fault)
  }

  failWhen(matches: (operation: string) => boolean, fault: Fault, times: number): void {
    this.#rules.push({ matches, fault, remaining: times })
  }

  clear(): void {
    this.#byNumber.clear()
    this.#rules = []
  }

  take(number: number, operation: string): Fault | undefined {
    const numbered = this.#byNumber.get(number)
    if (numbered !== undefined) return numbered
    const rule = this.#rules.find((candidate) => candidate.remaining > 0 && candidate.matches(operation))
    if (rule === undefined) return undefined
    rule.remaining--
    return rule.fault
  }
}

/** What a real file system's error becomes, with one that says it was made up as its cause. */
export function faultError(code: string, operation: string, path: string): StoreError {
  const cause = Object.assign(new Error(`${code}: made up by a test, ${operation} '${path}'`), { code })
  return systemError(cause, operation, path)
}

/** The code that an operation fails with, EIO for a fault that does not fit it. */
export function faultCode(fault: Fault): FaultCode {
  if (typeof fault === 'string') return fault
  return 'code' in fault ? fault.code : 'EIO'
}

/** What a failing sync does: keeps all, unless the fault says otherwise. */
export function syncDamage(fault: Fault): SyncDamage {
  return typeof fault === 'object' && 'sync' in fault ? fault.sync : 'keep'
}

export function syncSeed(fault: Fault): number {
  return typeof fault === 'object' && 'sync' in fault ? (fault.seed ?? 0) : 0
}
