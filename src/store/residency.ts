import type { Checksum } from '../base/checksum.ts'
import type { Files } from '../base/files.ts'
import { ColdChunks, type Residence } from '../snapshots/cold-chunks.ts'
import { cannotReadNow } from '../snapshots/part-range.ts'

/** Where content is. A choice of this process: what is stored is the same. */
export interface ResidencyOptions {
  /**
   * Where vectors are of collections whose mode is `none`: `'memory'` (default), or `'disk'`, where those that a snapshot holds leave memory, and are read, verified,
   * when they are asked for or compared. Codes and graphs, which find them, stay in memory.
   */
  readonly originals?: Residence
  /** The same of metadata. */
  readonly documents?: Residence
}

/** @throws TypeError. */
export function resolveResidency(options: ResidencyOptions): Required<ResidencyOptions> {
  const { originals = 'memory', documents = 'memory' } = options
  for (const [name, residence] of Object.entries({ originals, documents })) {
    if (residence !== 'memory' && residence !== 'disk') throw new TypeError(`${name} must be 'memory' or 'disk'`)
  }
  return { originals, documents }
}

/**
 * What a store reads from disk, where it can: the modes of its collections may leave vectors there, whatever the options say.
 * @throws StoreError `ERR_STORE_OPTIONS` where its files cannot be read in the middle of a search.
 */
export function createColdChunks(
  files: Files,
  checksum: Checksum,
  { originals, documents }: Required<ResidencyOptions>,
): ColdChunks | undefined {
  if (files.readsNow === true) return new ColdChunks(files, checksum, { originals, documents })
  if (originals === 'disk' || documents === 'disk') throw cannotReadNow()
  return undefined
}
