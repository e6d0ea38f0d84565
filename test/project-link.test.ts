import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { linkForm, newManager } from './filing-forms.ts'
import { holdContract, linkTo, newCommittee, newDeveloper, newProject, type TestProject } from './filings.ts'
import { type Agent, startPortal, type TestPortal } from './portal.ts'
import { type Applicant, newCompany, passAll, plain, press, upload, versionsOf } from './qualification.ts'

/** 项目挂接 (domain.md §5.5): the company newly chosen asks for the project, the one that serves it is heard, one link goes through. */

let portal: TestPortal
before(async () => {
  portal = await startPortal({ demo: true })
})
afterEach(() => shiftClock(0))
after(async () => await portal?.stop())

const { addDays } = await import('../src/calendar.ts')
const { moveDueCases } = await import('../src/cases/by-clock.ts')
const { shiftClock, today } = await import('../src/clock.ts')
const { turnLinks } = await import('../src/modules/filings/links.ts')

const day = 86_400_000
const materials = ['selection', 'authority', 'ended', 'licence']

interface Scene {
  old: Applicant
  fresh: Applicant
  project: TestProject
  link: number
}

/** A project served under a contract that still runs, and a company the owners chose instead. */
async function scene({ contract = true } = {}): Promise<Scene> {
  const [developer, old, fresh] = [await newDeveloper(portal), await newCompany(portal), await newCompany(portal)]
  const project = await newProject(portal, developer.id)
  const link = await linkTo(portal, project.id, old.id)
  await holdContract(portal, project.id, old.id, contract ? {} : { ends_on: addDays(today(), -5) })
  return { old, fresh, project, link }
}

const choose = (agent: Agent, project_id: number) => agent.post('/desk/links/new', { project_id: String(project_id) })

/** Begins an application with its papers. @returns its id */
async function begin(agent: Agent, project_id: number, papers = materials): Promise<number> {
  const answer = await choose(agent, project_id)
  assert.equal(answer.status, 303, plain(answer.text))
  const id = Number(/\/desk\/cases\/(\d+)/.exec(answer.location ?? '')?.[1])
  for (const material of papers) assert.equal((await upload(agent, id, material)).status, 303, material)
  return id
}

const submit = async (agent: Agent, id: number, form: Record<string, string>) =>
  await agent.post(`/desk/cases/${id}/submit`, { ...form, ...(await versionsOf(portal, id)) })

/** @returns the id of a submitted application */
async function applied(company: Applicant, project_id: number, changes: Record<string, string> = {}): Promise<number> {
  const id = await begin(company.agent, project_id)
  const answer = await submit(company.agent, id, await linkForm(portal, company, changes))
  assert.equal(answer.status, 303, plain(answer.text))
  return id
}

const caseOf = (id: number) => portal.db('cases').where({ id }).first()
const linkOf = (case_id: number) => portal.db('project_links').where({ case_id }).first()
const stageOf = async (id: number): Promise<string> => (await portal.db('projects').where({ id }).first('stage')).stage

test('the project is found by code or whole name, and tells no more than where it lies', async () => {
  const { fresh, project, old } = await scene()
  const page = await fresh.agent.get('/desk/links/new')
  assert.equal(page.status, 200)
  for (const q of [project.code, project.name]) {
    const found = await fresh.agent.post('/desk/links/new/search', { q })
    assert.equal(found.status, 200, plain(found.text))
    assert.match(found.text, new RegExp(project.name))
    assert.match(found.text, /历下区/)
    assert.doesNotMatch(found.text, new RegExp(old.name))
    assert.doesNotMatch(found.text, /50000/)
  }
  assert.match((await fresh.agent.post('/desk/links/new/search', { q: project.name.slice(0, 3) })).text, /没有找到这个项目/)
  assert.equal((await fresh.agent.post('/desk/links/new/search', { q: '' })).status, 422)
  assert.equal((await choose(fresh.agent, 999_999_999)).status, 404)
  assert.equal((await (await portal.as('district-clerk')).get('/desk/links/new')).status, 403)
})

test('the old company objects, the desks weigh it, and the new one takes over', async () => {
  const { old, fresh, project, link } = await scene()
  const committee = await newCommittee(portal, project)
  const id = await applied(fresh, project.id)
  assert.equal((await linkOf(id)).state, 'pending')
  await passAll(portal, id, { until: 'old-company' })
  assert.equal((await caseOf(id)).place, 'old-company')
  assert.equal((await press(portal, fresh.agent, id, 'answer')).status, 403, 'the new company does not answer for the old one')
  assert.equal((await press(portal, old.agent, id, 'dissent')).status, 422, 'an objection says why')
  assert.equal((await press(portal, old.agent, id, 'dissent', { opinion: '合同还没有到期。' })).status, 303)
  assert.equal((await caseOf(id)).place, 'district-review')
  assert.match((await (await portal.as('district-reviewer')).get(`/desk/cases/${id}`)).text, /提出异议[\s\S]*合同还没有到期/)
  assert.equal(await passAll(portal, id), 'done')

  const made = await linkOf(id)
  assert.equal(made.state, 'linked')
  assert.match(made.number, /^济物挂〔\d{4}〕\d{4}号$/)
  const before = await portal.db('project_links').where({ id: link }).first()
  assert.deepEqual(
    [before.state, before.ends_on, before.end_reason],
    ['ended', addDays(today(), -1), 'dismissed'],
    'the old link ends the day before',
  )
  assert.equal(await stageOf(project.id), 'selected')

  // Who left reads its own history and no more; the committee is told.
  assert.equal((await old.agent.get(`/desk/links/${link}`)).status, 200)
  assert.equal((await old.agent.get(`/desk/links/${made.id}`)).status, 404)
  assert.equal((await old.agent.get(`/desk/projects/${project.id}`)).status, 200)
  assert.doesNotMatch((await old.agent.get('/desk/lists/links')).text, new RegExp(fresh.name))
  assert.equal((await fresh.agent.get(`/desk/projects/${project.id}`)).status, 200)
  assert.equal((await committee.agent.get(`/desk/links/${made.id}`)).status, 200)
  const areas = await portal.db('company_areas').where({ company_id: old.id, basis: 'project' })
  assert.equal(areas.length, 0)

  const proof = await portal.db('documents').where({ object_type: 'link', object_id: made.id }).first('code')
  assert.match((await portal.anyone().get(`/verify/${proof.code}`)).text, /有效/)
})

test('the old company agrees, or says nothing for 5 working days: the case goes on', async () => {
  const one = await scene()
  const agreed = await applied(one.fresh, one.project.id)
  await passAll(portal, agreed, { until: 'old-company' })
  assert.equal((await press(portal, one.old.agent, agreed, 'answer')).status, 303)
  assert.equal((await caseOf(agreed)).place, 'district-review')

  const two = await scene()
  const silent = await applied(two.fresh, two.project.id)
  await passAll(portal, silent, { until: 'old-company' })
  shiftClock(12 * day)
  await moveDueCases(portal.db)
  assert.equal((await caseOf(silent)).place, 'district-review')
})

test('nobody is asked once the old contract is over', async () => {
  const { fresh, project } = await scene({ contract: false })
  const id = await applied(fresh, project.id)
  assert.equal(await passAll(portal, id), 'done')
  assert.equal((await linkOf(id)).state, 'linked')
})

test('two companies for one project at once: one is linked, the other is told who was first', async () => {
  const { fresh, project } = await scene({ contract: false })
  const other = await newCompany(portal)
  const ids = [await applied(fresh, project.id), await applied(other, project.id)]
  for (const id of ids) await passAll(portal, id, { until: 'city-review' })
  const city = await portal.as('city-reviewer')
  const answers = await Promise.all(ids.map(id => press(portal, city, id, 'pass')))
  assert.deepEqual(answers.map(({ status }) => status).sort(), [303, 409])
  const loser = answers.findIndex(({ status }) => status === 409)
  assert.match(answers[loser]?.text ?? '', /已先挂接这个项目/)
  const linked = await portal.db('project_links').where({ project_id: project.id, state: 'linked' })
  assert.equal(linked.length, 1)
  assert.equal(linked[0]?.case_id, ids[1 - loser])
  // The way out: refused with reasons it goes back, and the register says so.
  assert.equal((await press(portal, city, ids[loser] ?? 0, 'refuse', { opinion: '项目已由其他企业挂接。' })).status, 303)
  assert.equal((await linkOf(ids[loser] ?? 0)).state, 'rejected')
})

test('a takeover to come waits for its day', async () => {
  const { old, fresh, project, link } = await scene({ contract: false })
  const takeover_on = addDays(today(), 3)
  const id = await applied(fresh, project.id, { takeover_on })
  assert.equal(await passAll(portal, id), 'done')
  assert.equal((await linkOf(id)).state, 'approved')
  await turnLinks(portal.db)
  assert.equal((await portal.db('project_links').where({ id: link }).first()).state, 'linked')
  const third = await newCompany(portal)
  const late = await choose(third.agent, project.id)
  assert.equal(late.status, 409)
  assert.doesNotMatch(late.text, new RegExp(fresh.name))
  shiftClock(3 * day)
  await turnLinks(portal.db)
  await turnLinks(portal.db)
  const made = await linkOf(id)
  assert.equal(made.state, 'linked')
  const before = await portal.db('project_links').where({ id: link }).first()
  assert.deepEqual([before.state, before.ends_on], ['ended', addDays(takeover_on, -1)])
  assert.equal(await stageOf(project.id), 'selected')
  assert.equal((await portal.db('company_areas').where({ company_id: fresh.id, basis: 'project' })).length, 2)
  assert.equal((await portal.db('company_areas').where({ company_id: old.id, basis: 'project' })).length, 0)
})

test('refused, it goes back to be written; handed in again it is the same row', async () => {
  const { fresh, project } = await scene({ contract: false })
  const id = await applied(fresh, project.id)
  await passAll(portal, id, { until: 'city-review' })
  const refused = await press(portal, await portal.as('city-reviewer'), id, 'refuse', { opinion: '选聘证明缺公示照片。' })
  assert.equal(refused.status, 303)
  assert.equal((await linkOf(id)).state, 'rejected')
  assert.equal((await submit(fresh.agent, id, await linkForm(portal, fresh))).status, 303)
  assert.equal((await linkOf(id)).state, 'pending')
  assert.equal((await portal.db('project_links').where({ case_id: id })).length, 1)
})

test('who serves already renews instead', async () => {
  const { old, project } = await scene()
  const answer = await choose(old.agent, project.id)
  assert.equal(answer.status, 409)
  assert.match(answer.text, /请办理续签/)
})

test('what cannot be is told beside its field, and nothing typed is lost', async () => {
  const { fresh, project } = await scene()
  const other = await newCompany(portal)
  const id = await begin(fresh.agent, project.id, ['selection', 'authority', 'licence'])
  const whole = await linkForm(portal, fresh)
  const bad: [Record<string, string>, RegExp][] = [
    [{ owners_joined: '481' }, /参加表决人数 481 人，多于业主总人数 480 人/],
    [{ area_agreed: '40000.01' }, /同意面积 40000\.01 ㎡，多于参加表决面积/],
    [{ area_total: '50000.01' }, /专有部分总面积大于项目档案/],
    [{ owners_total: '' }, /业主总人数/],
    [{ decided_on: addDays(today(), 1) }, /选聘决定日期晚于今天/],
    [{ takeover_on: addDays(today(), -11) }, /接管日期.*早于选聘决定日期/],
    [{ decided_on: '2019-01-01', takeover_on: '2019-02-01' }, /晚于现有企业开始服务的日期/],
    [{ takeover_on: addDays(today(), 366) }, /超过今天起 365 日/],
    [{ method: 'emergency' }, /应急委托由街道办事处指定/],
    [{ manager_id: await newManager(portal, other.id) }, /项目负责人|从列表里选择/],
    [{ end_reason: '' }, /原合同终止原因/],
    [{}, /请在“材料”里上传原合同到期或者解除证明/],
  ]
  for (const [changes, sentence] of bad) {
    const answer = await submit(fresh.agent, id, { ...whole, end_words: '另聘说明原样保留', ...changes })
    assert.equal(answer.status, 422, JSON.stringify(changes))
    assert.match(answer.text, sentence, JSON.stringify(changes))
    assert.match(answer.text, /另聘说明原样保留/)
  }
  assert.equal(await linkOf(id), undefined)
})

test('a company leaves without successor: the district ends the link with reasons, once', async () => {
  const { old, project, link } = await scene()
  const clerk = await portal.as('district-clerk')
  const { version } = await portal.db('project_links').where({ id: link }).first('version')
  const end = (agent: Agent, changes: Record<string, string> = {}) =>
    agent.post(`/desk/links/${link}/end`, {
      version: String(version),
      on: today(),
      reason: 'withdrawn',
      words: '企业撤出，资料已移交街道。',
      ...changes,
    })
  assert.equal((await end(old.agent)).status, 403)
  assert.equal((await end(await portal.as('street-clerk'))).status, 403)
  const future = await end(clerk, { on: addDays(today(), 1) })
  assert.equal(future.status, 422)
  assert.match(future.text, /资料已移交街道/)
  assert.equal((await end(clerk, { on: '2019-01-01' })).status, 422)
  assert.equal((await end(clerk, { words: '' })).status, 422)
  assert.equal((await end(clerk, { version: '99' })).status, 409)
  assert.equal((await end(clerk)).status, 303)
  assert.equal((await end(clerk)).status, 409)
  const row = await portal.db('project_links').where({ id: link }).first()
  assert.deepEqual([row.state, row.ends_on, row.end_reason], ['ended', today(), 'withdrawn'])
  assert.equal(await stageOf(project.id), 'unmanaged')
  assert.equal((await portal.db('action_log').where({ action: 'link.end', object_id: link })).length, 1)
})
