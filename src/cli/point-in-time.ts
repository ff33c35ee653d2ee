import { UsageError } from './cli-errors.ts'
import type { OptionDescription } from './command.ts'
import type { Invocation } from './invocation.ts'

/** `--at`, for commands that read a store. */
export const AT_OPTION: Readonly<Record<'at', OptionDescription>> = {
  at: { value: 'when', help: 'read the store as it was: after an LSN, or at a time such as 2026-01-31T18:30Z' },
}

const DATE = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$/

/** How to open a store that is read, as of now or as of `--at`. */
export function readingAccess(invocation: Invocation): { readonly readOnly: true; readonly at?: number | Date } {
  const text = invocation.string('at')
  return text === undefined ? { readOnly: true } : { readOnly: true, at: momentOf(text) }
}

function momentOf(text: string): number | Date {
  const date = new Date(text)
  if (DATE.test(text) && !Number.isNaN(date.getTime())) return date
  const lsn = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(lsn)) return lsn
  throw new UsageError(`--at must be an LSN or a time such as 2026-01-31 or 2026-01-31T18:30Z, not '${text}'`)
}
