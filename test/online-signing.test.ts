import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { generateSync } from 'otplib'
import { PDFParse } from 'pdf-parse'
import { contractTerms } from './filing-forms.ts'
import { linkTo, newCommittee, newDeveloper, newProject, type TestProject } from './filings.ts'
import { type Agent, startPortal, type TestPortal } from './portal.ts'
import { type Applicant, newCompany, newUser, plain } from './qualification.ts'

/** 在线签订: drafted from the model, confirmed by both on the same digest; what voids a confirmation, and who sees what. */

let portal: TestPortal
before(async () => {
  portal = await startPortal({ demo: true })
})
after(async () => await portal?.stop())

const { addDays } = await import('../src/calendar.ts')
const { now, today } = await import('../src/clock.ts')
const { newSecret } = await import('../src/accounts/second-factor.ts')
const { digestOf } = await import('../src/documents/documents.ts')
const { signedText, settleSigning } = await import('../src/modules/filings/signings.ts')

const password = 'Wuye@2026'

interface Scene {
  developer: Applicant
  company: Applicant
  project: TestProject
}

async function scene(): Promise<Scene> {
  const [developer, company] = [await newDeveloper(portal), await newCompany(portal)]
  const project = await newProject(portal, developer.id)
  await linkTo(portal, project.id, company.id)
  return { developer, company, project }
}

const rowOf = async (id: number) => {
  const row = await portal.db('signings').where({ id }).first()
  assert.ok(row)
  return row
}

const terms = (changes: Record<string, string> = {}) =>
  contractTerms({
    contract_code: 'HT-2026-88',
    room_area: '260',
    room_place: '1号楼一层',
    special: '乙方每季度公布电梯维保记录。',
    ...changes,
  })

async function draft(agent: Agent, { project, company }: Scene, { phase = 'early', filing = 'new' } = {}): Promise<number> {
  const answer = await agent.post('/desk/signings/new', { pair: `${project.id}-${company.id}-${phase}`, filing })
  assert.equal(answer.status, 303, plain(answer.text))
  return Number(/signings\/(\d+)/.exec(answer.location ?? '')?.[1])
}

const press = async (agent: Agent, id: number, step: string, fields: Record<string, string> = {}) =>
  await agent.post(`/desk/signings/${id}/${step}`, { version: String((await rowOf(id)).version), ...fields })

const confirm = async (agent: Agent, id: number, fields: Record<string, string> = {}) =>
  await agent.post(`/desk/signings/${id}/confirm`, { digest: (await rowOf(id)).digest, password, ...fields })

/** Drafted, filled in and sent. */
async function offer(agent: Agent, place: Scene, rules: { phase?: string } = {}): Promise<number> {
  const id = await draft(agent, place, rules)
  const saved = await press(agent, id, 'edit', terms())
  assert.equal(saved.status, 303, plain(saved.text))
  assert.equal((await press(agent, id, 'offer')).status, 303)
  return id
}

/** The text of a PDF as a reader finds it. */
async function textIn(pdf: Buffer): Promise<string> {
  const parser = new PDFParse({ data: new Uint8Array(pdf) })
  const { text } = await parser.getText()
  await parser.destroy()
  return text.replace(/\s/g, '')
}

test('drafted by the developer, confirmed by both: signed, printed, verified, filed once', async () => {
  const place = await scene()
  const { developer, company, project } = place
  const id = await draft(developer.agent, place)
  assert.equal(await draft(developer.agent, place), id, 'one text at a time')
  const early = await press(developer.agent, id, 'offer')
  assert.equal(early.status, 422, 'not filled in yet')
  assert.equal((await rowOf(id)).state, 'draft')
  assert.equal((await press(developer.agent, id, 'edit', terms())).status, 303)
  const page = await developer.agent.get(`/desk/signings/${id}`)
  for (const words of [developer.name, company.name, project.name, '每平方米 2.20 元', '每季度公布电梯维保记录', '第十二章 附则'])
    assert.ok(plain(page.text).includes(words), words)
  assert.equal((await press(company.agent, id, 'offer')).status, 403, 'the draft is the other one’s')
  assert.equal((await confirm(company.agent, id)).status, 409, 'nothing to confirm yet')
  assert.equal((await press(developer.agent, id, 'offer')).status, 303)
  assert.equal((await press(developer.agent, id, 'offer')).status, 303, 'pressed twice')
  const sent = await rowOf(id)
  assert.equal(sent.digest, digestOf(sent.body))
  assert.equal(
    await portal
      .db('messages')
      .where({ link: `/desk/signings/${id}` })
      .count({ n: '*' })
      .first()
      .then(row => Number(row?.n)),
    1,
  )

  const both = await Promise.all([confirm(company.agent, id), confirm(company.agent, id)])
  assert.deepEqual(
    both.map(answer => answer.status),
    [303, 303],
  )
  assert.equal((await portal.db('signatures').where({ signing_id: id })).length, 1, 'pressed twice, confirmed once')
  assert.equal((await rowOf(id)).state, 'offered')
  assert.equal(
    await signedText(portal.db, { project_id: project.id, company_id: company.id, phase: 'early', filing: 'new' }),
    undefined,
  )
  assert.equal((await confirm(developer.agent, id)).status, 303)
  const signed = await rowOf(id)
  assert.equal(signed.state, 'signed')
  assert.equal(signed.signed_on, today())

  const pdf = await company.agent.raw(`/desk/signings/${id}/contract.pdf`, {})
  assert.equal(pdf.status, 200)
  const bytes = Buffer.from(await pdf.arrayBuffer())
  assert.equal(bytes.subarray(0, 5).toString(), '%PDF-')
  const paper = await portal.db('documents').where({ object_type: 'signing', object_id: id }).first()
  const facts = JSON.parse(paper.facts)
  assert.equal(facts.body, signed.body)
  assert.equal(facts.text_digest, signed.digest)
  assert.deepEqual(
    facts.confirmations.map((one: { organisation: string }) => one.organisation),
    [company.name, developer.name],
  )
  const read = await textIn(bytes)
  for (const words of [signed.digest, company.name, developer.name, '北京时间', '退还相应物业费'])
    assert.ok(read.includes(words.replace(/\s/g, '')), words)
  assert.equal((await developer.agent.raw(`/desk/signings/${id}/contract.pdf`, {})).status, 200)

  const verified = await portal.anyone().get(`/verify/${paper.code}`)
  assert.equal(verified.status, 200)
  assert.match(plain(verified.text), /前期物业服务合同/)
  assert.match(plain(verified.text), /有效/)

  const found = await signedText(portal.db, { project_id: project.id, company_id: company.id, phase: 'early', filing: 'new' })
  assert.equal(found?.id, id)
  assert.equal(found?.answers.signed_on, today())
  assert.equal(found?.answers.contract_code, 'HT-2026-88')
  const filed = await press(company.agent, id, 'file')
  assert.equal(filed.status, 303, plain(filed.text))
  const case_id = Number(/cases\/(\d+)/.exec(filed.location ?? '')?.[1])
  assert.equal((await press(company.agent, id, 'file')).location, filed.location)
  const files = await portal.db('files').where({ case_id, material: 'contract' })
  assert.equal(files.length, 1, 'the PDF is the contract of the filing, once')
  assert.equal(files[0].type, 'application/pdf')
  await portal.db.transaction(trx => settleSigning(trx, id, case_id))
  assert.equal(
    await signedText(portal.db, { project_id: project.id, company_id: company.id, phase: 'early', filing: 'new' }),
    undefined,
  )
  const log = await portal
    .db('action_log')
    .where({ object_type: 'signing', object_id: String(id) })
    .where('action', 'like', 'signing.%')
    .orderBy('id')
    .pluck('action')
  assert.deepEqual(log, [
    'signing.draft',
    'signing.change',
    'signing.offer',
    'signing.confirm',
    'signing.confirm',
    'signing.sign',
  ])
  assert.equal((await press(company.agent, id, 'withdraw')).status, 409, 'a contract that stands is not withdrawn')
})

test('the other order, with the committee: the drafting company confirms first', async () => {
  const place = await scene()
  const committee = await newCommittee(portal, place.project)
  const id = await offer(place.company.agent, place, { phase: 'selected' })
  assert.equal((await confirm(place.company.agent, id)).status, 303)
  assert.equal((await rowOf(id)).holder_id, committee.id)
  assert.equal((await confirm(committee.agent, id)).status, 303)
  assert.equal((await rowOf(id)).state, 'signed')
  assert.match((await rowOf(id)).body, /本项目的业主委员会/)
  assert.equal((await place.developer.agent.get(`/desk/signings/${id}`)).status, 404, 'no side of this contract')
})

test('a changed text voids what was confirmed, and the old page confirms nothing', async () => {
  const place = await scene()
  const { developer, company } = place
  const id = await offer(developer.agent, place)
  const { digest } = await rowOf(id)
  assert.equal((await confirm(developer.agent, id)).status, 303)
  const wordless = await press(company.agent, id, 'return', { words: '' })
  assert.equal(wordless.status, 422)
  assert.equal((await press(company.agent, id, 'return', { words: '单价按 2.30 元' })).status, 303)
  assert.equal((await rowOf(id)).holder_id, developer.id)
  assert.match((await developer.agent.get(`/desk/signings/${id}`)).text, /单价按 2.30 元/)
  assert.equal((await press(company.agent, id, 'edit', terms())).status, 404, 'only the drafter edits')
  assert.equal((await press(developer.agent, id, 'edit', terms({ 'fees.0.price': '2.30' }))).status, 303)
  assert.equal((await press(developer.agent, id, 'offer')).status, 303)
  const stale = await confirm(company.agent, id, { digest })
  assert.equal(stale.status, 409)
  assert.match(plain(stale.text), /摘要已经不同/)
  assert.equal((await confirm(company.agent, id)).status, 303)
  assert.equal((await rowOf(id)).state, 'offered', 'the drafter’s confirmation was of another text')
  assert.equal((await confirm(developer.agent, id)).status, 303)
  assert.equal((await rowOf(id)).state, 'signed')
})

test('even the same terms sent again have another digest', async () => {
  const place = await scene()
  const id = await offer(place.company.agent, place)
  const { digest } = await rowOf(id)
  assert.equal((await press(place.company.agent, id, 'return', { words: '再核对一遍' })).status, 303)
  assert.equal((await press(place.company.agent, id, 'offer')).status, 303)
  assert.notEqual((await rowOf(id)).digest, digest)
})

test('a wrong password confirms nothing and is limited; a clerk does not bind the company', async () => {
  const place = await scene()
  const id = await offer(place.developer.agent, place)
  const wrong = await confirm(place.company.agent, id, { password: 'Falsch@2026' })
  assert.equal(wrong.status, 422)
  assert.match(plain(wrong.text), /密码不对，这次没有确认/)
  assert.equal((await portal.db('signatures').where({ signing_id: id })).length, 0)
  let last = wrong.status
  for (let n = 0; n < 10; n++) last = (await confirm(place.company.agent, id, { password: 'Falsch@2026' })).status
  assert.equal(last, 429)
  assert.equal((await confirm(place.company.agent, id)).status, 429, 'the right one has to wait as well')
  const clerk = await portal.as(
    await newUser(portal, { organisation_id: place.company.id, role: 'company-clerk', region_code: '370102' }),
  )
  assert.equal((await clerk.get(`/desk/signings/${id}`)).status, 200)
  assert.equal((await confirm(clerk, id)).status, 403)
})

test('who is no side finds nothing; offices see what is signed; foreign projects are not drafted for', async () => {
  const place = await scene()
  const stranger = await newCompany(portal)
  const id = await offer(place.developer.agent, place)
  const office = await portal.as('district-clerk')
  assert.equal((await stranger.agent.get(`/desk/signings/${id}`)).status, 404)
  for (const step of ['edit', 'offer', 'return', 'withdraw', 'file'])
    assert.equal((await press(stranger.agent, id, step, { words: '改' })).status, 404, step)
  assert.equal((await confirm(stranger.agent, id)).status, 404)
  const foreign = await stranger.agent.post('/desk/signings/new', {
    pair: `${place.project.id}-${place.company.id}-early`,
    filing: 'new',
  })
  assert.equal(foreign.status, 422)
  assert.equal((await office.get(`/desk/signings/${id}`)).status, 404, 'not before it is signed')
  assert.equal((await confirm(place.company.agent, id)).status, 303)
  assert.equal((await confirm(place.developer.agent, id)).status, 303)
  assert.equal((await office.get(`/desk/signings/${id}`)).status, 200)
  const list = await office.get('/desk/lists/signings')
  assert.ok(list.text.includes(place.project.name))
  assert.ok(!(await stranger.agent.get('/desk/lists/signings')).text.includes(place.project.name))
  assert.ok((await place.company.agent.get(`/desk/projects/${place.project.id}`)).text.includes(`/desk/signings/${id}`))
})

test('a company that no longer serves the project signs nothing, and a withdrawn text is over', async () => {
  const place = await scene()
  const id = await offer(place.developer.agent, place)
  await portal.db('project_links').where({ project_id: place.project.id }).update({ state: 'ended', ends_on: today() })
  const late = await confirm(place.company.agent, id)
  assert.equal(late.status, 409)
  assert.match(plain(late.text), /现在不能签订/)
  assert.equal((await press(place.company.agent, id, 'withdraw')).status, 303)
  assert.equal((await confirm(place.developer.agent, id)).status, 409)
  assert.equal((await rowOf(id)).state, 'withdrawn')
})

test('a text whose terms contradict themselves is not saved, and nothing typed is lost', async () => {
  const place = await scene()
  const id = await draft(place.company.agent, place)
  const wrong = await press(place.company.agent, id, 'edit', terms({ ends_on: addDays(today(), -1), serviced_area: '60000' }))
  assert.equal(wrong.status, 422)
  assert.match(plain(wrong.text), /早于开始日/)
  assert.match(plain(wrong.text), /服务面积大于项目档案/)
  assert.match(wrong.text, /value="60000/)
  assert.match(wrong.text, /每季度公布电梯维保记录/)
})

test('whose account has a second factor is asked for its code, which works once', async () => {
  const place = await scene()
  const id = await offer(place.developer.agent, place)
  const { cipher, secret } = newSecret()
  const at = now()
  await portal
    .db('users')
    .where({ username: place.company.username })
    .update({ totp_secret: cipher, totp_confirmed_at: at, totp_last_step: 0 })
  const page = await place.company.agent.get(`/desk/signings/${id}`)
  assert.match(page.text, /name="code"/)
  assert.equal((await confirm(place.company.agent, id)).status, 422, 'the password is not enough')
  assert.equal((await confirm(place.company.agent, id, { code: '000000' })).status, 422)
  const code = generateSync({ secret, epoch: Math.floor(at.getTime() / 1000) })
  assert.equal((await confirm(place.company.agent, id, { code })).status, 303)
  assert.equal((await portal.db('signatures').where({ signing_id: id }).first('means')).means, 'code')
})
