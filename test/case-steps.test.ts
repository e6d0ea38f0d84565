import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { StepCode } from '../src/cases/lifecycle.ts'
import { type Agent, startPortal, type TestPortal } from './portal.ts'
import { type Applicant, newCompany, newUser, press, startCase, submitWhole, visit } from './qualification.ts'

/** Every state and place of both kinds, every role, every step: who may do what, as domain.md §3.1 and §4.2 say. */

let portal: TestPortal
before(async () => {
  portal = await startPortal({ demo: true })
})
after(() => portal.stop())

const { roleCodes } = await import('../src/accounts/roles.ts')
const { stepCodes, steps } = await import('../src/cases/lifecycle.ts')
const { addDays } = await import('../src/calendar.ts')
const { today, now } = await import('../src/clock.ts')

type Where =
  | 'draft'
  | 'submitted'
  | 'supplement'
  | 'district'
  | 'city-clerk'
  | 'city-reviewer'
  | 'city-approver'
  | 'waiting'
  | 'objected'
  | 'refused'
  | 'declined'
  | 'withdrawn'
  | 'done'

/** What an official would read off the regulation; whoever is not named may do nothing. 提交 and 补正提交 have forms of their own. */
const lawful: Record<Where, Partial<Record<string, readonly StepCode[]>>> = {
  draft: { 'company-admin': ['submit'], 'company-clerk': ['submit'] },
  submitted: {
    'company-admin': ['withdraw'],
    'company-clerk': ['withdraw'],
    'district-clerk': ['accept', 'decline', 'correct'],
  },
  supplement: { 'company-admin': ['resubmit', 'withdraw'], 'company-clerk': ['resubmit', 'withdraw'] },
  district: { 'company-admin': ['withdraw'], 'company-clerk': ['withdraw'], 'district-clerk': ['correct', 'pass', 'refuse'] },
  'city-clerk': {
    'company-admin': ['withdraw'],
    'company-clerk': ['withdraw'],
    'city-clerk': ['correct', 'pass', 'sendBack', 'refuse'],
  },
  'city-reviewer': {
    'company-admin': ['withdraw'],
    'company-clerk': ['withdraw'],
    'city-reviewer': ['correct', 'pass', 'sendBack', 'refuse'],
  },
  'city-approver': {
    'company-admin': ['withdraw'],
    'company-clerk': ['withdraw'],
    'city-approver': ['correct', 'pass', 'sendBack', 'refuse'],
  },
  waiting: {},
  objected: { 'city-clerk': ['uphold'] },
  refused: {},
  declined: {},
  withdrawn: {},
  done: {},
}
const places = Object.keys(lawful) as Where[] // Object.keys forgets the literal types

const way: [Where, string, StepCode][] = [
  ['submitted', 'district-clerk', 'accept'],
  ['district', 'district-clerk', 'pass'],
  ['city-clerk', 'city-clerk', 'pass'],
  ['city-reviewer', 'city-reviewer', 'pass'],
  ['city-approver', 'city-approver', 'pass'],
]

/** A case of a fresh company, brought where it is wanted by the people whose steps those are. */
async function caseAt(kind: string, where: Where, officers: Map<string, Agent>): Promise<{ id: number; applicant: Applicant }> {
  const applicant = await newCompany(portal)
  if (kind === 'qualification-confirm') await giveProvisional(applicant)
  if (where === 'draft') return { id: await startCase(applicant.agent, kind), applicant }
  const id = await submitWhole(portal, applicant, kind)
  const step = async (role: string, action: StepCode, fields: Record<string, string> = {}) => {
    const answer = await press(portal, officers.get(role) ?? applicant.agent, id, action, fields)
    assert.equal(answer.status, 303, `${action} by ${role}`)
  }
  if (where === 'supplement')
    await step('district-clerk', 'correct', { item: 'field.capital', 'words.field.capital': '请核对。' })
  else if (where === 'declined') await step('district-clerk', 'decline', { opinion: '不属本机关。' })
  else if (where === 'withdrawn') await step('applicant', 'withdraw')
  else
    for (const [at, role, action] of way) {
      if (at === where) break
      if (at === 'district' && where === 'refused') {
        await step(role, 'refuse', { opinion: '不符合条件。' })
        break
      }
      await step(role, action, at === 'district' ? await visit() : {})
    }
  if (where === 'objected' || where === 'done') {
    const publicity: { id: number } | undefined = await portal.db('publicities').where({ case_id: id }).first('id')
    assert.ok(publicity)
    if (where === 'objected') await objectTo(publicity.id)
    else await finish(id)
  }
  return { id, applicant }
}

async function objectTo(publicity: number): Promise<void> {
  const stranger = portal.anyone()
  const page = await stranger.get(`/publicity/${publicity}`)
  const hidden = [...page.text.matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(([input]) => [
    /name="([^"]*)"/.exec(input)?.[1] ?? '',
    /value="([^"]*)"/.exec(input)?.[1] ?? '',
  ])
  const answer = await stranger.post(`/publicity/${publicity}/objections`, {
    ...Object.fromEntries(hidden),
    name: '赵一',
    phone: '15400000009',
    words: '该公司人员证书不实。',
    consent: 'on',
  })
  assert.equal(answer.status, 201, answer.text.slice(0, 500))
}

async function finish(id: number): Promise<void> {
  const { moveDueCases } = await import('../src/cases/by-clock.ts')
  const { shiftClock } = await import('../src/clock.ts')
  shiftClock(20 * 86_400_000)
  await moveDueCases(portal.db)
  shiftClock(0)
  assert.equal((await portal.db('cases').where({ id }).first('state'))?.state, 'done')
}

let certificates = 0

async function giveProvisional({ id }: Applicant): Promise<void> {
  certificates++
  await portal.db('certificates').insert({
    company_id: id,
    number: `鲁济物暂-试-${process.pid}-${certificates}`,
    level: 'provisional',
    state: 'valid',
    issuer: '济南市住房和城乡建设局',
    approved_on: addDays(today(), -200),
    issued_on: addDays(today(), -200),
    valid_until: addDays(today(), 165),
    created_at: now(),
    updated_at: now(),
  })
}

for (const kind of ['qualification-new', 'qualification-confirm'])
  for (const where of places)
    test(`${kind}, ${where}: only the steps of the regulation are open, to those it names`, async () => {
      const { id, applicant, agents } = await setUp(kind, where)
      const row = await portal.db('cases').where({ id }).first()

      for (const role of roleCodes) {
        const agent = agents.get(role)
        assert.ok(agent, role)
        const may: readonly string[] = lawful[where][role] ?? []
        const page = await agent.get(`/desk/cases/${id}`)
        const seen = page.status === 200 ? stepCodes.filter(code => page.text.includes(`name="action" value="${code}"`)) : []
        assert.deepEqual(seen.sort(), may.filter(code => code !== 'submit' && code !== 'resubmit').sort(), `buttons of ${role}`)
        for (const code of stepCodes.filter(code => !may.includes(code))) {
          const answer = await press(portal, agent, id, code, { opinion: '试一试。', ...(await visit()) })
          const status =
            ['submit', 'resubmit'].includes(code) || steps[code].by === 'clock' ? [400, 403, 404] : [403, 404, 409, 422]
          assert.ok(status.includes(answer.status), `${role} ${code}: ${answer.status}`)
        }
      }

      const after = await portal.db('cases').where({ id }).first()
      assert.deepEqual([after.state, after.version, after.history_count], [row.state, row.version, row.history_count])
      assert.equal(applicant.id, after.applicant_id)
    })

let shared: Map<string, Agent> | undefined

/** One person for every role; of companies the applicant's own. */
async function setUp(kind: string, where: Where) {
  shared ??= new Map(
    await Promise.all(
      roleCodes
        .filter(role => !role.startsWith('company'))
        .map(async (role): Promise<[string, Agent]> => [role, await portal.as(role)]),
    ),
  )
  const { id, applicant } = await caseAt(kind, where, shared)
  const clerk = await newUser(portal, { organisation_id: applicant.id, role: 'company-clerk', region_code: '370102' })
  const agents = new Map([...shared, ['company-admin', applicant.agent], ['company-clerk', await portal.as(clerk)]])
  return { id, applicant, agents }
}
