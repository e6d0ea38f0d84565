import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
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
  visit,
  wholeForm,
} from './qualification.ts'

/** 资质管理启用 turned off and on (国发〔2017〕7号、46号): nothing of the licence goes on meanwhile, nothing claims it, and company filing does. */

let portal: TestPortal
let keeper: Agent
let district: Agent
before(async () => {
  portal = await startPortal({ demo: true })
  keeper = await portal.as('system-admin')
  district = await portal.as('district-clerk')
})
after(() => portal?.stop())
afterEach(() => turn(true))

const { addDays } = await import('../src/calendar.ts')
const { today } = await import('../src/clock.ts')
const { allKinds, findKind, standardOf } = await import('../src/cases/kind.ts')
const { checkSignOfCreditCode, checkSignOfOrganisationCode } = await import('../src/identifiers.ts')
const { unlessEnabled } = await import('../src/modules/qualification/standards.ts')
const { settingsNow, settings } = await import('../src/admin/settings.ts')
const { computeWarnings } = await import('../src/warnings/warnings.ts')

/** Turns the switch on the page of parameters, as the system administrator does. */
async function turn(on: boolean): Promise<void> {
  if ((await settingsNow(portal.db))['qualification.enabled'] === on) return
  const groups = [...new Set(Object.values(settings).map(({ group }) => group))]
  const address = `/desk/admin/settings/${groups.indexOf(settings['qualification.enabled'].group) + 1}`
  const page = (await keeper.get('/desk/admin/settings')).text
  const form = page.slice(page.indexOf(`action="${address}"`))
  const part = form.slice(0, form.indexOf('</form>'))
  const fields = new URLSearchParams()
  for (const [input] of part.matchAll(/<input[^>]*>/g)) {
    const name = /\bname="([^"]*)"/.exec(input)?.[1]
    const isBox = /type="(?:checkbox|radio)"/.test(input)
    if (!name || name === 'qualification.enabled' || (isBox && !/\bchecked\b/.test(input))) continue
    fields.append(name, /\bvalue="([^"]*)"/.exec(input)?.[1] ?? 'on')
  }
  if (on) fields.append('qualification.enabled', 'on')
  const answer = await keeper.post(address, fields)
  assert.equal(answer.status, 303, plain(answer.text))
  assert.equal((await settingsNow(portal.db))['qualification.enabled'], on)
}

const gone = /物业服务企业资质许可已经取消（国发〔2017〕7号、46号），本市停止办理资质业务/
const caseRow = (id: number) => portal.db('cases').where({ id }).first()
const numberOf = async (table: string, where: object) =>
  Number((await portal.db(table).where(where).count({ n: '*' }).first())?.n)

test('an open case at each stage stands still while the switch is off, and goes on when it is on again', async () => {
  const [drafting, corrected, handed, desked, published, fresh] = await Promise.all(
    [0, 1, 2, 3, 4, 5].map(() => newCompany(portal)),
  )
  assert.ok(drafting && corrected && handed && desked && published && fresh)
  const draft = await startCase(drafting.agent)
  const submitted = await submitWhole(portal, handed)
  const supplement = await submitWhole(portal, corrected)
  const asked = await press(portal, district, supplement, 'correct', { item: 'field.capital', 'words.field.capital': '请核对。' })
  const atDesk = await submitWhole(portal, desked)
  assert.equal((await press(portal, district, atDesk, 'accept')).status, 303)
  const waiting = await submitWhole(portal, published)
  assert.equal(await passAll(portal, waiting), 'waiting')
  const cases = [draft, submitted, supplement, atDesk, waiting]
  const before = await Promise.all(cases.map(caseRow))

  await turn(false)
  const whole = await wholeForm({ office_address: '历下区写了一半的路9号' })
  const refusals = {
    start: await fresh.agent.post('/desk/cases/new/qualification-new'),
    submit: await drafting.agent.post(`/desk/cases/${draft}/submit`, { ...whole, ...(await versionsOf(portal, draft)) }),
    resubmit: await corrected.agent.post(`/desk/cases/${supplement}/submit`, {
      capital: '201',
      ...(await versionsOf(portal, supplement)),
    }),
    accept: await press(portal, district, submitted, 'accept'),
    pass: await press(portal, district, atDesk, 'pass', await visit()),
  }
  for (const [name, answer] of Object.entries(refusals)) {
    assert.equal(answer.status, 409, name)
    assert.match(plain(answer.text), gone, name)
  }
  assert.match(refusals.submit.text, /value="历下区写了一半的路9号"/, 'what was typed is still on the page')
  assert.match(plain(refusals.submit.text), /没有提交。/)
  await endPublicity(portal, waiting)
  assert.deepEqual(await Promise.all(cases.map(caseRow)), before, 'nothing has moved')
  assert.equal(await numberOf('certificates', { company_id: published.id }), 0, 'publicity does not end in a certificate')
  assert.match(plain((await drafting.agent.get(`/desk/cases/${draft}`)).text), gone)
  assert.match(plain((await corrected.agent.get(`/desk/cases/${supplement}`)).text), gone)
  const standing = (await district.get(`/desk/cases/${atDesk}`)).text
  assert.match(plain(standing), gone)
  assert.doesNotMatch(standing, /name="action" value="(pass|accept)"/, 'no button that would be refused')
  assert.match(standing, /name="action" value="refuse"/, 'what ends it stays possible')
  assert.doesNotMatch((await drafting.agent.get(`/desk/cases/${draft}`)).text, /formaction="\/desk\/cases\/\d+\/submit"/)

  await turn(true)
  assert.equal(asked.status, 303, plain(asked.text))
  await endPublicity(portal, waiting)
  assert.equal((await caseRow(waiting)).state, 'done')
  assert.equal(await numberOf('certificates', { company_id: published.id, state: 'valid' }), 1)
  assert.equal(await passAll(portal, submitted), 'waiting')
  assert.equal(await passAll(portal, atDesk), 'waiting')
  assert.doesNotMatch(plain((await drafting.agent.get(`/desk/cases/${draft}`)).text), gone)
  assert.equal((await fresh.agent.post('/desk/cases/new/qualification-new')).status, 303)
})

test('every business that lives with the licence is out of use, in catalogue and guides too; filings of branches go on', async () => {
  const licensed = allKinds().filter(kind => kind.suspended === unlessEnabled)
  assert.ok(licensed.length >= 2)
  await turn(false)
  const catalogue = (await (await portal.as('company')).get('/desk/kinds')).text
  const guides = (await portal.anyone().get('/guides')).text
  for (const { code, label } of licensed) {
    const row = new RegExp(`<tr>(?:(?!</tr>)[\\s\\S])*/${code}"(?:(?!</tr>)[\\s\\S])*`).exec(catalogue)?.[0] ?? ''
    const isListed = row || !guides.includes(`/guides/${code}"`)
    assert.ok(isListed, `${label} in the catalogue`)
    if (row) assert.match(plain(row), /现在不办理/, label)
    const guide = await portal.anyone().get(`/guides/${code}`)
    if (guide.status === 200) {
      assert.match(plain(guide.text), gone, label)
      assert.doesNotMatch(guide.text, /登录办理/, label)
    }
  }
  for (const code of ['branch-filing', 'company-information']) {
    const guide = await portal.anyone().get(`/guides/${code}`)
    assert.doesNotMatch(plain(guide.text), gone)
    assert.match(guide.text, /登录办理/)
  }
  await turn(true)
  assert.match(plain((await portal.anyone().get('/guides/company-information')).text), /不单独办理企业信息登记/)
})

test('no warning, check, message or page asks for a certificate or its staff while the switch is off', async () => {
  const company = await newCompany(portal)
  await portal.db('certificates').where({ company_id: company.id }).delete()
  await holdCertificate(portal, company.id, { level: 'third' })
  const standing = () =>
    portal.db('warnings').where({ kind: 'staff-shortage', object_id: company.id, closed_at: null }).first('id')
  await computeWarnings(portal.db)
  assert.ok(await standing(), 'a third-class company without staff is warned of')
  const removal = async () => plain((await portal.anyone().get('/guides/staff-remove')).text)
  const change = async () => plain((await portal.anyone().get('/guides/company-change')).text)
  assert.match(await removal(), /减员后人员数量仍符合资质等级要求/)
  assert.match(await change(), /变更后资质证书是否需要换发/)

  await turn(false)
  await computeWarnings(portal.db)
  assert.equal(await standing(), undefined)
  assert.equal(await numberOf('warnings', { kind: 'staff-shortage', closed_at: null }), 0)
  assert.doesNotMatch(await removal(), /资质/)
  assert.doesNotMatch(await change(), /资质变更|资质证书/)
  const archive = plain((await company.agent.get('/desk/companies/mine')).text)
  assert.match(archive, /历史档案，不是承接物业服务的条件/)
  const ending = async () => (await (await portal.as('city-clerk')).get('/desk/lists/certificates-expiring')).text
  assert.doesNotMatch(await ending(), /light-(red|yellow|green)/, 'nobody is late with anything')

  await turn(true)
  assert.match(await ending(), /light-(red|yellow)/)
  await computeWarnings(portal.db)
  assert.ok(await standing(), 'on again it is warned of again')
  assert.doesNotMatch(plain((await company.agent.get('/desk/companies/mine')).text), /历史档案/)
})

test('a change of name tells the holder of a certificate to have that changed, only while the switch is on', async () => {
  const told = (company_id: number) =>
    portal
      .db('messages')
      .join('users', 'users.id', 'messages.user_id')
      .where({ 'users.organisation_id': company_id })
      .where('messages.title', 'like', '%资质证书%')
      .pluck('messages.title')
  for (const on of [true, false]) {
    const company = await newCompany(portal)
    await holdCertificate(portal, company.id)
    await turn(on)
    const id = await startCase(company.agent, 'company-change')
    for (const material of ['application-form', 'business-licence', 'registration-notice'])
      assert.equal((await upload(company.agent, id, material)).status, 303)
    const answer = await company.agent.post(`/desk/cases/${id}/submit`, {
      name: `济南改名物业服务有限公司${company.id}`,
      changed_on: today(),
      pledge: 'on',
      ...(await versionsOf(portal, id)),
    })
    assert.equal(answer.status, 303, plain(answer.text))
    const page = plain((await district.get(`/desk/cases/${id}`)).text)
    assert.equal(/资质证书登载的内容与档案一致/.test(page), on)
    assert.equal(await passAll(portal, id), 'done')
    const titles = await told(company.id)
    if (on) assert.match(titles.join(), /企业档案已变更，请在 30 日内办理资质证书 \S+ 的变更/)
    else assert.deepEqual(titles, [])
  }
})

// ── 企业信息登记 ───────────────────────────────────────────────────────────────────────────────

async function registered(company: Applicant, changes: Record<string, string> = {}): Promise<number> {
  const id = await submitWhole(portal, company, 'company-information', changes)
  assert.equal(await passAll(portal, id), 'done')
  return id
}

test('off, a company registers what it is: archive, number and day, and a proof that says it is no condition', async () => {
  const company = await newCompany(portal)
  const early = await company.agent.post('/desk/cases/new/company-information')
  assert.equal(early.status, 409)
  assert.match(plain(early.text), /企业情况随资质业务申报，现在不单独办理企业信息登记/)
  const certificate = await holdCertificate(portal, company.id)
  const { number: old } = await portal.db('certificates').where({ id: certificate }).first('number')

  await turn(false)
  const draft = await startCase(company.agent, 'company-information')
  assert.ok(
    (await company.agent.get(`/desk/cases/${draft}`)).text.includes(old),
    'the certificate of the past stands there as history',
  )
  const legal_person_id = await residentId(411)
  const id = await registered(company, { office_address: '历下区新址路8号', contact: '何新来', capital: '300', legal_person_id })
  assert.equal(id, draft)
  const row = await caseRow(id)
  assert.match(row.number, /^济物企登〔\d{4}〕\d{4}号$/)
  const { information_number, information_on, capital } = await portal.db('companies').where({ id: company.id }).first()
  assert.deepEqual(
    { information_number, information_on, capital },
    { information_number: row.number, information_on: today(), capital: '300.00' },
  )
  const { address, contact } = await portal.db('organisations').where({ id: company.id }).first()
  assert.deepEqual({ address, contact }, { address: '历下区新址路8号', contact: '何新来' })
  const changes = await portal.db('changes').where({ row_id: company.id, case_id: id }).pluck('field')
  for (const field of ['information_number', 'information_on', 'address', 'contact', 'capital', 'legal_person_id'])
    assert.ok(changes.includes(field), field)

  const archive = plain((await company.agent.get('/desk/companies/mine')).text)
  assert.ok(archive.includes(row.number) && archive.includes('登记不是承接物业服务的前置条件'), archive)
  const documents = await portal.db('documents').where({ case_id: id }).select('paper', 'code', 'facts')
  const proof = documents.find(({ paper }) => paper === 'proof')
  assert.match(
    proof?.facts ?? '',
    /企业信息登记证明.*登记不是承接物业服务的前置条件|登记不是承接物业服务的前置条件.*企业信息登记证明/,
  )
  assert.match(plain((await portal.anyone().get(`/verify/${proof?.code}`)).text), /有效.*企业信息登记证明/)
  for (const { facts } of documents) assert.doesNotMatch(facts, /行政许可法/)

  // Every year anew: the number changes, the older proof gives way.
  const next = await registered(company, { capital: '300', legal_person_id, contact: '何又来' })
  assert.equal((await caseRow(next)).late_days, 0)
  assert.notEqual((await caseRow(next)).number, row.number)
  assert.match(plain((await portal.anyone().get(`/verify/${proof?.code}`)).text), /已由新文书代替/)

  await turn(true)
  assert.equal((await company.agent.post('/desk/cases/new/company-information')).status, 409)
})

test('who registers late for the first time is flagged; ★ fields are not changed here; a branch is sent to its own filing', async () => {
  await turn(false)
  const late = await newCompany(portal)
  const id = await submitWhole(portal, late, 'company-information', { established_on: addDays(today(), -40) })
  assert.equal((await caseRow(id)).late_days, 10)

  const known = await newCompany(portal)
  await portal.db('companies').where({ id: known.id }).update({ capital: '200.00' })
  const draft = await startCase(known.agent, 'company-information')
  for (const material of ['application-form', 'business-licence']) await upload(known.agent, draft, material)
  const refused = await known.agent.post(`/desk/cases/${draft}/submit`, {
    ...(await wholeForm({ capital: '999' })),
    ...(await versionsOf(portal, draft)),
  })
  assert.equal(refused.status, 422)
  assert.match(plain(refused.text), /与企业档案登记的不同。登记事项有变更的，请先申请企业档案变更/)
  assert.equal((await caseRow(draft)).state, 'draft')

  const branch = await newCompany(portal)
  await portal.db('companies').where({ id: branch.id }).update({ origin: 'province' })
  const elsewhere = await branch.agent.post('/desk/cases/new/company-information')
  assert.equal(elsewhere.status, 409)
  assert.match(plain(elsewhere.text), /请办理异地分支机构备案/)
  // The branch files as before, and nobody asks it for the qualification of its head office.
  const filing = await startCase(branch.agent, 'branch-filing')
  const page = (await branch.agent.get(`/desk/cases/${filing}`)).text
  assert.match(page, /选填，只作历史资料/)
  const kind = findKind('branch-filing')
  assert.ok(kind)
  for (const material of standardOf(kind).materials.filter(material => material.required))
    assert.equal((await upload(branch.agent, filing, material.code)).status, 303)
  const first17 = `91320100MH900010${checkSignOfOrganisationCode('MH900010')}`
  const answer = await branch.agent.post(`/desk/cases/${filing}/submit`, {
    head_office: '南京试验物业集团有限公司',
    head_office_code: first17 + checkSignOfCreditCode(first17),
    head_office_place: '江苏省南京市',
    branch_address: '历下区试验路1号3层',
    branch_head: '李大山',
    branch_head_phone: '15400000002',
    mandate_scope: '在济南市承接物业服务项目',
    mandate_from: today(),
    pledge: 'on',
    ...(await versionsOf(portal, filing)),
  })
  assert.equal(answer.status, 303, plain(answer.text))

  await turn(true)
  const stopped = await known.agent.post(`/desk/cases/${draft}/submit`, {
    ...(await wholeForm({ capital: '200' })),
    ...(await versionsOf(portal, draft)),
  })
  assert.equal(stopped.status, 409, 'in use again, company facts come with the business of the licence')
  assert.match(plain(stopped.text), /没有提交。.*不单独办理企业信息登记/)
  assert.equal((await press(portal, district, id, 'accept')).status, 409)
})
