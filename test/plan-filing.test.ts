import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { planForm as terms } from './filing-forms.ts'
import { holdContract, holdTender, linkTo, newDeveloper, newProject, type TestProject } from './filings.ts'
import { type Agent, startPortal, type TestPortal } from './portal.ts'
import { type Applicant, newCompany, passAll, plain, press, upload, versionsOf } from './qualification.ts'

/** 物业方案备案（前期物业管理备案）(domain.md §5.4): filed by the developer, confirmed by the company, looked at by district and city. */

let portal: TestPortal
before(async () => {
  portal = await startPortal({ demo: true })
})
afterEach(() => shiftClock(0))
after(async () => await portal?.stop())

const { addDays } = await import('../src/calendar.ts')
const { moveDueCases } = await import('../src/cases/by-clock.ts')
const { shiftClock, today } = await import('../src/clock.ts')
const { turnContracts } = await import('../src/modules/filings/contracts.ts')
const { findKind, standardOf } = await import('../src/cases/kind.ts')

const day = 86_400_000
const code = 'plan-filing'

interface Scene {
  developer: Applicant
  company: Applicant
  project: TestProject
}

/** A project whose award is filed, the winner being a company of the portal. */
async function scene(tender: Record<string, string | number | null> | undefined = {}): Promise<Scene> {
  const [developer, company] = [await newDeveloper(portal), await newCompany(portal)]
  const project = await newProject(portal, developer.id, { stage: 'tendering' })
  await holdTender(portal, project.id, { winner_id: company.id, winner: company.name, ...tender })
  return { developer, company, project }
}

const start = (agent: Agent, subject_id: number) => agent.post(`/desk/cases/new/${code}`, { subject_id: String(subject_id) })

async function begin(agent: Agent, project_id: number): Promise<number> {
  const answer = await start(agent, project_id)
  assert.equal(answer.status, 303, plain(answer.text))
  const id = Number(/\/desk\/cases\/(\d+)/.exec(answer.location ?? '')?.[1])
  const kind = findKind(code)
  assert.ok(kind)
  const required = standardOf(kind).materials.flatMap(material => (material.required ? [material.code] : []))
  for (const material of [...required, 'contract']) assert.equal((await upload(agent, id, material)).status, 303, material)
  return id
}

const submit = async (agent: Agent, id: number, fields: Record<string, string>) =>
  await agent.post(`/desk/cases/${id}/submit`, { ...fields, ...(await versionsOf(portal, id)) })

const caseOf = (id: number) => portal.db('cases').where({ id }).first()
const contractOf = (case_id: number) => portal.db('contracts').where({ case_id }).first()

/** 受理 and 区县初审, up to the company. */
async function toCompany(id: number): Promise<void> {
  assert.equal(await passAll(portal, id, { until: 'confirm' }), 'reviewing')
  assert.equal((await caseOf(id)).place, 'confirm')
}

test('the developer files, the company confirms, the city approves: contract, link, stage, tender and proof', async () => {
  const { developer, company, project } = await scene()
  const id = await begin(developer.agent, project.id)
  const page = await developer.agent.get(`/desk/cases/${id}`)
  assert.match(page.text, new RegExp(company.name), 'the winner stands there from the award')
  assert.match(page.text, /济物中备/)
  const sent = await submit(developer.agent, id, terms())
  assert.equal(sent.status, 303, plain(sent.text))
  assert.equal((await contractOf(id)).state, 'filing')
  const early = await press(portal, company.agent, id, 'answer')
  assert.notEqual(early.status, 303, 'nothing to confirm before the district has looked at it')
  await toCompany(id)
  const asked = await company.agent.get(`/desk/cases/${id}`)
  assert.match(asked.text, /确认/)
  assert.match(asked.text, /不确认/)
  assert.equal((await press(portal, developer.agent, id, 'answer')).status, 403, 'the developer does not confirm for the company')
  const agreed = await press(portal, company.agent, id, 'answer')
  assert.equal(agreed.status, 303, plain(agreed.text))
  assert.equal(await passAll(portal, id), 'done')

  const contract = await contractOf(id)
  assert.match(contract.number, /^济物前备〔\d{4}〕\d{4}号$/)
  assert.deepEqual(
    [contract.state, contract.phase, contract.company_id, contract.party, contract.begun_on],
    ['filed', 'early', company.id, developer.name, today()],
  )
  const link = await portal.db('project_links').where({ project_id: project.id, live: 1 }).first()
  assert.deepEqual([link.company_id, link.phase, link.starts_on], [company.id, 'early', today()])
  assert.equal((await portal.db('projects').where({ id: project.id }).first()).stage, 'early')
  assert.equal((await portal.db('tenders').where({ project_id: project.id }).first()).state, 'settled')
  const [fee] = await portal.db('project_fees').where({ project_id: project.id })
  assert.deepEqual([fee.price, fee.starts_on, fee.contract_id], ['2.20', today(), contract.id])
  const shown = await company.agent.get(`/desk/contracts/${contract.id}`)
  const [, verify = ''] = /href="(\/verify\/[^"]+)"/.exec(shown.text) ?? []
  assert.match((await portal.anyone().get(verify)).text, /前期物业管理备案证明[\s\S]*有效|有效[\s\S]*前期物业管理备案证明/)
  assert.equal((await company.agent.get(`/desk/projects/${project.id}`)).status, 200, 'the company sees its project now')
})

test('the company does not confirm: back to the developer as 未提交 with its reasons, corrected and confirmed', async () => {
  const { developer, company, project } = await scene()
  const id = await begin(developer.agent, project.id)
  assert.equal((await submit(developer.agent, id, terms({ staff_count: '10' }))).status, 303)
  await toCompany(id)
  const silent = await press(portal, company.agent, id, 'dissent')
  assert.equal(silent.status, 422, 'reasons are asked for')
  const refused = await press(portal, company.agent, id, 'dissent', { opinion: '合同约定配备 36 人，不是 10 人。' })
  assert.equal(refused.status, 303, plain(refused.text))
  assert.equal((await caseOf(id)).state, 'draft')
  assert.equal(await contractOf(id), undefined, 'the register forgets what was only proposed')
  const page = await developer.agent.get(`/desk/cases/${id}`)
  assert.match(page.text, /合同约定配备 36 人，不是 10 人/)
  assert.match(page.text, /QQ-2026-01/, 'nothing typed is lost')
  assert.equal((await submit(developer.agent, id, terms())).status, 303)
  await toCompany(id)
  assert.equal((await press(portal, company.agent, id, 'answer')).status, 303)
  assert.equal(await passAll(portal, id), 'done')
})

test('a company that does not answer within 5 working days stops nobody', async () => {
  const { developer, project } = await scene()
  const id = await begin(developer.agent, project.id)
  assert.equal((await submit(developer.agent, id, terms())).status, 303)
  await toCompany(id)
  shiftClock(12 * day)
  await moveDueCases(portal.db)
  assert.equal((await caseOf(id)).place, 'city-review')
  assert.match((await (await portal.as('city-reviewer')).get(`/desk/cases/${id}`)).text, /逾期未确认/)
})

test('filed before its term: it begins on its day, not before', async () => {
  const { developer, company, project } = await scene()
  const id = await begin(developer.agent, project.id)
  const starts_on = addDays(today(), 3)
  assert.equal((await submit(developer.agent, id, terms({ starts_on, signed_on: today() }))).status, 303)
  await toCompany(id)
  assert.equal((await press(portal, company.agent, id, 'answer')).status, 303)
  assert.equal(await passAll(portal, id), 'done')
  assert.equal((await contractOf(id)).begun_on, null)
  shiftClock(2 * day)
  await turnContracts(portal.db)
  assert.equal((await portal.db('project_fees').where({ project_id: project.id })).length, 0)
  shiftClock(3 * day)
  await turnContracts(portal.db)
  assert.equal((await contractOf(id)).begun_on, starts_on)
  assert.equal((await portal.db('project_fees').where({ project_id: project.id, live: 1 })).length, 1)
})

test('nothing is filed before the award is filed or the agreement approved, nor by another developer', async () => {
  const { developer, project } = await scene({ award_number: null, award_filed_on: null })
  const early = await start(developer.agent, project.id)
  assert.equal(early.status, 409)
  assert.match(early.text, /还没有办结的中标备案，也没有批准的协议选聘/)
  assert.match(early.text, new RegExp(`/desk/projects/${project.id}`))
  await portal.db('tenders').where({ project_id: project.id }).update({ state: 'agreed', method: 'agreed' })
  assert.equal((await start(developer.agent, project.id)).status, 303)
  const other = await newDeveloper(portal)
  assert.equal((await start(other.agent, project.id)).status, 404)
  assert.equal((await start((await newCompany(portal)).agent, project.id)).status, 403)
})

test('bad input stands beside its field with the rule', async () => {
  const { developer, company, project } = await scene()
  const id = await begin(developer.agent, project.id)
  const cases: [changes: Record<string, string>, sentence: RegExp][] = [
    [{ ends_on: addDays(today(), -1) }, /服务期限截止日 .* 早于开始日/],
    [{ signed_on: addDays(today(), -21) }, /签订日期 .* 早于中标通知书日期/],
    [{ signed_on: addDays(today(), -16) }, /现在已经逾期（山东省物业管理条例第十六条，签订之日起 15 日内备案）/],
    [{ 'fees.0.price': '-2' }, /物业费单价请填写 0.01 到 50 之间的数/],
    [{ 'fees.0.pricing': 'guided' }, /有实行政府指导价的收费，请在“材料”里上传收费批复或者备案/],
    [{ serviced_area: '60000' }, /服务面积大于项目档案的总建筑面积/],
    [{ room_place: '' }, /请填写物业服务用房位置、楼层/],
  ]
  for (const [changes, sentence] of cases) {
    const answer = await submit(developer.agent, id, terms({ guarantee: '保函二十万', ...changes }))
    assert.equal(answer.status, 422, JSON.stringify(changes))
    assert.match(answer.text, sentence, JSON.stringify(changes))
    assert.match(answer.text, /保函二十万/)
  }
  // Who won stands in the form by the award alone; what is posted for it is not read.
  const forged = await submit(developer.agent, id, terms({ company_name: '另一家物业', ends_on: '' }))
  assert.match(forged.text, new RegExp(company.name))
  assert.doesNotMatch(forged.text, /另一家物业/)
  const late = await submit(developer.agent, id, terms({ signed_on: addDays(today(), -16), late_reason: '公章更换。' }))
  assert.equal(late.status, 303, plain(late.text))
  assert.equal((await caseOf(id)).late_days, 1)

  const served = await scene()
  await linkTo(portal, served.project.id, served.company.id)
  await holdContract(portal, served.project.id, served.company.id)
  const overlap = await begin(served.developer.agent, served.project.id)
  const refused = await submit(served.developer.agent, overlap, terms())
  assert.equal(refused.status, 422)
  assert.match(refused.text, /时间重叠，同一项目同一天只能有一份合同/)
})
