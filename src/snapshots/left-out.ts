import type { Files } from '../base/files.ts'
import type { CapturedCollection, StoreCapture } from './capture.ts'
import { NODES } from './format.ts'
import { holdsGraph } from './held-graphs.ts'
import { manifestPath } from './names.ts'
import { probePart } from './part-reader.ts'
import { corrupt } from './snapshot-error.ts'
import type { WriteOptions } from './writer.ts'

/**
 * A capture with all that is to be written: graphs that were left out of it are copied after all where the previous snapshot
 * does not hold them, or has lost one of their files.
 * @throws StoreError `ERR_SNAPSHOT_CORRUPT` where that graph is another one by now; what its index stopped or failed by.
 */
export async function withLeftOut(files: Files, capture: StoreCapture, options: WriteOptions): Promise<StoreCapture> {
  const collections: CapturedCollection[] = []
  for (const collection of capture.collections) {
    const { graph } = collection.index
    const isWhole = graph === undefined || graph.blocks !== undefined
    const isThere = isWhole || (await isHeld(files, collection, graph.version, options))
    collections.push(isThere ? collection : await copied(collection, options))
  }
  return { ...capture, collections }
}

async function isHeld(
  files: Files,
  { content: { creationLsn } }: CapturedCollection,
  version: object,
  { previous }: WriteOptions,
): Promise<boolean> {
  if (previous === undefined || !holdsGraph(previous, creationLsn, version)) return false
  for (const part of previous.parts) {
    if (part.creationLsn !== creationLsn || part.kind < NODES) continue
    if (!(await probePart(files, part))) return false
  }
  return true
}

async function copied(collection: CapturedCollection, { position }: WriteOptions): Promise<CapturedCollection> {
  const index = await collection.copyAgain?.()
  if (index !== undefined) return { ...collection, index }
  throw corrupt(manifestPath(position.lsn), 'files that it shares are missing, and the graph in them is no more')
}
