import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Knex } from 'knex'
import { readSheet } from 'read-excel-file/node'
import { see, walk } from './list-rows.ts'
import { type Agent, startPortal, type TestPortal } from './portal.ts'
import { holdCertificate, newCompany } from './qualification.ts'

const { addDays } = await import('../src/calendar.ts')
const { forgetSettings } = await import('../src/admin/settings.ts')
const { shiftClock, today } = await import('../src/clock.ts')

/** 资质台账 and 将到期证书 over the demo city: who sees which, as they stand on a day, and what leaves. */

let portal: TestPortal
let db: Knex
const agents = new Map<string, Agent>()
const as = async (username: string) => {
  const agent = agents.get(username) ?? (await portal.as(username))
  agents.set(username, agent)
  return agent
}

before(async () => {
  portal = await startPortal({ demo: true })
  db = portal.db
})
after(() => portal.stop())

/** How many rows a list says it has. */
async function total(agent: Agent, question: string): Promise<number> {
  const { status, count, text } = await see(agent, `/desk/lists/${question}${question.includes('?') ? '&' : '?'}count=exact`)
  assert.equal(status, 200, text.slice(0, 500))
  return Number(String(count ?? '0').replace(/,/g, ''))
}

/** All rows of a list as data. */
async function rowsOf(agent: Agent, question: string): Promise<Record<string, unknown>[]> {
  const [code = '', query = ''] = question.split('?')
  const answer = await agent.get(`/desk/lists/${code}/export.json${query && `?${query}`}`)
  assert.equal(answer.status, 200, question)
  return JSON.parse(answer.text).rows
}

async function countOf(query: Knex.QueryBuilder): Promise<number> {
  const row: { n: number } | undefined = await query.clone().count({ n: '*' }).first()
  return Number(row?.n)
}

const inDistrict = (code: string) =>
  db('certificates').whereIn('company_id', db('company_areas').where({ region_code: code }).select('company_id'))

test('the city sees every certificate, a district those of companies registered or serving there, a company its own', async () => {
  assert.equal(await total(await as('city-clerk'), 'certificates'), await countOf(db('certificates')))
  for (const [username, district] of [
    ['district-clerk', '370102'],
    ['district2-clerk', '370103'],
  ] as const) {
    const expected = await countOf(inDistrict(district))
    assert.ok(expected > 0 && expected < (await countOf(db('certificates'))))
    assert.equal(await total(await as(username), 'certificates'), expected)
  }
  const own: { organisation_id: number } | undefined = await db('users').where({ username: 'company' }).first('organisation_id')
  const held = db('certificates').where({ company_id: own?.organisation_id })
  assert.equal(await total(await as('company'), 'certificates'), await countOf(held))
  assert.ok((await countOf(held)) > 0)
})

test('whoever has nothing to do with certificates has no such list, and the menu offers it to the others', async () => {
  for (const username of ['owner', 'committee', 'developer', 'editor', 'system-admin'])
    for (const code of ['certificates', 'certificates-expiring'])
      assert.equal((await (await as(username)).get(`/desk/lists/${code}`)).status, 403, `${username} ${code}`)
  // Who sets the rules of business reads neither the register nor one certificate nor what was printed.
  const { id } = await db('certificates').first('id')
  for (const path of ['/desk/lists/certificates', '/desk/lists/certificate-prints', `/desk/certificates/${id}`])
    assert.equal((await (await as('business-admin')).get(path)).status, 403, path)
  for (const [username, offered] of [
    ['district-clerk', true],
    ['company', true],
    ['owner', false],
  ] as const) {
    const { text } = await (await as(username)).get('/desk')
    assert.equal(text.includes('href="/desk/lists/certificates"'), offered, username)
    assert.equal(text.includes('href="/desk/lists/certificates-expiring"'), offered, username)
  }
})

test('the newest issued come first, and the counts by state add up to the whole', async () => {
  const clerk = await as('city-clerk')
  const pages = await walk(clerk, '/desk/lists/certificates?size=100')
  const days = pages.flatMap(({ rows, heads }) => rows.map(row => row[heads.indexOf('发证日期')] ?? ''))
  assert.deepEqual(days, [...days].sort().reverse())
  assert.equal(days.length, await countOf(db('certificates')))
  let sum = 0
  for (const state of ['valid', 'expiring', 'renewing', 'expired', 'replaced', 'revoked', 'cancelled', 'lost']) {
    const words = new Set((await rowsOf(clerk, `certificates?state=${state}`)).map(row => row.state))
    assert.ok(words.size <= 1, `${state} is called ${[...words].join()}`)
    sum += await total(clerk, `certificates?state=${state}`)
  }
  assert.equal(sum, days.length)
})

test('a certificate is found by the company, by pinyin, by its own number and not by that of another', async () => {
  const clerk = await as('city-clerk')
  const row: { number: string; name: string; code: string; company_id: number } = await db('certificates')
    .join('organisations', 'organisations.id', 'certificates.company_id')
    .where({ 'certificates.state': 'replaced', level: 'provisional' })
    .orderBy('certificates.id')
    .first('number', 'name', 'code', 'company_id')
  const all = await countOf(db('certificates').where({ company_id: row.company_id }))
  assert.ok(all > 1, 'the company had others before')
  const ask = (q: string) => rowsOf(clerk, `certificates?q=${encodeURIComponent(q)}`)
  assert.equal((await ask(row.code)).length, all)
  assert.equal((await ask(row.name)).length, all)
  assert.deepEqual(
    (await ask(row.number)).map(({ number }) => number),
    [row.number],
  )
  const found = await clerk.get(`/desk/search?q=${encodeURIComponent(row.number)}`)
  assert.match(found.text, /资质台账/)
  assert.ok(found.text.includes(row.number))
})

test('filters narrow: level, district, days to the end, approved in a period, who issued it', async () => {
  const clerk = await as('city-clerk')
  const day = today()
  const joined = () => db('certificates').join('organisations', 'organisations.id', 'certificates.company_id')
  for (const [question, expected] of [
    ['level=second', db('certificates').where({ level: 'second' })],
    ['district=370102', joined().where({ district_code: '370102' })],
    [
      'within=60',
      db('certificates')
        .where({ live: 1 })
        .whereBetween('valid_until', [day, addDays(day, 60)]),
    ],
    [
      'approved_from=2024-01-01&approved_to=2024-12-31',
      db('certificates').whereBetween('approved_on', ['2024-01-01', '2024-12-31']),
    ],
    ['issuer=above', db('certificates').whereIn('level', ['first', 'second'])],
    ['issuer=city&level=second', db('certificates').whereRaw('1 = 0')],
  ] as const) {
    const n = await countOf(expected)
    assert.equal(await total(clerk, `certificates?${question}`), n, question)
    assert.ok(n > 0 || question.includes('city'), question)
  }
})

test('what leaves is what the screen shows', async () => {
  const district = await as('district-clerk')
  for (const code of ['certificates', 'certificates-expiring']) {
    const pages = await walk(district, `/desk/lists/${code}?size=100`)
    const answer = await district.raw(`/desk/lists/${code}/export.xlsx`, {})
    assert.equal(answer.status, 200)
    const sheet = await readSheet(Buffer.from(await answer.arrayBuffer()))
    const at = sheet.findIndex(row => row.includes('证书编号'))
    const text = (cell: unknown) => (cell instanceof Date ? cell.toISOString().slice(0, 10) : String(cell ?? ''))
    const leaves = sheet.slice(at).map(row => row.map(text))
    assert.deepEqual(leaves[0], pages[0]?.heads)
    assert.deepEqual(
      leaves.slice(1),
      // A light says its colour to those who do not see it.
      pages.flatMap(({ rows }) => rows.map(row => row.map(cell => cell.replace(/^(已超期|临近时限|时限充裕)：/, '')))),
      code,
    )
  }
})

/** Runs with the clock so many days later. */
async function later<T>(days: number, work: () => Promise<T>): Promise<T> {
  shiftClock(days * 86_400_000)
  try {
    // Sessions end with the days, and so do the reminders of a password.
    agents.clear()
    return await work()
  } finally {
    shiftClock(0)
    agents.clear()
  }
}

test('as the days pass a certificate becomes due, comes into the list, runs out, stays 90 days and is gone', async () => {
  const { id, name } = await newCompany(portal)
  const day = today()
  const number = `鲁济物3-2023-L${process.pid}`
  await holdCertificate(portal, id, { number, approved_on: addDays(day, -900), valid_until: addDays(day, 100) })
  const asShown = async (code: string) => {
    const rows = await rowsOf(await as('district-clerk'), `${code}?size=100`)
    return rows.find(row => row.number === number)
  }
  assert.equal((await asShown('certificates'))?.state, '有效')
  assert.equal(await asShown('certificates-expiring'), undefined)
  for (const [days, state, left, light] of [
    [10, '即将到期', '还有 90 天', 'green'],
    [70, '即将到期', '还有 30 天', 'yellow'],
    [100, '即将到期', '今天到期', 'yellow'],
    [101, '已过期', '过期 1 天', 'red'],
  ] as const)
    await later(days, async () => {
      assert.equal((await asShown('certificates'))?.state, state, `${days}`)
      const row = await asShown('certificates-expiring')
      assert.deepEqual([row?.company, row?.days_left], [name, left])
      const { text } = await (await as('district-clerk')).get('/desk/lists/certificates-expiring?size=100')
      const line = text.split('<tr>').find(part => part.includes(number))
      assert.ok(line?.includes(`light-${light}`), `${days} days later: ${line}`)
    })

  // What the job makes of it stays here; what has a successor does not.
  await db('certificates')
    .where({ number })
    .update({ state: 'expired', ended_on: addDays(day, 100) })
  await later(150, async () => assert.equal((await asShown('certificates-expiring'))?.days_left, '过期 50 天'))
  await later(191, async () => assert.equal(await asShown('certificates-expiring'), undefined))
  await holdCertificate(portal, id, { valid_until: addDays(day, 900) })
  await later(150, async () => assert.equal(await asShown('certificates-expiring'), undefined))
})

test('one whose renewal was asked for in time stays in force past its last day, and says so', async () => {
  const { id, agent } = await newCompany(portal)
  const number = `鲁济物暂-2025-L${process.pid}`
  const certificate = await holdCertificate(portal, id, { number, level: 'provisional', valid_until: addDays(today(), 20) })
  const clerk = await as('city-clerk')
  const find = async (question: string) => (await rowsOf(clerk, question)).find(row => row.number === number)
  assert.equal((await find('certificates-expiring'))?.pending, null)
  const begun = await agent.post('/desk/cases/new/qualification-confirm')
  assert.equal(begun.status, 303)
  assert.match(String((await find('certificates-expiring'))?.pending), /核定 未提交$/)
  const kase = Number(/cases\/(\d+)/.exec(begun.location ?? '')?.[1])
  await db('cases').where({ id: kase }).update({ state: 'reviewing' })
  assert.match(String((await find('certificates-expiring?applied=yes'))?.pending), /核定 办理中$/)
  assert.equal(await find('certificates-expiring?applied=no'), undefined)

  await db('certificates')
    .where({ id: certificate })
    .update({ valid_until: addDays(today(), -3), renewing: 1 })
  assert.equal((await find('certificates?state=renewing'))?.state, '延续办理中')
  assert.equal(await find('certificates?state=expired'), undefined)
  assert.equal((await find('certificates-expiring'))?.days_left, '已过 3 天，延续办理中')
})

test('while the licence is out of use both lists say that they are history', async () => {
  const clerk = await as('city-clerk')
  const says = async () => /历史档案/.test((await clerk.get('/desk/lists/certificates')).text)
  assert.equal(await says(), false)
  const at = new Date()
  await db('settings')
    .insert({ code: 'qualification.enabled', value: 'false', created_at: at, updated_at: at })
    .onConflict('code')
    .merge()
  forgetSettings()
  try {
    assert.equal(await says(), true)
    assert.match((await clerk.get('/desk/lists/certificates-expiring')).text, /历史档案/)
  } finally {
    await db('settings').where({ code: 'qualification.enabled' }).delete()
    forgetSettings()
  }
})

test('the pages of both lists are read from an index', async () => {
  for (const [question, index] of [
    ['select id from certificates order by issued_on desc, id desc limit 21', 'certificates_issued_on_id_index'],
    [
      "select id from certificates where state = 'valid' and valid_until between '2026-01-01' and '2026-03-01'",
      'certificates_state_valid_until_id_index',
    ],
    [
      "select 1 from cases pending where pending.open_key = convert(concat('qualification-apply:', 17) using ascii)",
      'cases_open_key_unique',
    ],
  ] as const) {
    // Each server lays its plan out differently; both name the index, or say that there is no row to look for.
    const [plan]: object[][] = await db.raw(`explain ${question}`)
    assert.match(JSON.stringify(plan), new RegExp(`${index}|no matching row|Impossible|zero rows`, 'i'), question)
  }
})
