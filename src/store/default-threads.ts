const MOST_UNASKED = 4

/** One thread less than the processor has cores, from 1 to 4; none where there is no Node, and so no worker of its kind. */
export function defaultThreads(): number {
  // Asked for at run time: a bundle for a browser holds no trace of the module.
  const builtin = (globalThis as { process?: Partial<NodeJS.Process> }).process?.getBuiltinModule
  if (builtin === undefined) return 0
  return Math.max(1, Math.min(MOST_UNASKED, builtin('node:os').availableParallelism() - 1))
}
