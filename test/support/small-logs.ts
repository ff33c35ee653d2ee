import { CrashableFiles } from './crashable-files.ts'
import { LogFixture, texts } from './log-fixture.ts'

/** Segments of a few small records. */
export const SMALL = { segmentSizeBytes: 240 }

/** Three segments of small records; the last one sealed by closing, or open as a kill leaves it. */
export async function threeSegments(ending: 'closed' | 'killed'): Promise<CrashableFiles> {
  const log = await LogFixture.open(new CrashableFiles(), SMALL)
  await log.appendEach(texts(8))
  if (ending === 'closed') await log.close()
  return settled(log.files)
}

/** Two segments and records above the mark in the second, as a power loss may leave them. */
export async function aboveMark(): Promise<CrashableFiles> {
  const log = await LogFixture.open(new CrashableFiles(), SMALL)
  await log.appendEach(texts(4))
  const mark = log.files.readWhole('wal/durable')
  await log.appendEach(texts(2, 5))
  const files = settled(log.files)
  files.writeWhole('wal/durable', mark)
  return files
}

/** The same bytes with nothing pending. */
export function settled(files: CrashableFiles): CrashableFiles {
  const copy = new CrashableFiles()
  for (const path of files.paths()) copy.writeWhole(path, files.readWhole(path))
  return copy
}
