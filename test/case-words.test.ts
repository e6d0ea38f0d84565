import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { z } from 'zod'
import { type Agent, startPortal, type TestPortal } from './portal.ts'
import { type Applicant, newCompany, plain, press, versionsOf } from './qualification.ts'

/** What a kind may say besides form and chain: rules, region and parties by the answers, what an end without approval undoes. */

const { defineKind, desk, party, registerKinds } = await import('../src/cases/kind.ts')
const { text } = await import('../src/forms/form.ts')

let portal: TestPortal
let there: Agent
let city: Agent
let other: Applicant
before(async () => {
  portal = await startPortal({ demo: true })
  there = await portal.as('district-clerk')
  city = await portal.as('city-clerk')
  other = await newCompany(portal, { district: '370103' })
  registerKinds(claim)
})
after(() => portal.stop())

const undone: [string, string][] = []
const claim = defineKind({
  code: 'test-claim',
  label: '试验主张',
  module: 'filings',
  law: '试验办法第一条',
  when: '随时。',
  startedBy: ['company-admin'],
  startsAt: { label: '选择对象', href: '/desk/lists/cases' },
  prefix: 'TD',
  form: z.object({ against: text({ label: '对方' }), district: text({ label: '区县' }), matter: text({ label: '事由' }) }),
  refusedTo: 'draft',
  discreet: true,
  parties: ['respondent'],
  checks: [],
  settings: {
    chain: [
      desk('district', 'district-clerk', '区县核验', '核验中'),
      party('reply', 'respondent', '对方答复', '待对方答复', 5),
      desk('city', 'city-clerk', '市局决定', '决定中'),
    ],
    clocks: [],
    consults: [],
    materials: [],
    number: '',
    corrections: 1,
    thresholds: {},
    templates: [],
  },
  async subjectOf(_db, user) {
    return { type: 'company', id: user.organisation_id, name: user.organisation_name, district_code: null, street_code: null }
  },
  openKey: (subject, { matter }) => (matter ? `test-claim:${subject.id}:${matter}` : null),
  async prefill() {
    return { district: '370102' }
  },
  async mistakes(_db, _kase, { matter }): Promise<Record<string, string>> {
    return matter === '无理' ? { matter: '事由不成立，请写明理由。' } : {}
  },
  async regionOf(_db, { district }) {
    return { district_code: String(district), street_code: null }
  },
  async partiesOf(_trx, _kase, { against }) {
    return [{ role: 'respondent', organisation_id: Number(against) }]
  },
  async whenEnded(_trx, kase, { matter }) {
    undone.push([kase.state, String(matter)])
  },
})

async function start(applicant: Applicant): Promise<number> {
  const started = await applicant.agent.post('/desk/cases/new/test-claim')
  return Number(/(\d+)$/.exec(started.location ?? '')?.[1])
}

async function submit(applicant: Applicant, id: number, fields: Record<string, string> = {}) {
  const told = { against: String(other.id), district: '370102', matter: '有理', ...fields, ...(await versionsOf(portal, id)) }
  return await applicant.agent.post(`/desk/cases/${id}/submit`, told)
}

test('a rule beyond the form keeps it a draft, with the sentence at the field and everything typed', async () => {
  const applicant = await newCompany(portal)
  const id = await start(applicant)

  const refused = await submit(applicant, id, { matter: '无理' })

  assert.equal(refused.status, 422)
  assert.match(plain(refused.text), /事由不成立，请写明理由。/)
  assert.match(refused.text, new RegExp(`value="${other.id}"`))
  assert.equal((await portal.db('cases').where({ id }).first()).state, 'draft')
  assert.equal((await submit(applicant, id)).status, 303)
})

test('the case belongs where its answers say, from the submission on', async () => {
  const applicant = await newCompany(portal)
  const id = await start(applicant)
  assert.equal((await portal.db('cases').where({ id }).first()).district_code, null)

  await submit(applicant, id)

  assert.equal((await portal.db('cases').where({ id }).first()).district_code, '370102')
  assert.equal((await there.get(`/desk/cases/${id}`)).status, 200)
  assert.equal((await press(portal, there, id, 'accept')).status, 303)
})

test('the party named in the answers must answer, is not named to the applicant, and changes with the answers', async () => {
  const applicant = await newCompany(portal)
  const id = await start(applicant)
  await submit(applicant, id)
  await press(portal, there, id, 'accept')
  await press(portal, there, id, 'pass')
  assert.match(plain((await applicant.agent.get(`/desk/cases/${id}`)).text), /等待对方答复/)
  assert.equal((await press(portal, other.agent, id, 'answer', { opinion: '不同意。' })).status, 303)

  for (const path of [`/desk/cases/${id}`, '/desk/messages', '/desk/lists/cases'])
    assert.ok(!(await applicant.agent.get(path)).text.includes(other.name), path)
  assert.match(plain((await applicant.agent.get(`/desk/cases/${id}`)).text), /对方答复 答复/)
  assert.ok(
    plain((await other.agent.get(`/desk/cases/${id}`)).text).includes(applicant.name),
    'who is claimed against knows by whom',
  )

  await press(portal, city, id, 'refuse', { opinion: '请另选对方。' })
  const third = await newCompany(portal)
  assert.equal((await submit(applicant, id, { against: String(third.id) })).status, 303)
  assert.equal((await other.agent.get(`/desk/cases/${id}`)).status, 404)
  assert.equal((await third.agent.get(`/desk/cases/${id}`)).status, 200)
})

test('an end without approval is told to the kind, an approval is not', async () => {
  const applicant = await newCompany(portal)
  const ways: [string, (id: number) => Promise<unknown>][] = [
    ['withdrawn', id => press(portal, applicant.agent, id, 'withdraw')],
    ['declined', id => press(portal, there, id, 'decline', { opinion: '不属本机关。' })],
    [
      'draft',
      async id => {
        await press(portal, there, id, 'accept')
        await press(portal, there, id, 'refuse', { opinion: '理由不足。' })
      },
    ],
  ]
  for (const [state, end] of ways) {
    const id = await start(applicant)
    await submit(applicant, id, { matter: `到${state}` })
    await end(id)
    assert.deepEqual(undone.at(-1), [state, `到${state}`])
  }
  const told = undone.length
  const id = await start(applicant)
  await submit(applicant, id, { matter: '通过' })
  await press(portal, there, id, 'accept')
  await press(portal, there, id, 'pass')
  await press(portal, other.agent, id, 'answer', { opinion: '无意见。' })
  await press(portal, city, id, 'pass')
  assert.equal((await portal.db('cases').where({ id }).first()).state, 'done')
  assert.equal(undone.length, told)
})

test('where there is no key, several may be open at once; typed answers may give one', async () => {
  const { startCase } = await import('../src/cases/drafts.ts')
  const { findUser } = await import('../src/accounts/users.ts')
  const applicant = await newCompany(portal)
  assert.notEqual(await start(applicant), await start(applicant))
  const account = await portal.db('users').where({ username: applicant.username }).first('id')
  const user = await findUser(portal.db, account.id)
  assert.ok(user)
  const typed = { matter: 'same-matter', against: '1' }
  const first = await startCase(user, claim, { typed })
  assert.equal(await startCase(user, claim, { typed }), first)
  assert.match((await applicant.agent.get(`/desk/cases/${first}`)).text, /value="same-matter"/)
})

test('the catalogue leads to where an application begins', async () => {
  const page = await other.agent.get('/desk/kinds/test-claim')
  assert.match(page.text, /href="\/desk\/lists\/cases"[^>]*>.*选择对象/)
})
