import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { addDays } from '../src/calendar.ts'
import { startPortal, type TestPortal } from './portal.ts'
import {
  type Applicant,
  endPublicity,
  holdCertificate,
  newCompany,
  paper,
  passAll,
  plain,
  press,
  startCase,
  submitWhole,
  versionsOf,
  wholeForm,
} from './qualification.ts'

/** 资质升级, 到期核定 and 分立、合并: from the archives that are counted to the one certificate a company has afterwards. */

let portal: TestPortal
before(async () => {
  portal = await startPortal({ demo: true })
})
after(async () => {
  shiftClock(0)
  await portal.stop()
})

const { nameKey } = await import('../src/database/names.ts')
const { shiftClock, today, now } = await import('../src/clock.ts')
const { areaIndex, areaText, hundredths, indexInWords } = await import('../src/modules/qualification/area-index.ts')
const { freeAgainOn, barring, registerBehaviours } = await import('../src/modules/qualification/behaviours.ts')

const bases = { multi: 100, high: 50, villa: 8, other: 20 }
const figures = { revenue: '100', profit: '10' }
const day = 86_400_000

const caseRow = async (id: number) => await portal.db('cases').where({ id }).first()
const live = async (company_id: number) => await portal.db('certificates').where({ company_id, live: 1 }).select()

let projects = 0

/** A project the company serves under a filed contract, with areas in 万㎡ by column. */
async function serve(
  { id }: Applicant,
  areas: Record<string, number>,
  { contracts = 1, ends_on = addDays(today(), 300), property_type = 'multi-storey', floor_area = 0 } = {},
): Promise<void> {
  projects++
  const at = now()
  const stamps = { created_at: at, updated_at: at }
  const name = `试算小区${projects}`
  const [project_id = 0] = await portal.db('projects').insert({
    code: `T${process.pid}${projects}`,
    name,
    name_key: nameKey(name),
    address: '历下区试验路',
    district_code: '370102',
    street_code: '370102001',
    stage: 'serving',
    property_type,
    floor_area,
    ...Object.fromEntries(Object.entries(areas).map(([column, area]) => [column, area * 10_000])),
    ...stamps,
  })
  await portal.db('project_links').insert({
    project_id,
    company_id: id,
    starts_on: addDays(today(), -300),
    phase: 'early',
    method: 'bid',
    state: 'linked',
    ...stamps,
  })
  for (let n = 0; n < contracts; n++)
    await portal.db('contracts').insert({
      project_id,
      company_id: id,
      phase: 'regular',
      filing: 'first',
      state: 'filed',
      party: '试算小区业主大会',
      signed_on: addDays(today(), -310),
      starts_on: addDays(today(), -300),
      ends_on,
      fee_mode: 'lump-sum',
      pricing: 'market',
      fee: 1.5,
      serviced_area: 1000,
      ...stamps,
    })
}

/** A company with a 三级 certificate whose projects come to 105 % of what 二级 asks for (domain.md §4.1). */
async function strongCompany(changes: Parameters<typeof holdCertificate>[2] = {}): Promise<Applicant & { held: number }> {
  const company = await newCompany(portal)
  const held = await holdCertificate(portal, company.id, changes)
  await serve(company, { multi_storey_area: 40, high_rise_area: 25 })
  await serve(company, { office_area: 3 })
  return { ...company, held }
}

/** Posts an outcome of a higher authority as the page does. */
async function keyIn(
  id: number,
  fields: Record<string, string>,
  { scan = true } = {},
): Promise<{ status: number; text: string }> {
  const clerk = await portal.as('city-clerk')
  const { version } = await versionsOf(portal, id)
  const body = new FormData()
  const outcome = { action: 'pass', version, outcome_number: `鲁建物〔2026〕${id}号`, outcome_on: today(), ...fields }
  for (const [name, value] of Object.entries(outcome)) body.append(name, value)
  if (scan) body.append('files', paper(`outcome ${id}`), '批复.pdf')
  const answer = await clerk.raw(`/desk/cases/${id}/outcome`, { method: 'POST', body, headers: { origin: clerk.base } })
  return { status: answer.status, text: await answer.text() }
}

// ── The arithmetic ────────────────────────────────────────────────────────────────────────────

test('the example of the regulation comes to 105 %', () => {
  const areas = [
    { type: 'multi-storey', area: '400000.00' },
    { type: 'high-rise', area: '250000.00' },
    { type: 'office', area: '30000.00' },
  ]
  const index = areaIndex(areas, bases, 100)
  assert.equal(index.total, '105%')
  assert.equal(index.met, true)
  assert.deepEqual(index.sorts, ['multi', 'high', 'other'])
  assert.equal(indexInWords(index), '多层 40 ÷ 100 = 40% + 高层 25 ÷ 50 = 50% + 其他 3 ÷ 20 = 15% = 105%')
  assert.equal(areaIndex(areas, bases, 106).met, false)
  assert.equal(areaIndex(areas, { multi: 200, high: 100, villa: 15, other: 50 }, 100).total, '51%')
})

test('shares that make a whole are 100 %, one hundredth of a square metre less is not, whatever the bases', () => {
  let seed = 20_261_123
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return seed % below
  }
  const types = ['multi-storey', 'high-rise', 'villa', 'industrial']
  for (let round = 0; round < 500; round++) {
    const some = { multi: 1 + random(300), high: 1 + random(300), villa: 1 + random(30), other: 1 + random(90) }
    // 64 parts of a base of 1,000,000 hundredths a 万㎡ are whole hundredths.
    const cuts = [random(65), random(65), random(65)].sort((one, other) => one - other)
    const shares = [cuts[0] ?? 0, (cuts[1] ?? 0) - (cuts[0] ?? 0), (cuts[2] ?? 0) - (cuts[1] ?? 0), 64 - (cuts[2] ?? 0)]
    const sums = Object.values(some).map((base, at) => (BigInt(base) * 1_000_000n * BigInt(shares[at] ?? 0)) / 64n)
    const rows = sums.map((sum, at) => ({ type: types[at] ?? '', area: areaText(sum) }))
    const whole = areaIndex(rows, some, 100)
    assert.deepEqual([whole.total, whole.met], ['100%', true], JSON.stringify({ some, rows }))
    const largest = sums.reduce((best, sum, at) => (sum > (sums[best] ?? 0n) ? at : best), 0)
    const less = rows.map((row, at) => (at === largest ? { ...row, area: areaText(hundredths(row.area) - 1n) } : row))
    const short = areaIndex(less, some, 100)
    assert.deepEqual([short.total, short.met], ['约 99.99%', false], JSON.stringify({ some, less }))
    // The order of the rows, and how an area is cut into projects, mean nothing.
    const cut = rows.flatMap(row => {
      const part = hundredths(row.area) / 3n
      return [
        { ...row, area: areaText(part) },
        { ...row, area: areaText(hundredths(row.area) - part) },
      ]
    })
    assert.equal(areaIndex(cut.reverse(), some, 100).total, '100%')
  }
})

test('a sort without a base is told and not counted; nothing managed is 0 %', () => {
  const index = areaIndex([{ type: 'villa', area: '80000.00' }], { ...bases, villa: 0 }, 100)
  assert.deepEqual([index.total, index.met, index.sorts, index.parts], ['0%', false, ['villa'], []])
  assert.equal(areaIndex([], bases, 100).total, '0%')
})

test('a year lasts until its namesake day', () => {
  assert.equal(freeAgainOn({ on: '2025-11-23' }, 1), '2026-11-24')
  assert.equal(freeAgainOn({ on: '2024-02-29' }, 1), '2025-03-01')
  assert.equal(freeAgainOn({ on: '2024-12-31' }, 2), '2027-01-01')
})

// ── 资质升级 ──────────────────────────────────────────────────────────────────────────────────

test('an upgrade to 二级: the arithmetic from the archives, the outcome of the province, the new certificate', async () => {
  const company = await strongCompany()
  // Neither a second contract nor one that has run out adds anything.
  await serve(company, { villa_area: 1 }, { ends_on: addDays(today(), -1) })
  const draft = await startCase(company.agent, 'qualification-upgrade')
  const writing = await company.agent.get(`/desk/cases/${draft}`)
  assert.match(plain(writing.text.slice(writing.text.indexOf('计算基数'))), /105%/)
  assert.match(writing.text, /多层 40 ÷ 100 = 40% \+ 高层 25 ÷ 50 = 50% \+ 其他 3 ÷ 20 = 15% = 105%/)
  assert.match(writing.text, /系统内暂无信用记录可查/)
  await company.agent.post(`/desk/cases/${draft}/discard`)

  const id = await submitWhole(portal, company, 'qualification-upgrade', { ...figures, level: 'second' })
  assert.equal((await caseRow(id)).variant, 'second')
  // Later changes of the archive do not alter what was submitted.
  await portal
    .db('projects')
    .where({ name: `试算小区${projects}` })
    .update({ multi_storey_area: 0 })
  await passAll(portal, id, { until: 'province' })
  const clerk = await portal.as('city-clerk')
  const page = await clerk.get(`/desk/cases/${id}`)
  assert.match(page.text, /= 105%/)
  assert.match(page.text, /资质管理办法第五条（二）4/)
  assert.match(page.text, /name="certificate_number"/)

  const number = `鲁建物2-${id}`
  const unscanned = await keyIn(id, { certificate_number: number }, { scan: false })
  assert.equal(unscanned.status, 422)
  assert.match(unscanned.text, /请上传对方决定的扫描件/)
  assert.match(unscanned.text, new RegExp(`value="${number}"`))
  const unnumbered = await keyIn(id, { certificate_number: '' })
  assert.equal(unnumbered.status, 422)
  assert.match(unnumbered.text, /请填写新证书编号/)
  const [{ number: taken }] = await live(company.id)
  const doubled = await keyIn(id, { certificate_number: taken })
  assert.equal(doubled.status, 422)
  assert.match(doubled.text, new RegExp(`证书编号 ${taken} 已登记在另一张证书上`))
  const past = await keyIn(id, { certificate_number: number, valid_until: today() })
  assert.equal(past.status, 422)
  assert.match(past.text, /证书有效期至应在今天以后/)
  assert.equal((await caseRow(id)).place, 'province')

  assert.equal((await keyIn(id, { certificate_number: number })).status, 303)
  assert.equal((await caseRow(id)).state, 'waiting')
  assert.equal((await live(company.id))[0].id, company.held, 'nothing changes before the publicity has ended')
  const publicity = await portal.db('publicities').where({ case_id: id }).first('id')
  const shown = await portal.anyone().get(`/publicity/${publicity.id}`)
  assert.match(shown.text, /二级/)
  assert.doesNotMatch(shown.text, /李大山|370100199/)

  await endPublicity(portal, id)
  assert.equal((await caseRow(id)).state, 'done')
  const certificates = await live(company.id)
  assert.equal(certificates.length, 1)
  const [{ level, issuer, approved_on, valid_until, previous_id, case_id }] = certificates
  assert.deepEqual(
    { number: certificates[0].number, level, issuer, approved_on, previous_id, case_id },
    { number, level: 'second', issuer: '山东省住房和城乡建设厅', approved_on: today(), previous_id: company.held, case_id: id },
  )
  assert.equal(valid_until, addDays(`${Number(today().slice(0, 4)) + 3}${today().slice(4)}`, -1))
  assert.equal((await portal.db('certificates').where({ id: company.held }).first('state')).state, 'replaced')
  // The province prints it, so there are no papers of ours.
  assert.equal(
    await portal.db('documents').where({ case_id: id }).whereIn('paper', ['certificate-main', 'certificate-copy']).first('id'),
    undefined,
  )
})

test('an upgrade to 一级 asks for the certificate at the ministry, where it is granted, and not at the province', async () => {
  const company = await newCompany(portal)
  await holdCertificate(portal, company.id, { level: 'second' })
  const id = await submitWhole(portal, company, 'qualification-upgrade', { ...figures, level: 'first' })
  await passAll(portal, id, { until: 'province' })
  const clerk = await portal.as('city-clerk')
  assert.doesNotMatch((await clerk.get(`/desk/cases/${id}`)).text, /name="certificate_number"/)
  await passAll(portal, id, { until: 'ministry' })
  assert.match((await clerk.get(`/desk/cases/${id}`)).text, /name="certificate_number"/)
  const until = addDays(today(), 1000)
  assert.equal(await passAll(portal, id, { conclusion: { certificate_number: `建物1-${id}`, valid_until: until } }), 'waiting')
  await endPublicity(portal, id)
  const [certificate] = await live(company.id)
  assert.deepEqual(
    [certificate.number, certificate.level, certificate.issuer, certificate.valid_until],
    [`建物1-${id}`, 'first', '中华人民共和国住房和城乡建设部', until],
  )
})

test('a number keyed in for a case before the public is not given a second time', async () => {
  const [one, other] = [await strongCompany(), await strongCompany()]
  const number = `鲁建物2-同号-${process.pid}`
  const first = await submitWhole(portal, one, 'qualification-upgrade', { ...figures, level: 'second' })
  assert.equal(await passAll(portal, first, { conclusion: { certificate_number: number } }), 'waiting')
  const second = await submitWhole(portal, other, 'qualification-upgrade', { ...figures, level: 'second' })
  await passAll(portal, second, { until: 'province' })
  const answer = await keyIn(second, { certificate_number: number })
  assert.equal(answer.status, 422)
  assert.match(answer.text, /已录入在公示中的办件/)
})

test('one document of the province grants several; a case that cannot move leaves the others their turn', async () => {
  const { moveDueCases } = await import('../src/cases/by-clock.ts')
  const companies = [await strongCompany(), await strongCompany(), await strongCompany()]
  const cases = await Promise.all(
    companies.map(company => submitWhole(portal, company, 'qualification-upgrade', { ...figures, level: 'second' })),
  )
  for (const id of cases) {
    await passAll(portal, id, { until: 'province' })
    assert.equal((await keyIn(id, { certificate_number: `鲁建物2-批-${id}`, outcome_number: '鲁建物批〔2026〕9号' })).status, 303)
  }
  // The register got the number of the first from elsewhere meanwhile.
  const [first = 0, ...others] = cases
  await holdCertificate(portal, (await newCompany(portal)).id, { number: `鲁建物2-批-${first}` })
  await portal
    .db('publicities')
    .whereIn('case_id', cases)
    .update({ ends_on: addDays(today(), -1) })
  await moveDueCases(portal.db)
  const back = await caseRow(first)
  assert.deepEqual([back.state, back.place], ['reviewing', 'province'], 'the number is keyed in anew')
  for (const id of others) {
    const row = await caseRow(id)
    assert.deepEqual([row.state, row.number], ['done', `鲁建物2-批-${id}`])
  }
  await portal
    .db('publicities')
    .where({ case_id: first })
    .update({ ends_on: addDays(today(), 30) })
})

test('while one application for a certificate runs, another is refused with its name', async () => {
  const company = await newCompany(portal)
  await holdCertificate(portal, company.id, { valid_until: addDays(today(), 100) })
  const open = await submitWhole(portal, company, 'qualification-confirm')
  for (const kind of ['qualification-upgrade', 'qualification-merge']) {
    const answer = await company.agent.post(`/desk/cases/new/${kind}`)
    assert.equal(answer.status, 409)
    assert.match(answer.text, new RegExp(`已有一件在办的三级核定（${(await caseRow(open)).serial}）`))
  }
  assert.equal(await portal.db('cases').where({ applicant_id: company.id }).whereNot({ id: open }).first('id'), undefined)
})

test('only the next level is open, and only to who holds the one before', async () => {
  const refused = async (level: string | undefined, words: RegExp, changes: { valid_until?: string | null } = {}) => {
    const company = await newCompany(portal)
    if (level) await holdCertificate(portal, company.id, { level, ...changes })
    const answer = await company.agent.post('/desk/cases/new/qualification-upgrade')
    assert.equal(answer.status, 409)
    assert.match(answer.text, words)
  }
  await refused(undefined, /贵企业没有有效的资质证书，请先办理新设立申报/)
  await refused('provisional', /是三级（暂定）。请先办理三级核定/)
  await refused('third', /已于 \d{4}-\d\d-\d\d 届满失效，不能申请升级/, { valid_until: addDays(today(), -1) })
  await refused('first', /起可以申请原等级重新核定/)
  await refused('first', /没有载明有效期/, { valid_until: null })

  const third = await strongCompany()
  const id = await startCase(third.agent, 'qualification-upgrade')
  const answer = await third.agent.post(`/desk/cases/${id}/submit`, {
    ...(await wholeForm({ ...figures, level: 'first', contact: '留住我' })),
    ...(await versionsOf(portal, id)),
  })
  assert.equal(answer.status, 422)
  assert.match(answer.text, /资质逐级申请，持有三级证书的企业可以申请二级/)
  assert.match(answer.text, /留住我/)
  assert.equal((await caseRow(id)).state, 'draft')
})

test('what will end is examined again at its own level: 二级 by an upgrade, 三级 by 三级核定, neither too early', async () => {
  const second = await newCompany(portal)
  await holdCertificate(portal, second.id, { level: 'second', valid_until: addDays(today(), 90) })
  const again = await submitWhole(portal, second, 'qualification-upgrade', { ...figures, level: 'second' })
  await passAll(portal, again, { conclusion: { certificate_number: `鲁建物2-续-${again}` } })
  await endPublicity(portal, again)
  assert.deepEqual(
    (await live(second.id)).map(({ level, number }) => [level, number]),
    [['second', `鲁建物2-续-${again}`]],
  )

  const third = await newCompany(portal)
  await holdCertificate(portal, third.id, { valid_until: addDays(today(), 181) })
  const early = await third.agent.post('/desk/cases/new/qualification-confirm')
  assert.equal(early.status, 409)
  assert.match(early.text, new RegExp(`自 ${addDays(today(), 1)} 起可以申请原等级重新核定`))
  shiftClock(day)
  const nextDay = { ...third, agent: await portal.as(third.username) }
  const id = await submitWhole(portal, nextDay, 'qualification-confirm')
  await passAll(portal, id)
  await endPublicity(portal, id)
  const [renewed] = await live(third.id)
  shiftClock(0)
  assert.deepEqual([renewed.level, renewed.case_id, renewed.number], ['third', id, (await caseRow(id)).number])
})

test('refused by the province: the applicant gets the decision on paper, and the certificate held stays', async () => {
  const company = await strongCompany()
  const id = await submitWhole(portal, company, 'qualification-upgrade', { ...figures, level: 'second' })
  await passAll(portal, id, { until: 'province' })
  const silent = await keyIn(id, { action: 'refuse', opinion: '业绩不足。' }, { scan: false })
  assert.equal(silent.status, 422)
  const answer = await keyIn(id, { action: 'refuse', opinion: '业绩不足。' })
  assert.equal(answer.status, 303, plain(answer.text))
  assert.equal((await caseRow(id)).state, 'refused')
  const page = await company.agent.get(`/desk/cases/${id}`)
  assert.match(page.text, /不予通过决定书/)
  assert.match(page.text, /业绩不足/)
  const letter: { id: number } | undefined = await portal.db('documents').where({ case_id: id, paper: 'refusal' }).first('id')
  assert.ok(letter)
  const pdf = await company.agent.raw(`/desk/cases/${id}/papers/${letter.id}.pdf`, {})
  assert.deepEqual([pdf.status, pdf.headers.get('content-type')], [200, 'application/pdf'])
  assert.equal((await live(company.id))[0].id, company.held)
  assert.equal((await company.agent.post('/desk/cases/new/qualification-upgrade')).status, 303, 'it may apply again')
})

test('new thresholds hold from their day on, for the self-check and for the staff a level asks for', async () => {
  const { settingsInForce, addSettings, editionsOf, newest } = await import('../src/cases/settings.ts')
  const { findKind } = await import('../src/cases/kind.ts')
  const { staffByLevel } = await import('../src/modules/qualification/staff.ts')
  const kind = findKind('qualification-upgrade')
  assert.ok(kind)
  const { settings } = await settingsInForce(portal.db, kind, 'second')
  const company = await strongCompany()
  const id = await startCase(company.agent, 'qualification-upgrade')
  const tomorrow = addDays(today(), 1)
  const opened = newest(await editionsOf(portal.db, kind, 'second'))?.id ?? 0
  await portal.db.transaction(
    async trx =>
      await addSettings(trx, {
        kind,
        variant: 'second',
        effective_on: tomorrow,
        settings: { ...settings, thresholds: { ...settings.thresholds, index: 106, staff: 25 } },
        opened,
        user_id: null,
      }),
  )
  const verdict = async () => {
    const { findingsFor } = await import('../src/cases/findings.ts')
    const { standingOf } = await import('../src/cases/cases.ts')
    const { workingAnswers } = await import('../src/cases/drafts.ts')
    const kase = await caseRow(id)
    const { answers } = await workingAnswers(portal.db, kase)
    const findings = await findingsFor(portal.db, await standingOf(portal.db, kase), answers, today())
    return findings.find(({ code }) => code === 'index')
  }
  assert.equal((await verdict())?.verdict, 'ok')
  assert.deepEqual((await staffByLevel(portal.db)).second, { staff: 20, titled: 10 })
  assert.match((await company.agent.get(`/desk/cases/${id}`)).text, /不低于 100%/)
  shiftClock(day)
  const later = await verdict()
  const page = await (await portal.as(company.username)).get(`/desk/cases/${id}`)
  const { second, first } = await staffByLevel(portal.db)
  shiftClock(0)
  assert.equal(later?.verdict, 'bad')
  assert.match(page.text, /不低于 106%/)
  assert.deepEqual(
    [second, first],
    [
      { staff: 25, titled: 10 },
      { staff: 30, titled: 20 },
    ],
  )
})

test('a project counts once, by its areas, else by its own type', async () => {
  const { projectAnswers } = await import('../src/modules/qualification/company.ts')
  const company = await newCompany(portal)
  await serve(company, { high_rise_area: 2 }, { contracts: 2, floor_area: 99 })
  await serve(company, {}, { property_type: 'villa', floor_area: 12_345.67 })
  const { projects, areas } = await projectAnswers(portal.db, company.id)
  assert.equal(projects.length, 2)
  assert.deepEqual(areas, [
    { type: 'high-rise', count: '1', area: '20000.00' },
    { type: 'villa', count: '1', area: '12345.67' },
  ])
})

// ── 分立、合并 ─────────────────────────────────────────────────────────────────────────────────

const partners = (...rows: { name: string; code: string; dissolved?: 'yes' | 'no' }[]) =>
  Object.fromEntries(
    rows.flatMap(({ name, code, dissolved = 'yes' }, at) => [
      [`others.${at}.name`, name],
      [`others.${at}.code`, code],
      [`others.${at}.dissolved`, dissolved],
    ]),
  )
const codeOf = async (id: number): Promise<string> => (await portal.db('organisations').where({ id }).first('code')).code

/** What the account of a company was told, in one text. */
async function messagesOf({ username }: Applicant): Promise<string> {
  const rows: { title: string; body: string | null }[] = await portal
    .db('messages')
    .join('users', 'users.id', 'messages.user_id')
    .where({ 'users.username': username })
    .orderBy('messages.id')
    .select('messages.title', 'messages.body')
  return rows.map(({ title, body }) => `${title} ${body ?? ''}`).join(' ')
}

test('吸收合并: the certificate of the company that went is cancelled, and one certificate is left', async () => {
  const [company, gone] = [await newCompany(portal), await newCompany(portal)]
  const held = await holdCertificate(portal, company.id)
  const lost = await holdCertificate(portal, gone.id)
  const id = await submitWhole(portal, company, 'qualification-merge', {
    way: 'absorb',
    registered_on: addDays(today(), -40),
    level: 'third',
    ...partners({ name: gone.name, code: (await codeOf(gone.id)).toLowerCase() }),
  })
  const row = await caseRow(id)
  assert.deepEqual([row.variant, row.late_days], ['third', 10])
  const box = await gone.agent.get('/desk/lists/cases?box=informed')
  assert.match(box.text, new RegExp(row.serial), 'the other company hears of it')
  const told = await gone.agent.get(`/desk/cases/${id}`)
  assert.equal(told.status, 200)
  assert.doesNotMatch(told.text, /370100199/, 'and does not read about people')
  const said = await messagesOf(gone)
  assert.match(said, new RegExp(`${company.name}申请吸收合并资质核定，把贵企业列为解散注销的一方`))
  assert.match(said, /资质证书 \S+ 同时注销.*联系受理的区县主管部门/)
  const officer = await portal.as('district-clerk')
  assert.match((await officer.get(`/desk/cases/${id}`)).text, new RegExp(`解散的企业已知情[\\s\\S]*${gone.name}：证书`))
  const file = await portal.db('files').where({ case_id: id, material: 'titles' }).first('id')
  assert.equal((await gone.agent.get(`/files/${file.id}`)).status, 404, 'nor what was handed in')

  await passAll(portal, id, { until: 'city-approver' })
  const approver = await portal.as('city-approver')
  const numbered = await press(portal, approver, id, 'pass', { certificate_number: 'X-1' })
  assert.equal(numbered.status, 422)
  assert.match(numbered.text, /三级证书由本市编号/)
  assert.equal(await passAll(portal, id), 'waiting')
  assert.equal((await live(gone.id)).length, 1, 'nothing ends before the publicity')
  const publicity = await portal.db('publicities').where({ case_id: id }).first('id')
  assert.match((await portal.anyone().get(`/publicity/${publicity.id}`)).text, new RegExp(`吸收合并：${gone.name}（解散）`))
  await endPublicity(portal, id)

  assert.equal((await caseRow(id)).state, 'done')
  assert.equal((await live(gone.id)).length, 0)
  const ended = await portal.db('certificates').where({ id: lost }).first()
  assert.deepEqual([ended.state, ended.ended_on], ['cancelled', today()])
  assert.match(ended.end_reason, new RegExp(`因吸收合并解散，由${company.name}重新核定资质`))
  assert.match(await messagesOf(gone), /资质证书 \S+ 已注销：因吸收合并解散/)
  const certificates = await live(company.id)
  assert.deepEqual(
    certificates.map(({ case_id, previous_id, level }) => [case_id, previous_id, level]),
    [[id, held, 'third']],
  )
  assert.equal(
    (await portal.db('documents').where({ case_id: id }).whereIn('paper', ['certificate-main', 'certificate-copy']).select())
      .length,
    2,
  )
})

test('合并到二级: the outcome of the province must bring a number', async () => {
  const [company, gone] = [await strongCompany(), await newCompany(portal)]
  await portal.db('certificates').where({ company_id: company.id, live: 1 }).delete()
  await holdCertificate(portal, company.id, { level: 'second' })
  const id = await submitWhole(portal, company, 'qualification-merge', {
    way: 'absorb',
    registered_on: today(),
    level: 'second',
    ...partners({ name: gone.name, code: await codeOf(gone.id) }),
  })
  await passAll(portal, id, { until: 'province' })
  const answer = await keyIn(id, {})
  assert.equal(answer.status, 422)
  assert.match(answer.text, /请填写发证机关核发的新证书编号/)
  const forever = await keyIn(id, { certificate_number: `鲁建物2-合-${id}`, valid_until: '9999-12-31' })
  assert.equal(forever.status, 422)
  assert.match(forever.text, /证书有效期为 3 年，最晚到/)
  await passAll(portal, id, { conclusion: { certificate_number: `鲁建物2-合-${id}` } })
  await endPublicity(portal, id)
  assert.deepEqual(
    (await live(company.id)).map(({ number, level }) => [number, level]),
    [[`鲁建物2-合-${id}`, 'second']],
  )
})

test('what is said about the other companies must fit, and what was typed stays', async () => {
  const [company, other] = [await newCompany(portal), await newCompany(portal)]
  await holdCertificate(portal, company.id)
  const [own, code] = [await codeOf(company.id), await codeOf(other.id)]
  const id = await startCase(company.agent, 'qualification-merge')
  const submit = async (fields: Record<string, string>) => {
    const answer = await company.agent.post(`/desk/cases/${id}/submit`, {
      ...(await wholeForm({ way: 'absorb', registered_on: today(), level: 'third', contact: '留住我', ...fields })),
      ...(await versionsOf(portal, id)),
    })
    assert.equal(answer.status, 422)
    assert.match(answer.text, /留住我/)
    return answer.text
  }
  assert.match(await submit({}), /请填写合并、分立的其他企业，至少 1 行/)
  assert.match(
    await submit(partners({ name: other.name, code: `${code.slice(0, 17)}${code.endsWith('0') ? '1' : '0'}` })),
    /校验码不符/,
  )
  assert.match(await submit(partners({ name: company.name, code: own })), /这是本企业的代码/)
  assert.match(await submit(partners({ name: other.name, code }, { name: other.name, code })), /这家企业已在第 1 行列出/)
  const strange = await submit(partners({ name: '另一个名字', code }))
  assert.match(strange, /名称和代码与企业档案对不上/)
  assert.doesNotMatch(strange, new RegExp(other.name), 'the archive answers no questions about others')
  assert.match(
    await submit({ level: 'second', ...partners({ name: other.name, code }) }),
    /各方持有的最高等级是三级，不能申请二级/,
  )
  assert.match(await submit(partners({ name: other.name, code, dissolved: 'no' })), /请把被吸收的企业标为“解散注销”/)
  assert.match(await submit({ way: 'found', ...partners({ name: other.name, code }) }), /新设合并由两家以上企业合并/)
  assert.match(await submit({ way: 'split-off', ...partners({ name: other.name, code }) }), /存续分立的各方都存续/)
  assert.match(
    await submit({ registered_on: addDays(today(), 1), ...partners({ name: other.name, code }) }),
    /变更登记日期还没有到/,
  )
  assert.match(await submit({ level: 'provisional', ...partners({ name: other.name, code }) }), /不申请三级（暂定）/)
  assert.equal((await caseRow(id)).state, 'draft')
})

// ── 第十一条. From here on there is a source of credit records. ──────────────────────────────────────

test('within a year of a behaviour no upgrade is begun or submitted; a 核定 is judged by the officer', async () => {
  const [barred, drafting, confirming] = [await strongCompany(), await strongCompany(), await newCompany(portal)]
  await holdCertificate(portal, confirming.id, { level: 'provisional', valid_until: addDays(today(), 100) })
  const begun = await startCase(drafting.agent, 'qualification-upgrade')
  const on = addDays(today(), -300)
  registerBehaviours({
    code: 'credit',
    label: '信用记录',
    find: async (_db, company_id, from, to) =>
      [barred.id, drafting.id, confirming.id].includes(company_id) && from <= on && on <= to
        ? [{ code: 'fund-misuse', on, where: '信用记录 2026-17' }]
        : [],
  })
  const free = freeAgainOn({ on }, 1)
  const refused = await barred.agent.post('/desk/cases/new/qualification-upgrade')
  assert.equal(refused.status, 409)
  for (const words of ['第十一条', '挪用专项维修资金', '信用记录 2026-17', `自 ${free} 起可以申请`])
    assert.ok(refused.text.includes(words), words)

  const submitted = await drafting.agent.post(`/desk/cases/${begun}/submit`, {
    ...(await wholeForm({ ...figures, level: 'second' })),
    ...(await versionsOf(portal, begun)),
  })
  assert.equal(submitted.status, 422)
  assert.match(submitted.text, /第十一条[\s\S]*挪用专项维修资金/)

  const id = await submitWhole(portal, confirming, 'qualification-confirm')
  const district = await portal.as('district-clerk')
  assert.match((await district.get(`/desk/cases/${id}`)).text, /挪用专项维修资金（信用记录 2026-17，/)

  assert.equal((await barring(portal.db, barred.id, addDays(free, -1), 1)).length, 1)
  assert.deepEqual(await barring(portal.db, barred.id, free, 1), [])
  shiftClock(daysUntil(free) * day)
  const allowed = await (await portal.as(barred.username)).post('/desk/cases/new/qualification-upgrade')
  shiftClock(0)
  assert.equal(allowed.status, 303, plain(allowed.text))
})

const daysUntil = (to: string) => Math.round((Date.parse(to) - Date.parse(today())) / day)

test('a company whose certificate the province granted is not dissolved here, and a changed name brings the case back', async () => {
  const [company, gone, above] = [await newCompany(portal), await newCompany(portal), await newCompany(portal)]
  await holdCertificate(portal, company.id)
  const lost = await holdCertificate(portal, gone.id)
  await holdCertificate(portal, above.id, { level: 'second' })
  const id = await startCase(company.agent, 'qualification-merge')
  const fields = { way: 'absorb', registered_on: today(), level: 'third' }
  const answer = await company.agent.post(`/desk/cases/${id}/submit`, {
    ...(await wholeForm({ ...fields, ...partners({ name: above.name, code: await codeOf(above.id) }) })),
    ...(await versionsOf(portal, id)),
  })
  assert.equal(answer.status, 422)
  assert.match(answer.text, /请先向发证机关办理注销（资质管理办法第十四条）/)

  const other = await submitWhole(portal, company, 'qualification-merge', {
    ...fields,
    ...partners({ name: gone.name, code: await codeOf(gone.id) }),
  })
  assert.equal(other, id)
  assert.equal(await passAll(portal, id), 'waiting')
  const name = `${gone.name}新名`
  await portal
    .db('organisations')
    .where({ id: gone.id })
    .update({ name, name_key: nameKey(name) })
  await endPublicity(portal, id)
  assert.equal((await caseRow(id)).state, 'reviewing', 'who decided looks at it again')
  assert.equal((await portal.db('certificates').where({ id: lost }).first()).state, 'valid')
})
