import { createHash } from 'node:crypto'
import fs from 'node:fs'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import type { Knex } from 'knex'

/**
 * A portal of its own for one test file: a fresh schema in the database of DATABASE_URL, the real app on a free port, and people
 * who act over HTTP. The settings must stand before anything of the portal is loaded, hence the imports inside.
 */

process.env.NODE_ENV = 'test'
process.env.DATA_DIR ??= fs.mkdtempSync(path.join(os.tmpdir(), 'portal-test-'))
process.env.LOG_LEVEL ??= 'warn'

export interface Answer {
  status: number
  location: string | null
  text: string
  headers: Headers
}

/** A browser without script: keeps cookies, follows nothing by itself. */
export class Agent {
  base: string
  cookies = new Map<string, string>()
  headers: Record<string, string> = {}

  constructor(base: string) {
    this.base = base
  }

  async get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return await this.#send(path, { headers })
  }

  /** Posts a form as a browser does from the page `from`. */
  async post(
    path: string,
    fields: Record<string, string | string[]> | URLSearchParams = {},
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const body =
      fields instanceof URLSearchParams
        ? fields
        : new URLSearchParams(
            Object.entries(fields).flatMap(([name, value]) => [value].flat().map((one): [string, string] => [name, one])),
          )
    return await this.#send(path, { method: 'POST', body, headers: { origin: this.base, referer: this.base + path, ...headers } })
  }

  async raw(path: string, init: RequestInit): Promise<Response> {
    const answer = await fetch(this.base + path, {
      redirect: 'manual',
      ...init,
      headers: { ...this.#cookieHeader(), ...this.headers, ...init.headers } as Record<string, string>,
    })
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value && !/expires=thu, 01 jan 1970/i.test(line)) this.cookies.set(name, value)
      else this.cookies.delete(name)
    }
    return answer
  }

  async #send(path: string, init: RequestInit): Promise<Answer> {
    const answer = await this.raw(path, init)
    return { status: answer.status, location: answer.headers.get('location'), text: await answer.text(), headers: answer.headers }
  }

  #cookieHeader(): Record<string, string> {
    return this.cookies.size ? { cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ') } : {}
  }
}

export interface TestPortal {
  base: string
  db: Knex
  /** Somebody who is not signed in. */
  anyone(): Agent
  /** A person who has signed in with the demo password, or the one given. */
  as(username: string, password?: string): Promise<Agent>
  stop(): Promise<void>
}

/** Brings the app up on a schema of its own; with `demo`, filled with the demo city. */
export async function startPortal({
  demo = false,
  name = defaultName(),
}: {
  demo?: boolean
  name?: string
} = {}): Promise<TestPortal> {
  const { url, db: own, close } = await openSchema(name)
  await own.destroy()
  const { connect } = await import('../src/db.ts')
  const db = connect(url)
  if (demo) await copyDemoCity(db, url)
  const { createApp } = await import('../src/app.ts')
  const { createServer } = await import('node:http')
  const server = createServer(createApp().app)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    base,
    db,
    anyone: () => new Agent(base),
    async as(username, password = 'Wuye@2026') {
      const agent = new Agent(base)
      const answer = await agent.post('/login', { username, password })
      if (answer.status !== 303) throw new Error(`${username} could not sign in: ${answer.status}`)
      return agent
    },
    async stop() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
      await db.destroy()
      await close()
    },
  }
}

function defaultName(): string {
  return path.basename(process.argv[1] ?? 'test', '.test.ts').replace(/[^a-z0-9]/gi, '_')
}

/** A fresh, migrated schema. `close` drops it again. */
export async function openSchema(name: string): Promise<{ db: Knex; url: string; close(): Promise<void> }> {
  const { openPool } = await import('../src/db.ts')
  const { migrateToLatest } = await import('../src/database/migrate.ts')
  const server = process.env.DATABASE_URL
  if (!server) throw new Error('DATABASE_URL is not set: run the tests with npm test')
  const url = schemaUrl(server, `portal_test_${name}_${process.pid}`)
  await onServer(server, admin => makeSchema(admin, url))
  const db = openPool(url)
  await migrateToLatest(db)
  return {
    db,
    url,
    async close() {
      await db.destroy()
      await onServer(server, admin => admin.raw('drop database if exists ??', [schemaOf(url)]))
    },
  }
}

const schemaOf = (url: string) => new URL(url).pathname.slice(1)

function schemaUrl(server: string, schema: string): string {
  const url = new URL(server)
  url.pathname = `/${schema.slice(0, 60)}`
  return url.href
}

async function makeSchema(admin: Knex, url: string): Promise<void> {
  await admin.raw('drop database if exists ??', [schemaOf(url)])
  await admin.raw('create database ?? character set utf8mb4 collate utf8mb4_unicode_520_ci', [schemaOf(url)])
}

async function onServer<T>(server: string, work: (admin: Knex) => PromiseLike<T>): Promise<T> {
  const { openPool } = await import('../src/db.ts')
  const admin = openPool(server, 1)
  try {
    return await work(admin)
  } finally {
    await admin.destroy()
  }
}

/**
 * Fills a migrated schema with the demo city. Loading it takes seconds, copying it less: the first test file that asks loads a
 * template, all others copy its rows.
 */
async function copyDemoCity(db: Knex, url: string): Promise<void> {
  const template = schemaUrl(url, `portal_demo_${digestOfDemo()}`)
  await onServer(url, async admin => {
    await admin.raw('select get_lock(?, 300)', [schemaOf(template)])
    const [found] = await admin.raw("select 1 from information_schema.tables where table_schema = ? and table_name = 'users'", [
      schemaOf(template),
    ])
    if (found.length === 0) await loadTemplate(admin, template)
    await admin.raw('select release_lock(?)', [schemaOf(template)])
  })
  await db.transaction(async trx => {
    // A table of forty columns is longer than the default of 1,024 characters.
    await trx.raw('set group_concat_max_len = 100000')
    const tables = await ask<{ name: string; columns: string }>(
      trx,
      `select c.table_name as name, group_concat(concat('\`', c.column_name, '\`') order by c.ordinal_position) as columns
       from information_schema.columns c join information_schema.tables t on t.table_schema = c.table_schema and t.table_name = c.table_name
       where c.table_schema = ? and t.table_type = 'BASE TABLE' and coalesce(c.generation_expression, '') = '' and c.table_name not like 'knex%'
       group by c.table_name`,
      [schemaOf(url)],
    )
    await trx.raw('set foreign_key_checks = 0')
    for (const { name, columns } of tables) {
      await trx(name).delete()
      await trx.raw(`insert into ?? (${columns}) select ${columns} from ??.??`, [name, schemaOf(template), name])
    }
    await trx.raw('set foreign_key_checks = 1')
  })
}

/** The rows of a plain SQL question. */
async function ask<Row>(db: Knex, sql: string, values: string[]): Promise<Row[]> {
  const [rows] = await db.raw(sql, values)
  return rows
}

async function loadTemplate(admin: Knex, template: string): Promise<void> {
  const { openPool } = await import('../src/db.ts')
  const { migrateToLatest } = await import('../src/database/migrate.ts')
  const { loadDemoCity } = await import('../seeds/city.ts')
  const making = schemaUrl(template, `${schemaOf(template)}_new`)
  await makeSchema(admin, making)
  const db = openPool(making)
  await migrateToLatest(db)
  await loadDemoCity(db, { size: 1 })
  await db.destroy()
  // A template exists only whole: its tables arrive in one statement.
  await makeSchema(admin, template)
  const rows = await ask<{ name: string }>(
    admin,
    "select table_name as name from information_schema.tables where table_schema = ? and table_type = 'BASE TABLE'",
    [schemaOf(making)],
  )
  for (const { name } of rows) await dropTriggers(admin, schemaOf(making), name)
  const moves = rows.map(({ name }) => `\`${schemaOf(making)}\`.\`${name}\` to \`${schemaOf(template)}\`.\`${name}\``)
  await admin.raw(`rename table ${moves.join(', ')}`)
  await admin.raw('drop database ??', [schemaOf(making)])
}

async function dropTriggers(admin: Knex, schema: string, table: string): Promise<void> {
  const rows = await ask<{ name: string }>(
    admin,
    'select trigger_name as name from information_schema.triggers where trigger_schema = ? and event_object_table = ?',
    [schema, table],
  )
  for (const { name } of rows) await admin.raw('drop trigger ??.??', [schema, name])
}

/** The demo cases are played by the engine itself. */
const played = [
  'cases',
  'documents',
  'forms',
  'messages',
  'modules/archives',
  'modules/filings',
  'modules/qualification',
  'publicity',
].map(room => `src/${room}`)

/** What the demo city depends on: its sources, the tables, the keys its personal data are encrypted with, and the day it is told from. */
function digestOfDemo(): string {
  const hash = createHash('sha256')
  for (const folder of ['migrations', 'seeds', ...played])
    for (const file of fs.existsSync(folder) ? fs.readdirSync(folder).sort() : [])
      if (fs.statSync(path.join(folder, file)).isFile()) hash.update(fs.readFileSync(path.join(folder, file)))
  hash.update(process.env.DATA_KEY ?? process.env.DATA_DIR ?? '').update(new Date().toISOString().slice(0, 10))
  return hash.digest('hex').slice(0, 12)
}
