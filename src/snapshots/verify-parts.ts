import type { Files } from '../base/files.ts'
import { checkBlockRows, nodesOfBlock } from '../engine/graph/node-blocks.ts'
import { BLOCK_POSITIONS } from '../engine/kernel/assembly-graph/layout.ts'
import * as format from './format.ts'
import type { CollectionRecord, SnapshotManifest } from './manifest.ts'
import { partPath } from './names.ts'
import { PageBuffers } from './page-buffers.ts'
import type { PartEntry } from './part.ts'
import { readEdges, readNodes, readSlots, readTombstones, readValues } from './part-decoders.ts'
import { rowsOfChunk } from './part-plan.ts'
import { PartReader, type ReadTools } from './part-reader.ts'
import { asCorrupt } from './snapshot-error.ts'

export interface VerifyTools extends ReadTools {
  readonly yieldToEventLoop: () => Promise<void>
}

/**
 * Reads parts back from the disk and checks every checksum, that counts are those of the manifest, and that edges lead
 * somewhere: all parts, or those that `isWanted` names.
 * @throws StoreError `ERR_SNAPSHOT_CORRUPT` of the first defect, or what the files say.
 */
export async function verifyParts(
  files: Files,
  { storeId, collections, parts }: SnapshotManifest,
  given: VerifyTools,
  isWanted: (part: PartEntry) => boolean = () => true,
): Promise<void> {
  const records = new Map(collections.map((record) => [record.creationLsn, record]))
  const tools = { ...given, buffers: given.buffers ?? new PageBuffers() }
  // Parts are in order, so a collection's nodes come before their edges.
  let nodes: PartEntry | undefined
  let states: Uint8Array | undefined
  for (const part of parts) {
    const record = records.get(part.creationLsn)!
    if (part.kind === format.NODES) {
      nodes = part
      states = undefined
    }
    if (!isWanted(part)) continue
    if (part.kind === format.EDGES) states ??= await readStates(files, storeId, nodes!, record, tools)
    await verifyPart(files, storeId, part, record, states, tools)
    await tools.yieldToEventLoop()
  }
}

function readStates(
  files: Files,
  storeId: Uint8Array,
  part: PartEntry,
  { graph }: CollectionRecord,
  tools: ReadTools,
): Promise<Uint8Array> {
  return usePart(files, storeId, part, tools, async (reader) => (await readNodes(reader, graph!)).states)
}

function verifyPart(
  files: Files,
  storeId: Uint8Array,
  part: PartEntry,
  record: CollectionRecord,
  states: Uint8Array | undefined,
  tools: ReadTools,
): Promise<void> {
  return usePart(files, storeId, part, tools, async (reader) => {
    const first = part.chunk * BLOCK_POSITIONS
    switch (part.kind) {
      case format.IDS:
      case format.DOCUMENTS:
        await readValues(reader, part.kind, rowsOfChunk(record.slotCount, part.chunk))
        break
      case format.TOMBSTONES:
        await readTombstones(reader, record)
        break
      case format.NODES:
        await readNodes(reader, record.graph!)
        break
      case format.EDGES:
        checkBlockRows(await readEdges(reader, nodesOfBlock(record.graph!.nodeCount, first)), first, states!)
        break
      case format.SLOTS:
        await readSlots(reader, nodesOfBlock(record.graph!.nodeCount, first))
        break
      default:
        await reader.skipRest()
    }
  })
}

/** {@link PartReader.use}, where content that cannot be is damage of the file. */
export async function usePart<Result>(
  files: Files,
  storeId: Uint8Array,
  part: PartEntry,
  tools: ReadTools,
  read: (reader: PartReader) => Promise<Result>,
): Promise<Result> {
  return ofPart(part, PartReader.use(files, storeId, part, tools, read))
}

/** What cannot be in a part is damage of its file. */
export async function ofPart<Result>(part: PartEntry, work: Promise<Result>): Promise<Result> {
  try {
    return await work
  } catch (error) {
    throw asCorrupt(partPath(part), error)
  }
}
