import { describe, expect, test } from 'vitest'
import { CrashableFiles, type Fault, random } from '../support/crashable-files.ts'
import { LogFixture, outcomeOf } from '../support/log-fixture.ts'
import { Random } from '../support/random.ts'

const SMALL = { segmentSizeBytes: 320 }

/** What a log may hold by what its callers were told: all of `durable`, then any number of `possible`, in order. */
interface Told {
  durable: string[]
  possible: string[]
}

/** One life of a store after another, each ended by a close, a kill or a power loss, with disks that fail at any time. */
class History {
  readonly #source: Random
  readonly #told: Told = { durable: [], possible: [] }
  #files = new CrashableFiles()
  #texts = 0
  readonly #trace: string[] = []

  constructor(seed: number) {
    this.#source = new Random(seed)
    this.#trace.push(`seed ${seed}`)
  }

  async live(sessions: number): Promise<Told> {
    for (let session = 0; session < sessions; session++) {
      // A store has to be made before its disk may fail: see the known downsides in docs/FORMAT.md.
      if (session > 0 && this.#source.nextInt(3) > 0) this.#injectFault()
      const log = await this.#open()
      if (log !== undefined) await this.#write(log)
      this.#end()
    }
    this.#files.clearFaults()
    await this.#open()
    return this.#told
  }

  #injectFault(): void {
    const { damage, seed } = {
      damage: this.#source.pick(['keep', 'drop', 'mixed'] as const),
      seed: this.#source.nextInt(99),
    }
    const faults: readonly Fault[] = [
      'EIO',
      'ENOSPC',
      { code: 'ENOSPC', writtenBytes: this.#source.nextInt(90) },
      { shortWrite: this.#source.nextInt(60), thenDiskFull: true },
    ]
    const inOperations = this.#source.nextInt(60)
    if (this.#source.nextBoolean()) {
      this.#trace.push(`a sync fails: ${damage}`)
      this.#files.failWhen((text) => text.startsWith('sync') && this.#files.operations.length > inOperations, {
        sync: damage,
        seed,
      })
    } else {
      const fault = this.#source.pick(faults)
      this.#trace.push(`operation ${inOperations} fails: ${JSON.stringify(fault)}`)
      this.#files.failAt(inOperations, fault)
    }
  }

  /** Opens the log and holds it against what was told. What is found is durable from then on. */
  async #open(): Promise<LogFixture | undefined> {
    const opened: { log?: LogFixture } = {}
    const code = await outcomeOf(LogFixture.open(this.#files, SMALL).then((log) => void Object.assign(opened, { log })))
    if (opened.log === undefined) {
      this.#trace.push(`opening rejects: ${code}`)
      expect(['ERR_IO', 'ERR_DISK_FULL'], this.#where).toContain(code)
      return undefined
    }
    const { durable, possible } = this.#told
    const found = opened.log.foundTexts
    this.#trace.push(`found ${found.length} of ${durable.length} and ${possible.length}`)
    expect(found.length, this.#where).toBeGreaterThanOrEqual(durable.length)
    expect(found, this.#where).toEqual([...durable, ...possible].slice(0, found.length))
    this.#told.durable = found
    this.#told.possible = []
    return opened.log
  }

  async #write(log: LogFixture): Promise<void> {
    for (let group = this.#source.nextInt(8); group > 0; group--) {
      const count = this.#source.nextBetween(1, 4)
      const texts = Array.from({ length: count }, () => `${'x'.repeat(this.#source.nextInt(40))}${++this.#texts}`)
      const durability = this.#source.pick(['sync', 'async'] as const)
      const outcomes = new Set(await Promise.all(texts.map((text) => outcomeOf(log.append(text, durability)))))
      const [outcome] = outcomes
      this.#trace.push(`${count} ${durability}: ${typeof outcome === 'number' ? 'done' : outcome}`)
      if (typeof outcome === 'number' || outcome === 'ERR_INDETERMINATE') this.#told.possible.push(...texts)
      if (typeof outcome === 'number' && durability === 'sync') this.#settle()
      if (outcome === 'ERR_INDETERMINATE' || outcome === 'ERR_POISONED') return
    }
    if (this.#source.nextInt(3) > 0) return
    const closed = await outcomeOf(log.close())
    this.#trace.push(`close: ${closed ?? 'done'}`)
    if (closed === undefined) this.#settle()
  }

  #settle(): void {
    this.#told.durable.push(...this.#told.possible)
    this.#told.possible = []
  }

  #end(): void {
    const isKill = this.#source.nextBoolean()
    this.#trace.push(isKill ? 'killed' : 'power lost')
    this.#files = isKill ? this.#files.restartImage() : this.#files.crashImage(random(this.#source.nextBits()))
  }

  get #where(): string {
    return this.#trace.join('; ')
  }
}

describe('random histories of closes, kills, power losses and failing disks', () => {
  test('never lose an acknowledged record, nor one that was ever found, and never show one that was refused', async () => {
    let records = 0
    for (let seed = 1; seed <= 1500; seed++) records += (await new History(seed).live(7)).durable.length
    expect(records).toBeGreaterThan(20_000)
  })
})
