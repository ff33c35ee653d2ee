import { type Abortable, throwIfAborted } from '../base/abort.ts'
import type { Checksum } from '../base/checksum.ts'
import { type Files, type OpenFile, writeFully } from '../base/files.ts'
import { partPath } from './names.ts'
import { PageBuffers } from './page-buffers.ts'
import { type BufferPair, batchBytesOf, pagesOf } from './page-stream.ts'
import type { PartEntry, PartIdentity } from './part.ts'
import type { SyncQueue } from './sync-queue.ts'

export interface PartTools {
  readonly checksum: Checksum
  readonly yieldToEventLoop: () => Promise<void>
  readonly signal?: Abortable | undefined
  /** Shared by parts that are written one after the other. */
  readonly buffers?: PageBuffers | undefined
}

/** Writes a part into a file of its own, which `syncs` makes durable; its entry in the directory is not. */
export async function writePart(
  files: Files,
  part: PartIdentity & Pick<PartEntry, 'contentBytes'>,
  content: Iterable<Uint8Array>,
  syncs: SyncQueue,
  tools: PartTools,
): Promise<PartEntry> {
  const file = await files.open(partPath(part), 'create')
  try {
    const entry = await withBuffers(part, tools, (buffers) =>
      writePages(file, pagesOf(tools.checksum, part, content, buffers), tools),
    )
    await syncs.push(file)
    return entry
  } catch (error) {
    await file.close()
    throw error
  }
}

async function writePages(file: OpenFile, batches: ReturnType<typeof pagesOf>, tools: PartTools): Promise<PartEntry> {
  let writing: Promise<void> | undefined
  let position = 0
  try {
    for (;;) {
      // The next batch is made while the one before is on its way.
      const step = batches.next()
      throwIfAborted(tools.signal, 'the snapshot')
      await tools.yieldToEventLoop()
      if (step.value === undefined) continue
      await writing
      if (step.done) return step.value
      writing = writeFully(file, step.value, position)
      // Whoever awaits it hears of its failure; nobody does if the content cannot be read.
      writing.catch(() => {})
      position += step.value.byteLength
    }
  } finally {
    await writing?.catch(() => {})
  }
}

/** What {@link writePart} would say of a part, without writing it. */
export async function measurePart(
  part: PartIdentity & Pick<PartEntry, 'contentBytes'>,
  content: Iterable<Uint8Array>,
  tools: PartTools,
): Promise<PartEntry> {
  return withBuffers(part, tools, async (buffers) => {
    const batches = pagesOf(tools.checksum, part, content, buffers)
    for (;;) {
      const step = batches.next()
      if (step.done) return step.value
      throwIfAborted(tools.signal, 'the snapshot')
      await tools.yieldToEventLoop()
    }
  })
}

async function withBuffers<Result>(
  part: Pick<PartEntry, 'kind' | 'contentBytes'>,
  { buffers = new PageBuffers() }: PartTools,
  work: (buffers: BufferPair) => Promise<Result>,
): Promise<Result> {
  const bytes = batchBytesOf(part)
  const pair: BufferPair = [buffers.take(bytes), buffers.take(bytes)]
  try {
    return await work(pair)
  } finally {
    for (const buffer of pair) buffers.give(buffer)
  }
}
