import fc from 'fast-check'
import { expect } from 'vitest'
import { isStoreError } from '../../src/base/errors.ts'
import { type Files, type OpenFile, writeFully } from '../../src/base/files.ts'

/** One step of a random history. Sizes and positions lie around the boundaries of sectors and blocks. */
export type FileCommand =
  | { readonly kind: 'create' | 'remove'; readonly path: string }
  | { readonly kind: 'rename'; readonly path: string; readonly to: string }
  | {
      readonly kind: 'write'
      readonly path: string
      readonly position: number
      readonly size: number
      readonly fill: number
    }
  | { readonly kind: 'truncate'; readonly path: string; readonly size: number }
  | { readonly kind: 'reopen' | 'sync'; readonly path: string }

const path = fc.constantFrom('a', 'b', 'd/a', 'd/b')
const place = fc.oneof(
  fc.nat(40_000),
  fc.tuple(fc.nat(9), fc.integer({ min: -2, max: 2 })).map(([block, off]) => Math.max(0, block * 4096 + off)),
)

export const fileCommands: fc.Arbitrary<FileCommand[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constantFrom('create', 'remove'), path }),
    fc.record({ kind: fc.constant('rename'), path, to: path }),
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('write'),
        path,
        position: place,
        size: place,
        fill: fc.integer({ min: 1, max: 255 }),
      }),
    },
    fc.record({ kind: fc.constant('truncate'), path, size: place }),
    fc.record({ kind: fc.constantFrom('reopen', 'sync'), path }),
  ),
  { maxLength: 30 },
)

/** Runs a history on `files` and on a map of byte arrays, and compares outcomes after each step, all bytes at the end. */
export async function runAgainstModel(files: Files, commands: readonly FileCommand[]): Promise<void> {
  const model = new Map<string, Uint8Array>()
  const handles = new Map<string, OpenFile>()
  await files.makeDirectory('d')
  for (const command of commands) {
    expect(await outcomeOf(runOne(files, handles, command)), JSON.stringify(command)).toBe(runOnModel(model, command))
  }
  const paths = [...model.keys()].sort()
  expect([
    ...(await files.list('')).filter((name) => name !== 'd'),
    ...(await files.list('d')).map((name) => `d/${name}`),
  ]).toEqual(paths)
  for (const handle of handles.values()) await handle.close()
  for (const [name, expected] of model) {
    const file = await files.open(name, 'read')
    const bytes = new Uint8Array(await file.size())
    await file.read(bytes, 0)
    await file.close()
    expect(bytes.byteLength, name).toBe(expected.byteLength)
    expect(Buffer.compare(bytes, expected), name).toBe(0)
  }
}

async function outcomeOf(running: Promise<void>): Promise<string> {
  try {
    await running
    return 'done'
  } catch (error) {
    if (isStoreError(error)) return error.code
    throw error
  }
}

async function runOne(files: Files, handles: Map<string, OpenFile>, command: FileCommand): Promise<void> {
  switch (command.kind) {
    case 'create': {
      const created = await files.open(command.path, 'create')
      await handles.get(command.path)?.close()
      handles.set(command.path, created)
      return
    }
    case 'remove':
      await files.remove(command.path)
      await forget(handles, command.path)
      return
    case 'rename': {
      await files.rename(command.path, command.to)
      if (command.path === command.to) return
      await forget(handles, command.to)
      const moved = handles.get(command.path)
      handles.delete(command.path)
      if (moved !== undefined) handles.set(command.to, moved)
      return
    }
    case 'write':
      return writeFully(
        await handleOn(files, handles, command.path),
        new Uint8Array(command.size).fill(command.fill),
        command.position,
      )
    case 'truncate':
      return (await handleOn(files, handles, command.path)).truncate(command.size)
    case 'sync':
      return (await handleOn(files, handles, command.path)).sync()
    case 'reopen':
      await forget(handles, command.path)
      await handleOn(files, handles, command.path)
  }
}

async function forget(handles: Map<string, OpenFile>, name: string): Promise<void> {
  await handles.get(name)?.close()
  handles.delete(name)
}

async function handleOn(files: Files, handles: Map<string, OpenFile>, name: string): Promise<OpenFile> {
  const existing = handles.get(name)
  if (existing !== undefined) return existing
  const opened = await files.open(name, 'update')
  handles.set(name, opened)
  return opened
}

function runOnModel(model: Map<string, Uint8Array>, command: FileCommand): string {
  const bytes = model.get(command.path)
  if (command.kind === 'create') {
    if (bytes !== undefined) return 'ERR_FILE_EXISTS'
    model.set(command.path, new Uint8Array(0))
    return 'done'
  }
  if (bytes === undefined) return 'ERR_FILE_NOT_FOUND'
  if (command.kind === 'remove') model.delete(command.path)
  if (command.kind === 'rename') {
    model.delete(command.path)
    model.set(command.to, bytes)
  }
  if (command.kind === 'truncate') model.set(command.path, resized(bytes, command.size))
  if (command.kind === 'write' && command.size > 0) {
    const end = command.position + command.size
    const written = resized(bytes, Math.max(bytes.byteLength, end))
    model.set(command.path, written.fill(command.fill, command.position, end))
  }
  return 'done'
}

function resized(bytes: Uint8Array, size: number): Uint8Array {
  const result = new Uint8Array(size)
  result.set(bytes.subarray(0, size))
  return result
}
