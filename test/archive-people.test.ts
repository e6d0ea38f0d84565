import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { desktop, launch, phone, sidewaysScroll, signIn, violations, visit } from './browser.ts'
import { type Agent, startPortal, type TestPortal } from './portal.ts'
import { type Applicant, newCompany, newUser, paper, plain, press, residentId, upload, versionsOf } from './qualification.ts'

/** 从业人员: taking on, letting go, whose employee somebody is, and who reads what (domain.md §7, §9.4, §15). */

const { addDays } = await import('../src/calendar.ts')
const { shiftClock, today } = await import('../src/clock.ts')
const { maskId } = await import('../src/lists/masks.ts')

let portal: TestPortal
let district: Agent
let city: Agent
let reviewer: Agent
let browser: Browser
before(async () => {
  browser = await launch()
  portal = await startPortal({ demo: true })
  district = await portal.as('district-clerk')
  city = await portal.as('city-clerk')
  reviewer = await portal.as('city-reviewer')
})
after(async () => {
  await browser?.close()
  await portal?.stop()
})

let count = 300
/** Somebody nobody knows yet. */
async function somebody(more: Record<string, string> = {}): Promise<Record<string, string>> {
  count++
  return {
    name: `试工${'一二三四五六七八九十'[count % 10]}${'甲乙丙丁'[count % 4]}`,
    id_number: await residentId(count),
    phone: '15400001234',
    title: 'none',
    post: 'steward',
    starts_on: addDays(today(), -10),
    ...more,
  }
}
const engineer = { title: 'intermediate', title_name: '工程师', title_number: 'ZC-0001', post: 'technician' }

const hire = (company: Applicant, person: Record<string, string>) => company.agent.post('/desk/people/new', person)
const idIn = (answer: { location: string | null }) => Number(/(\d+)(?:$|#)/.exec(answer.location ?? '')?.[1])

/** Takes somebody on who needs no approval. @returns their id */
async function hired(company: Applicant, person: Record<string, string>): Promise<number> {
  const answer = await hire(company, person)
  assert.equal(answer.status, 303, plain(answer.text))
  assert.match(answer.location ?? '', /^\/desk\/people\/\d+$/)
  return idIn(answer)
}

const jobs = (person_id: number) => portal.db('employments').where({ person_id }).orderBy('id')

/** Hands in what a kind requires, or the papers named, and submits the draft with what stands in it. */
async function submit(company: Applicant, id: number, papers: string[], fields: Record<string, string> = {}) {
  for (const material of papers) assert.equal((await upload(company.agent, id, material)).status, 303, material)
  return await company.agent.post(`/desk/cases/${id}/submit`, { pledge: 'on', ...fields, ...(await versionsOf(portal, id)) })
}

async function pass(id: number, ...officers: Agent[]): Promise<void> {
  await press(portal, officers[0] ?? district, id, 'accept')
  for (const officer of officers) {
    const answer = await press(portal, officer, id, 'pass')
    assert.equal(answer.status, 303, plain(answer.text))
  }
}

const addPapers = ['identity', 'title', 'contract', 'insurance']

async function titledIn(company: Applicant, person: Record<string, string>): Promise<number> {
  const id = idIn(await hire(company, person))
  assert.equal((await submit(company, id, addPapers)).status, 303)
  await pass(id, district, city)
  const row = await portal.db('employments').where({ case_id: id }).first()
  assert.equal(row.state, 'employed')
  return row.person_id
}

test('somebody without a higher title works from the moment they are written down', async () => {
  const company = await newCompany(portal)
  const person = await somebody()

  const id = await hired(company, person)

  const [job] = await jobs(id)
  assert.deepEqual([job.state, job.company_id, job.starts_on], ['employed', company.id, person.starts_on])
  const row = await portal.db('people').where({ id }).first()
  assert.deepEqual([row.name, row.born_on.slice(0, 4), row.review, row.source], [person.name, '1990', 'reviewed', 'company'])
  assert.equal(
    await portal
      .db('action_log')
      .where({ action: 'person.hire', object_id: `people/${id}` })
      .then(rows => rows.length),
    1,
  )
  const page = await company.agent.get(`/desk/people/${id}`)
  assert.equal(page.status, 200)
  assert.match(plain(page.text), /在职/)
  // The same press again has no second effect.
  assert.equal((await hire(company, person)).location, `/desk/people/${id}`)
  assert.equal((await jobs(id)).length, 1)
})

test('mistakes keep what was typed and name the way out', async () => {
  const company = await newCompany(portal)
  const answer = await hire(
    company,
    await somebody({ id_number: '370100199001011234', ...engineer, title_name: '', starts_on: addDays(today(), 3) }),
  )
  assert.equal(answer.status, 422)
  assert.match(plain(answer.text), /校验码不符/)
  assert.match(answer.text, /value="ZC-0001"/)
  const whole = await hire(company, await somebody({ ...engineer, title_name: '', starts_on: addDays(today(), 3) }))
  assert.match(plain(whole.text), /有职称的请填写职称名称/)
  assert.match(plain(whole.text), /还没有到/)
  const child = await hire(company, await somebody({ starts_on: '2001-01-01' }))
  assert.match(plain(child.text), /未满 16 周岁/)
  const project = await hire(company, await somebody({ project_id: '1' }))
  assert.match(plain(project.text), /不是本单位现在服务的项目/)
})

test('an ID number, a telephone number and another company stand in no page without a reason', async () => {
  const [first, second] = [await newCompany(portal), await newCompany(portal)]
  const person = await somebody()
  const id = await hired(first, person)
  await leave(first, id)
  await hired(second, { ...person, starts_on: today() })

  const own = await second.agent.get(`/desk/people/${id}`)
  const page = await district.get(`/desk/people/${id}`)

  for (const { text } of [own, page]) {
    assert.ok(!text.includes(person.id_number ?? ''))
    assert.ok(!text.includes('15400001234'))
    assert.ok(text.includes(maskId(person.id_number ?? '')))
    assert.match(text, /154\*\*\*\*1234/)
    assert.ok(!text.includes('1990-01'), 'the birthday would give the number away')
  }
  assert.ok(!own.text.includes(first.name), 'a company does not read where somebody worked before')
  assert.ok(page.text.includes(first.name) && page.text.includes(second.name), 'an office does')
  const before = await first.agent.get(`/desk/people/${id}`)
  assert.match(plain(before.text), /已从贵单位离职/)
  assert.ok(!before.text.includes(second.name))
  assert.equal((await first.agent.get(`/desk/people/${id}/edit`)).status, 403)
  assert.equal((await first.agent.post(`/desk/people/${id}/reveal`, { reason: '核对' })).status, 403)
})

test('personal data in full: for a reason, once, in the log', async () => {
  const company = await newCompany(portal)
  const person = await somebody()
  const id = await hired(company, person)

  assert.equal((await district.post(`/desk/people/${id}/reveal`, { reason: '' })).status, 422)
  const shown = await district.post(`/desk/people/${id}/reveal`, { reason: '电话核实任职情况' })

  assert.equal(shown.status, 200)
  assert.ok(shown.text.includes(person.id_number ?? '') && shown.text.includes('15400001234'))
  assert.ok(!(await district.get(`/desk/people/${id}`)).text.includes(person.id_number ?? ''))
  const log = await portal.db('action_log').where({ action: 'personal.reveal', object_id: `people/${id}` })
  assert.equal(log.length, 1)
  assert.match(log[0].detail, /电话核实/)
})

test('a company meets only its own people, a district those of its companies', async () => {
  const [company, stranger] = [await newCompany(portal), await newCompany(portal, { district: '370103' })]
  const id = await hired(company, await somebody())

  for (const path of ['', '/edit', '/leave', '/photo'])
    assert.equal((await stranger.agent.get(`/desk/people/${id}${path}`)).status, 404, path)
  for (const path of ['/edit', '/leave', '/change', '/reveal', '/photo'])
    assert.ok([404, 411].includes((await stranger.agent.post(`/desk/people/${id}${path}`, { reason: '核对' })).status), path)
  const [job] = await jobs(id)
  assert.equal((await stranger.agent.get(`/desk/people/employments/${job.id}/edit`)).status, 404)
  const elsewhere = await portal.as(
    await newUser(portal, {
      organisation_id: (await portal.db('organisations').where({ kind: 'district', district_code: '370103' }).first('id')).id,
      role: 'district-clerk',
      region_code: '370103',
    }),
  )
  assert.equal((await elsewhere.get(`/desk/people/${id}`)).status, 404)
  assert.equal((await district.get('/desk/people/new')).status, 403, 'an office takes nobody on')
})

test('somebody with a higher title is admitted by district and city; nothing typed is lost', async () => {
  const company = await newCompany(portal)
  const person = await somebody({ ...engineer, ethnicity: '汉族', insured_at: '济南市历下区' })

  const started = await hire(company, person)

  assert.match(started.location ?? '', /^\/desk\/cases\/\d+$/)
  const id = idIn(started)
  const form = await company.agent.get(`/desk/cases/${id}`)
  for (const typed of [person.name, 'ZC-0001', '汉族', '济南市历下区', person.starts_on])
    assert.ok(form.text.includes(`value="${typed}"`), typed)
  assert.equal((await hire(company, person)).location, started.location, 'pressed twice it is one application')
  assert.equal(
    await portal
      .db('people')
      .where({ name: person.name })
      .then(rows => rows.length),
    0,
    'nobody is on file before the submission',
  )

  const without = await submit(company, id, ['identity', 'contract', 'insurance'])
  assert.equal(without.status, 422)
  assert.match(plain(without.text), /请在“材料”里上传职称证书/)
  assert.equal((await submit(company, id, ['title'])).status, 303)
  const [pending] = await portal.db('employments').where({ case_id: id })
  assert.equal(pending.state, 'pending')
  assert.match(plain((await company.agent.get(`/desk/people/${pending.person_id}`)).text), /待审核/)
  await pass(id, district, city)

  const [job] = await jobs(pending.person_id)
  assert.deepEqual([job.state, job.case_id], ['employed', id])
  const row = await portal.db('people').where({ id: pending.person_id }).first()
  assert.deepEqual([row.title, row.title_number, row.review], ['intermediate', 'ZC-0001', 'reviewed'])
})

test('a name that only an unapproved application has given binds nobody', async () => {
  const [first, second] = [await newCompany(portal), await newCompany(portal)]
  const person = await somebody(engineer)
  const kase = idIn(await hire(first, { ...person, name: '误写人' }))
  assert.equal((await submit(first, kase, addPapers)).status, 303)

  const id = await titledIn(second, person)

  assert.equal((await portal.db('people').where({ id }).first()).name, person.name)
  const third = await newCompany(portal)
  assert.match(plain((await hire(third, { ...person, name: '误写人' })).text), /姓名与这个身份证号已登记的姓名不一致/)
})

test('an application that comes to nothing leaves nobody on file', async () => {
  const company = await newCompany(portal)
  const person = await somebody(engineer)
  const id = idIn(await hire(company, person))
  await submit(company, id, addPapers)
  await press(portal, district, id, 'accept')
  assert.equal((await press(portal, district, id, 'refuse', { opinion: '证书与姓名不一致。' })).status, 303)

  assert.equal((await portal.db('cases').where({ id }).first()).state, 'draft')
  assert.equal(
    await portal
      .db('people')
      .where({ name: person.name })
      .then(rows => rows.length),
    0,
  )

  // The same application, put right, goes through.
  assert.equal((await submit(company, id, [])).status, 303)
  await pass(id, district, city)
  assert.equal((await portal.db('employments').where({ case_id: id }).first()).state, 'employed')
})

/** Lets somebody go who needs no approval. */
async function leave(
  company: Applicant,
  id: number,
  fields: Record<string, string> = {},
  proof: Blob | null = paper(`减员 ${id}`),
) {
  const body = new FormData()
  for (const [name, value] of Object.entries({ end_reason: 'resigned', ends_on: addDays(today(), -1), ...fields }))
    body.append(name, value)
  if (proof) body.append('proof', proof, '解除劳动合同证明.pdf')
  return await company.agent.raw(`/desk/people/${id}/leave`, { method: 'POST', body, headers: { origin: company.agent.base } })
}

test('somebody leaves at once, with reason and proof; offices and the company read the proof', async () => {
  const company = await newCompany(portal)
  const id = await hired(company, await somebody())

  assert.equal((await leave(company, id, {}, null)).status, 422)
  assert.equal((await leave(company, id, { ends_on: addDays(today(), -100) })).status, 422)
  assert.equal((await leave(company, id)).status, 303)

  const [job] = await jobs(id)
  assert.deepEqual([job.state, job.ends_on, job.end_reason], ['left', addDays(today(), -1), 'resigned'])
  assert.equal((await leave(company, id)).status, 303, 'a second press changes nothing')
  assert.equal(
    await portal
      .db('files')
      .where({ subject_type: 'person', subject_id: id })
      .then(rows => rows.length),
    1,
  )
  const path = `/files/${job.proof_file_id}`
  assert.equal((await company.agent.get(path)).status, 200)
  assert.equal((await district.get(path)).status, 200)
  const other = await newCompany(portal)
  assert.equal((await other.agent.get(path)).status, 404)
})

test('the removal of somebody with a higher title waits for the city: 待减员, and 在职 again when it is refused', async () => {
  const company = await newCompany(portal)
  const id = await titledIn(company, await somebody(engineer))
  const state = async () => (await jobs(id))[0].state

  const started = await company.agent.post(`/desk/people/${id}/leave`, { end_reason: 'transferred', ends_on: today() })
  const kase = idIn(started)
  assert.match(started.location ?? '', /\/desk\/cases\//)
  assert.equal((await submit(company, kase, ['proof'])).status, 303)
  assert.equal(await state(), 'leaving')
  assert.match(plain((await company.agent.get(`/desk/people/${id}`)).text), /待减员/)
  assert.equal((await company.agent.get(`/desk/people/${id}/leave`)).status, 409)
  await press(portal, district, kase, 'accept')
  await press(portal, district, kase, 'refuse', { opinion: '证明未盖章。' })
  assert.equal(await state(), 'employed')

  assert.equal((await submit(company, kase, [])).status, 303)
  await pass(kase, district, city)
  const [job] = await jobs(id)
  assert.deepEqual([job.state, job.ends_on, job.end_reason], ['left', today(), 'transferred'])
  assert.ok(job.proof_file_id)
})

const refusal = /该人员已在其他物业企业在职/

test('one person, one company: refused with the two ways out, without a name, and in the log', async () => {
  const [first, second] = [await newCompany(portal), await newCompany(portal)]
  const person = await somebody()
  await hired(first, person)

  const answer = await hire(second, person)

  assert.equal(answer.status, 422)
  assert.match(plain(answer.text), refusal)
  assert.match(plain(answer.text), /先办理减员/)
  assert.match(plain(answer.text), /提交人员归属异议/)
  assert.ok(!answer.text.includes(first.name))
  assert.match(answer.text, new RegExp(`value="${person.name}"`))
  const wrong = await hire(second, { ...person, name: '别人' })
  assert.match(plain(wrong.text), /姓名与这个身份证号已登记的姓名不一致/)
  assert.ok(!refusal.test(plain(wrong.text)), 'a wrong name does not tell whether the person works')
  assert.ok(!wrong.text.includes(person.name ?? ''))
  const log = await portal.db('action_log').where({ action: 'person.refuse', organisation_id: second.id })
  assert.equal(log.length, 2)
  assert.ok(!JSON.stringify(log).includes(person.id_number ?? ''))
})

test('asking who works where has an end', async () => {
  const [first, second] = [await newCompany(portal), await newCompany(portal)]
  const person = await somebody()
  await hired(first, person)
  const statuses: number[] = []
  for (let n = 0; n < 21; n++) statuses.push((await hire(second, person)).status)
  assert.deepEqual([statuses.filter(status => status === 422).length, statuses.at(-1)], [20, 429])
  assert.equal((await hire(second, await somebody())).status, 429, 'whether the next one would have worked is not told either')
})

test('of two companies that take the same person on at the same moment exactly one does', async () => {
  for (let round = 0; round < 3; round++) {
    const companies = await Promise.all([newCompany(portal), newCompany(portal)])
    const person = await somebody()
    // The second round is about somebody the city knows already.
    if (round) await leave(companies[0], await hired(companies[0], person))

    const answers = await Promise.all(companies.map(company => hire(company, { ...person, starts_on: today() })))

    assert.deepEqual(answers.map(({ status }) => status).sort(), [303, 422])
    const lost = answers.find(({ status }) => status === 422)
    assert.match(plain(lost?.text ?? ''), refusal)
    const rows = await portal
      .db('employments')
      .join('people', 'people.id', 'employments.person_id')
      .where({ 'people.name': person.name, live: 1 })
    assert.equal(rows.length, 1)
  }
})

test('of two applications for the same person the city can approve only one', async () => {
  const companies = await Promise.all([newCompany(portal), newCompany(portal)])
  const person = await somebody(engineer)
  const ids: number[] = []
  for (const company of companies) {
    const id = idIn(await hire(company, person))
    assert.equal((await submit(company, id, addPapers)).status, 303)
    await press(portal, district, id, 'accept')
    await press(portal, district, id, 'pass')
    ids.push(id)
  }

  const answers = await Promise.all(ids.map(id => press(portal, city, id, 'pass')))

  assert.deepEqual(answers.map(({ status }) => status).sort(), [303, 409])
  assert.match(plain(answers.find(({ status }) => status === 409)?.text ?? ''), /一人只能在一家物业企业任职/)
  const states = await portal.db('employments').whereIn('case_id', ids).orderBy('state').pluck('state')
  assert.deepEqual(states, ['employed', 'pending'])
})

test('somebody the city knows comes back to the same row, with what is new', async () => {
  const [first, second] = [await newCompany(portal), await newCompany(portal)]
  const person = await somebody({ education: 'college' })
  const id = await hired(first, person)
  await leave(first, id)

  const again = await hired(second, { ...person, education: '', specialty: '物业管理', phone: '15400009999', starts_on: today() })

  assert.equal(again, id)
  const row = await portal.db('people').where({ id }).first()
  assert.deepEqual([row.education, row.specialty, row.phone_last4], ['college', '物业管理', '9999'])
  assert.match(
    (await first.agent.get(`/desk/people/${id}`)).text,
    /154\*\*\*\*1234/,
    'who let them go reads the file of that day',
  )
})

test('a company that only asks for somebody reads nothing of them', async () => {
  const [first, second] = [await newCompany(portal), await newCompany(portal)]
  const person = await somebody(engineer)
  const id = await titledIn(first, person)
  const kase = idIn(await company2Disputes(second, person))

  assert.equal((await second.agent.get(`/desk/people/${id}`)).status, 404)
  assert.equal((await second.agent.get(`/desk/cases/${kase}`)).status, 200)
  const { answers } = await portal.db('case_drafts').where({ case_id: kase }).first('answers')
  for (const secret of [person.id_number, person.phone]) assert.ok(!answers.includes(secret), 'nothing personal lies open')
})

async function company2Disputes(company: Applicant, person: Record<string, string>) {
  const refused = await hire(company, person)
  assert.match(refused.text, /formaction="\/desk\/people\/dispute"/)
  const answer = await company.agent.post('/desk/people/dispute', person)
  assert.equal(answer.status, 303, plain(answer.text))
  return answer
}

const claim = { grounds: '该人员已于上月离开原单位，原单位没有办理减员。' }
const claimPapers = ['identity', 'contract', 'insurance']

test('人员归属异议: the old company answers, the city decides, the person moves in one step', async () => {
  const [old, fresh] = [await newCompany(portal), await newCompany(portal)]
  const person = await somebody({ starts_on: addDays(today(), -400) })
  const id = await hired(old, person)
  const starts_on = addDays(today(), -5)
  const kase = idIn(await company2Disputes(fresh, { ...person, starts_on }))
  assert.equal((await submit(fresh, kase, claimPapers, claim)).status, 303)

  assert.deepEqual(
    (await jobs(id)).map(job => job.state),
    ['employed', 'disputed'],
  )
  assert.match(plain((await district.get(`/desk/people/${id}`)).text), /争议/)
  await pass(kase, city)
  assert.equal((await portal.db('cases').where({ id: kase }).first()).holder_id, old.id)
  const decides = plain((await reviewer.get(`/desk/cases/${kase}`)).text)
  assert.ok(decides.includes(`申请人 ${fresh.name}`) && decides.includes(`被申请人 ${old.name}`), 'who decides knows both')
  assert.match((await old.agent.get('/desk/messages')).text, /人员归属异议/)
  assert.match(plain((await old.agent.get(`/desk/people/${id}`)).text), /对该人员的归属提出异议/)
  const name = `我们是${old.name}，不同意。`
  assert.equal((await press(portal, old.agent, kase, 'answer', { opinion: name })).status, 303)
  assert.equal((await press(portal, reviewer, kase, 'pass', { opinion: '归属申请企业。' })).status, 303)

  const [before, now] = await jobs(id)
  assert.deepEqual(
    [before.company_id, before.state, before.ends_on, before.end_reason],
    [old.id, 'left', addDays(starts_on, -1), 'transferred'],
  )
  assert.deepEqual([now.company_id, now.state, now.starts_on, now.case_id], [fresh.id, 'employed', starts_on, kase])
  // From nothing it can open does the applicant learn whose employee it was.
  const papers = await portal.db('documents').where({ case_id: kase }).pluck('id')
  for (const path of [`/desk/cases/${kase}`, `/desk/people/${id}`, '/desk/messages', '/desk/lists/cases', '/desk'])
    assert.ok(!(await fresh.agent.get(path)).text.includes(old.name), path)
  const bodies = await portal
    .db('messages')
    .whereIn('user_id', portal.db('users').where({ organisation_id: fresh.id }).select('id'))
    .select('title', 'body')
  assert.ok(!JSON.stringify(bodies).includes(old.name))
  const texts = await portal.db('documents').whereIn('id', papers).select('facts')
  assert.ok(!JSON.stringify(texts).includes(old.name))
  assert.match((await old.agent.get('/desk/messages')).text, /不再计入贵单位/)
})

test('an objection without merit leaves the person where they are', async () => {
  const [old, fresh] = [await newCompany(portal), await newCompany(portal)]
  const person = await somebody()
  const id = await hired(old, person)
  const kase = idIn(await company2Disputes(fresh, person))
  await submit(fresh, kase, claimPapers, claim)
  await pass(kase, city)
  await press(portal, old.agent, kase, 'answer', { opinion: '该人员仍在我单位工作。' })
  assert.equal((await press(portal, reviewer, kase, 'refuse', { opinion: '材料不足。' })).status, 303)

  assert.deepEqual(
    (await jobs(id)).map(job => [job.company_id, job.state]),
    [[old.id, 'employed']],
  )
})

test('the old company may let go while the city still looks into it', async () => {
  const [old, fresh] = [await newCompany(portal), await newCompany(portal)]
  const person = await somebody()
  const id = await hired(old, person)
  const starts_on = today()
  const kase = idIn(await company2Disputes(fresh, { ...person, starts_on }))
  await submit(fresh, kase, claimPapers, claim)
  await pass(kase, city)
  assert.equal((await leave(old, id)).status, 303)
  await press(portal, old.agent, kase, 'answer', { opinion: '已办理减员。' })
  assert.equal((await press(portal, reviewer, kase, 'pass')).status, 303)
  assert.deepEqual(
    (await jobs(id)).map(job => [job.company_id, job.state]),
    [
      [old.id, 'left'],
      [fresh.id, 'employed'],
    ],
  )
})

test('whoever employs the person by then and was not heard does not lose them by a dispute', async () => {
  const [old, fresh, third] = [await newCompany(portal), await newCompany(portal), await newCompany(portal)]
  const person = await somebody()
  const id = await hired(old, person)
  const kase = idIn(await company2Disputes(fresh, { ...person, starts_on: today() }))
  await submit(fresh, kase, claimPapers, claim)
  await pass(kase, city)
  await press(portal, old.agent, kase, 'answer', { opinion: '已办理减员。' })
  await leave(old, id)
  await hired(third, { ...person, starts_on: today() })

  const answer = await press(portal, reviewer, kase, 'pass')

  assert.equal(answer.status, 409)
  assert.ok(plain(answer.text).includes(`现在${third.name}在职`))
  assert.deepEqual(
    (await jobs(id)).map(job => [job.company_id, job.state]).sort(),
    [
      [old.id, 'left'],
      [fresh.id, 'disputed'],
      [third.id, 'employed'],
    ].sort(),
  )
})

test('the old company reads a dispute once it is asked, and never what the person gave the new one', async () => {
  const [old, fresh] = [await newCompany(portal), await newCompany(portal)]
  const person = await somebody()
  await hired(old, person)
  const before = idIn(await company2Disputes(fresh, person))
  await submit(fresh, before, claimPapers, claim)
  const closed = async (kase: number) => {
    assert.equal((await old.agent.get(`/desk/cases/${kase}`)).status, 404)
    for (const file of await portal.db('files').where({ case_id: kase }).pluck('id'))
      assert.equal((await old.agent.get(`/files/${file}`)).status, 404)
    assert.ok(!(await old.agent.get('/desk/lists/cases')).text.includes(`/desk/cases/${kase}`))
  }
  await closed(before)
  await press(portal, city, before, 'accept')
  await press(portal, city, before, 'refuse', { opinion: '材料不足。' })
  await closed(before)

  const kase = idIn(await company2Disputes(fresh, person))
  await submit(fresh, kase, claimPapers, claim)
  await pass(kase, city)
  const read = async () => {
    const { status, text } = await old.agent.get(`/desk/cases/${kase}`)
    assert.equal(status, 200)
    for (const { id, material } of await portal.db('files').where({ case_id: kase })) {
      const isOpen = material === 'insurance'
      assert.equal((await old.agent.get(`/files/${id}`)).status, isOpen ? 200 : 404, material)
      assert.equal((await city.get(`/files/${id}`)).status, 200, material)
      assert.equal(text.includes(`/files/${id}`), isOpen, material)
    }
  }
  await read()
  await press(portal, old.agent, kase, 'answer', { opinion: '仍在我单位工作。' })
  await read()
})

test('a dispute is not a way to ask about people who are free, or under a wrong name', async () => {
  const [old, fresh] = [await newCompany(portal), await newCompany(portal)]
  const person = await somebody()
  await hired(old, person)
  assert.equal((await fresh.agent.post('/desk/people/dispute', { ...person, name: '别人' })).status, 422)
  assert.equal((await fresh.agent.post('/desk/people/dispute', await somebody())).status, 409)
  assert.equal((await fresh.agent.post('/desk/cases/new/staff-dispute', { subject_id: '1' })).status, 409)
})

test('a higher title later is an application; what is open changes at once and is kept', async () => {
  const company = await newCompany(portal)
  const id = await hired(company, await somebody())

  const edit = await company.agent.get(`/desk/people/${id}/edit`)
  assert.doesNotMatch(edit.text, /name="(title|credential|id_number)"/)
  const version = /name="version" value="(\d+)"/.exec(edit.text)?.[1] ?? ''
  const person = await portal.db('people').where({ id }).first()
  assert.equal(
    (await company.agent.post(`/desk/people/${id}/edit`, { version, name: person.name, specialty: '给排水' })).status,
    303,
  )
  const stale = await company.agent.post(`/desk/people/${id}/edit`, { version, name: person.name, specialty: '暖通' })
  assert.equal(stale.status, 409)
  assert.equal((await portal.db('people').where({ id }).first()).phone_last4, '1234', 'a number left empty is kept')

  const kase = idIn(await company.agent.post(`/desk/people/${id}/change`))
  const same = await submit(company, kase, [])
  assert.match(plain(same.text), /没有要变更的/)
  const fields = { title: 'intermediate', title_name: '工程师', title_number: 'ZC-7' }
  assert.match(plain((await submit(company, kase, [], fields)).text), /上传职称证书/)
  assert.equal((await submit(company, kase, ['title'], fields)).status, 303)
  await pass(kase, district, city)

  assert.equal((await portal.db('people').where({ id }).first()).title, 'intermediate')
  const page = plain((await company.agent.get(`/desk/people/${id}`)).text)
  assert.match(page, /职称级别 无 中级/)
  assert.match(page, /专业 — 给排水/)
})

test('an ID number that was written down wrongly is corrected by application, and sex and birthday follow it', async () => {
  const { checkSignOfResidentId } = await import('../src/identifiers.ts')
  const company = await newCompany(portal)
  const person = await somebody()
  const id = await hired(company, person)
  const other = await somebody()
  await hired(company, other)
  const kase = idIn(await company.agent.post(`/desk/people/${id}/change`))
  const taken = await submit(company, kase, ['identity'], { new_id_number: other.id_number ?? '' })
  assert.match(plain(taken.text), /已经登记，不能更正成它/)
  const first17 = `37010019850314${String(500 + (count % 400)).padStart(3, '0')}`
  const right = first17 + checkSignOfResidentId(first17)

  assert.equal((await submit(company, kase, [], { new_id_number: right })).status, 303)
  await pass(kase, district, city)

  const row = await portal.db('people').where({ id }).first()
  assert.deepEqual(
    [row.born_on, row.gender, row.id_number_last4],
    ['1985-03-14', (500 + (count % 400)) % 2 ? 'male' : 'female', right.slice(-4)],
  )
  const page = (await company.agent.get(`/desk/people/${id}`)).text
  assert.ok(page.includes(maskId(right)) && !page.includes(right) && !page.includes(person.id_number ?? ''))
})

test('whether an ID number is registered is told only for a whole application, counted and logged', async () => {
  const company = await newCompany(portal)
  const id = await hired(company, await somebody())
  const other = await somebody()
  await hired(await newCompany(portal), other)
  const kase = idIn(await company.agent.post(`/desk/people/${id}/change`))
  const fields = { new_id_number: other.id_number ?? '' }
  const log = () => portal.db('action_log').where({ action: 'person.refuse', organisation_id: company.id })

  const without = plain((await submit(company, kase, [], fields)).text)
  assert.match(without, /请在“材料”里上传身份证/)
  assert.doesNotMatch(without, /已经登记/)
  assert.equal((await log()).length, 0)
  assert.match(plain((await submit(company, kase, ['identity'], fields)).text), /已经登记，不能更正成它/)
  assert.equal((await log()).length, 1)
  for (let n = 1; n < 20; n++) await submit(company, kase, [], fields)
  const last = plain((await submit(company, kase, [], fields)).text)
  assert.match(last, /分钟后再试/)
  assert.doesNotMatch(last, /已经登记/)
  assert.equal((await log()).length, 20)
})

test('what somebody does changes at once, and is read back as it was', async () => {
  const link = await portal.db('project_links').where({ live: 1 }).first('company_id', 'project_id')
  const project = await portal.db('projects').where({ id: link.project_id }).first('name')
  const username = await newUser(portal, { organisation_id: link.company_id, role: 'company-clerk', region_code: '370100' })
  shiftClock(-5 * 86_400_000)
  const early = await portal.as(username)
  const id = idIn(await early.post('/desk/people/new', await somebody({ starts_on: today() })))
  const past = today()
  shiftClock(0)
  const agent = await portal.as(username)
  const [job] = await jobs(id)
  const path = `/desk/people/employments/${job.id}/edit`
  const edit = await agent.get(path)
  assert.ok(edit.text.includes(`<option value="${link.project_id}">${project.name}</option>`))
  assert.doesNotMatch(edit.text, /name="starts_on"/, 'the day somebody came is the office’s to correct')
  const fields = { version: String(job.version), post: 'project-manager', project_id: String(link.project_id) }
  assert.equal((await agent.post(path, { ...fields, project_id: '999999999' })).status, 422)

  assert.equal((await agent.post(path, fields)).status, 303)

  const page = plain((await agent.get(`/desk/people/${id}`)).text)
  assert.match(page, /岗位类别 管理员 项目经理/)
  assert.ok(page.includes(`所在项目 — ${project.name}`))
  const then = plain((await agent.get(`/desk/people/${id}?on=${past}`)).text)
  assert.match(then, /岗位 管理员/)
  assert.ok(!then.includes(project.name))
})

test('as it was on a past day', async () => {
  const company = await newCompany(portal)
  shiftClock(-40 * 86_400_000)
  const early = await portal.as(company.username)
  const person = await somebody({ specialty: '会计学' })
  const made = await early.post('/desk/people/new', person)
  const id = idIn(made)
  const past = today()
  shiftClock(0)
  const agent = await portal.as(company.username)
  const edit = await agent.get(`/desk/people/${id}/edit`)
  const version = /name="version" value="(\d+)"/.exec(edit.text)?.[1] ?? ''
  await agent.post(`/desk/people/${id}/edit`, { version, name: person.name ?? '', specialty: '物业管理' })
  await leave({ ...company, agent }, id)

  const then = plain((await district.get(`/desk/people/${id}?on=${past}`)).text)
  const now = plain((await district.get(`/desk/people/${id}`)).text)

  assert.match(then, /会计学/)
  assert.match(then, /在职/)
  assert.match(now, /物业管理/)
  assert.match(now, /已离职/)
  assert.match(plain((await district.get(`/desk/people/${id}?on=2020-01-01`)).text), /还没有这份档案/)
})

test('a removal that leaves a company below its level warns both sides', async () => {
  const { computeWarnings } = await import('../src/warnings/warnings.ts')
  const company = await newCompany(portal)
  await portal.db('certificates').insert({
    company_id: company.id,
    number: `试-${process.pid}`,
    level: 'third',
    state: 'valid',
    issuer: '济南市住房和城乡建设局',
    approved_on: addDays(today(), -100),
    issued_on: addDays(today(), -100),
    valid_until: addDays(today(), 600),
    created_at: new Date(),
    updated_at: new Date(),
  })
  const ids: number[] = []
  for (let n = 0; n < 10; n++) ids.push(await hired(company, await somebody()))
  await portal.db('people').whereIn('id', ids.slice(0, 5)).update({ title: 'intermediate' })
  const last = ids.at(-1) ?? 0

  const page = await company.agent.get(`/desk/people/${last}/leave`)
  assert.match(plain(page.text), /减员后专职管理和技术人员 9 人，少于 10 人（三级资质的要求）/)
  await computeWarnings(portal.db)
  assert.equal(
    await portal
      .db('warnings')
      .where({ kind: 'staff-shortage', organisation_id: company.id })
      .then(rows => rows.length),
    0,
  )
  assert.equal((await leave(company, last)).status, 303)

  assert.match((await company.agent.get('/desk/messages')).text, /低于资质等级要求/)
  assert.match((await city.get('/desk/messages')).text, new RegExp(`${company.name}减员后人员数量低于资质等级要求`))
  await computeWarnings(portal.db)
  const [warning] = await portal.db('warnings').where({ kind: 'staff-shortage', organisation_id: company.id })
  assert.equal(warning.stage, 'staff')
  assert.match((await company.agent.get('/desk/lists/warnings')).text, /少于 10 人/)
  await hired(company, await somebody())
  await computeWarnings(portal.db)
  assert.ok((await portal.db('warnings').where({ id: warning.id }).first()).closed_at)
})

test('a project manager who leaves is in charge no more, and the company hears of it', async () => {
  const link = await portal.db('project_links').where({ live: 1 }).whereNotNull('manager_id').first()
  const manager = link.manager_id
  const user = await newUser(portal, { organisation_id: link.company_id, role: 'company-admin', region_code: '370100' })
  await portal.db('people').where({ id: manager }).update({ title: 'junior', credential: 'project-manager' })
  const agent = await portal.as(user)
  const company = { id: link.company_id, username: user, name: '', agent }
  assert.match(plain((await agent.get(`/desk/people/${manager}/leave`)).text), /的项目负责人，减员后请在 30 日内变更/)

  assert.equal((await leave(company, manager, { ends_on: today() })).status, 303)

  assert.equal((await portal.db('project_links').where({ id: link.id }).first()).manager_id, null)
  assert.match((await agent.get('/desk/messages')).text, /项目负责人已离职/)
})

/** The smallest picture that is one. */
const png = new Blob(
  [Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')],
  { type: 'image/png' },
)

test('the photo is put up by the own company or an office and seen by who sees the person', async () => {
  const [company, other] = [await newCompany(portal), await newCompany(portal)]
  const id = await hired(company, await somebody())
  const send = async (agent: Agent, photo: Blob, name: string) => {
    const body = new FormData()
    body.append('photo', photo, name)
    return await agent.raw(`/desk/people/${id}/photo`, { method: 'POST', body, headers: { origin: agent.base } })
  }
  assert.equal((await send(other.agent, png, '照片.png')).status, 404)
  assert.equal((await send(company.agent, paper('不是照片'), '照片.pdf')).status, 422)
  assert.equal((await send(company.agent, png, '照片.png')).status, 303)

  const [, path = ''] = /src="(\/files\/\d+)"/.exec((await district.get(`/desk/people/${id}`)).text) ?? []
  const shown = await district.raw(path, {})
  assert.deepEqual([shown.status, shown.headers.get('content-type')], [200, 'image/png'])
  assert.equal((await other.agent.get(path)).status, 404)
  assert.equal((await send(district, png, '新照片.png')).status, 303)
  assert.equal(
    await portal
      .db('files')
      .where({ subject_type: 'person', subject_id: id })
      .then(rows => rows.length),
    1,
  )
})

test('in a browser: refused because of another employer, a company goes the way of an objection', async () => {
  const [first, second] = [await newCompany(portal), await newCompany(portal)]
  const person = await somebody()
  await hired(first, person)
  const { page, context, problems } = await visit(browser, { base: portal.base })
  await signIn(page, second.username)
  await page.goto('/desk/people/new')

  await page.getByLabel('姓名', { exact: true }).fill(person.name ?? '')
  await page.getByLabel('身份证号', { exact: true }).fill(person.id_number ?? '')
  await page.getByLabel('职称级别').selectOption('无')
  await page.getByLabel('岗位类别').selectOption('管理员')
  await page.getByLabel('入职日期').fill(today())
  await page.getByRole('button', { name: '保存' }).click()

  // What a form answers is shown in the tab it was sent from.
  const tab = page.frameLocator('iframe.shown')
  await tab.getByText('该人员已在其他物业企业在职').first().waitFor()
  assert.deepEqual(await violations(page), [])
  assert.equal(await sidewaysScroll(page), 0)
  await tab.getByRole('button', { name: '提交人员归属异议' }).click()
  await tab.getByLabel('异议理由').waitFor()
  assert.equal(await tab.getByLabel('入职日期').inputValue(), today())
  assert.deepEqual(problems, [])
  await context.close()
})

test('the pages of people hold in both widths and for axe', async () => {
  const company = await newCompany(portal)
  const id = await hired(
    company,
    await somebody({ credential: 'electrician', credential_number: 'DG-1', credential_until: addDays(today(), 20) }),
  )
  const gone = await hired(company, await somebody())
  await leave(company, gone)
  const [job] = await jobs(id)
  const { page, context, problems } = await visit(browser, { base: portal.base })
  await signIn(page, company.username)

  for (const path of [
    '/new',
    `/${id}`,
    `/${id}?on=${addDays(today(), -1)}`,
    `/${gone}`,
    `/${id}/edit`,
    `/employments/${job.id}/edit`,
    `/${id}/leave`,
    `/${id}/photo`,
  ])
    for (const viewport of [phone, desktop]) {
      await page.setViewportSize(viewport)
      assert.equal((await page.goto(`/desk/people${path}`))?.status(), 200, path)
      assert.deepEqual(await violations(page), [], `${path} at ${viewport.width}`)
      assert.equal(await sidewaysScroll(page), 0, `${path} at ${viewport.width}`)
    }
  assert.deepEqual(problems, [])
  await context.close()
})
