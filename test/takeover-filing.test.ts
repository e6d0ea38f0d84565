import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { takeoverForm as form } from './filing-forms.ts'
import { holdContract, linkTo, newCompany, newDeveloper, newProject, type TestProject } from './filings.ts'
import { startPortal, type TestPortal } from './portal.ts'
import { type Applicant, passAll, plain, upload, versionsOf } from './qualification.ts'

/** 物业承接查验备案 (物业承接查验办法): behind its switch, by the company that has taken over. */

let portal: TestPortal
let company: Applicant
let project: TestProject
const { addDays } = await import('../src/calendar.ts')
const { today } = await import('../src/clock.ts')

before(async () => {
  portal = await startPortal({ demo: true })
  const developer = await newDeveloper(portal)
  project = await newProject(portal, developer.id)
  company = await newCompany(portal)
  await linkTo(portal, project.id, company.id)
  await holdContract(portal, project.id, company.id)
})
after(() => portal.stop())

async function turn(on: boolean): Promise<void> {
  const { forgetSettings } = await import('../src/admin/settings.ts')
  const row = { code: 'takeover.enabled', value: JSON.stringify(on), created_at: new Date(), updated_at: new Date() }
  await portal.db('settings').insert(row).onConflict('code').merge()
  forgetSettings()
}

async function begin(): Promise<number> {
  const answer = await company.agent.post('/desk/cases/new/takeover-filing', { subject_id: String(project.id) })
  assert.equal(answer.status, 303, plain(answer.text))
  const id = Number(/\/desk\/cases\/(\d+)/.exec(answer.location ?? '')?.[1])
  for (const code of ['contract', 'rules', 'agreement', 'handed', 'record', 'handover'])
    assert.equal((await upload(company.agent, id, code)).status, 303, code)
  return id
}

const submit = async (id: number, changes: Record<string, string> = {}) =>
  await company.agent.post(`/desk/cases/${id}/submit`, { ...form(changes), ...(await versionsOf(portal, id)) })

test('switched off, as shipped, the catalogue says that nobody needs it', async () => {
  assert.match((await company.agent.get('/desk/kinds/takeover-filing')).text, /本市没有启用承接查验备案，不需要办理/)
  const answer = await company.agent.post('/desk/cases/new/takeover-filing', { subject_id: String(project.id) })
  assert.equal(answer.status, 409)
})

test('switched on, the company that serves the project files, and gets its proof', async () => {
  await turn(true)
  assert.match((await company.agent.get(`/desk/projects/${project.id}`)).text, /办理承接查验备案/)
  const id = await begin()
  const wrong = await submit(id, { agreed_on: addDays(today(), -30), handed_on: addDays(today(), 1) })
  assert.equal(wrong.status, 422)
  assert.match(wrong.text, /早于查验完成日期/)
  assert.match(wrong.text, /交接日期还没有到/)
  const late = await submit(id, {
    inspected_on: addDays(today(), -60),
    agreed_on: addDays(today(), -50),
    handed_on: addDays(today(), -40),
  })
  assert.equal(late.status, 422)
  assert.match(late.text, /应在交接之日起 30 日内备案/)
  assert.equal((await submit(id)).status, 303)
  const shown = (await (await portal.as('district-clerk')).get(`/desk/cases/${id}`)).text
  assert.match(shown, /交付使用 15 日以前完成查验/)
  assert.equal(await passAll(portal, id), 'done')
  const kase = await portal.db('cases').where({ id }).first('number', 'late_days')
  assert.match(kase.number, /^济物验备〔\d{4}〕\d{4}号$/)
  assert.equal(kase.late_days, 0)
  const proof = await portal.db('documents').where({ object_type: 'takeover', object_id: project.id }).first('code')
  assert.match(plain((await portal.anyone().get(`/verify/${proof.code}`)).text), /有效.*承接查验备案证明/)
  assert.match((await company.agent.get(`/desk/projects/${project.id}`)).text, new RegExp(kase.number))
})

test('late is accepted with its reason and flagged; who does not serve the project files nothing', async () => {
  const id = await begin()
  const answer = await submit(id, {
    inspected_on: addDays(today(), -60),
    agreed_on: addDays(today(), -50),
    handed_on: addDays(today(), -40),
    late_reason: '资料移交拖延。',
  })
  assert.equal(answer.status, 303, plain(answer.text))
  assert.equal((await portal.db('cases').where({ id }).first('late_days')).late_days, 10)
  const stranger = await newCompany(portal)
  const refused = await stranger.agent.post('/desk/cases/new/takeover-filing', { subject_id: String(project.id) })
  assert.equal(refused.status, 404)
})
