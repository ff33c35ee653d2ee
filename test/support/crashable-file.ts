import { checkByteCount } from '../../src/base/file-arguments.ts'
import type { OpenFile, OpenMode } from '../../src/base/files.ts'
import { type Fault, faultCode, faultError, syncDamage, syncSeed } from './crashable-faults.ts'
import type { CrashableInode } from './crashable-inode.ts'
import type { OperationGate } from './operation-gate.ts'

/** A handle on one file of a `CrashableFiles`. */
export class CrashableFile implements OpenFile {
  readonly #gate: OperationGate
  readonly #inode: CrashableInode
  readonly #path: string
  readonly #mode: OpenMode
  #isClosed = false

  constructor(gate: OperationGate, inode: CrashableInode, path: string, mode: OpenMode) {
    this.#gate = gate
    this.#inode = inode
    this.#path = path
    this.#mode = mode
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    this.#check('read')
    checkByteCount(position, 'position')
    const operation = { name: 'read', path: this.#path, detail: `${target.byteLength}@${position}`, isMutation: false }
    return this.#gate.run(operation, () => this.#inode.read(target, position))
  }

  readNow(target: Uint8Array, position: number): number {
    this.#check('read')
    checkByteCount(position, 'position')
    const operation = {
      name: 'readNow',
      path: this.#path,
      detail: `${target.byteLength}@${position}`,
      isMutation: false,
    }
    return this.#gate.runNow(operation, () => this.#inode.read(target, position))
  }

  async write(bytes: Uint8Array, position: number): Promise<number> {
    this.#check('write')
    checkByteCount(position, 'position')
    this.#checkWritable('write')
    const writePrefix = (count: number): number => {
      this.#inode.write(bytes.subarray(0, count), position)
      return Math.min(count, bytes.byteLength)
    }
    return this.#gate.run(
      { name: 'write', path: this.#path, detail: `${bytes.byteLength}@${position}`, isMutation: true },
      () => writePrefix(bytes.byteLength),
      (fault) => this.#failWrite(fault, writePrefix),
    )
  }

  async truncate(size: number): Promise<void> {
    this.#check('truncate')
    checkByteCount(size, 'size')
    this.#checkWritable('truncate')
    const operation = { name: 'truncate', path: this.#path, detail: `to ${size}`, isMutation: true }
    return this.#gate.run(operation, () => this.#inode.truncate(size))
  }

  async size(): Promise<number> {
    this.#check('size')
    return this.#gate.run({ name: 'size', path: this.#path, isMutation: false }, () => this.#inode.size)
  }

  async sync(): Promise<void> {
    this.#check('sync')
    return this.#gate.run(
      { name: 'sync', path: this.#path, isMutation: true },
      () => this.#inode.sync(),
      (fault) => {
        this.#inode.failSync(syncDamage(fault), syncSeed(fault))
        throw faultError(faultCode(fault), 'sync', this.#path)
      },
    )
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    return this.#gate.run({ name: 'close', path: this.#path, isMutation: false }, () => undefined)
  }

  #failWrite(fault: Fault, writePrefix: (count: number) => number): number {
    if (typeof fault === 'object' && 'shortWrite' in fault) {
      if (fault.thenDiskFull === true)
        this.#gate.faults.failWhen((operation) => operation.startsWith('write '), 'ENOSPC', 1)
      return writePrefix(Math.max(1, fault.shortWrite))
    }
    if (typeof fault === 'object' && 'writtenBytes' in fault) writePrefix(fault.writtenBytes)
    throw faultError(faultCode(fault), 'write', this.#path)
  }

  #check(operation: string): void {
    if (this.#gate.isCrashed) throw this.#gate.crash()
    if (this.#isClosed) throw faultError('EBADF', operation, this.#path)
  }

  #checkWritable(operation: string): void {
    if (this.#mode === 'read') throw faultError('EBADF', operation, this.#path)
  }
}
