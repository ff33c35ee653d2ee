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

/** The one door that every operation goes through: it counts, crashes and injects faults. */
export class OperationGate {
  readonly operations: string[] = []
  readonly mutations: string[] = []
  readonly faults = new FaultPlan()
  crashPoint: { mutation: number; when: 'before' | 'after' } | undefined
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
  async run<Result>(
    operation: Operation,
    effect: () => Result,
    onFault: (fault: Fault) => Result = (fault) => {
      throw faultError(faultCode(fault), operation.name, operation.path)
    },
  ): Promise<Result> {
    await undefined
    if (this.#crashed !== undefined) throw this.#crashed
    const { name, path, detail, isMutation } = operation
    const text = `${name} ${path}${detail === undefined ? '' : ` ${detail}`}`
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
}
