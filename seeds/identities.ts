import { checkSignOfCreditCode, checkSignOfOrganisationCode, checkSignOfResidentId } from '../src/identifiers.ts'
import type { Gender } from '../src/modules/archives/words.ts'
import { addDays, daysBetween } from './days.ts'

/**
 * Numbers that look right and belong to nobody. The `n`-th of each is always the same, and no two are alike.
 *
 * - Resident IDs carry the region 370100, a city, where people are registered in its districts only.
 * - Mobile numbers begin with 154, which the ministry's table of network codes (工业和信息化部, as of March 2023) gives to nobody;
 *   landlines begin with 0 behind the area code, which no subscriber number does.
 * - Credit codes carry the organisation code DEM….., whereas those in use begin with a digit or MA.
 */

/** Each sort of people has numbers of its own. A sort holds a few hundred thousand people for every day of birth spread. */
const sorts = {
  owner: { born: ['1944-01-01', '2003-12-31'], block: 0 },
  practitioner: { born: ['1964-01-01', '2003-12-31'], block: 500 },
  'legal-person': { born: ['1958-01-01', '1992-12-31'], block: 800 },
} as const

export interface Human {
  id_number: string
  gender: Gender
  born_on: string
}

/** The `n`-th human of a sort. */
export function humanOf(sort: keyof typeof sorts, n: number): Human {
  const { born, block } = sorts[sort]
  const span = daysBetween(born[0], born[1])
  const born_on = addDays(born[0], (n * 7919) % span)
  // For one day of birth the factor 41, prime to 999, gives every round and sort a sequence of its own.
  const sequence = (((Math.floor(n / span) + block) * 41 + daysBetween('1900-01-01', born_on) * 613) % 999) + 1
  const first17 = `370100${born_on.replaceAll('-', '')}${String(sequence).padStart(3, '0')}`
  return { id_number: first17 + checkSignOfResidentId(first17), gender: sequence % 2 ? 'male' : 'female', born_on }
}

const phoneBlocks = { user: 1_234, owner: 10_234_567, practitioner: 30_345_678, 'legal-person': 40_456_789 } as const

/** The `n`-th mobile number of a sort, `n` below ten million. */
export function mobileOf(sort: keyof typeof phoneBlocks, n: number): string {
  return `154${String(((phoneBlocks[sort] + n) * 61_803_399) % 100_000_000).padStart(8, '0')}`
}

/** The `n`-th landline number. */
export function landlineOf(n: number): string {
  return `0531-0${String((n * 618_033) % 10_000_000).padStart(7, '0')}`
}

/** The `n`-th unified social credit code, `n` below 100,000, registered in a region (6 digits). Both check signs are right. */
export function creditCodeOf(n: number, region: string): string {
  const body = `DEM${String(n).padStart(5, '0')}`
  const first17 = `91${region}${body}${checkSignOfOrganisationCode(body)}`
  return first17 + checkSignOfCreditCode(first17)
}
