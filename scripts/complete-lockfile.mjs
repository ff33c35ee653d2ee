// Adds to package-lock.json the builds for other platforms that a registry mirror did not offer when the lock was made.
// npm leaves them out in silence, and `npm ci` then refuses the lock. Run after every change of dependencies: it changes nothing
// where nothing is missing. An argument names another folder.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const OPERATING_SYSTEMS = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
]
const PROCESSORS = ['arm64', 'arm', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64', 'wasm32']

const lockFile = join(process.argv[2] ?? '.', 'package-lock.json')
const lock = JSON.parse(readFileSync(lockFile, 'utf8'))
for (const [path, { optionalDependencies = {}, dev }] of Object.entries(lock.packages)) {
  for (const [name, range] of Object.entries(optionalDependencies)) {
    const nested = `${path}/node_modules/${name}`
    if (lock.packages[`node_modules/${name}`] !== undefined || lock.packages[nested] !== undefined) continue
    lock.packages[`node_modules/${name}`] = platformEntry(name, range, dev)
    console.log(`added ${name}`)
  }
}
const sorted = Object.entries(lock.packages).sort(([left], [right]) => (left < right ? -1 : 1))
writeFileSync(lockFile, `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, null, 2)}\n`)

/** An entry that npm passes over on every platform but its own. */
function platformEntry(name, range, dev) {
  const words = name.split(/[/@-]/)
  const system = OPERATING_SYSTEMS.find((candidate) => words.includes(candidate))
  const processor = PROCESSORS.find((candidate) => words.includes(candidate))
  return {
    version: range.replace(/^[^\d]*/, ''),
    ...(processor === undefined ? {} : { cpu: [processor] }),
    ...(dev ? { dev: true } : {}),
    optional: true,
    ...(system === undefined ? {} : { os: [system] }),
  }
}
