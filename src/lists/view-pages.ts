import type { Request, Response } from 'express'
import { z } from 'zod'
import { actorOf } from '../admin/action-log.ts'
import { db } from '../db.ts'
import { checkbox, type Mistakes, readForm, text, typed } from '../forms/form.ts'
import { currentUser, flash, recordId } from '../http.ts'
import { readChoices } from './choices.ts'
import type { List } from './list.ts'
import { toldConditions } from './private-words.ts'
import { type Asked, addressWith, readAsked, readTexts } from './question.ts'
import { findList } from './registry.ts'
import { createView, deleteView, findView, keptOf, mostViews, replaceView, updateView, ViewRefused, viewsOf } from './views.ts'

const viewForm = z.object({
  name: text({ label: '视图名称', max: 20, hint: '20 个字以内，如 历下区本月到期' }),
  shared: checkbox({ label: '与本单位同事共享' }),
})

/** GET /desk/lists/:code/views — what is asked now, to be kept, and all views of this list. */
export async function showViews(req: Request, res: Response): Promise<void> {
  await renderViews(req, res, String(new URLSearchParams(textsOf(req.query))), {})
}

/** GET /desk/lists/:code/views/:id — the list as it was kept; what no longer exists is left out and named. */
export async function openView(req: Request, res: Response): Promise<void> {
  const list = findList(req.params.code)
  const user = currentUser(res)
  const view = await findView(db, list, user, recordId(req))
  const kept = Object.fromEntries(new URLSearchParams(view.query))
  const asked = await askAgain(req, res, list, kept)
  const columns = (kept.columns ?? '').split('.').filter(Boolean)
  const known = new Set(list.columns.map(({ name }) => name))
  const dropped = [
    ...Object.keys(kept).filter(name => !(name in asked.given) || name in asked.mistakes),
    ...columns.filter(name => !known.has(name)).map(name => `column.${name}`),
  ]
  if (dropped.length) {
    const names = [...new Set(dropped.map(name => view.words[name] ?? name))].join('、')
    flash(req, { tone: 'warn', text: `视图“${view.name}”里的${names}现在没有了，已略去，其余照旧。` })
  }
  const left = Object.entries(asked.given).filter(([name]) => !(name in asked.mistakes))
  const present = columns.filter(name => known.has(name)).join('.')
  res.redirect(302, addressWith(list, { ...Object.fromEntries(left), columns: present, view: String(view.id) }))
}

/** POST /desk/lists/:code/views */
export async function addView(req: Request, res: Response): Promise<void> {
  const list = findList(req.params.code)
  const query = queryOf(req)
  const read = readForm(viewForm, req.body)
  const asked = await askAgain(req, res, list, Object.fromEntries(new URLSearchParams(query)))
  const attempt = await attempted(read.ok ? {} : read.mistakes, async () => {
    if (!read.ok) return undefined
    const { isCut, ...kept } = keptOf(asked)
    const id = await createView(actorOf(req, res), currentUser(res), list, read.data, kept)
    flash(req, { tone: 'ok', text: `已存为视图“${read.data.name}”，以后从“我的视图”打开。${isCut ? cut : ''}` })
    return id
  })
  if (attempt.mistakes) return renderViews(req, res, query, { fresh: { values: typed(viewForm, req.body), ...attempt } })
  res.redirect(303, `/desk/lists/${list.code}/views/${attempt.done}`)
}

const cut = '搜索词里的证件号或手机号没有存进视图。'

/** POST /desk/lists/:code/views/:id — another name, or with `replace` another question. */
export async function changeView(req: Request, res: Response): Promise<void> {
  const list = findList(req.params.code)
  const [user, id, query] = [currentUser(res), recordId(req), queryOf(req)]
  if (req.body?.replace !== undefined) {
    const { isCut, ...kept } = keptOf(await askAgain(req, res, list, Object.fromEntries(new URLSearchParams(query))))
    const name = await replaceView(user, list, id, kept)
    flash(req, { tone: 'ok', text: `视图“${name}”已换成现在的条件和列。${isCut ? cut : ''}` })
    return res.redirect(303, `/desk/lists/${list.code}/views/${id}`)
  }
  const read = readForm(viewForm, req.body)
  const attempt = await attempted(read.ok ? {} : read.mistakes, async () => {
    if (read.ok) await updateView(actorOf(req, res), user, list, id, read.data)
  })
  if (attempt.mistakes) return renderViews(req, res, query, { changed: { id, values: typed(viewForm, req.body), ...attempt } })
  flash(req, { tone: 'ok', text: '视图已保存。' })
  res.redirect(303, viewsAddress(list, query))
}

/** POST /desk/lists/:code/views/:id/delete */
export async function removeView(req: Request, res: Response): Promise<void> {
  const list = findList(req.params.code)
  await deleteView(actorOf(req, res), currentUser(res), list, recordId(req))
  flash(req, { tone: 'ok', text: '视图已删除，列表里的资料不受影响。' })
  res.redirect(303, viewsAddress(list, queryOf(req)))
}

/** What came of trying to keep a view: mistakes by field, or what was made. */
async function attempted<T>(mistakes: Mistakes, work: () => Promise<T>): Promise<{ mistakes?: Mistakes; done?: T }> {
  if (Object.keys(mistakes).length) return { mistakes }
  try {
    return { done: await work() }
  } catch (error) {
    if (error instanceof ViewRefused) return { mistakes: { name: error.message } }
    throw error
  }
}

/** A form of the page that came back. */
interface Returned {
  values: Record<string, string>
  mistakes?: Mistakes
}

async function renderViews(
  req: Request,
  res: Response,
  query: string,
  { fresh, changed }: { fresh?: Returned; changed?: Returned & { id: number } },
): Promise<void> {
  const list = findList(req.params.code)
  const user = currentUser(res)
  const asked = await askAgain(req, res, list, Object.fromEntries(new URLSearchParams(query)))
  const views = await viewsOf(db, list, user)
  const mistakes = { ...fresh?.mistakes, ...changed?.mistakes }
  res.status(Object.keys(mistakes).length ? 422 : 200).render('lists/views', {
    list: { code: list.code, label: list.label },
    back: addressWith(list, asked.given),
    query: new URLSearchParams(asked.given).toString(),
    words: toldConditions(list, asked.conditions).join('；') || '没有条件，范围内的全部',
    columns: asked.choices.columns.map(({ label }) => label).join('、'),
    organisation: user.organisation_name,
    most: mostViews,
    own: views.filter(({ isOwn }) => isOwn).map(view => ({ ...view, returned: view.id === changed?.id ? changed : undefined })),
    others: views.filter(({ isOwn }) => !isOwn),
    fresh: fresh ?? { values: {}, mistakes: {} },
    mistakes,
  })
}

const viewsAddress = (list: List, query: string) => `/desk/lists/${list.code}/views${query && `?${query}`}`

function queryOf(req: Request): string {
  const query: unknown = req.body?.query
  return typeof query === 'string' ? query.slice(0, 4000) : ''
}

function textsOf(query: Request['query']): Record<string, string> {
  return Object.fromEntries(Object.entries(query).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])))
}

async function askAgain(req: Request, res: Response, list: List, given: Record<string, string>): Promise<Asked> {
  const user = currentUser(res)
  return readAsked(db, list, user, readTexts(list, given), await readChoices(db, req.session, user, list))
}
