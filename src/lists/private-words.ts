import type { User } from '../accounts/users.ts'
import { decrypt, encrypt } from '../crypto.ts'
import { maskNumbers } from './masks.ts'

/**
 * Addresses stay in the history of browsers and the logs of proxies, so a search for an ID or phone number stands in them sealed
 * (GB/T 35273-2020 6.3): only the portal opens it, and only for the person who searched.
 */

const mark = '~'
const columnOf = ({ id }: User) => `list search of ${id}`

/** More than any search may hold (grammar.ts says so then), and less than an address cannot carry. */
const longest = 500

/** Whether a search holds an ID or phone number, in half or full width; one that is sealed already does not. */
export function isPrivate(text: string): boolean {
  const plain = text.normalize('NFKC')
  return !text.startsWith(mark) && maskNumbers(plain) !== plain
}

/** A search as it stands in an address. */
export function sealWords(user: User, typed: string): string {
  const text = typed.replace(/^~+/, '').slice(0, longest)
  return isPrivate(text) ? mark + encrypt(columnOf(user), text) : text
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
