import {
  MAX_DIMENSIONS,
  MAX_ID_BYTES,
  MAX_K,
  MAX_METADATA_BYTES,
  MAX_NAME_BYTES,
  MAX_PAYLOAD_BYTES,
} from '../base/limits.ts'

/** Most entries of one batch of `addAll`. */
export const MAX_BATCH_ENTRIES = 100_000

/** The limits that a caller can meet, for those who want to check before they call. */
export const LIMITS = {
  dimensions: MAX_DIMENSIONS,
  k: MAX_K,
  idBytes: MAX_ID_BYTES,
  collectionNameBytes: MAX_NAME_BYTES,
  metadataBytes: MAX_METADATA_BYTES,
  recordBytes: MAX_PAYLOAD_BYTES,
  batchEntries: MAX_BATCH_ENTRIES,
} as const
