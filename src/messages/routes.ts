import express, { type NextFunction, type Request, type Response } from 'express'
import type { Knex } from 'knex'
import { z } from 'zod'
import { now } from '../clock.ts'
import { db } from '../db.ts'
import { NotFound } from '../errors.ts'
import { allow, currentUser, flash, ownPath, queryText, recordId } from '../http.ts'

/** The inbox: `/desk/messages`. Everybody reads their own; somebody else's message is not found. */
export const inbox = express.Router()

export interface InboxMessage {
  id: number
  title: string
  body: string | null
  link: string | null
  created_at: Date
  read_at: Date | null
}

const perPage = 20
const mostCounted = 100

inbox.get('/', allow(), async (req, res) => {
  const user = currentUser(res)
  const unreadOnly = queryText(req, 'only') === 'unread'
  const [rows, unread] = await Promise.all([pageOf(user.id, unreadOnly, queryText(req, 'before')), unreadOf(db, user.id)])
  const shown = rows.slice(0, perPage)
  res.render('desk/messages', {
    messages: shown,
    unread,
    mostCounted,
    unreadOnly,
    next: rows.length > perPage ? shown.at(-1)?.id : undefined,
  })
})

inbox.post('/read-all', allow(), async (req, res) => {
  const marked = await ownMessages(currentUser(res).id).whereNull('read_at').update({ read_at: now() })
  flash(req, marked ? { tone: 'ok', text: `${marked} 条消息已设为已读。` } : { tone: 'ok', text: '没有未读消息。' })
  res.redirect(303, '/desk/messages')
})

inbox.get('/:id', allow(), async (req, res) => {
  res.render('desk/messages-one', { message: await findMessage(req, res) })
})

/** Opening is a POST, because it marks as read (ASVS 3.5.3); it leads on to what the message is about. */
inbox.post('/:id/read', allow(), async (req, res) => {
  const message = await findMessage(req, res)
  await ownMessages(currentUser(res).id).where({ id: message.id }).whereNull('read_at').update({ read_at: now() })
  res.redirect(303, ownPath(message.link, `/desk/messages/${message.id}`))
})

function ownMessages(user_id: number): Knex.QueryBuilder<InboxMessage> {
  return db('messages').where({ user_id })
}

async function findMessage(req: Request, res: Response): Promise<InboxMessage> {
  const message: InboxMessage | undefined = await ownMessages(currentUser(res).id)
    .where({ id: recordId(req) })
    .first()
  if (!message) throw new NotFound('没有找到这条消息。编号可能有误，或不是发给您的。')
  return message
}

const placeInPage = z.string().regex(/^[1-9]\d{0,14}$/)

/** The newest messages, or those before one of them; one more than a page shows whether there are older ones. */
async function pageOf(user_id: number, unreadOnly: boolean, before: string): Promise<InboxMessage[]> {
  const query = ownMessages(user_id)
    .orderBy([
      { column: 'created_at', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .limit(perPage + 1)
  if (unreadOnly) query.whereNull('read_at')
  if (!before) return await query
  const id = placeInPage.safeParse(before)
  const last: InboxMessage | undefined = id.success
    ? await ownMessages(user_id)
        .where({ id: Number(id.data) })
        .first()
    : undefined
  if (!last) throw new NotFound('这一页的起点已经不在，请从收件箱第一页看起。')
  const { created_at } = last
  return await query.where(older =>
    older.where('created_at', '<', created_at).orWhere(same => same.where({ created_at }).where('id', '<', last.id)),
  )
}

/** How many messages somebody has not read, counted to a hundred at most. */
async function unreadOf(db: Knex, user_id: number): Promise<number> {
  const some = db('messages').where({ user_id }).whereNull('read_at').limit(mostCounted).select(db.raw('1')).as('some')
  const row = await db.from(some).count({ n: '*' }).first()
  return Number(row?.n ?? 0)
}

/**
 * Puts the number beside the bell of the top bar: `res.locals.unread`. A page inside a tab has no top bar, and what is no page has
 * none either, so only whole pages cost the question.
 */
export async function countUnread(req: Request, res: Response, next: NextFunction): Promise<void> {
  const page = req.method === 'GET' && req.get('sec-fetch-dest') !== 'iframe' && req.get('x-background') === undefined
  if (page && res.locals.user) res.locals.unread = await unreadOf(db, res.locals.user.id)
  next()
}
