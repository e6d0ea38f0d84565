/**
 * The only source of time. Outside production it can be shifted, so tests and demonstrations can move days;
 * everything that compares, stores or shows a moment asks here.
 */

const BEIJING = 8 * 3600_000

let shift = 0

/** The present moment. */
export function now(): Date {
  return new Date(Date.now() + shift)
}

/** Today's date in Beijing as `YYYY-MM-DD`, whatever zone the process or the database runs in. */
export function today(): string {
  return dayOf(now())
}

/** The Beijing calendar day of a moment as `YYYY-MM-DD`. */
export function dayOf(moment: Date): string {
  return beijing(moment).slice(0, 10)
}

/** Beijing time of a moment as `YYYY-MM-DD HH:mm:ss`. China has kept one offset, +08:00, without summer time since 1992. */
export function beijing(moment: Date): string {
  return new Date(moment.getTime() + BEIJING).toISOString().slice(0, 19).replace('T', ' ')
}

/** A moment `milliseconds` after the present one; negative is before. */
export function fromNow(milliseconds: number): Date {
  return new Date(now().getTime() + milliseconds)
}

/**
 * Moves the clock by `milliseconds` against real time; 0 sets it right again.
 * @throws Error in production, where deadlines follow real time only.
 */
export function shiftClock(milliseconds: number): void {
  if (process.env.NODE_ENV === 'production') throw new Error('The clock cannot be shifted in production.')
  shift = milliseconds
}
