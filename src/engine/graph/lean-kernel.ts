import { bytesOfBase64 } from '../kernel/base64.ts'
import { LEAN_KERNEL_BASE64 } from '../kernel/lean-kernel-binary.generated.ts'
import type { GraphModule } from './graph-kernel.ts'
import type { WalkKernel } from './walk-core.ts'

declare const WebAssembly: {
  compile(binary: Uint8Array): Promise<LeanModule>
  readonly Instance: new (module: LeanModule, imports: unknown) => { readonly exports: unknown }
}

/** The compiled kernel of lean graphs. It can be sent to a worker, as that of whole graphs can. */
export type LeanModule = GraphModule & { readonly leanModule?: never }

/** What assembly-graph/lean.ts exports. */
export interface LeanKernel extends WalkKernel {
  encodeRows(thread: number, rows: number, count: number, node: number): void
}

let compiled: Promise<LeanModule> | undefined

/** Compiles the kernel once a process. */
export function loadLeanModule(): Promise<LeanModule> {
  compiled ??= WebAssembly.compile(bytesOfBase64(LEAN_KERNEL_BASE64))
  return compiled
}

export function instantiateLeanKernel(module: LeanModule, memory: unknown): LeanKernel {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as LeanKernel
}
