import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { decisionFields as decision, contractForm as terms } from './filing-forms.ts'
import { holdContract, linkTo, newCommittee, newDeveloper, newProject, type TestProject } from './filings.ts'
import { type Agent, startPortal, type TestPortal } from './portal.ts'
import { type Applicant, newCompany, passAll, plain, upload, versionsOf } from './qualification.ts'

/** 物业服务合同备案 (domain.md §5.6): new, renewed, changed, dissolved; what begins and ends by itself; what is refused and why. */

let portal: TestPortal
before(async () => {
  portal = await startPortal({ demo: true })
})
afterEach(() => shiftClock(0))
after(async () => await portal?.stop())

const { addDays } = await import('../src/calendar.ts')
const { shiftClock, today } = await import('../src/clock.ts')
const { turnContracts } = await import('../src/modules/filings/contracts.ts')
const { contractState } = await import('../src/modules/archives/project-facts.ts')
const { answersFrom, canonicalAnswers, checkAnswers } = await import('../src/forms/answers.ts')
const { signingForm } = await import('../src/modules/filings/signing-form.ts')
const { findKind, standardOf } = await import('../src/cases/kind.ts')

const day = 86_400_000
const code = 'contract-filing'

interface Scene {
  developer: Applicant
  company: Applicant
  project: TestProject
}

/** A company that serves a project of a developer, as from before the portal. */
async function scene({ linked = true } = {}): Promise<Scene> {
  const [developer, company] = [await newDeveloper(portal), await newCompany(portal)]
  const project = await newProject(portal, developer.id)
  if (linked) await linkTo(portal, project.id, company.id)
  return { developer, company, project }
}

const start = (agent: Agent, subject_id: number) => agent.post(`/desk/cases/new/${code}`, { subject_id: String(subject_id) })

async function begin(agent: Agent, project_id: number): Promise<number> {
  const answer = await start(agent, project_id)
  assert.equal(answer.status, 303, plain(answer.text))
  return Number(/\/desk\/cases\/(\d+)/.exec(answer.location ?? '')?.[1])
}

/** Uploads papers, the required ones and others named. */
async function papers(agent: Agent, id: number, variant: string, more: readonly string[] = []) {
  const kind = findKind(code)
  assert.ok(kind)
  // The materials follow the variant the draft says.
  const saved = await agent.post(`/desk/cases/${id}/draft`, { filing: variant, ...(await versionsOf(portal, id)) })
  assert.equal(saved.status, 303)
  const required = standardOf(kind, variant).materials.flatMap(material => (material.required ? [material.code] : []))
  for (const material of [...required, ...more]) assert.equal((await upload(agent, id, material)).status, 303, material)
}

const submit = async (agent: Agent, id: number, fields: Record<string, string>) =>
  await agent.post(`/desk/cases/${id}/submit`, { ...fields, ...(await versionsOf(portal, id)) })

/** Files a contract and takes it through its desks. @returns the id of the case */
async function file(agent: Agent, project_id: number, fields: Record<string, string>, more: readonly string[] = ['contract']) {
  const id = await begin(agent, project_id)
  await papers(agent, id, fields.filing ?? 'new', more)
  const answer = await submit(agent, id, fields)
  assert.equal(answer.status, 303, mistakesIn(answer.text))
  assert.equal(await passAll(portal, id), 'done')
  return id
}

const contractOf = (case_id: number) => portal.db('contracts').where({ case_id }).first()
const feesOf = (project_id: number) =>
  portal
    .db('project_fees')
    .where({ project_id })
    .orderBy(['starts_on', 'id'])
    .select('property_type', 'price', 'starts_on', 'ends_on', 'parking_underground_fee')

/** The sentences beside the fields. */
const mistakesIn = (html: string) =>
  plain(
    [
      ...html.matchAll(
        /<[^>]*(?:class="[^"]*(?:invalid|mistake|summary)[^"]*")[^>]*>[\s\S]{0,400}?<\/(?:p|div|span|li|section)>/g,
      ),
    ].join(' '),
  )

/** What the list says of the contracts of a project. */
async function inList(agent: Agent, question: string): Promise<string> {
  const page = await agent.get(`/desk/lists/contracts?${question}`)
  assert.equal(page.status, 200)
  return page.text
}

test('a new contract: filed, numbered, its prices become those of the project with history, its proof verifies', async () => {
  const { developer, company, project } = await scene()
  await portal.db('project_fees').insert({
    project_id: project.id,
    property_type: 'high-rise',
    pricing: 'market',
    price: '1.60',
    starts_on: addDays(today(), -300),
    created_at: new Date(),
    updated_at: new Date(),
  })
  const id = await begin(company.agent, project.id)
  assert.equal(await begin(company.agent, project.id), id, 'pressing the button twice begins one case')
  const page = await company.agent.get(`/desk/cases/${id}`)
  assert.match(page.text, new RegExp(developer.name))
  await papers(company.agent, id, 'new', ['contract'])
  const sent = await submit(company.agent, id, terms())
  assert.equal(sent.status, 303, mistakesIn(sent.text))
  const proposed = await contractOf(id)
  assert.equal(proposed?.state, 'filing')
  assert.match(await inList(company.agent, 'state=filing'), new RegExp(project.name))
  assert.match((await company.agent.get(`/desk/contracts/${proposed.id}`)).text, /备案中/)

  assert.equal(await passAll(portal, id), 'done')
  const contract = await contractOf(id)
  assert.equal(contract.id, proposed.id, 'the row of the register stays the same')
  assert.equal(contract.state, 'filed')
  assert.match(contract.number, /^济物合备〔\d{4}〕370102-\d{4}号$/)
  assert.deepEqual(
    [contract.party, contract.fee, contract.phase, contract.begun_on, contract.late_days],
    [developer.name, '2.20', 'early', today(), 0],
  )
  assert.deepEqual(await feesOf(project.id), [
    {
      property_type: 'high-rise',
      price: '1.60',
      starts_on: addDays(today(), -300),
      ends_on: addDays(today(), -1),
      parking_underground_fee: null,
    },
    { property_type: 'high-rise', price: '2.20', starts_on: today(), ends_on: null, parking_underground_fee: '200.00' },
    { property_type: 'commercial', price: '3.50', starts_on: today(), ends_on: null, parking_underground_fee: null },
  ])
  const shown = await company.agent.get(`/desk/contracts/${contract.id}`)
  assert.match(shown.text, /履行中/)
  assert.match(shown.text, /办理续签/)
  const [, verify = ''] = /href="(\/verify\/[^"]+)"/.exec(shown.text) ?? []
  const proof = await portal.anyone().get(verify)
  assert.match(proof.text, new RegExp(contract.number))
  assert.match(proof.text, /有效/)
  const onProject = await developer.agent.get(`/desk/projects/${project.id}`)
  assert.match(onProject.text, /合同备案/)
  assert.match(onProject.text, new RegExp(contract.number))
})

test('the committee signs: the early contract ends by itself the day before, not earlier', async () => {
  const { company, project } = await scene()
  const early = await holdContract(portal, project.id, company.id)
  const committee = await newCommittee(portal, project)
  const starts_on = addDays(today(), 5)
  const fields = terms({ party_kind: 'committee', starts_on, ends_on: addDays(starts_on, 729), signed_on: today() })
  const lacking = await begin(company.agent, project.id)
  await papers(company.agent, lacking, 'new', ['contract'])
  const refused = await submit(company.agent, lacking, fields)
  assert.equal(refused.status, 422)
  assert.match(refused.text, /还要在“材料”里上传：业主大会决议及公示证明、业主委员会备案证明/)
  assert.match(refused.text, /请填写业主大会决定日期/)
  for (const material of ['resolution', 'committee']) await upload(company.agent, lacking, material)
  const impossible: [changes: Record<string, string>, sentence: RegExp][] = [
    [{ owners_joined: '481' }, /参加表决人数 481 人，多于业主总人数 480 人/],
    [{ owners_agreed: '321' }, /同意人数 321 人，多于参加表决人数 320 人/],
    [{ area_agreed: '33000.01' }, /同意面积 33000.01 ㎡，多于参加表决面积 33000.00 ㎡/],
    [{ area_total: '50000.01' }, /专有部分总面积大于项目档案的总建筑面积/],
    [{ decided_on: addDays(today(), 1) }, /先由业主共同决定/],
  ]
  for (const [changes, sentence] of impossible) {
    const answer = await submit(company.agent, lacking, { ...fields, ...decision(changes) })
    assert.equal(answer.status, 422, JSON.stringify(changes))
    assert.match(answer.text, sentence)
  }
  const check = async (changes: Record<string, string>) =>
    (
      await company.agent.post(`/desk/cases/${lacking}/check`, {
        ...fields,
        ...decision(changes),
        ...(await versionsOf(portal, lacking)),
      })
    ).text
  assert.doesNotMatch(await check({}), /没有达到/)
  assert.match(await check({ owners_joined: '319' }), /须不少于 320 人，没有达到/)
  assert.match(await check({ owners_agreed: '160' }), /须不少于 161 人，没有达到/)
  assert.doesNotMatch(await check({ owners_agreed: '161' }), /没有达到/)
  const sent = await submit(company.agent, lacking, { ...fields, ...decision() })
  assert.equal(sent.status, 303, mistakesIn(sent.text))
  const clerk = await portal.as('district-clerk')
  assert.match((await clerk.get(`/desk/cases/${lacking}`)).text, new RegExp(`到 ${addDays(starts_on, -1)} 为止`))
  assert.equal(await passAll(portal, lacking), 'done')
  const fresh = await contractOf(lacking)
  assert.deepEqual([fresh.party, fresh.phase, fresh.begun_on], [committee.name, 'selected', null])
  assert.equal((await portal.db('contracts').where({ id: early }).first()).state, 'filed')
  assert.match((await company.agent.get(`/desk/contracts/${fresh.id}`)).text, /已备案/)

  shiftClock(4 * day)
  await turnContracts(portal.db)
  assert.equal(
    (await portal.db('contracts').where({ id: early }).first()).state,
    'filed',
    'the eve is still the early contract’s',
  )
  shiftClock(5 * day)
  await turnContracts(portal.db)
  await turnContracts(portal.db)
  const over = await portal.db('contracts').where({ id: early }).first()
  assert.deepEqual([over.state, over.ended_on, over.end_reason], ['ended', addDays(starts_on, -1), 'committee-contract'])
  assert.equal((await portal.db('projects').where({ id: project.id }).first()).stage, 'selected')
  const fees = await feesOf(project.id)
  assert.equal(fees.length, 2, 'a second turn of the job writes nothing twice')
  assert.ok(fees.every(({ starts_on: from, ends_on }) => from === starts_on && ends_on === null))
  assert.match(
    (await (await portal.as(committee.username)).get(`/desk/contracts/${over.id}`)).text,
    /已终止[\s\S]*业主委员会所签合同生效/,
  )
})

test('states over the edge days, in the register as on the page', async () => {
  const { company, project } = await scene()
  const ends_on = addDays(today(), 100)
  const id = await holdContract(portal, project.id, company.id, { ends_on, starts_on: addDays(today(), 1), begun_on: null })
  const expected: [days: number, state: string, label: string][] = [
    [0, 'filed', '已备案'],
    [1, 'running', '履行中'],
    [9, 'running', '履行中'],
    [10, 'expiring', '即将到期'],
    [100, 'expiring', '即将到期'],
    [101, 'lapsed', '已到期未续'],
  ]
  for (const [days, state, label] of expected) {
    shiftClock(days * day)
    const row = await portal.db('contracts').where({ id }).first()
    assert.equal(contractState(row, today()), state, `day ${days}`)
    const agent = await portal.as(company.username)
    for (const asked of ['filed', 'running', 'expiring', 'lapsed'])
      assert.equal(
        (await inList(agent, `state=${asked}`)).includes(`/desk/contracts/${id}`),
        asked === state,
        `day ${days} in ${asked}`,
      )
    assert.match((await agent.get(`/desk/contracts/${id}`)).text, new RegExp(label))
  }
})

test('every contract of the register stands in exactly one state', async () => {
  const agent = await portal.as('city-clerk')
  const rows = await portal.db('contracts').select('id', 'state', 'starts_on', 'ends_on', 'ended_on')
  const wanted = new Map<string, number>()
  for (const row of rows) {
    const state = contractState(row, today())
    wanted.set(state, (wanted.get(state) ?? 0) + 1)
  }
  assert.ok(wanted.size > 4, 'the demo city has contracts in many states')
  for (const [state, count] of wanted) {
    const answer = await agent.get(`/desk/lists/contracts/export.json?state=${state}`)
    assert.equal(JSON.parse(answer.text).length ?? JSON.parse(answer.text).rows.length, count, state)
  }
})

test('a renewal follows, a change cuts, a dissolution ends with notice asked for', async () => {
  const { company, project } = await scene()
  const old = await holdContract(portal, project.id, company.id, { ends_on: addDays(today(), 20), fee: '1.80' })
  const next = addDays(today(), 21)
  const overlapping = await begin(company.agent, project.id)
  await papers(company.agent, overlapping, 'renewal', ['contract'])
  const fields = terms({ filing: 'renewal', starts_on: next, ends_on: addDays(next, 364) })
  const refused = await submit(company.agent, overlapping, { ...fields, starts_on: addDays(today(), 20) })
  assert.equal(refused.status, 422)
  assert.match(refused.text, new RegExp(`续签的期限从原合同届满的次日 ${next} 起`))
  assert.match(refused.text, /HT-2026-18/, 'what was typed stays')
  assert.equal((await submit(company.agent, overlapping, fields)).status, 303)
  assert.equal(await passAll(portal, overlapping), 'done')
  const renewal = await contractOf(overlapping)
  assert.deepEqual([renewal.previous_id, renewal.filing], [old, 'renewal'])
  shiftClock(21 * day)
  await turnContracts(portal.db)
  const ended = await portal.db('contracts').where({ id: old }).first()
  assert.deepEqual([ended.state, ended.end_reason, ended.ended_on], ['ended', 'term-over', addDays(next, -1)])

  const agent = await portal.as(company.username)
  const changed = await file(
    agent,
    project.id,
    terms({
      filing: 'change',
      signed_on: today(),
      starts_on: addDays(today(), 1),
      ends_on: addDays(next, 364),
      'fees.0.price': '2.40',
      explanation: '经协商调整物业费。',
    }),
  )
  shiftClock(22 * day)
  await turnContracts(portal.db)
  const before = await portal.db('contracts').where({ id: renewal.id }).first()
  assert.deepEqual([before.state, before.ended_on], ['changed', addDays(today(), -1)])
  const [running] = (await feesOf(project.id)).filter(fee => fee.property_type === 'high-rise' && fee.ends_on === null)
  assert.equal(running.price, '2.40')

  const present = await contractOf(changed)
  const open = await (await portal.as(company.username)).post(`/desk/contracts/${present.id}/dissolution`)
  assert.equal(open.status, 303, plain(open.text))
  const last = Number(/\/desk\/cases\/(\d+)/.exec(open.location ?? '')?.[1])
  const mine = await portal.as(company.username)
  assert.match((await mine.get(`/desk/cases/${last}`)).text, /解除协议或者解除通知/)
  await papers(mine, last, 'dissolution')
  const dissolved_on = addDays(today(), 3)
  const parting = {
    filing: 'dissolution',
    signed_on: today(),
    dissolve_reason: 'withdrawn',
    dissolved_on,
    notice_on: addDays(today(), -1),
    explanation: '企业撤出，费用已结清。',
    pledge: 'on',
  }
  const late = await submit(mine, last, { ...parting, dissolved_on: addDays(next, 365) })
  assert.equal(late.status, 422)
  assert.match(late.text, /期满自然终止，不用办理解除/)
  assert.equal((await submit(mine, last, parting)).status, 303)
  const clerk = await portal.as('district-clerk')
  assert.match(
    (await clerk.get(`/desk/cases/${last}`)).text,
    /民法典第九百四十七条[\s\S]*提前 4 日|提前 4 日[\s\S]*民法典第九百四十七条/,
  )
  assert.equal(await passAll(portal, last), 'done')
  assert.match((await mine.get(`/desk/contracts/${present.id}`)).text, /即将到期|履行中/)
  shiftClock(26 * day)
  await turnContracts(portal.db)
  const gone = await portal.db('contracts').where({ id: present.id }).first()
  assert.deepEqual([gone.state, gone.ended_on, gone.end_reason], ['dissolved', dissolved_on, 'withdrawn'])
  assert.equal(contractState(gone, today()), 'dissolved')
  assert.equal((await feesOf(project.id)).filter(fee => fee.ends_on === null).length, 0, 'its prices stop with it')
})

test('a contract signed here is filed as it was signed, without paper, and used once', async () => {
  const { developer, company, project } = await scene()
  const { pledge: _pledge, filing: _filing, party_kind: _kind, text_source: _source, signed_on: _signed, ...said } = terms()
  const read = checkAnswers(signingForm, answersFrom(signingForm, said))
  assert.ok(read.ok)
  const [signing = 0] = await portal.db('signings').insert({
    project_id: project.id,
    company_id: company.id,
    party_id: developer.id,
    drafter_id: company.id,
    code: `T${process.pid}`,
    phase: 'early',
    filing: 'new',
    model: 'early-2026-1',
    answers: canonicalAnswers(read.answers),
    body: '前期物业服务合同',
    digest: 'a'.repeat(64),
    state: 'signed',
    signed_on: today(),
    created_at: new Date(),
    updated_at: new Date(),
  })
  const id = await begin(company.agent, project.id)
  const page = await company.agent.get(`/desk/cases/${id}`)
  assert.match(page.text, new RegExp(`QD-${String(signing).padStart(6, '0')}`))
  assert.match(page.text, /HT-2026-18/, 'filled in from the text')
  await papers(company.agent, id, 'new')
  const online = terms({ text_source: 'online', signed_on: today() })
  const altered = await submit(company.agent, id, { ...online, 'fees.0.price': '2.50' })
  assert.equal(altered.status, 422)
  assert.match(altered.text, /与双方确认的在线合同 QD-\d{6} 不一致/)
  const onPaper = await submit(company.agent, id, terms())
  assert.equal(onPaper.status, 422)
  assert.match(onPaper.text, /请在“材料”里上传合同扫描件/)
  const sent = await submit(company.agent, id, online)
  assert.equal(sent.status, 303, mistakesIn(sent.text))
  assert.equal(await passAll(portal, id), 'done')
  assert.equal((await contractOf(id)).signing_id, signing)
  assert.equal((await portal.db('signings').where({ id: signing }).first()).case_id, id)
})

test('bad input stands beside its field with the rule, and nothing typed is lost', async () => {
  const { company, project } = await scene()
  const id = await begin(company.agent, project.id)
  await papers(company.agent, id, 'new', ['contract'])
  const cases: [changes: Record<string, string>, sentence: RegExp][] = [
    [{ ends_on: addDays(today(), -1) }, /服务期限截止日 .* 早于开始日 .*民法典第九百三十八条/],
    [{ 'fees.0.price': '-1' }, /物业费单价请填写 0.01 到 50 之间的数/],
    [{ 'fees.0.price': '220' }, /物业费单价请填写 0.01 到 50 之间的数/],
    [{ parking_ground_fee: '-5' }, /地上停车请填写 0 到 5,000 之间的数/],
    [{ 'fees.1.property_type': 'high-rise' }, /一类只能有一个收费标准/],
    [{ serviced_area: '50000.01' }, /服务面积大于项目档案的总建筑面积 50,000.00 ㎡/],
    [{ signed_on: addDays(today(), 1) }, /还没有到。合同签订以后再备案/],
    [{ signed_on: addDays(today(), -11) }, /现在已经逾期（山东省物业管理条例第五十七条，签订之日起 10 日内备案）/],
    [{ party_kind: 'committee' }, /没有已备案的业主委员会/],
    [{ filing: 'renewal' }, /没有已备案、没有终止的合同，不能办理续签/],
    [{ filing: 'change', explanation: '' }, /请填写情况说明/],
    [{ breach_terms: '' }, /请填写违约责任/],
    [{ contract_code: '' }, /请填写合同编号/],
  ]
  for (const [changes, sentence] of cases) {
    const answer = await submit(company.agent, id, terms({ manager: '张望舒', ...changes }))
    assert.equal(answer.status, 422, JSON.stringify(changes))
    assert.match(answer.text, sentence, JSON.stringify(changes))
    assert.match(answer.text, /张望舒/)
  }
  const late = await submit(company.agent, id, terms({ signed_on: addDays(today(), -11), late_reason: '业主大会公示延期。' }))
  assert.equal(late.status, 303, mistakesIn(late.text))
  assert.equal((await contractOf(id)).late_days, 1)
  assert.match(await inList(company.agent, 'late=yes'), new RegExp(project.name))
})

test('no overlap with a filed contract, no renewal of one that has run out or is another company’s', async () => {
  const { company, project } = await scene()
  await holdContract(portal, project.id, company.id, { phase: 'selected', ends_on: addDays(today(), 100) })
  const id = await begin(company.agent, project.id)
  await papers(company.agent, id, 'new', ['contract'])
  for (const starts_on of [today(), addDays(today(), 100)]) {
    const answer = await submit(company.agent, id, terms({ starts_on, ends_on: addDays(starts_on, 300) }))
    assert.equal(answer.status, 422)
    assert.match(answer.text, /时间重叠，同一项目同一天只能有一份合同/)
  }
  const after = terms({ starts_on: addDays(today(), 101), ends_on: addDays(today(), 400) })
  const sent = await submit(company.agent, id, after)
  assert.equal(sent.status, 303, mistakesIn(sent.text))

  const lapsed = await scene()
  await holdContract(portal, lapsed.project.id, lapsed.company.id, { ends_on: addDays(today(), -10) })
  const renewal = await begin(lapsed.company.agent, lapsed.project.id)
  await papers(lapsed.company.agent, renewal, 'renewal', ['contract'])
  const expired = await submit(lapsed.company.agent, renewal, terms({ filing: 'renewal' }))
  assert.equal(expired.status, 422)
  assert.match(expired.text, /到期以后才签订的，不是续签/)

  const foreign = await scene()
  const other = await newCompany(portal)
  await holdContract(portal, foreign.project.id, other.id)
  const theirs = await begin(foreign.company.agent, foreign.project.id)
  await papers(foreign.company.agent, theirs, 'renewal', ['contract'])
  const refused = await submit(foreign.company.agent, theirs, terms({ filing: 'renewal' }))
  assert.equal(refused.status, 422)
  assert.match(refused.text, /别的企业的合同由签订它的企业办理/)
})

test('without a link nothing is filed, and the way to one is shown; others’ projects and contracts are not found', async () => {
  const { company, project, developer } = await scene({ linked: false })
  assert.equal((await start(company.agent, project.id)).status, 404)
  await linkTo(portal, project.id, company.id, { state: 'ended', ends_on: addDays(today(), -5), end_reason: 'term-over' })
  const ended = await start(company.agent, project.id)
  assert.equal(ended.status, 409)
  assert.match(ended.text, /挂接已于 .* 解除/)
  assert.match(ended.text, /\/desk\/kinds\/project-link/)
  await portal.db('project_links').where({ project_id: project.id }).delete()
  const starts = addDays(today(), 10)
  await linkTo(portal, project.id, company.id, { state: 'approved', starts_on: starts, phase: 'selected' })
  const coming = await begin(company.agent, project.id)
  await papers(company.agent, coming, 'new', ['contract'])
  const early = await submit(company.agent, coming, terms({ starts_on: addDays(starts, -1) }))
  assert.equal(early.status, 422)
  assert.match(early.text, new RegExp(`${starts} 起接管本项目，合同期限不能早于这一天`))
  const sent = await submit(company.agent, coming, terms({ starts_on: starts }))
  assert.equal(sent.status, 303, mistakesIn(sent.text))
  const contract = await contractOf(coming)
  const stranger = await newCompany(portal)
  assert.equal((await stranger.agent.get(`/desk/contracts/${contract.id}`)).status, 404)
  assert.doesNotMatch(await inList(stranger.agent, ''), new RegExp(project.name))
  assert.equal((await developer.agent.get(`/desk/contracts/${contract.id}`)).status, 200)
  assert.equal((await (await newDeveloper(portal)).agent.get(`/desk/contracts/${contract.id}`)).status, 404)
  assert.equal((await developer.agent.post(`/desk/contracts/${contract.id}/renewal`)).status, 403)
  // Taken back, the register forgets what was only proposed.
  const { version } = await versionsOf(portal, coming)
  const back = await company.agent.post(`/desk/cases/${coming}/steps`, { action: 'withdraw', version })
  assert.equal(back.status, 303, plain(back.text))
  assert.equal(await contractOf(coming), undefined)
})

/** The owners' decision, where a committee signs. */
