import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Agent, type Answer, startPortal, type TestPortal } from './portal.ts'
import { newUser, plain } from './qualification.ts'

/** 抢办: who is second reads who was first, nothing is done twice or by half, and no number is lost. */

let portal: TestPortal
let officers: Agent[]
let rows: typeof import('./case-rows.ts')
let checks: typeof import('./case-checks.ts')
let kinds: { trial: typeof import('./case-kind.ts').trial; qualification: import('../src/cases/kind.ts').Kind }
const past: import('./case-checks.ts').Past[] = []
before(async () => {
  portal = await startPortal({ demo: true })
  rows = await import('./case-rows.ts')
  checks = await import('./case-checks.ts')
  const { findKind, registerKinds } = await import('../src/cases/kind.ts')
  const { trial } = await import('./case-kind.ts')
  registerKinds(trial)
  const qualification = findKind('qualification-new')
  assert.ok(qualification)
  kinds = { trial, qualification }
  const names = await rows.writeOfficers(portal.db, { role: 'city-approver', count: 20 })
  officers = await Promise.all(names.map(name => portal.as(name)))
})
after(async () => await portal.stop())

const year = new Date().getFullYear()
const caseRow = async (id: number) => await portal.db('cases').where({ id }).first()
const linesOf = async (id: number) => await portal.db('case_history').where({ case_id: id }).orderBy('sequence')

/** Cases at a place of the real kind, or of the trial, one of each company. */
async function given(place: string, count: number, { kind = kinds.qualification, failEvery = 0, signIn = false } = {}) {
  const { standardOf } = await import('../src/cases/kind.ts')
  const { trialAnswers } = await import('./case-kind.ts')
  const companies = await rows.writeCompanies(portal.db, { count, signIn, district: '370102' })
  const way = rows.waysThrough(standardOf(kind))[place]
  assert.ok(way, place)
  const written = await checks.writePast(portal.db, () =>
    rows.writeCases(portal.db, {
      kind,
      companies,
      way: () => way,
      answers: (company, at) =>
        kind === kinds.trial ? trialAnswers(at, failEvery || undefined) : rows.qualificationAnswers(company),
    }),
  )
  past.push(written.past)
  return { ids: written.made, companies }
}

async function press(agent: Agent | undefined, id: number, fields: Record<string, string>): Promise<Answer> {
  assert.ok(agent)
  return await agent.post(`/desk/cases/${id}/steps`, fields)
}

const statuses = (answers: readonly Answer[]) => answers.map(({ status }) => status).sort()
const is = (status: number) => (answer: Answer) => answer.status === status

async function assertWhole() {
  assert.deepEqual(await checks.caseFaults(portal.db, ...past), [])
}

test('two officers decide the same version at once: one does, the other reads who did what and keeps what was typed', async () => {
  const { ids } = await given('city-approver', 6)
  const { version } = await caseRow(ids[0] ?? 0)
  const names = new Map<string, string>()
  for (const agent of officers.slice(0, 2)) names.set(agent === officers[0] ? 'pass' : 'refuse', await nameOf(agent))

  for (const [turn, id] of ids.entries()) {
    const pass = () => press(officers[0], id, { action: 'pass', version, opinion: `同意批准，甲 ${id}。` })
    const refuse = () => press(officers[1], id, { action: 'refuse', version, opinion: `证书存疑，乙 ${id}。` })
    // By turns the one and the other sends first.
    const answers = await Promise.all(turn % 2 ? [pass(), refuse()] : [refuse(), pass()])

    assert.deepEqual(statuses(answers), [303, 409], plain(answers.map(answer => answer.text).join(' ')))
    const after = await caseRow(id)
    const won = after.state === 'waiting' ? 'pass' : 'refuse'
    const loser = answers.find(is(409))?.text ?? ''
    assert.match(loser, new RegExp(`${names.get(won)}（市局审批）已于 .* 办理“${won === 'pass' ? '通过' : '不通过'}”`))
    assert.match(loser, new RegExp(`现在是“${won === 'pass' ? '公示中' : '不予通过'}”`))
    assert.match(loser, won === 'pass' ? new RegExp(`证书存疑，乙 ${id}。`) : new RegExp(`同意批准，甲 ${id}。`))
    assert.equal(after.version, version + 1)
    assert.equal((await linesOf(id)).filter(line => line.case_version === version).length, 1)
    const kept: string[] = await portal.db('case_payloads').where({ case_id: id, sort: 'step' }).pluck('body')
    assert.equal(
      kept.some(body => body.includes(won === 'pass' ? '存疑' : '同意批准，甲')),
      false,
      'the opinion of the second is nowhere',
    )
  }
  await assertWhole()
})

test('the same officer who presses twice has decided once', async () => {
  const { ids } = await given('approval', 6, { kind: kinds.trial })
  const { version } = await caseRow(ids[0] ?? 0)

  for (const id of ids) {
    const fields = { action: 'pass', version, opinion: '同意。' }
    const answers = await Promise.all([press(officers[0], id, fields), press(officers[0], id, fields)])

    assert.deepEqual(statuses(answers), [303, 303])
    assert.equal((await linesOf(id)).filter(line => line.step === 'pass').length, 1)
  }
  await assertWhole()
})

test('twenty approvals at once, every fourth undone at its very end: no number twice, none left out', async () => {
  const { ids } = await given('approval', 20, { kind: kinds.trial, failEvery: 4 })
  const { version } = await caseRow(ids[0] ?? 0)
  const before = await Promise.all(ids.map(caseRow))

  const answers = await Promise.all(ids.map((id, at) => press(officers[at], id, { action: 'pass', version, opinion: '同意。' })))

  const after = await Promise.all(ids.map(caseRow))
  for (const [at, answer] of answers.entries()) {
    const fails = at % 4 === 3
    assert.equal(answer.status, fails ? 500 : 303, plain(answer.text))
    if (fails) assert.deepEqual(after[at], before[at], 'what was undone has changed nothing')
    else assert.equal(after[at]?.state, 'done')
  }
  const numbers = after.map(row => row.number).filter(Boolean)
  assert.equal(new Set(numbers).size, 15)
  assert.equal(await checks.numberFault(portal.db, `试核〔${year}〕`), undefined)
  await assertWhole()
})

test('one application sent twice at once is one edition, and both are told that it is in', async () => {
  const { ids, companies } = await given('draft', 12, { kind: kinds.trial, signIn: true })
  const applicants = await Promise.all(companies.map(({ username }) => portal.as(username)))
  const form = { version: '1', draft_version: '1', matter: '同时按了两次' }

  const pairs = await Promise.all(
    ids.map(async (id, at) => {
      const send = () => applicants[at]?.post(`/desk/cases/${id}/submit`, form)
      return await Promise.all([send(), send()])
    }),
  )

  for (const [at, pair] of pairs.entries()) {
    assert.deepEqual(
      pair.map(answer => answer?.status),
      [303, 303],
      plain(pair.map(answer => answer?.text).join(' ')),
    )
    const kase = await caseRow(ids[at] ?? 0)
    assert.deepEqual([kase.state, kase.edition, kase.version], ['submitted', 1, 2])
  }
  await assertWhole()
})

test('an old page sent again is refused, names who was first, and keeps what was typed', async () => {
  const { ids, companies } = await given('draft', 1, { kind: kinds.trial, signIn: true })
  const [id = 0] = ids
  const [company] = companies
  assert.ok(company)
  const colleague = await portal.as(
    await newUser(portal, { organisation_id: company.id, role: 'company-clerk', region_code: '370102' }),
  )
  const applicant = await portal.as(company.username)
  const page = { version: '1', draft_version: '1' }
  assert.equal((await colleague.post(`/desk/cases/${id}/submit`, { ...page, matter: '同事先交的' })).status, 303)

  const late = await applicant.post(`/desk/cases/${id}/submit`, { ...page, matter: '我这一页旧了' })

  assert.equal(late.status, 409)
  assert.match(late.text, /我这一页旧了/)
  assert.match(late.text, new RegExp(`${await nameOf(colleague)}.*办理“提交”.*现在是“待受理”`))
  assert.equal((await caseRow(id)).edition, 1)

  assert.equal((await press(officers[0], id, { action: 'accept', version: '2' })).status, 303)
  const stale = await press(officers[1], id, { action: 'decline', version: '2', opinion: '不属于本机关。' })
  assert.equal(stale.status, 409)
  assert.match(stale.text, /不属于本机关。/)
  assert.match(stale.text, new RegExp(`${await nameOf(officers[0])}（市局审批）已于 .* 办理“受理”，现在是“审批中”`))
  await assertWhole()
})

test('a page from before a case was sent back is old, though its step is open again', async () => {
  const { ids } = await given('city-clerk', 1)
  const [id = 0] = ids
  const { version } = await caseRow(id)
  const names = await rows.writeOfficers(portal.db, { role: 'city-clerk', count: 2 })
  const [first, second] = await Promise.all(names.map(name => portal.as(name)))
  const [reviewer] = await Promise.all(
    (await rows.writeOfficers(portal.db, { role: 'city-reviewer', count: 1 })).map(name => portal.as(name)),
  )
  assert.equal((await press(first, id, { action: 'pass', version })).status, 303)
  const sent = { action: 'sendBack', version: String(version + 1), opinion: '请再核对人员名单。' }
  assert.equal((await press(reviewer, id, sent)).status, 303)

  const old = await press(second, id, { action: 'pass', version, opinion: '我这一页旧了。' })

  assert.equal(old.status, 409)
  assert.match(old.text, new RegExp(`${await nameOf(reviewer)}（市局复核）已于 .* 办理“退回上一步”，现在是“经办审核中”`))
  assert.match(old.text, /我这一页旧了。/)
  assert.equal((await caseRow(id)).version, version + 2)
  await assertWhole()
})

test('a decision and a withdrawal at once: one of them counts', async () => {
  const { ids, companies } = await given('approval', 8, { kind: kinds.trial, signIn: true })
  const applicants = await Promise.all(companies.map(({ username }) => portal.as(username)))
  const { version } = await caseRow(ids[0] ?? 0)

  const pairs = await Promise.all(
    ids.map(async (id, at) => {
      const decide = () => press(officers[at], id, { action: 'pass', version, opinion: '同意。' })
      const withdraw = () => press(applicants[at], id, { action: 'withdraw', version })
      return await Promise.all(at % 2 ? [decide(), withdraw()] : [withdraw(), decide()])
    }),
  )

  for (const [at, pair] of pairs.entries()) {
    assert.deepEqual(statuses(pair), [303, 409])
    const kase = await caseRow(ids[at] ?? 0)
    const loser = pair.find(is(409))?.text ?? ''
    if (kase.state === 'done') assert.match(loser, /市局审批已于 .* 办理“通过”，现在是“已通过”/)
    else assert.match(loser, new RegExp(`${companies[at]?.user.name}.*办理“撤回”，现在是“已撤回”`))
    assert.equal(kase.number !== null, kase.state === 'done')
  }
  assert.equal(await checks.numberFault(portal.db, `试核〔${year}〕`), undefined)
  await assertWhole()
})

/** What the menu of somebody's page calls them. */
async function nameOf(agent: Agent | undefined): Promise<string> {
  assert.ok(agent)
  const sid = decodeURIComponent(agent.cookies.get('portal') ?? '').replace(/^s:([^.]+)\..*$/, '$1')
  const user = await portal.db('sessions').join('users', 'users.id', 'sessions.user_id').where({ sid }).first('users.name')
  return user?.name ?? ''
}
