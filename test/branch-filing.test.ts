import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { type Agent, startPortal, type TestPortal } from './portal.ts'
import { type Applicant, newCompany, newUser, passAll, plain, press, startCase, upload, versionsOf } from './qualification.ts'

/** 异地分支机构备案: who may file, with which papers, for how long, and what the proof is worth afterwards. */

let portal: TestPortal
let city: Agent
before(async () => {
  portal = await startPortal({ demo: true })
  city = await portal.as('city-clerk')
})
after(() => portal?.stop())

const { addDays } = await import('../src/calendar.ts')
const { shiftClock, today } = await import('../src/clock.ts')
const { standardOf } = await import('../src/cases/kind.ts')
const { branchFiling } = await import('../src/modules/qualification/branch-kind.ts')
const { checkSignOfCreditCode, checkSignOfOrganisationCode } = await import('../src/identifiers.ts')
const { computeWarnings } = await import('../src/warnings/warnings.ts')
afterEach(() => shiftClock(0))

const required = standardOf(branchFiling)
  .materials.filter(material => material.required)
  .map(({ code }) => code)
const fromHead = ['head-licence', 'mandate', 'credit']

/** The day `days` from now. Sessions end while the clock is moved, so whoever acts then signs in anew. */
const later = (days: number) => shiftClock(days * 86_400_000)

let serial = 0
function headCode(): string {
  const body8 = `MH${String(process.pid % 1000).padStart(3, '0')}${String(++serial).padStart(3, '0')}`
  const first17 = `91320100${body8}${checkSignOfOrganisationCode(body8)}`
  return first17 + checkSignOfCreditCode(first17)
}

/** A company from another province with an office in 历下区. */
async function newBranch({ origin = 'elsewhere' } = {}): Promise<Applicant> {
  const company = await newCompany(portal)
  await portal.db('companies').where({ id: company.id }).update({ origin })
  await portal.db('company_areas').where({ company_id: company.id }).update({ basis: 'branch' })
  return company
}

const filled = (changes: Record<string, string> = {}) => ({
  head_office: '南京试验物业集团有限公司',
  head_office_code: headCode(),
  head_office_place: '江苏省南京市',
  head_office_level: 'none',
  branch_address: '历下区试验路1号3层',
  branch_head: '李大山',
  branch_head_phone: '15400000002',
  mandate_scope: '在济南市承接物业服务项目、签订物业服务合同',
  mandate_from: today(),
  pledge: 'on',
  ...changes,
})

async function hand(applicant: Applicant, id: number, materials: readonly string[]): Promise<void> {
  for (const material of materials) {
    const answer = await upload(applicant.agent, id, material)
    assert.equal(answer.status, 303, `${material}: ${await answer.text()}`)
  }
}

const submit = async (applicant: Applicant, id: number, changes: Record<string, string> = {}) =>
  await applicant.agent.post(`/desk/cases/${id}/submit`, { ...filled(changes), ...(await versionsOf(portal, id)) })

async function submitted(applicant: Applicant, changes: Record<string, string> = {}): Promise<number> {
  const id = await startCase(applicant.agent, 'branch-filing')
  await hand(applicant, id, required)
  const answer = await submit(applicant, id, changes)
  assert.equal(answer.status, 303, plain(answer.text))
  return id
}

async function filed(applicant: Applicant, changes: Record<string, string> = {}): Promise<number> {
  const id = await submitted(applicant, changes)
  assert.equal(await passAll(portal, id), 'done')
  return id
}

/** Somebody of the office of another district. */
async function neighbour(): Promise<Agent> {
  const office: { organisation_id: number } = await portal
    .db('users')
    .where({ username: 'district-clerk' })
    .first('organisation_id')
  return await portal.as(await newUser(portal, { ...office, role: 'district-clerk', region_code: '370103' }))
}

/** Signs in anew: a session does not last until a day that lies months ahead. */
const again = async (applicant: Applicant): Promise<Applicant> => ({ ...applicant, agent: await portal.as(applicant.username) })
const caseRow = (id: number) => portal.db('cases').where({ id }).first()
const filingsOf = (company_id: number) => portal.db('branch_filings').where({ company_id }).orderBy('id')
const proofOf = (case_id: number) => portal.db('documents').where({ case_id, paper: 'proof' }).first('code', 'facts')
const verified = async (code: string) => plain((await portal.anyone().get(`/verify/${code}`)).text)

test('a branch files with the papers of its head office; two desks of the city decide, and the archive tells number and last day', async () => {
  const branch = await newBranch()
  const id = await submitted(branch)
  const district = await portal.as('district-clerk')
  assert.equal((await district.get(`/desk/cases/${id}`)).status, 200, 'the district of the branch reads it')
  assert.notEqual((await press(portal, district, id, 'accept')).status, 303, 'and does not decide')
  assert.equal((await (await neighbour()).get(`/desk/cases/${id}`)).status, 404, 'another district knows nothing of it')
  assert.equal(await passAll(portal, id), 'done')

  const { number } = await caseRow(id)
  assert.match(number, /^济物分备〔\d{4}〕\d{4}号$/)
  const [row, ...more] = await filingsOf(branch.id)
  assert.equal(more.length, 0)
  assert.deepEqual(
    [row.number, row.filed_on, row.valid_until, row.ended_on, row.head_office_place, row.head_office_qualification],
    [number, today(), addDays(`${Number(today().slice(0, 4)) + 1}${today().slice(4)}`, -1), null, '江苏省南京市', null],
  )
  const company = await portal.db('companies').where({ id: branch.id }).first()
  assert.equal(company.branch_filing_number, number)
  assert.equal(company.head_office, '南京试验物业集团有限公司')
  const change = await portal
    .db('changes')
    .where({ table_name: 'companies', row_id: branch.id, field: 'branch_filing_number' })
    .first('after', 'case_id')
  assert.deepEqual({ ...change }, { after: number, case_id: id })

  const page = plain((await branch.agent.get('/desk/companies/mine')).text)
  assert.ok(page.includes(number) && page.includes(`有效期至 ${row.valid_until}`), page)
  const list = plain((await city.get(`/desk/lists/branches?q=${encodeURIComponent(branch.name)}`)).text)
  assert.ok(list.includes(row.valid_until), list)

  const proof = await proofOf(id)
  const facts = JSON.stringify(JSON.parse(proof.facts))
  for (const words of ['异地分支机构备案证明', number, '南京试验物业集团有限公司', '不是行政许可'])
    assert.ok(facts.includes(words), words)
  assert.match(await verified(proof.code), /有效.*异地分支机构备案证明/)
  const pdf = await branch.agent.raw(
    `/desk/cases/${id}/papers/${(await portal.db('documents').where({ code: proof.code }).first('id')).id}.pdf`,
    {},
  )
  assert.equal(pdf.headers.get('content-type'), 'application/pdf')
  // 备案 is no licence: its papers cite the rule of the city.
  const acceptance = await portal.db('documents').where({ case_id: id, paper: 'acceptance' }).first('facts')
  assert.doesNotMatch(acceptance.facts, /行政许可法/)
})

test('without the papers of the head office it stays a draft, the papers and the clause are named, and nothing typed is lost', async () => {
  const branch = await newBranch({ origin: 'province' })
  const id = await startCase(branch.agent, 'branch-filing')
  await hand(
    branch,
    id,
    required.filter(code => !fromHead.includes(code)),
  )
  const refused = await submit(branch, id, { branch_head: '赵青山' })
  assert.equal(refused.status, 422)
  const words = plain(refused.text)
  assert.match(words, /还差 3 份必需材料/)
  assert.match(words, /缺少总公司的材料：总公司营业执照、总公司任命书、授权委托书、注册地主管部门信用证明。/)
  assert.match(words, /民法典第七十四条/)
  assert.match(refused.text, /value="赵青山"/)
  assert.equal((await caseRow(id)).state, 'draft')
  assert.equal((await caseRow(id)).serial, null)

  await hand(branch, id, fromHead.slice(0, 2))
  assert.match(plain((await submit(branch, id)).text), /缺少总公司的材料：注册地主管部门信用证明。/)
  await hand(branch, id, ['credit'])
  assert.equal((await submit(branch, id)).status, 303)
})

test('a head office with a qualification hands in number and certificate', async () => {
  const branch = await newBranch()
  const id = await startCase(branch.agent, 'branch-filing')
  await hand(branch, id, required)
  const unsaid = plain((await submit(branch, id, { head_office_level: '' })).text)
  assert.match(unsaid, /请选择总公司资质等级，没有资质证书的选“无”。/)
  assert.match(plain((await submit(branch, id, { head_office_level: 'first' })).text), /请填写资质证书号/)
  const whole = { head_office_level: 'first', head_office_certificate: '建物企一〔2015〕88' }
  assert.match(plain((await submit(branch, id, whole)).text), /请在“材料”里上传总公司资质证书复印件/)
  await hand(branch, id, ['head-certificate'])
  assert.equal((await submit(branch, id, whole)).status, 303)
  assert.equal(await passAll(portal, id), 'done')
  assert.equal((await filingsOf(branch.id))[0].head_office_qualification, '一级，建物企一〔2015〕88')
})

test('what the mandate says must be possible, and the head office is another company', async () => {
  const branch = await newBranch()
  const id = await startCase(branch.agent, 'branch-filing')
  await hand(branch, id, required)
  const { code } = await portal.db('organisations').where({ id: branch.id }).first('code')
  const own = plain((await submit(branch, id, { head_office_code: code })).text)
  assert.match(own, /总公司和分支机构的统一社会信用代码相同/)
  const over = { mandate_from: addDays(today(), -30), mandate_until: addDays(today(), -1) }
  assert.match(plain((await submit(branch, id, over)).text), /授权已于 \d{4}-\d\d-\d\d 截止，不能备案/)
  const turned = { mandate_from: today(), mandate_until: addDays(today(), -1) }
  assert.match(plain((await submit(branch, id, turned)).text), /早于开始日期/)
})

test('a filing and its proof hold no longer than the mandate of the head office', async () => {
  const branch = await newBranch()
  const until = addDays(today(), 100)
  const id = await filed(branch, { mandate_until: until })
  assert.equal((await filingsOf(branch.id))[0].valid_until, until)
  const [year, month, date] = until.split('-').map(Number)
  assert.ok((await proofOf(id)).facts.includes(`${year}年${month}月${date}日`))
})

test('a company of the city is refused, and one whose branch lies nowhere; each is told where to turn', async () => {
  const local = await newCompany(portal)
  const refused = await local.agent.post('/desk/cases/new/branch-filing')
  assert.equal(refused.status, 409)
  assert.match(plain(refused.text), /贵企业在本市注册，不办理异地分支机构备案/)
  const nowhere = await newBranch()
  await portal.db('organisations').where({ id: nowhere.id }).update({ district_code: null, street_code: null })
  const unknown = await nowhere.agent.post('/desk/cases/new/branch-filing')
  assert.equal(unknown.status, 409)
  assert.match(plain(unknown.text), /请先申请企业档案变更，补填所在区县、街道/)
  assert.equal(
    Number((await portal.db('cases').where({ kind: 'branch-filing', applicant_id: local.id }).count({ n: '*' }).first())?.n),
    0,
  )
})

test('a second application: while one runs that one is shown, while a filing holds for long it is refused with the day', async () => {
  const branch = await newBranch()
  const running = await submitted(branch)
  assert.equal(await startCase(branch.agent, 'branch-filing'), running)
  assert.equal(await passAll(portal, running), 'done')
  const [held] = await filingsOf(branch.id)
  const early = await branch.agent.post('/desk/cases/new/branch-filing')
  assert.equal(early.status, 409)
  assert.ok(plain(early.text).includes(`${addDays(held.valid_until, -60)} 起可以办理续期`), plain(early.text))
  assert.ok(plain(early.text).includes(held.number))
})

test('a filing is renewed from 60 days before its end; the new one goes on where it ends, and the old proof says so', async () => {
  const branch = await newBranch()
  const first = await filed(branch)
  const [old] = await filingsOf(branch.id)
  const code = (await proofOf(first)).code
  later(364 - 61)
  assert.equal((await (await again(branch)).agent.post('/desk/cases/new/branch-filing')).status, 409)
  later(364 - 60)
  assert.match(await verified(code), /有效，即将到期/)
  const now = await again(branch)
  const renewal = await startCase(now.agent, 'branch-filing')
  const form = (await now.agent.get(`/desk/cases/${renewal}`)).text
  assert.ok(form.includes(old.number), 'the filing that is renewed stands in the form')
  assert.match(form, /value="南京试验物业集团有限公司"/)
  await hand(now, renewal, required)
  assert.equal((await submit(now, renewal)).status, 303)
  assert.equal(await passAll(portal, renewal), 'done')
  assert.equal((await caseRow(renewal)).late_days, 0)
  const [before, next] = await filingsOf(branch.id)
  assert.equal(before.ended_on, today())
  assert.equal(next.previous_id, before.id)
  const from = addDays(old.valid_until, 1)
  assert.equal(next.valid_until, addDays(`${Number(from.slice(0, 4)) + 1}${from.slice(4)}`, -1))
  assert.match(await verified(code), /已由新文书代替/)
  assert.match(await verified((await proofOf(renewal)).code), /有效/)
  const page = plain((await now.agent.get('/desk/companies/mine')).text)
  assert.match(page, /已续期/)
})

test('a filing that ran out is told by its proof and by warnings to company, district and city; a late renewal is flagged', async () => {
  const branch = await newBranch()
  const first = await filed(branch)
  const code = (await proofOf(first)).code
  const [held] = await filingsOf(branch.id)
  const warning = () => portal.db('warnings').where({ kind: 'branch-expiry', object_id: held.id, closed_at: null }).first()
  const stages: (string | undefined)[] = []
  for (const days of [364 - 91, 364 - 90, 364 - 60, 364 - 30, 365]) {
    later(days)
    await computeWarnings(portal.db)
    stages.push((await warning())?.stage)
  }
  assert.deepEqual(stages, [undefined, '90', '60', '30', 'expired'])
  assert.match(await verified(code), /已过期/)
  const title = `异地分支机构备案已到期：${branch.name}`
  const now = await again(branch)
  const readers = [now.agent, await portal.as('district-clerk'), await portal.as('city-clerk')]
  for (const reader of readers) {
    const list = await reader.get(`/desk/lists/warnings?kind=branch-expiry&q=${encodeURIComponent(branch.name)}`)
    assert.ok(plain(list.text).includes(title), plain(list.text))
  }
  const other = await portal.as('company')
  assert.ok(!(await other.get('/desk/lists/warnings')).text.includes(branch.name))
  const past = plain((await readers[2]?.get('/desk/lists/branches?filing_until=past'))?.text ?? '')
  assert.ok(past.includes(branch.name), past)

  later(375)
  const late = await again(branch)
  const renewal = await startCase(late.agent, 'branch-filing')
  await hand(late, renewal, required)
  assert.equal((await submit(late, renewal)).status, 303)
  assert.equal((await caseRow(renewal)).late_days, 11)
  assert.equal(await passAll(portal, renewal), 'done')
  const [, next] = await filingsOf(branch.id)
  assert.equal(next.filed_on, today(), 'what ran out is not prolonged: the new year begins with the decision')
  assert.equal(next.valid_until, addDays(`${Number(today().slice(0, 4)) + 1}${today().slice(4)}`, -1))
  await computeWarnings(portal.db)
  assert.equal(await warning(), undefined)
})

test('refused it is a draft again and can be mended; withdrawn it leaves no filing', async () => {
  const branch = await newBranch()
  const id = await submitted(branch)
  assert.equal((await press(portal, city, id, 'accept')).status, 303)
  assert.equal((await press(portal, city, id, 'refuse', { opinion: '授权范围与委托书不一致。' })).status, 303)
  assert.equal((await caseRow(id)).state, 'draft')
  assert.equal((await submit(branch, id, { mandate_scope: '照委托书' })).status, 303)
  assert.equal((await press(portal, branch.agent, id, 'withdraw')).status, 303)
  assert.deepEqual(await filingsOf(branch.id), [])
  const other = await newBranch()
  assert.equal((await other.agent.get(`/desk/cases/${id}`)).status, 404)
})
