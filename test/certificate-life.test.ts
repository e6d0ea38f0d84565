import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Agent, startPortal, type TestPortal } from './portal.ts'
import {
  type Applicant,
  endPublicity,
  holdCertificate,
  newCompany,
  newUser,
  passAll,
  plain,
  press,
  submitWhole,
  upload,
  versionsOf,
} from './qualification.ts'

/** The life of a certificate by the clock and by decisions of the city (domain.md §4.6). */

const { addDays } = await import('../src/calendar.ts')
const { shiftClock, today } = await import('../src/clock.ts')
const { forgetSettings } = await import('../src/admin/settings.ts')
const { lapseCertificates } = await import('../src/modules/qualification/lapse.ts')
const { computeWarnings } = await import('../src/warnings/warnings.ts')
const { behavioursOf } = await import('../src/modules/qualification/behaviours.ts')

let portal: TestPortal
let clerk: Agent
let reviewer: Agent
let approver: Agent
before(async () => {
  portal = await startPortal({ demo: true })
  clerk = await portal.as('city-clerk')
  reviewer = await portal.as('city-reviewer')
  approver = await portal.as('city-approver')
})
after(() => portal.stop())

const days = (n: number) => n * 86_400_000
const rowOf = async (id: number) => await portal.db('certificates').where({ id }).first()
const liveOf = async (company_id: number) => await portal.db('certificates').where({ company_id, state: 'valid' })
const toldTo = async (username: string): Promise<string[]> =>
  await portal
    .db('messages')
    .join('users', 'users.id', 'messages.user_id')
    .where({ username })
    .orderBy('messages.id')
    .pluck('title')

async function switchTo(on: boolean): Promise<void> {
  await portal.db('settings').where({ code: 'qualification.enabled' }).delete()
  if (!on)
    await portal
      .db('settings')
      .insert({ code: 'qualification.enabled', value: 'false', created_at: new Date(), updated_at: new Date() })
  forgetSettings()
}

// ── By the clock ─────────────────────────────────────────────────────────────────────────────

test('a provisional certificate lapses the day after its last day, by the passing of days', async () => {
  const company = await newCompany(portal)
  const other = await newCompany(portal, { district: '370103' })
  const id = await holdCertificate(portal, company.id, { level: 'provisional', valid_until: addDays(today(), 10) })
  try {
    shiftClock(days(10))
    await lapseCertificates(portal.db)
    assert.equal((await rowOf(id)).state, 'valid', 'the last day belongs to it')

    shiftClock(days(13))
    // Two processes at once, after a downtime of some days, and once more.
    await Promise.all([lapseCertificates(portal.db), lapseCertificates(portal.db)])
    await lapseCertificates(portal.db)
    const row = await rowOf(id)
    assert.equal(row.state, 'expired')
    assert.equal(row.ended_on, addDays(today(), -3), 'it ended on its last day, not when the job ran')
    assert.match(row.end_reason, /没有核定三级/)
    assert.match(row.end_basis, /第164号.*第八条/)
    assert.equal((await toldTo(company.username)).filter(title => title.includes('已失效')).length, 1)
    for (const desk of ['district-clerk', 'city-clerk'])
      assert.equal((await toldTo(desk)).filter(title => title.includes(company.name) && title.includes('失效')).length, 1, desk)

    const page = await (await portal.as(company.username)).get(`/desk/certificates/${id}`)
    assert.match(plain(page.text), /已过期.*没有核定三级资质.*第八条/)
    assert.equal((await (await portal.as(other.username)).get(`/desk/certificates/${id}`)).status, 404)
  } finally {
    shiftClock(0)
  }
})

test('a renewal asked for in time keeps it in force until that is decided; one asked for late does not', async () => {
  const [timely, late] = [await newCompany(portal), await newCompany(portal)]
  const [kept, lost] = await Promise.all([
    holdCertificate(portal, timely.id, { level: 'provisional', valid_until: addDays(today(), 60) }),
    holdCertificate(portal, late.id, { level: 'provisional', valid_until: addDays(today(), 20) }),
  ])
  const pending = await submitWhole(portal, timely, 'qualification-confirm', {}).catch(error => assert.fail(String(error)))
  await submitWhole(portal, late, 'qualification-confirm', {})
  try {
    shiftClock(days(61))
    await lapseCertificates(portal.db)
    await lapseCertificates(portal.db)
    const row = await rowOf(kept)
    assert.deepEqual([row.state, Number(row.renewing)], ['valid', 1])
    assert.equal((await rowOf(lost)).state, 'expired')
    assert.equal((await toldTo(timely.username)).filter(title => title.includes('继续有效')).length, 1)
    const agent = await portal.as(timely.username)
    assert.match(plain((await agent.get(`/desk/certificates/${kept}`)).text), /延续办理中.*第五十条/)
    await computeWarnings(portal.db)
    assert.equal(
      (await portal.db('warnings').where({ kind: 'certificate-expiry', object_id: kept, open_key: `certificate-expiry:${kept}` }))
        .length,
      0,
    )

    // Withdrawn: nothing keeps it in force any more, from that moment on.
    await press(portal, agent, pending, 'withdraw')
    const after = await rowOf(kept)
    assert.deepEqual([after.state, after.ended_on, Number(after.renewing)], ['expired', today(), 0])
    assert.match(after.end_reason, /没有获得批准/)
  } finally {
    shiftClock(0)
  }
})

test('a correction that is not answered keeps nothing in force', async () => {
  const company = await newCompany(portal)
  const held = await holdCertificate(portal, company.id, { level: 'provisional', valid_until: addDays(today(), 60) })
  const pending = await submitWhole(portal, company, 'qualification-confirm')
  const district = await portal.as('district-clerk')
  const asked = { item: 'field.capital', 'words.field.capital': '请核对。' }
  assert.equal((await press(portal, district, pending, 'correct', asked)).status, 303)
  try {
    shiftClock(days(25))
    await lapseCertificates(portal.db)
    assert.equal((await rowOf(held)).state, 'valid')
    shiftClock(days(61))
    await lapseCertificates(portal.db)
    assert.equal((await rowOf(held)).state, 'expired')
  } finally {
    shiftClock(0)
  }
})

test('a draft of the company neither stops its revocation nor learns of it, and only who began it writes it', async () => {
  const company = await newCompany(portal)
  await holdCertificate(portal, company.id, {})
  assert.equal((await company.agent.post('/desk/cases/new/qualification-reissue')).status, 303)
  const begun = await clerk.post('/desk/cases/new/certificate-revoke', { subject_id: String(company.id) })
  assert.equal(begun.status, 303, plain(begun.text))
  const id = Number(/(\d+)$/.exec(begun.location ?? '')?.[1])
  assert.doesNotMatch((await company.agent.post('/desk/cases/new/qualification-change')).text, /撤销/)
  const bureau = await portal.db('users').where({ username: 'city-clerk' }).first('organisation_id')
  const colleague = { organisation_id: bureau.organisation_id, role: 'city-clerk', region_code: '370100' }
  const other = await portal.as(await newUser(portal, colleague))
  assert.equal((await other.post(`/desk/cases/${id}/draft`, { ...whole, ...(await versionsOf(portal, id)) })).status, 403)
  assert.notEqual((await upload(other, id, 'evidence')).status, 303)
})

test('what has run out is warned of until another takes its place, and not at all while the city has switched 资质管理 off', async () => {
  const company = await newCompany(portal)
  const id = await holdCertificate(portal, company.id, { valid_until: addDays(today(), -5) })
  const open = async () =>
    await portal
      .db('warnings')
      .where({ open_key: `certificate-expiry:${id}` })
      .first('stage')
  await lapseCertificates(portal.db)
  await computeWarnings(portal.db)
  assert.equal((await open())?.stage, 'expired')
  await switchTo(false)
  await computeWarnings(portal.db)
  assert.equal(await open(), undefined)
  await switchTo(true)
  await computeWarnings(portal.db)
  assert.equal((await open())?.stage, 'expired')
  await holdCertificate(portal, company.id, {})
  await computeWarnings(portal.db)
  assert.equal(await open(), undefined)
})

test('with the switch off days pass all the same, and nobody is told to do anything', async () => {
  const company = await newCompany(portal)
  const id = await holdCertificate(portal, company.id, { level: 'provisional', valid_until: addDays(today(), -1) })
  await switchTo(false)
  try {
    await lapseCertificates(portal.db)
    assert.equal((await rowOf(id)).state, 'expired')
    assert.deepEqual(await toldTo(company.username), [])
    const page = await company.agent.get(`/desk/certificates/${id}`)
    assert.match(page.text, /只供查询/)
    assert.doesNotMatch(page.text, /\/desk\/kinds\/qualification|请在到期前/)
    const refused = await clerk.post('/desk/cases/new/certificate-revoke', { subject_id: String(company.id) })
    assert.equal(refused.status, 409)
  } finally {
    await switchTo(true)
  }
})

// ── By decision ──────────────────────────────────────────────────────────────────────────────

const whole = {
  measure: 'revoke',
  level: '',
  basis: '物业服务企业资质管理办法第二十一条',
  reason: '出租、出借资质证书，情节严重。',
  behaviour: 'certificate-lent',
  facts: '2026年9月查实，该企业将资质证书出借给他人投标，有投标文件和询问笔录为证，经办人王某某已承认。',
}

/** Writes and submits a revocation as the city's clerk. */
async function propose(company: Applicant, changes: Record<string, string> = {}): Promise<number> {
  const begun = await clerk.post('/desk/cases/new/certificate-revoke', { subject_id: String(company.id) })
  assert.equal(begun.status, 303, plain(begun.text))
  const id = Number(/(\d+)$/.exec(begun.location ?? '')?.[1])
  assert.equal((await upload(clerk, id, 'evidence')).status, 303)
  const answer = await clerk.post(`/desk/cases/${id}/submit`, {
    ...whole,
    occurred_on: today(),
    ...changes,
    ...(await versionsOf(portal, id)),
  })
  assert.equal(answer.status, 303, plain(answer.text))
  return id
}

async function step(agent: Agent, id: number, action: string, opinion = ''): Promise<void> {
  const answer = await press(portal, agent, id, action, { opinion })
  assert.equal(answer.status, 303, `${action}: ${plain(answer.text)}`)
}

test('the city revokes: proposed, reviewed, the company heard, decided by somebody else, told to the public without persons', async () => {
  const company = await newCompany(portal)
  const certificate = await holdCertificate(portal, company.id, {})
  const page = await clerk.get(`/desk/certificates/${certificate}`)
  assert.match(page.text, /action="\/desk\/cases\/new\/certificate-revoke"/)
  assert.doesNotMatch((await reviewer.get(`/desk/certificates/${certificate}`)).text, /certificate-revoke/)
  assert.equal((await company.agent.post('/desk/cases/new/certificate-revoke', { subject_id: String(company.id) })).status, 403)
  assert.equal((await portal.anyone().get('/guides/certificate-revoke')).status, 404)

  const id = await propose(company)
  const again = await clerk.post('/desk/cases/new/certificate-revoke', { subject_id: String(company.id) })
  assert.equal(again.location, `/desk/cases/${id}`, 'a second press opens the same one')
  assert.equal((await company.agent.get(`/desk/cases/${id}`)).status, 404, 'not before it is asked')
  assert.equal((await (await portal.as('district-clerk')).get(`/desk/cases/${id}`)).status, 200)
  assert.match((await reviewer.get('/desk/lists/cases?box=todo')).text, new RegExp(`/desk/cases/${id}"`))
  assert.equal((await press(portal, clerk, id, 'accept')).status, 403, 'whoever proposed it does not review it')

  await step(reviewer, id, 'accept')
  await step(reviewer, id, 'pass')
  const asked = await company.agent.get(`/desk/cases/${id}`)
  assert.equal(asked.status, 200)
  assert.match(asked.text, /出借给他人投标/, 'it reads what is held against it')
  assert.ok((await toldTo(company.username)).some(title => title.startsWith('轮到您办理')))
  assert.equal((await press(portal, approver, id, 'pass')).status, 409, 'not before the company was heard')
  await step(company.agent, id, 'answer', '证书系遗失，不是出借。')
  await step(approver, id, 'pass')

  const row = await rowOf(certificate)
  assert.deepEqual([row.state, row.end_reason, row.end_basis], ['revoked', whole.reason, whole.basis])
  assert.equal((await liveOf(company.id)).length, 0)
  const paper = await portal.db('documents').where({ case_id: id, paper: 'revocation' }).first()
  assert.equal(paper.organisation_id, company.id)
  for (const words of ['撤销你单位的', '证书系遗失', '第二十一条', '行政复议', '行政诉讼'])
    assert.ok(paper.facts.includes(words), words)
  assert.equal((await company.agent.get(`/desk/cases/${id}/papers/${paper.id}.pdf`)).status, 200)
  assert.equal((await portal.db('documents').where({ case_id: id, paper: 'acceptance' })).length, 0, 'no notice to itself')
  const verify = await portal.anyone().get(`/verify/${paper.code}`)
  assert.match(verify.text, /资质撤销决定书/)
  assert.doesNotMatch(verify.text, /王某某|询问笔录/)
  assert.match(plain((await company.agent.get(`/desk/certificates/${certificate}`)).text), /已撤销.*出租、出借资质证书/)

  const known = await behavioursOf(portal.db, company.id, addDays(today(), -365), today())
  assert.deepEqual(
    known.map(({ code, on }) => [code, on]),
    [['certificate-lent', today()]],
  )
  assert.deepEqual(await behavioursOf(portal.db, company.id, addDays(today(), -365), addDays(today(), -1)), [])
})

test('what the public would read names no ID and no telephone number; a level is asked for where it is lowered', async () => {
  const company = await newCompany(portal)
  await holdCertificate(portal, company.id, {})
  const begun = await clerk.post('/desk/cases/new/certificate-revoke', { subject_id: String(company.id) })
  const id = Number(/(\d+)$/.exec(begun.location ?? '')?.[1])
  await upload(clerk, id, 'evidence')
  const submit = async (changes: Record<string, string>) =>
    await clerk.post(`/desk/cases/${id}/submit`, {
      ...whole,
      occurred_on: today(),
      ...changes,
      ...(await versionsOf(portal, id)),
    })
  for (const secret of [
    '370102199001010011',
    '138 0013 8000',
    '0531-66600000',
    '一三八〇〇一三八零零零',
    '３７０１０２/１９９０.０１０１ ００１１',
  ]) {
    const answer = await submit({ reason: `王某（${secret}）出借证书。` })
    assert.equal(answer.status, 422, secret)
    assert.match(answer.text, /会向社会公开/)
    assert.ok(answer.text.includes(secret), 'what was typed stays')
  }
  for (const [changes, words] of [
    [{ measure: 'lower', level: '' }, /请选择降低到哪一级/],
    [{ measure: 'lower', level: 'third' }, /只能降低到更低的等级/],
    [{ measure: 'revoke', level: 'provisional' }, /只有降低等级才选/],
    [{ occurred_on: addDays(today(), 1) }, /日期还没有到/],
  ] as const) {
    const answer = await submit(changes)
    assert.equal(answer.status, 422)
    assert.match(answer.text, words)
  }
})

test('lowered: the certificate gives way to one of the lower level that lasts no longer', async () => {
  const company = await newCompany(portal)
  const until = addDays(today(), 100)
  const before = await holdCertificate(portal, company.id, { valid_until: until })
  const id = await propose(company, { measure: 'lower', level: 'provisional' })
  await step(reviewer, id, 'accept')
  await step(reviewer, id, 'pass')
  // The company says nothing; the clock moves it on.
  try {
    shiftClock(days(30))
    const { moveDueCases } = await import('../src/cases/by-clock.ts')
    await moveDueCases(portal.db)
  } finally {
    shiftClock(0)
  }
  await step(approver, id, 'pass')
  const [live] = await liveOf(company.id)
  assert.deepEqual([live.level, live.valid_until, live.previous_id], ['provisional', until, before])
  const old = await rowOf(before)
  assert.deepEqual([old.state, old.end_basis], ['replaced', whole.basis])
  assert.match(old.end_reason, /降低等级/)
  const papers: string[] = await portal.db('documents').where({ object_type: 'certificate', object_id: live.id }).pluck('paper')
  assert.deepEqual(papers.sort(), ['certificate-copy', 'certificate-main'])
  const letter = await portal.db('documents').where({ case_id: id, paper: 'revocation' }).first()
  assert.match(letter.facts, /没有提出/)
  assert.ok(letter.facts.includes(live.number))
  const page = plain((await company.agent.get(`/desk/certificates/${live.id}`)).text)
  assert.match(page, /第 1 版.*核发/)
  assert.match(page, /前一张/)
})

test('an approval does not outlive the certificate it rests on: it goes back to who decided, with the reason', async () => {
  const company = await newCompany(portal)
  await holdCertificate(portal, company.id, { level: 'provisional', valid_until: addDays(today(), 60) })
  const confirm = await submitWhole(portal, company, 'qualification-confirm')
  await passAll(portal, confirm)
  const revoke = await propose(company)
  await step(reviewer, revoke, 'accept')
  await step(reviewer, revoke, 'pass')
  await step(company.agent, revoke, 'answer', '没有意见。')
  const [, answer] = await Promise.all([endPublicity(portal, confirm), press(portal, approver, revoke, 'pass')])
  assert.ok([303, 409].includes(answer.status), plain(answer.text))
  const rows = await portal.db('certificates').where({ company_id: company.id }).orderBy('id')
  // Whichever came first: the certificate that was held is over, and a decision about it that came too late was not taken.
  const told = rows.map(row => [row.level, row.state])
  if (answer.status === 409) return assert.deepEqual(told, [['provisional', 'replaced'], ['third', 'valid']]) // biome-ignore format: one thought
  assert.deepEqual(told, [['provisional', 'revoked']])
  await endPublicity(portal, confirm)
  const back = await portal.db('cases').where({ id: confirm }).first()
  assert.deepEqual([back.state, back.place, back.holder_role], ['reviewing', 'city-approver', 'city-approver'])
  const page = await approver.get(`/desk/cases/${confirm}`)
  assert.match(page.text, /不能生效，退回[\s\S]*申请依据的证书 [^ ]+ 已是“已撤销”/)
  const publicity = await portal.db('publicities').where({ case_id: confirm }).first('outcome')
  assert.equal(publicity.outcome, 'returned')
})

test('another person of the same bureau decides, and nobody decides at two places', async () => {
  const company = await newCompany(portal)
  await holdCertificate(portal, company.id, {})
  const bureau = await portal.db('users').where({ username: 'city-clerk' }).first('organisation_id')
  const both = await newUser(portal, { organisation_id: bureau.organisation_id, role: 'city-reviewer', region_code: '370100' })
  const person = await portal.db('users').where({ username: both }).first('id')
  const id = await propose(company)
  await step(await portal.as(both), id, 'accept')
  await step(await portal.as(both), id, 'pass')
  await step(company.agent, id, 'answer', '没有意见。')
  await portal.db('user_roles').where({ user_id: person.id }).update({ role: 'city-approver' })
  const refused = await press(portal, await portal.as(both), id, 'pass')
  assert.equal(refused.status, 403)
  assert.match(refused.text, /同一人不得办理两个环节/)
})
