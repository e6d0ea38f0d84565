import { createHash } from 'node:crypto'

/** Chance that repeats itself: the same seed draws the same numbers on every machine. */
export interface Random {
  /** A number from 0 up to, not including, 1. */
  next(): number
  /** A whole number from `min` to `max`, both included. */
  int(min: number, max: number): number
  /** True in about `probability` of the cases. */
  happens(probability: number): boolean
  /** One of the list. */
  pick<T>(list: readonly T[]): T
  /** One of the list, as likely as its weight says. */
  weigh<T>(list: readonly T[], weight: (item: T) => number): T
  /** A code of the table, as likely as its share says. */
  share<T extends string>(shares: Partial<Record<T, number>>): T
  /** The list in another order; the one given stays as it is. */
  shuffle<T>(list: readonly T[]): T[]
}

/** Chance drawn from a seed (sfc32 behind SHA-256 of the seed). */
export function randomFrom(seed: string): Random {
  const digest = createHash('sha256').update(seed).digest()
  let [a, b, c, d] = [0, 4, 8, 12].map(at => digest.readInt32LE(at)) as [number, number, number, number] // four of four

  const next = () => {
    const t = (((a + b) | 0) + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + t) | 0
    return (t >>> 0) / 4294967296
  }
  const int = (min: number, max: number) => min + Math.floor(next() * (max - min + 1))
  const weigh = <T>(list: readonly T[], weight: (item: T) => number): T => {
    let left = next() * list.reduce((sum, item) => sum + weight(item), 0)
    for (const item of list) {
      left -= weight(item)
      if (left < 0) return item
    }
    return last(list)
  }
  return {
    next,
    int,
    happens: probability => next() < probability,
    pick: list => at(list, int(0, list.length - 1)),
    weigh,
    share: <T extends string>(shares: Partial<Record<T, number>>) =>
      // Object.entries forgets that the keys are T
      weigh(Object.entries(shares) as [T, number][], ([, share]) => share)[0],
    shuffle: list => {
      const shuffled = [...list]
      for (let i = shuffled.length - 1; i > 0; i--) {
        const j = int(0, i)
        const held = at(shuffled, i)
        shuffled[i] = at(shuffled, j)
        shuffled[j] = held
      }
      return shuffled
    },
  }
}

/** The element of a list that is known to be there. */
export function at<T>(list: readonly T[], index: number): T {
  if (index < 0 || index >= list.length) throw new RangeError(`no element ${index} among ${list.length}`)
  return list[index] as T // checked above
}

/** The last element of a list that is not empty. */
export function last<T>(list: readonly T[]): T {
  return at(list, list.length - 1)
}

/** Cuts `total` into whole parts in proportion to the weights (largest remainder), each at least its minimum. */
export function apportion(total: number, weights: readonly number[], minimum: (index: number) => number = () => 0): number[] {
  const free = total - weights.reduce((sum, _, index) => sum + minimum(index), 0)
  const sum = weights.reduce((sum, weight) => sum + weight, 0)
  const exact = weights.map(weight => (free * weight) / sum)
  const parts = exact.map((part, index) => Math.floor(part) + minimum(index))
  const rest = total - parts.reduce((sum, part) => sum + part, 0)
  const order = exact.map((part, index) => ({ index, left: part % 1 })).sort((a, b) => b.left - a.left || a.index - b.index)
  for (const { index } of order.slice(0, rest)) parts[index] = at(parts, index) + 1
  return parts
}
