import { type CliContext, type Command, EXIT_OK } from './command.ts'
import type { Invocation } from './invocation.ts'
import { countText, quantityText } from './number-text.ts'
import { requireStore, withStore } from './store-access.ts'

export const deleteCommand: Command = {
  name: 'delete',
  summary: 'delete entries by id',
  positionals: ['dir', 'collection', 'id…'],
  options: {},
  notes: ['An id that is not there is no failure. Ids that begin with a minus go behind `--`.'],
  examples: ['annals delete ./data words king queen'],
  run: runDelete,
}

async function runDelete(invocation: Invocation, context: CliContext): Promise<number> {
  await requireStore(invocation.positional(0))
  return withStore(invocation, context, { readOnly: false }, async (store) => {
    const collection = await store.collection(invocation.positional(1))
    const ids = [...invocation.positionalsFrom(2)]
    const { lsn, deleted } = await collection.delete(ids)
    if (invocation.json) await context.out.json({ lsn, deleted })
    else
      await context.out.line(
        `deleted ${countText(deleted)} of ${quantityText(ids.length, 'id')}, LSN ${countText(lsn)}`,
      )
    return EXIT_OK
  })
}
