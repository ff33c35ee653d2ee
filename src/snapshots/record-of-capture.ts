import { CHUNK_SLOTS } from '../base/limits.ts'
import { countBits } from '../engine/bitmap.ts'
import type { GraphCapture } from '../engine/index/index-capture.ts'
import type { CapturedCollection } from './capture.ts'
import type { CollectionRecord, GraphRecord } from './manifest.ts'

/** What a manifest says of a collection. */
export function recordOf({ content, index }: CapturedCollection): CollectionRecord {
  const { slotCount, tombstones } = content
  const chunks = Array.from({ length: Math.floor(slotCount / CHUNK_SLOTS) }, (_, chunk) => chunk)
  return {
    creationLsn: content.creationLsn,
    name: content.name,
    metric: content.metric,
    dimensions: content.dimensions,
    vectorType: content.vectorType,
    quantization: content.quantization,
    slotCount,
    liveCount: slotCount - countBits(tombstones),
    freedChunks: chunks.filter((chunk) => content.isFreed(chunk * CHUNK_SLOTS)),
    flushedThrough: index.flushedThrough,
    builtThrough: index.builtThrough,
    placedCount: index.placed.length,
    addedCount: index.added.ends.length,
    forgottenThrough: index.added.forgottenThrough,
    firstLsn: index.added.firstLsn ?? 0,
    graph: index.graph && graphRecordOf(index.graph),
  }
}

function graphRecordOf(graph: GraphCapture): GraphRecord {
  const { scale, alpha, degree, seed, centre, metric } = graph.parameters
  const { walkCodes, nodeCount, linkedCount, firstEntries, freedCount, unreachable } = graph
  return {
    walkCodes,
    scale,
    alpha,
    degree,
    seed,
    centre: metric === 'euclidean' ? centre : new Float64Array(0),
    nodeCount,
    linkedCount,
    entryCount: graph.entries.length,
    firstEntries,
    freedCount,
    unreachable,
  }
}
