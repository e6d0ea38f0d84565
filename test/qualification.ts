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
  const first17 = `370100199001${String(1 + (n % 28)).padStart(2, '0')}${String(100 + n).padStart(3, '0')}`
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
