/** Every limit in one place. A limit that a user meets is named in the README with its option, if it has one. */

/** Largest record payload, in bytes. A longer length in a record header is damage. */
export const MAX_PAYLOAD_BYTES = 64 * 1024 * 1024
/** Most dimensions of a vector. The 8-bit code products of DESIGN section 5 stay below 2^31 up to here. */
export const MAX_DIMENSIONS = 8192
/** Longest id, in bytes of UTF-8. */
export const MAX_ID_BYTES = 1024
/** Longest collection name, in bytes of UTF-8. */
export const MAX_NAME_BYTES = 256
/** Largest metadata of one entry, in bytes of CBOR. */
export const MAX_METADATA_BYTES = 1024 * 1024
/** Deepest nesting of metadata. */
export const MAX_METADATA_DEPTH = 64
/** Most hits one search returns. */
export const MAX_K = 65_536
/** Entries in one chunk of a column, the unit of snapshots and residency. */
export const CHUNK_SLOTS = 16_384
