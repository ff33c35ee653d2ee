// Peers are packages of bench/ with CommonJS entry points; some cannot be installed everywhere.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const require = createRequire(import.meta.url)
export const PACKAGES_DIRECTORY = fileURLToPath(new URL('../../node_modules', import.meta.url))

export function requirePackage(name) {
  return require(name)
}

export function packageVersion(name) {
  return JSON.parse(readFileSync(join(packageDirectory(name), 'package.json'), 'utf8')).version
}

export function packageDirectory(name) {
  return dirname(join(PACKAGES_DIRECTORY, name, 'package.json'))
}
