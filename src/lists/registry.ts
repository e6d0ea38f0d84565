import { NotFound } from '../errors.ts'
import type { List } from './list.ts'

const known = new Map<string, List>()

/** Puts lists into the portal. They are declared beside their subject. @throws Error when a code is taken */
export function registerLists(...lists: readonly List[]): void {
  for (const list of lists) {
    const present = known.get(list.code)
    if (present && present !== list) throw new Error(`two lists are called ${list.code}`)
    known.set(list.code, list)
  }
}

/** @throws NotFound when no list has this code */
export function findList(code: unknown): List {
  const list = typeof code === 'string' ? known.get(code) : undefined
  if (!list) throw new NotFound('')
  return list
}

/** All lists, in the order they were registered. */
export function allLists(): readonly List[] {
  return [...known.values()]
}
