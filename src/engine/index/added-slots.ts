/** All there is to say about some {@link AddedSlots}. */
export interface AddedSlotsParts {
  /** LSN of the first record that ever filled a slot. */
  readonly firstLsn: number | undefined
  readonly forgottenThrough: number
  readonly ends: readonly number[]
  readonly lsns: readonly number[]
}

/** Where each record's slots end, for the records whose slots are not all in the graph: it tells up to which LSN all are. */
export class AddedSlots {
  #ends: number[] = []
  #lsns: number[] = []
  #firstLsn: number | undefined
  /** Where the last record ends that was forgotten. */
  #forgottenThrough = 0

  /** Notes that a record filled the slots up to, not including, `endSlot`. */
  push(endSlot: number, lsn: number): void {
    this.#firstLsn ??= lsn
    this.#ends.push(endSlot)
    this.#lsns.push(lsn)
  }

  /**
   * The LSN before the first record that filled a slot at or above `slot`; undefined where there is none. Of a slot whose
   * record is forgotten, as when a graph is given up, the LSN before all records.
   */
  lsnBefore(slot: number): number | undefined {
    const lsn = slot < this.#forgottenThrough ? this.#firstLsn : this.#lsns[this.#firstBeyond(slot)]
    return lsn === undefined ? undefined : lsn - 1
  }

  /** Forgets the records all of whose slots lie below `slot`. */
  dropBelow(slot: number): void {
    const index = this.#firstBeyond(slot)
    this.#forgottenThrough = this.#ends[index - 1] ?? this.#forgottenThrough
    this.#ends = this.#ends.slice(index)
    this.#lsns = this.#lsns.slice(index)
  }

  /** What {@link restore} takes, as it is now. */
  parts(): AddedSlotsParts {
    return {
      firstLsn: this.#firstLsn,
      forgottenThrough: this.#forgottenThrough,
      ends: this.#ends.slice(),
      lsns: this.#lsns.slice(),
    }
  }

  static restore({ firstLsn, forgottenThrough, ends, lsns }: AddedSlotsParts): AddedSlots {
    const added = new AddedSlots()
    added.#firstLsn = firstLsn
    added.#forgottenThrough = forgottenThrough
    added.#ends = [...ends]
    added.#lsns = [...lsns]
    return added
  }

  memoryBytes(): number {
    return (this.#ends.length + this.#lsns.length) * Float64Array.BYTES_PER_ELEMENT
  }

  /** The first record that ends above `slot`. */
  #firstBeyond(slot: number): number {
    let [low, high] = [0, this.#ends.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#ends[middle]! > slot) high = middle
      else low = middle + 1
    }
    return low
  }
}
