import type { CrashChooser } from './crash-chooser.ts'
import { CrashableInode, type SyncDamage } from './crashable-inode.ts'
import { Random } from './random.ts'

export type CrashableNode = CrashableInode | CrashableDirectory

/** A name whose durable entry may differ from the one that is seen. Never changed, so that copies can share it. */
interface EntryState {
  readonly durable: CrashableNode | undefined
  /** What the name has stood for since the last sync, the newest last; empty after a failed sync that called it clean. */
  readonly states: readonly (CrashableNode | undefined)[]
}

/** Copies already made of nodes, so that a file with two names is still one file in the copy. */
export type CopiedNodes = Map<CrashableNode, CrashableNode>

/** The entries of one directory: those that calls see, and for each name that may differ on disk what is there. */
export class CrashableDirectory {
  readonly #entries = new Map<string, CrashableNode>()
  readonly #pending = new Map<string, EntryState>()

  get(name: string): CrashableNode | undefined {
    return this.#entries.get(name)
  }

  /** Files and directories, in code-unit order. */
  names(): string[] {
    return [...this.#entries.keys()].sort()
  }

  /** Makes a name stand for `node`, or for nothing, until a sync only in what is seen. */
  set(name: string, node: CrashableNode | undefined): void {
    const current = this.#entries.get(name)
    const state = this.#pending.get(name) ?? { durable: current, states: [] }
    this.#pending.set(name, { durable: state.durable, states: [...state.states, node] })
    this.#show(name, node)
  }

  /** Like {@link set}, but durable at once, as tests set the scene. */
  settle(name: string, node: CrashableNode): void {
    this.#pending.delete(name)
    this.#show(name, node)
  }

  sync(): void {
    for (const [name, state] of this.#pending) {
      if (state.states.length > 0) this.#pending.delete(name)
    }
  }

  failSync(damage: SyncDamage, seed: number): void {
    const source = new Random(seed)
    for (const [name, state] of this.#pending) {
      if (state.states.length === 0) continue
      const outcome = damage === 'mixed' ? source.pick(['written', 'keep', 'drop'] as const) : damage
      if (outcome === 'keep') {
        this.#pending.set(name, { durable: state.durable, states: [] })
        continue
      }
      this.#pending.delete(name)
      if (outcome === 'drop') this.#show(name, state.durable)
    }
  }

  /** What a power loss leaves of this directory and all below it. */
  crashImage(choose: CrashChooser, copied: CopiedNodes): CrashableDirectory {
    const image = new CrashableDirectory()
    copied.set(this, image)
    const surviving = new Map(this.#entries)
    for (const [name, { durable, states }] of this.#pending) {
      const candidates = [durable, ...states]
      const chosen = states.length === 0 ? durable : candidates[choose.entry(candidates.length)]
      if (chosen === undefined) surviving.delete(name)
      else surviving.set(name, chosen)
    }
    for (const [name, node] of surviving) {
      image.#entries.set(
        name,
        copyOnce(node, copied, () => imageOf(node, choose, copied)),
      )
    }
    return image
  }

  clone(copied: CopiedNodes): CrashableDirectory {
    const copy = new CrashableDirectory()
    copied.set(this, copy)
    const cloneNode = (node: CrashableNode): CrashableNode =>
      copyOnce(node, copied, () => (node instanceof CrashableInode ? node.clone() : node.clone(copied)))
    const cloneState = (node: CrashableNode | undefined) => (node === undefined ? undefined : cloneNode(node))
    for (const [name, node] of this.#entries) copy.#entries.set(name, cloneNode(node))
    for (const [name, { durable, states }] of this.#pending) {
      copy.#pending.set(name, { durable: cloneState(durable), states: states.map(cloneState) })
    }
    return copy
  }

  /** Each name whose entry a crash could change, with its states in words, the durable one first. */
  pendingEntries(): [name: string, states: string][] {
    return [...this.#pending].map(([name, { durable, states }]) => {
      const lost = states.length === 0 ? ' (lost by a failed sync)' : ''
      return [name, [durable, ...states].map(describe).join('|') + lost]
    })
  }

  #show(name: string, node: CrashableNode | undefined): void {
    if (node === undefined) this.#entries.delete(name)
    else this.#entries.set(name, node)
  }
}

function imageOf(node: CrashableNode, choose: CrashChooser, copied: CopiedNodes): CrashableNode {
  return node instanceof CrashableInode ? node.crashImage(choose) : node.crashImage(choose, copied)
}

function copyOnce(node: CrashableNode, copied: CopiedNodes, copy: () => CrashableNode): CrashableNode {
  const existing = copied.get(node)
  if (existing !== undefined) return existing
  const made = copy()
  copied.set(node, made)
  return made
}

function describe(node: CrashableNode | undefined): string {
  if (node === undefined) return 'absent'
  return node instanceof CrashableInode ? `file of ${node.size}` : 'directory'
}
