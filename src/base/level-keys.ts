import { directoryOf } from './files.ts'
import type { LevelRange } from './level-database.ts'

/** Hexadecimal digits of an inode or block number in a key, zero-padded so that keys sort as the numbers do. */
const NUMBER_DIGITS = 14

/** The character after `/`: the end of every range of keys that share a prefix ending in `/`. */
const AFTER_SLASH = '0'

/**
 * Where a file system lives in a database. All keys start with one prefix, and no other key is read or written.
 *
 * | key                      | value                                                      |
 * |--------------------------|------------------------------------------------------------|
 * | `format`                 | format version                                             |
 * | `entry/DIRECTORY//NAME`  | the inode that the name stands for, or that it is a directory |
 * | `inode/NUMBER`           | the file's size                                            |
 * | `block/NUMBER/BLOCK`     | its bytes, the last block only as long as it need be       |
 * | `orphan/NUMBER`          | empty: the file has no name and is to be freed             |
 */
export class LevelKeys {
  readonly #prefix: string
  readonly format: string

  constructor(prefix: string) {
    this.#prefix = prefix
    this.format = `${prefix}format`
  }

  /** No path contains `//`, so a directory and a name can be told apart. */
  entry(path: string): string {
    const directory = directoryOf(path)
    const name = directory === '' ? path : path.slice(directory.length + 1)
    return `${this.#prefix}entry/${directory}//${name}`
  }

  entries(directory: string): LevelRange {
    return between(`${this.#prefix}entry/${directory}//`)
  }

  allEntries(): LevelRange {
    return between(`${this.#prefix}entry/`)
  }

  nameOf(entryKey: string): string {
    return entryKey.slice(entryKey.lastIndexOf('/') + 1)
  }

  inode(number: number): string {
    return `${this.#prefix}inode/${digits(number)}`
  }

  block(inode: number, block: number): string {
    return `${this.#prefix}block/${digits(inode)}/${digits(block)}`
  }

  /** The blocks of a file from `first` on. */
  blocks(inode: number, first = 0): LevelRange {
    return { gte: this.block(inode, first), lt: `${this.#prefix}block/${digits(inode)}${AFTER_SLASH}` }
  }

  orphan(inode: number): string {
    return `${this.#prefix}orphan/${digits(inode)}`
  }

  orphans(): LevelRange {
    return between(`${this.#prefix}orphan/`)
  }

  /** Every range whose keys begin with an inode number. */
  numbered(): LevelRange[] {
    return ['inode', 'block', 'orphan'].map((kind) => between(`${this.#prefix}${kind}/`))
  }

  /** The inode number in a key of {@link numbered}, `undefined` if the key is damaged. */
  inodeIn(key: string): number | undefined {
    const match = /^[a-z]+\/([0-9a-f]{14})(?:\/|$)/.exec(key.slice(this.#prefix.length))
    const number = match === null ? Number.NaN : Number.parseInt(match[1]!, 16)
    return Number.isSafeInteger(number) ? number : undefined
  }
}

function digits(number: number): string {
  return number.toString(16).padStart(NUMBER_DIGITS, '0')
}

/** All keys with a prefix that ends in `/`. */
function between(prefix: string): LevelRange {
  return { gte: prefix, lt: prefix.slice(0, -1) + AFTER_SLASH }
}
