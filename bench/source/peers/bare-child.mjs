// What a process costs that only answers: the least that reopening can take, and the least memory.
import { peakRssBytes } from './peak-memory.mjs'

process.on('message', () => process.send({ result: { rows: [], peakRssBytes: peakRssBytes() } }))
process.on('disconnect', () => process.exit(1))
