import type { Request, Response } from 'express'
import type { Knex } from 'knex'
import { z } from 'zod'
import type { Role } from '../accounts/roles.ts'
import type { User } from '../accounts/users.ts'
import { db } from '../db.ts'
import { BadRequest } from '../errors.ts'
import { currentUser, queryText } from '../http.ts'
import { type Cell, cellOf, type Reader, readersOf } from './cells.ts'
import { columnsOf } from './choices.ts'
import { describe, readSearch, type Search, smaller } from './grammar.ts'
import type { List, Row } from './list.ts'
import { markWords, type Piece } from './marks.ts'
import { isPrivate, openWords, sealWords } from './private-words.ts'
import { addressWith, plainQuestion } from './question.ts'
import { allLists } from './registry.ts'
import { countInWords, countRows, readPage } from './rows.ts'
import { isHan } from './terms.ts'

// /desk/search: one box over all lists that take part and that this role may open, each within its own scope and masks.

/** How many rows of each list are shown, and how many of their values beside the name. */
const most = { rows: 5, values: 4 }

/** The lists this role searches all at once, in their order. */
export function listsEverywhere(role: Role): List[] {
  return allLists()
    .filter(({ everywhere, roles }) => everywhere !== undefined && roles.includes(role))
    .sort((one, other) => (one.everywhere ?? 0) - (other.everywhere ?? 0))
}

/** GET /desk/search */
export async function showSearch(req: Request, res: Response): Promise<void> {
  const q = queryText(req, 'q').trim()
  const user = currentUser(res)
  if (isPrivate(listsEverywhere(user.role), q)) return res.redirect(303, addressOf(user, q))
  const typed = openWords(user, q)
  const lists = listsEverywhere(user.role)
  const { search, mistake } = readWords(typed)
  const found = search ? (await Promise.all(lists.map(list => findIn(db, list, user, search)))).filter(({ n }) => n > 0) : []
  res.status(mistake ? 422 : 200).render('lists/everywhere', {
    typed: typed ?? '',
    mistake,
    lists: lists.map(({ code, label, search }) => ({ code, label, about: search?.about ?? '' })),
    found,
    ...(search && !found.length ? { nothing: await nothingFound(user, lists, search) } : {}),
  })
}

const searchForm = z.object({ q: z.string().default('') })

/** POST /desk/search: the address it leads to says nothing of an ID or phone number. */
export function postSearch(req: Request, res: Response): void {
  const read = searchForm.safeParse(req.body ?? {})
  if (!read.success) throw new BadRequest()
  res.redirect(303, addressOf(currentUser(res), read.data.q.trim()))
}

const addressOf = (user: User, text: string) =>
  `/desk/search${text && `?${new URLSearchParams({ q: sealWords(user, listsEverywhere(user.role), text) })}`}`

function readWords(typed: string | undefined): { search?: Search; mistake?: string } {
  if (typed === undefined) return { mistake: '网址里的搜索词含证件号或手机号，只有搜索的本人能打开。请重新输入。' }
  const read = readSearch(typed)
  // One letter begins a word in nearly every row; one Han character may be a surname.
  const short = read.search?.alternatives.flat().find(word => [...word].length === 1 && !isHan(word))
  return short ? { mistake: `“${short}”太短，找到的会太多。字母和数字请至少输入两个，汉字一个也行。` } : read
}

/** A row as a line: its name, a few values, and whatever else the words were found in. */
interface Line {
  href?: string
  name: Piece[]
  values: { label: string; pieces: Piece[] }[]
  state?: Cell
}

interface Found {
  label: string
  n: number
  count: string
  href: string
  lines: Line[]
}

async function findIn(db: Knex, list: List, user: User, search: Search): Promise<Found> {
  const columns = columnsOf(list, list.columns.map(({ name }) => name)) // biome-ignore format: one call
  const [{ rows, count }, readers] = await Promise.all([
    readPage(db, plainQuestion(list, user, search), columns, { size: most.rows }),
    readersOf(db, columns),
  ])
  const href = addressWith(list, { q: sealWords(user, [list], search.text) })
  const lines = rows.map(row => lineOf(list, user, readers, row, search.alternatives.flat()))
  return { label: list.label, n: count.n, count: countInWords(count), href, lines }
}

function lineOf(list: List, user: User, readers: readonly Reader[], row: Row, words: readonly string[]): Line {
  const [name, ...cells] = readers.map(reader => ({ column: reader.column, cell: cellOf(reader, row) }))
  const texts = cells.filter(({ cell }) => !cell.isVoid && !cell.tone && !cell.light)
  const isShown = ({ column }: (typeof cells)[number]) => column.shown !== false
  const usual = texts.filter(isShown).slice(0, most.values)
  // A word that is in sight already need not be shown again wherever else it stands.
  const seen = [name, ...usual].map(one => one?.cell.text ?? '')
  const left = words.filter(word => !seen.some(text => markWords(text, [word]).some(({ hit }) => hit)))
  const others = texts.filter(one => !usual.includes(one) && markWords(one.cell.text, left).some(({ hit }) => hit))
  const state = cells.find(one => one.cell.tone && isShown(one))?.cell
  const href = list.href?.(row, user)
  return {
    ...(href ? { href } : {}),
    name: markWords(name?.cell.text ?? '', words),
    values: [...usual, ...others].map(({ column, cell }) => ({ label: column.label, pieces: markWords(cell.text, words) })),
    ...(state ? { state } : {}),
  }
}

/** Which smaller searches would find something. */
async function nothingFound(user: User, lists: readonly List[], search: Search) {
  const ways: { label: string; href: string }[] = []
  for (const { text, without } of smaller(search)) {
    const less = readWords(text).search
    if (!less) continue
    const counts = await Promise.all(lists.map(list => countRows(db, plainQuestion(list, user, less))))
    const n = counts.reduce((sum, count) => sum + count.n, 0)
    const exact = counts.every(count => count.exact)
    if (n) ways.push({ label: `去掉“${without}”再搜，有 ${countInWords({ n, exact })} 条`, href: addressOf(user, text) })
  }
  return { words: describe(search), ways }
}
