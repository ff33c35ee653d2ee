// Fetches a release of Node for this or another processor from the package registry, once.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..')

/** The path of the binary of a major release. */
export function fetchNode(release, architecture = process.arch) {
  const isWindows = process.platform === 'win32'
  const packageName = `node-${isWindows ? 'win' : process.platform}-${architecture}`
  const cache = join(root, 'node_modules', '.cache', `node-${release}-${architecture}`)
  const binary = join(cache, 'node_modules', packageName, 'bin', isWindows ? 'node.exe' : 'node')
  if (existsSync(binary)) return binary
  mkdirSync(cache, { recursive: true })
  // Forced, because npm refuses the binary of another processor, which is what an emulator is for.
  const flags = ['--no-save', '--no-fund', '--no-audit', '--ignore-scripts', '--force']
  execFileSync('npm', ['install', '--prefix', cache, ...flags, `${packageName}@${release}`], { stdio: 'inherit' })
  return binary
}
