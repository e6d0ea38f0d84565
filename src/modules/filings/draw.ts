import { createHash, createHmac } from 'node:crypto'

/**
 * The fair draw of experts (domain.md §5.2), as a pure function: the same seed, pool and number always draw the same people, so anybody
 * can repeat it. Each candidate gets HMAC-SHA256 with the seed (its hex text) as key and the id of the expert in decimal as message;
 * candidates are put in the order of these marks in hex, and the first ones are drawn.
 */

export interface Candidate {
  id: number
  /** Why somebody of the register cannot be drawn for this tender. */
  reason?: string
}

/** The fewest experts a committee must have: two thirds, rounded up (建住房〔2003〕130号 第二十八条). */
export function expertsNeeded(size: number): number {
  return Math.ceil((size * 2) / 3)
}

/** A committee has an odd number of members, five or more (the same article). */
export function isCommitteeSize(size: number | null): size is number {
  return size !== null && size >= 5 && size % 2 === 1
}

/** The pool as it is kept: by id, so that one pool has one text and one digest. */
export function poolText(pool: readonly Candidate[]): string {
  return JSON.stringify(
    [...pool].sort((one, other) => one.id - other.id).map(({ id, reason }) => (reason ? { id, reason } : { id })),
  )
}

/** SHA-256 of the text of a pool, in hex. */
export function poolDigest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/**
 * Draws from those of the pool who have no reason against them.
 * @returns ids in the order drawn; fewer than `wanted` when there are not as many
 */
export function draw(seed: string, pool: readonly Candidate[], wanted: number): number[] {
  return pool
    .filter(({ reason }) => !reason)
    .map(({ id }) => ({ id, mark: createHmac('sha256', seed).update(String(id)).digest('hex') }))
    .sort((one, other) => (one.mark < other.mark ? -1 : one.mark > other.mark ? 1 : one.id - other.id))
    .slice(0, wanted)
    .map(({ id }) => id)
}
