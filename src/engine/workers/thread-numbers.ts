export { FIRST_BUILD_THREAD, FIRST_SEARCH_THREAD } from '../kernel/assembly-graph/layout.ts'

/** Each has one number for building and one for searching: the lists of its searches are made while it may still be building. */
export const MOST_WORKERS = 7
