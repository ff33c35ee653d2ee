import { type CliContext, type Command, EXIT_OK } from './command.ts'
import type { Invocation } from './invocation.ts'
import { countText } from './number-text.ts'
import { requireDirectory, withStore } from './store-access.ts'
import { pairLines } from './table.ts'

export const digestCommand: Command = {
  name: 'digest',
  summary: 'print a hash of all data: equal data have equal digests',
  positionals: ['dir'],
  options: {},
  examples: ['annals digest ./data'],
  run: runDigest,
}

async function runDigest(invocation: Invocation, context: CliContext): Promise<number> {
  await requireDirectory(invocation.positional(0))
  return withStore(invocation, context, { readOnly: true }, async (store) => {
    const { lsn, data } = await store.digest()
    if (invocation.json) await context.out.json({ lsn, data })
    else
      await context.out.line(
        pairLines([
          ['LSN', countText(lsn)],
          ['data', data],
        ]).join('\n'),
      )
    return EXIT_OK
  })
}
