import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { z } from 'zod'
import { type Agent, startPortal, type TestPortal } from './portal.ts'
import { type Applicant, newCompany, paper, plain, press, versionsOf } from './qualification.ts'

/** All four sorts of places in a chain, the consulted desk, and the three ways a refusal goes, on kinds made for this. */

const { defineKind, desk, external, party, publicity, registerKinds } = await import('../src/cases/kind.ts')
const { text } = await import('../src/forms/form.ts')
const { shiftClock, today } = await import('../src/clock.ts')

let portal: TestPortal
let district: Agent
let street: Agent
let clerk: Agent
let respondent: Applicant
before(async () => {
  portal = await startPortal({ demo: true })
  district = await portal.as('district-clerk')
  street = await portal.as('street-clerk')
  clerk = await portal.as('city-clerk')
  respondent = await newCompany(portal)
  registerKinds(everyPlace, toDraft, toRejected)
})
after(async () => {
  shiftClock(0)
  await portal.stop()
})

const { moveDueCases } = await import('../src/cases/by-clock.ts')
const { checkHistory } = await import('../src/cases/check-history.ts')
const working = (limit: number) => ({ limit, unit: 'working-day' }) as const

const common = {
  module: 'filings',
  law: '试验办法第一条',
  when: '随时。',
  startedBy: ['company-admin'],
  form: z.object({ reason: text({ label: '事由', section: '事由' }) }),
  checks: [],
  async subjectOf(_db: unknown, user: { organisation_id: number; organisation_name: string }) {
    return {
      type: 'company',
      id: user.organisation_id,
      name: user.organisation_name,
      district_code: '370102',
      street_code: '370102010',
    } as const
  },
  async prefill() {
    return {}
  },
} as const

const settings = {
  clocks: [],
  consults: [{ code: 'street', label: '街道办意见', role: 'street-clerk' as const, limit: working(5) }],
  materials: [],
  number: '试〔{yyyy}〕{region}-{seq:3}号',
  corrections: 1,
  thresholds: {},
  templates: [],
}

const done: { number: string | undefined; outcome: unknown }[] = []
const everyPlace = defineKind({
  ...common,
  code: 'test-every-place',
  label: '四种环节',
  prefix: 'TA',
  refusedTo: 'refused',
  openKey: subject => `test-every-place:${subject.id}`,
  settings: {
    ...settings,
    chain: [
      desk('district', 'district-clerk', '区县受理', '受理审核中'),
      party('company', 'respondent', '对方答复', '待对方答复', 5),
      external('province', '山东省住房和城乡建设厅', 'city-clerk', '省厅审批', '省厅审批中'),
      { sort: 'wait', code: 'quiet', label: '申辩期', state: '申辩期内', role: 'city-clerk', limit: working(3), public: false },
      publicity('city-clerk', 5),
      desk('end', 'city-approver', '市局签发', '签发中'),
    ],
  },
  async whenSubmitted(trx, kase) {
    if (kase.edition === 1)
      await trx('case_parties').insert({ case_id: kase.id, organisation_id: respondent.id, role: 'respondent' })
  },
  async whenDone(_trx, _kase, { number, outcome }) {
    done.push({ number, outcome })
  },
  async informed(db) {
    const company2: { organisation_id: number } | undefined = await db('users')
      .where({ username: 'company2' })
      .first('organisation_id')
    return company2 ? [company2.organisation_id] : []
  },
  publicFacts: (_kase, answers) => [{ label: '事由', value: String(answers.reason) }],
})
const one = { ...settings, chain: [desk('district', 'district-clerk', '区县审核', '审核中')] }
const toDraft = defineKind({
  ...common,
  code: 'test-to-draft',
  label: '退回未提交',
  prefix: 'TB',
  refusedTo: 'draft',
  openKey: subject => `test-to-draft:${subject.id}`,
  settings: one,
})
const toRejected = defineKind({
  ...common,
  code: 'test-to-rejected',
  label: '驳回',
  prefix: 'TC',
  refusedTo: 'rejected',
  openKey: subject => `test-to-rejected:${subject.id}`,
  settings: one,
})

const caseRow = async (id: number) => await portal.db('cases').where({ id }).first()

async function submit(applicant: Applicant, kind: string): Promise<number> {
  const started = await applicant.agent.post(`/desk/cases/new/${kind}`)
  const id = Number(/(\d+)$/.exec(started.location ?? '')?.[1])
  const answer = await applicant.agent.post(`/desk/cases/${id}/submit`, { reason: '试一试', ...(await versionsOf(portal, id)) })
  assert.equal(answer.status, 303, plain(answer.text))
  return id
}

test('a case passes a desk, a party, an authority outside, a quiet wait and publicity', async () => {
  const applicant = await newCompany(portal)
  const id = await submit(applicant, 'test-every-place')
  await press(portal, district, id, 'accept')
  assert.equal((await press(portal, district, id, 'pass')).status, 303)

  const held = await caseRow(id)
  assert.equal(held.holder_id, respondent.id)
  assert.match((await respondent.agent.get(`/desk/cases/${id}`)).text, /待对方答复/)
  assert.equal((await press(portal, applicant.agent, id, 'answer', { opinion: '我替他答。' })).status, 403)
  assert.equal((await press(portal, respondent.agent, id, 'answer')).status, 422)
  assert.equal((await press(portal, respondent.agent, id, 'answer', { opinion: '情况属实。' })).status, 303)

  assert.equal((await caseRow(id)).place, 'province')
  const noScan = await press(portal, clerk, id, 'pass', { outcome_number: '鲁建〔2026〕1号', outcome_on: today() })
  assert.equal(noScan.status, 422)
  assert.match(noScan.text, /请上传对方决定的扫描件/)
  const scanned = await outcome(clerk, id, { outcome_number: '鲁建〔2026〕1号', outcome_on: today() })
  assert.equal(scanned.status, 303, plain(await scanned.text()))
  const [scan] = await portal.db('files').where({ case_id: id, material: 'outcome' })
  assert.ok(scan)

  assert.deepEqual([(await caseRow(id)).state, (await caseRow(id)).place], ['waiting', 'quiet'])
  assert.equal(await moveDueCases(portal.db), 0, 'the period has not ended')
  shiftClock(10 * 86_400_000)
  await moveDueCases(portal.db)
  assert.equal((await caseRow(id)).place, 'publicity')
  shiftClock(25 * 86_400_000)
  await moveDueCases(portal.db)
  assert.equal((await caseRow(id)).place, 'end')
  const approver = await portal.as('city-approver')
  assert.equal((await press(portal, approver, id, 'pass')).status, 303)
  shiftClock(0)

  assert.equal((await caseRow(id)).state, 'done')
  assert.match(done[0]?.number ?? '', /^试〔\d{4}〕370102-001号$/)
  assert.deepEqual(done[0]?.outcome, { number: '鲁建〔2026〕1号', on: today(), authority: '山东省住房和城乡建设厅' })
  assert.deepEqual((await checkHistory(portal.db)).faults, [])
})

async function outcome(agent: Agent, id: number, fields: Record<string, string>): Promise<Response> {
  const body = new FormData()
  for (const [name, value] of Object.entries({ action: 'pass', version: (await versionsOf(portal, id)).version, ...fields }))
    body.append(name, value)
  body.append('files', paper(`决定 ${id}`), '省厅决定.pdf')
  return await agent.raw(`/desk/cases/${id}/outcome`, { method: 'POST', body, headers: { origin: agent.base } })
}

test('who is informed may read the case, is told of its steps, and decides nothing', async () => {
  const id = await submit(await newCompany(portal), 'test-every-place')
  const informed = await portal.as('company2')

  await press(portal, district, id, 'accept')

  const page = await informed.get(`/desk/cases/${id}`)
  assert.equal(page.status, 200)
  assert.doesNotMatch(page.text, /name="action"/)
  assert.equal((await press(portal, informed, id, 'withdraw')).status, 403)
  assert.doesNotMatch(page.text, /\/urge"/)
  const urged = await informed.post(`/desk/cases/${id}/urge`)
  assert.equal(urged.status, 403)
  assert.match(urged.text, /被知会的单位可以在本页查看进度/)
  assert.equal((await portal.db('case_history').where({ case_id: id, step: 'urge' })).length, 0)
  const [file = 0] = await portal.db('files').insert({
    case_id: id,
    material: 'paper',
    name: '证明.pdf',
    extension: 'pdf',
    type: 'application/pdf',
    size: 1,
    sha256: '0'.repeat(64),
    storage_key: `none-${id}`,
    from_edition: 1,
    uploaded_by: 1,
    created_at: new Date(),
  })
  assert.equal((await informed.get(`/files/${file}`)).status, 404, 'what was handed in is not theirs to read')
  assert.equal((await district.get(`/files/${file}`)).status, 500, 'an office is told that the bytes are lost')
  await portal.db('files').where({ id: file }).delete()
  assert.match((await informed.get('/desk/messages')).text, /抄送/)
})

test('a party that does not answer in time is passed by', async () => {
  const id = await submit(await newCompany(portal), 'test-every-place')
  await press(portal, district, id, 'accept')
  await press(portal, district, id, 'pass')
  shiftClock(14 * 86_400_000)
  await moveDueCases(portal.db)
  shiftClock(0)
  assert.equal((await caseRow(id)).place, 'province')
  const last = await portal.db('case_history').where({ case_id: id }).orderBy('sequence', 'desc').first()
  assert.deepEqual([last.step, last.user_name], ['lapse', '系统'])
})

test('a consulted desk answers beside the chain and never blocks', async () => {
  const id = await submit(await newCompany(portal), 'test-every-place')
  await press(portal, district, id, 'accept')
  const asked = await district.post(`/desk/cases/${id}/consultations`, { code: 'street', question: '请说明该地址情况。' })
  assert.equal(asked.status, 303)
  assert.equal((await district.post(`/desk/cases/${id}/consultations`, { code: 'street', question: '再问。' })).status, 409)
  assert.equal((await press(portal, district, id, 'pass')).status, 303, 'the case goes on')

  const todo = await street.get('/desk/lists/cases?box=todo')
  assert.match(todo.text, /四种环节/)
  const row = await portal.db('case_consultations').where({ case_id: id }).first()
  const path = `/desk/cases/${id}/consultations/${row.id}`
  assert.equal((await clerk.post(path, { verdict: 'agree', opinion: '替街道答。' })).status, 403)
  assert.equal((await street.post(path, { verdict: 'maybe', opinion: '' })).status, 422)
  assert.equal((await street.post(path, { verdict: 'agree', opinion: '属实。' })).status, 303)
  assert.equal((await street.post(path, { verdict: 'agree', opinion: '属实。' })).status, 409)
  assert.match((await district.get(`/desk/cases/${id}`)).text, /同意<\/b>　属实。/)
})

for (const [kind, state] of [
  ['test-to-draft', 'draft'],
  ['test-to-rejected', 'rejected'],
] as const)
  test(`${kind}: refused, the same case is edited and submitted again as its next edition`, async () => {
    const applicant = await newCompany(portal)
    const id = await submit(applicant, kind)
    await press(portal, district, id, 'accept')
    assert.equal((await press(portal, district, id, 'refuse', { opinion: '事由不清。' })).status, 303)
    const refused = await caseRow(id)
    assert.deepEqual([refused.state, refused.holder_id, refused.closed_at], [state, applicant.id, null])
    assert.match((await applicant.agent.get(`/desk/cases/${id}`)).text, /事由不清/)

    const again = await applicant.agent.post(`/desk/cases/${id}/submit`, {
      reason: '写清楚了',
      ...(await versionsOf(portal, id)),
    })
    assert.equal(again.status, 303, plain(again.text))

    const row = await caseRow(id)
    assert.deepEqual([row.state, row.edition, row.serial], ['submitted', 2, refused.serial])
    assert.match((await district.get(`/desk/cases/${id}/editions/1`)).text, /试一试/)
    await press(portal, district, id, 'accept')
    assert.equal((await press(portal, district, id, 'pass')).status, 303)
    assert.match((await caseRow(id)).number, /号$/)
  })

test('a case keeps the chain it was submitted under when the chain is changed', async () => {
  const { settingsInForce } = await import('../src/cases/settings.ts')
  const applicant = await newCompany(portal)
  const id = await submit(applicant, 'test-to-draft')
  const { settings: old } = await settingsInForce(portal.db, toDraft)
  await portal.db('kind_settings').insert({
    kind: 'test-to-draft',
    variant: '',
    effective_on: '2000-01-02',
    revision: 1,
    settings: JSON.stringify({ ...old, chain: [...old.chain, desk('city', 'city-clerk', '市局审核', '市局审核中')] }),
    created_at: new Date(),
    updated_at: new Date(),
  })
  const later = await submit(await newCompany(portal), 'test-to-draft')

  for (const each of [id, later]) {
    await press(portal, district, each, 'accept')
    await press(portal, district, each, 'pass')
  }

  assert.equal((await caseRow(id)).state, 'done')
  assert.deepEqual([(await caseRow(later)).state, (await caseRow(later)).place], ['reviewing', 'city'])
})
