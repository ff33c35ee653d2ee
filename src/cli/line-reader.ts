import { TextDecoder } from 'node:util'
import { ByteReader } from './byte-reader.ts'
import { InputError } from './cli-errors.ts'

const LINE_FEED = 0x0a
/** As much as one record of the store can hold. */
const MAX_LINE_BYTES = 64 * 1024 * 1024

interface Line {
  /** From 1, as editors count. */
  readonly number: number
  readonly text: string
}

/** The lines of a text file, without their ends. */
export async function* readLines(reader: ByteReader, path: string): AsyncGenerator<Line, void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  for (let number = 1; ; number++) {
    const bytes = await reader.takeUntil(LINE_FEED, MAX_LINE_BYTES)
    if (bytes === undefined) return
    if (bytes.length > MAX_LINE_BYTES) throw new InputError(`${path}, line ${number}: longer than 64 MiB`)
    yield { number, text: clean(decode(decoder, bytes, `${path}, line ${number}`), number) }
  }
}

/** How many lines a file has, without decoding them. */
export async function countLines(path: string): Promise<number> {
  const reader = await ByteReader.open(path)
  try {
    let lines = 0
    while ((await reader.takeUntil(LINE_FEED, MAX_LINE_BYTES)) !== undefined) lines++
    return lines
  } finally {
    await reader.close()
  }
}

function decode(decoder: TextDecoder, bytes: Buffer, where: string): string {
  try {
    return decoder.decode(bytes)
  } catch {
    throw new InputError(`${where}: not valid UTF-8`)
  }
}

/** Takes off what editors on other systems put around a line: a carriage return, and a byte order mark at the start. */
function clean(text: string, number: number): string {
  const withoutMark = number === 1 && text.startsWith('\ufeff') ? text.slice(1) : text
  return withoutMark.endsWith('\r') ? withoutMark.slice(0, -1) : withoutMark
}
