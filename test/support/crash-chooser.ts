import { Random } from './random.ts'

/**
 * Decides what a power loss leaves. Each method answers with the index of its choice: 0 is what is durable, the last one is
 * the newest, and those between are states that were overwritten before they were synced.
 */
export interface CrashChooser {
  /** Which version of one 512-byte sector survives, of `candidateCount`. */
  sector(candidateCount: number): number
  /** Which of the sizes that a file has had since its last sync survives. */
  size(candidates: readonly number[]): number
  /** Which state of one directory entry survives, of `candidateCount`. */
  entry(candidateCount: number): number
}

/** Nothing that was not synced survives. */
export const nothing: CrashChooser = {
  sector: () => 0,
  size: () => 0,
  entry: () => 0,
}

/** Everything survives, as if all had been synced. */
export const everything: CrashChooser = {
  sector: (candidateCount) => candidateCount - 1,
  size: (candidates) => candidates.length - 1,
  entry: (candidateCount) => candidateCount - 1,
}

/**
 * An arbitrary subset survives. Each kind of state gets a leaning of its own, from "nearly nothing" to "nearly everything",
 * because an even coin for each of a thousand sectors never shows a file that is whole but for one.
 */
export function random(seed: number): CrashChooser {
  const source = new Random(seed)
  const sectorLeaning = source.nextInt(9)
  const sizeLeaning = source.nextInt(9)
  const entryLeaning = source.nextInt(9)
  const choose = (candidateCount: number, leaning: number): number => {
    if (source.nextInt(8) < leaning) return candidateCount - 1
    return source.nextInt(8) === 0 ? source.nextInt(candidateCount) : 0
  }
  return {
    sector: (candidateCount) => choose(candidateCount, sectorLeaning),
    size: (candidates) => choose(candidates.length, sizeLeaning),
    entry: (candidateCount) => choose(candidateCount, entryLeaning),
  }
}
