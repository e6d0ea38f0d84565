import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Agent, startPortal, type TestPortal } from './portal.ts'
import { newCompany, plain, press, startCase, submitWhole, upload, versionsOf, visit, wholeForm } from './qualification.ts'

/** A case from draft to certificate, by what people press: 资质新设立申报. */

let portal: TestPortal
let district: Agent
let clerk: Agent
let reviewer: Agent
let approver: Agent
before(async () => {
  portal = await startPortal({ demo: true })
  district = await portal.as('district-clerk')
  clerk = await portal.as('city-clerk')
  reviewer = await portal.as('city-reviewer')
  approver = await portal.as('city-approver')
})
after(async () => {
  shiftClock(0)
  await portal.stop()
})

const { shiftClock } = await import('../src/clock.ts')
const { moveDueCases } = await import('../src/cases/by-clock.ts')
const { checkHistory } = await import('../src/cases/history.ts')

const caseRow = async (id: number) => await portal.db('cases').where({ id }).first()

test('an application goes from draft to certificate through all desks', async () => {
  const company = await newCompany(portal)
  const id = await submitWhole(portal, company)
  assert.equal((await caseRow(id)).state, 'submitted')

  const page = await district.get(`/desk/cases/${id}`)
  assert.equal(page.status, 200, plain(page.text))
  assert.match(page.text, /条件自检/)

  assert.equal((await press(portal, district, id, 'accept')).status, 303)
  const passed = await press(portal, district, id, 'pass', { opinion: '初审符合。', ...(await visit()) })
  assert.equal(passed.status, 303, plain(passed.text))
  assert.equal((await press(portal, clerk, id, 'pass')).status, 303)
  assert.equal((await press(portal, reviewer, id, 'pass')).status, 303)
  assert.equal((await press(portal, approver, id, 'pass', { opinion: '同意。' })).status, 303)
  assert.equal((await caseRow(id)).state, 'waiting')

  shiftClock(20 * 86_400_000)
  await moveDueCases(portal.db)
  shiftClock(0)

  const done = await caseRow(id)
  assert.equal(done.state, 'done')
  assert.match(done.number, /^鲁济物暂-\d{4}-\d{4}$/)
  const certificate = await portal.db('certificates').where({ case_id: id }).first()
  assert.equal(certificate.number, done.number)
  assert.deepEqual((await checkHistory(portal.db)).faults, [])
  const own = await company.agent.get(`/desk/cases/${id}`)
  assert.match(own.text, new RegExp(done.number))
})
