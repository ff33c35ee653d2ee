import type { BuiltGraph } from '../../../src/engine/index/built-graph.ts'
import type { DiskANNIndex } from '../../../src/engine/index/disk-ann-index.ts'
import { GraphRestorer } from '../../../src/engine/index/graph-restorer.ts'
import { blocksOf, captureIndex, type GraphCapture } from '../../../src/engine/index/index-capture.ts'
import type { WholeGraphSource } from '../../../src/engine/index/lean-graph.ts'
import type { IsDead } from '../../../src/engine/index/live-nodes.ts'
import { BLOCK_POSITIONS } from '../../../src/engine/kernel/assembly-graph/layout.ts'

/** A graph that is kept in memory as a snapshot keeps it on disk. */
export class WholeCopy implements WholeGraphSource {
  restores = 0
  releases = 0
  /** Called before anything is given back: it may fail, or take its time. */
  beforeRestore: () => Promise<void> = async () => {}
  readonly #graph: GraphCapture
  readonly #slotCount: number

  private constructor(graph: GraphCapture, slotCount: number) {
    this.#graph = graph
    this.#slotCount = slotCount
  }

  /** Of the graph that is served when the tasks of an index have run. */
  static async of(index: DiskANNIndex, slotCount: number): Promise<WholeCopy> {
    const capture = await index.visitWhole(async (served) => lastOf(captureIndex(index.moment(), served)))
    return new WholeCopy(capture.graph!, slotCount)
  }

  async restore(isDead: IsDead): Promise<BuiltGraph> {
    this.restores += 1
    await this.beforeRestore()
    const graph = this.#graph
    const restorer = await GraphRestorer.create(graph, graph, { slotCount: this.#slotCount, isDead })
    for (const [place, block] of blocksOf(graph).entries()) {
      const { wideCodes, narrowCodes } = restorer.extendCodes(block.nodes)
      wideCodes.set(block.wideCodes)
      narrowCodes.set(block.narrowCodes)
      restorer.takeRows(place * BLOCK_POSITIONS, block)
      restorer.takeSlots(place * BLOCK_POSITIONS, { ...block, offsets: block.slotOffsets })
    }
    return lastOf(restorer.finish(graph.nodeCount, 0, isDead))
  }

  release(): void {
    this.releases += 1
  }
}

function lastOf<Result>(steps: Generator<void, Result, void>): Result {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}
