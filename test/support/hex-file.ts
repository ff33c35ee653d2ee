/** A file written out as text, so that a person can read its bytes and a review can see them change. */
export interface HexFile {
  readonly path: string
  readonly bytes: Uint8Array
}

/**
 * Reads files from text. `file <path> <size> bytes` begins one; `<offset>: <hex> <hex> … # comment` gives bytes of it, the
 * offset in decimal; bytes that no line gives are zero. Empty lines and lines that begin with `#` are comments.
 */
export function readHexFiles(text: string): HexFile[] {
  const files: HexFile[] = []
  for (const line of text.split('\n')) {
    const content = line.replace(/#.*/, '').trim()
    const begin = /^file (\S+) (\d+) bytes$/.exec(content)
    const row = /^(\d+):((?: [0-9a-f]{2})+)$/.exec(content.replace(/ +/g, ' '))
    if (begin !== null) files.push({ path: begin[1]!, bytes: new Uint8Array(Number(begin[2])) })
    else if (row !== null) files.at(-1)?.bytes.set(Buffer.from(row[2]!.replaceAll(' ', ''), 'hex'), Number(row[1]))
    else if (content !== '') throw new Error(`This is no line of a hex file: ${line}`)
  }
  return files
}
