import { type Fault, FaultPlan, faultCode, faultError } from './crashable-faults.ts'

/** Thrown where the crash happens and by every call after it. Not a `StoreError`: nothing may handle it. */
export class CrashSignal extends Error {
  override readonly name = 'CrashSignal'
}

export interface Operation {
  /** The method's name. */
  readonly name: string
  readonly path: string
  /** What else tells one call from another: a range, a mode, a target. */
  readonly detail?: string
  readonly isMutation: boolean
}

export function textOf({ name, path, detail }: Operation): string {
  return `${name} ${path}${detail === undefined ? '' : ` ${detail}`}`
}

/** The one door that every operation goes through: it counts, crashes and injects faults. */
export class OperationGate {
  readonly operations: string[] = []
  readonly mutations: string[] = []
  readonly faults = new FaultPlan()
  crashPoint: { mutation: number; when: 'before' | 'after' } | undefined
  /** Awaited by each operation right before it is counted and takes effect, one after the other. */
  beforeEach: ((operation: Operation) => Promise<void>) | undefined
  /** Whether operations are a test's own: they are not counted and meet neither crash nor fault. */
  isAside = false
  #turn: Promise<void> = Promise.resolve()
  #crashed: CrashSignal | undefined

  get isCrashed(): boolean {
    return this.#crashed !== undefined
  }

  crash(): CrashSignal {
    this.#crashed ??= new CrashSignal(`Crashed at ${this.operations.at(-1) ?? 'the start'}`)
    return this.#crashed
  }

  /**
   * Runs an operation. Its effect is not yet there when the call returns: a caller that reuses its bytes too early, or
   * forgets to wait, sees what it would see on a disk.
   */
  async run<Result>(operation: Operation, effect: () => Result, onFault?: (fault: Fault) => Result): Promise<Result> {
    await undefined
    const { beforeEach } = this
    if (beforeEach !== undefined) await this.#takeTurn(() => beforeEach(operation))
    return this.runNow(operation, effect, onFault)
  }

  /** Runs an operation whose caller does not wait: a crash or a fault is thrown, and no turn is taken. */
  runNow<Result>(
    operation: Operation,
    effect: () => Result,
    onFault: (fault: Fault) => Result = (fault) => {
      throw faultError(faultCode(fault), operation.name, operation.path)
    },
  ): Result {
    if (this.#crashed !== undefined) throw this.#crashed
    if (this.isAside) return effect()
    const { isMutation } = operation
    const text = textOf(operation)
    this.operations.push(text)
    if (isMutation) this.mutations.push(text)
    const isCrash = isMutation && this.mutations.length === this.crashPoint?.mutation
    if (isCrash && this.crashPoint?.when === 'before') throw this.crash()
    const fault = this.faults.take(this.operations.length, text)
    let result: Result
    try {
      result = fault === undefined ? effect() : onFault(fault)
    } catch (error) {
      throw isCrash ? this.crash() : error
    }
    // Whatever came of it, the process does not live to see it.
    if (isCrash) throw this.crash()
    return result
  }

  #takeTurn(use: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(use)
    return this.#turn
  }
}
