import type { Abortable } from '../../../src/base/abort.ts'
import type { GraphCore } from '../../../src/engine/graph/graph-core.ts'
import type { Job } from '../../../src/engine/graph/job.ts'
import { MainThreadHost } from '../../../src/engine/workers/main-thread-host.ts'
import type { PhaseHost } from '../../../src/engine/workers/phase-host.ts'
import { noYield } from '../engine-fixture.ts'

/** A host on the main thread that writes down what it is asked for, and fails when it is told to. */
export class ScriptedPhases implements PhaseHost {
  /** `run` and `end` of jobs, `forget` of graphs, each with the number of the graph in order of appearance. */
  readonly log: string[] = []
  /** What happens when a job has come to its end, before anybody hears of it. */
  afterRun: () => void = () => {}
  readonly #host: MainThreadHost
  readonly #cores: GraphCore[] = []
  readonly #failures: { afterPhases: number; error: unknown }[] = []

  constructor(yieldToEventLoop: () => Promise<void> = noYield) {
    this.#host = new MainThreadHost({ yieldToEventLoop })
  }

  /** Lets the next job fail when it has run so many phases. */
  failNext(error: unknown, afterPhases = 0): void {
    this.#failures.push({ error, afterPhases })
  }

  async run<Result>(core: GraphCore, job: Job<Result>, signal?: Abortable): Promise<Result> {
    const failure = this.#failures.shift()
    this.#note('run', core)
    try {
      return await this.#host.run(core, failure === undefined ? job : failing(job, failure), signal)
    } finally {
      this.#note('end', core)
      this.afterRun()
    }
  }

  forget(core: GraphCore): void {
    this.#note('forget', core)
  }

  #note(what: string, core: GraphCore): void {
    if (!this.#cores.includes(core)) this.#cores.push(core)
    this.log.push(`${what} ${this.#cores.indexOf(core)}`)
  }
}

function* failing<Result>(job: Job<Result>, failure: { afterPhases: number; error: unknown }): Job<Result> {
  try {
    for (let phases = 0; ; phases++) {
      if (phases === failure.afterPhases) throw failure.error
      const step = job.next()
      if (step.done) return step.value
      yield step.value
    }
  } finally {
    job.return(undefined as never)
  }
}
