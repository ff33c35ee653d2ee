/** Lets everything else that waits have its turn, input and timers included. */
export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => schedule(resolve))
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
