// What ran in given stretches of time on this thread, by V8's own profiler.
import { Session } from 'node:inspector/promises'
import { basename } from 'node:path'

const SAMPLE_MICROS = 250
const SHOWN_FRAMES = 3

/** Runs `work` under the profiler. @returns what it gives, and a function that names the frames of a stretch of `performance.now()` */
export async function profiled(work) {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_MICROS })
  await session.post('Profiler.start')
  // The profile counts microseconds of the clock of `hrtime`, of which `performance.now()` has another zero.
  const zeroMicros = Number(process.hrtime.bigint() / 1000n) - performance.now() * 1000
  const result = await work()
  const { profile } = await session.post('Profiler.stop')
  session.disconnect()
  return { result, framesIn: (fromMs, toMs) => framesIn(profile, zeroMicros + fromMs * 1000, zeroMicros + toMs * 1000) }
}

/** The functions that had most samples in a stretch, with the time that these stand for. */
function framesIn(profile, fromMicros, toMicros) {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  const samples = new Map()
  let atMicros = profile.startTime
  for (const [index, id] of profile.samples.entries()) {
    atMicros += profile.timeDeltas[index]
    if (atMicros < fromMicros || atMicros > toMicros) continue
    const name = nameOf(nodes.get(id).callFrame)
    samples.set(name, (samples.get(name) ?? 0) + 1)
  }
  const frames = [...samples].sort((left, right) => right[1] - left[1]).slice(0, SHOWN_FRAMES)
  return frames.map(([name, count]) => `${name} ${((count * SAMPLE_MICROS) / 1000).toFixed(1)}`).join(', ')
}

function nameOf({ functionName, url, lineNumber }) {
  const name = functionName === '' ? 'anonymous' : functionName
  return url === '' ? name : `${name} (${basename(url)}:${lineNumber + 1})`
}
