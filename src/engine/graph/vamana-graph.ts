import { type BulkOptions, bulkJob } from './bulk-job.ts'
import { consolidateJob } from './consolidate-job.ts'
import {
  digestBytes,
  exportCodes,
  exportEdges,
  exportEdgesSliced,
  type GraphEdges,
  importCodes,
  importEdges,
} from './csr.ts'
import { encodeJob } from './encode-job.ts'
import { GraphCore } from './graph-core.ts'
import { graphProblems } from './graph-invariants.ts'
import { loadGraphModule } from './graph-kernel.ts'
import { type GraphMemory, graphMemory } from './graph-ledger.ts'
import {
  type GraphOptions,
  type GraphParameters,
  graphParameters,
  isCodedAsFloats,
  type WalkCodes,
} from './graph-parameters.ts'
import { beginSearch, type GraphHits, readResults, type SearchOptions } from './graph-search.ts'
import { type InsertOptions, insertJob } from './insert-job.ts'
import { inSlices, type Job, runToEnd } from './job.ts'
import type { LeanCore } from './lean-core.ts'
import type { LeanModule } from './lean-kernel.ts'
import { type LeanCodes, leanCoreOf } from './lean-steps.ts'
import type { WalkCore } from './walk-core.ts'

/** What is known of a lean graph from the whole one that it was made of. */
interface LeanFacts {
  readonly core: LeanCore
  readonly leanCodes: LeanCodes
  readonly walkCodes: WalkCodes
  readonly capacity: number
  readonly unreachable: number
}

/**
 * Codes and edges of a set of vectors, by node number: the graph half of the index. A lean graph has only what searches need:
 * whatever else it is asked for throws RangeError.
 */
export class VamanaGraph {
  readonly #whole: GraphCore | undefined
  readonly #lean: LeanFacts | undefined

  private constructor(whole: GraphCore | undefined, lean?: LeanFacts) {
    this.#whole = whole
    this.#lean = lean
  }

  static async create(options: GraphOptions): Promise<VamanaGraph> {
    const parameters = graphParameters(options)
    return new VamanaGraph(new GraphCore(await loadGraphModule(), parameters, options.walkCodes ?? 'narrow'))
  }

  /** A lean graph that finds what this one finds, or nearly that. Stops after every few milliseconds; nothing may change. */
  *lean(leanCodes: LeanCodes, module: LeanModule): Generator<void, VamanaGraph, void> {
    const { walkCodes, capacity, unreachable } = this
    const core = yield* leanCoreOf(this.#core, leanCodes, module)
    return new VamanaGraph(undefined, { core, leanCodes, walkCodes, capacity, unreachable })
  }

  get #core(): GraphCore {
    if (this.#whole === undefined) throw new RangeError('a lean graph can be searched and nothing else')
    return this.#whole
  }

  /** @internal For jobs, tests and hosts of threads. A lean graph has none. */
  get core(): GraphCore {
    return this.#core
  }

  /** @internal What searches work on, whether the graph is whole or lean. */
  get walkCore(): WalkCore {
    return this.#lean?.core ?? this.#core
  }

  /** In which form it is lean; `undefined` of a whole one. */
  get leanCodes(): LeanCodes | undefined {
    return this.#lean?.leanCodes
  }

  get parameters(): GraphParameters {
    return this.walkCore.parameters
  }

  get nodeCount(): number {
    return this.walkCore.nodeCount
  }

  get linkedCount(): number {
    return this.walkCore.linkedCount
  }

  /** The nodes that walks may begin at. */
  get entries(): Uint32Array {
    return this.#lean?.core.entries ?? this.#core.entries.nodes
  }

  /** Nodes there is room for, those in use included; of a lean graph those of the whole one. */
  get capacity(): number {
    return this.#lean?.capacity ?? this.#core.capacity
  }

  /** Linked nodes that no walk reaches, as of the end of the last job. */
  get unreachable(): number {
    return this.#lean?.unreachable ?? this.#core.unreachable
  }

  /** Codes that walks read. */
  get codes(): '1-bit' | '4-bit' | '8-bit' | 'float32' {
    if (this.leanCodes === 'binary') return '1-bit'
    if (isCodedAsFloats(this.parameters.dimensions)) return 'float32'
    return this.walkCodes === 'narrow' ? '4-bit' : '8-bit'
  }

  /** Codes that walks on the whole graph read. */
  get walkCodes(): WalkCodes {
    return this.#lean?.walkCodes ?? this.#core.walkCodes
  }

  set walkCodes(codes: WalkCodes) {
    this.#core.walkCodes = codes
  }

  /** Encodes a vector and gives it the lowest free node. No walk finds it until a job has linked it. */
  add(vector: Float32Array): number {
    return this.#core.addNode(vector)
  }

  /** Gives out the lowest free node, which has no codes yet. */
  reserve(): number {
    return this.#core.reserveNode()
  }

  /** Gives reserved nodes their codes; `copyVector` writes the vector of the node at an index. */
  encode(nodes: Uint32Array, copyVector: (index: number, target: Float32Array) => void): Job {
    return encodeJob(this.#core, nodes, copyVector)
  }

  insert(nodes: Uint32Array, options?: InsertOptions): Job {
    return insertJob(this.#core, nodes, options)
  }

  /** Links nodes into an empty graph, all at once. */
  bulk(nodes: Uint32Array, options?: BulkOptions): Job {
    return bulkJob(this.#core, nodes, options)
  }

  /** Takes the nodes whose bits are set out of the graph and frees them. */
  consolidate(dead: Uint8Array): Job {
    return consolidateJob(this.#core, dead)
  }

  search(query: Float32Array, options: SearchOptions): GraphHits {
    const steps = beginSearch(this.walkCore, query, options)
    while (!steps.next().done);
    return readResults(this.walkCore, options)
  }

  /** A search that stops after every call of some 4 ms; take its hits with {@link hits} before another one begins. */
  searchSteps(query: Float32Array, options: SearchOptions): Generator<void, void, void> {
    return beginSearch(this.walkCore, query, options)
  }

  hits(options: SearchOptions): GraphHits {
    return readResults(this.walkCore, options)
  }

  exportEdges(): GraphEdges {
    return exportEdges(this.#core)
  }

  /** The same, stopping after every few milliseconds; the graph must not change meanwhile. */
  exportEdgesSliced(): Generator<void, GraphEdges, void> {
    return exportEdgesSliced(this.#core)
  }

  /** Takes over the edges of a graph whose codes have been imported. */
  importEdges(edges: GraphEdges): void {
    importEdges(this.#core, edges)
  }

  exportCodes(first: number, count: number): Uint8Array {
    return exportCodes(this.#core, first, count)
  }

  importCodes(codes: Uint8Array): void {
    importCodes(this.#core, codes)
  }

  /** All that makes the graph what it is, in pieces of bytes: two graphs are the same if these are. */
  digestBytes(): Generator<Uint8Array, void, void> {
    return digestBytes(this.#core)
  }

  /** What is wrong with the graph, in words; empty if all is well. */
  checkInvariants(): string[] {
    return graphProblems(this.#core)
  }

  memory(): GraphMemory {
    return this.#lean?.core.ledger() ?? graphMemory(this.#core)
  }

  /** Runs a job to its end on this thread. */
  run<Result>(job: Job<Result>): Result {
    return runToEnd(this.#core, job)
  }

  /** Runs a job on this thread, slice by slice. */
  slices<Result>(job: Job<Result>): Generator<void, Result, void> {
    return inSlices(this.#core, job)
  }
}
