import { z } from 'zod'
import { isRole, roles } from '../accounts/roles.ts'
import { now } from '../clock.ts'
import { db } from '../db.ts'
import { optionalText, readForm } from '../forms/form.ts'
import { renderForm } from '../forms/page.ts'
import { allow, currentUser, flash, recordId } from '../http.ts'
import { actorOf } from './action-log.ts'
import { admin } from './router.ts'
import { settingsNow } from './settings.ts'
import { signOutAccount } from './users.ts'

// 在线会话: who is signed in, for 安全管理员, who can sign anybody out.

const granter = allow('security-admin')

const searchForm = z.object({ q: optionalText({ label: '姓名或账号', max: 60 }) })

admin.get('/sessions', granter, async (req, res) => {
  const read = readForm(searchForm, { q: req.query.q ?? '' })
  const found = read.ok ? await signedIn(read.data.q) : { people: [], more: false }
  renderForm(res, 'admin/sessions', {
    form: searchForm,
    values: read.ok ? { q: read.data.q ?? '' } : read.values,
    mistakes: read.ok ? {} : read.mistakes,
    ...found,
    most,
    me: currentUser(res).id,
  })
})

admin.post('/sessions/:id/end', granter, async (req, res) => {
  const { name, ended } = await signOutAccount(actorOf(req, res), recordId(req))
  flash(req, { tone: 'ok', text: ended ? `${name}的 ${ended} 处登录已退出。` : `${name}已经不在登录。` })
  res.redirect(303, '/desk/admin/sessions')
})

interface SessionRow {
  sess: string | { started_at?: number; seen_at?: number; role_id?: number }
  user_id: number
  username: string
  name: string
  organisation_name: string
}

interface Person {
  id: number
  username: string
  name: string
  organisation_name: string
  role: string
  since: Date
  seen: Date
  address: string | undefined
  /** How many places they are signed in from. */
  places: number
}

const most = 200

/** The people signed in, whoever was there last first. A session counts until its own limits end it. */
async function signedIn(search: string | null): Promise<{ people: Person[]; more: boolean }> {
  const limits = await settingsNow(db)
  const query = db('sessions')
    .join('users', 'users.id', 'sessions.user_id')
    .join('organisations', 'organisations.id', 'users.organisation_id')
    .where('sessions.expired', '>', now())
    .orderBy('sessions.expired', 'desc')
    .limit(most * 2)
  const word = search?.replace(/[\\%_]/g, '\\$&')
  if (word)
    query.where(found => {
      found.where('users.name', 'like', `%${word}%`)
      // The column is ASCII: the database refuses to compare it with anything else.
      if (/^[\x20-\x7e]+$/.test(word)) found.orWhere('users.username', 'like', `${word.toLowerCase()}%`)
    })
  const rows: SessionRow[] = await query.select(
    'sessions.sess',
    'sessions.user_id',
    'users.username',
    'users.name',
    'organisations.name as organisation_name',
  )
  const at = now().getTime()
  const live = rows
    .map(({ sess, ...row }) => {
      const { started_at = 0, seen_at = 0, role_id = 0 } = typeof sess === 'string' ? JSON.parse(sess) : sess
      return { ...row, started_at, seen_at, role_id } as SessionRow & { started_at: number; seen_at: number; role_id: number } // what sessions.ts writes
    })
    .filter(
      row =>
        at - row.seen_at <= limits['session.idle-minutes'] * 60_000 &&
        at - row.started_at <= limits['session.absolute-hours'] * 3_600_000,
    )
    .sort((one, other) => other.seen_at - one.seen_at)
  const [words, addresses] = await Promise.all([roleWords(live.map(row => row.role_id)), addressesOf(live)])
  const people = new Map<number, Person>()
  for (const row of live) {
    const known = people.get(row.user_id)
    if (known) known.places++
    else
      people.set(row.user_id, {
        id: row.user_id,
        username: row.username,
        name: row.name,
        organisation_name: row.organisation_name,
        role: words.get(row.role_id) ?? '—',
        since: new Date(row.started_at),
        seen: new Date(row.seen_at),
        address: addresses(row.user_id, row.started_at),
        places: 1,
      })
  }
  return { people: [...people.values()].slice(0, most), more: people.size > most || rows.length === most * 2 }
}

async function roleWords(ids: number[]): Promise<Map<number, string>> {
  const rows: { id: number; role: string }[] = await db('user_roles').whereIn('id', ids).select('id', 'role')
  return new Map(rows.map(({ id, role }) => [id, isRole(role) ? roles[role].label : role]))
}

const near = 10_000

/** Sessions do not keep addresses; the sign-in log of the same moment does. */
async function addressesOf(
  live: { user_id: number; started_at: number }[],
): Promise<(userId: number, startedAt: number) => string | undefined> {
  if (!live.length) return () => undefined
  const rows: { user_id: number; at: Date; address: string }[] = await db('sign_ins')
    .whereIn('user_id', [...new Set(live.map(row => row.user_id))])
    .where({ outcome: 'ok' })
    .where('at', '>=', new Date(Math.min(...live.map(row => row.started_at)) - near))
    .select('user_id', 'at', 'address')
  return (userId, startedAt) => rows.find(row => row.user_id === userId && Math.abs(row.at.getTime() - startedAt) < near)?.address
}
