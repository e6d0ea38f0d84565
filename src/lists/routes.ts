import express, { type Request, type Response } from 'express'
import { z } from 'zod'
import { actorOf, record } from '../admin/action-log.ts'
import { db } from '../db.ts'
import { BadRequest, NotFound } from '../errors.ts'
import { allow, currentUser } from '../http.ts'
import { type Choices, keepColumns, keepSize, readChoices } from './choices.ts'
import { exportList } from './exports.ts'
import { inWords } from './filters.ts'
import { formats, type List, pageSizes } from './list.ts'
import { maskNumbers } from './masks.ts'
import { showList } from './page.ts'
import { type Asked, addressWith, readAsked } from './question.ts'
import { findList } from './registry.ts'

/** Every list of the portal: `/desk/lists/:code`. Who may open one stands in its declaration. */
export const lists = express.Router()

lists.param('code', (req, res, next, code) => allow(...findList(code).roles)(req, res, next))

lists.get('/:code', async (req, res) => {
  const { list, asked, choices } = await readRequest(req, res)
  // Paging on is the same reading; only a new question is a new one.
  if (list.logged && !asked.wish.after && !asked.wish.before)
    await record(db, actorOf(req, res), {
      action: list.logged,
      object: { type: 'list', id: list.code, label: list.label },
      detail: { conditions: asked.conditions.map(inWords).map(maskNumbers) },
    })
  await showList(db, res, asked, choices)
})

lists.get('/:code/export.:format', async (req, res) => {
  const format = formats.find(format => format === req.params.format)
  if (!format) throw new NotFound('')
  const { asked, choices } = await readRequest(req, res)
  if (Object.keys(asked.mistakes).length) return showList(db, res, asked, choices)
  await exportList(db, req, res, asked, choices, format)
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
  res.redirect(303, addressBack(list, query))
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

async function readRequest(req: Request, res: Response): Promise<{ list: List; asked: Asked; choices: Choices }> {
  const list = findList(req.params.code)
  const user = currentUser(res)
  const choices = await readChoices(db, req.session, user, list)
  return { list, choices, asked: await readAsked(db, list, user, req.query, choices) }
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
