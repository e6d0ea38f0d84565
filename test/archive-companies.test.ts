import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { desktop, launch, phone, sidewaysScroll, signIn, violations, visit } from './browser.ts'
import { type Agent, startPortal, type TestPortal } from './portal.ts'
import {
  type Applicant,
  newCompany,
  newUser,
  paper,
  plain,
  press,
  residentId,
  startCase,
  upload,
  versionsOf,
} from './qualification.ts'

/** 企业档案: the page, what is changed at once and what by application, past days, personal data, yearly figures. */

let portal: TestPortal
let browser: Browser
const desks = new Map<string, Agent>()
before(async () => {
  portal = await startPortal({ demo: true })
  browser = await launch()
})
after(async () => {
  await browser?.close()
  await portal?.stop()
})

const { addDays } = await import('../src/calendar.ts')
const { now, today } = await import('../src/clock.ts')
const { checkSignOfCreditCode, checkSignOfOrganisationCode } = await import('../src/identifiers.ts')

async function desk(username: string): Promise<Agent> {
  const agent = desks.get(username) ?? (await portal.as(username))
  desks.set(username, agent)
  return agent
}

/** A company whose archive is a year old, with a legal person known in full. */
async function givenCompany(): Promise<Applicant & { legal_id: string; old: string }> {
  const { encrypt } = await import('../src/crypto.ts')
  const { indexRecord, readRecord } = await import('../src/modules/archives/archive.ts')
  const { companies } = await import('../src/modules/archives/company.ts')
  const company = await newCompany(portal)
  const legal_id = await residentId(321)
  const made = new Date(now().getTime() - 365 * 86_400_000)
  await portal
    .db('companies')
    .where({ id: company.id })
    .update({
      legal_person_id_cipher: encrypt('companies.legal_person_id', legal_id),
      legal_person_phone_cipher: encrypt('companies.legal_person_phone', '15400007788'),
      legal_person_phone_last4: '7788',
      capital: '200.00',
      established_on: `${Number(today().slice(0, 4)) - 9}-05-06`,
      created_at: made,
    })
  await portal.db('organisations').where({ id: company.id }).update({ created_at: made, street_code: '370102001' })
  const { answers } = await readRecord(portal.db, companies, company.id)
  await indexRecord(portal.db, companies, company.id, answers)
  return { ...company, legal_id, old: company.name }
}

let codes = 0

function freshCode(): string {
  const body8 = `MC${String(process.pid % 1000).padStart(3, '0')}${String(++codes).padStart(3, '0')}`
  const first17 = `91370102${body8}${checkSignOfOrganisationCode(body8)}`
  return first17 + checkSignOfCreditCode(first17)
}

async function hand(agent: Agent, id: number, ...materials: string[]): Promise<void> {
  for (const material of materials) {
    const answer = await upload(agent, id, material)
    assert.equal(answer.status, 303, await answer.text())
  }
}

async function submit(agent: Agent, id: number, fields: Record<string, string>) {
  return await agent.post(`/desk/cases/${id}/submit`, { pledge: 'on', ...(await versionsOf(portal, id)), ...fields })
}

/** A change request with everything it needs, handed in. */
async function submitChange(applicant: Applicant, fields: Record<string, string>, materials: string[] = []): Promise<number> {
  const id = await startCase(applicant.agent, 'company-change')
  await hand(applicant.agent, id, 'application-form', 'business-licence', ...materials)
  const answer = await submit(applicant.agent, id, { changed_on: today(), ...fields })
  assert.equal(answer.status, 303, plain(answer.text))
  return id
}

async function step(username: string, id: number, action: string, fields: Record<string, string> = {}) {
  const answer = await press(portal, await desk(username), id, action, fields)
  assert.equal(answer.status, 303, plain(answer.text))
}

const rowOf = (id: number) =>
  portal.db('companies').join('organisations', 'organisations.id', 'companies.id').where({ 'companies.id': id }).first()
const termsOf = (scope: string, id: number): Promise<string[]> =>
  portal.db('search_terms').where({ scope, doc_id: id }).pluck('term')

// ── 变更申请 ──────────────────────────────────────────────────────────────────────────────────

test('a company applies for a new name and legal person; district and city decide, and the archive tells both days', async () => {
  const company = await givenCompany()
  const newName = `济南新名物业服务有限公司${company.id}`
  const newId = await residentId(77)
  const page = await company.agent.get('/desk/companies/mine')
  assert.match(page.text, /action="\/desk\/cases\/new\/company-change"/)

  const id = await startCase(company.agent, 'company-change')
  const form = await company.agent.get(`/desk/cases/${id}`)
  assert.ok(form.text.includes(`readonly value="${company.old}"`))
  assert.match(form.text, /readonly value="370\*{11}\d{3}[\dX]"/)
  assert.ok(!form.text.includes(company.legal_id))

  const nothing = await submit(company.agent, id, { changed_on: today() })
  assert.equal(nothing.status, 422)
  await hand(company.agent, id, 'application-form', 'business-licence', 'registration-notice')
  const none = await submit(company.agent, id, { changed_on: today() })
  assert.equal(none.status, 422)
  assert.match(none.text, /没有填写要变更的事项/)
  const same = await submit(company.agent, id, { changed_on: today(), name: company.old })
  assert.equal(same.status, 422)
  assert.match(same.text, /与现登记的内容相同/)
  const future = await submit(company.agent, id, { changed_on: addDays(today(), 1), name: newName })
  assert.match(future.text, /变更登记日期 .* 还没有到/)
  const alone = await submit(company.agent, id, { changed_on: today(), name: newName, legal_person: '王新任' })
  assert.equal(alone.status, 422)
  assert.match(alone.text, /请同时填写新任法定代表人的身份证号/)
  // What is typed decides what must be handed in.
  assert.match(alone.text, /<a href="#m-legal-person-id">新任法定代表人身份证明<\/a>/)
  await hand(company.agent, id, 'legal-person-id')
  const done = await submit(company.agent, id, {
    changed_on: addDays(today(), -40),
    name: newName,
    legal_person: '王新任',
    legal_person_id: newId,
  })
  assert.equal(done.status, 303, plain(done.text))

  const kase = await portal.db('cases').where({ id }).first()
  assert.deepEqual(
    [kase.variant, kase.state, kase.holder_role, kase.late_days],
    ['legal-person', 'submitted', 'district-clerk', 10],
  )
  await step('district-clerk', id, 'accept')
  const review = await (await desk('district-clerk')).get(`/desk/cases/${id}`)
  assert.match(review.text, new RegExp(`企业名称　现登记：${company.old}[\\s\\S]*?变更为：${newName}`))
  assert.match(review.text, /法定代表人　现登记：李大山[\s\S]*?变更为：王新任/)
  assert.ok(!review.text.includes(newId))
  await step('district-clerk', id, 'pass')
  assert.equal((await rowOf(company.id)).name, company.old)
  await step('city-reviewer', id, 'pass')

  const after = await rowOf(company.id)
  assert.deepEqual([after.name, after.legal_person], [newName, '王新任'])
  assert.ok((await portal.db('cases').where({ id }).first('number')).number.startsWith('济物企变〔'))
  const changes = await portal.db('changes').where({ row_id: company.id, case_id: id }).orderBy('id')
  assert.deepEqual(changes.map(({ table_name, field }) => `${table_name}.${field}`).sort(), [
    'companies.legal_person',
    'companies.legal_person_id',
    'companies.licence_file_id',
    'organisations.name',
  ])
  assert.ok(!JSON.stringify(changes).includes(newId))
  const licence = await portal.db('files').where({ case_id: id, material: 'business-licence' }).first('id')
  assert.equal(after.licence_file_id, licence.id)

  const city = await desk('city-clerk')
  const present = await city.get(`/desk/companies/${company.id}`)
  assert.ok(present.text.includes(`<h1>${newName}</h1>`))
  assert.ok(present.text.includes(`<span class="was">${company.old}</span>`))
  assert.ok(present.text.includes(`href="/desk/cases/${id}"`))
  const yesterday = await city.get(`/desk/companies/${company.id}?on=${addDays(today(), -1)}`)
  assert.equal(yesterday.status, 200)
  assert.ok(yesterday.text.includes(`<h1>${company.old}</h1>`))
  assert.match(yesterday.text, /<dt>法定代表人<\/dt><dd[^>]*>李大山/)
  assert.match(yesterday.text, /当天的档案，按变更记录还原/)
  assert.doesNotMatch(yesterday.text, /修改档案/)
  const tooEarly = await city.get(`/desk/companies/${company.id}?on=2001-01-01`)
  assert.match(tooEarly.text, /2001-01-01 还没有这份档案/)
  assert.equal((await city.get(`/desk/companies/${company.id}?on=2026-02-30`)).status, 200)

  for (const scope of ['organisations', 'companies']) {
    const found = await termsOf(scope, company.id)
    assert.ok(found.includes('新名'), scope)
    assert.ok(found.includes([...company.old].slice(2, 4).join('')), `former name in ${scope}`)
  }
  const search = await city.get(`/desk/lists/companies?q=${encodeURIComponent(company.old)}`)
  assert.ok(search.text.includes(`href="/desk/companies/${company.id}"`), 'whoever looks for the former name finds the company')
})

test('a code that belongs to another company is refused at the submission, and at the approval when it was given meanwhile', async () => {
  const [company, other] = [await givenCompany(), await givenCompany()]
  const taken = (await rowOf(other.id)).code
  const id = await startCase(company.agent, 'company-change')
  await hand(company.agent, id, 'application-form', 'business-licence', 'registration-notice')

  const refused = await submit(company.agent, id, { changed_on: today(), code: taken })

  assert.equal(refused.status, 422)
  assert.match(refused.text, /已登记在另一个单位名下/)
  assert.ok(!refused.text.includes(other.name))
  const code = freshCode()
  assert.equal((await submit(company.agent, id, { changed_on: today(), code })).status, 303)
  await step('district-clerk', id, 'accept')
  await step('district-clerk', id, 'pass')
  await portal.db('organisations').where({ id: other.id }).update({ code })
  const { version, history_count } = await portal.db('cases').where({ id }).first()
  const late = await press(portal, await desk('city-reviewer'), id, 'pass')
  assert.equal(late.status, 409)
  assert.match(late.text, /现在不能通过：统一社会信用代码/)
  const after = await portal.db('cases').where({ id }).first()
  assert.deepEqual([after.state, after.version, after.history_count], ['reviewing', version, history_count])
  assert.notEqual((await rowOf(company.id)).code, code)
})

test('other matters are decided by the district alone; a company that moves is another district’s from then on', async () => {
  const company = await givenCompany()
  const id = await startCase(company.agent, 'company-change')
  await hand(company.agent, id, 'application-form', 'business-licence')
  const fields = { changed_on: today(), registered_address: '济南市市中区试验二路2号', district_code: '370103' }

  assert.match((await submit(company.agent, id, fields)).text, /请同时选择新区县的街道/)
  assert.match((await submit(company.agent, id, { ...fields, street_code: '370102001' })).text, /请选择该区县的街道/)
  assert.match((await submit(company.agent, id, { ...fields, district_code: '370999' })).text, /没有这个区县/)
  assert.equal((await submit(company.agent, id, { ...fields, street_code: '370103002' })).status, 303)
  assert.equal((await (await desk('district2-clerk')).get(`/desk/companies/${company.id}`)).status, 404)
  await step('district-clerk', id, 'accept')
  await step('district-clerk', id, 'pass')

  const row = await rowOf(company.id)
  assert.deepEqual([row.region_code, row.district_code, row.street_code], ['370103', '370103', '370103002'])
  assert.deepEqual(await portal.db('company_areas').where({ company_id: company.id }).pluck('region_code'), ['370103'])
  const user = await portal.db('users').where({ username: company.username }).first('id')
  assert.equal((await portal.db('user_roles').where({ user_id: user.id }).first()).region_code, '370103')
  assert.equal((await (await desk('district2-clerk')).get(`/desk/companies/${company.id}`)).status, 200)
  assert.equal((await (await desk('district-clerk')).get(`/desk/companies/${company.id}`)).status, 404)
})

test('a change request that is not approved changes nothing and can be handed in again', async () => {
  const company = await givenCompany()
  const id = await submitChange(company, { capital: '300' })
  await step('district-clerk', id, 'accept')

  await step('district-clerk', id, 'refuse', { opinion: '与营业执照不一致。' })

  assert.equal((await rowOf(company.id)).capital, '200.00')
  assert.equal((await portal.db('cases').where({ id }).first('state')).state, 'draft')
  assert.equal((await submit(company.agent, id, { changed_on: today(), capital: '500' })).status, 303)
  await step('district-clerk', id, 'accept')
  await step('district-clerk', id, 'pass')
  assert.equal((await rowOf(company.id)).capital, '500.00')
})

test('a developer changes its archive the same way', async () => {
  const agent = await portal.as('developer2')
  const mine = await agent.get('/desk/companies/mine')
  const id = Number(/\/desk\/developers\/(\d+)\/edit/.exec(mine.text)?.[1])
  const before = await portal.db('developers').where({ id }).first()
  const kase = await startCase(agent, 'company-change')
  await hand(agent, kase, 'application-form', 'business-licence')
  assert.equal((await submit(agent, kase, { changed_on: today(), capital: '8888.5' })).status, 303)
  const { district_code } = await portal.db('organisations').where({ id }).first('district_code')
  const clerk = district_code === '370103' ? 'district2-clerk' : 'district-clerk'
  await step(clerk, kase, 'accept')
  await step(clerk, kase, 'pass')

  assert.equal((await portal.db('developers').where({ id }).first('capital')).capital, '8888.50')
  const page = await agent.get(`/desk/developers/${id}?on=${addDays(today(), -1)}`)
  const shown = `${Number(before.capital).toLocaleString('zh-CN', { minimumFractionDigits: 2 })} 万元`
  assert.ok(page.text.includes(shown), shown)
})

// ── At once ──────────────────────────────────────────────────────────────────────────────────

async function openEdit(agent: Agent, id: number): Promise<Record<string, string>> {
  const page = await agent.get(`/desk/companies/${id}/edit`)
  assert.equal(page.status, 200, plain(page.text))
  const inputs = [...page.text.matchAll(/<input[^>]*name="([^"]*)"[^>]*>/g)].map(([tag, name = '']) => [
    name,
    /value="([^"]*)"/.exec(tag)?.[1] ?? '',
  ])
  const areas = [...page.text.matchAll(/<textarea[^>]*name="([^"]*)"[^>]*>([^<]*)</g)].map(([, name = '', text = '']) => [
    name,
    text,
  ])
  const selects = [...page.text.matchAll(/<select[^>]*name="([^"]*)"[\s\S]*?<\/select>/g)].map(([tag, name = '']) => [
    name,
    /value="([^"]*)" selected/.exec(tag)?.[1] ?? '',
  ])
  return Object.fromEntries([...inputs, ...areas, ...selects])
}

test('what needs no application takes effect at once and stays in the record of changes', async () => {
  const company = await givenCompany()
  const fields = await openEdit(company.agent, company.id)
  assert.ok(!('name' in fields) && !('state' in fields) && !('penalties' in fields), Object.keys(fields).join(' '))
  assert.equal(fields.legal_person_phone, '')

  const saved = await company.agent.post(`/desk/companies/${company.id}/edit`, {
    ...fields,
    manager: '赵总管',
    phone: '0531-87654321',
    name: '偷改名称有限公司',
    state: 'cancelled',
  })

  assert.equal(saved.status, 303, plain(saved.text))
  const row = await rowOf(company.id)
  assert.deepEqual([row.manager, row.phone, row.name, row.state], ['赵总管', '0531-87654321', company.name, 'normal'])
  const page = await company.agent.get(`/desk/companies/${company.id}`)
  assert.match(page.text, /<th scope="row">总经理<\/th>/)
  assert.doesNotMatch(page.text, /87654321/)
  // The phone of the legal person was left empty, so it is what it was.
  const { decrypt } = await import('../src/crypto.ts')
  assert.equal(decrypt('companies.legal_person_phone', row.legal_person_phone_cipher), '15400007788')
})

test('of two who edit at once the second reads who was first, keeps what they typed, and may decide', async () => {
  const company = await givenCompany()
  const clerk = await portal.as(
    await newUser(portal, { organisation_id: company.id, role: 'company-clerk', region_code: '370102' }),
  )
  const [mine, theirs] = [await openEdit(company.agent, company.id), await openEdit(clerk, company.id)]
  assert.equal((await company.agent.post(`/desk/companies/${company.id}/edit`, { ...mine, manager: '先到者' })).status, 303)

  const late = await clerk.post(`/desk/companies/${company.id}/edit`, { ...theirs, manager: '后到者' })

  assert.equal(late.status, 409)
  assert.match(late.text, /刚刚改过这份档案的“总经理”/)
  assert.match(late.text, /value="后到者"/)
  assert.equal((await rowOf(company.id)).manager, '先到者')
  const version = /name="version" value="(\d+)"/.exec(late.text)?.[1] ?? ''
  assert.equal((await clerk.post(`/desk/companies/${company.id}/edit`, { ...theirs, version, manager: '后到者' })).status, 303)
  assert.equal((await rowOf(company.id)).manager, '后到者')
})

test('a mistake keeps the page with everything typed; the office sets what only it may', async () => {
  const company = await givenCompany()
  const clerk = await desk('district-clerk')
  const fields = await openEdit(clerk, company.id)
  assert.ok('state' in fields && 'penalties' in fields)

  const wrong = await clerk.post(`/desk/companies/${company.id}/edit`, { ...fields, email: 'nobody', manager: '还在' })
  const watched = await clerk.post(`/desk/companies/${company.id}/edit`, { ...fields, state: 'watched', penalties: '甲\n乙' })

  assert.equal(wrong.status, 422)
  assert.match(wrong.text, /电子邮箱请填写成/)
  assert.match(wrong.text, /value="还在"/)
  assert.equal(watched.status, 303, plain(watched.text))
  const { branch_filing_number } = await portal.db('companies').whereNotNull('branch_filing_number').first('branch_filing_number')
  const fresh = await openEdit(clerk, company.id)
  const twice = await clerk.post(`/desk/companies/${company.id}/edit`, {
    ...fresh,
    branch_filing_number,
    business_until: '1990-01-01',
  })
  assert.equal(twice.status, 422)
  assert.match(twice.text, /已登记给另一家企业/)
  assert.match(twice.text, /早于成立日期/)
  assert.match((await clerk.get(`/desk/companies/${company.id}`)).text, /重点监管/)
})

// ── Who sees what ────────────────────────────────────────────────────────────────────────────

test('others do not find a company: another company, another district; developers and committees have no such page', async () => {
  const [company, other] = [await givenCompany(), await givenCompany()]
  for (const path of [`/desk/companies/${company.id}`, `/desk/companies/${company.id}/edit`])
    assert.equal((await other.agent.get(path)).status, 404, path)
  assert.equal((await other.agent.post(`/desk/companies/${company.id}/edit`, { version: '1' })).status, 404)
  assert.equal((await other.agent.post(`/desk/companies/${company.id}/reveal`, { reason: '想看看' })).status, 404)
  assert.equal((await (await desk('district2-clerk')).get(`/desk/companies/${company.id}`)).status, 404)
  assert.equal((await (await desk('developer')).get(`/desk/companies/${company.id}`)).status, 403)
  assert.equal((await (await desk('committee')).get(`/desk/companies/${company.id}`)).status, 403)
  assert.equal((await (await desk('supervisor')).get(`/desk/companies/${company.id}/edit`)).status, 403)
  const developer = await portal.db('developers').first('id')
  assert.equal((await (await desk('company')).get(`/desk/developers/${developer.id}`)).status, 403)
})

test('the ID number and phone of the legal person are masked until somebody gives a reason, which is logged', async () => {
  const company = await givenCompany()
  const clerk = await desk('district-clerk')
  const masked = await clerk.get(`/desk/companies/${company.id}`)
  for (const secret of [company.legal_id, '15400007788']) assert.ok(!masked.text.includes(secret))
  assert.match(masked.text, /154\*{4}7788/)

  const without = await clerk.post(`/desk/companies/${company.id}/reveal`, { reason: ' ' })
  const full = await clerk.post(`/desk/companies/${company.id}/reveal`, { reason: '电话核实任职' })
  const again = await clerk.get(`/desk/companies/${company.id}`)

  assert.equal(without.status, 422)
  assert.match(without.text, /请填写查看原因/)
  assert.ok(full.text.includes(company.legal_id) && full.text.includes('15400007788'))
  assert.ok(!again.text.includes(company.legal_id))
  const log = await portal.db('action_log').where({ action: 'personal.reveal' }).orderBy('id', 'desc').first()
  assert.equal(log.object_id, `companies/${company.id}`)
  assert.match(log.detail, /电话核实任职/)
  const filler = await portal.as(
    await newUser(portal, { organisation_id: company.id, role: 'company-clerk', region_code: '370102' }),
  )
  assert.equal((await filler.post(`/desk/companies/${company.id}/reveal`, { reason: '想看看' })).status, 403)
})

test('everything linked to a company of the demo city is on its page, today and on a past day', async () => {
  const city = await desk('city-clerk')
  const { organisation_id: id } = await portal.db('users').where({ username: 'company' }).first('organisation_id')
  const served = await portal.db('project_links').where({ company_id: id, live: 1 }).count({ n: '*' }).first()
  const staff = await portal.db('employments').where({ company_id: id, live: 1 }).count({ n: '*' }).first()
  const years: number[] = await portal.db('company_years').where({ company_id: id }).pluck('year')

  const page = await city.get(`/desk/companies/${id}`)

  assert.ok(page.text.includes(`<span>在管项目</span><b>${served?.n}</b>`))
  assert.ok(page.text.includes(`<span>从业人员</span><b>${staff?.n}</b>`))
  for (const year of years) assert.match(page.text, new RegExp(`<th scope="row" class="num">${year}</th>`))
  for (const number of await portal.db('certificates').where({ company_id: id }).pluck('number'))
    assert.ok(page.text.includes(number))
  const first = await portal.db('project_links').where({ company_id: id }).min({ day: 'starts_on' }).first()
  const past = await city.get(`/desk/companies/${id}?on=${first?.day}`)
  assert.equal(past.status, 200)
  const then = await portal
    .db('project_links')
    .where({ company_id: id })
    .whereIn('state', ['linked', 'ended'])
    .where('starts_on', '<=', first?.day)
    .where(open => open.whereNull('ends_on').orWhere('ends_on', '>=', first?.day))
    .count({ n: '*' })
    .first()
  assert.ok(past.text.includes(`<span>在管项目</span><b>${then?.n}</b>`), plain(past.text))
  assert.doesNotMatch(past.text, /<h2 id="h-cases">/)
})

// ── 年度经营情况 ────────────────────────────────────────────────────────────────────────────────

const figures = { revenue: '1,200.5', main_revenue: '1100', profit: '-30', tax: '60', assets: '900', liabilities: '300' }

test('a company reports its years once each, the newest first; the district looks and the archive keeps the figures', async () => {
  const company = await givenCompany()
  const last = Number(today().slice(0, 4)) - 1
  for (const year of [last, last - 1, last - 2]) {
    const id = await startCase(company.agent, 'annual-report')
    assert.equal(await startCase(company.agent, 'annual-report'), id, 'pressing twice begins one')
    assert.match((await company.agent.get(`/desk/cases/${id}`)).text, new RegExp(`readonly value="${year}"`))
    await hand(company.agent, id, 'application-form', 'financials')
    // The year is the portal's to say.
    const sent = await submit(company.agent, id, { ...figures, year: '1999' })
    assert.equal(sent.status, 303, plain(sent.text))
    await step('district-clerk', id, 'accept')
    await step('district-clerk', id, 'pass')
    const row = await portal.db('company_years').where({ company_id: company.id, year }).first()
    assert.deepEqual([row.revenue, row.profit, row.case_id], ['1200.50', '-30.00', id])
    const kase = await portal.db('cases').where({ id }).first()
    assert.equal(kase.late_days > 0, today() > addDays(`${year}-12-31`, 120))
  }

  const none = await company.agent.post('/desk/cases/new/annual-report')

  assert.equal(none.status, 409)
  assert.match(none.text, /已结束的年度都报告过了/)
  const page = await company.agent.get(`/desk/companies/${company.id}`)
  assert.match(page.text, /<td class="num">1,200\.50<\/td>/)
  assert.match(page.text, /class="chart year-chart"/)
})

test('the office corrects a year that was reported, and the correction is kept', async () => {
  const company = await givenCompany()
  const at = now()
  const stamps = { created_at: at, updated_at: at }
  const [id = 0] = await portal.db('company_years').insert({
    company_id: company.id,
    year: 2024,
    ...Object.fromEntries(Object.keys(figures).map(name => [name, '100.00'])),
    ...stamps,
  })
  const clerk = await desk('district-clerk')
  const path = `/desk/companies/years/${id}/edit`
  const opened = await clerk.get(path)
  const version = /name="version" value="(\d+)"/.exec(opened.text)?.[1] ?? ''

  const saved = await clerk.post(path, { version, ...figures, revenue: '150' })

  assert.equal(saved.status, 303, plain(saved.text))
  assert.equal((await portal.db('company_years').where({ id }).first()).revenue, '150.00')
  const change = await portal.db('changes').where({ table_name: 'company_years', row_id: id, field: 'revenue' }).first()
  assert.deepEqual([change.before, change.after], ['100.00', '150.00'])
  assert.equal((await company.agent.get(path)).status, 403)
  assert.equal((await (await desk('district2-clerk')).get(path)).status, 404)
})

// ── Edges ────────────────────────────────────────────────────────────────────────────────────

test('a company without a district in the city is decided by the city alone', async () => {
  const company = await givenCompany()
  await portal
    .db('organisations')
    .where({ id: company.id })
    .update({ district_code: null, street_code: null, region_code: '370100' })
  await portal.db('companies').where({ id: company.id }).update({ origin: 'elsewhere' })

  const id = await startCase(company.agent, 'company-change')
  await hand(company.agent, id, 'application-form', 'business-licence', 'registration-notice')
  assert.equal((await submit(company.agent, id, { changed_on: today(), capital: '900' })).status, 303)
  await step('city-clerk', id, 'accept')
  await step('city-clerk', id, 'pass')
  await step('city-reviewer', id, 'pass')

  assert.equal((await rowOf(company.id)).capital, '900.00')
})

test('a district that only sees projects of a company reads its archive and changes nothing', async () => {
  const company = await givenCompany()
  await portal.db('company_areas').insert({ company_id: company.id, region_code: '370103', basis: 'project' })
  const clerk = await desk('district2-clerk')

  const page = await clerk.get(`/desk/companies/${company.id}`)

  assert.equal(page.status, 200)
  assert.doesNotMatch(page.text, /修改档案|<h2 id="h-accounts">/)
  assert.equal((await clerk.get(`/desk/companies/${company.id}/edit`)).status, 403)
})

test('forms, papers and the catalogue say regions in words', async () => {
  const company = await givenCompany()
  const id = await submitChange(company, {
    district_code: '370103',
    street_code: '370103002',
    registered_address: '市中区试验路9号',
  })

  const [page, edition, paper, catalogue] = await Promise.all([
    company.agent.get(`/desk/cases/${id}`),
    company.agent.get(`/desk/cases/${id}/editions/1`),
    company.agent.get(`/desk/cases/${id}/papers/application.pdf`),
    company.agent.get('/desk/kinds/company-change?variant=name'),
  ])

  for (const { text } of [page, edition]) assert.match(text, /<dt>变更后注册街道<\/dt><dd>市中区 · 大观园街道/)
  assert.equal(paper.headers.get('content-type'), 'application/pdf')
  assert.match(catalogue.text, /市局审核/)
})

test('the administrator who corrects a company writes the same archive', async () => {
  const company = await givenCompany()
  const { version, code } = await portal.db('organisations').where({ id: company.id }).first()
  const keeper = await desk('system-admin')

  const saved = await keeper.post(`/desk/admin/organisations/${company.id}/edit`, {
    version: String(version),
    name: `济南更正物业服务有限公司${company.id}`,
    code,
    place: '370102001',
    address: '历下区试验路1号',
    contact: '王小满',
    phone: '15400000001',
  })

  assert.equal(saved.status, 303, plain(saved.text))
  const city = await desk('city-clerk')
  assert.match((await city.get(`/desk/companies/${company.id}`)).text, /<h1>济南更正物业服务有限公司/)
  const yesterday = await city.get(`/desk/companies/${company.id}?on=${addDays(today(), -1)}`)
  assert.ok(yesterday.text.includes(`<h1>${company.old}</h1>`))
  const { organisationTerms } = await import('../src/accounts/terms.ts')
  const [made] = await organisationTerms.rows(portal.db, company.id - 1, 1)
  assert.ok(made?.texts.includes(company.old), 'a rebuild keeps the former name')
})

// ── In a browser ─────────────────────────────────────────────────────────────────────────────

test('in a browser: the change request is written, tells what is missing, and the officer compares before and after', async () => {
  const company = await givenCompany()
  const id = await startCase(company.agent, 'company-change')
  const file = async (code: string) => ({
    name: `${code}.pdf`,
    mimeType: 'application/pdf',
    buffer: Buffer.from(await paper(`${id} ${code}`).arrayBuffer()),
  })
  const writing = await visit(browser, { base: portal.base, viewport: desktop })
  const { page } = writing
  await signIn(page, company.username)
  await page.goto(`/desk/cases/${id}`)
  await page.getByLabel('变更后企业名称').fill(`济南浏览物业服务有限公司${id}`)
  // The self-check follows the writing.
  await page.getByText(`变更为：济南浏览物业服务有限公司${id}`).waitFor()
  await page.getByLabel('变更登记日期').fill(today())
  await page.getByLabel(/本单位承诺/).check()
  for (const code of ['application-form', 'business-licence']) {
    await page
      .locator(`#m-${code} input[type=file]`)
      .first()
      .setInputFiles(await file(code))
    await page
      .locator(`#m-${code} a`, { hasText: `${code}.pdf` })
      .first()
      .waitFor()
  }
  await page.getByRole('button', { name: '提交', exact: true }).click()
  // The answer to a form stands in a window of the desk.
  const front = page.frameLocator('iframe.shown')
  await front.getByText('还差 1 份必需材料').waitFor()
  assert.deepEqual(await violations(page), [])
  await front
    .locator('#m-registration-notice input[type=file]')
    .first()
    .setInputFiles(await file('registration-notice'))
  await front.locator('#m-registration-notice a', { hasText: 'registration-notice.pdf' }).first().waitFor()
  await front.getByRole('button', { name: '提交', exact: true }).click()
  await front.getByText(/已提交，流水号/).waitFor()
  assert.deepEqual(writing.problems, [])
  await writing.context.close()

  const reviewing = await visit(browser, { base: portal.base, viewport: desktop })
  await signIn(reviewing.page, 'district-clerk')
  await reviewing.page.goto(`/desk/cases/${id}`)
  await reviewing.page.getByText(`现登记：${company.old}`).waitFor()
  await reviewing.page.getByText(`变更为：济南浏览物业服务有限公司${id}`).waitFor()
  assert.deepEqual(await violations(reviewing.page), [])
  assert.deepEqual(reviewing.problems, [])
  await reviewing.context.close()
})

for (const [size, viewport] of Object.entries({ desktop, phone }))
  test(`the pages of the archive pass axe and fit the window: ${size}`, async () => {
    const { organisation_id: company } = await portal.db('users').where({ username: 'company' }).first('organisation_id')
    const { organisation_id: developer } = await portal.db('users').where({ username: 'developer' }).first('organisation_id')
    await portal
      .db('organisations')
      .where({ id: developer })
      .update({ name: '济南很长很长的名称'.repeat(10) })
    const opened = await visit(browser, { base: portal.base, viewport })
    const { page } = opened
    await signIn(page, 'city-clerk')
    for (const path of [
      `/desk/companies/${company}`,
      `/desk/companies/${company}?on=${addDays(today(), -400)}`,
      `/desk/companies/${company}?on=1999-01-01`,
      `/desk/companies/${company}/edit`,
      `/desk/developers/${developer}`,
    ]) {
      assert.equal((await page.goto(path))?.status(), 200, path)
      assert.deepEqual(await violations(page), [], path)
      assert.equal(await sidewaysScroll(page), 0, path)
    }
    assert.deepEqual(opened.problems, [])
    await opened.context.close()
  })
