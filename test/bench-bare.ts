import type { AddressInfo } from 'node:net'
import ejs from 'ejs'
import express from 'express'
import { openPool } from '../src/db.ts'

/**
 * The baseline of `npm run bench`: the same page from one bare Express handler. It is given a list page of the portal once, keeps
 * everything around the rows as text, and for each request reads a session row, the same 20 rows and a total, and prints them with
 * EJS into the same table. No sign-in, no roles, no menu, no filters, no log.
 */

const db = openPool(process.env.DATABASE_URL ?? '')

interface Bare {
  /** What stands in the columns, in their order. */
  names: string[]
  rows(): PromiseLike<unknown[]>
  total(): PromiseLike<{ n?: string | number } | undefined>
}

const waiting = () => db('cases').where({ holder_role: 'district-clerk', district_code: '370102' }).whereNotNull('serial')

const lists: Record<string, Bare> = {
  users: {
    names: ['name', 'username', 'organisation', 'roles', 'region', 'status', 'last_signed_in_at', 'created_at'],
    rows: () =>
      db('users')
        .leftJoin('organisations', 'organisations.id', 'users.organisation_id')
        .leftJoin('regions', 'regions.code', 'organisations.region_code')
        .orderBy('users.name_key')
        .orderBy('users.id')
        .limit(20)
        .select(
          'users.id',
          'users.name',
          'users.username',
          'users.status',
          'users.last_signed_in_at',
          'users.created_at',
          'organisations.name as organisation',
          'regions.name as region',
          db.raw('(select group_concat(r.role) from user_roles r where r.user_id = users.id) as roles'),
        ),
    total: () => db('users').count({ n: '*' }).first(),
  },
  companies: {
    names: ['name', 'level', 'number', 'valid_until', 'code', 'district_code', 'state', 'projects', 'people'],
    rows: () =>
      db('companies')
        .join('organisations', 'organisations.id', 'companies.id')
        .leftJoin('certificates', held => held.on('certificates.company_id', 'companies.id').onVal('certificates.live', 1))
        .orderBy('organisations.name_key')
        .orderBy('organisations.id')
        .limit(20)
        .select(
          'organisations.name',
          'organisations.code',
          'organisations.district_code',
          'companies.state',
          'certificates.level',
          'certificates.number',
          'certificates.valid_until',
          db.raw('(select count(*) from project_links l where l.company_id = companies.id and l.live = 1) as projects'),
          db.raw('(select count(*) from employments e where e.company_id = companies.id and e.live = 1) as people'),
        ),
    total: () => db('companies').count({ n: '*' }).first(),
  },
  cases: {
    names: ['subject_name', 'due_on', 'kind', 'state', 'place', 'serial', 'district_code', 'submitted_at', 'due_on', 'number'],
    rows: () => waiting().orderBy('due_on').orderBy('id').limit(20).select('*'),
    total: () =>
      db
        .from(waiting().select(db.raw('1')).limit(1001).as('counted'))
        .count({ n: '*' })
        .first(),
  },
}

const pages = new Map<string, ejs.TemplateFunction>()

const app = express()
app.post('/:list', express.text({ limit: '2mb' }), (req, res) => {
  const { names = [] } = lists[req.params.list] ?? {}
  const [before = '', rest = ''] = String(req.body).split('<tbody>')
  const [rows = '', after = ''] = rest.split('</tbody>')
  const cells = (/<tr[\s\S]*?<\/tr>/.exec(rows)?.[0] ?? '').match(/<(th|td)\b[^>]*>/g) ?? []
  const row = cells.map((cell, n) => `${cell}<%= row.${names[n] ?? names[0]} %></${cell.slice(1, 3)}>`).join('')
  const text = (html: string) => html.replaceAll('<%', '<%%')
  pages.set(
    req.params.list,
    ejs.compile(`${text(before)}<tbody><% for (const row of rows) { %><tr>${row}</tr><% } %></tbody>${text(after)}<%= total %>`),
  )
  res.status(204).end()
})
app.get('/:list', async (req, res) => {
  const session = await db('sessions')
    .where({ sid: String(req.query.sid) })
    .first('sess')
  const list = lists[req.params.list]
  const page = pages.get(req.params.list)
  if (!session || !list || !page) return void res.status(401).end()
  const [rows, total] = await Promise.all([list.rows(), list.total()])
  res.send(page({ rows, total: total?.n }))
})
const server = app.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
process.on('SIGTERM', () => process.exit(0))
