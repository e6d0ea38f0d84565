import assert from 'node:assert/strict'
import type { Agent, TestPortal } from './portal.ts'

/** People and papers for tests of cases: a new company with its account, a complete application, the officers of 历下区 and the city. */

export interface Applicant {
  id: number
  username: string
  name: string
  agent: Agent
}

let serial = 0

/** A company of 历下区 without certificate, with one account. Everything a registration would have written. */
export async function newCompany(portal: TestPortal, { district = '370102', role = 'company-admin' } = {}): Promise<Applicant> {
  const { nameKey } = await import('../src/database/names.ts')
  const { checkSignOfCreditCode, checkSignOfOrganisationCode } = await import('../src/identifiers.ts')
  const { now } = await import('../src/clock.ts')
  serial++
  const name = `济南试${String.fromCodePoint(0x4e00 + (process.pid % 500) + serial * 7)}物业服务有限公司${serial}`
  const body8 = `MT${String(process.pid % 1000).padStart(3, '0')}${String(serial).padStart(3, '0')}`
  const first17 = `91${district}${body8}${checkSignOfOrganisationCode(body8)}`
  const code = first17 + checkSignOfCreditCode(first17)
  const at = now()
  const stamps = { created_at: at, updated_at: at }
  const [id = 0] = await portal.db('organisations').insert({
    kind: 'company',
    name,
    name_key: nameKey(name),
    code,
    region_code: district,
    district_code: district,
    contact: '王小满',
    phone: '15400000001',
    address: '历下区试验路1号',
    ...stamps,
  })
  await portal.db('companies').insert({
    id,
    origin: 'city',
    ownership: 'limited',
    legal_person: '李大山',
    registered_address: '历下区试验路1号',
    ...stamps,
  })
  await portal.db('company_areas').insert({ region_code: district, company_id: id, basis: 'registered' })
  const username = await newUser(portal, { organisation_id: id, role, region_code: district })
  return { id, username, name, agent: await portal.as(username) }
}

/** An account with a role, signing in with the demo password. */
export async function newUser(
  portal: TestPortal,
  { organisation_id, role, region_code }: { organisation_id: number; role: string; region_code: string },
): Promise<string> {
  const { nameKey } = await import('../src/database/names.ts')
  const { now } = await import('../src/clock.ts')
  const hash: { password_hash: string } | undefined = await portal
    .db('users')
    .where({ username: 'company' })
    .first('password_hash')
  serial++
  const username = `t${process.pid}-${serial}`
  const at = now()
  const name = `试员${'甲乙丙丁戊己庚辛壬癸'[serial % 10]}${serial}`
  const [user_id = 0] = await portal.db('users').insert({
    username,
    name,
    name_key: nameKey(name, true),
    organisation_id,
    password_hash: hash?.password_hash,
    password_changed_at: at,
    must_change_password: false,
    demo: true,
    created_at: at,
    updated_at: at,
  })
  await portal.db('user_roles').insert({ user_id, role, region_code, granted_at: at })
  return username
}

/** An ID number of the region nobody is registered in. */
export async function residentId(n: number): Promise<string> {
  const { checkSignOfResidentId } = await import('../src/identifiers.ts')
  const year = 1990 + (Math.floor(n / 900) % 10)
  const first17 = `370100${year}01${String(1 + (n % 28)).padStart(2, '0')}${100 + (n % 900)}`
  return first17 + checkSignOfResidentId(first17)
}

/** The fields of a complete application, as the page posts them: ten people, five of them with a title, both heads. */
export async function wholeForm(changes: Record<string, string> = {}): Promise<Record<string, string>> {
  const { today } = await import('../src/clock.ts')
  const fields: Record<string, string> = {
    legal_person_id: await residentId(900 % 800),
    legal_person_phone: '15400000002',
    capital: '200',
    ownership: 'limited',
    established_on: today(),
    office_address: '历下区试验路1号3层',
    contact: '王小满',
    contact_phone: '15400000001',
    pledge: 'on',
  }
  for (let n = 0; n < 10; n++) {
    const post = n === 0 ? 'engineering-head' : n === 1 ? 'finance-head' : n < 8 ? 'steward' : 'technician'
    Object.assign(fields, {
      [`people.${n}.name`]: `试${'赵钱孙李周吴郑王冯陈'[n]}一`,
      [`people.${n}.id_number`]: await residentId(serial * 10 + n),
      [`people.${n}.post`]: post,
      [`people.${n}.title`]: n < 5 ? 'intermediate' : 'none',
      [`people.${n}.title_number`]: n < 5 ? `ZC-${process.pid}-${serial}-${n}` : '',
      [`people.${n}.credential`]: post === 'steward' ? 'property-manager' : '',
      [`people.${n}.credential_number`]: post === 'steward' ? `ZG-${process.pid}-${serial}-${n}` : '',
      [`people.${n}.contract_until`]: '',
    })
  }
  return { ...fields, ...changes }
}

/** A small paper that is a PDF; `words` make it different from others. */
export function paper(words: string): Blob {
  const content = `%PDF-1.4\n%\u00e2\u00e3\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj\n% ${words}\ntrailer<</Root 1 0 R>>\n%%EOF\n`
  return new Blob([content], { type: 'application/pdf' })
}

/** Uploads one file for a material, as the page without script does. */
export async function upload(agent: Agent, caseId: number, material: string, words = material): Promise<Response> {
  const body = new FormData()
  body.append('files', paper(`${caseId} ${words}`), `${material}.pdf`)
  return await agent.raw(`/desk/cases/${caseId}/materials/${material}`, {
    method: 'POST',
    body,
    headers: { origin: agent.base },
  })
}

/** Starts a case of a kind. @returns its id */
export async function startCase(agent: Agent, kind = 'qualification-new'): Promise<number> {
  const answer = await agent.post(`/desk/cases/new/${kind}`)
  assert.equal(answer.status, 303, answer.text.slice(0, 2000))
  return Number(/\/desk\/cases\/(\d+)/.exec(answer.location ?? '')?.[1])
}

/** The versions a page of a case was opened with. */
export async function versionsOf(portal: TestPortal, id: number): Promise<{ version: string; draft_version: string }> {
  const row: { version: number; draft: number } | undefined = await portal
    .db('cases')
    .leftJoin('case_drafts', 'case_drafts.case_id', 'cases.id')
    .where({ 'cases.id': id })
    .first('cases.version', 'case_drafts.version as draft')
  return { version: String(row?.version), draft_version: String(row?.draft) }
}

/** Fills in, uploads everything required and submits. */
export async function submitWhole(
  portal: TestPortal,
  applicant: Applicant,
  kind = 'qualification-new',
  changes: Record<string, string> = {},
): Promise<number> {
  const { findKind, standardOf } = await import('../src/cases/kind.ts')
  const found = findKind(kind)
  assert.ok(found)
  const id = await startCase(applicant.agent, kind)
  for (const material of standardOf(found).materials.filter(material => material.required)) {
    const answer = await upload(applicant.agent, id, material.code)
    assert.equal(answer.status, 303, `${material.code}: ${await answer.text()}`)
  }
  const extra = kind === 'qualification-confirm' ? { revenue: '100', profit: '10' } : undefined
  const answer = await applicant.agent.post(`/desk/cases/${id}/submit`, {
    ...(await wholeForm({ ...extra, ...changes })),
    ...(await versionsOf(portal, id)),
  })
  assert.equal(answer.status, 303, plain(answer.text))
  return id
}

/** Presses a button on a case page. */
export async function press(
  portal: TestPortal,
  agent: Agent,
  id: number,
  action: string,
  fields: Record<string, string | string[]> = {},
) {
  const { version } = await versionsOf(portal, id)
  return await agent.post(`/desk/cases/${id}/steps`, { action, version, ...fields })
}

/** What 区县初审 records with 通过. */
export async function visit(): Promise<Record<string, string>> {
  const { today } = await import('../src/clock.ts')
  return { visited_on: today(), officers: '周砚秋、郑伯川', finding: '办公场所、人员在岗属实。' }
}

/** The words of a page, for messages of failed assertions. */
export function plain(html: string): string {
  return html
    .replace(/<(script|style|svg)[\s\S]*?<\/\1>/g, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ')
    .slice(0, 4000)
}

/** A certificate the company holds, as one from before the portal: no papers of ours. @returns its id */
export async function holdCertificate(
  portal: TestPortal,
  company_id: number,
  changes: { level?: string; number?: string; approved_on?: string; valid_until?: string | null; state?: string } = {},
): Promise<number> {
  const { addDays } = await import('../src/calendar.ts')
  const { now, today } = await import('../src/clock.ts')
  serial++
  const approved_on = changes.approved_on ?? addDays(today(), -400)
  const at = now()
  const [id = 0] = await portal.db('certificates').insert({
    company_id,
    number: `鲁济物3-2020-T${process.pid}${serial}`,
    level: 'third',
    state: 'valid',
    issuer: '济南市住房和城乡建设局',
    issued_on: approved_on,
    valid_until: addDays(today(), 400),
    created_at: at,
    updated_at: at,
    ...changes,
    approved_on,
  })
  return id
}

const deskUsers: Readonly<Record<string, string>> = {
  'district-clerk': 'district-clerk',
  'district-reviewer': 'district-reviewer',
  'city-clerk': 'city-clerk',
  'city-reviewer': 'city-reviewer',
  'city-approver': 'city-approver',
}

/**
 * Takes a submitted case of 历下区 through its desks, as far as they go: 受理, then 通过 at each, with visit and outcome where asked for.
 * @param conclusion what the deciding desk writes down
 * @returns the state it has come to
 */
export async function passAll(
  portal: TestPortal,
  id: number,
  { conclusion = {}, until }: { conclusion?: Record<string, string>; until?: string } = {},
): Promise<string> {
  const { today } = await import('../src/clock.ts')
  for (let turns = 12; turns; turns--) {
    const row: { state: string; place: string | null; holder_role: string | null; version: number } | undefined = await portal
      .db('cases')
      .where({ id })
      .first('state', 'place', 'holder_role', 'version')
    assert.ok(row)
    if (row.place === until || !row.holder_role || !['submitted', 'reviewing'].includes(row.state)) return row.state
    const agent = await portal.as(deskUsers[row.holder_role] ?? row.holder_role)
    const page = await agent.get(`/desk/cases/${id}`)
    const action = row.state === 'submitted' ? 'accept' : 'pass'
    const fields = {
      action,
      version: String(row.version),
      ...conclusion,
      ...(page.text.includes('name="visited_on"') ? await visit() : {}),
    }
    if (page.text.includes('name="outcome_number"')) {
      const body = new FormData()
      const outcome = { outcome_number: `鲁建物〔2026〕${id}号`, outcome_on: today(), ...fields }
      for (const [name, value] of Object.entries(outcome)) body.append(name, value)
      body.append('files', paper(`outcome ${id} ${row.version}`), '批复.pdf')
      const answer = await agent.raw(`/desk/cases/${id}/outcome`, { method: 'POST', body, headers: { origin: agent.base } })
      assert.equal(answer.status, 303, plain(await answer.text()))
    } else {
      const answer = await agent.post(`/desk/cases/${id}/steps`, fields)
      assert.equal(answer.status, 303, `${row.place}: ${plain(answer.text)}`)
    }
  }
  throw new Error('the case does not come to an end')
}

/** Ends the publicity of a case by passing its days, and lets the job move it. */
export async function endPublicity(portal: TestPortal, id: number): Promise<void> {
  const { addDays } = await import('../src/calendar.ts')
  const { today } = await import('../src/clock.ts')
  const { moveDueCases } = await import('../src/cases/by-clock.ts')
  await portal
    .db('publicities')
    .where({ case_id: id, open: 1 })
    .update({ ends_on: addDays(today(), -1) })
  await moveDueCases(portal.db)
}

/** Somebody objects to the publicity of a case. */
export async function objectTo(portal: TestPortal, case_id: number): Promise<void> {
  const publicity: { id: number } | undefined = await portal.db('publicities').where({ case_id, open: 1 }).first('id')
  assert.ok(publicity, `case ${case_id} is not before the public`)
  const stranger = portal.anyone()
  const page = await stranger.get(`/publicity/${publicity.id}`)
  const hidden = [...page.text.matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(([input]) => [
    /name="([^"]*)"/.exec(input)?.[1] ?? '',
    /value="([^"]*)"/.exec(input)?.[1] ?? '',
  ])
  const answer = await stranger.post(`/publicity/${publicity.id}/objections`, {
    ...Object.fromEntries(hidden),
    name: '赵一',
    phone: '15400000009',
    words: '该公司人员证书不实。',
    consent: 'on',
  })
  assert.equal(answer.status, 201, plain(answer.text))
}
