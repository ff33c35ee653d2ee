import { type Abortable, throwIfAborted } from '../base/abort.ts'
import type { Checksum } from '../base/checksum.ts'
import { type Files, writeFully } from '../base/files.ts'
import { partPath } from './names.ts'
import { pagesOf } from './page-stream.ts'
import type { PartEntry, PartIdentity } from './part.ts'

export interface PartTools {
  readonly checksum: Checksum
  readonly yieldToEventLoop: () => Promise<void>
  readonly signal?: Abortable | undefined
}

/** Writes a part into a file of its own and syncs it. Its entry in the directory is not durable yet. */
export async function writePart(
  files: Files,
  part: PartIdentity,
  content: Iterable<Uint8Array>,
  tools: PartTools,
): Promise<PartEntry> {
  const file = await files.open(partPath(part), 'create')
  let writing: Promise<void> | undefined
  try {
    const batches = pagesOf(tools.checksum, part, content)
    let position = 0
    for (;;) {
      // The next batch is made while the one before is on its way.
      const step = batches.next()
      await writing
      if (step.done) {
        await file.sync()
        return step.value
      }
      throwIfAborted(tools.signal, 'the snapshot')
      writing = writeFully(file, step.value, position)
      // Whoever awaits it hears of its failure; nobody does if the content cannot be read.
      writing.catch(() => {})
      position += step.value.byteLength
      await tools.yieldToEventLoop()
    }
  } finally {
    await writing?.catch(() => {})
    await file.close()
  }
}

/** What {@link writePart} would say of a part, without writing it. */
export async function measurePart(
  part: PartIdentity,
  content: Iterable<Uint8Array>,
  tools: PartTools,
): Promise<PartEntry> {
  const batches = pagesOf(tools.checksum, part, content)
  for (;;) {
    const step = batches.next()
    if (step.done) return step.value
    throwIfAborted(tools.signal, 'the snapshot')
    await tools.yieldToEventLoop()
  }
}
