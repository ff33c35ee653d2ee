import { createHash } from 'node:crypto'
import { checkDirectoryPath, checkFilePath, checkOpenMode } from '../../src/base/file-arguments.ts'
import { directoryOf, type Files, type OpenFile, type OpenMode } from '../../src/base/files.ts'
import type { CrashChooser } from './crash-chooser.ts'
import { CrashableDirectory, type CrashableNode } from './crashable-directory.ts'
import { type Fault, faultCode, faultError, syncDamage, syncSeed } from './crashable-faults.ts'
import { CrashableFile } from './crashable-file.ts'
import { CrashableInode } from './crashable-inode.ts'
import { OperationGate, textOf } from './operation-gate.ts'

export { type CrashChooser, everything, nothing, random } from './crash-chooser.ts'
export type { Fault, FaultCode } from './crashable-faults.ts'
export type { SyncDamage } from './crashable-inode.ts'
export { CrashSignal } from './operation-gate.ts'

/**
 * A file system in memory that can lose power and fail. The comment on `Files` says what a power loss may leave;
 * {@link crashImage} makes one such outcome. Every operation takes effect a turn of the event loop's microtasks after its
 * call, at once and whole, and has a number from 1 in the order of taking effect.
 */
export class CrashableFiles implements Files {
  readonly readsNow = true
  #root = new CrashableDirectory()
  readonly #gate = new OperationGate()

  /** Every operation so far, as `write wal/0000000000000001.wal 512@64`. Operation n is at index n - 1. */
  get operations(): readonly string[] {
    return this.#gate.operations
  }

  /** Those of {@link operations} that change something, syncs included: what {@link crashAt} counts. */
  get mutations(): readonly string[] {
    return this.#gate.mutations
  }

  get isCrashed(): boolean {
    return this.#gate.isCrashed
  }

  /** Crashes at the `mutation`-th mutating operation, counted from 1, before or after it takes effect. */
  crashAt(mutation: number, when: 'before' | 'after'): void {
    this.#gate.crashPoint = { mutation, when }
  }

  /**
   * Has `note` called before each mutating operation takes effect, when everything that does not wait for it has come to its
   * end: as things would stand for good if the files crashed there. `mutation` is its number, as of {@link crashAt}.
   */
  watchMutations(note: (mutation: number, text: string) => void): void {
    this.#gate.beforeEach = async (operation) => {
      if (!operation.isMutation) return
      // By far more than anything takes that waits for no operation; a turn of the event loop would let other things go on.
      for (let turn = 0; turn < 500; turn++) await undefined
      note(this.mutations.length + 1, textOf(operation))
    }
  }

  /** Runs what a test looks at by itself: its operations are not counted, and neither crash nor fault meets them. */
  async aside<Result>(look: () => Promise<Result>): Promise<Result> {
    this.#gate.isAside = true
    try {
      return await look()
    } finally {
      this.#gate.isAside = false
    }
  }

  /** Crashes between two operations. */
  crashNow(): void {
    this.#gate.crash()
  }

  /** Injects a fault at the `number`-th operation of any kind, counted from 1. */
  failAt(number: number, fault: Fault): void {
    this.#gate.faults.failAt(number, fault)
  }

  /** Injects a fault at the next operations, `times` of them, whose description matches. */
  failWhen(matches: (operation: string) => boolean, fault: Fault, times = 1): void {
    this.#gate.faults.failWhen(matches, fault, times)
  }

  clearFaults(): void {
    this.#gate.faults.clear()
  }

  async open(path: string, mode: OpenMode): Promise<OpenFile> {
    checkFilePath(path)
    checkOpenMode(mode)
    return this.#gate.run({ name: 'open', path, detail: mode, isMutation: mode === 'create' }, () => {
      const { directory, name } = this.#locate('open', path)
      const existing = directory.get(name)
      if (mode !== 'create') return new CrashableFile(this.#gate, expectFile(existing, 'open', path), path, mode)
      if (existing !== undefined) throw faultError('EEXIST', 'open', path)
      const inode = new CrashableInode()
      directory.set(name, inode)
      return new CrashableFile(this.#gate, inode, path, mode)
    })
  }

  async rename(from: string, to: string): Promise<void> {
    checkFilePath(from)
    checkFilePath(to)
    return this.#gate.run({ name: 'rename', path: from, detail: `-> ${to}`, isMutation: true }, () => {
      const source = this.#locate('rename', from)
      const target = this.#locate('rename', to)
      const file = expectFile(source.directory.get(source.name), 'rename', from)
      if (target.directory.get(target.name) instanceof CrashableDirectory) throw faultError('EISDIR', 'rename', from)
      if (from === to) return
      target.directory.set(target.name, file)
      source.directory.set(source.name, undefined)
    })
  }

  async remove(path: string): Promise<void> {
    checkFilePath(path)
    return this.#gate.run({ name: 'remove', path, isMutation: true }, () => {
      const { directory, name } = this.#locate('remove', path)
      expectFile(directory.get(name), 'remove', path)
      directory.set(name, undefined)
    })
  }

  async list(directory: string): Promise<string[]> {
    checkDirectoryPath(directory)
    return this.#gate.run({ name: 'list', path: directory, isMutation: false }, () =>
      this.#directory('list', directory).names(),
    )
  }

  async makeDirectory(path: string): Promise<void> {
    checkDirectoryPath(path)
    return this.#gate.run({ name: 'makeDirectory', path, isMutation: true }, () => {
      if (path === '') return
      const { directory, name } = this.#locate('make directory', path)
      const existing = directory.get(name)
      if (existing instanceof CrashableInode) throw faultError('EEXIST', 'make directory', path)
      if (existing === undefined) directory.set(name, new CrashableDirectory())
    })
  }

  async syncDirectory(path: string): Promise<void> {
    checkDirectoryPath(path)
    return this.#gate.run(
      { name: 'syncDirectory', path, isMutation: true },
      () => this.#directory('sync directory', path).sync(),
      (fault) => {
        this.#directory('sync directory', path).failSync(syncDamage(fault), syncSeed(fault))
        throw faultError(faultCode(fault), 'sync directory', path)
      },
    )
  }

  /** One outcome of losing power now: a file system with nothing pending. */
  crashImage(choose: CrashChooser): CrashableFiles {
    const image = new CrashableFiles()
    image.#root = this.#root.crashImage(choose, new Map())
    return image
  }

  /**
   * What a new process finds after this one was killed: all that was written, with the same things still pending, so that
   * a power loss later can drop them. Counts start anew and no fault is set.
   */
  restartImage(): CrashableFiles {
    return this.clone()
  }

  /** An independent copy with the same things pending, without faults, crash or counts. */
  clone(): CrashableFiles {
    const copy = new CrashableFiles()
    copy.#root = this.#root.clone(new Map())
    return copy
  }

  /** A hash of all paths and bytes that are seen: equal for equal trees. */
  contentHash(): string {
    const hash = createHash('sha1')
    for (const [path, node] of this.#walk()) {
      hash.update(`${path}\0${node instanceof CrashableInode ? node.contentHash() : 'directory'}\0`)
    }
    return hash.digest('hex')
  }

  /** The paths of all files, in code-unit order. */
  paths(): string[] {
    const files = [...this.#walk()].filter(([, node]) => node instanceof CrashableInode)
    return files.map(([path]) => path).sort()
  }

  /** A copy of a whole file as calls see it. Not an operation: it is not counted and never fails by fault or crash. */
  readWhole(path: string): Uint8Array {
    return this.#inode(path).copyBytes()
  }

  /** Puts a file in place with everything about it durable, parents included. Not an operation. */
  writeWhole(path: string, bytes: Uint8Array): void {
    checkFilePath(path)
    const names = path.split('/')
    const fileName = names.pop()!
    let directory = this.#root
    for (const name of names) {
      const node = directory.get(name) ?? new CrashableDirectory()
      if (!(node instanceof CrashableDirectory)) throw new Error(`'${name}' of '${path}' is a file`)
      directory.settle(name, node)
      directory = node
    }
    directory.settle(fileName, CrashableInode.fromDurable(Uint8Array.from(bytes)))
  }

  /** Flips one bit of a file, on disk too; whatever was pending in it becomes durable. Not an operation. */
  flipBit(path: string, bitIndex: number): void {
    const bytes = this.readWhole(path)
    const byteIndex = Math.floor(bitIndex / 8)
    if (byteIndex >= bytes.byteLength) throw new RangeError(`'${path}' has no bit ${bitIndex}`)
    bytes[byteIndex] = bytes[byteIndex]! ^ (1 << (bitIndex % 8))
    this.#inode(path).settle(bytes)
  }

  /** Cuts a file at `size`, on disk too; whatever was pending in it becomes durable. Not an operation. */
  cut(path: string, size: number): void {
    this.#inode(path).settle(this.readWhole(path).slice(0, size))
  }

  /** What a power loss could change, one line for each file and directory entry, for messages of failed tests. */
  pendingSummary(): string {
    const lines: string[] = []
    for (const [path, node] of this.#walk()) {
      if (node instanceof CrashableInode) {
        const summary = node.pendingSummary()
        if (summary !== undefined) lines.push(`${path}: ${summary}`)
      } else {
        for (const [name, states] of node.pendingEntries())
          lines.push(`entry ${path === '' ? '' : `${path}/`}${name}: ${states}`)
      }
    }
    return lines.sort().join('\n')
  }

  #directory(operation: string, path: string): CrashableDirectory {
    let node: CrashableNode = this.#root
    for (const name of path === '' ? [] : path.split('/')) {
      const next: CrashableNode | undefined = node.get(name)
      if (next === undefined) throw faultError('ENOENT', operation, path)
      if (next instanceof CrashableInode) throw faultError('ENOTDIR', operation, path)
      node = next
    }
    return node
  }

  #locate(operation: string, path: string): { directory: CrashableDirectory; name: string } {
    const name = path.slice(path.lastIndexOf('/') + 1)
    return { directory: this.#directory(operation, directoryOf(path)), name }
  }

  #inode(path: string): CrashableInode {
    const { directory, name } = this.#locate('read', path)
    return expectFile(directory.get(name), 'read', path)
  }

  *#walk(): Generator<[path: string, node: CrashableNode]> {
    const waiting: [string, CrashableNode][] = [['', this.#root]]
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      yield next
      const [path, node] = next
      if (node instanceof CrashableInode) continue
      for (const name of node.names()) waiting.push([path === '' ? name : `${path}/${name}`, node.get(name)!])
    }
  }
}

function expectFile(node: CrashableNode | undefined, operation: string, path: string): CrashableInode {
  if (node === undefined) throw faultError('ENOENT', operation, path)
  if (node instanceof CrashableDirectory) throw faultError('EISDIR', operation, path)
  return node
}
