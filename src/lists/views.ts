import type { Knex } from 'knex'
import type { User } from '../accounts/users.ts'
import { type Actor, record } from '../admin/action-log.ts'
import { now } from '../clock.ts'
import { db, inTransaction, isDuplicate } from '../db.ts'
import { NotFound } from '../errors.ts'
import { headingOf } from './exports.ts'
import { inWords } from './filters.ts'
import type { List } from './list.ts'
import { isPrivate } from './private-words.ts'
import { type Asked, wholeQuery } from './question.ts'

/** 我的视图: what somebody asks of a list again and again, kept under a name; shared, the colleagues of their organisation have it too. */

/** A view as its list and the page of all views show it. */
export interface View {
  id: number
  name: string
  /** What it asks, as the part of an address behind the question mark. */
  query: string
  /** Its conditions in words. */
  text: string
  isOwn: boolean
  isShared: boolean
  /** Whose it is. */
  owner: string
}

/** What a parameter of the address was called when it was kept: of a condition its words, of a sort or column its label. */
type ViewWords = Record<string, string>

interface ViewRow {
  id: number
  user_id: number
  name: string
  shared_with: number | null
  query: string
  words: string
  owner: string
}

/** How many views somebody may have of one list. */
export const mostViews = 20

/** The person's own views of a list and those shared with them, each by name. */
export async function viewsOf(db: Knex, { code }: List, user: User): Promise<View[]> {
  const rows: ViewRow[] = await visible(db, code, user)
  return rows.map(row => viewOf(row, user)).sort((one, other) => Number(other.isOwn) - Number(one.isOwn))
}

function visible(db: Knex, list: string, { id, organisation_id }: User): Knex.QueryBuilder {
  return db('list_views')
    .join('users', 'users.id', 'list_views.user_id')
    .where({ 'list_views.list': list })
    .where(mine => mine.where({ 'list_views.user_id': id }).orWhere({ 'list_views.shared_with': organisation_id }))
    .orderBy('list_views.name')
    .select('list_views.*', 'users.name as owner')
}

function viewOf({ id, name, query, words, user_id, shared_with, owner }: ViewRow, user: User): View {
  return { id, name, query, text: conditionsOf(words), isOwn: user_id === user.id, isShared: shared_with !== null, owner }
}

function conditionsOf(words: string): string {
  const named = Object.entries(readWords(words)).filter(([name]) => name !== 'sort' && !name.startsWith('column.'))
  return [...new Set(named.map(([, text]) => text))].join('；') || '没有条件'
}

const readWords = (words: string) => JSON.parse(words) as ViewWords // the column holds nothing else

/** @throws NotFound when it is gone, or neither their own nor shared with them */
export async function findView(db: Knex, list: List, user: User, id: number): Promise<View & { words: ViewWords }> {
  const row: ViewRow | undefined = await visible(db, list.code, user).where({ 'list_views.id': id }).first()
  if (!row) throw new NotFound('')
  return { ...viewOf(row, user), words: readWords(row.words) }
}

/** What is kept of a question. A searched ID or phone number is not: a view lasts, and others may open it. */
export function keptOf(asked: Asked): { query: string; words: string; isCut: boolean } {
  const { question, conditions, choices, typed } = asked
  const isCut = isPrivate([question.list], typed)
  const query = new URLSearchParams(wholeQuery(asked))
  if (isCut) query.delete('q')
  const words: ViewWords = { sort: `按${question.sort.label}排列` }
  for (const condition of conditions)
    for (const name of condition.names) if (name !== 'q' || !isCut) words[name] = inWords(condition)
  for (const column of choices.columns) words[`column.${column.name}`] = `“${headingOf(column)}”列`
  return { query: query.toString(), words: JSON.stringify(words), isCut }
}

interface ViewForm {
  name: string
  shared: boolean
}

/** Why a view was not kept: a sentence for the field of its name. */
export class ViewRefused extends Error {}

/**
 * Keeps a question under a new name. The same once more changes nothing.
 * @throws ViewRefused when the name is taken, or there are as many as there may be
 */
export async function createView(
  actor: Actor,
  user: User,
  list: List,
  { name, shared }: ViewForm,
  kept: { query: string; words: string },
): Promise<number> {
  return unlessTaken(name, async trx => {
    // Whoever presses twice waits here, so that both see the same number.
    await trx('users').where({ id: user.id }).forUpdate().first('id')
    const there: { id: number; name: string; query: string }[] = await trx('list_views')
      .where({ user_id: user.id, list: list.code })
      .select('id', 'name', 'query')
    const same = there.find(view => view.name === name && view.query === kept.query)
    if (same) return same.id
    if (there.length >= mostViews) throw new ViewRefused(`每个列表最多存 ${mostViews} 个视图，请先删去不用的，或替换其中一个。`)
    const shared_with = shared ? user.organisation_id : null
    const row = { ...kept, name, shared_with, updated_at: now() }
    const [id = 0] = await trx('list_views').insert({ user_id: user.id, list: list.code, created_at: now(), ...row })
    if (shared) await tell(trx, actor, list, name, 'list-view.share')
    return id
  })
}

/**
 * Renames one's own view, shares it or keeps it to oneself again.
 * @throws NotFound when it is not theirs
 * @throws ViewRefused when the name is taken
 */
export async function updateView(actor: Actor, user: User, list: List, id: number, { name, shared }: ViewForm): Promise<void> {
  await unlessTaken(name, async trx => {
    const before = await ownView(trx, user, list, id)
    const shared_with = shared ? user.organisation_id : null
    await trx('list_views').where({ id }).update({ name, shared_with, updated_at: now() })
    if (shared && before.shared_with === null) await tell(trx, actor, list, name, 'list-view.share')
    if (!shared && before.shared_with !== null) await tell(trx, actor, list, name, 'list-view.unshare')
  })
}

/** Puts another question in the place of what one's own view asked. @throws NotFound when it is not theirs */
export async function replaceView(user: User, list: List, id: number, kept: { query: string; words: string }): Promise<string> {
  return inTransaction(async trx => {
    const { name } = await ownView(trx, user, list, id)
    await trx('list_views')
      .where({ id })
      .update({ ...kept, updated_at: now() })
    return name
  })
}

/** Deletes one's own view; a second time it is simply gone. */
export async function deleteView(actor: Actor, user: User, list: List, id: number): Promise<void> {
  await inTransaction(async trx => {
    const there = await trx<ViewRow>('list_views').where({ id, user_id: user.id }).forUpdate().first()
    if (!there) return
    await trx('list_views').where({ id }).delete()
    if (there.shared_with !== null) await tell(trx, actor, list, there.name, 'list-view.unshare')
  })
}

async function ownView(trx: Knex.Transaction, user: User, { code }: List, id: number): Promise<ViewRow> {
  const row = await trx<ViewRow & { list: string }>('list_views').where({ id, user_id: user.id, list: code }).forUpdate().first()
  if (!row) throw new NotFound('')
  return row
}

/** Others find a shared view in their lists, so the log says whose it is. */
async function tell(
  trx: Knex.Transaction,
  actor: Actor,
  list: List,
  view: string,
  action: 'list-view.share' | 'list-view.unshare',
): Promise<void> {
  await record(trx, actor, { action, object: { type: 'list', id: list.code, label: list.label }, detail: { view } })
}

async function unlessTaken<T>(name: string, work: (trx: Knex.Transaction) => Promise<T>): Promise<T> {
  try {
    return await inTransaction(work)
  } catch (error) {
    if (isDuplicate(error)) throw new ViewRefused(`您已有叫“${name}”的视图。请换一个名字，或替换原来那个的条件。`)
    throw error
  }
}

/** The views of a list for its menu; the one that is open, and whether the page asks for something else by now. */
export async function viewMenu(list: List, user: User, asked: Asked) {
  const views = await viewsOf(db, list, user)
  const open = views.find(({ id }) => String(id) === asked.given.view)
  const isChanged = open !== undefined && open.query !== wholeQuery(asked)
  return {
    views: views.map(({ id, name, isOwn, owner }) => ({
      id,
      name,
      owner: isOwn ? '' : owner,
      current: id === open?.id && !isChanged,
    })),
    open: open && { name: open.name, isChanged },
  }
}
