import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { newDeveloper, newProject } from './filings.ts'
import { type Agent, startPortal, type TestPortal } from './portal.ts'
import type { Applicant } from './qualification.ts'

/** The life of a tender from the bid deadline on, and what the public reads of it (domain.md §5.2, §5.3). */

let portal: TestPortal
let developer: Applicant
let stranger: Applicant
let district: Agent
const { addDays } = await import('../src/calendar.ts')
const { beijing, shiftClock, today, now } = await import('../src/clock.ts')

before(async () => {
  portal = await startPortal({ demo: true })
  developer = await newDeveloper(portal)
  stranger = await newDeveloper(portal)
  district = await portal.as('district-clerk')
})
after(async () => {
  shiftClock(0)
  await portal.stop()
})

let serial = 0
async function newTender(changes: Record<string, string | number | null> = {}) {
  const project = await newProject(portal, developer.id)
  const { district_code, street_code } = await portal.db('projects').where({ id: project.id }).first()
  const at = now()
  const [id = 0] = await portal.db('tenders').insert({
    project_id: project.id,
    developer_id: developer.id,
    district_code,
    street_code,
    state: 'tendering',
    method: 'open',
    organising: 'self',
    number: `济物招备L${process.pid}${serial++}`,
    announce_on: addDays(today(), -30),
    bids_until: today(),
    opens_on: today(),
    opens_at: '00:00',
    committee_size: 5,
    created_at: at,
    updated_at: at,
    ...changes,
  })
  return { id, project }
}
const rowOf = async (id: number) => await portal.db('tenders').where({ id }).first()
const versionOf = async (id: number) => String((await rowOf(id)).version)
async function bid(id: number, name: string, more: Record<string, string> = {}) {
  return await developer.agent.post(`/desk/tenders/${id}/bids`, {
    version: await versionOf(id),
    name,
    price: '1.75',
    state: 'valid',
    ...more,
  })
}
const open = async (id: number, agent = developer.agent) =>
  await agent.post(`/desk/tenders/${id}/open`, { version: await versionOf(id) })

test('nothing is opened before the deadline and the hour', async () => {
  const later = beijing(new Date(now().getTime() + 3600_000))
  const early: Record<string, string | null>[] = [
    { bids_until: addDays(today(), 1), opens_on: addDays(today(), 1) },
    { bids_until: later.slice(0, 10), opens_on: later.slice(0, 10), opens_at: later.slice(11, 16) },
    { opens_on: null },
  ]
  for (const changes of early) {
    const { id } = await newTender(changes)
    for (const answer of [await bid(id, '早投公司'), await open(id)]) {
      assert.equal(answer.status, 409)
      assert.match(answer.text, /招标投标法第三十四条/)
    }
    assert.equal((await rowOf(id)).state, 'tendering')
    assert.equal((await portal.db('tender_bids').where({ tender_id: id })).length, 0)
  }
})

test('three valid bids open the tender, once; prices are seen by its own side and the offices', async () => {
  const { id } = await newTender()
  for (const name of ['甲物业公司', '乙物业公司', '丙物业公司']) assert.equal((await bid(id, name)).status, 303)
  const twice = await bid(id, '甲物业公司')
  assert.equal(twice.status, 422)
  assert.match(twice.text, /已经登记/)
  const unreasoned = await bid(id, '丁物业公司', { state: 'rejected' })
  assert.equal(unreasoned.status, 422)
  assert.match(unreasoned.text, /请写明原因/)
  assert.match(unreasoned.text, /丁物业公司/, 'what was typed stays')
  for (const price of ['0', '-1', '101', '1.234']) assert.equal((await bid(id, '戊物业公司', { price })).status, 422)

  assert.equal((await open(id, stranger.agent)).status, 404)
  assert.equal((await stranger.agent.get(`/desk/tenders/${id}`)).status, 404)
  assert.equal((await open(id, district)).status, 403)
  const version = await versionOf(id)
  const pressed = await Promise.all([1, 2].map(() => developer.agent.post(`/desk/tenders/${id}/open`, { version })))
  assert.deepEqual(pressed.map(({ status }) => status).sort(), [303, 409])
  const row = await rowOf(id)
  assert.deepEqual([row.state, row.opened_on], ['opened', today()])
  assert.equal((await portal.db('action_log').where({ action: 'tender.open', object_id: String(id) })).length, 1)
  assert.equal((await bid(id, '己物业公司')).status, 409)
  assert.match((await district.get(`/desk/tenders/${id}`)).text, /甲物业公司/)
})

test('with two valid bids the tender fails, and the project is free for another', async () => {
  const { id, project } = await newTender()
  await bid(id, '甲物业公司')
  await bid(id, '乙物业公司')
  await bid(id, '丙物业公司', { state: 'rejected', reason: '未密封' })
  assert.equal((await open(id)).status, 303)
  const row = await rowOf(id)
  assert.deepEqual([row.state, row.failed_on, row.live], ['failed', today(), null])
  assert.match(row.failed_reason, /有效投标 2 家，不足三家/)
  assert.match((await developer.agent.get(`/desk/projects/${project.id}`)).text, new RegExp(`/desk/tenders/${id}`))
})

test('an invitation needs three, before the opening, and takes bids of those invited only', async () => {
  const { id } = await newTender({ method: 'invited', bids_until: addDays(today(), 1), opens_on: addDays(today(), 1) })
  const invite = async (name: string) =>
    await developer.agent.post(`/desk/tenders/${id}/invitees`, { version: await versionOf(id), name })
  assert.equal((await invite('甲物业公司')).status, 303)
  assert.equal((await invite('甲物业公司')).status, 422)
  assert.equal((await invite('乙物业公司')).status, 303)
  assert.match((await developer.agent.get(`/desk/tenders/${id}`)).text, /现在登记了 2 家/)
  await portal.db('tenders').where({ id }).update({ bids_until: today(), opens_on: today() })
  assert.equal((await invite('丙物业公司')).status, 409)
  const uninvited = await bid(id, '丁物业公司')
  assert.equal(uninvited.status, 422)
  assert.match(uninvited.text, /受邀投标人/)
  assert.equal((await bid(id, '甲物业公司')).status, 303)
  assert.equal((await open(id)).status, 303)
  const row = await rowOf(id)
  assert.equal(row.state, 'failed')
  assert.match(row.failed_reason, /只邀请了 2 家/)
  const { id: another } = await newTender()
  assert.equal(
    (await developer.agent.post(`/desk/tenders/${another}/invitees`, { version: await versionOf(another), name: '甲物业公司' }))
      .status,
    409,
  )
})

test('an expert who works for a bidder stands back at the opening', async () => {
  const { id } = await newTender()
  const at = now()
  const [expert_id = 0] = await portal.db('experts').insert({
    name: '专家某',
    name_key: 'zhuan jia mou',
    id_number_cipher: 'x',
    id_number_index: `t${process.pid}`,
    employer: '甲物业公司',
    specialty: 'property',
    state: 'active',
    joined_on: today(),
    created_at: at,
    updated_at: at,
  })
  await portal
    .db('tender_judges')
    .insert({ tender_id: id, expert_id, name: '专家某', sort: 'expert', state: 'drawn', created_at: at, updated_at: at })
  for (const name of ['甲物业公司', '乙物业公司', '丙物业公司']) await bid(id, name)
  assert.equal((await open(id)).status, 303)
  const judge = await portal.db('tender_judges').where({ tender_id: id, expert_id }).first()
  assert.deepEqual([judge.state, judge.reason], ['conflicted', '工作单位是投标人甲物业公司'])
})

test('the register narrows by what is late, and stays within the scope', async () => {
  const { id, project } = await newTender({ opens_on: addDays(today(), -1), bids_until: addDays(today(), -1) })
  const { project: fresh } = await newTender()
  const late = (await developer.agent.get('/desk/lists/tenders?late=yes')).text
  const all = (await developer.agent.get('/desk/lists/tenders')).text
  assert.ok(all.includes(project.name) && all.includes(fresh.name))
  assert.ok(late.includes(project.name) && !late.includes(fresh.name), 'only what is late')
  assert.ok(!(await stranger.agent.get('/desk/lists/tenders')).text.includes(project.name))
  assert.equal((await stranger.agent.get(`/desk/tenders/${id}`)).status, 404)
})

test('the public reads announcements and results, and no person', async () => {
  const anyone = portal.anyone()
  const { id, project } = await newTender({ winner: '还没公布公司', manager: '钱经理' })
  await bid(id, '秘密投标公司')
  const at = now()
  await portal
    .db('tender_judges')
    .insert({ tender_id: id, name: '秘密专家', sort: 'expert', state: 'drawn', created_at: at, updated_at: at })
  const list = await anyone.get('/tenders')
  assert.equal(list.status, 200)
  assert.match(list.headers.get('cache-control') ?? '', /public, max-age=60/)
  assert.equal(list.headers.get('set-cookie'), null)
  const page = await anyone.get(`/tenders/${id}`)
  assert.equal(page.status, 200)
  assert.ok(page.text.includes(project.name))
  const found = await anyone.get(`/tenders?q=${encodeURIComponent(project.name)}`)
  assert.ok(found.text.includes(`/tenders/${id}"`))
  for (const { text } of [list, page, found])
    for (const secret of ['秘密专家', '秘密投标公司', '钱经理', '还没公布公司']) assert.ok(!text.includes(secret), secret)

  const { id: coming } = await newTender({ announce_on: addDays(today(), 1) })
  const { id: invited } = await newTender({ method: 'invited' })
  const { id: unfiled } = await newTender({ number: null })
  for (const hidden of [coming, invited, unfiled]) assert.equal((await anyone.get(`/tenders/${hidden}`)).status, 404)

  const { id: won } = await newTender({
    state: 'awarded',
    winner: '中标物业公司',
    price: '1.66',
    awarded_on: today(),
    manager: '钱经理',
  })
  const result = await anyone.get(`/tenders/${won}`)
  assert.match(result.text, /中标物业公司/)
  assert.ok(!result.text.includes('钱经理'))
  assert.match((await anyone.get('/tenders?sort=results')).text, /中标物业公司/)
  for (const odd of ['/tenders?after=x', '/tenders/0', '/tenders/abc']) assert.equal((await anyone.get(odd)).status, 404)
  for (const odd of ['/tenders?sort=<script>', '/tenders?q=%25_%5C', '/tenders?district=zz'])
    assert.equal((await anyone.get(odd)).status, 200)
})
