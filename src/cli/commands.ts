import { backupCommand } from './backup-command.ts'
import type { Command } from './command.ts'
import { deleteCommand } from './delete-command.ts'
import { digestCommand } from './digest-command.ts'
import { evalCommand } from './eval-command.ts'
import { getCommand } from './get-command.ts'
import { importCommand } from './import-command.ts'
import { logCommand } from './log-command.ts'
import { optimizeCommand } from './optimize-command.ts'
import { quantizeCommand } from './quantize-command.ts'
import { salvageCommand } from './salvage-command.ts'
import { searchCommand } from './search-command.ts'
import { snapshotCommand } from './snapshot-command.ts'
import { statsCommand } from './stats-command.ts'
import { verifyCommand } from './verify-command.ts'

/** Every command but `help`, in the order that help lists them. */
export const COMMANDS: readonly Command[] = [
  importCommand,
  searchCommand,
  evalCommand,
  optimizeCommand,
  quantizeCommand,
  getCommand,
  deleteCommand,
  statsCommand,
  snapshotCommand,
  backupCommand,
  logCommand,
  verifyCommand,
  salvageCommand,
  digestCommand,
]

export function findCommand(name: string): Command | undefined {
  return COMMANDS.find((command) => command.name === name)
}
