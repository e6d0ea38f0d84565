import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Agent, startPortal, type TestPortal } from './portal.ts'
import {
  type Applicant,
  endPublicity,
  holdCertificate,
  newCompany,
  passAll,
  plain,
  press,
  residentId,
  startCase,
  submitWhole,
  upload,
  versionsOf,
} from './qualification.ts'

/** 资质变更: from the application to the new certificate, its papers and its record of changes; and what is refused. */

let portal: TestPortal
before(async () => {
  portal = await startPortal({ demo: true })
})
after(async () => {
  shiftClock(0)
  await portal?.stop()
})

const { addDays } = await import('../src/calendar.ts')
const { now, shiftClock, today } = await import('../src/clock.ts')
const { onPaper } = await import('../src/documents/printing.ts')

const desks = new Map<string, Agent>()
async function desk(username: string): Promise<Agent> {
  const agent = desks.get(username) ?? (await portal.as(username))
  desks.set(username, agent)
  return agent
}

const papers = ['application-form', 'business-licence', 'registration-notice', 'old-certificate', 'pledge']

async function hand(agent: Agent, id: number, ...materials: string[]): Promise<void> {
  for (const material of materials) {
    const answer = await upload(agent, id, material)
    assert.equal(answer.status, 303, await answer.text())
  }
}

async function submit(agent: Agent, id: number, fields: Record<string, string> = {}) {
  const posted = { changed_on: today(), pledge: 'on', ...(await versionsOf(portal, id)), ...fields }
  return await agent.post(`/desk/cases/${id}/submit`, posted)
}

/** A change with everything it needs, handed in. */
async function submitChange(applicant: Applicant, fields: Record<string, string>, ...more: string[]): Promise<number> {
  const id = await startCase(applicant.agent, 'qualification-change')
  await hand(applicant.agent, id, ...papers, ...more)
  const answer = await submit(applicant.agent, id, fields)
  assert.equal(answer.status, 303, plain(answer.text))
  return id
}

/** A company whose archive is a year old. */
async function givenCompany(): Promise<Applicant> {
  const company = await newCompany(portal)
  const created_at = new Date(now().getTime() - 365 * 86_400_000)
  await portal.db('companies').where({ id: company.id }).update({ capital: '200.00', created_at })
  await portal.db('organisations').where({ id: company.id }).update({ created_at })
  return company
}

/** A company with the certificate of an approved 新设立申报, printed by the city. */
async function certified(): Promise<Applicant & { certificate: number; number: string }> {
  const company = await givenCompany()
  const id = await submitWhole(portal, company)
  await passAll(portal, id)
  await endPublicity(portal, id)
  const row: { id: number; number: string } = await liveOf(company.id)
  return { ...company, certificate: row.id, number: row.number }
}

const liveOf = (company_id: number) => portal.db('certificates').where({ company_id, live: 1 }).first()
const caseOf = (id: number) => portal.db('cases').where({ id }).first()
const papersOf = (certificate: number) =>
  portal.db('documents').where({ object_type: 'certificate', object_id: certificate }).orderBy('id')

/** 资质管理启用 on or off. */
async function switchTo(enabled: boolean): Promise<void> {
  const { forgetSettings } = await import('../src/admin/settings.ts')
  const row = { code: 'qualification.enabled', value: JSON.stringify(enabled), created_at: now(), updated_at: now() }
  await portal.db('settings').insert(row).onConflict('code').merge()
  forgetSettings()
}

/** What anybody reads behind the code of a paper. */
async function headline(code: string): Promise<string> {
  await portal.db('rate_limits').delete()
  const { text } = await portal.anyone().get(`/verify/${code}`)
  return /<main[\s\S]*?<h1>(.*?)<\/h1>/.exec(text)?.[1] ?? ''
}

test('a change of the legal person writes the archive, issues the next edition and makes the old papers 已换发', async () => {
  const company = await certified()
  const newId = await residentId(41)
  const id = await startCase(company.agent, 'qualification-change')
  const page = await company.agent.get(`/desk/cases/${id}`)
  assert.match(page.text, new RegExp(`readonly value="${company.number}"`))
  assert.match(page.text, /证书记载法定代表人[\s\S]{0,200}readonly value="李大山"/)
  assert.match(page.text, /现登记法定代表人[\s\S]{0,200}readonly value="李大山"/)
  await hand(company.agent, id, ...papers)

  const nothing = await submit(company.agent, id)
  assert.equal(nothing.status, 422)
  assert.match(nothing.text, /证书记载的内容与企业档案一致，也没有填写要变更的事项/)
  const alone = await submit(company.agent, id, { legal_person: '王新任' })
  assert.equal(alone.status, 422)
  assert.match(alone.text, /请同时填写新任法定代表人的身份证号/)
  assert.match(alone.text, /请在材料里上传新任法定代表人身份证明/)
  assert.match(alone.text, /name="legal_person"[^>]*value="王新任"/)
  const early = await submit(company.agent, id, { changed_on: addDays(today(), 1), legal_person: '王新任' })
  assert.match(early.text, /变更登记日期 .* 还没有到/)
  await hand(company.agent, id, 'legal-person-id')
  const told = { changed_on: addDays(today(), -40), legal_person: '王新任', legal_person_id: newId }
  assert.equal((await submit(company.agent, id, told)).status, 303)
  const kase = await caseOf(id)
  assert.deepEqual([kase.variant, kase.state, kase.holder_role, kase.late_days], ['city', 'submitted', 'district-clerk', 10])
  assert.match(kase.serial, /^ZB\d{13}$/)

  await press(portal, await desk('district-clerk'), id, 'accept')
  const review = await (await desk('district-clerk')).get(`/desk/cases/${id}`)
  assert.match(review.text, /法定代表人　证书记载：李大山[\s\S]*?变更为：王新任/)
  assert.doesNotMatch(review.text, /企业名称　证书记载/)
  assert.match(review.text, /自变更登记之日起 30 日内申请[\s\S]*?标记为逾期申报/)
  assert.match(review.text, /资质证书在有效期内/)
  assert.ok(!review.text.includes(newId))
  await press(portal, await desk('district-clerk'), id, 'pass')
  const before = await papersOf(company.certificate)
  assert.equal(before.length, 2)
  for (const { code } of before) assert.equal(await headline(code), '有效')
  const { version } = await versionsOf(portal, id)
  const reviewer = await desk('city-reviewer')
  const pass = () => reviewer.post(`/desk/cases/${id}/steps`, { action: 'pass', version })
  assert.equal((await pass()).status, 303)
  assert.equal((await pass()).status, 303, 'a second press is the first one')

  assert.equal((await caseOf(id)).state, 'done')
  const row = await liveOf(company.id)
  assert.deepEqual([row.id, row.number, row.edition], [company.certificate, company.number, 2])
  const archive = await portal.db('companies').where({ id: company.id }).first()
  assert.equal(archive.legal_person, '王新任')
  const changes = await portal.db('changes').where({ row_id: company.id, case_id: id }).orderBy('id')
  assert.deepEqual(changes.map(({ table_name, field }) => `${table_name}.${field}`).sort(), [
    'companies.legal_person',
    'companies.legal_person_id',
    'companies.licence_file_id',
  ])
  assert.ok(!JSON.stringify(changes).includes(newId))
  const printed = await papersOf(company.certificate)
  assert.equal(printed.length, 4)
  for (const { code } of printed.slice(0, 2)) assert.equal(await headline(code), '已换发，不能再使用')
  for (const { code, number, facts } of printed.slice(2)) {
    assert.equal(await headline(code), '有效')
    assert.equal(number, company.number)
    const { legal_person, changes: told } = JSON.parse(facts)
    assert.equal(legal_person, '王新任')
    assert.deepEqual(told, [{ on: today(), item: '法定代表人', before: '李大山', after: '王新任' }])
  }
  const result = await company.agent.get(`/desk/cases/${id}`)
  for (const { id: document, title } of printed.slice(2)) {
    assert.ok(result.text.includes(`href="/desk/cases/${id}/papers/${document}.pdf"`), title)
    assert.equal((await company.agent.raw(`/desk/cases/${id}/papers/${document}.pdf`, {})).status, 200)
  }
  const history = await (await desk('city-clerk')).get(`/desk/companies/${company.id}`)
  assert.ok(history.text.includes(`href="/desk/cases/${id}"`), '变更记录 names the case')

  const stranger = await givenCompany()
  assert.equal((await stranger.agent.get(`/desk/cases/${id}`)).status, 404)
  assert.equal((await stranger.agent.raw(`/desk/cases/${id}/papers/${printed[2].id}.pdf`, {})).status, 404)
})

test('where the archive was changed before, the certificate follows without telling it again', async () => {
  const company = await givenCompany()
  await holdCertificate(portal, company.id)
  const archive = await startCase(company.agent, 'company-change')
  await hand(company.agent, archive, 'application-form', 'business-licence')
  const address = '济南市历下区新址路9号'
  assert.equal((await submit(company.agent, archive, { registered_address: address, capital: '1200' })).status, 303)
  assert.equal(await passAll(portal, archive), 'done')

  const id = await startCase(company.agent, 'qualification-change')
  const page = await company.agent.get(`/desk/cases/${id}`)
  assert.match(page.text, /证书记载住所[\s\S]{0,200}readonly value="历下区试验路1号"/)
  assert.match(page.text, new RegExp(`现登记注册地址[\\s\\S]{0,200}readonly value="${address}"`))
  assert.match(page.text, /住所　证书记载：历下区试验路1号/)
  await hand(company.agent, id, ...papers)
  const elsewhere = await submit(company.agent, id, { registered_address: '济南市历下区别处路1号' })
  assert.equal(elsewhere.status, 422)
  assert.match(elsewhere.text, /请在材料里上传住所使用证明/)
  const same = await submit(company.agent, id, { registered_address: '', capital: '1200' })
  assert.equal(same.status, 422)
  assert.match(same.text, /与现登记的内容相同/)
  assert.equal((await submit(company.agent, id, { capital: '' })).status, 303)
  assert.equal(await passAll(portal, id), 'done')

  const [edition] = await portal.db('certificate_editions').where({ case_id: id })
  assert.equal(edition.reason, 'changed')
  assert.deepEqual(JSON.parse(edition.facts).changes, [
    { on: today(), item: '注册资本（万元）', before: '200.00', after: '1200.00' },
    { on: today(), item: '住所', before: '历下区试验路1号', after: address },
  ])
  const written = await portal.db('changes').where({ row_id: company.id, case_id: id }).pluck('field')
  assert.deepEqual(written, ['licence_file_id'], 'the archive said so already')
  const again = await startCase(company.agent, 'qualification-change')
  await hand(company.agent, again, ...papers)
  assert.match((await submit(company.agent, again)).text, /不需要换发证书/)
})

test('a name that another company has is refused, and again at the approval when it was given meanwhile', async () => {
  const [company, other] = [await givenCompany(), await givenCompany()]
  await holdCertificate(portal, company.id)
  const id = await startCase(company.agent, 'qualification-change')
  await hand(company.agent, id, ...papers)
  const refused = await submit(company.agent, id, { name: other.name })
  assert.equal(refused.status, 422)
  assert.match(refused.text, /已有名称为/)
  const name = `济南更名物业服务有限公司${company.id}`
  assert.equal((await submit(company.agent, id, { name, ownership: 'shares' })).status, 303)
  await passAll(portal, id, { until: 'city' })
  await portal.db('organisations').where({ id: other.id }).update({ name })
  const { nameKey } = await import('../src/database/names.ts')
  await portal
    .db('organisations')
    .where({ id: other.id })
    .update({ name_key: nameKey(name) })

  const late = await press(portal, await desk('city-reviewer'), id, 'pass')

  assert.equal(late.status, 409)
  assert.match(late.text, /现在不能通过：已有名称为/)
  assert.equal((await caseOf(id)).state, 'reviewing')
  assert.equal((await liveOf(company.id)).edition, 1)
  await portal
    .db('organisations')
    .where({ id: other.id })
    .update({ name: other.name, name_key: nameKey(other.name) })
  assert.equal((await press(portal, await desk('city-reviewer'), id, 'pass')).status, 303)
  const said = JSON.parse((await portal.db('certificate_editions').where({ case_id: id }).first()).facts)
  assert.deepEqual([said.company_name, said.ownership], [name, '股份'])
})

test('only a certificate in force is changed: an expired, a cancelled and a missing one are refused with the way out', async () => {
  const begin = async (company: Applicant) => await company.agent.post('/desk/cases/new/qualification-change')
  const none = await givenCompany()
  const nothing = await begin(none)
  assert.equal(nothing.status, 409)
  assert.match(nothing.text, /没有资质证书，不能办理资质变更。需要资质的，请先办理资质新设立申报/)
  const last = addDays(today(), -1)
  for (const state of ['valid', 'expired']) {
    const company = await givenCompany()
    await holdCertificate(portal, company.id, { valid_until: last, state })
    const answer = await begin(company)
    assert.equal(answer.status, 409)
    assert.ok(answer.text.includes(`已于 ${onPaper(last)}届满失效。资质管理办法第十五条`), plain(answer.text))
    assert.match(answer.text, /请重新申请资质/)
    assert.equal((await portal.db('cases').where({ applicant_id: company.id })).length, 0)
  }
  const gone = await givenCompany()
  await holdCertificate(portal, gone.id, { state: 'cancelled' })
  assert.match((await begin(gone)).text, /已经注销，不能办理资质变更/)
})

test('a certificate that runs out under way is changed neither by a draft nor by an approval; a timely renewal keeps it', async () => {
  const [draft, late] = [await givenCompany(), await givenCompany()]
  for (const company of [draft, late]) await holdCertificate(portal, company.id, { valid_until: addDays(today(), 1) })
  const written = await startCase(draft.agent, 'qualification-change')
  await hand(draft.agent, written, ...papers)
  const id = await submitChange(late, { capital: '300' })
  await passAll(portal, id, { until: 'city' })
  const reviewer = await desk('city-reviewer')
  const changed_on = today()
  try {
    shiftClock(2 * 86_400_000)
    const answer = await submit(await portal.as(draft.username), written, { changed_on, capital: '300' })
    assert.equal(answer.status, 422)
    assert.match(answer.text, /届满失效/)
    assert.match(answer.text, /value="300"/)
    desks.clear()
    const refused = await press(portal, await desk('city-reviewer'), id, 'pass')
    assert.equal(refused.status, 409)
    assert.match(refused.text, /现在不能通过：资质证书 .*届满失效/)
    assert.equal((await portal.db('companies').where({ id: late.id }).first('capital')).capital, '200.00')
    await portal.db('certificates').where({ company_id: late.id, live: 1 }).update({ renewing: 1 })
    assert.equal((await press(portal, await desk('city-reviewer'), id, 'pass')).status, 303)
  } finally {
    shiftClock(0)
    desks.clear()
    desks.set('city-reviewer', reviewer)
  }
  assert.equal((await liveOf(late.id)).edition, 2)
})

test('what the province granted it also decides: its outcome is keyed in, and the city prints nothing', async () => {
  const company = await givenCompany()
  const certificate = await holdCertificate(portal, company.id, { level: 'second', number: `鲁物2-2025-${company.id}` })
  const id = await submitChange(company, { capital: '800' })
  assert.equal((await caseOf(id)).variant, 'second')
  assert.equal(await passAll(portal, id, { until: 'province' }), 'reviewing')
  assert.equal((await portal.db('companies').where({ id: company.id }).first('capital')).capital, '200.00')
  assert.equal(await passAll(portal, id), 'done')

  assert.equal((await portal.db('companies').where({ id: company.id }).first('capital')).capital, '800.00')
  assert.deepEqual((await liveOf(company.id)).edition, 2)
  assert.equal((await papersOf(certificate)).length, 0)
})

test('a change that is not approved goes back as 未提交 and keeps others out until then', async () => {
  const company = await givenCompany()
  await holdCertificate(portal, company.id)
  const id = await submitChange(company, { capital: '300' })
  const other = await company.agent.post('/desk/cases/new/qualification-cancel')
  assert.equal(other.status, 409)
  assert.match(other.text, /已有一件在办的资质变更/)
  await press(portal, await desk('district-clerk'), id, 'accept')
  assert.equal((await press(portal, await desk('district-clerk'), id, 'refuse', { opinion: '与执照不一致。' })).status, 303)
  assert.equal((await caseOf(id)).state, 'draft')
  assert.equal((await submit(company.agent, id, { capital: '400' })).status, 303)
  assert.equal(await passAll(portal, id), 'done')
  assert.equal((await portal.db('companies').where({ id: company.id }).first('capital')).capital, '400.00')
})

test('while 资质管理 is switched off nothing is begun or approved', async () => {
  const company = await givenCompany()
  await holdCertificate(portal, company.id)
  const id = await submitChange(company, { capital: '300' })
  await passAll(portal, id, { until: 'city' })
  await switchTo(false)
  try {
    const answer = await press(portal, await desk('city-reviewer'), id, 'pass')
    assert.equal(answer.status, 409)
    assert.match(answer.text, /资质许可已经取消/)
    assert.match((await company.agent.post('/desk/cases/new/qualification-reissue')).text, /资质许可已经取消/)
  } finally {
    await switchTo(true)
  }
  assert.equal((await press(portal, await desk('city-reviewer'), id, 'pass')).status, 303)
})
