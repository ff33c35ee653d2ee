import { nodesOfBlock } from '../engine/graph/node-blocks.ts'
import type { BuiltGraph } from '../engine/index/built-graph.ts'
import { GraphRestorer } from '../engine/index/graph-restorer.ts'
import type { IsDead } from '../engine/index/live-nodes.ts'
import { BLOCK_POSITIONS } from '../engine/kernel/assembly-graph/layout.ts'
import type { CollectionParts } from './collection-parts.ts'
import * as format from './format.ts'
import { inSlices } from './in-slices.ts'
import type { CollectionRecord, GraphRecord } from './manifest.ts'
import { readEdges, readNodes, readSlots } from './part-decoders.ts'

/** Makes a graph as it was. Slots that died later may be called dead. */
export async function restoreGraph(
  { dimensions, metric, builtThrough, slotCount }: CollectionRecord,
  graph: GraphRecord,
  isDead: IsDead,
  parts: CollectionParts,
): Promise<BuiltGraph> {
  const { degree, alpha, seed, scale, centre, nodeCount } = graph
  const { yieldToEventLoop } = parts.tools
  const marks = await parts.read(format.NODES, 0, (reader) => readNodes(reader, graph))
  const parameters = { dimensions, metric, degree, alpha, seed, scale, centre }
  const restorer = await GraphRestorer.create({ ...graph, parameters }, marks, { slotCount, isDead })
  for (let first = 0; first < nodeCount; first += BLOCK_POSITIONS) {
    const [block, nodes] = [first / BLOCK_POSITIONS, nodesOfBlock(nodeCount, first)]
    await parts.read(format.CODES, block, async (reader) => {
      const { wideCodes, narrowCodes } = restorer.extendCodes(nodes)
      await reader.fill(wideCodes)
      await reader.fill(narrowCodes)
    })
    await parts.read(format.EDGES, block, async (reader) => {
      const rows = await readEdges(reader, nodes)
      await inSlices(restorer.takeRowsSliced(first, rows), yieldToEventLoop)
    })
    await parts.read(format.SLOTS, block, async (reader) => restorer.takeSlots(first, await readSlots(reader, nodes)))
  }
  return inSlices(restorer.finish(nodeCount, builtThrough, isDead), yieldToEventLoop)
}
