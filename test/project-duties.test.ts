import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { holdArea, holdContract, linkTo, newCompany, newDeveloper, newProject } from './filings.ts'
import { startPortal, type TestPortal } from './portal.ts'
import { plain } from './qualification.ts'

/** 项目下一步: every project's next step reaches whoever owes it, and the board shows where projects stand. */

let portal: TestPortal
before(async () => {
  portal = await startPortal({ demo: true })
})
after(() => portal?.stop())

const { addDays } = await import('../src/calendar.ts')
const { shiftClock, today } = await import('../src/clock.ts')
const { settleDuties } = await import('../src/modules/filings/duties.ts')
afterEach(() => shiftClock(0))

const dutiesOf = (project_id: number) =>
  portal.db('duties').where({ project_id }).orderBy(['rank', 'debtor']).select('code', 'light', 'debtor', 'until_on', 'since_on')

test('a project that waits for its tender is a to-do of its developer, on the home page and in the list', async () => {
  const developer = await newDeveloper(portal)
  const project = await newProject(portal, developer.id)
  await holdArea(portal, project.id)
  await settleDuties(portal.db)

  const [duty] = await dutiesOf(project.id)
  assert.deepEqual([duty.code, duty.debtor], ['tender', `organisation:${developer.id}`])
  assert.match(plain((await developer.agent.get('/desk')).text), new RegExp(`${project.name}：前期招标备案`))
  const { id } = await portal.db('duties').where({ project_id: project.id }).first('id')
  assert.match((await developer.agent.get('/desk/lists/duties')).text, new RegExp(`/desk/filings/steps/${id}"`))
  assert.equal((await developer.agent.get(`/desk/filings/steps/${id}`)).location, `/desk/projects/${project.id}`)
  const other = await newDeveloper(portal)
  assert.equal((await other.agent.get(`/desk/filings/steps/${id}`)).status, 404)
  assert.doesNotMatch((await other.agent.get('/desk/lists/duties')).text, new RegExp(project.name))
  const elsewhere = await portal.as('district-clerk')
  const here = await portal.db('projects').where({ id: project.id }).first('district_code')
  assert.equal((await elsewhere.get(`/desk/filings/steps/${id}`)).status, here.district_code === '370102' ? 303 : 404)
})

test('a contract near its end is owed by company and owners, turns red when it ends, and goes when it is renewed', async () => {
  const developer = await newDeveloper(portal)
  const company = await newCompany(portal)
  const project = await newProject(portal, developer.id, { stage: 'early' })
  await linkTo(portal, project.id, company.id)
  const ends_on = addDays(today(), 40)
  const contract = await holdContract(portal, project.id, company.id, { ends_on })
  await settleDuties(portal.db)
  const both = [`organisation:${company.id}`, `organisation:${developer.id}`].sort()
  const own = async (code: string) => (await dutiesOf(project.id)).filter((duty: { code: string }) => duty.code === code)
  const near = await own('expiring')
  assert.deepEqual(near.map(({ debtor }: { debtor: string }) => debtor).sort(), both)
  assert.ok(near.every(({ light, until_on }: { light: string; until_on: string }) => light === 'yellow' && until_on === ends_on))
  assert.match(plain((await company.agent.get('/desk')).text), new RegExp(`${project.name}：决定续签或另行选聘`))

  shiftClock(41 * 86_400_000)
  await settleDuties(portal.db)
  assert.deepEqual([(await own('expiring')).length, (await own('lapsed')).length], [0, 2])
  assert.equal((await own('lapsed'))[0].light, 'red')
  shiftClock(0)

  await portal
    .db('contracts')
    .where({ id: contract })
    .update({ ends_on: addDays(today(), 400) })
  await settleDuties(portal.db)
  assert.deepEqual([(await own('expiring')).length, (await own('lapsed')).length], [0, 0])
})

test('what did not change keeps the day it began to wait', async () => {
  const developer = await newDeveloper(portal)
  const project = await newProject(portal, developer.id)
  await holdArea(portal, project.id)
  await settleDuties(portal.db)
  const [first] = await dutiesOf(project.id)
  shiftClock(2 * 86_400_000)
  await settleDuties(portal.db)
  const [second] = await dutiesOf(project.id)
  assert.equal(second.since_on, first.since_on)
})

test('the board counts the projects of its region by stage and step, and lists what is most urgent', async () => {
  shiftClock(120_000)
  const city = await portal.as('city-clerk')
  const page = await city.get('/desk/filings')
  assert.equal(page.status, 200)
  const text = plain(page.text)
  const n = (await portal.db('projects').pluck('id')).length
  assert.match(text, new RegExp(`项目 ${n} 本辖区全部`))
  const red = (await portal.db('duties').where({ light: 'red', code: 'vacant' }).distinct().pluck('project_id')).length
  assert.match(text, new RegExp(`没有物业企业 ${red} `))
  const district = plain((await (await portal.as('district-clerk')).get('/desk/filings')).text)
  const mine = (await portal.db('projects').where({ district_code: '370102' }).pluck('id')).length
  assert.match(district, new RegExp(`项目 ${mine} 本辖区全部`))
  assert.equal((await (await newCompany(portal)).agent.get('/desk/filings')).status, 403)
})
