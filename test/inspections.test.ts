import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startPortal, type TestPortal } from './portal.ts'
import {
  type Applicant,
  holdCertificate,
  newCompany,
  newUser,
  passAll,
  plain,
  press,
  startCase,
  submitWhole,
  upload,
  versionsOf,
} from './qualification.ts'

/** 年检 of single companies: the window, what comes back, who decides what, the closing day that is moved. */

const { setDay } = await import('./given-cases.ts')
const { shiftClock, today } = await import('../src/clock.ts')
const { addDays } = await import('../src/calendar.ts')
const { turnSeasons } = await import('../src/modules/qualification/inspections.ts')
const { forgetSettings } = await import('../src/admin/settings.ts')

let portal: TestPortal
const year = Number(today().slice(0, 4)) + 1
const [first, last] = [`${year}-03-01`, `${year}-04-30`]
const kind = 'annual-inspection'
const written = { revenue: '100', profit: '-5', assessment: '对照三级条件自查。', pledge: 'on' }

before(async () => {
  portal = await startPortal({ demo: true })
  await set('password.days', 0)
})
after(async () => {
  shiftClock(0)
  await portal.stop()
})

async function set(code: string, value: unknown): Promise<void> {
  const row = { code, value: JSON.stringify(value), created_at: new Date(), updated_at: new Date() }
  await portal.db('settings').insert(row).onConflict('code').merge(['value'])
  forgetSettings()
}

/** A new day, with whatever the clock does on it. */
async function onDay(day: string, ...companies: Applicant[]): Promise<void> {
  await setDay(day)
  await turnSeasons(portal.db)
  for (const company of companies) company.agent = await portal.as(company.username)
}

async function holder(): Promise<Applicant> {
  const company = await newCompany(portal)
  await holdCertificate(portal, company.id, { approved_on: `${year - 2}-05-06`, valid_until: `${year + 1}-12-31` })
  return company
}

const rowOf = async (company: Applicant) => await portal.db('inspections').where({ company_id: company.id, year }).first()
const casesOf = async (company: Applicant) => await portal.db('cases').where({ applicant_id: company.id, kind })

test('before the window nobody can begin; the refusal names the window and the rule', async () => {
  const company = await holder()
  await onDay(addDays(first, -1), company)
  const answer = await company.agent.post(`/desk/cases/new/${kind}`)
  assert.equal(answer.status, 409)
  assert.match(plain(answer.text), new RegExp(`窗口是 ${first} 至 ${last}，还没有开始，现在不能申报（本市办理规定`))
  assert.equal((await casesOf(company)).length, 0)
})

test('a draft begun in the window and handed in after it is refused with the clause, and nothing is lost', async () => {
  const company = await holder()
  await onDay(addDays(first, 3), company)
  const id = await startCase(company.agent, kind)
  for (const material of ['application-form', 'business-licence', 'certificate-copy', 'financials', 'pledge'])
    assert.equal((await upload(company.agent, id, material)).status, 303)
  await onDay(addDays(last, 1), company)
  const answer = await company.agent.post(`/desk/cases/${id}/submit`, { ...written, ...(await versionsOf(portal, id)) })
  assert.equal(answer.status, 422)
  assert.match(plain(answer.text), /已经截止，现在不能申报（本市办理规定/)
  assert.match(answer.text, /对照三级条件自查。/)
  assert.equal((await rowOf(company)).result, 'absent')
  const late = await holder()
  assert.equal((await late.agent.post(`/desk/cases/new/${kind}`)).status, 409)
})

test('the closing day is moved back by the city clerk alone, with a reason; those entered as absent may file', async () => {
  const company = await holder()
  await setDay(addDays(last, 1))
  const season = await portal.db('inspection_seasons').where({ year }).first()
  const at = `/desk/inspections/${year}/season`
  const until = addDays(last, 20)
  const wanted = { closes_on: until, reason: '部分企业报表延后。', version: String(season.version) }
  for (const name of ['city-reviewer', 'district-clerk', 'supervisor', company.username])
    assert.equal((await (await portal.as(name)).post(at, wanted)).status, 403, name)

  const city = await portal.as('city-clerk')
  const none = await city.post(at, { ...wanted, reason: '' })
  assert.equal(none.status, 422)
  assert.match(none.text, /请填写原因/)
  const sooner = await city.post(at, { ...wanted, closes_on: addDays(last, -1) })
  assert.equal(sooner.status, 422)
  const never = await city.post(at, { ...wanted, closes_on: addDays(first, 366) })
  assert.match(plain(never.text), /年检窗口最长一年/)
  const stale = await city.post(at, { ...wanted, version: '99' })
  assert.equal(stale.status, 409)

  const ended = await holder()
  const [entered] = await portal
    .db('inspections')
    .insert({ company_id: ended.id, year, result: 'absent', source: 'case', created_at: new Date(), updated_at: new Date() })
  await portal.db('certificates').where({ company_id: ended.id }).update({ state: 'cancelled', ended_on: last, live: null })
  const absent = Number((await portal.db('inspections').where({ year, result: 'absent' }).count({ n: '*' }).first())?.n)
  assert.ok(absent > 0)
  assert.equal((await city.post(at, wanted)).status, 303)
  assert.equal((await city.post(at, wanted)).status, 303)
  const moved = await portal.db('inspection_seasons').where({ year }).first()
  assert.deepEqual([moved.closes_on, moved.closed_at, moved.version], [until, null, season.version + 1])
  assert.deepEqual(
    await portal.db('inspections').where({ year, result: 'absent' }).pluck('id'),
    [entered],
    'who holds no certificate any more has nothing to file for',
  )
  for (const written of [`0x${year.toString(16)}`, `${year}.0`, `${year}e0`])
    assert.equal((await city.get(`/desk/inspections/${written}`)).status, 404, written)
  const log = await portal.db('action_log').where({ action: 'inspection.season' }).orderBy('id', 'desc')
  assert.deepEqual(JSON.parse(log[0].detail), { changes: { closes_on: [last, until] }, reason: '部分企业报表延后。' })
  assert.equal(log.length, 2, 'the opening and one extension')
})

test('what came back may be handed in again for some days after the window, then it is absent', async () => {
  const [again, idle] = [await holder(), await holder()]
  const closes: string = (await portal.db('inspection_seasons').where({ year }).first()).closes_on
  await onDay(addDays(closes, -2), again, idle)
  const [mine, other] = [await submitWhole(portal, again, kind, written), await submitWhole(portal, idle, kind, written)]
  await setDay(addDays(closes, 5))
  const clerk = await portal.as('district-clerk')
  for (const id of [mine, other]) {
    assert.equal((await press(portal, clerk, id, 'accept')).status, 303)
    assert.equal((await press(portal, clerk, id, 'refuse', { opinion: '自查情况与档案不一致。' })).status, 303)
  }
  const row = await rowOf(again)
  assert.deepEqual([row.result, row.filed_on, row.case_id], ['open', addDays(closes, -2), mine])
  await onDay(addDays(closes, 15), again)
  assert.equal((await rowOf(again)).result, 'open')
  const answer = await again.agent.post(`/desk/cases/${mine}/submit`, { ...written, ...(await versionsOf(portal, mine)) })
  assert.equal(answer.status, 303, plain(answer.text))
  assert.deepEqual([(await rowOf(again)).result, (await rowOf(again)).filed_on], ['filed', addDays(closes, -2)])

  await onDay(addDays(closes, 21), idle)
  assert.equal((await rowOf(idle)).result, 'absent')
  const late = await idle.agent.post(`/desk/cases/${other}/submit`, { ...written, ...(await versionsOf(portal, other)) })
  assert.equal(late.status, 422)
  assert.match(plain(late.text), /应当在退回后 15 日内/)
})

test('the city opens the season of a year by hand, once, and everybody is asked', async () => {
  const company = await holder()
  const next = year + 1
  await setDay(`${next}-06-01`)
  const city = await portal.as('city-clerk')
  const page = await city.get(`/desk/inspections/${next}`)
  assert.match(plain(page.text), /这一年的年检还没有开启/)
  const wanted = { closes_on: `${next}-06-30`, reason: '推迟到六月集中年检。', version: '1' }
  assert.equal((await city.post(`/desk/inspections/${next}/season`, wanted)).status, 303)
  assert.equal((await city.post(`/desk/inspections/${next}/season`, wanted)).status, 303)
  const season = await portal.db('inspection_seasons').where({ year: next })
  assert.deepEqual([season.length, season[0].opens_on, season[0].closes_on], [1, `${next}-06-01`, `${next}-06-30`])
  company.agent = await portal.as(company.username)
  const id = await startCase(company.agent, kind)
  assert.equal(await startCase(company.agent, kind), id)
  const [kase] = await casesOf(company)
  assert.equal(kase.open_key, `inspection:${company.id}:${next}`)
  await portal.db('inspections').where({ year: next }).delete()
  await portal.db('inspection_seasons').where({ year: next }).delete()
})

test('基本合格 and 不合格 need words; what is concluded is final for the year', async () => {
  const company = await holder()
  await portal
    .db('inspection_seasons')
    .where({ year })
    .update({ closes_on: `${year}-12-31`, closed_at: null })
  await onDay(`${year}-08-03`, company)
  const id = await submitWhole(portal, company, kind, written)
  await passAll(portal, id, { until: 'city' })
  const reviewer = await portal.as('city-reviewer')
  for (const [result, sentence] of [
    ['', /请选择年检结论/],
    ['basic', /请写明要整改什么/],
    ['failed', /请写明理由/],
  ] as const) {
    const answer = await press(portal, reviewer, id, 'pass', { result, rectification: '' })
    assert.equal(answer.status, 422, result)
    assert.match(answer.text, sentence)
  }
  assert.equal((await press(portal, reviewer, id, 'pass', { result: 'passed', rectification: '' })).status, 303)
  assert.equal((await rowOf(company)).result, 'passed')
  const again = await company.agent.post(`/desk/cases/new/${kind}`)
  assert.match(plain(again.text), /已有结论：合格。一年办理一次/)
})

test('two presses of 提交 at once file one case', async () => {
  const company = await holder()
  await onDay(`${year}-08-03`, company)
  const id = await startCase(company.agent, kind)
  for (const material of ['application-form', 'business-licence', 'certificate-copy', 'financials', 'pledge'])
    assert.equal((await upload(company.agent, id, material)).status, 303)
  const fields = { ...written, ...(await versionsOf(portal, id)) }
  const answers = await Promise.all([1, 2].map(() => company.agent.post(`/desk/cases/${id}/submit`, fields)))
  assert.deepEqual(
    answers.map(({ status }) => status),
    [303, 303],
  )
  const row = await rowOf(company)
  assert.deepEqual([row.result, row.case_id, row.version], ['filed', id, 2])
})

test('withdrawn, it was never filed; a company without certificate or with one of this year is not asked', async () => {
  const company = await holder()
  await onDay(`${year}-08-04`, company)
  const id = await submitWhole(portal, company, kind, written)
  assert.equal((await press(portal, company.agent, id, 'withdraw')).status, 303)
  const row = await rowOf(company)
  assert.deepEqual([row.result, row.filed_on, row.case_id], ['open', null, null])

  const without = await newCompany(portal)
  assert.match(plain((await without.agent.post(`/desk/cases/new/${kind}`)).text), /没有有效的资质证书，不需要年检/)
  const young = await newCompany(portal)
  await holdCertificate(portal, young.id, { approved_on: `${year}-07-01` })
  assert.match(plain((await young.agent.post(`/desk/cases/new/${kind}`)).text), /当年免检，不需要申报/)
})

test('the same for officer and applicant: the self-check compares staff, certificate and report with the archives', async () => {
  const company = await holder()
  await onDay(`${year}-08-05`, company)
  const id = await startCase(company.agent, kind)
  const page = await company.agent.get(`/desk/cases/${id}`)
  for (const words of [
    '专职管理和技术人员不少于 10 人',
    '资质证书记载的内容与企业档案一致',
    `${year - 1} 年度经营情况已经报告`,
    `在 ${first} 至 ${year}-12-31 申报`,
  ])
    assert.ok(page.text.includes(words), words)
})

test('二级 is also asked for its area index, by the very check of 资质升级', async () => {
  const company = await newCompany(portal)
  await holdCertificate(portal, company.id, {
    level: 'second',
    approved_on: `${year - 2}-05-06`,
    valid_until: `${year + 1}-12-31`,
  })
  await onDay(`${year}-08-05`, company)
  const page = await company.agent.get(`/desk/cases/${await startCase(company.agent, kind)}`)
  assert.ok(page.text.includes('占计算基数的百分比之和不低于 100%'))
  assert.ok(page.text.includes('专职管理和技术人员不少于 20 人'))
})

test('整改 not done makes it 不合格: the city is offered the revocation, the company its way out', async () => {
  const company = await holder()
  await onDay(`${year}-08-05`, company)
  const id = await submitWhole(portal, company, kind, written)
  await passAll(portal, id, { conclusion: { result: 'basic', rectification: '补足人员。' } })
  const row = await rowOf(company)
  const at = `/desk/inspections/records/${row.id}`
  const clerk = await portal.as('district-clerk')
  const refused = { verdict: 'failed', words: '人员仍然不足。', version: String(row.version) }
  assert.equal((await clerk.post(`${at}/rectify`, refused)).status, 303)
  const after = await rowOf(company)
  assert.deepEqual([after.result, after.rectified_on, after.rectification], ['failed', null, '人员仍然不足。'])
  const { computeWarnings } = await import('../src/warnings/warnings.ts')
  await computeWarnings(portal.db)
  const warned = await portal.db('warnings').where({ kind: 'inspection-failed', organisation_id: company.id }).first()
  assert.equal(warned.link, at)

  // The level may be verified again at once, years before the certificate ends.
  assert.match(plain((await company.agent.get(at)).text), /申请按原等级重新核定/)
  assert.ok(await startCase(company.agent, 'qualification-confirm'))
  const city = await portal.as('city-clerk')
  assert.match((await city.get(at)).text, /action="\/desk\/cases\/new\/certificate-revoke"/)
  const begun = await city.post('/desk/cases/new/certificate-revoke', { subject_id: String(company.id) })
  assert.equal(begun.status, 303, plain(begun.text))
})

test('only a company begins it, and not while 资质管理 is out of use', async () => {
  const company = await holder()
  await onDay(`${year}-08-06`, company)
  for (const name of ['city-clerk', 'district-clerk', 'developer'])
    assert.equal((await (await portal.as(name)).post(`/desk/cases/new/${kind}`)).status, 403, name)
  const clerk = { organisation_id: company.id, role: 'company-clerk', region_code: '370102' }
  assert.ok(await startCase(await portal.as(await newUser(portal, clerk)), kind))
  await set('qualification.enabled', false)
  try {
    const answer = await company.agent.post(`/desk/cases/new/${kind}`)
    assert.match(plain(answer.text), /资质许可已经取消/)
    await portal
      .db('inspection_seasons')
      .where({ year })
      .update({ closes_on: addDays(today(), -1) })
    await turnSeasons(portal.db)
    assert.equal((await rowOf(company)).result, 'open')
  } finally {
    await set('qualification.enabled', true)
  }
})

test('a window that crosses the year is that of the year it began in', async () => {
  const { windowOf } = await import('../src/modules/qualification/inspections.ts')
  await set('qualification.inspection-from', '11-15')
  await set('qualification.inspection-until', '01-15')
  assert.deepEqual(await windowOf(portal.db, 2027), { opens_on: '2027-11-15', closes_on: '2028-01-15' })
  await set('qualification.inspection-from', '03-01')
  await set('qualification.inspection-until', '04-30')
})
