import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { see } from './list-rows.ts'
import { startPortal, type TestPortal } from './portal.ts'
import { type Applicant, holdCertificate, newCompany, newUser, passAll, plain, submitWhole } from './qualification.ts'

/** One 年检 of the whole demo city: opened by the clock, filed, decided, reminded, closed, rectified. */

const { setDay } = await import('./given-cases.ts')
const { shiftClock, today } = await import('../src/clock.ts')
const { addDays } = await import('../src/calendar.ts')
const { turnSeasons, absentees, inspectionRecords } = await import('../src/modules/qualification/inspections.ts')
const { computeWarnings } = await import('../src/warnings/warnings.ts')

let portal: TestPortal
/** The year after the one the demo city is told from. */
const year = Number(today().slice(0, 4)) + 1
const [first, last] = [`${year}-03-01`, `${year}-04-30`]
let good: Applicant
let basic: Applicant
let bad: Applicant
let away: Applicant
let young: Applicant

before(async () => {
  portal = await startPortal({ demo: true })
  // The people of the demo city do not change their passwords for a spring that is months away.
  await portal.db('settings').insert({ code: 'password.days', value: '0', created_at: new Date(), updated_at: new Date() })
  await setDay(addDays(first, -1))
  const holder = async (approved_on = `${year - 2}-05-06`) => {
    const company = await newCompany(portal)
    await holdCertificate(portal, company.id, { approved_on })
    return company
  }
  good = await holder()
  basic = await holder()
  bad = await holder()
  away = await holder()
  young = await holder(`${year}-01-10`)
})
after(async () => {
  shiftClock(0)
  await portal.stop()
})

/** A new day: everybody has signed out over night. */
async function onDay(day: string): Promise<void> {
  await setDay(day)
  for (const company of [good, basic, bad, away, young]) company.agent = await portal.as(company.username)
}

const rowOf = async (company: Applicant) => await portal.db('inspections').where({ company_id: company.id, year }).first()
const countOf = async (where: object) =>
  Number(
    (
      await portal
        .db('inspections')
        .where({ year, ...where })
        .count({ n: '*' })
        .first()
    )?.n,
  )
const toldOf = async (company: Applicant, words: string) =>
  Number(
    (
      await portal
        .db('messages')
        .join('users', 'users.id', 'messages.user_id')
        .where({ 'users.organisation_id': company.id })
        .where('messages.title', 'like', `%${words}%`)
        .count({ n: '*' })
        .first()
    )?.n,
  )
const file = async (company: Applicant) =>
  await submitWhole(portal, company, 'annual-inspection', {
    revenue: '100',
    profit: '10',
    assessment: '对照三级条件自查，人员在岗，收费公示。',
  })

test('the day before the window nothing opens', async () => {
  await turnSeasons(portal.db)
  assert.equal(await portal.db('inspection_seasons').where({ year }).first(), undefined)
})

test('on its first day everybody who holds a certificate is asked once, those of this year are exempt', async () => {
  await onDay(first)
  const holders = await portal
    .db('certificates')
    .where({ live: 1 })
    .where(running => running.whereNull('valid_until').orWhere('valid_until', '>=', first))
    .select('company_id', 'approved_on')
  assert.ok(holders.length > 30, 'the demo city has companies with certificates')

  await turnSeasons(portal.db)
  await turnSeasons(portal.db)

  const season = await portal.db('inspection_seasons').where({ year }).first()
  assert.deepEqual([season.opens_on, season.closes_on], [first, last])
  assert.equal(await countOf({}), holders.length)
  assert.equal(await countOf({ result: 'exempt' }), holders.filter(({ approved_on }) => approved_on >= `${year}-01-01`).length)
  assert.equal((await rowOf(young)).result, 'exempt')
  assert.equal((await rowOf(good)).result, 'open')
  assert.equal(await toldOf(good, '已开始'), 1)
  assert.equal(await toldOf(young, '已开始'), 0)
})

test('who gets a certificate meanwhile is exempt, and whose certificate ends is not asked any more', async () => {
  const [late, gone] = [await newCompany(portal), await newCompany(portal)]
  await holdCertificate(portal, late.id, { approved_on: first })
  const ending = await holdCertificate(portal, gone.id)
  await turnSeasons(portal.db)
  assert.equal((await rowOf(late)).result, 'exempt')
  assert.equal((await rowOf(gone)).result, 'open')
  await portal.db('certificates').where({ id: ending }).update({ state: 'cancelled', ended_on: today() })
  await turnSeasons(portal.db)
  assert.equal(await rowOf(gone), undefined)
})

test('companies file; district and city come to 合格, 基本合格 and 不合格', async () => {
  await onDay(addDays(first, 10))
  const cases = [await file(good), await file(basic), await file(bad)] as const
  assert.deepEqual([(await rowOf(good)).result, (await rowOf(good)).filed_on], ['filed', today()])

  await onDay(addDays(first, 20))
  const said = [
    { result: 'passed' },
    { result: 'basic', rectification: '补足两名中级职称人员。' },
    { result: 'failed', rectification: '专职人员长期不足。' },
  ]
  for (const [at, conclusion] of said.entries())
    assert.equal(await passAll(portal, cases[at] ?? 0, { conclusion: { rectification: '', ...conclusion } }), 'done')

  const row = await rowOf(basic)
  assert.deepEqual([row.result, row.decided_on, row.rectify_until], ['basic', today(), addDays(today(), 30)])
  assert.equal(row.opinion, '补足两名中级职称人员。')
  assert.deepEqual([(await rowOf(good)).result, (await rowOf(bad)).result], ['passed', 'failed'])
  assert.equal(await toldOf(basic, `结论为基本合格，请在 ${addDays(today(), 30)} 前完成整改`), 1)
  assert.deepEqual(await inspectionRecords(portal.db, { company_id: good.id }), [
    { year: String(year), result: '合格', on: today(), by: '济南市住房和城乡建设局' },
  ])
  const slip = await good.agent.get(`/desk/cases/${cases[0]}`)
  assert.match(plain(slip.text), /已有结论/)
})

test('fifteen days before the end those who have not filed are reminded, once', async () => {
  await onDay(addDays(last, -16))
  await turnSeasons(portal.db)
  assert.equal(await toldOf(away, '还没有申报'), 0)
  await onDay(addDays(last, -15))
  await turnSeasons(portal.db)
  await turnSeasons(portal.db)
  assert.equal(await toldOf(away, '还没有申报'), 1)
  assert.equal(await toldOf(good, '还没有申报'), 0)
  await computeWarnings(portal.db)
  const warning = await portal.db('warnings').where({ kind: 'inspection-unfiled', organisation_id: away.id }).first()
  assert.deepEqual([warning.stage, warning.level, warning.district_code], ['unfiled-soon', 'yellow', '370102'])
})

test('整改 is warned of a week ahead, and in red when nobody has found it done', async () => {
  const stageOf = async () =>
    (await portal.db('warnings').where({ kind: 'inspection-rectify', organisation_id: basic.id }).whereNull('closed_at').first())
      ?.stage
  assert.equal(await stageOf(), 'rectify-soon')
  await onDay(addDays((await rowOf(basic)).rectify_until, 1))
  await computeWarnings(portal.db)
  assert.equal(await stageOf(), 'rectify-late')
  const clerk = await portal.as('district-clerk')
  const late = await see(clerk, `/desk/lists/inspections?year=${year}&overdue=late`)
  assert.ok(late.rows.some(row => row[0] === basic.name))
})

test('整改 is found done by the district of the company, and by nobody else; pressing twice is once', async () => {
  const row = await rowOf(basic)
  const at = `/desk/inspections/records/${row.id}`
  const accepted = { verdict: 'done', words: '已核对劳动合同和职称证书。', version: String(row.version) }
  const shizhong = await portal.db('organisations').where({ kind: 'district', region_code: '370103' }).first('id')
  const elsewhere = { organisation_id: shizhong.id, role: 'district-clerk', region_code: '370103' }
  const other = await portal.as(await newUser(portal, elsewhere))
  const city = await portal.as('city-clerk')
  const clerk = await portal.as('district-clerk')
  assert.equal((await city.post(`${at}/rectify`, accepted)).status, 403)
  assert.equal((await other.get(at)).status, 404)
  assert.equal((await other.post(`${at}/rectify`, accepted)).status, 404)
  assert.equal((await basic.agent.post(`${at}/rectify`, accepted)).status, 403)
  assert.equal((await away.agent.get(at)).status, 404)

  const empty = await clerk.post(`${at}/rectify`, { ...accepted, words: '' })
  assert.equal(empty.status, 422)
  assert.match(empty.text, /请填写验收情况/)

  assert.equal((await clerk.post(`${at}/rectify`, accepted)).status, 303)
  assert.equal((await clerk.post(`${at}/rectify`, accepted)).status, 303)
  assert.equal((await clerk.post(`${at}/rectify`, { ...accepted, verdict: 'failed' })).status, 409)
  const after = await rowOf(basic)
  assert.deepEqual([after.result, after.rectified_on, after.version], ['basic', today(), row.version + 1])
  assert.equal(Number((await portal.db('action_log').where({ action: 'inspection.rectify' }).count({ n: '*' }).first())?.n), 1)
  assert.equal((await inspectionRecords(portal.db, { company_id: basic.id }))[0]?.result, '基本合格（整改合格）')
})

test('after the last day whoever has not filed is 未参检, told once, and warned of', async () => {
  await onDay(last)
  await turnSeasons(portal.db)
  assert.equal((await rowOf(away)).result, 'open')
  await onDay(addDays(last, 1))
  const open = await countOf({ result: 'open' })
  assert.ok(open > 30)
  await turnSeasons(portal.db)
  await turnSeasons(portal.db)
  assert.deepEqual([await countOf({ result: 'open' }), await countOf({ result: 'absent' })], [0, open])
  assert.equal((await absentees(portal.db, year)).length, open)
  assert.equal(await toldOf(away, '记为未参检，予以警告'), 1)
  await computeWarnings(portal.db)
  const kinds = await portal
    .db('warnings')
    .whereNull('closed_at')
    .where('kind', 'like', 'inspection-%')
    .select('kind', 'organisation_id', 'stage')
  const of = (company: Applicant) =>
    kinds.filter(({ organisation_id }) => organisation_id === company.id).map(({ stage }) => stage)
  assert.deepEqual([of(away), of(bad), of(basic), of(good)], [['absent'], ['unqualified'], [], []])
})

test('a 不合格 is warned of until its certificate is no longer the valid one', async () => {
  const page = await bad.agent.get(`/desk/inspections/records/${(await rowOf(bad)).id}`)
  assert.match(plain(page.text), /专职人员长期不足/)
  assert.match(plain(page.text), /申请按原等级重新核定/)
  await portal.db('certificates').where({ company_id: bad.id }).update({ state: 'cancelled', ended_on: today() })
  await computeWarnings(portal.db)
  assert.equal(
    await portal.db('warnings').where({ kind: 'inspection-failed', organisation_id: bad.id }).whereNull('closed_at').first(),
    undefined,
  )
})

test('the page of progress counts by district, and its figures are those of the list', async () => {
  const [city, clerk, supervisor] = [
    await portal.as('city-clerk'),
    await portal.as('district-clerk'),
    await portal.as('supervisor'),
  ]
  for (const agent of [city, clerk, supervisor]) {
    const page = await agent.get('/desk/inspections')
    assert.equal(page.status, 200)
    assert.match(page.text, new RegExp(`${year} 年资质年检进度`))
  }
  const absent = Number(
    (
      await portal
        .db('inspections')
        .join('organisations', 'organisations.id', 'inspections.company_id')
        .where({ year, result: 'absent', district_code: '370102' })
        .count({ n: '*' })
        .first()
    )?.n,
  )
  const own = await clerk.get(`/desk/inspections/${year}`)
  const link = `/desk/lists/inspections?year=${year}&amp;district=370102&amp;result=absent`
  assert.ok(own.text.includes(`<a href="${link}">${absent}</a>`), 'the count is a link')
  assert.ok(!own.text.includes('district=370103'))
  const listed = await clerk.get(link.replaceAll('&amp;', '&'))
  assert.match(plain(listed.text), new RegExp(`共 ${absent} `))
  assert.equal((await good.agent.get('/desk/inspections')).status, 403)
})

test('the ledger is the same on the screen and in the file; a company has its own line alone', async () => {
  const clerk = await portal.as('district-clerk')
  const query = `year=${year}&result=failed`
  const shown = await see(clerk, `/desk/lists/inspections?${query}`)
  assert.equal(shown.rows.length, 1)
  assert.equal(shown.rows[0]?.[0], bad.name)
  const file = await clerk.get(`/desk/lists/inspections/export.csv?${query}`)
  for (const cell of shown.rows[0]?.slice(0, 3) ?? []) assert.ok(file.text.includes(cell ?? ''), `${cell}`)
  const own = await see(good.agent, `/desk/lists/inspections?year=${year}`)
  assert.deepEqual(
    own.rows.map(row => row[0]),
    [good.name],
  )
  const known = await portal
    .db('inspections')
    .join('organisations', 'organisations.id', 'inspections.company_id')
    .where({ year, result: 'absent', district_code: '370102' })
    .whereNotNull('organisations.code')
    .whereNot('organisations.id', away.id)
    .orderBy('organisations.id')
    .first('organisations.name')
  const found = await see(clerk, `/desk/lists/inspections?year=${year}&q=${encodeURIComponent(known.name)}`)
  assert.deepEqual(
    found.rows.map(row => row[0]),
    [known.name],
  )
})
