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

/** 资质注销 and 遗失补办: what becomes of the certificate, its papers and what the public reads of them. */

let portal: TestPortal
before(async () => {
  portal = await startPortal({ demo: true })
})
after(async () => {
  shiftClock(0)
  await portal?.stop()
})

const { addDays } = await import('../src/calendar.ts')
const { now, shiftClock, today } = await import('../src/clock.ts')
const { onPaper } = await import('../src/documents/printing.ts')

const desks = new Map<string, Agent>()
async function desk(username: string): Promise<Agent> {
  const agent = desks.get(username) ?? (await portal.as(username))
  desks.set(username, agent)
  return agent
}

const papers: Readonly<Record<string, readonly string[]>> = {
  'qualification-cancel': ['application-form', 'old-certificate', 'pledge'],
  'qualification-reissue': ['application-form', 'newspaper', 'business-licence', 'pledge'],
}

async function hand(agent: Agent, id: number, ...materials: readonly string[]): Promise<void> {
  for (const material of materials) {
    const answer = await upload(agent, id, material)
    assert.equal(answer.status, 303, await answer.text())
  }
}

async function submit(agent: Agent, id: number, fields: Record<string, string> = {}) {
  return await agent.post(`/desk/cases/${id}/submit`, { pledge: 'on', ...(await versionsOf(portal, id)), ...fields })
}

/** A draft with all required papers. */
async function draft(applicant: Applicant, kind: string): Promise<number> {
  const id = await startCase(applicant.agent, kind)
  await hand(applicant.agent, id, ...(papers[kind] ?? []))
  return id
}

async function submitted(applicant: Applicant, kind: string, fields: Record<string, string>): Promise<number> {
  const id = await draft(applicant, kind)
  const answer = await submit(applicant.agent, id, fields)
  assert.equal(answer.status, 303, plain(answer.text))
  return id
}

interface Certified extends Applicant {
  certificate: number
  number: string
  main: string
  copy: string
}

/** A company with the certificate of an approved 新设立申报, and the codes of its two papers. */
async function certified(): Promise<Certified> {
  const company = await newCompany(portal)
  const id = await submitWhole(portal, company)
  await passAll(portal, id)
  await endPublicity(portal, id)
  const row: { id: number; number: string } = await liveOf(company.id)
  const [main, copy] = await papersOf(row.id)
  return { ...company, certificate: row.id, number: row.number, main: main.code, copy: copy.code }
}

const liveOf = (company_id: number) => portal.db('certificates').where({ company_id, live: 1 }).first()
const caseOf = (id: number) => portal.db('cases').where({ id }).first()
const papersOf = (certificate: number) =>
  portal.db('documents').where({ object_type: 'certificate', object_id: certificate }).orderBy('id')

/** What anybody reads behind the code of a paper. */
async function verify(code: string): Promise<{ headline: string; words: string }> {
  await portal.db('rate_limits').delete()
  const { text } = await portal.anyone().get(`/verify/${code}`)
  return { headline: /<main[\s\S]*?<h1>(.*?)<\/h1>/.exec(text)?.[1] ?? '', words: plain(text) }
}

// ── 资质注销 ─────────────────────────────────────────────────────────────────────────────────

test('a company that closes gives its certificate back; the head of the bureau decides, and everybody can read it', async () => {
  const company = await certified()
  const id = await draft(company, 'qualification-cancel')
  const asked = { reason: 'closed', licence_cancelled_on: addDays(today(), -20) }
  const unproved = await submit(company.agent, id, asked)
  assert.equal(unproved.status, 422)
  assert.match(unproved.text, /请在材料里上传营业执照注销证明/)
  await hand(company.agent, id, 'licence-cancellation')
  assert.match(
    (await submit(company.agent, id, { reason: 'closed', licence_cancelled_on: '' })).text,
    /请填写营业执照注销登记日期/,
  )
  const future = await submit(company.agent, id, { reason: 'closed', licence_cancelled_on: addDays(today(), 1) })
  assert.match(future.text, /注销登记日期 .* 还没有到/)
  assert.equal((await submit(company.agent, id, asked)).status, 303)
  assert.equal((await caseOf(id)).late_days, 5)

  assert.equal(await passAll(portal, id, { until: 'city-approver' }), 'reviewing')
  assert.equal((await caseOf(id)).holder_role, 'city-approver')
  assert.equal((await verify(company.main)).headline, '有效')
  const { version } = await versionsOf(portal, id)
  const approver = await desk('city-approver')
  const pass = () => approver.post(`/desk/cases/${id}/steps`, { action: 'pass', version })
  const answers = await Promise.all([pass(), pass()])
  assert.ok(answers.every(({ status }) => status === 303 || status === 409))
  assert.ok(answers.some(({ status }) => status === 303))

  assert.equal(await liveOf(company.id), undefined)
  const row = await portal.db('certificates').where({ id: company.certificate }).first()
  assert.deepEqual([row.state, row.ended_on, row.end_reason], ['cancelled', today(), '企业歇业'])
  assert.match(row.end_basis, /资质管理办法.*第十六条$/)
  for (const code of [company.main, company.copy]) {
    const page = await verify(code)
    assert.equal(page.headline, '已注销，不能再使用')
    assert.ok(page.words.includes('原因： 企业歇业'), page.words)
  }
  const kase = await caseOf(id)
  assert.match(kase.number, /^济物资销〔\d{4}〕\d{4}号$/)
  const proofs = await portal.db('documents').where({ case_id: id, paper: 'proof' })
  assert.equal(proofs.length, 1)
  assert.equal((await verify(proofs[0].code)).headline, '有效')
  assert.ok(proofs[0].facts.includes(company.number))
  const page = await company.agent.get(`/desk/cases/${id}`)
  assert.ok(page.text.includes(`href="/desk/cases/${id}/papers/${proofs[0].id}.pdf"`))
  assert.equal((await company.agent.raw(`/desk/cases/${id}/papers/${proofs[0].id}.pdf`, {})).status, 200)
  const archive = await (await desk('city-clerk')).get(`/desk/companies/${company.id}`)
  assert.match(archive.text, /已注销/)
  assert.match((await company.agent.post('/desk/cases/new/qualification-change')).text, /注销，不能办理资质变更/)
  const stranger = await newCompany(portal)
  assert.equal((await stranger.agent.get(`/desk/cases/${id}`)).status, 404)
  assert.equal((await stranger.agent.raw(`/desk/cases/${id}/papers/${proofs[0].id}.pdf`, {})).status, 404)
})

test('who gives up a certificate needs no cancelled licence; projects, contracts and open cases are pointed out', async () => {
  const company = await newCompany(portal)
  await holdCertificate(portal, company.id)
  const at = now()
  const link = await portal.db('project_links').where({ live: 1 }).first()
  const contract = await portal.db('contracts').where({ state: 'filed' }).where('ends_on', '>', today()).first()
  await portal.db('project_links').where({ id: link.id }).update({ company_id: company.id, updated_at: at })
  await portal.db('contracts').where({ id: contract.id }).update({ company_id: company.id, updated_at: at })
  const report = await startCase(company.agent, 'company-change')
  await hand(company.agent, report, 'application-form', 'business-licence')
  assert.equal((await submit(company.agent, report, { changed_on: today(), capital: '90' })).status, 303)

  const id = await submitted(company, 'qualification-cancel', { reason: 'voluntary' })

  const project = await portal.db('projects').where({ id: link.project_id }).first('name')
  const review = await (await desk('district-clerk')).get(`/desk/cases/${id}`)
  assert.match(review.text, new RegExp(`${project.name}，请先办理项目移交`))
  assert.match(review.text, /履行中的已备案物业服务合同[\s\S]*?1 份/)
  assert.match(review.text, /没有其他在办业务[\s\S]*?1 件/)
  assert.equal(await passAll(portal, id), 'done')
  const row = await portal.db('certificates').where({ company_id: company.id }).first()
  assert.deepEqual([row.state, row.end_reason, row.end_basis], ['cancelled', '企业自愿放弃资质', '行政许可法第七十条'])
})

test('a certificate that was replaced since is not ended in its place', async () => {
  const company = await newCompany(portal)
  const first = await holdCertificate(portal, company.id, { level: 'provisional' })
  const id = await submitted(company, 'qualification-cancel', { reason: 'voluntary' })
  await passAll(portal, id, { until: 'city-approver' })
  await portal.db('certificates').where({ id: first }).update({ state: 'replaced', ended_on: today() })
  const second = await holdCertificate(portal, company.id)

  const answer = await press(portal, await desk('city-approver'), id, 'pass')

  assert.equal(answer.status, 409)
  assert.match(answer.text, /企业现在持有的是/)
  assert.equal((await liveOf(company.id)).id, second)
  const refused = await press(portal, await desk('city-approver'), id, 'refuse', { opinion: '证书已换发，请核对。' })
  assert.equal(refused.status, 303)
  const { number } = await liveOf(company.id)
  const again = await company.agent.get(`/desk/cases/${id}`)
  assert.ok(again.text.includes(`readonly value="${number}"`), 'the draft reads the register anew')
})

// ── 遗失补办 ─────────────────────────────────────────────────────────────────────────────────

const lost = () => ({ newspaper: '济南日报', notice_on: addDays(today(), -12), notice_page: 'A07 版' })

test('a lost 正本 is printed again and marked 补; the lost one is void, the 副本 stays valid', async () => {
  const company = await certified()
  // Printed yesterday: a notice is about the paper that is there already.
  const printedOn = addDays(today(), -1)
  await portal.db('certificate_editions').where({ certificate_id: company.certificate }).update({ issued_on: printedOn })
  const id = await draft(company, 'qualification-reissue')
  const fields = { papers: 'main', ...lost() }
  const early = await submit(company.agent, id, fields)
  assert.equal(early.status, 422)
  assert.match(early.text, /不在现证书的制发日期 .* 之后，声明的不是现在这一份证书/)
  const future = await submit(company.agent, id, { ...fields, notice_on: addDays(today(), 1) })
  assert.match(future.text, /登报日期 .* 还没有到/)
  const fresh = await submit(company.agent, id, { ...fields, notice_on: today() })
  assert.equal(fresh.status, 422)
  assert.ok(fresh.text.includes(`${addDays(today(), 10)} 起可以提交`), plain(fresh.text))
  assert.match(fresh.text, /name="newspaper"[^>]*value="济南日报"/)
  const notice_on = today()
  try {
    shiftClock(11 * 86_400_000)
    desks.clear()
    const applicant = { ...company, agent: await portal.as(company.username) }
    assert.equal((await submit(applicant.agent, id, { ...fields, notice_on })).status, 303)
    await passAll(portal, id, { until: 'city' })
    const { version } = await versionsOf(portal, id)
    const reviewer = await desk('city-reviewer')
    const pass = () => reviewer.post(`/desk/cases/${id}/steps`, { action: 'pass', version })
    const answers = await Promise.all([pass(), pass(), pass()])
    assert.ok(answers.every(({ status }) => status === 303 || status === 409))

    const row = await liveOf(company.id)
    assert.deepEqual([row.id, row.number, row.edition], [company.certificate, company.number, 2])
    const printed = await papersOf(company.certificate)
    assert.deepEqual(
      printed.map(({ paper }) => paper),
      ['certificate-main', 'certificate-copy', 'certificate-main'],
    )
    assert.equal(JSON.parse(printed[2].facts).reissued, today())
    const gone = await verify(company.main)
    assert.equal(gone.headline, '遗失作废，不能再使用')
    assert.ok(gone.words.includes(`${onPaper(today())}起失效`), gone.words)
    assert.equal((await verify(company.copy)).headline, '有效')
    assert.equal((await verify(printed[2].code)).headline, '有效')
    const page = await applicant.agent.get(`/desk/cases/${id}`)
    assert.ok(page.text.includes(`href="/desk/cases/${id}/papers/${printed[2].id}.pdf"`))

    // A change later replaces what was printed last; what was lost stays lost.
    const change = await startCase(applicant.agent, 'qualification-change')
    await hand(
      applicant.agent,
      change,
      'application-form',
      'business-licence',
      'registration-notice',
      'old-certificate',
      'pledge',
    )
    assert.equal((await submit(applicant.agent, change, { changed_on: today(), capital: '350' })).status, 303)
    assert.equal(await passAll(portal, change), 'done')
    assert.equal((await verify(company.main)).headline, '遗失作废，不能再使用')
    assert.equal((await verify(company.copy)).headline, '已换发，不能再使用')
    assert.equal((await verify(printed[2].code)).headline, '已换发，不能再使用')
    const [, , , main] = await papersOf(company.certificate)
    assert.equal(JSON.parse(main.facts).reissued, undefined)
    assert.equal((await verify(main.code)).headline, '有效')
  } finally {
    shiftClock(0)
    desks.clear()
  }
})

test('both papers lost are both printed again; who has no certificate of the city’s is sent to whoever printed it', async () => {
  const company = await newCompany(portal)
  const certificate = await holdCertificate(portal, company.id)
  const id = await submitted(company, 'qualification-reissue', { papers: 'both', ...lost() })
  assert.equal(await passAll(portal, id), 'done')
  assert.deepEqual((await papersOf(certificate)).map(({ paper }) => paper).sort(), ['certificate-copy', 'certificate-main'])

  for (const level of ['first', 'second']) {
    const other = await newCompany(portal)
    await holdCertificate(portal, other.id, { level })
    const answer = await other.agent.post('/desk/cases/new/qualification-reissue')
    assert.equal(answer.status, 409)
    assert.match(answer.text, /本市不能补办。请在报刊上声明后，向发证机关申请/)
  }
  const late = await newCompany(portal)
  await holdCertificate(portal, late.id, { valid_until: addDays(today(), -3) })
  assert.match((await late.agent.post('/desk/cases/new/qualification-reissue')).text, /届满失效。资质管理办法第十三条/)
  assert.match((await late.agent.post('/desk/cases/new/qualification-cancel')).text, /已经失效的不用申请注销/)
})
