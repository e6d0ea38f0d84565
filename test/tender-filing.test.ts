import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { PDFParse } from 'pdf-parse'
import {
  agreementForm as agreement,
  awardForm as awarded,
  tenderForm as planned,
  threeBidders,
  tenderTicks as ticks,
} from './filing-forms.ts'
import { holdArea, newCompany, newDeveloper, newProject, type TestProject } from './filings.ts'
import { startPortal, type TestPortal } from './portal.ts'
import { type Applicant, endPublicity, passAll, plain, press, upload, versionsOf } from './qualification.ts'

/** 前期招标备案, 中标备案, 协议选聘: from the filing of the tender to its winner, with what is refused on the way. */

let portal: TestPortal
let city: Awaited<ReturnType<TestPortal['as']>>
before(async () => {
  portal = await startPortal({ demo: true })
  city = await portal.as('city-clerk')
})
after(() => portal?.stop())

const { addDays } = await import('../src/calendar.ts')
const { shiftClock, today } = await import('../src/clock.ts')
const { standardOf } = await import('../src/cases/kind.ts')
const { tenderFiling, agreedSelection } = await import('../src/modules/filings/tender-kinds.ts')
const { awardFiling } = await import('../src/modules/filings/award-kinds.ts')
const { awardOf } = await import('../src/modules/filings/tenders.ts')
afterEach(() => shiftClock(0))

const kinds = { 'tender-filing': tenderFiling, 'agreed-selection': agreedSelection, 'award-filing': awardFiling }
type Code = keyof typeof kinds

const begin = async ({ agent }: Applicant, kind: Code, project_id?: number) =>
  await agent.post(`/desk/cases/new/${kind}`, project_id ? { subject_id: String(project_id) } : {})

/** A draft with all its papers. */
async function drafted(applicant: Applicant, kind: Code, project: TestProject): Promise<number> {
  const answer = await begin(applicant, kind, project.id)
  assert.equal(answer.status, 303, plain(answer.text))
  const id = Number(/\/desk\/cases\/(\d+)/.exec(answer.location ?? '')?.[1])
  for (const material of standardOf(kinds[kind]).materials.filter(({ required }) => required)) {
    const put = await upload(applicant.agent, id, material.code)
    assert.equal(put.status, 303, `${material.code}: ${await put.text()}`)
  }
  return id
}

const submit = async ({ agent }: Applicant, id: number, fields: Record<string, string>) =>
  await agent.post(`/desk/cases/${id}/submit`, { ...fields, ...(await versionsOf(portal, id)) })

async function ready() {
  const developer = await newDeveloper(portal)
  const project = await newProject(portal, developer.id)
  await holdArea(portal, project.id)
  return { developer, project }
}

const again = async (applicant: Applicant): Promise<Applicant> => ({ ...applicant, agent: await portal.as(applicant.username) })
const later = (days: number) => shiftClock(days * 86_400_000)
const caseRow = (id: number) => portal.db('cases').where({ id }).first()
const tenderOf = (project_id: number) => portal.db('tenders').where({ project_id }).orderBy('id', 'desc').first()
const standing = async (case_id: number) => {
  const { code } = await portal.db('documents').where({ case_id, paper: 'proof' }).orderBy('id', 'desc').first('code')
  return plain((await portal.anyone().get(`/verify/${code}`)).text)
}

/** A tender filed and announced whose bids can be opened today. */
async function filedTender(changes: Record<string, string> = {}) {
  const { developer, project } = await ready()
  const id = await drafted(developer, 'tender-filing', project)
  const answer = await submit(developer, id, planned(changes))
  assert.equal(answer.status, 303, plain(answer.text))
  assert.equal(await passAll(portal, id, { conclusion: ticks }), 'done')
  return { developer, project, id }
}

/** A tender whose bids closed some days ago. */
async function closedTender(days = 3) {
  const filed = await filedTender()
  await portal
    .db('tenders')
    .where({ project_id: filed.project.id })
    .update({
      announce_on: addDays(today(), -days - 20),
      documents_from: addDays(today(), -days - 20),
      bids_until: addDays(today(), -days),
      opens_on: addDays(today(), -days),
    })
  return { ...filed, ...(await threeBidders(portal)) }
}

test('a tender is refused back to 未提交 with the opinion shown, planned anew, filed, proved and drafted for the public', async () => {
  const { developer, project } = await ready()
  const id = await drafted(developer, 'tender-filing', project)
  const form = await developer.agent.get(`/desk/cases/${id}`)
  assert.ok(form.text.includes(addDays(today(), 10)), 'the earliest lawful day stands on the form')
  assert.equal((await submit(developer, id, planned())).status, 303)
  assert.equal((await press(portal, city, id, 'accept')).status, 303)
  const district = await portal.db('organisations').where({ kind: 'district', district_code: '370102' }).first('id')
  assert.ok(
    await portal.db('case_parties').where({ case_id: id, role: 'informed', organisation_id: district.id }).first(),
    'the district is told',
  )
  assert.equal((await press(portal, city, id, 'pass')).status, 303)
  const reviewer = await portal.as('city-reviewer')
  assert.equal((await press(portal, reviewer, id, 'pass')).status, 422, 'nothing is ticked')
  const opinion = '招标文件没有写明评标标准，请补充。'
  assert.equal((await press(portal, reviewer, id, 'refuse', { opinion })).status, 303)
  assert.equal((await caseRow(id)).state, 'draft')
  assert.ok((await developer.agent.get(`/desk/cases/${id}`)).text.includes(opinion))
  assert.equal(await tenderOf(project.id), undefined)

  later(1)
  const back = await again(developer)
  const stale = await submit(back, id, planned({ announce_on: addDays(today(), 9), documents_from: addDays(today(), 9) }))
  assert.equal(stale.status, 422)
  assert.ok(plain(stale.text).includes(`最早 ${addDays(today(), 10)}`), 'counted from the new submission')
  assert.equal((await submit(back, id, planned())).status, 303)
  assert.equal(await passAll(portal, id, { conclusion: ticks }), 'done')

  const { number } = await caseRow(id)
  assert.match(number, /^济物招备〔\d{4}〕\d{4}号$/)
  const tender = await tenderOf(project.id)
  assert.deepEqual(
    [tender.state, tender.number, tender.method, tender.committee_size, tender.opens_at],
    ['tendering', number, 'open', 5, '09:30'],
  )
  assert.equal((await portal.db('projects').where({ id: project.id }).first('stage')).stage, 'tendering')
  const article = await portal
    .db('articles')
    .where({ source: `tender:${tender.id}` })
    .first()
  assert.deepEqual([article.column_code, article.state], ['tenders', 'draft'])
  assert.ok(article.body.includes(number) && !article.body.includes('赵小禾'), 'without persons')
  assert.match(await standing(id), /有效/)
  assert.equal((await begin(back, 'tender-filing', project.id)).status, 409, 'a second tender does not begin')
})

test('what the law forbids stands beside its field, and nothing typed is lost', async () => {
  const { developer, project } = await ready()
  const id = await drafted(developer, 'tender-filing', project)
  const closing = addDays(today(), 30)
  for (const [changes, words] of [
    [{ announce_on: addDays(today(), 9), documents_from: addDays(today(), 9) }, /最早 \d{4}-\d\d-\d\d（.*第十一条/],
    [{ bids_until: addDays(closing, -1), opens_on: addDays(closing, -1), clarify_until: addDays(closing, -20) }, /第十四条/],
    [{ bids_until: addDays(today(), 12), opens_on: addDays(today(), 12), clarify_until: addDays(today(), 11) }, /第十四条/],
    [{ documents_until: addDays(today(), 9) }, /早于开始日期/],
    [{ clarify_until: addDays(closing, -14) }, /第十五条/],
    [{ opens_on: addDays(closing, 1) }, /招标投标法第三十四条/],
    [{ valid_until: addDays(closing, 30) }, /第三十六条/],
    [{ committee_size: '4', experts: '4' }, /第二十八条/],
    [{ committee_size: '7', experts: '4' }, /不少于三分之二，即 5 人/],
    [{ fee: '-1' }, /拟定收费标准请填写/],
    [{ fee: '180' }, /拟定收费标准请填写/],
    [{ opens_at: '25:00' }, /09:30 这样的时间/],
    [{ method: 'invited' }, /3 个以上/],
    [{ method: 'agreed' }, /招标方式不在可选范围内/],
    [{ organising: 'agency' }, /委托代理合同/],
    [{ prequalification: 'yes', prequalified_count: '4' }, /不少于 5 家/],
    [{ media: '' }, /请填写公告媒体/],
  ] as const) {
    const answer = await submit(developer, id, planned(changes))
    assert.equal(answer.status, 422, JSON.stringify(changes))
    assert.match(answer.text, words, JSON.stringify(changes))
    assert.ok(answer.text.includes('市公共资源交易中心三楼'), 'what was typed is there')
  }
  assert.equal((await caseRow(id)).state, 'draft')
})

test('no tender before the area is divided, none for the project of another', async () => {
  const developer = await newDeveloper(portal)
  const bare = await newProject(portal, developer.id)
  for (const kind of ['tender-filing', 'agreed-selection'] as const) {
    const undivided = await begin(developer, kind, bare.id)
    assert.equal(undivided.status, 409)
    assert.match(undivided.text, /还没有登记物业服务区域/)
  }
  const { project } = await ready()
  for (const kind of ['tender-filing', 'agreed-selection', 'award-filing'] as const)
    assert.equal((await begin(developer, kind, project.id)).status, 404, 'it does not even learn of it')
  assert.equal((await begin(developer, 'award-filing', bare.id)).status, 409, 'nothing to award')
  assert.equal((await begin(await newCompany(portal), 'tender-filing', project.id)).status, 403)
})

test('two windows that begin and submit at once make one tender', async () => {
  const { developer, project } = await ready()
  const [one, other] = await Promise.all([
    begin(developer, 'tender-filing', project.id),
    begin(developer, 'tender-filing', project.id),
  ])
  assert.equal(one.location, other.location)
  assert.equal((await begin(developer, 'agreed-selection', project.id)).status, 409, 'nor an agreement beside it')
  const id = await drafted(developer, 'tender-filing', project)
  const fields = { ...planned(), ...(await versionsOf(portal, id)) }
  const both = await Promise.all([1, 2].map(() => developer.agent.post(`/desk/cases/${id}/submit`, fields)))
  assert.deepEqual(
    both.map(({ status }) => status),
    [303, 303],
  )
  assert.equal((await caseRow(id)).edition, 1)
})

test('an invited tender names its bidders and announces nothing', async () => {
  const { bidders, codes } = await threeBidders(portal)
  const rows = Object.fromEntries(
    bidders.flatMap(({ name }, n) => [
      [`invitees.${n}.name`, name],
      [`invitees.${n}.code`, codes[n] ?? ''],
    ]),
  )
  const { project } = await filedTender({ method: 'invited', media: '', ...rows })
  const tender = await tenderOf(project.id)
  const bids = await portal.db('tender_bids').where({ tender_id: tender.id }).orderBy('id')
  assert.deepEqual(
    bids.map(({ company_id, state }: { company_id: number; state: string }) => [company_id, state]),
    bidders.map(({ id }) => [id, 'invited']),
  )
  assert.equal(
    await portal
      .db('articles')
      .where({ source: `tender:${tender.id}` })
      .first(),
    undefined,
  )
})

test('the award goes before the public, enters the register with its bids, and tells both to sign within thirty days', async () => {
  const { developer, project, bidders, codes } = await closedTender()
  const id = await drafted(developer, 'award-filing', project)
  const answer = await submit(developer, id, awarded(bidders, codes))
  assert.equal(answer.status, 303, plain(answer.text))
  assert.equal(await passAll(portal, id), 'waiting')
  const shown = await portal.db('publicities').where({ case_id: id }).first()
  assert.ok(shown.facts.includes(bidders[0]?.name) && !shown.facts.includes('试乙'), 'candidates, no persons')
  assert.equal((await tenderOf(project.id)).state, 'tendering')
  assert.equal(await awardOf(portal.db, project.id), undefined)
  await endPublicity(portal, id)

  const { state, number, late_days } = await caseRow(id)
  assert.deepEqual([state, late_days], ['done', 0])
  assert.match(number, /^济物中备〔\d{4}〕\d{4}号$/)
  const tender = await tenderOf(project.id)
  assert.deepEqual(
    [tender.state, tender.award_number, tender.winner_id, tender.price, tender.awarded_on],
    ['awarded', number, bidders[0]?.id, '1.70', addDays(today(), -1)],
  )
  assert.equal((await awardOf(portal.db, project.id))?.winner_id, bidders[0]?.id)
  const bids = await portal.db('tender_bids').where({ tender_id: tender.id }).orderBy('standing')
  assert.deepEqual(
    bids.map(({ name, score }: { name: string; score: string }) => [name, Number(score)]),
    bidders.map(({ name }, n) => [name, 95 - n]),
  )
  assert.equal((await portal.db('tender_judges').where({ tender_id: tender.id, state: 'present' })).length, 5)
  for (const { id: organisation_id } of [developer, bidders[0]].filter(one => one !== undefined)) {
    const told = await portal
      .db('messages')
      .join('users', 'users.id', 'messages.user_id')
      .where({ 'users.organisation_id': organisation_id })
      .where('messages.title', 'like', '%签订前期物业服务合同%')
      .first('messages.title')
    assert.ok(told, `${organisation_id} is told to sign`)
  }
  assert.equal(
    (
      await portal
        .db('articles')
        .where({ source: `tender-award:${tender.id}` })
        .first()
    ).column_code,
    'awards',
  )
  assert.match(await standing(id), /有效/)
})

test('an award that cannot be stands beside its field', async () => {
  const { developer, project, bidders, codes } = await closedTender()
  const { bidders: strangers, codes: others } = await threeBidders(portal)
  const id = await drafted(developer, 'award-filing', project)
  const nobody = '91370102MA3TEST00X'
  for (const [changes, words] of [
    [{ winner: strangers[0]?.name ?? '' }, /不在投标人里，不能中标/],
    [{ 'bids.0.standing': '', 'bids.1.standing': '1', 'bids.2.standing': '2' }, /不是中标候选人/],
    [{ 'bids.2.standing': '4' }, /不超过 3 名/],
    [{ 'bids.2.standing': '2' }, /有两家排名第 2/],
    [{ 'bids.2.state': 'rejected' }, /少于 3 家，应当流标/],
    [{ 'bids.1.name': bidders[2]?.name ?? '' }, /前面已有一行|名录里这个代码的企业是/],
    [{ 'bids.1.code': nobody }, /统一社会信用代码/],
    [{ 'bids.1.code': others[0] ?? '' }, /名录里这个代码的企业是/],
    [{ price: '1.69' }, /与.*报价 1.70 元不一致/],
    [{ price: '-1.70' }, /中标价请填写/],
    [{ 'bids.1.price': '9999' }, /报价请填写/],
    [{ opened_on: addDays(today(), -4) }, /早于投标截止日期/],
    [{ fixed_on: addDays(today(), -5) }, /早于开标日期/],
    [{ noticed_on: addDays(today(), 1) }, /还没有到/],
    [{ noticed_on: addDays(today(), -3) }, /早于确定中标人的日期/],
    [{ 'judges.1.sort': 'tenderer' }, /不少于三分之二/],
    [{ 'judges.4.name': '', 'judges.4.sort': '' }, /5 人以上的单数/],
  ] as const) {
    const answer = await submit(developer, id, awarded(bidders, codes, changes))
    assert.equal(answer.status, 422, JSON.stringify(changes))
    assert.match(answer.text, words, JSON.stringify(changes))
    assert.ok(answer.text.includes('综合得分第一。'), 'what was typed is there')
  }
})

test('a winner on no list of companies has to be entered there first', async () => {
  const { developer, project, bidders, codes } = await closedTender()
  const [first] = bidders
  await portal.db('organisations').where({ id: first?.id }).update({ kind: 'developer' })
  const id = await drafted(developer, 'award-filing', project)
  const answer = await submit(developer, id, awarded(bidders, codes))
  assert.equal(answer.status, 422)
  assert.match(answer.text, /企业名录里没有/)
})

test('an award filed after its last day is accepted with a reason and flagged', async () => {
  const { developer, project, bidders, codes } = await closedTender(41)
  const id = await drafted(developer, 'award-filing', project)
  const dates = { opened_on: addDays(today(), -41), fixed_on: addDays(today(), -40), noticed_on: addDays(today(), -39) }
  const silent = await submit(developer, id, awarded(bidders, codes, dates))
  assert.equal(silent.status, 422)
  assert.match(silent.text, /最后备案日是/)
  const told = await submit(developer, id, awarded(bidders, codes, { ...dates, late_reason: '经办人员更换，交接不及时。' }))
  assert.equal(told.status, 303, plain(told.text))
  const { late_days } = await caseRow(id)
  assert.ok(late_days > 0 && late_days <= 25, `${late_days}: fifteen days, and more where the last is a day of rest`)
})

test('too few bids fail the tender: the project waits again, and the district may approve an agreement', async () => {
  const { developer, project, bidders, codes } = await closedTender(1)
  const tender = await tenderOf(project.id)
  const failed = await developer.agent.post(`/desk/tenders/${tender.id}/open`, { version: String(tender.version) })
  assert.equal(failed.status, 303, plain(failed.text))
  assert.equal((await tenderOf(project.id)).state, 'failed')
  assert.equal((await portal.db('projects').where({ id: project.id }).first('stage')).stage, 'divided')
  assert.ok(
    await portal
      .db('articles')
      .where({ source: `tender-failed:${tender.id}` })
      .first(),
    '流标公告 is drafted',
  )

  const [company] = bidders
  assert.ok(company)
  const id = await drafted(developer, 'agreed-selection', project)
  const unknown = await submit(developer, id, agreement({ ...company, name: '济南无名物业服务有限公司' }, codes[0] ?? ''))
  assert.equal(unknown.status, 422)
  assert.match(unknown.text, /名录里这个代码的企业是/)
  assert.equal((await submit(developer, id, agreement(company, codes[0] ?? ''))).status, 303)
  assert.equal((await press(portal, city, id, 'accept')).status, 403, 'the city does not decide it')
  assert.equal(await passAll(portal, id), 'done')
  const next = await tenderOf(project.id)
  assert.deepEqual([next.state, next.previous_id, next.winner_id], ['agreed', tender.id, company.id])
  assert.equal((await awardOf(portal.db, project.id))?.id, next.id)
  assert.match(await standing(id), /有效/)
})

test('without a failed tender only a small project with homes may agree', async () => {
  const { bidders, codes } = await threeBidders(portal)
  const [company] = bidders
  assert.ok(company)
  for (const [changes, isSmall] of [
    [{ floor_area: '30000.00' }, true],
    [{ floor_area: '30000.01' }, false],
    [{ floor_area: '20000.00', property_type: 'office' }, false],
  ] as const) {
    const developer = await newDeveloper(portal)
    const project = await newProject(portal, developer.id, changes)
    await holdArea(portal, project.id)
    const id = await drafted(developer, 'agreed-selection', project)
    const few = await submit(developer, id, agreement(company, codes[0] ?? ''))
    assert.equal(few.status, 422)
    assert.match(few.text, /没有流标的招标/)
    const small = await submit(developer, id, agreement(company, codes[0] ?? '', { reason: 'small' }))
    assert.equal(small.status, isSmall ? 303 : 422, plain(small.text))
    if (!isSmall) assert.match(small.text, /应当招标/)
  }
})

test('the proofs of picked tenders are printed into one file, each with its code, each in the log; what came from elsewhere has none', async () => {
  const filed = [await filedTender(), await filedTender()]
  const tenders = await Promise.all(filed.map(({ project }) => tenderOf(project.id)))
  const picked = { do: 'print-proofs', query: '', key: tenders.map(({ id }) => String(id)) }
  const log = async () => (await portal.db('action_log').where({ action: 'document.print' }).pluck('id')).length
  const before = await log()
  const answer = await city.raw('/desk/lists/tenders/picked', {
    method: 'POST',
    headers: { origin: city.base, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams([
      ['do', picked.do],
      ['query', ''],
      ...picked.key.map((id): [string, string] => ['key', id]),
    ]).toString(),
  })
  assert.equal(answer.status, 200)
  const parser = new PDFParse({ data: new Uint8Array(await answer.arrayBuffer()) })
  const { total, text } = await parser.getText()
  await parser.destroy()
  assert.equal(total, 2)
  for (const { number } of tenders) assert.ok(text.replace(/\s+/g, '').includes(number))
  assert.equal((await log()) - before, 2)

  const { developer, project } = await ready()
  const [imported = 0] = await portal.db('tenders').insert({
    project_id: project.id,
    developer_id: developer.id,
    state: 'tendering',
    method: 'open',
    organising: 'self',
    number: `济物招备〔2019〕T${project.id}号`,
    filed_on: '2019-01-01',
    district_code: '370102',
    street_code: '370102010',
    floor_area: '1000.00',
    created_at: new Date(),
    updated_at: new Date(),
  })
  const none = await city.post('/desk/lists/tenders/picked', { ...picked, key: [String(imported)] })
  assert.equal(none.status, 409)
  assert.match(none.text, /没有电子证明/)
})
