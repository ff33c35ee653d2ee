import type { OpenMode } from './files.ts'

/**
 * What every implementation of `Files` demands of its arguments. A path that could leave the store's directory is a mistake
 * in the program, not a state of the disk, so it is a `TypeError`.
 */

/** @throws {TypeError} when `path` does not name something below the store's directory */
export function checkFilePath(path: string): void {
  if (path === '') throw new TypeError('A file path must not be empty')
  checkDirectoryPath(path)
}

/** Like {@link checkFilePath}, but `''`, the store's directory itself, is allowed. */
export function checkDirectoryPath(path: string): void {
  if (typeof path !== 'string') throw new TypeError(`A path must be a string, not ${typeof path}`)
  if (path === '') return
  // Half a surrogate pair has no UTF-8, and two such names would become one on disk.
  if (!path.isWellFormed()) throw new TypeError(`A path must be well-formed Unicode: ${JSON.stringify(path)}`)
  if (path.includes('\\') || path.includes('\0')) {
    throw new TypeError(`A path must contain no backslash and no zero character: ${JSON.stringify(path)}`)
  }
  for (const name of path.split('/')) {
    // An empty name is a leading, trailing or doubled slash.
    if (name === '' || name === '.' || name === '..') {
      throw new TypeError(
        `A path must be names joined by '/', relative and without '.' or '..': ${JSON.stringify(path)}`,
      )
    }
  }
}

/** @throws {TypeError} when `mode` is none of the three */
export function checkOpenMode(mode: OpenMode): void {
  if (mode !== 'read' && mode !== 'update' && mode !== 'create') {
    throw new TypeError(`An open mode is 'read', 'update' or 'create', not ${JSON.stringify(mode)}`)
  }
}

/** @throws {RangeError} when `value` is not a safe integer of at least zero */
export function checkByteCount(value: number, name: 'position' | 'size'): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`A file ${name} must be an integer from 0 to 2^53 - 1, not ${value}`)
  }
}
