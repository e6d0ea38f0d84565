import type { AddressInfo } from 'node:net'
import ejs from 'ejs'
import express from 'express'
import { openPool } from '../src/db.ts'

/** The baseline of `npm run bench`: one Express handler that reads a session row, 20 rows and a total, and prints a table. */

const db = openPool(process.env.DATABASE_URL ?? '')
const page =
  ejs.compile(`<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>账号</title><h1>账号</h1><p>共 <%= total %> 条</p>
<table><% for (const row of rows) { %><tr><td><%= row.name %></td><td><%= row.username %></td><td><%= row.organisation %></td><td><%= row.status %></td></tr><% } %></table></html>`)

const app = express()
app.get('/', async (req, res) => {
  const session = await db('sessions')
    .where({ sid: String(req.query.sid) })
    .first('sess')
  if (!session) return void res.status(401).end()
  const [rows, total] = await Promise.all([
    db('users')
      .join('organisations', 'organisations.id', 'users.organisation_id')
      .orderBy('users.name_key')
      .orderBy('users.id')
      .limit(20)
      .select('users.id', 'users.name', 'users.username', 'users.status', 'organisations.name as organisation'),
    db('users').count({ n: '*' }).first(),
  ])
  res.send(page({ rows, total: total?.n }))
})
const server = app.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
process.on('SIGTERM', () => process.exit(0))
