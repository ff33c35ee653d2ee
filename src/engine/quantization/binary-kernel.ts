import { bytesOfBase64 } from '../kernel/base64.ts'
import { CODE_KERNEL_BASE64 } from '../kernel/code-kernel-binary.generated.ts'

declare const WebAssembly: {
  compile(binary: Uint8Array): Promise<BinaryModule>
  readonly Instance: new (module: BinaryModule, imports: unknown) => { readonly exports: unknown }
}

/** The compiled kernel. It can be sent to a worker, and is instantiated once a thread. */
export type BinaryModule = object & { readonly binaryModule?: never }

/** What assembly-graph/binary/index.ts exports. */
export interface BinaryKernel {
  encodeRows(frame: number, scratch: number, rows: number, count: number, position: number): void
  encodeQuery(frame: number, scratch: number): void
  estimateGathered(frame: number, scratch: number, count: number): void
  estimateRange(frame: number, scratch: number, position: number, count: number): void
  rotateUnit(frame: number, scratch: number): void
}

let compiled: Promise<BinaryModule> | undefined

/** Compiles the kernel once a process. */
export function loadBinaryModule(): Promise<BinaryModule> {
  compiled ??= WebAssembly.compile(bytesOfBase64(CODE_KERNEL_BASE64))
  return compiled
}

/** A kernel on a memory, which may be a graph's: it reads and writes only what it is given the addresses of. */
export function instantiateBinaryKernel(module: BinaryModule, memory: unknown): BinaryKernel {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as BinaryKernel
}
