import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { PDFParse } from 'pdf-parse'
import { type Agent, startPortal, type TestPortal } from './portal.ts'
import {
  type Applicant,
  endPublicity,
  holdCertificate,
  newCompany,
  newUser,
  passAll,
  plain,
  submitWhole,
} from './qualification.ts'

/** Printing certificates: one by one and in batches, what the 副本 carries, and the 打印登记. */

const { now, today } = await import('../src/clock.ts')
const { inTransaction } = await import('../src/db.ts')
const { reissueCertificate } = await import('../src/modules/qualification/certificates.ts')

let portal: TestPortal
let clerk: Agent
const companies: Applicant[] = []
const ids: number[] = []
before(async () => {
  portal = await startPortal({ demo: true })
  clerk = await portal.as('city-clerk')
  for (let n = 0; n < 2; n++) {
    const company = await newCompany(portal)
    const kase = await submitWhole(portal, company)
    await passAll(portal, kase)
    await endPublicity(portal, kase)
    const row = await portal.db('certificates').where({ company_id: company.id, state: 'valid' }).first('id')
    assert.ok(row, 'a certificate with papers')
    companies.push(company)
    ids.push(row.id)
  }
})
after(() => portal.stop())

const rows = async (id: number) => await portal.db('certificate_prints').where({ certificate_id: id }).orderBy('id')
const logged = async () =>
  Number(
    (await portal.db('action_log').where({ action: 'document.print', object_type: 'certificate' }).count({ n: '*' }).first())?.n,
  )

async function pdfOf(agent: Agent, path: string, body?: URLSearchParams): Promise<{ pages: number; text: string }> {
  const answer = await agent.raw(path, {
    method: body ? 'POST' : 'GET',
    headers: { origin: agent.base, 'content-type': 'application/x-www-form-urlencoded' },
    ...(body ? { body: body.toString() } : {}),
  })
  assert.equal(answer.status, 200)
  assert.match(answer.headers.get('content-type') ?? '', /pdf/)
  const parser = new PDFParse({ data: new Uint8Array(await answer.arrayBuffer()) })
  const { total, text } = await parser.getText()
  await parser.destroy()
  return { pages: total, text: text.replace(/\s+/g, '') }
}

const batchOf = (picked: readonly number[], papers: string) =>
  new URLSearchParams([...picked.map((id): [string, string] => ['id', String(id)]), ['papers', papers]])

test('picked in the register, asked once more, printed into one file; every paper stands in the register and the log', async () => {
  const outside = await holdCertificate(portal, (await newCompany(portal)).id, {})
  const asked = await clerk.post('/desk/lists/certificates/picked', {
    do: 'print-certificates',
    query: '',
    key: [...ids, outside].map(String),
  })
  assert.equal(asked.status, 303, plain(asked.text))
  const page = await clerk.get(asked.location ?? '')
  assert.match(plain(page.text), /2 张可以打印.*1 张没有电子件/)
  assert.doesNotMatch(page.text, /以前打印过/)

  const before = await logged()
  const { pages, text } = await pdfOf(clerk, '/desk/certificates/print', batchOf([...ids, outside], 'both'))
  assert.equal(pages, 6, 'for each a page across and two upright')
  for (const company of companies) assert.ok(text.includes(company.name))
  assert.ok(text.includes('第1页，共1页') && text.includes('第2页，共2页'), 'each paper counts its own pages')
  for (const id of ids) {
    const printed = await rows(id)
    assert.deepEqual(printed.map(row => [row.paper, row.copy]).sort(), [
      ['certificate-copy', 0],
      ['certificate-main', 0],
    ])
    assert.equal(new Set(printed.map(row => row.batch)).size, 1)
  }
  assert.equal((await logged()) - before, 4)

  assert.match((await clerk.get(asked.location ?? '')).text, /2 张以前打印过/)
  const again = await pdfOf(clerk, '/desk/certificates/print', batchOf(ids.slice(0, 1), 'main'))
  assert.equal(again.pages, 1)
  assert.deepEqual((await rows(ids[0] ?? 0)).map(row => row.copy).sort(), [0, 0, 1])
})

test('a batch that asks for nothing is refused where it was asked, and nothing is entered', async () => {
  const before = await logged()
  const nothing = await clerk.post('/desk/certificates/print', { id: ids.map(String), papers: '' })
  assert.equal(nothing.status, 422)
  assert.match(nothing.text, new RegExp(`name="id" value="${ids[0]}"`))
  const outside = await holdCertificate(portal, (await newCompany(portal)).id, {})
  const none = await clerk.post('/desk/certificates/print', { id: String(outside), papers: 'both' })
  assert.equal(none.status, 422)
  assert.match(none.text, /没有可以打印的证书/)
  assert.equal((await clerk.get('/desk/certificates/print')).location, '/desk/lists/certificates')
  assert.equal(await logged(), before)
})

test('only clerks and reviewers of the city print in batches; single prints by an office are entered, those of the company are not', async () => {
  const [id = 0] = ids
  for (const name of ['district-clerk', 'city-approver', companies[0]?.username ?? ''])
    assert.equal((await (await portal.as(name)).post('/desk/certificates/print', { id: String(id), papers: 'main' })).status, 403)
  const before = (await rows(id)).length
  await pdfOf(await portal.as('district-clerk'), `/desk/certificates/${id}/main.pdf`)
  const entered = await rows(id)
  assert.equal(entered.length, before + 1)
  assert.equal(entered.at(-1)?.batch, null)
  await pdfOf(companies[0]?.agent ?? clerk, `/desk/certificates/${id}/main.pdf`)
  assert.equal((await rows(id)).length, before + 1)

  const list = await clerk.get('/desk/lists/certificate-prints')
  assert.equal(list.status, 200)
  assert.ok(list.text.includes(companies[0]?.name ?? '?'))
  assert.match((await clerk.get('/desk/lists/certificate-prints/export.csv')).text, /打印时间/)
  const print = entered.at(-1)?.id
  assert.equal((await clerk.get(`/desk/certificates/prints/${print}`)).location, `/desk/certificates/${id}`)

  // 历下区 printed it; 市中区 sees neither the certificate nor the rows.
  const elsewhere = await newCompany(portal, { district: '370103' })
  assert.equal((await elsewhere.agent.get(`/desk/certificates/${id}`)).status, 404)
  assert.equal((await elsewhere.agent.get(`/desk/certificates/${id}/main.pdf`)).status, 404)
  const there = await portal.db('organisations').where({ kind: 'district', region_code: '370103' }).first('id')
  const officer = await portal.as(
    await newUser(portal, { organisation_id: there.id, role: 'district-clerk', region_code: '370103' }),
  )
  assert.equal((await officer.get(`/desk/certificates/${id}`)).status, 404)
  assert.ok(!(await officer.get('/desk/lists/certificate-prints')).text.includes(companies[0]?.name ?? '?'))
})

test('the 副本 carries the inspections as of the day it is printed; one made anew after a loss says 补 and the old one is void', async () => {
  const [, id = 0] = ids
  const [, company] = companies
  assert.ok(company)
  const at = now()
  await portal.db('inspections').insert({
    company_id: company.id,
    certificate_id: id,
    year: 2026,
    result: 'passed',
    decided_on: today(),
    decided_by: '济南市住房和城乡建设局',
    created_at: at,
    updated_at: at,
  })
  const copy = await pdfOf(clerk, `/desk/certificates/${id}/copy.pdf`)
  assert.match(copy.text, /2026合格/)
  const old = await portal.db('documents').where({ object_type: 'certificate', object_id: id, paper: 'certificate-main' }).first()
  const kase = await portal.db('cases').where({ subject_id: company.id, kind: 'qualification-new' }).first('id')
  await inTransaction(trx => reissueCertificate(trx, { id: kase.id, company_id: company.id }, 'main'))
  const again = await pdfOf(clerk, `/desk/certificates/${id}/main.pdf`)
  assert.match(again.text, /（补，/)
  assert.match((await portal.anyone().get(`/verify/${old.code}`)).text, /遗失作废/)
  const page = plain((await company.agent.get(`/desk/certificates/${id}`)).text)
  assert.match(page, /第 2 版.*遗失补办.*第 1 版.*核发/)
  assert.match(page, /2026 年.*合格/)
})
