import type { OpenFile } from '../base/files.ts'

/** Files that are synced while the next ones are written: an fsync is mostly waiting. */
const MOST_FILES = 4

/** Syncs and closes files behind the back of who writes them. */
export class SyncQueue {
  #syncing: Promise<void>[] = []

  /** Takes over a file that is written; resolves when there is room for another. Rejects where one could not be synced. */
  async push(file: OpenFile): Promise<void> {
    const synced = syncAndClose(file)
    // Nobody awaits it before its turn comes.
    synced.catch(() => {})
    this.#syncing.push(synced)
    if (this.#syncing.length > MOST_FILES) await this.#syncing.shift()
  }

  /** Resolves when all files are synced. Rejects where one could not be. */
  async drain(): Promise<void> {
    const syncing = this.#syncing
    this.#syncing = []
    await Promise.all(syncing)
  }

  /** Resolves when nothing is under way any more, however it ended. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#syncing)
  }
}

async function syncAndClose(file: OpenFile): Promise<void> {
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
