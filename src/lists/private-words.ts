import type { User } from '../accounts/users.ts'
import { decrypt, encrypt } from '../crypto.ts'
import { type Condition, inWords } from './filters.ts'
import { bare } from './grammar.ts'
import type { List } from './list.ts'
import { maskId, maskNumbers } from './masks.ts'

/**
 * Addresses stay in the history of browsers and the logs of proxies, so a search for an ID or phone number stands in them sealed
 * (GB/T 35273-2020 6.3): only the portal opens it, and only for the person who searched.
 */

const mark = '~'
const columnOf = ({ id }: User) => `list search of ${id}`

/** More than any search may hold (grammar.ts says so then), and less than an address cannot carry. */
const longest = 500

/** A search without its private numbers: ID and mobile numbers, and each word that one of the lists finds only as a whole (`search.exact`). */
function maskWords(lists: readonly List[], text: string): string {
  return maskNumbers(text).replace(/[^\s,、]+/g, given => {
    const word = bare(given)
    return lists.some(({ search }) => search?.exact?.(word)) ? given.replace(word, maskId(word)) : given
  })
}

/** Whether a search of these lists holds an ID or phone number, in half or full width; one that is sealed already does not. */
export function isPrivate(lists: readonly List[], text: string): boolean {
  const plain = text.normalize('NFKC')
  return !text.startsWith(mark) && maskWords(lists, plain) !== plain
}

/** The conditions of a list for what is kept or handed on: logs, files, paper. */
export function toldConditions(list: List, conditions: readonly Condition[]): string[] {
  return conditions.map(({ label, text, names }) =>
    inWords({ label, names, text: names.includes('q') ? maskWords([list], text.normalize('NFKC')) : maskNumbers(text) }),
  )
}

/** A search of these lists as it stands in an address. */
export function sealWords(user: User, lists: readonly List[], typed: string): string {
  const text = typed.replace(/^~+/, '').slice(0, longest)
  return isPrivate(lists, text) ? mark + encrypt(columnOf(user), text) : text
}

/** A search as it was typed. @returns nothing when it was sealed for somebody else, or by nobody */
export function openWords(user: User, given: string): string | undefined {
  if (!given.startsWith(mark)) return given
  try {
    return decrypt(columnOf(user), given.slice(mark.length))
  } catch {
    return undefined
  }
}
