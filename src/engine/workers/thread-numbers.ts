/**
 * Threads of a graph by number: 0 jobs on the main thread, 1 searches there, then the workers, each with one number for
 * building and one for searching: the lists of its searches are made while it may still be building.
 */
export const FIRST_BUILD_THREAD = 2
export const FIRST_SEARCH_THREAD = 9
export const MOST_WORKERS = 7
