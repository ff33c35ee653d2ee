import { MARK_PATH } from '../wal/format.ts'
import type { Repair } from '../wal/log-repair.ts'
import type { LogScan } from '../wal/log-scan.ts'
import { type Beginning, passedOverText } from './beginning.ts'

/** What opening found and did, in numbers and in sentences. */
export interface RecoveryReport {
  /** LSN of the snapshot that was opened; `undefined` where the log was replayed from its beginning. */
  readonly snapshotLsn: number | undefined
  /** Records behind the snapshot. */
  readonly records: number
  readonly events: number
  /** Logged events that did not fit the state; each is a defined no-op. */
  readonly misfits: number
  /** Bytes of log read. */
  readonly bytes: number
  /** Bytes of an unfinished write that were cut from the end of the log. */
  readonly tornBytes: number
  /** Where those bytes were copied to. */
  readonly quarantined: string | undefined
  /** Records that were written again because nothing proved that they had reached the disk. */
  readonly rewrittenRecords: number
  readonly problems: readonly string[]
}

export function createReport(beginning: Beginning, scan: LogScan, repair: Repair | undefined): RecoveryReport {
  return {
    snapshotLsn: beginning.snapshot?.position.lsn,
    ...beginning.materializer.counts,
    bytes: scan.segments.reduce((sum, { end }) => sum + end.offset, 0),
    tornBytes: repair?.tornBytes ?? 0,
    quarantined: repair?.quarantined,
    rewrittenRecords: repair?.rewrittenRecords ?? 0,
    problems: [...snapshotProblems(beginning), ...markProblems(scan), ...damageProblems(scan), ...tailProblems(repair)],
  }
}

function snapshotProblems({ snapshot, passedOver }: Beginning): string[] {
  if (passedOver.length === 0) return []
  const instead =
    snapshot === undefined
      ? 'no snapshot could be used, so the whole log was replayed'
      : `the older snapshot at LSN ${snapshot.position.lsn} was opened instead`
  return [...passedOver.map(passedOverText), instead]
}

function markProblems(scan: LogScan): string[] {
  if (scan.segments.length === 0) return []
  if (!scan.markExists)
    return [`${MARK_PATH} was missing, so a damaged end of the log could not be told from an unfinished write`]
  if (scan.damagedMarkSlots === 2)
    return [`${MARK_PATH} could not be read, so a damaged end of the log could not be told from an unfinished write`]
  if (scan.damagedMarkSlots === 1)
    return [`one of the two slots of ${MARK_PATH} could not be read, as after a power cut`]
  return []
}

function damageProblems({ damageBelow }: LogScan): string[] {
  return damageBelow === undefined ? [] : [damageBelow]
}

function tailProblems(repair: Repair | undefined): string[] {
  if (repair?.quarantined === undefined) return []
  const { tornBytes, tornReason, quarantined } = repair
  return [
    `${tornBytes} bytes of an unfinished write were cut from the end of the log (${tornReason}) and kept in ${quarantined}`,
  ]
}
