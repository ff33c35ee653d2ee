import { SNAPSHOT_DIRECTORY } from './format.ts'

const MANIFEST_NAME = /^(\d{16})\.manifest$/
const PART_NAME = /^(\d{16})-(\d{6,16})\.part$/

/** What a file's name in the snapshots' directory claims; parts are counted per LSN. */
export type ClaimedName =
  | { readonly kind: 'manifest'; readonly lsn: number }
  | { readonly kind: 'part'; readonly lsn: number; readonly number: number }

export interface PartName {
  /** LSN of the snapshot that the part was written for. */
  readonly lsn: number
  readonly number: number
}

export function manifestPath(lsn: number): string {
  return `${SNAPSHOT_DIRECTORY}/${digits(lsn)}.manifest`
}

export function partPath({ lsn, number }: PartName): string {
  return `${SNAPSHOT_DIRECTORY}/${digits(lsn)}-${String(number).padStart(6, '0')}.part`
}

/** `undefined` for a name that is neither a manifest's nor a part's. */
export function claimedName(name: string): ClaimedName | undefined {
  const manifest = MANIFEST_NAME.exec(name)
  if (manifest !== null) {
    const lsn = Number(manifest[1])
    return Number.isSafeInteger(lsn) ? { kind: 'manifest', lsn } : undefined
  }
  const part = PART_NAME.exec(name)
  if (part === null) return undefined
  const [lsn, number] = [Number(part[1]), Number(part[2])]
  const isCanonical = Number.isSafeInteger(lsn) && Number.isSafeInteger(number)
  return isCanonical && partPath({ lsn, number }).endsWith(name) ? { kind: 'part', lsn, number } : undefined
}

function digits(lsn: number): string {
  return String(lsn).padStart(16, '0')
}
