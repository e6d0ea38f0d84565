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
  startCase,
  submitWhole,
  upload,
  versionsOf,
} from './qualification.ts'

/** What two approvals may not do to each other, and what becomes of an application nobody corrects. */

let portal: TestPortal
before(async () => {
  portal = await startPortal({ demo: true })
})
after(async () => {
  shiftClock(0)
  await portal?.stop()
})

const { addDays } = await import('../src/calendar.ts')
const { moveDueCases } = await import('../src/cases/by-clock.ts')
const { checkHistory } = await import('../src/cases/check-history.ts')
const { now, shiftClock, today } = await import('../src/clock.ts')

const day = 86_400_000
const caseOf = (id: number) => portal.db('cases').where({ id }).first()
const archiveOf = (id: number) => portal.db('companies').where({ id }).first()

/** A company whose archive is a year old. */
async function givenCompany(): Promise<Applicant> {
  const company = await newCompany(portal)
  const created_at = new Date(now().getTime() - 365 * day)
  await portal.db('companies').where({ id: company.id }).update({ capital: '200.00', created_at })
  await portal.db('organisations').where({ id: company.id }).update({ created_at })
  return company
}

const papers = {
  'company-change': ['application-form', 'business-licence', 'registration-notice'],
  'qualification-change': ['application-form', 'business-licence', 'registration-notice', 'office', 'old-certificate', 'pledge'],
  'qualification-reissue': ['application-form', 'newspaper', 'business-licence', 'pledge'],
} as const

async function put(agent: Agent, id: number, fields: Record<string, string>) {
  const posted = { changed_on: today(), pledge: 'on', ...(await versionsOf(portal, id)), ...fields }
  return await agent.post(`/desk/cases/${id}/submit`, posted)
}

/** A draft with its papers. */
async function drafted({ agent }: Applicant, kind: keyof typeof papers): Promise<number> {
  const id = await startCase(agent, kind)
  for (const material of papers[kind]) assert.equal((await upload(agent, id, material)).status, 303)
  return id
}

async function handIn(company: Applicant, kind: keyof typeof papers, fields: Record<string, string>): Promise<number> {
  const id = await drafted(company, kind)
  const answer = await put(company.agent, id, fields)
  assert.equal(answer.status, 303, plain(answer.text))
  return id
}

test('an approval does not overwrite what the archive has learnt since the application', async () => {
  const company = await givenCompany()
  await holdCertificate(portal, company.id)
  const older = await handIn(company, 'qualification-change', { registered_address: '历下区旧申请路1号' })
  await passAll(portal, older, { until: 'city' })
  const newer = await handIn(company, 'company-change', { registered_address: '历下区新申请路2号' })
  assert.equal(await passAll(portal, newer), 'done')

  const reviewer = await portal.as('city-reviewer')
  const late = await press(portal, reviewer, older, 'pass')

  assert.equal(late.status, 409)
  assert.match(late.text, /企业档案的“注册地址”已经变更/)
  assert.equal((await archiveOf(company.id)).registered_address, '历下区新申请路2号')
  assert.equal((await caseOf(older)).state, 'reviewing')
  // The way out that the sentence names: back to the applicant, whose form then says what is registered now.
  assert.equal((await press(portal, reviewer, older, 'refuse', { opinion: '档案已变更，请核对后重新提交。' })).status, 303)
  assert.equal((await put(company.agent, older, { registered_address: '历下区旧申请路1号' })).status, 303)
  assert.equal(await passAll(portal, older), 'done')
  assert.equal((await archiveOf(company.id)).registered_address, '历下区旧申请路1号')
})

test('what another application has changed elsewhere in the archive does not stand in the way', async () => {
  const company = await givenCompany()
  await holdCertificate(portal, company.id)
  const older = await handIn(company, 'qualification-change', { registered_address: '历下区旧申请路1号' })
  const newer = await handIn(company, 'company-change', { capital: '300' })
  assert.equal(await passAll(portal, newer), 'done')
  assert.equal(await passAll(portal, older), 'done')
  const { registered_address, capital } = await archiveOf(company.id)
  assert.deepEqual([registered_address, capital], ['历下区旧申请路1号', '300.00'])
})

test('of two approvals at once that give the same name one passes, and the other says why it cannot', async () => {
  const companies = [await givenCompany(), await givenCompany()]
  const name = '济南同名物业服务有限公司'
  const pressed: [Agent, number][] = []
  for (const company of companies) {
    await holdCertificate(portal, company.id)
    // A kind without a number of its own: a common counter would make them wait for each other.
    const id = await handIn(company, 'qualification-change', { name })
    await passAll(portal, id, { until: 'city' })
    // One sign-in each: requests of one session follow one another.
    pressed.push([await portal.as('city-reviewer'), id])
  }
  // Both archives are held until both approvals stand before a lock, so neither is over when the other begins.
  const holding = await portal.db.transaction()
  await holding('companies')
    .whereIn(
      'id',
      companies.map(({ id }) => id),
    )
    .forUpdate()
    .select('id')
  const both = Promise.all(pressed.map(([reviewer, id]) => press(portal, reviewer, id, 'pass')))
  const waiting = async () => {
    const [rows] = await portal.db.raw(
      "select count(*) as n from information_schema.processlist where db = database() and info like '%for update%' and info not like '%processlist%'",
    )
    return Number(rows[0].n)
  }
  const until = Date.now() + 8000
  while ((await waiting()) < 2 && Date.now() < until) await new Promise(resolve => setImmediate(resolve))
  await holding.commit()

  const answers = await both

  assert.deepEqual(answers.map(({ status }) => status).sort(), [303, 409])
  assert.match(answers.find(({ status }) => status === 409)?.text ?? '', /现在不能通过：已有名称为/)
  assert.equal((await portal.db('organisations').where({ name })).length, 1)
})

test('one notice in a newspaper serves one reissue: for the next loss there must be another', async () => {
  const company = await givenCompany()
  const first = await submitWhole(portal, company)
  await passAll(portal, first)
  await endPublicity(portal, first)
  shiftClock(20 * day)
  company.agent = await portal.as(company.username)
  const notice_on = addDays(today(), -15)
  const fields = { papers: 'both', newspaper: '济南日报', notice_page: 'A07 版', notice_on }
  assert.equal(await passAll(portal, await handIn(company, 'qualification-reissue', fields)), 'done')
  shiftClock(40 * day)
  company.agent = await portal.as(company.username)

  const again = await drafted(company, 'qualification-reissue')
  const refused = await put(company.agent, again, fields)
  assert.equal(refused.status, 422)
  assert.match(refused.text, /每次遗失都要另行登报声明（资质管理办法第十三条）/)
  assert.match(refused.text, /name="newspaper"[^>]*value="济南日报"/)
  assert.equal((await put(company.agent, again, { ...fields, notice_on: addDays(today(), -15) })).status, 303)
  shiftClock(0)
})

test('a certificate from before the portal is changed although the archive was opened the day it changed', async () => {
  const company = await newCompany(portal)
  await holdCertificate(portal, company.id)
  const id = await handIn(company, 'qualification-change', { registered_address: '历下区新址路3号' })
  assert.equal(await passAll(portal, id), 'done')
  const [edition] = await portal.db('certificate_editions').where({ case_id: id })
  assert.deepEqual(JSON.parse(edition.facts).changes, [
    { on: today(), item: '住所', before: '历下区试验路1号', after: '历下区新址路3号' },
  ])
})

test('an application nobody corrects: warned of five working days before, and taken for withdrawn after the last day', async () => {
  const company = await givenCompany()
  const id = await handIn(company, 'company-change', { capital: '500' })
  const clerk = await portal.as('district-clerk')
  const asked = await press(portal, clerk, id, 'correct', { item: 'field.capital', 'words.field.capital': '请核对。' })
  assert.equal(asked.status, 303, plain(asked.text))
  const { held_since } = await caseOf(id)
  const { workCalendar } = await import('../src/calendar.ts')
  const calendar = await workCalendar(portal.db)
  const { dayOf } = await import('../src/clock.ts')
  const last = calendar.dueOn(dayOf(held_since), { limit: 30, unit: 'calendar-day' })
  const daysTo = (to: string) => Math.round((Date.parse(to) - Date.parse(dayOf(held_since))) / day)
  const said = `${Number(last.slice(0, 4))}年${Number(last.slice(5, 7))}月${Number(last.slice(8))}日`
  for (const agent of [company.agent, clerk]) {
    const page = await agent.get(`/desk/cases/${id}`)
    assert.match(page.text, /逾期未补正视为撤回/)
    assert.ok(page.text.includes(said) || page.text.includes(last), 'the page names the last day')
  }
  const warned = () => portal.db('messages').where({ case_id: id }).where('title', 'like', '%还没有补正%')

  await moveDueCases(portal.db)
  assert.equal((await warned()).length, 0)
  let early = last
  while (calendar.workdaysBetween(early, last) < 5) early = addDays(early, -1)
  shiftClock(daysTo(early) * day)
  await moveDueCases(portal.db)
  await moveDueCases(portal.db)
  assert.deepEqual(
    (await warned()).map(({ title }) => title),
    [`您的企业档案变更申请还没有补正，请在 ${said} 前提交；到期没有提交的，视为撤回申请。`],
  )
  shiftClock(daysTo(last) * day)
  await moveDueCases(portal.db)
  assert.equal((await caseOf(id)).state, 'supplement', 'the last day is still the applicant’s')

  shiftClock(daysTo(addDays(last, 1)) * day)
  await moveDueCases(portal.db)

  const { state, open_key, closed_at, holder_id } = await caseOf(id)
  assert.deepEqual([state, open_key, closed_at !== null, holder_id], ['withdrawn', null, true, null])
  const line = await portal.db('case_history').where({ case_id: id }).orderBy('sequence', 'desc').first()
  assert.deepEqual([line.step, line.user_name], ['abandon', '系统'])
  company.agent = await portal.as(company.username)
  assert.match((await company.agent.get(`/desk/cases/${id}`)).text, /逾期未补正，视为撤回申请。/)
  const told = await portal.db('messages').where({ case_id: id }).where('title', 'like', '%视为撤回申请，不再办理%')
  assert.equal(told.length, 1)
  assert.equal((await company.agent.post('/desk/cases/new/company-change')).status, 303, 'the matter is free again')
  assert.deepEqual((await checkHistory(portal.db)).faults, [])
})
