/** The command line itself is wrong: exit code 2, with a pointer to the help. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly code = 'ERR_USAGE'
}

/** A file that the user handed in is malformed; the message says which file and where. */
export class InputError extends Error {
  override readonly name = 'InputError'
  readonly code = 'ERR_INPUT'
}

/** The `(CODE)` behind a message: ours, the store's, or the operating system's; `undefined` for a defect. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { code } = error as { code?: unknown }
  if (typeof code === 'string') return code
  // What the store says of a number that the user chose, such as the dimensions of a file.
  return error instanceof RangeError ? 'ERR_RANGE' : undefined
}

/** One line for people. System errors of Node carry the path and the call, in an order that few can read. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code, path } = error as { code?: unknown; path?: unknown }
  if (typeof path !== 'string') return error.message
  if (code === 'ENOENT') return `there is no file ${path}`
  if (code === 'EISDIR') return `${path} is a directory, not a file`
  if (code === 'EACCES') return `no permission to read ${path}`
  return error.message
}
