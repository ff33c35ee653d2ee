import { type Files, type OpenFile, writeFully } from '../base/files.ts'
import { removeIfPresent } from './durable-mark.ts'
import { QUARANTINE_DIRECTORY } from './format.ts'

const PIECE_BYTES = 1024 * 1024

/**
 * Copies the end of a segment, from `offset`, into a file of its own before anything cuts it, and makes the copy durable.
 * @returns the path of the copy.
 * @throws StoreError of the files; then nothing may be cut.
 */
export async function quarantineTail(files: Files, segmentPath: string, offset: number): Promise<string> {
  await files.makeDirectory(QUARANTINE_DIRECTORY)
  await files.syncDirectory('')
  const name = segmentPath.slice(segmentPath.lastIndexOf('/') + 1)
  const taken = new Set(await files.list(QUARANTINE_DIRECTORY))
  let copyName = `${name}.${offset}`
  for (let count = 2; taken.has(copyName); count += 1) copyName = `${name}.${offset}.${count}`
  const temporary = `${QUARANTINE_DIRECTORY}/${copyName}.tmp`
  await removeIfPresent(files, temporary)
  const source = await files.open(segmentPath, 'read')
  try {
    const target = await files.open(temporary, 'create')
    try {
      await copyBytes(source, offset, target, 0, (await source.size()) - offset)
      await target.sync()
    } catch (error) {
      // On a full disk half a copy would only be in the way. Whether it can be removed changes nothing.
      await files.remove(temporary).catch(() => {})
      throw error
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
  const path = `${QUARANTINE_DIRECTORY}/${copyName}`
  await files.rename(temporary, path)
  await files.syncDirectory(QUARANTINE_DIRECTORY)
  return path
}

/** Copies `length` bytes between files in bounded memory. */
export async function copyBytes(
  source: OpenFile,
  sourceOffset: number,
  target: OpenFile,
  targetOffset: number,
  length: number,
): Promise<void> {
  const buffer = new Uint8Array(Math.min(PIECE_BYTES, Math.max(length, 1)))
  for (let done = 0; done < length; ) {
    const wanted = Math.min(buffer.byteLength, length - done)
    const read = await source.read(buffer.subarray(0, wanted), sourceOffset + done)
    if (read === 0) return
    await writeFully(target, buffer.subarray(0, read), targetOffset + done)
    done += read
  }
}
