// Puts the results of a run between the markers of docs/BENCHMARKS.md, with the machine and the command.
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'

const REPORT = fileURLToPath(new URL('../../docs/BENCHMARKS.md', import.meta.url))

export function machineLine() {
  const [cpu] = cpus()
  return `${cpu.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${process.arch}, Node ${process.version}`
}

export function writeSection(name, markdown) {
  const text = readFileSync(REPORT, 'utf8')
  const begin = `<!-- ${name}:begin -->`
  const end = `<!-- ${name}:end -->`
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  if (from < 0 || to < from) throw new Error(`docs/BENCHMARKS.md has no markers for '${name}'`)
  writeFileSync(REPORT, `${text.slice(0, from + begin.length)}\n${markdown.trim()}\n${text.slice(to)}`)
}
