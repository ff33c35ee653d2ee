/** Runs steps to their end, and lets others have their turn after each. */
export async function inSlices<Result>(
  steps: Generator<void, Result, void>,
  yieldToEventLoop: () => Promise<void>,
): Promise<Result> {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    await yieldToEventLoop()
  }
}
