import { readFileSync } from 'node:fs'

/**
 * The most memory that this process has had. On Linux the figure of getrusage starts with that of the process it was forked from,
 * so a child of a large parent seems large; the high-water mark of /proc is its own.
 */
export function peakRssBytes() {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'))
  return Number(kibibytes) * 1024
}
