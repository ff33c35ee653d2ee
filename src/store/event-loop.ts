/** Work that lets others have their turn, in the order of asking. */
const waiting: (() => void)[] = []

/**
 * Lets everything else that waits have its turn, input and timers included. Of many that ask at once, one goes on in each turn of
 * the event loop: slices are made to be short, and several in one turn would not be.
 */
export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve)
    if (waiting.length === 1) schedule(resumeNext)
  })
}

function resumeNext(): void {
  // Shifting one of very many would take long, but no more work is ever under way than there are calls that were not answered.
  waiting.shift()!()
  if (waiting.length > 0) schedule(resumeNext)
}

/** Node has `setImmediate`; elsewhere a message to oneself is the only turn that is not held back for milliseconds. */
const schedule: (turn: () => void) => void =
  typeof setImmediate === 'function'
    ? (turn) => {
        setImmediate(turn)
      }
    : (turn) => {
        const { port1, port2 } = new MessageChannel()
        const listener = port1 as unknown as { onmessage: () => void }
        listener.onmessage = () => {
          port1.close()
          turn()
        }
        port2.postMessage(undefined)
      }
