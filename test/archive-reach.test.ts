import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Agent, startPortal, type TestPortal } from './portal.ts'
import { type Applicant, newCompany, newUser, paper, plain, residentId } from './qualification.ts'

/** How far an office reaches: it reads whom it knows, and writes and reveals where it looks after the present company (domain.md §2 d). */

const { addDays } = await import('../src/calendar.ts')
const { today } = await import('../src/clock.ts')

let portal: TestPortal
let city: Agent
/** The company somebody left, in 历下区, and the one they work for, in 市中区. */
let former: Applicant
let present: Applicant
let formerClerk: Agent
let presentClerk: Agent
let formerReviewer: Agent
let presentReviewer: Agent
let streetClerk: Agent
let homeStreetClerk: Agent

async function officer(kind: 'district' | 'street', region_code: string, role: string): Promise<Agent> {
  const desk = await portal.db('organisations').where({ kind, region_code }).first('id')
  assert.ok(desk, region_code)
  return await portal.as(await newUser(portal, { organisation_id: desk.id, role, region_code }))
}

before(async () => {
  portal = await startPortal({ demo: true })
  city = await portal.as('city-clerk')
  former = await newCompany(portal, { district: '370102' })
  present = await newCompany(portal, { district: '370103' })
  formerClerk = await officer('district', '370102', 'district-clerk')
  presentClerk = await officer('district', '370103', 'district-clerk')
  formerReviewer = await officer('district', '370102', 'district-reviewer')
  presentReviewer = await officer('district', '370103', 'district-reviewer')
  const streetIn = async (district_code: string): Promise<string> => {
    const row = await portal.db('organisations').where({ kind: 'street', district_code }).first('region_code')
    assert.ok(row, district_code)
    return row.region_code
  }
  const [served, home] = [await streetIn('370102'), await streetIn('370103')]
  // The present company serves in the street of the other district, and is registered in one of its own.
  await portal.db('organisations').where({ id: present.id }).update({ street_code: home })
  await portal.db('company_areas').insert([
    { region_code: '370102', company_id: present.id, basis: 'project' },
    { region_code: served, company_id: present.id, basis: 'project' },
    { region_code: home, company_id: present.id, basis: 'registered' },
  ])
  streetClerk = await officer('street', served, 'street-clerk')
  homeStreetClerk = await officer('street', home, 'street-clerk')
})
after(async () => await portal?.stop())

let count = 700
async function hire({ agent }: Applicant, person: Record<string, string>): Promise<number> {
  const answer = await agent.post('/desk/people/new', person)
  assert.equal(answer.status, 303, plain(answer.text))
  return Number(/(\d+)$/.exec(answer.location ?? '')?.[1])
}
async function somebody(): Promise<Record<string, string>> {
  count++
  const starts_on = addDays(today(), -10)
  const id_number = await residentId(count)
  return { name: '试工辰', id_number, phone: '15400001234', title: 'none', post: 'steward', starts_on }
}
async function leave({ agent }: Applicant, id: number): Promise<void> {
  const body = new FormData()
  body.append('end_reason', 'resigned')
  body.append('ends_on', addDays(today(), -1))
  body.append('proof', paper(`减员 ${id}`), '解除劳动合同证明.pdf')
  const answer = await agent.raw(`/desk/people/${id}/leave`, { method: 'POST', body, headers: { origin: agent.base } })
  assert.equal(answer.status, 303, await answer.text())
}
async function moved() {
  const person = await somebody()
  const id = await hire(former, person)
  await leave(former, id)
  assert.equal(await hire(present, { ...person, starts_on: today() }), id)
  const job = await portal.db('employments').where({ person_id: id, live: 1 }).first()
  return { id, job, id_number: person.id_number ?? '' }
}
const reveal = (agent: Agent, id: number) => agent.post(`/desk/people/${id}/reveal`, { reason: '电话核实任职情况' })

test('an office that knows somebody from an older employment, or from where the company serves, only reads', async () => {
  const { id, job, id_number } = await moved()
  const { version } = await portal.db('people').where({ id }).first('version')
  for (const [name, agent] of Object.entries({ formerClerk, streetClerk })) {
    const page = await agent.get(`/desk/people/${id}`)
    assert.equal(page.status, 200, name)
    for (const way of ['/edit"', '/photo"', '/reveal"']) assert.ok(!page.text.includes(way), `${name} is offered ${way}`)
    for (const path of [`${id}/edit`, `${id}/photo`, `employments/${job.id}/edit`])
      assert.equal((await agent.get(`/desk/people/${path}`)).status, 403, `${name} ${path}`)
    const edit = await agent.post(`/desk/people/${id}/edit`, { phone: '15400009999', version: String(version) })
    const work = await agent.post(`/desk/people/employments/${job.id}/edit`, { post: 'guard', version: String(job.version) })
    const shown = await reveal(agent, id)
    assert.deepEqual([edit.status, work.status, shown.status], [403, 403, 403], name)
    assert.ok(!shown.text.includes(id_number), name)
  }
  assert.equal((await reveal(formerReviewer, id)).status, 403, 'a reviewer reaches no further than the clerk')
  assert.equal((await portal.db('employments').where({ id: job.id }).first()).version, job.version)
})

test('the offices of the registered address and the city write and reveal', async () => {
  const { id, job, id_number } = await moved()
  for (const [name, agent] of Object.entries({ presentClerk, homeStreetClerk, city })) {
    const page = await agent.get(`/desk/people/${id}`)
    for (const way of ['/edit"', '/photo"', '/reveal"']) assert.ok(page.text.includes(way), `${name} is not offered ${way}`)
    for (const path of [`${id}/edit`, `${id}/photo`, `employments/${job.id}/edit`])
      assert.equal((await agent.get(`/desk/people/${path}`)).status, 200, `${name} ${path}`)
    assert.ok((await reveal(agent, id)).text.includes(id_number), name)
  }
  assert.ok((await reveal(presentReviewer, id)).text.includes(id_number), 'a reviewer reveals, and changes nothing')
  assert.equal((await presentReviewer.get(`/desk/people/${id}/edit`)).status, 403)
})

test('with nobody employing them the last company decides; what has ended is changed by nobody', async () => {
  const { id, job } = await moved()
  await portal
    .db('employments')
    .where({ id: job.id })
    .update({ starts_on: addDays(today(), -3) })
  await leave(present, id)

  assert.equal((await presentClerk.get(`/desk/people/${id}/edit`)).status, 200)
  assert.equal((await reveal(presentClerk, id)).status, 200)
  assert.equal((await formerClerk.get(`/desk/people/${id}/edit`)).status, 403)
  assert.equal((await reveal(formerClerk, id)).status, 403)
  assert.equal((await present.agent.get(`/desk/people/${id}/edit`)).status, 403)
  assert.equal((await presentClerk.get(`/desk/people/employments/${job.id}/edit`)).status, 404)
})
