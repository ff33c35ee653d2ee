import type { FoundProblem } from '../store/public.ts'
import { countText } from './number-text.ts'
import { printable } from './table.ts'

/** One line about damage: what, where, and what it is part of. */
export function damageLine({ code, message, path, offset, lsn, snapshots = [] }: FoundProblem): string {
  const places = [
    ...(path === undefined ? [] : [`in ${path}`]),
    ...(offset === undefined ? [] : [`offset ${countText(offset)}`]),
    ...(lsn === undefined ? [] : [`LSN ${countText(lsn)}`]),
    ...(snapshots.length === 0
      ? []
      : [`part of ${snapshots.map((one) => `snapshot ${countText(one)}`).join(' and ')}`]),
  ]
  return `damage: ${[printable(message), ...places].join(', ')} (${code})`
}
