import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { PDFParse } from 'pdf-parse'
import { z } from 'zod'
import type { Kind, Place } from '../src/cases/kind.ts'
import type { Answers } from '../src/forms/answers.ts'
import { type Agent, startPortal, type TestPortal } from './portal.ts'
import { type Applicant, endPublicity, newCompany, objectTo, paper, plain, press, versionsOf } from './qualification.ts'

/**
 * What a kind may say besides form and chain: rules, region and parties by the answers, what an end without approval undoes, the
 * conclusion of whoever decides, and that it is out of use.
 */

const { defineKind, desk, external, party, publicity, registerKinds, standardOf } = await import('../src/cases/kind.ts')
const { settingsInForce } = await import('../src/cases/settings.ts')
const { choice, optionalText, text } = await import('../src/forms/form.ts')

let portal: TestPortal
let there: Agent
let city: Agent
let other: Applicant
before(async () => {
  portal = await startPortal({ demo: true })
  there = await portal.as('district-clerk')
  city = await portal.as('city-clerk')
  other = await newCompany(portal, { district: '370103' })
  registerKinds(claim, verdict, survey)
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

async function start(applicant: Applicant, kind: Kind = claim): Promise<number> {
  const started = await applicant.agent.post(`/desk/cases/new/${kind.code}`)
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

// ── 结论 ───────────────────────────────────────────────────────────────────────────────────────

const concluded: Answers[] = []
/** Out of use while this says why. */
let outOfUse: string | undefined
const place = {
  district: desk('district', 'district-clerk', '区县评定', '评定中', { visit: true }),
  city: desk('city', 'city-clerk', '市局决定', '决定中'),
  province: external('province', '山东省住房和城乡建设厅', 'city-clerk', '省厅审批', '省厅审批中'),
  publicity: publicity('city-clerk', 5),
}
const verdict = defineKind({
  ...claim,
  code: 'test-verdict',
  label: '试验评定',
  prefix: 'TE',
  startsAt: undefined,
  parties: [],
  form: z.object({ matter: text({ label: '事由' }) }),
  conclusion: z.object({
    grade: choice({ label: '评定等级', options: [{ value: 'good', label: '优良' }, { value: 'plain', label: '合格' }] }), // biome-ignore format: one field a line
    certificate: text({ label: '评定编号', max: 20 }),
    remark: optionalText({ label: '附注', max: 100 }),
  }),
  async conclusionMistakes(_db, _kase, { certificate }): Promise<Record<string, string>> {
    return certificate === '评-0001' ? { certificate: '评-0001 已给了别的企业，请核对评定编号。' } : {}
  },
  async suspended() {
    return outOfUse
  },
  settings: { ...standardOf(claim), chain: [place.district, place.city, place.publicity] },
  openKey: subject => `test-verdict:${subject.id}`,
  prefill: async () => ({ matter: '评定' }),
  regionOf: undefined,
  partiesOf: undefined,
  mistakes: undefined,
  whenEnded: undefined,
  async whenDone(_trx, _kase, { conclusion }) {
    concluded.push(conclusion)
  },
  publicFacts: (_kase, answers) => [{ label: '事由', value: String(answers.matter) }],
  async subjectOf(_db, user) {
    const of = { district_code: '370102', street_code: null }
    return { type: 'company', id: user.organisation_id, name: user.organisation_name, ...of }
  },
})

let revision = 0
/** The regulator orders the places otherwise, from now on. */
async function order(...chain: Place[]): Promise<void> {
  const { settings } = await settingsInForce(portal.db, verdict)
  revision++
  await portal.db('kind_settings').insert({
    kind: verdict.code,
    variant: '',
    effective_on: '2000-01-02',
    revision,
    settings: JSON.stringify({ ...settings, chain }),
    created_at: new Date(),
    updated_at: new Date(),
  })
}

const verdictFields = { grade: 'good', certificate: '评-2026', remark: '逐项核对过。' }
const visited = { visited_on: '2026-11-20', officers: '周砚秋、郑伯川', finding: '现场属实。' }
const asksVerdict = (html: string) => /name="grade"/.test(html) && /name="certificate"/.test(html)
const caseRow = async (id: number) => await portal.db('cases').where({ id }).first()

async function verdictAt(applicant: Applicant): Promise<number> {
  const id = await start(applicant, verdict)
  const submitted = await applicant.agent.post(`/desk/cases/${id}/submit`, { matter: '评定', ...(await versionsOf(portal, id)) })
  assert.equal(submitted.status, 303, plain(submitted.text))
  assert.equal((await press(portal, there, id, 'accept')).status, 303)
  return id
}

test('the last desk writes the conclusion down, no desk before it; publicity after it changes nothing in that', async () => {
  const applicant = await newCompany(portal)
  const id = await verdictAt(applicant)
  assert.ok(!asksVerdict((await there.get(`/desk/cases/${id}`)).text))
  assert.equal((await press(portal, there, id, 'pass', visited)).status, 303)

  assert.ok(asksVerdict((await city.get(`/desk/cases/${id}`)).text))
  const empty = await press(portal, city, id, 'pass', { certificate: '评-77', remark: '先写这些。', opinion: '写到一半。' })
  assert.equal(empty.status, 422)
  assert.match(plain(empty.text), /评定等级/)
  for (const kept of ['value="评-77"', '先写这些。', '写到一半。']) assert.ok(empty.text.includes(kept), kept)
  const strange = await press(portal, city, id, 'pass', { ...verdictFields, grade: 'excellent' })
  assert.equal(strange.status, 422)
  assert.equal((await caseRow(id)).place, 'city')

  assert.equal((await press(portal, city, id, 'pass', verdictFields)).status, 303)
  assert.equal((await caseRow(id)).state, 'waiting')
  assert.equal(concluded.length, 0, 'the effect waits for the end of the publicity')
  await endPublicity(portal, id)
  assert.deepEqual(concluded.splice(0), [verdictFields])
})

test('what only the database knows of a conclusion is told at its field, and nothing has moved', async () => {
  const id = await verdictAt(await newCompany(portal))
  await press(portal, there, id, 'pass', visited)
  const refused = await press(portal, city, id, 'pass', { ...verdictFields, certificate: '评-0001', opinion: '同意。' })
  assert.equal(refused.status, 422)
  const wrong = /<div class="[^"]*wrong[^"]*"[^>]*>(?:(?!<\/div>)[\s\S])*name="certificate"(?:(?!<\/div>)[\s\S])*/.exec(
    refused.text,
  )?.[0]
  assert.match(wrong ?? '', /评-0001 已给了别的企业，请核对评定编号。/)
  for (const kept of ['value="评-0001"', '逐项核对过。', '同意。', '<option value="good" selected'])
    assert.ok(refused.text.includes(kept), kept)
  const { state, place } = await caseRow(id)
  assert.deepEqual([state, place], ['reviewing', 'city'])
})

test('sending back and refusing ask for no conclusion; what was written before a return does not count', async () => {
  const id = await verdictAt(await newCompany(portal))
  await press(portal, there, id, 'pass', visited)
  assert.equal((await press(portal, city, id, 'sendBack', { opinion: '请再看现场。' })).status, 303)
  await press(portal, there, id, 'pass', visited)
  assert.equal((await press(portal, city, id, 'pass', { ...verdictFields, certificate: '评-初' })).status, 303)

  // An objection brings the case back to the desk that decides.
  await objectTo(portal, id)
  assert.equal((await press(portal, city, id, 'uphold', { opinion: '异议成立。' })).status, 303)
  assert.ok(asksVerdict((await city.get(`/desk/cases/${id}`)).text))
  assert.equal((await press(portal, city, id, 'pass', { ...verdictFields, certificate: '评-终' })).status, 303)
  await endPublicity(portal, id)
  assert.deepEqual(concluded.splice(0), [{ ...verdictFields, certificate: '评-终' }])

  const refused = await verdictAt(await newCompany(portal))
  await press(portal, there, refused, 'pass', visited)
  assert.equal((await press(portal, city, refused, 'refuse', { opinion: '不符合。' })).status, 303)
  assert.deepEqual(concluded, [])
})

test('the regulator moves the last place: the conclusion is asked there, a desk with its visit or an authority outside', async t => {
  t.after(() => order(place.district, place.city, place.publicity))
  await order(place.district)
  const atDistrict = await verdictAt(await newCompany(portal))
  const page = (await there.get(`/desk/cases/${atDistrict}`)).text
  assert.ok(asksVerdict(page) && page.includes('name="visited_on"'))
  assert.equal((await press(portal, there, atDistrict, 'pass', visited)).status, 422)
  assert.equal((await press(portal, there, atDistrict, 'pass', { ...visited, ...verdictFields, remark: '' })).status, 303)
  assert.equal((await caseRow(atDistrict)).state, 'done')
  assert.deepEqual(concluded.splice(0), [{ ...verdictFields, remark: '' }])

  await order(place.city, place.province, place.publicity)
  const applicant = await newCompany(portal)
  const id = await start(applicant, verdict)
  await applicant.agent.post(`/desk/cases/${id}/submit`, { matter: '评定', ...(await versionsOf(portal, id)) })
  await press(portal, city, id, 'accept')
  assert.ok(!asksVerdict((await city.get(`/desk/cases/${id}`)).text))
  await press(portal, city, id, 'pass')
  assert.ok(asksVerdict((await city.get(`/desk/cases/${id}`)).text))

  const send = async (fields: Record<string, string>) => {
    const body = new FormData()
    const told = { action: 'pass', version: (await versionsOf(portal, id)).version, ...fields }
    for (const [name, value] of Object.entries(told)) body.append(name, value)
    body.append('files', paper(`批复 ${id}`), '批复.pdf')
    return await city.raw(`/desk/cases/${id}/outcome`, { method: 'POST', body, headers: { origin: city.base } })
  }
  // As the page sends it, with every field of its form.
  const outcome = {
    outcome_number: '鲁建物〔2026〕88号',
    outcome_on: (await import('../src/clock.ts')).today(),
    opinion: '已核对批复。'.repeat(200),
    note: '',
  }
  const half = await send({ ...outcome, certificate: '评-省' })
  const words = await half.text()
  assert.equal(half.status, 422, plain(words))
  assert.ok(words.includes('value="评-省"') && words.includes('鲁建物〔2026〕88号'), 'what was typed is kept')
  assert.equal((await portal.db('files').where({ case_id: id, material: 'outcome' })).length, 0)
  assert.equal((await send({ ...outcome, ...verdictFields, certificate: '评-0001' })).status, 422)
  assert.equal((await send({ ...outcome, ...verdictFields, certificate: '评-省' })).status, 303)
  await endPublicity(portal, id)
  assert.deepEqual(concluded.splice(0), [{ ...verdictFields, certificate: '评-省' }])
})

test('history, the slip of the decision and the dossier tell the conclusion; what was left empty is not mentioned', async () => {
  const applicant = await newCompany(portal)
  const id = await verdictAt(applicant)
  await press(portal, there, id, 'pass', visited)
  await press(portal, city, id, 'pass', { ...verdictFields, remark: '', opinion: '同意评定。' })
  for (const agent of [applicant.agent, there, city]) {
    const page = plain((await agent.get(`/desk/cases/${id}`)).text.replace(/[\s\S]*id="story"/, ''))
    assert.match(page, /评定等级：优良/)
    assert.match(page, /评定编号：评-2026/)
    assert.doesNotMatch(page, /附注/)
  }
  await endPublicity(portal, id)
  concluded.splice(0)
  const slip = await portal.db('documents').where({ case_id: id, paper: 'decision' }).first('id')
  for (const path of [`papers/${slip.id}.pdf`, 'papers/dossier.pdf']) {
    const answer = await city.raw(`/desk/cases/${id}/${path}`, {})
    assert.equal(answer.status, 200, path)
    const parser = new PDFParse({ data: new Uint8Array(await answer.arrayBuffer()) })
    const words = (await parser.getText()).text.replace(/\s+/g, '')
    await parser.destroy()
    assert.match(words, /评定等级：优良/, path)
    assert.match(words, /评定编号：评-2026/, path)
    assert.doesNotMatch(words, /附注：/, path)
  }
})

test('a kind without conclusion asks for none and gets none', async () => {
  const id = await start(await newCompany(portal))
  assert.ok(!asksVerdict((await city.get(`/desk/cases/${id}`)).text))
  const applicant = await newCompany(portal)
  const claimed = await start(applicant)
  await submit(applicant, claimed)
  await press(portal, there, claimed, 'accept')
  assert.equal((await press(portal, there, claimed, 'pass', verdictFields)).status, 303)
  const line = await portal.db('case_history').where({ case_id: claimed, step: 'pass' }).first('payload_id')
  const payload = await portal.db('case_payloads').where({ id: line.payload_id }).first('body')
  assert.doesNotMatch(payload?.body ?? '', /conclusion|评-2026/)
})

// ── 停用 ───────────────────────────────────────────────────────────────────────────────────────

const gone = '试验评定已经停止，已有记录只供查询。'

test('what is out of use is neither begun, submitted, accepted, passed nor let through by the clock; it can still be ended', async t => {
  t.after(() => {
    outOfUse = undefined
  })
  const [drafting, waitingForDesk, accepted, published] = await Promise.all([0, 1, 2, 3].map(() => newCompany(portal)))
  assert.ok(drafting && waitingForDesk && accepted && published)
  const draft = await start(drafting, verdict)
  const submitted = await start(waitingForDesk, verdict)
  await waitingForDesk.agent.post(`/desk/cases/${submitted}/submit`, { matter: '评定', ...(await versionsOf(portal, submitted)) })
  const [reviewing, waiting] = [await verdictAt(accepted), await verdictAt(published)]
  await press(portal, there, waiting, 'pass', visited)
  await press(portal, city, waiting, 'pass', verdictFields)
  const before = await Promise.all([draft, submitted, reviewing, waiting].map(caseRow))

  outOfUse = gone
  const refusals = {
    start: await other.agent.post(`/desk/cases/new/${verdict.code}`),
    again: await drafting.agent.post(`/desk/cases/new/${verdict.code}`),
    submit: await drafting.agent.post(`/desk/cases/${draft}/submit`, { matter: '评定', ...(await versionsOf(portal, draft)) }),
    accept: await press(portal, there, submitted, 'accept'),
    pass: await press(portal, there, reviewing, 'pass', visited),
  }
  for (const [name, answer] of Object.entries(refusals)) {
    assert.equal(answer.status, 409, name)
    assert.match(plain(answer.text), /试验评定已经停止，已有记录只供查询。/, name)
  }
  await endPublicity(portal, waiting)
  assert.deepEqual(await Promise.all([draft, submitted, reviewing, waiting].map(caseRow)), before)
  assert.deepEqual(concluded, [])
  for (const [agent, id] of [[drafting.agent, draft], [there, submitted], [there, reviewing], [city, waiting]] as const) // biome-ignore format: pairs
    assert.match(plain((await agent.get(`/desk/cases/${id}`)).text), /试验评定已经停止/)

  assert.equal((await press(portal, there, submitted, 'decline', { opinion: '业务已停止。' })).status, 303)
  assert.equal((await press(portal, there, reviewing, 'refuse', { opinion: '业务已停止。' })).status, 303)
  assert.equal((await drafting.agent.post(`/desk/cases/${draft}/discard`)).status, 303)

  outOfUse = undefined
  await endPublicity(portal, waiting)
  assert.equal((await caseRow(waiting)).state, 'done', 'in use again, the publicity that ended counts')
  assert.deepEqual(concluded.splice(0), [verdictFields])
})

test('an applicant can withdraw and save what is out of use', async t => {
  t.after(() => {
    outOfUse = undefined
  })
  const [one, two] = [await newCompany(portal), await newCompany(portal)]
  const id = await verdictAt(one)
  const draft = await start(two, verdict)
  outOfUse = gone
  const saved = await two.agent.post(`/desk/cases/${draft}/draft`, { matter: '写到这里', ...(await versionsOf(portal, draft)) })
  assert.equal(saved.status, 303)
  assert.equal((await press(portal, one.agent, id, 'withdraw')).status, 303)
  assert.equal((await caseRow(id)).state, 'withdrawn')
})

test('catalogue and guides say that a kind is out of use, and offer no way to begin', async t => {
  t.after(() => {
    outOfUse = undefined
  })
  const open = `action="/desk/cases/new/${verdict.code}"`
  const pages = async () => {
    const [list, page, guides, guide] = await Promise.all([
      other.agent.get('/desk/kinds'),
      other.agent.get(`/desk/kinds/${verdict.code}`),
      portal.anyone().get('/guides'),
      portal.anyone().get(`/guides/${verdict.code}`),
    ])
    const row = (html: string, tag: string) =>
      new RegExp(`<${tag}>(?:(?!</${tag}>)[\\s\\S])*/${verdict.code}"(?:(?!</${tag}>)[\\s\\S])*`).exec(html)?.[0] ?? ''
    return { row: plain(row(list.text, 'tr')), page: page.text, line: plain(row(guides.text, 'li')), guide: guide.text }
  }
  const inUse = await pages()
  assert.match(inUse.row, /您可以申请/)
  assert.ok(inUse.page.includes(open))
  assert.match(inUse.line, /试验评定/)
  assert.match(inUse.guide, /登录办理/)
  for (const text of Object.values(inUse)) assert.doesNotMatch(text, /现在不办理|试验评定已经停止/)

  outOfUse = gone
  const stopped = await pages()
  assert.match(stopped.row, /现在不办理/)
  assert.doesNotMatch(stopped.row, /您可以申请/)
  assert.ok(!stopped.page.includes(open))
  assert.match(stopped.page, /试验评定已经停止/)
  assert.match(stopped.line, /现在不办理/)
  assert.doesNotMatch(stopped.guide, /登录办理/)
  assert.match(stopped.guide, /试验评定已经停止/)
})

// ── 一个对象一件 ───────────────────────────────────────────────────────────────────────────────

/** Shares the key with 试验评定: one of the two at a time. */
const survey = defineKind({ ...verdict, code: 'test-survey', label: '试验普查', prefix: 'TF' })

test('while another kind holds the key of the subject, that one is named with its number and the way out', async () => {
  const applicant = await newCompany(portal)
  const begun = await start(applicant, verdict)
  const early = await applicant.agent.post(`/desk/cases/new/${survey.code}`)
  assert.equal(early.status, 409)
  assert.match(plain(early.text), /已有一件在办的试验评定（未提交的草稿），办结、撤回或删除草稿后才能申请试验普查。/)

  await applicant.agent.post(`/desk/cases/${begun}/submit`, { matter: '评定', ...(await versionsOf(portal, begun)) })
  const { serial } = await caseRow(begun)
  const refused = await applicant.agent.post(`/desk/cases/new/${survey.code}`)
  assert.equal(refused.status, 409)
  assert.ok(plain(refused.text).includes(`已有一件在办的试验评定（${serial}），`))
  assert.equal(await start(applicant, verdict), begun, 'of the same kind the open one is shown')
  assert.equal((await portal.db('cases').where({ applicant_id: applicant.id })).length, 1)

  await press(portal, applicant.agent, begun, 'withdraw')
  assert.equal((await applicant.agent.post(`/desk/cases/new/${survey.code}`)).status, 303)
})
