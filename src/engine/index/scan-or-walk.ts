import type { CollectionView } from '../collection-state.ts'

/** Bytes of originals that are scanned more quickly than a graph is walked; docs/BENCHMARKS.md has the measurement. */
const FEW_BYTES = 1.5 * 1024 * 1024
/** More than a twentieth of all is found more quickly by a scan: the walk would visit nearly everything. */
const LARGE_SHARE = 0.05

/** Whether comparing every candidate takes less time than a walk. */
export function isScanQuicker(
  { dimensions }: CollectionView,
  { exact, k }: { exact?: boolean; k: number },
  candidateCount: number,
): boolean {
  return exact === true || k > candidateCount * LARGE_SHARE || candidateCount * dimensions * 4 <= FEW_BYTES
}
