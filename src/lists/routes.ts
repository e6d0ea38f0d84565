import express, { type Request, type Response } from 'express'
import { z } from 'zod'
import { actorOf, record } from '../admin/action-log.ts'
import { db } from '../db.ts'
import { BadRequest, NotFound } from '../errors.ts'
import { allow, currentUser, flash } from '../http.ts'
import { keepColumns, keepSize, readChoices } from './choices.ts'
import { exportList } from './exports.ts'
import { formats, type List, pageSizes } from './list.ts'
import { showList } from './page.ts'
import { askPicked, pageOf, picksForm, readPicked } from './picks.ts'
import { printList } from './print.ts'
import { isPrivate, sealWords, toldConditions } from './private-words.ts'
import { type Asked, addressWith, readAsked, readTexts } from './question.ts'
import { findList } from './registry.ts'
import { addView, changeView, openView, removeView, showViews } from './view-pages.ts'

/** Every list of the portal: `/desk/lists/:code`. Who may open one stands in its declaration. */
export const lists = express.Router()

lists.param('code', (req, res, next, code) => allow(...findList(code).roles)(req, res, next))

lists.get('/:code', async (req, res) => {
  const found = findList(req.params.code)
  const given = readTexts(found, req.query)
  if (isPrivate([found], given.q ?? '')) return search(req, res, given)
  const { list, asked } = await readRequest(req, res)
  // Paging on is the same reading; only a new question is a new one.
  if (list.logged && !asked.wish.after && !asked.wish.before)
    await record(db, actorOf(req, res), {
      action: list.logged,
      object: { type: 'list', id: list.code, label: list.label },
      detail: { conditions: toldConditions(list, asked.conditions) },
    })
  await showList(db, res, asked)
})

lists.post('/:code', (req, res) => search(req, res, readTexts(findList(req.params.code), req.body ?? {})))

/** A search is posted, and only then gets an address: one that says nothing of an ID or phone number. */
function search(req: Request, res: Response, { q, ...given }: Record<string, string>): void {
  const list = findList(req.params.code)
  const words: Record<string, string> = q ? { q: sealWords(currentUser(res), [list], q) } : {}
  res.redirect(303, addressWith(list, { ...words, ...given }))
}

lists.get('/:code/print', async (req, res) => {
  const { asked } = await readRequest(req, res)
  if (Object.keys(asked.mistakes).length) return showList(db, res, asked)
  await printList(db, req, res, asked)
})

lists.post('/:code/picked', async (req, res) => {
  const list = findList(req.params.code)
  const user = currentUser(res)
  const picks = readBody(picksForm, req)
  const choices = await readChoices(db, req.session, user, list)
  const back = pageOf(list, picks.query)
  if (!picks.key.length) {
    flash(req, { tone: 'warn', text: '还没有勾选。请先勾选要处理的行，再按按钮。' })
    return res.redirect(303, back)
  }
  const asked = await askPicked(db, { list, user, choices }, picks)
  if (picks.do === 'export') return exportList(db, req, res, asked, 'xlsx')
  if (picks.do === 'print') return printList(db, req, res, asked, back)
  const bulk = list.bulk?.find(({ code, roles = list.roles }) => code === picks.do && roles.includes(user.role))
  if (!bulk) throw new NotFound('')
  await bulk.run(await readPicked(db, asked, picks), req, res)
})

lists.get('/:code/views', showViews)
lists.post('/:code/views', addView)
lists.get('/:code/views/:id', openView)
lists.post('/:code/views/:id', changeView)
lists.post('/:code/views/:id/delete', removeView)

lists.get('/:code/export.:format', async (req, res) => {
  const format = formats.find(format => format === req.params.format)
  if (!format) throw new NotFound('')
  const { asked } = await readRequest(req, res)
  if (Object.keys(asked.mistakes).length) return showList(db, res, asked)
  await exportList(db, req, res, asked, format)
})

const columnsForm = z.object({
  query: z.string().max(4000).default(''),
  standard: z.string().optional(),
  column: z.union([z.string().transform(name => [name]), z.array(z.string()).max(100)]).default([]),
})

lists.post('/:code/columns', async (req, res) => {
  const list = findList(req.params.code)
  const { query, standard, column } = readBody(columnsForm, req)
  await keepColumns(db, req.session, currentUser(res), list, standard === undefined ? column : undefined)
  res.redirect(303, addressBack(list, query, ['columns']))
})

const sizeForm = z.object({
  query: z.string().max(4000).default(''),
  size: z.coerce.number().refine(size => pageSizes.some(known => known === size)),
})

lists.post('/:code/size', async (req, res) => {
  const list = findList(req.params.code)
  const { query, size } = readBody(sizeForm, req)
  await keepSize(db, req.session, currentUser(res), list, size)
  res.redirect(303, addressBack(list, query, ['size']))
})

async function readRequest(req: Request, res: Response): Promise<{ list: List; asked: Asked }> {
  const list = findList(req.params.code)
  const user = currentUser(res)
  const choices = await readChoices(db, req.session, user, list)
  return { list, asked: await readAsked(db, list, user, req.query, choices) }
}

/** These forms hold no typing, so a wrong value can only come from elsewhere. */
function readBody<T extends z.ZodType>(form: T, req: Request): z.infer<T> {
  const read = form.safeParse(req.body ?? {})
  if (!read.success) throw new BadRequest()
  return read.data
}

/** Back to the list as it was, on its first page. */
function addressBack(list: List, query: string, drop: string[] = []): string {
  const given = Object.fromEntries(
    [...new URLSearchParams(query)].filter(([name]) => !['after', 'before', 'count', ...drop].includes(name)),
  )
  return addressWith(list, given)
}
