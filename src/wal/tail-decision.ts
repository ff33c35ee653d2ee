/**
 * What a finding in the log means, as a table. The first row that matches decides; the test enumerates every combination.
 *
 * The reasoning behind it: a segment gets its name only after its header was synced, and a newer segment only after the
 * older one was synced and sealed. So a crash can leave a defect in one place alone: at the end of the newest segment, behind
 * the durable mark, where there is no seal. A defect anywhere else is damage.
 */

/** Where the segment stands: `before-rewritten` is an older one whose successor was made by rewriting its tail. */
export type Place = 'last' | 'older' | 'before-rewritten'
/** Whether the segment ends with a seal that holds. */
export type Closure = 'sealed' | 'open'
/** Whether the first missing LSN is one that the durable mark covers. */
export type Reach = 'covered' | 'beyond'
/**
 * `clean`: the records end where the file ends, or at a seal, or where the next segment begins. `record`: they do not.
 * `header`: the segment's header does not hold or does not follow from the segment before. `newer`: verified bytes of a newer format.
 */
export type Finding = 'clean' | 'record' | 'header' | 'newer'

/**
 * `continue`: go to the next segment. `end`: the log ends here. `cut`: a torn tail, to be copied away and cut.
 * `corrupt`: refuse with `ERR_LOG_CORRUPT`. `refuse-newer`: refuse with `ERR_FORMAT_VERSION`.
 */
export type Decision = 'continue' | 'end' | 'cut' | 'corrupt' | 'refuse-newer'

export interface DecisionRow {
  readonly finding: Finding
  readonly place: Place | '*'
  readonly closure: Closure | '*'
  readonly reach: Reach | '*'
  readonly decision: Decision
  readonly why: string
}

const row = (
  finding: Finding,
  place: DecisionRow['place'],
  closure: DecisionRow['closure'],
  reach: DecisionRow['reach'],
  decision: Decision,
  why: string,
): DecisionRow => ({ finding, place, closure, reach, decision, why })

export const DECISIONS: readonly DecisionRow[] = [
  row('newer', '*', '*', '*', 'refuse-newer', 'bytes whose checksum holds are not damage'),
  row('header', '*', '*', '*', 'corrupt', 'a segment is named only after its header was synced'),
  row('clean', 'older', 'sealed', '*', 'continue', 'a finished segment'),
  row('clean', 'older', 'open', '*', 'corrupt', 'an older segment was sealed before the next one was made'),
  row(
    'clean',
    'before-rewritten',
    '*',
    '*',
    'continue',
    'its tail lives in the next segment; the seal may not have been reached',
  ),
  row('record', 'older', '*', '*', 'corrupt', 'an older segment was synced before the next one was made'),
  row(
    'record',
    'before-rewritten',
    '*',
    '*',
    'corrupt',
    'what the next segment does not hold was below the durable mark',
  ),
  row('clean', 'last', '*', 'covered', 'corrupt', 'the log ends below what is known to have been on disk'),
  row('clean', 'last', '*', 'beyond', 'end', 'the ordinary end of the log'),
  row('record', 'last', 'sealed', '*', 'corrupt', 'a sealed segment was synced whole'),
  row('record', 'last', 'open', 'covered', 'corrupt', 'what the durable mark covers was synced'),
  row(
    'record',
    'last',
    'open',
    'beyond',
    'cut',
    'a write that a crash cut short; it was never acknowledged as durable',
  ),
]

/** Decides by the first row that matches. */
export function decide(finding: Finding, place: Place, closure: Closure, reach: Reach): Decision {
  const found = DECISIONS.find(
    (candidate) =>
      candidate.finding === finding &&
      (candidate.place === '*' || candidate.place === place) &&
      (candidate.closure === '*' || candidate.closure === closure) &&
      (candidate.reach === '*' || candidate.reach === reach),
  )
  // The table is total (a test walks all combinations); damage is the safe answer should a row ever be lost.
  return found?.decision ?? 'corrupt'
}
