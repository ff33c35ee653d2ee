// Addresses and strides of a graph's memory. The AssemblyScript compiler and TypeScript both read this file.
//
//   address      bytes      area
//   0            64         nothing, so that no area starts at address 0
//   64           192        settings: one word each, named SETTING_*
//   256          16 x 256   one record a thread: addresses of its scratch and the state of its walk, named THREAD_*
//   4,352        4,096      block table: the address of each block, u32
//   8,448        -          handed out by the allocator: blocks, scratch, the arrays of a job
//
// A block holds 16,384 positions. Nothing in it ever moves, so a reader needs no lock:
//
//   rows       256 bytes each: count u32, then up to 63 neighbours u32, nearest first after a prune
//   wide       codes for building: 8 bits a dimension, or float32 up to 32 dimensions; two factors behind each
//   narrow     codes for the walk: 4 bits a dimension, two factors behind each; absent up to 32 dimensions
//   in-degree  one byte each, saturating
//   state      one byte each: FREE, CODED or LINKED
//   marks      one byte each and thread: the epoch of the walk that saw the node last
//
// A lean graph, which is for searching only, has no blocks. Its nodes lie one behind the other:
//
//   row table  the address of each row, u32, and where the last one ends
//   rows       neighbours u32, as many as there are
//   codes      those that the walk reads, two factors behind each, or four behind codes of one bit
//   marks      one byte each, for every thread that searches
//
// The factors stand behind the bytes that a dot loads, and in the same cache line where there is room: 100 dimensions
// of 4 bits, half a group of padding and two factors are exactly 64 bytes. A table of factors would cost a second miss.

export const BLOCK_SHIFT = 14
export const BLOCK_POSITIONS = 1 << BLOCK_SHIFT
export const BLOCK_MASK = BLOCK_POSITIONS - 1
export const MOST_BLOCKS = 1024
/**
 * Threads by number: 0 jobs on the main thread, 1 searches there, then the workers, each with one number for building and
 * one for searching.
 */
export const MOST_THREADS = 16
export const MAIN_SEARCH_THREAD = 1
export const FIRST_BUILD_THREAD = 2
export const FIRST_SEARCH_THREAD = 9

export const ROW_BYTES = 256
export const ROW_SHIFT = 8
/** Most neighbours of a node. A prune leaves fewer, so that reverse edges find room. */
export const ROW_SLOTS = 63
export const FACTOR_BYTES = 8

const SETTINGS_AT = 64
export const THREADS_AT = 256
export const THREAD_SHIFT = 8
export const BLOCKS_AT = THREADS_AT + (MOST_THREADS << THREAD_SHIFT)
export const ALLOCATED_AT = BLOCKS_AT + MOST_BLOCKS * 4

export const SETTING_DIMENSIONS = SETTINGS_AT
export const SETTING_METRIC = SETTINGS_AT + 4
/** Kind of the wide codes: EIGHT or FLOAT. */
export const SETTING_WIDE_KIND = SETTINGS_AT + 8
/** Kind of the codes that a walk reads: FOUR, EIGHT or FLOAT. */
export const SETTING_WALK_KIND = SETTINGS_AT + 12
export const SETTING_WIDE_STRIDE = SETTINGS_AT + 16
export const SETTING_WIDE_OFFSET = SETTINGS_AT + 20
export const SETTING_NARROW_STRIDE = SETTINGS_AT + 24
export const SETTING_NARROW_OFFSET = SETTINGS_AT + 28
export const SETTING_IN_DEGREE_OFFSET = SETTINGS_AT + 32
export const SETTING_STATE_OFFSET = SETTINGS_AT + 36
export const SETTING_MARKS_OFFSET = SETTINGS_AT + 40
/** Nodes that have a place in a block: a number at or above it in a row that is being written is passed over. */
export const SETTING_NODE_LIMIT = SETTINGS_AT + 44
export const SETTING_ENTRY_COUNT = SETTINGS_AT + 48
export const SETTING_ENTRIES_AT = SETTINGS_AT + 52
/** f64 each: subtracted from every component (euclidean), and then multiplied with it. */
export const SETTING_CENTRE_AT = SETTINGS_AT + 56
export const SETTING_DEGREE = SETTINGS_AT + 60
export const SETTING_SCALE = SETTINGS_AT + 64
export const SETTING_ALPHA = SETTINGS_AT + 72
/** Of lean graphs: the address of each row, and where the last ends; the codes of node 0, and bytes from node to node. */
export const SETTING_LEAN_ROWS_AT = SETTINGS_AT + 80
export const SETTING_LEAN_CODES_AT = SETTINGS_AT + 84
export const SETTING_LEAN_STRIDE = SETTINGS_AT + 88
/** What codes of one bit a dimension are made by: FRAME_* of binary/layout.ts. */
export const SETTING_BINARY_FRAME_AT = SETTINGS_AT + 92

/** Addresses within a thread's record; `_AT` are addresses of arrays in its scratch. */
export const THREAD_VECTOR_AT = 0
export const THREAD_WORK_AT = 4
export const THREAD_UNIT_AT = 8
export const THREAD_CODE_AT = 12
export const THREAD_WIDE_QUERY_AT = 20
export const THREAD_NARROW_QUERY_AT = 24
export const THREAD_FRONTIER_AT = 28
export const THREAD_RESULTS_AT = 32
export const THREAD_EXPANDED_AT = 36
export const THREAD_GATHERED_AT = 40
export const THREAD_ADDRESSES_AT = 44
export const THREAD_DISTANCES_AT = 48
export const THREAD_CANDIDATES_AT = 52
export const THREAD_KEPT_AT = 56
export const THREAD_PANELS_AT = 60
export const THREAD_NEAREST_AT = 64
/** Most of the frontier, of the results, and of the list of expanded nodes. */
export const THREAD_FRONTIER_SIZE = 72
export const THREAD_RESULTS_SIZE = 76
export const THREAD_EXPANDED_SIZE = 80
export const THREAD_FRONTIER_COUNT = 84
export const THREAD_RESULTS_COUNT = 88
export const THREAD_EXPANDED_COUNT = 92
export const THREAD_CURSOR = 96
export const THREAD_EPOCH = 100
export const THREAD_VISITED = 104
/** Bitmap of the nodes that may be results, or 0: all may. */
export const THREAD_ALLOWED_AT = 108
export const THREAD_ALLOWED_NODES = 112
export const THREAD_QUERY_SUM = 116
export const THREAD_QUERY_SCALE = 120
export const THREAD_QUERY_BIAS = 124
export const THREAD_FORM = 128
export const THREAD_SINK = 132
export const THREAD_MARKS_AT = 136
/** How results are kept where a bitmap says which nodes may be one: RESULTS_APART or RESULTS_WITHIN. */
export const THREAD_RESULTS_KIND = 140
/** Of a query against codes of one bit a dimension: SCRATCH_* of binary/layout.ts. */
export const THREAD_BINARY_AT = 144

/** Numbers of the metrics across the border. */
export const COSINE = 0
export const EUCLIDEAN = 1
export const DOT = 2

/** Kinds of codes. Only lean graphs have those of one bit. */
export const ONE = 1
export const FOUR = 4
export const EIGHT = 8
export const FLOAT = 32

/** Forms of a distance: bias + bias - scale * scale * dot; minus scale * scale * dot; and 1 - the cosine. */
export const FORM_BIAS = 0
export const FORM_DOT = 1
export const FORM_DIRECTION = 2

/** In a list of their own, or, where most nodes may be results, in the frontier among the others. */
export const RESULTS_APART = 0
export const RESULTS_WITHIN = 1

export const FREE = 0
export const CODED = 1
export const LINKED = 2

/**
 * Neighbours that are gathered before any distance is computed: those of two nodes, rounded up to a multiple of four.
 */
export const GATHERED_SLOTS = 128
/** Candidates that one prune takes; a multiple of four. */
export const MOST_CANDIDATES = 1024
/** Expanded nodes that a walk notes: more than the longest list for building expands. */
export const MOST_EXPANDED = 960
/** Bytes of a code from which on a step of a walk expands one node instead of two. */
export const LONG_CODE_BYTES = 129
/** Most dimensions that are walked on float32. */
export const MOST_FLOAT_DIMENSIONS = 32
