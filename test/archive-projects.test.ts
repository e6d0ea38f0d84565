import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { launch, phone, sidewaysScroll, signIn, violations, visit } from './browser.ts'
import { type Agent, type Answer, startPortal, type TestPortal } from './portal.ts'
import { newUser, plain, press, upload, versionsOf } from './qualification.ts'

/** 项目: page with life line, fees with history, at-once edits, 建档 and 变更, the map. */

const { addDays } = await import('../src/calendar.ts')
const { today } = await import('../src/clock.ts')

let portal: TestPortal
let company: Agent
let company2: Agent
let developer: Agent
let district: Agent
let reviewer: Agent
let city: Agent
let street: Agent
let browser: Browser | undefined
const day = today()
const tomorrow = addDays(day, 1)
const yesterday = addDays(day, -1)

interface Project {
  id: number
  code: string
  name: string
  stage: string
  floor_area: string
  district_code: string
  street_code: string
  developer_id: number
}

before(async () => {
  portal = await startPortal({ demo: true })
  company = await portal.as('company')
  company2 = await portal.as('company2')
  developer = await portal.as('developer')
  city = await portal.as('city-clerk')
  const organisation_id = await deskOf('370102', 'district')
  district = await portal.as(await newUser(portal, { organisation_id, role: 'district-clerk', region_code: '370102' }))
  reviewer = await portal.as(await newUser(portal, { organisation_id, role: 'district-reviewer', region_code: '370102' }))
  const served = await servedBy('company')
  street = await portal.as(
    await newUser(portal, {
      organisation_id: await deskOf(served.street_code),
      role: 'street-clerk',
      region_code: served.street_code,
    }),
  )
})
after(async () => {
  await browser?.close()
  await portal.stop()
})

async function organisationOf(username: string): Promise<number> {
  const row = await portal.db('users').where({ username }).first('organisation_id')
  assert.ok(row, username)
  return row.organisation_id
}

async function deskOf(region_code: string, kind = 'street'): Promise<number> {
  const row = await portal.db('organisations').where({ kind, region_code }).first('id')
  assert.ok(row, region_code)
  return row.id
}

/** A project of 历下区 that the organisation of this account serves now, chosen by its owners. */
async function servedBy(username: string): Promise<Project> {
  const row = await portal
    .db('projects')
    .join('project_links', 'project_links.project_id', 'projects.id')
    .where({ 'project_links.company_id': await organisationOf(username), 'project_links.live': 1, 'projects.stage': 'selected' })
    .where({ 'projects.district_code': '370102' })
    .orderBy('projects.id')
    .first('projects.*')
  assert.ok(row)
  return row
}

async function find(where: Record<string, string | number>): Promise<Project> {
  const row = await portal.db('projects').where(where).orderBy('id').first()
  assert.ok(row, JSON.stringify(where))
  return row
}

/** The words of the part of a page between two headings. */
function part(answer: Answer, from: string, to: string): string {
  const text = words(answer)
  const start = text.indexOf(from)
  assert.ok(start >= 0, `${from} in ${text.slice(0, 500)}`)
  const end = text.indexOf(to, start + from.length)
  return text.slice(start, end < 0 ? undefined : end)
}

const words = ({ text }: Answer) =>
  text
    .slice(Math.max(text.indexOf('<main'), 0))
    .replace(/<(script|style|svg)[\s\S]*?<\/\1>/g, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/&#39;/g, "'")
    .replace(/\s+/g, ' ')

const lifeOf = async (agent: Agent, id: number, query = '') => {
  const answer = await agent.get(`/desk/projects/${id}${query}`)
  assert.equal(answer.status, 200, plain(answer.text))
  return part(answer, '项目生命线', '主要数字')
}

// ── Life line ──────────────────────────────────────────────────────────────────────────────────

test('a project that is only divided waits for its tender, one in tender for its award', async () => {
  const divided = await lifeOf(city, (await find({ stage: 'divided' })).id)
  const tendering = await lifeOf(city, (await find({ stage: 'tendering' })).id)

  assert.match(divided, /前期招标备案/)
  assert.match(divided, /发出投标邀请书 10 日以前备案/)
  assert.doesNotMatch(divided, /成立业主大会/)
  assert.match(tendering, /中标备案.*15 日内备案/)
})

test('a served project shows tender, award, contract, committee and new contract with date and number', async () => {
  const project = await servedBy('company')
  const [contract, term] = await Promise.all([
    portal
      .db('contracts')
      .where({ project_id: project.id, phase: 'selected' })
      .whereNot({ state: 'filing' })
      .orderBy('starts_on', 'desc')
      .first(),
    portal
      .db('committee_terms')
      .join('committees', 'committees.id', 'committee_terms.committee_id')
      .where({ 'committees.project_id': project.id, 'committee_terms.live': 1 })
      .first('committee_terms.*'),
  ])

  const life = await lifeOf(city, project.id)

  for (const known of [contract.signed_on, contract.number, contract.ends_on, term.elected_on, term.number, term.ends_on])
    assert.ok(life.includes(known), `${known} in ${life}`)
})

test('a project without committee says whether its owners may meet, with the figures and who must act', async () => {
  const { db } = portal
  const project = await db('projects')
    .join('project_links', 'project_links.project_id', 'projects.id')
    .leftJoin('committees', 'committees.project_id', 'projects.id')
    .where({ 'projects.stage': 'early', 'project_links.live': 1 })
    .whereNull('committees.id')
    .where('projects.house_count', '>', 40)
    .first('projects.*')
  const half = Math.ceil(project.house_count / 2)

  await db('projects')
    .where({ id: project.id })
    .update({ delivered_count: half, delivered_area: '1.00', first_delivered_on: yesterday })
  const met = await lifeOf(city, project.id)
  await db('projects')
    .where({ id: project.id })
    .update({ delivered_count: Math.floor(project.house_count / 3) })
  const early = await lifeOf(city, project.id)
  await db('projects')
    .where({ id: project.id })
    .update({ first_delivered_on: addDays(day, -735) })
  const late = await lifeOf(city, project.id)

  assert.match(met, /达到成立业主大会条件，组建筹备组.*已达 50%.*60 日内由街道办/)
  assert.match(early, /尚未达到成立业主大会的条件.*交付户数占 3\d\.\d%/)
  assert.match(late, /首次交付已满 2 年，交付户数占 3\d\.\d%，已达 25%/)
})

test('the contract that has run out and the term that is over stand first, in red', async () => {
  const { db } = portal
  const lapsed = await db('contracts')
    .join('project_links', join =>
      join.on('project_links.project_id', 'contracts.project_id').on('project_links.company_id', 'contracts.company_id'),
    )
    .where({ 'contracts.state': 'filed', 'project_links.live': 1 })
    .where('contracts.ends_on', '<', day)
    .whereNotExists(
      db('project_links as p').where({ 'p.state': 'pending' }).whereRaw('p.project_id = contracts.project_id').select('p.id'),
    )
    .whereNotExists(
      db('contracts as c').where({ 'c.state': 'filing' }).whereRaw('c.project_id = contracts.project_id').select('c.id'),
    )
    .first('contracts.project_id', 'contracts.ends_on')
  const unserved = await find({ stage: 'unmanaged' })

  const life = await lifeOf(city, lapsed.project_id)
  const alone = await lifeOf(city, unserved.id)

  assert.match(life, new RegExp(`已超期： ${lapsed.ends_on} · 已过 \\d+ 日 合同已到期，续签或重新选聘.*民法典第九百四十八条`))
  assert.match(alone, /没有物业企业服务/)
})

test('a step leads to its business only where the portal has it', async () => {
  const divided = await city.get(`/desk/projects/${(await find({ stage: 'divided' })).id}`)
  const served = await servedBy('company')
  const page = await company.get(`/desk/projects/${served.id}`)

  assert.match(divided.text, /href="\/desk\/kinds\/tender-filing"/)
  assert.doesNotMatch(page.text, /committee-formation/)
  assert.match(page.text, /action="\/desk\/cases\/new\/project-change"/)
})

// ── As it was ──────────────────────────────────────────────────────────────────────────────────

test('a past day shows the company, contract, fee and stage of that day, and a day before the archive says so', async () => {
  const { db } = portal
  const project = await servedBy('company')
  const [first, now] = await Promise.all([
    db('project_links')
      .join('organisations', 'organisations.id', 'project_links.company_id')
      .where({ project_id: project.id, state: 'ended' })
      .first('organisations.name', 'project_links.ends_on'),
    db('organisations')
      .where({ id: await organisationOf('company') })
      .first('name'),
  ])

  const then = await city.get(`/desk/projects/${project.id}?on=${first.ends_on}`)
  const next = await city.get(`/desk/projects/${project.id}?on=${addDays(first.ends_on, 1)}`)
  const old = await city.get(`/desk/projects/${project.id}?on=2009-01-01`)
  const wrong = await city.get(`/desk/projects/${project.id}?on=2026-02-30`)

  assert.match(part(then, '服务企业 历次', '物业服务合同'), new RegExp(`${first.name}.*已挂接`))
  assert.ok(!part(then, '服务企业 历次', '物业服务合同').includes(now.name))
  assert.match(part(next, '服务企业 历次', '物业服务合同'), new RegExp(`${now.name}.*已挂接`))
  assert.match(part(then, '档案内容', '相关情况'), /项目阶段 前期物业/)
  assert.match(part(next, '档案内容', '相关情况'), /项目阶段 业委会选聘/)
  assert.doesNotMatch(then.text, /修改档案/)
  assert.match(words(old), /2009-01-01 还没有/)
  assert.match(words(wrong), /确实存在的一天/)
})

// ── Fees ───────────────────────────────────────────────────────────────────────────────────────

const fee = (changes: Record<string, string> = {}) => ({
  property_type: 'office',
  service_level: '3',
  pricing: 'market',
  price: '4.2',
  basis: '物业服务合同',
  starts_on: addDays(day, -100),
  ends_on: '',
  ...changes,
})
const feesOf = (project_id: number, property_type = 'office') =>
  portal.db('project_fees').where({ project_id, property_type }).orderBy('starts_on').select('starts_on', 'ends_on', 'price')

test('a new fee ends the old the day before it begins, and a past day shows what was charged then', async () => {
  const { id } = await servedBy('company')

  assert.equal((await company.post(`/desk/projects/${id}/fees/new`, fee())).status, 303)
  const answer = await company.post(`/desk/projects/${id}/fees/new`, fee({ price: '5.6', starts_on: day }))

  assert.equal(answer.status, 303, plain(answer.text))
  assert.deepEqual(
    (await feesOf(id)).map(row => ({ ...row })),
    [
      { starts_on: addDays(day, -100), ends_on: yesterday, price: '4.20' },
      { starts_on: day, ends_on: null, price: '5.60' },
    ],
  )
  const [now, before] = await Promise.all([
    company.get(`/desk/projects/${id}`),
    company.get(`/desk/projects/${id}?on=${yesterday}`),
  ])
  assert.match(part(now, '现行标准', '历次标准'), /办公楼 5\.60/)
  assert.match(part(now, '历次标准', '档案内容'), /办公楼 4\.20/)
  assert.match(part(before, '现行标准', '档案内容'), /办公楼 4\.20/)
  assert.doesNotMatch(part(before, '现行标准', '档案内容'), /5\.60/)
})

test('a fee that overlaps, ends before it begins or lies before the running one is refused with the period in the way', async () => {
  const { id } = await servedBy('company')

  const overlapping = await company.post(
    `/desk/projects/${id}/fees/new`,
    fee({ starts_on: addDays(day, -50), ends_on: addDays(day, -40) }),
  )
  const turned = await company.post(
    `/desk/projects/${id}/fees/new`,
    fee({ property_type: 'school', ends_on: addDays(day, -200) }),
  )
  const early = await company.post(`/desk/projects/${id}/fees/new`, fee({ starts_on: addDays(day, -200) }))

  for (const answer of [overlapping, turned, early]) assert.equal(answer.status, 422)
  assert.match(words(overlapping), new RegExp(`办公楼已有 ${addDays(day, -100)} 至 ${yesterday} 执行的标准（4\\.20`))
  assert.match(words(turned), /执行截止日早于起始日/)
  assert.match(early.text, /value="4\.2"/)
  assert.equal((await feesOf(id)).length, 2)
})

test('two new fees at once: one runs, the other is told', async () => {
  const { id } = await servedBy('company')
  const post = (agent: Agent, price: string) =>
    agent.post(`/desk/projects/${id}/fees/new`, fee({ property_type: 'hospital', price, starts_on: day }))

  const statuses = (await Promise.all([post(company, '3'), post(district, '4')])).map(({ status }) => status).sort()

  assert.deepEqual(statuses, [303, 422])
  assert.equal((await feesOf(id, 'hospital')).filter(row => row.ends_on === null).length, 1)
})

test('a fee is corrected and stopped, and both stand in the record of changes', async () => {
  const { db } = portal
  const { id } = await servedBy('company')
  const row = await db('project_fees').where({ project_id: id, property_type: 'office', live: 1 }).first()

  const corrected = await company.post(`/desk/projects/fees/${row.id}/edit`, {
    ...fee({ price: '5.8', starts_on: day }),
    version: String(row.version),
  })
  const early = await company.post(`/desk/projects/fees/${row.id}/end`, { ends_on: yesterday, version: String(row.version + 1) })
  const ended = await company.post(`/desk/projects/fees/${row.id}/end`, { ends_on: tomorrow, version: String(row.version + 1) })

  assert.equal(corrected.status, 303, plain(corrected.text))
  assert.equal(early.status, 422)
  assert.match(words(early), /截止日不能早于这一天/)
  assert.equal(ended.status, 303, plain(ended.text))
  const page = await company.get(`/desk/projects/${id}`)
  assert.match(part(page, '变更记录', '相关情况'), /收费标准（办公楼）物业费单价 5\.60 元\/㎡·月 5\.80 元\/㎡·月/)
})

test('a guided price above the ceiling of the city is told to the district', async () => {
  const { db } = portal
  const { id, name } = await servedBy('company')
  const { forgetSettings } = await import('../src/admin/settings.ts')
  const at = new Date()
  await db('settings').insert({
    code: 'fees.ceilings-high-rise',
    value: JSON.stringify('0.90 1.20 1.60 2.00 2.40'),
    created_at: at,
    updated_at: at,
  })
  forgetSettings()

  await company.post(
    `/desk/projects/${id}/fees/new`,
    fee({ property_type: 'high-rise', pricing: 'guided', price: '1.6', starts_on: yesterday }),
  )
  const kept = await told(district, '收费高于指导价上限')
  await company.post(
    `/desk/projects/${id}/fees/new`,
    fee({ property_type: 'high-rise', pricing: 'guided', price: '1.61', starts_on: day }),
  )
  const page = await company.get(`/desk/projects/${id}`)

  assert.equal(kept, undefined)
  assert.equal(
    await told(district, '收费高于指导价上限'),
    `${name}：收费高于指导价上限：高层住宅 1.61 元/㎡·月，三级服务的上限为 1.60 元/㎡·月。`,
  )
  assert.match(words(page), /三级服务的上限为 1\.60/)
})

/** The newest message of somebody's inbox that says this. */
async function told(agent: Agent, what: string): Promise<string | undefined> {
  const { text } = await agent.get('/desk/messages')
  const found = [...text.matchAll(/>([^<]*)</g)].map(([, words = '']) => words.trim()).find(words => words.includes(what))
  return found
}

// ── Who sees and changes what ──────────────────────────────────────────────────────────────────

test('a company that has left reads the archive up to its last day and changes nothing', async () => {
  const { db } = portal
  const project = await servedBy('company')
  const at = new Date()
  const former = await organisationOf('company2')
  const last = await db('project_links').where({ project_id: project.id, state: 'ended' }).first('ends_on')
  assert.equal((await company2.get(`/desk/projects/${project.id}`)).status, 404)
  await db('project_links').insert({
    project_id: project.id,
    company_id: former,
    phase: 'early',
    method: 'agreed',
    state: 'ended',
    starts_on: addDays(last.ends_on, -500),
    ends_on: last.ends_on,
    created_at: at,
    updated_at: at,
  })

  const page = await company2.get(`/desk/projects/${project.id}`)
  const ahead = await company2.get(`/desk/projects/${project.id}?on=${yesterday}`)
  const refused = await Promise.all(
    ['edit', 'fees/new'].map(async what => (await company2.get(`/desk/projects/${project.id}/${what}`)).status),
  )
  const posted = await company2.post(`/desk/projects/${project.id}/fees/new`, fee({ property_type: 'villa' }))
  const started = await company2.post('/desk/cases/new/project-change', { subject_id: String(project.id) })

  for (const answer of [page, ahead]) {
    assert.match(words(answer), new RegExp(`服务到 ${last.ends_on} 为止`))
    assert.doesNotMatch(answer.text, /5\.80|修改档案|变更申请/)
  }
  assert.deepEqual([...refused, posted.status, started.status], [403, 403, 403, 403])
  assert.deepEqual(await feesOf(project.id, 'villa'), [])
})

test('what is not theirs is not found: another district, another developer, another committee', async () => {
  const project = await servedBy('company')
  const other = await newUser(portal, {
    organisation_id: await deskOf('370103', 'district'),
    role: 'district-clerk',
    region_code: '370103',
  })
  const strangers = [await portal.as('developer2'), await portal.as('committee2'), await portal.as(other)]

  for (const agent of strangers)
    for (const path of ['', '/edit', '/fees/new']) {
      const { status } = await agent.get(`/desk/projects/${project.id}${path}`)
      assert.ok(status === 404 || (path !== '' && status === 403), `${path} ${status}`)
    }
  assert.equal((await (await portal.as('committee')).get(`/desk/projects/${project.id}`)).status, 200)
  assert.equal((await (await portal.as('owner')).get(`/desk/projects/${project.id}`)).status, 403)
})

// ── At once ────────────────────────────────────────────────────────────────────────────────────

/** The fields of an edit page as a browser would post them. */
async function formOf(agent: Agent, path: string): Promise<Record<string, string>> {
  const { text, status } = await agent.get(path)
  assert.equal(status, 200, plain(text))
  const fields: Record<string, string> = {}
  const main = text.slice(text.indexOf('<main'))
  for (const [, attributes = ''] of main.matchAll(/<input([^>]*)>/g)) {
    const name = /name="([^"]+)"/.exec(attributes)?.[1]
    if (!name || (/type="checkbox"/.test(attributes) && !/ checked/.test(attributes))) continue
    fields[name] = /value="([^"]*)"/.exec(attributes)?.[1] ?? 'on'
  }
  for (const [, name = '', body = ''] of main.matchAll(/<select[^>]* name="([^"]+)"[^>]*>([\s\S]*?)<\/select>/g))
    fields[name] = /value="([^"]*)" selected/.exec(body)?.[1] ?? ''
  for (const [, name = '', body = ''] of main.matchAll(/<textarea[^>]* name="([^"]+)"[^>]*>([\s\S]*?)<\/textarea>/g))
    fields[name] = body
  return fields
}

test('the company changes what needs no review; sums that do not fit warn with both numbers, a room too small is told to the district', async () => {
  const { db } = portal
  const { id, name, floor_area } = await servedBy('company')
  const path = `/desk/projects/${id}/edit`
  const form = await formOf(company, path)
  assert.ok(!('name' in form) && !('floor_area' in form) && !('stage' in form))

  const saved = await company.post(path, {
    ...form,
    stage: 'withdrawn',
    office_area: '1000',
    service_room_area: '60',
    committee_room_area: '10',
  })
  const page = await company.get(`/desk/projects/${id}`)

  assert.equal(saved.status, 303, plain(saved.text))
  const row = await db('projects').where({ id }).first('stage', 'office_area', 'service_room_area')
  assert.deepEqual({ ...row }, { stage: 'selected', office_area: '1000.00', service_room_area: '60.00' })
  const whole = Number(floor_area).toLocaleString('zh-CN', { minimumFractionDigits: 2 })
  assert.match(words(page), new RegExp(`总建筑面积为 ${whole} ㎡，相差 1,000\\.00 ㎡`))
  assert.match(words(page), /物业服务用房不少于 100\.00 ㎡，现为 60\.00 ㎡/)
  assert.match((await told(district, '物业服务用房不达标')) ?? '', new RegExp(`^${name}：`))
  assert.match(part(page, '变更记录', '相关情况'), /办公 0\.00 ㎡ 1,000\.00 ㎡/)
})

test('a part larger than its whole is refused at the field, and everything typed stays', async () => {
  const { id } = await servedBy('company')
  const path = `/desk/projects/${id}/edit`
  const form = await formOf(company, path)

  const answer = await company.post(path, {
    ...form,
    sold_count: '999999',
    committee_room_area: '61',
    longitude: '117.02',
    latitude: '',
    community: '试验社区',
  })

  assert.equal(answer.status, 422)
  assert.match(words(answer), /已售户数 999,999 户，多于总户数/)
  assert.match(words(answer), /业委会用房面积 61 ㎡，多于物业服务用房面积 60 ㎡/)
  assert.match(words(answer), /请把纬度也填上/)
  assert.match(answer.text, /value="试验社区"/)
})

test('who comes second with an old page is told and keeps what was typed', async () => {
  const { id } = await servedBy('company')
  const path = `/desk/projects/${id}/edit`
  const [mine, theirs] = [await formOf(company, path), await formOf(street, path)]

  assert.equal((await street.post(path, { ...theirs, community: '街道写的社区' })).status, 303)
  const answer = await company.post(path, { ...mine, community: '企业写的社区' })

  assert.equal(answer.status, 409)
  assert.match(words(answer), /刚刚改过这份档案/)
  assert.match(answer.text, /value="企业写的社区"/)
})

// ── 项目负责人 ─────────────────────────────────────────────────────────────────────────────────

test('the company that serves appoints who is in charge; who built the project reads the name and no more', async () => {
  const { db } = portal
  const built = await servedBy('company')
  const developer_id = await organisationOf('developer')
  await db('projects').where({ id: built.id }).update({ developer_id })
  const link = await db('project_links').where({ project_id: built.id, live: 1 }).first()
  const path = `/desk/projects/links/${link.id}/manager`

  const page = await developer.get(`/desk/projects/${built.id}`)
  const form = await developer.get(path)
  const removed = await developer.post(path, { manager_id: '', version: String(link.version) })
  const foreign = await company2.get(path)
  const own = await company.get(`/desk/projects/${built.id}`)

  assert.equal(page.status, 200)
  assert.ok(!page.text.includes(path), 'a way that is closed is not offered')
  assert.deepEqual([form.status, removed.status, foreign.status], [403, 403, 404])
  assert.equal((await db('project_links').where({ id: link.id }).first()).manager_id, link.manager_id)
  assert.ok(own.text.includes(path))
  for (const agent of [company, street, city]) assert.equal((await agent.get(path)).status, 200)
  await db('projects').where({ id: built.id }).update({ developer_id: built.developer_id })
})

test('a person is in charge of so many projects and no more; the refusal counts them', async () => {
  const { db } = portal
  const company_id = await organisationOf('company')
  const person = await db('employments')
    .join('people', 'people.id', 'employments.person_id')
    .where({ 'employments.company_id': company_id, 'employments.live': 1, 'employments.post': 'project-manager' })
    .first('people.id', 'people.name')
  const links = await db('project_links').where({ company_id, live: 1 }).orderBy('id').select('id', 'project_id', 'version')
  assert.ok(links.length >= 4, String(links.length))
  const asked = links.slice(0, 4)
  await db('project_links').where({ company_id }).update({ manager_id: null })
  await db('projects')
    .whereIn(
      'id',
      asked.map(({ project_id }) => project_id),
    )
    .update({ property_type: 'office' })
  const put = async ({ id }: { id: number }) => {
    const { version } = await db('project_links').where({ id }).first('version')
    return await company.post(`/desk/projects/links/${id}/manager`, { manager_id: String(person.id), version: String(version) })
  }

  const two = [await put(asked[0]), await put(asked[1])]
  // The third and the fourth at once: one of them counts the other.
  const race = await Promise.all([put(asked[2]), put(asked[3])])
  const refused = race.find(({ status }) => status === 422)
  const stranger = await db('people').whereNotIn('id', db('employments').where({ company_id }).select('person_id')).first('id')
  const foreign = await company.post(`/desk/projects/links/${asked[3].id}/manager`, {
    manager_id: String(stranger.id),
    version: String(asked[3].version),
  })
  await db('projects').where({ id: asked[2].project_id }).update({ property_type: 'high-rise', floor_area: '120000.00' })
  await db('project_links').whereIn('id', [asked[1].id, asked[3].id]).update({ manager_id: null })
  await db('project_links').where({ id: asked[2].id }).update({ manager_id: person.id })
  await db('projects').where({ id: asked[3].project_id }).update({ property_type: 'high-rise', floor_area: '100000.01' })
  const large = await put(asked[3])

  assert.deepEqual(
    two.map(({ status }) => status),
    [303, 303],
  )
  assert.deepEqual(race.map(({ status }) => status).sort(), [303, 422])
  assert.ok(refused)
  assert.match(words(refused), new RegExp(`${person.name}现负责 3 个项目（.*），加上本项目共 4 个，超过一人最多 3 个的规定`))
  assert.equal(foreign.status, 422)
  assert.equal(large.status, 422)
  assert.match(words(large), /已负责 100,000 ㎡ 以上的住宅项目.*本项目 100,000\.01 ㎡/)
  const page = await company.get(`/desk/projects/${asked[0].project_id}`)
  assert.match(part(page, '变更记录', '相关情况'), new RegExp(`项目负责人 — ${person.name}`))
  assert.match(
    part(await city.get(`/desk/projects/${asked[0].project_id}?on=${yesterday}`), '服务企业', '物业服务合同'),
    /已挂接.*—/,
  )
})

// ── 变更申请 ───────────────────────────────────────────────────────────────────────────────────

async function startKind(agent: Agent, kind: string, fields: Record<string, string> = {}): Promise<number> {
  const answer = await agent.post(`/desk/cases/new/${kind}`, fields)
  assert.equal(answer.status, 303, plain(answer.text))
  return Number(/\/desk\/cases\/(\d+)/.exec(answer.location ?? '')?.[1])
}

async function submit(agent: Agent, id: number, fields: Record<string, string>): Promise<Answer> {
  return await agent.post(`/desk/cases/${id}/submit`, { ...fields, ...(await versionsOf(portal, id)) })
}

test('★ fields change by application: before and after, four eyes of the district, the old name findable and as it was', async () => {
  const { db } = portal
  const project = await servedBy('company')
  const houses = await db('projects').where({ id: project.id }).first('house_count', 'delivered_count')
  const id = await startKind(company, 'project-change', { subject_id: String(project.id) })
  assert.equal(await startKind(company, 'project-change', { subject_id: String(project.id) }), id)
  for (const material of ['application-form', 'proof']) assert.equal((await upload(company, id, material)).status, 303)
  const fields = { reason: '地名办批准更名', pledge: 'on' }

  const nothing = await submit(company, id, fields)
  const tooMany = await submit(company, id, { ...fields, delivered_count: String(houses.house_count + 1) })
  const sent = await submit(company, id, { ...fields, name: '泉映新苑', delivered_count: String(houses.house_count) })

  assert.equal(nothing.status, 422)
  assert.match(words(nothing), /没有填写要变更的事项/)
  assert.equal(tooMany.status, 422)
  assert.match(words(tooMany), /多于总户数/)
  assert.equal(sent.status, 303, plain(sent.text))
  assert.equal((await press(portal, district, id, 'accept')).status, 303)
  const review = await district.get(`/desk/cases/${id}`)
  assert.match(words(review), new RegExp(`项目名称 现登记：${project.name} 变更为：泉映新苑`))
  assert.equal((await press(portal, district, id, 'pass')).status, 303)
  assert.equal((await db('projects').where({ id: project.id }).first('name')).name, project.name)
  assert.equal((await press(portal, reviewer, id, 'pass')).status, 303)

  const [row, kase] = await Promise.all([db('projects').where({ id: project.id }).first(), db('cases').where({ id }).first()])
  assert.equal(row.name, '泉映新苑')
  assert.equal(row.delivered_count, houses.house_count)
  assert.match(kase.number, /^济物项变〔\d{4}〕370102-\d{4}号$/)
  const [page, old, found] = await Promise.all([
    company.get(`/desk/projects/${project.id}`),
    city.get(`/desk/projects/${project.id}?on=${yesterday}`),
    city.get(`/desk/lists/projects?q=${encodeURIComponent(project.name)}`),
  ])
  assert.match(part(page, '变更记录', '相关情况'), new RegExp(`项目名称 ${project.name} 泉映新苑 ${kase.serial}`))
  assert.match(part(old, '档案内容', '相关情况'), new RegExp(`项目名称 ${project.name}`))
  assert.match(words(found), /泉映新苑/)
})

test('who has left since the draft was begun cannot submit the change any more', async () => {
  const { db } = portal
  const link = await db('project_links')
    .where({ company_id: await organisationOf('company'), live: 1 })
    .orderBy('id', 'desc')
    .first('id', 'project_id')
  const id = await startKind(company, 'project-change', { subject_id: String(link.project_id) })
  for (const material of ['application-form', 'proof']) await upload(company, id, material)
  await db('project_links').where({ id: link.id }).update({ state: 'ended', ends_on: yesterday })

  const answer = await submit(company, id, { reason: '更名', pledge: 'on', name: '泉映旧苑' })

  assert.equal(answer.status, 422)
  assert.match(words(answer), /贵单位已不服务这个项目/)
  await db('project_links').where({ id: link.id }).update({ state: 'linked', ends_on: null })
})

test('the condition for the first meeting, once reached by a change, is told to the street and the district', async () => {
  const { db } = portal
  const project = await db('projects')
    .join('project_links', 'project_links.project_id', 'projects.id')
    .where({ 'projects.stage': 'early', 'projects.district_code': '370102', 'project_links.live': 1 })
    .where('projects.house_count', '>', 20)
    .first('projects.*', 'project_links.company_id')
  await db('projects')
    .where({ id: project.id })
    .update({
      delivered_count: 0,
      delivered_area: '0.00',
      first_delivered_on: null,
      developer_id: await organisationOf('developer'),
    })
  const streetClerk = await portal.as(
    await newUser(portal, {
      organisation_id: await deskOf(project.street_code),
      role: 'street-clerk',
      region_code: project.street_code,
    }),
  )
  const id = await startKind(developer, 'project-change', { subject_id: String(project.id) })
  for (const material of ['application-form', 'proof']) await upload(developer, id, material)

  const sent = await submit(developer, id, {
    reason: '交付一期',
    pledge: 'on',
    first_delivered_on: yesterday,
    delivered_count: String(Math.ceil(project.house_count / 2)),
  })
  assert.equal(sent.status, 303, plain(sent.text))
  for (const [agent, action] of [
    [district, 'accept'],
    [district, 'pass'],
    [reviewer, 'pass'],
  ] as const)
    assert.equal((await press(portal, agent, id, action)).status, 303)

  for (const agent of [streetClerk, district])
    assert.match(
      (await told(agent, '达到成立业主大会条件')) ?? '',
      new RegExp(`^${project.name}达到成立业主大会条件：交付户数占 5\\d\\.\\d%，已达 50%`),
    )
  const informed = await db('case_parties').where({ case_id: id, role: 'informed' }).pluck('organisation_id')
  assert.deepEqual(informed, [project.company_id])
})

// ── 项目建档 ───────────────────────────────────────────────────────────────────────────────────

const entering = (changes: Record<string, string> = {}) => ({
  name: '试验家园东区',
  address: '历下区试验路 8 号',
  street_code: '370102001',
  property_type: 'high-rise',
  floor_area: '52000.5',
  high_rise_area: '52000.5',
  building_count: '4',
  house_count: '320',
  delivered_count: '0',
  delivered_area: '0',
  longitude: '117.05',
  latitude: '36.66',
  service_room_area: '160',
  committee_room_area: '25',
  stage: 'early',
  pledge: 'on',
  ...changes,
})
const serving = {
  service_from: addDays(day, -30),
  method: 'open',
  decided_on: addDays(day, -80),
  contract_party: '济南岫澜置业有限公司',
}
const papers = { built: ['application-form', 'planning', 'land'], served: ['application-form', 'contract', 'selection'] }

test('an existing project enters once, though two apply for it at once; it gets the next number, and its company the link', async () => {
  const { db } = portal
  const ids = [await startKind(company, 'project-new'), await startKind(developer, 'project-new')] as const
  for (const [at, agent] of [company, developer].entries())
    for (const material of at ? papers.built : papers.served)
      assert.equal((await upload(agent, ids[at] ?? 0, material)).status, 303)
  const before = await db('counters').where({ prefix: '370102' }).first('value')

  const answers = await Promise.all([
    submit(company, ids[0], entering(serving)),
    submit(developer, ids[1], entering({ name: '试验家园  东区'.replace(/\s/g, '') })),
  ])

  assert.deepEqual(
    answers.map(({ status }) => status).filter(status => status === 303),
    [303],
  )
  const loser = answers.find(({ status }) => status !== 303)
  assert.ok(loser && (loser.status === 422 || loser.status === 409), String(loser?.status))
  assert.match(words(loser), /同名项目正在办理项目建档/)

  // Whoever was first, the company's application goes on: the other gives way.
  const open = await db('cases')
    .whereIn('id', [...ids])
    .where({ state: 'submitted' })
    .first('id')
  if (open.id !== ids[0]) {
    assert.equal((await press(portal, developer, open.id, 'withdraw')).status, 303)
    assert.equal((await submit(company, ids[0], entering(serving))).status, 303)
  }
  const kase = await db('cases').where({ id: ids[0] }).first()
  assert.deepEqual(
    [kase.subject_name, kase.district_code, kase.street_code, kase.variant],
    ['试验家园东区', '370102', '370102001', 'served'],
  )
  assert.match(kase.title, /试验家园东区/)
  for (const [agent, action] of [
    [district, 'accept'],
    [district, 'pass'],
    [reviewer, 'pass'],
    [city, 'pass'],
  ] as const) {
    const answer = await press(portal, agent, ids[0], action)
    assert.equal(answer.status, 303, plain(answer.text))
  }

  const project = await db('projects').where({ name: '试验家园东区' }).first()
  assert.equal(project.code, `370102${String(before.value + 1).padStart(6, '0')}`)
  assert.deepEqual(
    [project.stage, project.source, project.floor_area, project.district_code],
    ['early', 'case', '52000.50', '370102'],
  )
  const link = await db('project_links').where({ project_id: project.id }).first()
  assert.deepEqual(
    [link.company_id, link.state, link.starts_on, link.method],
    [await organisationOf('company'), 'linked', serving.service_from, 'open'],
  )
  const page = await company.get(`/desk/projects/${project.id}`)
  assert.match(words(page), /试验家园东区/)
  assert.match(part(page, '办件', '预警'), /项目建档/)
  assert.match(words(await company.get('/desk/lists/projects?q=%E8%AF%95%E9%AA%8C%E5%AE%B6%E5%9B%AD')), /试验家园东区/)

  const again = await startKind(developer, 'project-new')
  for (const material of papers.built) await upload(developer, again, material)
  const twice = await submit(developer, again, entering())
  assert.equal(twice.status, 422)
  assert.match(words(twice), new RegExp(`已有“试验家园东区”（项目编号 ${project.code}），不能重复建档`))
})

test('an application that is withdrawn keeps nobody else from entering the project', async () => {
  const { db } = portal
  const [first, second] = [await startKind(developer, 'project-new'), await startKind(developer, 'project-new')]
  assert.notEqual(first, second)
  for (const id of [first, second]) for (const material of papers.built) await upload(developer, id, material)
  const north = entering({ name: '试验家园北区', stage: 'unmanaged' })
  assert.equal((await submit(developer, first, north)).status, 303)
  assert.equal((await submit(developer, second, north)).status, 422)

  assert.equal((await press(portal, developer, first, 'withdraw')).status, 303)
  const answer = await submit(developer, second, north)

  assert.equal(answer.status, 303, plain(answer.text))
  assert.equal((await db('cases').where({ id: first }).first('open_key')).open_key, null)
  assert.equal((await press(portal, district, second, 'accept')).status, 303)
  assert.equal((await press(portal, district, second, 'pass')).status, 303)
  assert.equal((await press(portal, reviewer, second, 'pass')).status, 303)
  const project = await db('projects').where({ name: '试验家园北区' }).first()
  assert.deepEqual([project.stage, project.developer_id], ['unmanaged', await organisationOf('developer')])
  assert.equal(await db('project_links').where({ project_id: project.id }).first(), undefined)
  assert.match(await lifeOf(developer, project.id), /没有物业企业服务/)
})

test('a company enters only what it serves, and a street that is none is refused', async () => {
  const id = await startKind(company, 'project-new')
  for (const material of papers.served) await upload(company, id, material)

  const answer = await submit(company, id, entering({ name: '试验家园西区', stage: 'unmanaged', street_code: '370102999' }))

  assert.equal(answer.status, 422)
  assert.match(words(answer), /物业企业只能为自己正在服务的项目建档/)
  assert.match(words(answer), /请填写本企业接管项目的日期/)
  assert.match(words(answer), /没有这个街道/)
  assert.equal((await portal.db('cases').where({ id }).first('state')).state, 'draft')
})

// ── 项目分布 ───────────────────────────────────────────────────────────────────────────────────

interface Points {
  districts: { code: string; placed: number }[]
  points: { district: string; name: string; href: string; n: number }[]
}
const pointsOf = async (agent: Agent, query = ''): Promise<Points> =>
  JSON.parse((await agent.get(`/desk/projects/map/points${query}`)).text)

test('the map draws what the list finds, within the same scope and conditions', async () => {
  const { db } = portal
  const placed = (where: Record<string, string> = {}) => db('projects').where(where).whereNotNull('longitude').pluck('name')
  const sorted = (names: string[]) => [...names].sort()

  const [all, own, narrowed] = await Promise.all([
    pointsOf(city),
    pointsOf(district),
    pointsOf(city, '?district=370103&stage=selected'),
  ])

  assert.deepEqual(sorted(all.points.map(({ name }) => name)), sorted(await placed()))
  assert.deepEqual(sorted(own.points.map(({ name }) => name)), sorted(await placed({ district_code: '370102' })))
  assert.deepEqual(
    sorted(narrowed.points.map(({ name }) => name)),
    sorted(await placed({ district_code: '370103', stage: 'selected' })),
  )
  const served = await db('project_links')
    .where({ company_id: await organisationOf('company') })
    .whereIn('state', ['linked', 'ended'])
    .pluck('project_id')
  const seen = new Set((await pointsOf(company)).points.map(({ href }) => Number(href.split('/').at(-1))))
  assert.ok(seen.size > 0 && [...seen].every(id => served.includes(id)))
  const page = await city.get('/desk/projects/map')
  const [total] = await db('projects').count({ n: '*' }).count({ placed: 'longitude' })
  assert.match(words(page), new RegExp(`${total?.placed} 个有坐标，${Number(total?.n) - Number(total?.placed)} 个没有坐标`))
  assert.equal((await (await portal.as('owner')).get('/desk/projects/map')).status, 403)
})

test('the list beside the map turns its pages and keeps the conditions', async () => {
  const first = await city.get('/desk/projects/map?stage=early')
  const next = /href="(\/desk\/projects\/map\?[^"]*after=[^"]*)"/.exec(first.text)?.[1]?.replaceAll('&amp;', '&') ?? ''
  assert.ok(next.includes('stage=early'), next)

  const second = await city.get(next)

  const namesIn = ({ text }: Answer) => [...text.matchAll(/<a href="\/desk\/projects\/(\d+)"/g)].map(([, id]) => id)
  assert.equal(second.status, 200)
  assert.equal(namesIn(first).length, 20)
  assert.ok(namesIn(second).every(id => !namesIn(first).includes(id)))
  assert.equal((await city.get('/desk/projects/map?stage=nonsense')).status, 422)
})

test('beyond three thousand points one stands for a street, and leads to its projects', async () => {
  const { db } = portal
  const columns: string[] = Object.keys(await db('projects').first()).filter(name => !['id', 'code'].includes(name))
  const before: number[] = await db('projects').pluck('id')
  const copies = Array.from({ length: 13 }, (_, n) => n)
  for (const n of copies)
    await db.raw(
      `insert into projects (code, ${columns.join(', ')}) select concat('M', id, '-${n}'), ${columns.join(', ')} from projects where id in (${before.join(', ')})`,
    )
  const [count] = await db('projects').count({ placed: 'longitude' })
  const [streets] = await db('projects').whereNotNull('longitude').countDistinct({ n: 'street_code' })

  const { points } = await pointsOf(city)
  const page = await city.get('/desk/projects/map')
  const [one] = points
  assert.ok(one)

  assert.ok(Number(count?.placed) > 3000)
  assert.equal(points.length, Number(streets?.n))
  assert.equal(
    points.reduce((sum, { n }) => sum + n, 0),
    Number(count?.placed),
  )
  assert.match(words(page), /一个点代表一个街道/)
  assert.equal((await pointsOf(city, one.href.replace(/^[^?]*/, ''))).points.length, one.n)
  await db('projects').whereNotIn('id', before).delete()
})

test('in a browser: points are drawn, a click opens the project, axe finds nothing, also on a phone and without script', async () => {
  browser ??= await launch()
  const { context, page, problems } = await visit(browser, { base: portal.base })
  await signIn(page, 'city-clerk')
  await page.goto('/desk/projects/map?district=370102')
  await page.locator('[data-map] canvas').waitFor({ state: 'visible' })
  assert.deepEqual(await violations(page), [])
  // As text, so that the test needs no types of the browser.
  const target = await page.evaluate<{ x: number; y: number; hrefs: string[] }>(`(() => {
    const chart = Chart.getChart(document.querySelector('[data-map] canvas'))
    const { x, y } = chart.getDatasetMeta(0).data[0]
    return { x, y, hrefs: chart.data.datasets[0].data.map(point => point.href) }
  })()`)
  await page.locator('[data-map] canvas').click({ position: { x: target.x, y: target.y } })
  await page.waitForURL(/\/desk\/projects\/\d+$/)
  assert.ok(target.hrefs.includes(new URL(page.url()).pathname), page.url())
  assert.deepEqual(await violations(page), [])
  assert.deepEqual(problems, [])
  await context.close()

  const small = await visit(browser, { base: portal.base, viewport: phone })
  await signIn(small.page, 'city-clerk')
  const { id } = await servedBy('company')
  const link = await portal.db('project_links').where({ project_id: id, live: 1 }).first('id')
  const own = ['', '/edit', '/fees/new', '?on=2009-01-01'].map(rest => `/desk/projects/${id}${rest}`)
  for (const path of ['/desk/projects/map', ...own, `/desk/projects/links/${link.id}/manager`]) {
    await small.page.goto(path)
    assert.equal(await sidewaysScroll(small.page), 0, path)
    assert.deepEqual(await violations(small.page), [], path)
  }
  await small.context.close()

  const bare = await visit(browser, { base: portal.base, script: false })
  await bare.page.goto('/login')
  await bare.page.getByLabel('账号', { exact: true }).fill('city-clerk')
  await bare.page.getByLabel('密码', { exact: true }).fill('Wuye@2026')
  await bare.page.getByRole('button', { name: '登录', exact: true }).click()
  await bare.page.goto('/desk/projects/map')
  assert.ok(await bare.page.getByRole('heading', { name: '项目', exact: true }).isVisible())
  assert.ok(!(await bare.page.locator('[data-map]').isVisible()))
  assert.equal(await bare.page.locator('.map .lines a').count(), 20)
  await bare.context.close()
})
