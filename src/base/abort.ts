import { StoreError } from './errors.ts'

/** The part of an `AbortSignal` that is looked at. */
export interface Abortable {
  readonly aborted: boolean
  readonly reason?: unknown
}

/** @throws StoreError `ERR_ABORTED`, with the signal's reason as its cause. */
export function throwIfAborted(signal: Abortable | undefined, what: string): void {
  if (signal?.aborted) throw new StoreError('ERR_ABORTED', `${what} was aborted`, { cause: signal.reason })
}
