import { bytesOfBase64 } from '../kernel/base64.ts'
import { GRAPH_KERNEL_BASE64 } from '../kernel/graph-kernel-binary.generated.ts'

declare const WebAssembly: {
  compile(binary: Uint8Array): Promise<GraphModule>
  readonly Instance: new (module: GraphModule, imports: unknown) => { readonly exports: unknown }
}

/** The compiled kernel. It can be sent to a worker, and is instantiated once a thread. */
export type GraphModule = object & { readonly graphModule?: never }

/** Tasks whose items any thread may take: (thread, from, to, ...parameters). */
export const TASK_NAMES = [
  'encodeNodes',
  'linkNodes',
  'reverseEdges',
  'nearestInLeaves',
  'assignLeaders',
  'linkFromEdges',
  'linkReverse',
  'refineNodes',
  'spliceDead',
] as const
export type TaskName = (typeof TASK_NAMES)[number]

type Task = (thread: number, from: number, to: number, ...parameters: number[]) => void

/** What assembly-graph/index.ts exports. */
export interface GraphKernel extends Readonly<Record<TaskName, Task>> {
  encodeNode(thread: number, node: number): void
  search(thread: number, steps: number): number
  searchNode(thread: number, node: number, steps: number): number
  continueSearch(thread: number, steps: number): number
  prepareQuery(thread: number): void
  distancesOfGathered(thread: number, count: number): void
  takeWideNode(thread: number, node: number, form: number): void
  wideDistancesOfGathered(thread: number, count: number): void
  choose(thread: number, node: number, count: number): number
  collectPairs(nodes: number, count: number, pairs: number, spare: number, groups: number): number
  applyReverse(from: number, to: number, pairs: number, groups: number, staged: number, firstGroup: number): void
  countEdges(from: number, to: number, members: number, near: number, most: number, counts: number): void
  sumCounts(counts: number, count: number): number
  fillEdges(from: number, to: number, members: number, near: number, most: number, places: number, edges: number): void
  countReverse(from: number, to: number, nodes: number, counts: number): void
  fillReverse(from: number, to: number, nodes: number, places: number, sources: number): void
  placeRows(from: number, to: number, nodes: number, staged: number): void
  countIncoming(from: number, to: number): void
  spread(
    from: number,
    to: number,
    chosen: number,
    given: number,
    sample: number,
    sampleCount: number,
    nearest: number,
  ): void
  reach(queue: number, reached: number, head: number, tail: number, most: number): number
}

let compiled: Promise<GraphModule> | undefined

/** Compiles the kernel once a process. */
export function loadGraphModule(): Promise<GraphModule> {
  compiled ??= WebAssembly.compile(bytesOfBase64(GRAPH_KERNEL_BASE64))
  return compiled
}

/** A kernel on a graph's memory. Every thread that works on the graph has its own. */
export function instantiateGraphKernel(module: GraphModule, memory: unknown): GraphKernel {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as GraphKernel
}
