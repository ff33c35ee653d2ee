// A copy of the built package in which a constant is another one: for measuring what a choice of the package itself costs.
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const DIST = fileURLToPath(new URL('../../dist', import.meta.url))

/**
 * @param patches each replaces what its pattern finds, once, in a file
 * @returns {Promise<{ package: object, found: string[] }>} the package's exports, and what the patterns found
 */
export async function importPatched(directory, patches) {
  const path = join(directory, 'patched')
  rmSync(path, { recursive: true, force: true })
  cpSync(DIST, path, { recursive: true })
  const found = patches.map(({ file, pattern, replacement }) => {
    const text = readFileSync(join(path, file), 'utf8')
    const matches = text.match(new RegExp(pattern, 'g')) ?? []
    if (matches.length !== 1) throw new Error(`${file} has ${matches.length} places like ${pattern}, not one`)
    writeFileSync(join(path, file), text.replace(pattern, replacement))
    return matches[0]
  })
  return { package: await import(pathToFileURL(join(path, 'index.js')).href), found }
}
