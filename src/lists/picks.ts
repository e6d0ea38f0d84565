import type { Knex } from 'knex'
import { z } from 'zod'
import type { User } from '../accounts/users.ts'
import type { Choices } from './choices.ts'
import { type List, type Picked, pageSizes, type Row } from './list.ts'
import { type Asked, addressWith, readAsked, readTexts } from './question.ts'
import { readAll } from './rows.ts'

const most = Math.max(...pageSizes)
const key = z.string().regex(/^[\x20-\x7e]{1,64}$/)

/** What is posted with picked rows: what to do with them, the address they were picked on, their keys. */
export const picksForm = z.object({
  do: z.string().max(40),
  query: z.string().max(4000).default(''),
  key: z.union([key.transform(one => [one]), z.array(key).max(most)]).default([]),
})

/**
 * The question for the picked rows alone: in the order and columns of the page, within what this person may see. The conditions they
 * were found by no longer matter.
 */
export async function askPicked(
  db: Knex,
  { list, user, choices }: { list: List; user: User; choices: Choices },
  { query, key }: z.infer<typeof picksForm>,
): Promise<Asked> {
  const { sort, columns } = readTexts(list, Object.fromEntries(new URLSearchParams(query)))
  const asked = await readAsked(db, list, user, { sort, columns }, choices)
  const keys = [...new Set(key)]
  return {
    ...asked,
    question: { ...asked.question, narrowing: [rows => rows.whereIn(list.key, keys)] },
    conditions: [{ label: '所选', text: `${keys.length} 条`, names: [] }],
  }
}

/** The picked rows themselves, with all their columns, for what a list does with them. */
export async function readPicked(db: Knex, { question }: Asked, { query, key }: z.infer<typeof picksForm>): Promise<Picked> {
  const { list, user } = question
  const rows: Row[] = []
  for await (const batch of readAll(db, question, list.columns)) rows.push(...batch)
  return { list, user, rows, missing: new Set(key).size - rows.length, back: pageOf(list, query) }
}

/** The page rows were picked on. */
export function pageOf(list: List, query: string): string {
  return addressWith(list, readTexts(list, Object.fromEntries(new URLSearchParams(query))))
}
