import * as layout from '../kernel/assembly-graph/layout.ts'
import { type BlockShape, blockShape } from './block-shape.ts'
import { EntryTable } from './entry-table.ts'
import { type GraphKernel, type GraphModule, instantiateGraphKernel } from './graph-kernel.ts'
import { check, type GraphParameters, type WalkCodes } from './graph-parameters.ts'
import type { Phase, TaskRunner } from './job.ts'
import { SharedMemory } from './shared-memory.ts'
import { buildParts, ThreadScratch } from './thread-scratch.ts'
import { type WalkCore, writeFrameSettings } from './walk-core.ts'

const { BLOCK_POSITIONS, BLOCK_MASK, BLOCK_SHIFT, FREE, LINKED } = layout
/** All pairs of a leaf of so many products take about 8 ms. */
const LEAF_PRODUCTS = 4.8e8
const MOST_LEAF_NODES = 2000
const MOST_FLOAT_LEAF_NODES = 1000

/** A graph's memory, its nodes and its threads: what the jobs and the searches work on. */
export class GraphCore implements TaskRunner, WalkCore {
  readonly parameters: GraphParameters
  readonly shape: BlockShape
  readonly memory = new SharedMemory()
  readonly kernel: GraphKernel
  readonly module: GraphModule
  readonly entries: EntryTable
  /** Most nodes of a leaf whose pairs one kernel call compares. */
  readonly leafNodes: number
  readonly #scratch: ThreadScratch[] = []
  readonly #blocks: number[] = []
  /** Whether the pages of the last block are taken as its nodes are: otherwise they were used for something else before. */
  #isLastBlockFresh = true
  /** Falling, so that the lowest is taken from the end. */
  readonly #freeNodes: number[] = []
  /** Linked nodes that no walk reaches, as of the end of the last job. */
  unreachable = 0
  #nodeCount = 0
  #linkedCount = 0

  constructor(module: GraphModule, parameters: GraphParameters, walkCodes: WalkCodes) {
    this.parameters = parameters
    this.module = module
    this.shape = blockShape(parameters.dimensions)
    const isFloat = this.shape.wideKind === layout.FLOAT
    const most = isFloat ? MOST_FLOAT_LEAF_NODES : MOST_LEAF_NODES
    this.leafNodes = Math.min(most, Math.floor(Math.sqrt(LEAF_PRODUCTS / parameters.dimensions)))
    this.kernel = instantiateGraphKernel(module, this.memory.memory)
    this.#writeSettings()
    this.walkCodes = walkCodes
    this.entries = new EntryTable(this)
  }

  /** Numbers in use lie below it, those of free nodes too. */
  get nodeCount(): number {
    return this.#nodeCount
  }

  get linkedCount(): number {
    return this.#linkedCount
  }

  get blockCount(): number {
    return this.#blocks.length
  }

  /** Bytes of the last block behind its last node, where they are resident: not so where nothing has touched them yet. */
  get tailBytes(): number {
    const nodes = this.#blocks.length * BLOCK_POSITIONS - this.#nodeCount
    return this.#isLastBlockFresh ? 0 : Math.floor((this.shape.blockBytes / BLOCK_POSITIONS) * nodes)
  }

  /** Nodes there is room for, those in use included. */
  get capacity(): number {
    const roomBlocks = Math.floor(this.memory.roomBytes / this.shape.blockBytes)
    return Math.min(this.#blocks.length + roomBlocks, layout.MOST_BLOCKS) * BLOCK_POSITIONS
  }

  get walkCodes(): WalkCodes {
    return this.#word(layout.SETTING_WALK_KIND) === layout.FOUR ? 'narrow' : 'wide'
  }

  set walkCodes(codes: WalkCodes) {
    const { wideKind } = this.shape
    const isNarrow = codes === 'narrow' && wideKind !== layout.FLOAT
    this.setWord(layout.SETTING_WALK_KIND, isNarrow ? layout.FOUR : wideKind)
  }

  /** The scratch of a thread, made when it is first asked for. */
  scratch(thread: number): ThreadScratch {
    check(Number.isInteger(thread) && thread >= 0 && thread < layout.MOST_THREADS, `no such thread: ${thread}`)
    this.#scratch[thread] ??= new ThreadScratch(
      this.memory,
      thread,
      this.shape.marksOffset + (thread << BLOCK_SHIFT),
      buildParts(this.parameters.dimensions, this.shape, this.leafNodes),
    )
    return this.#scratch[thread]
  }

  markOf(thread: number, node: number): number {
    return this.addressOf(node, this.scratch(thread).get(layout.THREAD_MARKS_AT), 1)
  }

  /** Threads that have a scratch. */
  get threadCount(): number {
    return this.#scratch.reduce((count) => count + 1, 0)
  }

  /** Lets every building thread that has a scratch walk with lists of a size; those of searches are theirs. */
  makeRoomForLists(size: number): void {
    this.scratch(0)
    for (const [thread, scratch] of this.#scratch.entries()) {
      if (thread !== layout.MAIN_SEARCH_THREAD && thread < layout.FIRST_SEARCH_THREAD) scratch?.useLists(size, 0)
    }
  }

  scratchBytes(): number {
    return this.#scratch.reduce((sum, scratch) => sum + (scratch?.memoryBytes() ?? 0), 0)
  }

  /** Gives out the lowest free node, with the codes of a vector. */
  addNode(vector: Float32Array): number {
    const node = this.reserveNode()
    this.writeVector(0, vector)
    this.kernel.encodeNode(0, node)
    this.setState(node, layout.CODED)
    return node
  }

  /** Gives out the lowest free node, which has no codes yet. */
  reserveNode(): number {
    return this.#freeNodes.pop() ?? this.newNode()
  }

  /** Puts a vector where a thread's kernel encodes it from. */
  writeVector(thread: number, vector: Float32Array): void {
    const { dimensions } = this.parameters
    check(vector.length === dimensions, `the vector must hold ${dimensions}: ${vector.length}`)
    this.scratch(thread).floats(layout.THREAD_VECTOR_AT, dimensions).set(vector)
  }

  /** Takes over which nodes are linked and free, from what the states say. */
  refreshStates(): void {
    this.#linkedCount = 0
    this.#freeNodes.length = 0
    const states = this.states()
    for (let node = this.#nodeCount - 1; node >= 0; node--) {
      const state = states[node]
      if (state === FREE) this.#freeNodes.push(node)
      if (state === LINKED) this.#linkedCount++
    }
  }

  noteLinked(count: number): void {
    this.#linkedCount += count
  }

  state(node: number): number {
    return this.bytes(this.addressOf(node, this.shape.stateOffset, 1), 1)[0]!
  }

  /** A copy of all states. */
  states(): Uint8Array {
    const states = new Uint8Array(this.#nodeCount)
    for (let first = 0; first < this.#nodeCount; first += BLOCK_POSITIONS) {
      const count = Math.min(BLOCK_POSITIONS, this.#nodeCount - first)
      states.set(this.bytes(this.addressOf(first, this.shape.stateOffset, 1), count), first)
    }
    return states
  }

  setState(node: number, state: number): void {
    this.bytes(this.addressOf(node, this.shape.stateOffset, 1), 1)[0] = state
  }

  addressOf(node: number, offset: number, stride: number): number {
    return this.#blocks[node >>> BLOCK_SHIFT]! + offset + (node & BLOCK_MASK) * stride
  }

  /** A node's count and neighbours: 64 words. */
  row(node: number): Uint32Array {
    return new Uint32Array(this.memory.buffer, this.addressOf(node, 0, layout.ROW_BYTES), layout.ROW_SLOTS + 1)
  }

  inDegree(node: number): number {
    return this.bytes(this.addressOf(node, this.shape.inDegreeOffset, 1), 1)[0]!
  }

  setInDegree(node: number, count: number): void {
    this.bytes(this.addressOf(node, this.shape.inDegreeOffset, 1), 1)[0] = Math.min(255, count)
  }

  bytes(at: number, count: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, at, count)
  }

  floats(at: number, count: number): Float32Array {
    return new Float32Array(this.memory.buffer, at, count)
  }

  words(at: number, count: number): Uint32Array {
    return new Uint32Array(this.memory.buffer, at, count)
  }

  setWord(at: number, value: number): void {
    this.words(at, 1)[0] = value
  }

  runTask({ task, parameters }: Phase, thread: number, from: number, to: number): void {
    this.scratch(thread)
    if (task !== undefined) this.kernel[task](thread, from, to, ...parameters)
  }

  #word(at: number): number {
    return this.words(at, 1)[0]!
  }

  /** Appends a node that has nothing yet. */
  newNode(): number {
    return this.newNodes(1)
  }

  /** Appends so many of them, and gives the first. */
  newNodes(count: number): number {
    const first = this.#nodeCount
    while (this.#blocks.length * BLOCK_POSITIONS < first + count) this.#addBlock()
    this.#nodeCount = first + count
    this.setWord(layout.SETTING_NODE_LIMIT, this.#nodeCount)
    return first
  }

  #addBlock(): void {
    const block = this.#blocks.length
    check(block < layout.MOST_BLOCKS, 'the block table is full')
    const usedBytes = this.memory.usedBytes
    const at = this.memory.allocate(this.shape.blockBytes)
    this.#isLastBlockFresh = this.memory.usedBytes > usedBytes
    this.#blocks.push(at)
    this.setWord(layout.BLOCKS_AT + block * 4, at)
  }

  #writeSettings(): void {
    const { degree, alpha } = this.parameters
    const { shape } = this
    writeFrameSettings(this.memory, this.parameters)
    this.setWord(layout.SETTING_WIDE_KIND, shape.wideKind)
    this.setWord(layout.SETTING_WIDE_STRIDE, shape.wideStride)
    this.setWord(layout.SETTING_WIDE_OFFSET, shape.wideOffset)
    this.setWord(layout.SETTING_NARROW_STRIDE, shape.narrowStride)
    this.setWord(layout.SETTING_NARROW_OFFSET, shape.narrowOffset)
    this.setWord(layout.SETTING_IN_DEGREE_OFFSET, shape.inDegreeOffset)
    this.setWord(layout.SETTING_STATE_OFFSET, shape.stateOffset)
    this.setWord(layout.SETTING_MARKS_OFFSET, shape.marksOffset)
    this.setWord(layout.SETTING_DEGREE, degree)
    new Float32Array(this.memory.buffer, layout.SETTING_ALPHA, 1)[0] = alpha
  }
}
