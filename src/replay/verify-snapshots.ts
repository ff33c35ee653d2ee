import type { Abortable } from '../base/abort.ts'
import { checksumText } from '../base/checksum.ts'
import type { Files } from '../base/files.ts'
import { digestIndexes } from '../engine/digest.ts'
import type { StoreState } from '../engine/store-state.ts'
import { MainThreadHost } from '../engine/workers/main-thread-host.ts'
import type { ColdChunks } from '../snapshots/cold-chunks.ts'
import type { SnapshotManifest } from '../snapshots/manifest.ts'
import { manifestPath, partPath } from '../snapshots/names.ts'
import type { PartEntry } from '../snapshots/part.ts'
import { rowsOfChunk } from '../snapshots/part-plan.ts'
import type { PartReader } from '../snapshots/part-reader.ts'
import { type OpenedSnapshot, openSnapshot } from '../snapshots/reader.ts'
import type { SnapshotListing } from '../snapshots/snapshot-set.ts'
import { usePart, verifyParts } from '../snapshots/verify-parts.ts'
import { type CheckTools, checkCollection, checkGraph, digestHex } from './check-collection.ts'
import { type FoundProblem, problemOf, snapshotProblem } from './verify-report.ts'

export interface SnapshotCheckOptions extends CheckTools {
  /** The store that they must be of, where that is known. */
  readonly storeId: Uint8Array | undefined
  readonly signal?: Abortable | undefined
  /** What is to be read from disk whenever it is needed, instead of all at once. */
  readonly cold?: ColdChunks | undefined
  /** Bytes of a snapshot that were read. */
  readonly onBytes: (bytes: number) => void
}

export interface CheckedSnapshot {
  readonly lsn: number
  readonly manifest: SnapshotManifest | undefined
  readonly ok: boolean
}

export interface CheckedSnapshots {
  /** Newest first. */
  readonly snapshots: readonly CheckedSnapshot[]
  readonly problems: readonly FoundProblem[]
  /** The oldest one that holds: from its state the log is replayed. Its indexes build nothing. */
  readonly oldest: OpenedSnapshot | undefined
}

/** Reads all snapshots whole, one after the other, and says of each of their files whether it holds. */
export async function checkSnapshots(
  files: Files,
  listing: SnapshotListing,
  options: SnapshotCheckOptions,
): Promise<CheckedSnapshots> {
  const checks = new PartChecks(files, options)
  const snapshots: CheckedSnapshot[] = []
  const problems: FoundProblem[] = []
  let oldest: OpenedSnapshot | undefined
  for (const { lsn, manifest, problem } of listing.snapshots) {
    if (manifest === undefined) {
      problems.push(problemOf(problem, { path: manifestPath(lsn), snapshots: [lsn] }))
      snapshots.push({ lsn, manifest, ok: false })
      continue
    }
    const checked = await checkSnapshot(files, manifest, checks, options)
    problems.push(...checked.problems)
    snapshots.push({ lsn, manifest, ok: checked.opened !== undefined })
    oldest = checked.opened ?? oldest
  }
  return { snapshots, problems: [...checks.problems, ...problems], oldest }
}

async function checkSnapshot(
  files: Files,
  manifest: SnapshotManifest,
  checks: PartChecks,
  options: SnapshotCheckOptions,
): Promise<{ problems: FoundProblem[]; opened?: OpenedSnapshot }> {
  const { lsn } = manifest.position
  let doneBytes = 0
  const onProgress = (done: number) => {
    options.onBytes(done - doneBytes)
    doneBytes = done
  }
  let opened: OpenedSnapshot
  try {
    opened = await openSnapshot(files, lsn, { ...options, onProgress })
  } catch (error) {
    const problem = problemOf(error, { snapshots: [lsn] })
    return { problems: (await checks.findDamage(manifest)) ? [] : [{ path: manifestPath(lsn), ...problem }] }
  }
  checks.noteSound(manifest, options.cold)
  if (options.cold !== undefined && (await checks.findDamage(manifest))) return { problems: [] }
  const problems = await checkContent(opened, options).catch((error) => [problemOf(error, { snapshots: [lsn] })])
  return problems.length === 0 ? { problems, opened } : { problems }
}

/** Holds what was read against what the manifest says of it. */
async function checkContent(
  { manifest, state, hasKnownGraphs }: OpenedSnapshot,
  options: SnapshotCheckOptions,
): Promise<FoundProblem[]> {
  const { checksum, yieldToEventLoop } = options
  const { lsn } = manifest.position
  const reasons: string[] = []
  const data = await digestHex(state, options)
  if (data !== checksumText(manifest.dataDigest)) reasons.push(`its data has the digest ${data}`)
  for (const collection of state.collections()) {
    reasons.push(...(await checkCollection(collection, options)).map(({ message }) => message))
  }
  if (hasKnownGraphs) {
    const phases = new MainThreadHost({ yieldToEventLoop })
    // Without a host, nothing would ever visit them.
    for (const { index } of state.collections()) index.start({ phases, signal: NEVER, onTaskEnd: () => {} })
    const index = checksumText(await digestIndexes(state, checksum, yieldToEventLoop))
    if (index !== checksumText(manifest.indexDigest)) reasons.push(`its indexes have the digest ${index}`)
    for (const collection of state.collections()) reasons.push(...(await checkGraph(collection, phases)))
  }
  stopIndexes(state)
  return reasons.map((reason) => snapshotProblem(lsn, reason))
}

const NEVER: Abortable = { aborted: false }

/** What a replay orders from now on is not built: data does not depend on it. */
function stopIndexes(state: StoreState): void {
  for (const { index } of state.collections()) index.stop(new Error('indexes are not built here'))
}

/** Which parts hold. A part that several snapshots name is read once. */
class PartChecks {
  readonly #files: Files
  readonly #options: SnapshotCheckOptions
  readonly #sound = new Set<string>()
  readonly #damaged = new Map<string, FoundProblem & { readonly snapshots: number[] }>()

  constructor(files: Files, options: SnapshotCheckOptions) {
    this.#files = files
    this.#options = options
  }

  get problems(): readonly FoundProblem[] {
    return [...this.#damaged.values()]
  }

  /** To be called for a snapshot that was read, but for what `cold` leaves on disk. */
  noteSound({ collections, parts }: SnapshotManifest, cold: ColdChunks | undefined): void {
    const records = new Map(collections.map((record) => [record.creationLsn, record]))
    for (const part of parts) {
      const { slotCount, quantization } = records.get(part.creationLsn)!
      const isRead = cold?.leaves(part.kind, rowsOfChunk(slotCount, part.chunk), quantization) !== true
      if (isRead) this.#sound.add(partPath(part))
    }
  }

  /** Reads every part that was not read yet. Returns whether one of them is damaged. */
  async findDamage(manifest: SnapshotManifest): Promise<boolean> {
    let isDamaged = false
    for (const part of manifest.parts) {
      const path = partPath(part)
      if (this.#sound.has(path)) continue
      if (!this.#damaged.has(path)) await this.#check(manifest, part, path)
      this.#damaged.get(path)?.snapshots.push(manifest.position.lsn)
      isDamaged ||= this.#damaged.has(path)
    }
    return isDamaged
  }

  async #check(manifest: SnapshotManifest, part: PartEntry, path: string): Promise<void> {
    let problem = await this.#problemWith(() =>
      verifyParts(this.#files, manifest, this.#options, (one) => one === part),
    )
    if ((problem?.path ?? path) !== path) {
      // Edges cannot be judged without their nodes, which are a part of their own; their checksums can.
      const skip = (reader: PartReader) => reader.skipRest()
      problem = await this.#problemWith(() => usePart(this.#files, manifest.storeId, part, this.#options, skip))
    }
    if (problem === undefined) this.#sound.add(path)
    else this.#damaged.set(path, { ...problem, path, snapshots: [] })
  }

  async #problemWith(reading: () => Promise<void>): Promise<FoundProblem | undefined> {
    try {
      await reading()
      return undefined
    } catch (error) {
      return problemOf(error)
    }
  }
}
