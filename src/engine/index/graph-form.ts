import type { Abortable } from '../../base/abort.ts'
import { StoreError } from '../../base/errors.ts'
import { type Job, PAUSE } from '../graph/job.ts'
import type { PhaseHost } from '../workers/phase-host.ts'
import type { BuiltGraph } from './built-graph.ts'
import type { ServedGraph } from './index-task-runner.ts'
import { type LeanCodes, loadLeanModule, type WholeGraphSource } from './lean-graph.ts'
import type { IsDead } from './live-nodes.ts'

/** Who runs the steps, and until when. */
export interface FormHost {
  readonly phases: PhaseHost
  readonly signal: Abortable
}

/** In which form the graph is that an index serves, and where it is had from whole while it is lean. */
export class GraphForm {
  readonly #isDead: IsDead
  #source: WholeGraphSource | undefined
  #restoring: BuiltGraph | undefined
  #failure: unknown

  constructor(isDead: IsDead) {
    this.#isDead = isDead
  }

  /** A whole graph that is restored and not served yet: it has to hear of deaths. */
  get restoring(): BuiltGraph | undefined {
    return this.#restoring
  }

  /** What the last attempt to restore a graph failed by: nothing can be done to a graph that is lean and cannot be restored. */
  get failure(): unknown {
    return this.#failure
  }

  /** To be called at once when what {@link whole} or {@link lean} gave is served, or neither will be. */
  noteServed(): void {
    this.#restoring = undefined
  }

  /** What is served, with its graph whole. The source is kept until {@link useSource} says otherwise. */
  async whole(served: ServedGraph, host: FormHost): Promise<ServedGraph> {
    const { built } = served
    return built?.leanCodes === undefined ? served : { ...served, built: await this.#restore(built, host) }
  }

  /** The same for who only looks, at what will never be served: it hears of no deaths. */
  async wholeToSee(served: ServedGraph): Promise<ServedGraph> {
    const { built } = served
    return built?.leanCodes === undefined ? served : { ...served, built: await this.#read(built) }
  }

  /** What is served, with its graph lean in another way than it is, be it whole or not. {@link takeDeaths} has to follow. */
  async lean(served: ServedGraph, codes: LeanCodes, host: FormHost): Promise<ServedGraph> {
    const { built: whole } = await this.whole(served, host)
    const module = await loadLeanModule()
    const built = await host.phases.run(whole!.graph.core, asJob(whole!.lean(codes, module)), host.signal)
    if (whole !== served.built) host.phases.forget(whole!.graph.core)
    return { ...served, built }
  }

  /** To be called at once before what {@link lean} gave is served: the graph that it was made of has heard of all deaths. */
  takeDeaths({ built }: ServedGraph, before: ServedGraph): void {
    const whole = this.#restoring ?? before.built
    if (built?.leanCodes !== undefined && whole !== undefined) built.takeDeathsOf(whole)
  }

  /** Takes over where the graph that is served now is had from; the one before is of no use any more. */
  useSource(source: WholeGraphSource | undefined): void {
    this.#source?.release()
    this.#source = source
  }

  async #restore(lean: BuiltGraph, { phases, signal }: FormHost): Promise<BuiltGraph> {
    this.#failure = undefined
    const whole = await this.#read(lean).catch((error: unknown) => {
      this.#failure = error
      throw error
    })
    this.#restoring = whole
    await phases.run(whole.graph.core, asJob(whole.noteAllDeaths()), signal)
    return whole
  }

  async #read(lean: BuiltGraph): Promise<BuiltGraph> {
    const whole = await this.#source!.restore(this.#isDead)
    const isSame = whole.graph.nodeCount === lean.graph.nodeCount && whole.graph.linkedCount === lean.graph.linkedCount
    if (!isSame)
      throw new StoreError('ERR_SNAPSHOT_CORRUPT', 'The graph that was kept is not the one that was searched')
    whole.restoreVersion(lean.version)
    whole.origin = lean.origin
    return whole
  }
}

/** Steps as a job that pauses after each. */
function* asJob<Result>(steps: Generator<void, Result, void>): Job<Result> {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    yield PAUSE
  }
}
