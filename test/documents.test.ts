import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import { createRequire, syncBuiltinESMExports } from 'node:module'
import { after, before, mock, test } from 'node:test'
import { PDFParse } from 'pdf-parse'
import QRCode from 'qrcode'
import type { CertificateFacts } from '../src/documents/certificate.ts'
import type { Document, Standing } from '../src/documents/documents.ts'
import { type Agent, startPortal, type TestPortal } from './portal.ts'
import { type Applicant, newCompany, plain, press, startCase, submitWhole, upload, versionsOf, visit } from './qualification.ts'

/** 文书: what is printed, read back out of the PDF; and that an altered row is not printed. */

let portal: TestPortal
let district: Agent
let clerk: Agent
let company: Applicant
/** A case that went all the way, with a correction. */
let done: number
before(async () => {
  portal = await startPortal({ demo: true })
  district = await portal.as('district-clerk')
  clerk = await portal.as('city-clerk')
  company = await newCompany(portal)
  await portal.db('companies').where({ id: company.id }).update({ legal_person: '张𠮷㛃' })
  done = await approved(company)
})
after(async () => {
  shiftClock(0)
  await portal.stop()
})

const { shiftClock } = await import('../src/clock.ts')
const { moveDueCases } = await import('../src/cases/by-clock.ts')
const { breakLines } = await import('../src/documents/lines.ts')
const { loadFaces, standardFaces } = await import('../src/documents/fonts.ts')
const { Paper } = await import('../src/documents/pdf.ts')
const { inBookMarks } = await import('../src/documents/letters.ts')
const documents = await import('../src/documents/documents.ts')
const { issueCertificate, printCertificate } = await import('../src/documents/certificate.ts')

async function approved(company: Applicant): Promise<number> {
  const id = await submitWhole(portal, company)
  await press(portal, district, id, 'correct', {
    item: ['field.office_address', 'material.charter'],
    'words.field.office_address': '与办公场所证明不一致',
    'words.material.charter': '章程缺最后一页。',
  })
  await upload(company.agent, id, 'charter', '补上最后一页')
  const again = {
    ...(await versionsOf(portal, id)),
    office_address: '历下区新路2号',
    'answer.field.office_address': '已按租赁合同更正。',
  }
  assert.equal((await company.agent.post(`/desk/cases/${id}/submit`, again)).status, 303)
  await press(portal, district, id, 'accept')
  await press(portal, district, id, 'pass', { opinion: '初审符合。', note: '电话核实过。', ...(await visit()) })
  await press(portal, clerk, id, 'pass')
  await press(portal, await portal.as('city-reviewer'), id, 'pass', { opinion: '经审核，同意报批。' })
  await press(portal, await portal.as('city-approver'), id, 'pass', { opinion: '同意。' })
  shiftClock(20 * 86_400_000)
  await moveDueCases(portal.db)
  shiftClock(0)
  return id
}

interface Print {
  status: number
  headers: Headers
  bytes: Buffer
}

async function print(agent: Agent, path: string): Promise<Print> {
  const answer = await agent.raw(path, {})
  return { status: answer.status, headers: answer.headers, bytes: Buffer.from(await answer.arrayBuffer()) }
}

/** The text of each page without blanks and line ends, which a PDF does not know. */
async function pagesOf(bytes: Buffer): Promise<string[]> {
  const parser = new PDFParse({ data: new Uint8Array(bytes) })
  const { pages } = await parser.getText()
  await parser.destroy()
  return pages.map(page => page.text.replace(/\s+/g, ''))
}

const textOf = async (bytes: Buffer) => (await pagesOf(bytes)).join('\n')

async function paperOf(case_id: number, paper: string): Promise<Document> {
  const found = await portal.db<Document>('documents').where({ case_id, paper }).first()
  assert.ok(found, `case ${case_id} has no ${paper}`)
  return found
}

const readPaper = async (agent: Agent, case_id: number, paper: string) => {
  const { id } = await paperOf(case_id, paper)
  const printed = await print(agent, `/desk/cases/${case_id}/papers/${id}.pdf`)
  assert.equal(printed.status, 200, plain(printed.bytes.toString()))
  return await textOf(printed.bytes)
}

const valid: Standing = { code: 'valid', label: '有效', good: true, until: null, ended_on: null, reason: null, newer: null }
const facts: CertificateFacts = {
  number: '鲁济物暂-2026-9001',
  company_name: '济南翠屏物业有限公司',
  credit_code: '91370100MA00000818',
  legal_person: '张𠮷㛃',
  capital: '300.00',
  ownership: '有限责任',
  address: '济南市历下区泉城路 188 号',
  level: '三级（暂定）',
  scope: '可以承接20万平方米以下住宅项目的物业管理业务。',
  approved_on: '2026-11-03',
  valid_until: '2027-11-02',
  issuer: '济南市住房和城乡建设局',
  issued_on: '2026-11-11',
}
const certificateOn = (more: Partial<Document> = {}): Document => {
  const text = documents.canonical({ ...facts, clause: '本证书不得涂改。' })
  const digest = documents.digestOf(text)
  const row = {
    id: 1,
    code: 'Q7MD4KTX92HP',
    paper: 'certificate-main',
    case_id: null,
    organisation_id: 1,
    object_type: 'certificate',
    object_id: 1,
  }
  const rest = {
    number: facts.number,
    title: '物业服务企业资质证书（正本）',
    mac: '',
    issued_on: facts.issued_on,
    created_at: new Date(),
  }
  return { ...row, ...rest, facts: text, digest, ...more }
}
const printedAt = new Date('2026-11-23T02:48:05Z')

test('lines break as Chinese is set: no stop begins a line, no opening mark ends one, words stay whole', () => {
  const texts = (text: string, width: number, indent = 0) =>
    breakLines(text, { width, indent, widthOf: sign => (sign > 'ÿ' ? 1 : 0.5) }).map(line => line.text)

  assert.deepEqual(texts('一二三四，五六', 4), ['一二三', '四，五六'])
  assert.deepEqual(texts('一二三（四五）', 4), ['一二三', '（四五）'])
  assert.deepEqual(texts('编号 ZX2026112300017 的', 8), ['编号', 'ZX2026112300017', '的'])
  assert.deepEqual(texts('abcdefghij', 2), ['abcd', 'efgh', 'ij'], 'a word longer than a line is divided')
  assert.deepEqual(texts('一二三四五六', 4, 2), ['一二', '三四五六'], 'the first line is indented')
  assert.deepEqual(texts('一\n\n二', 4), ['一', '', '二'])
  assert.deepEqual(texts('。。。。。。', 4), ['。。。。', '。。'], 'nothing but stops still ends')
  assert.deepEqual(texts('', 4), [''])
})

test('names of laws stand in book marks, other words do not', () => {
  assert.equal(inBookMarks('行政许可法第四十二条'), '《中华人民共和国行政许可法》第四十二条')
  assert.equal(
    inBookMarks('物业服务企业资质管理办法（建设部令第164号）第六条'),
    '《物业服务企业资质管理办法》（建设部令第164号）第六条',
  )
  assert.equal(inBookMarks('建住房[2003]130号 第十一条'), '建住房[2003]130号 第十一条')
  assert.equal(inBookMarks('本市办理规定'), '本市办理规定')
})

test('rare characters are printed and found; without a font for them a box stands there', async () => {
  const printing = { printedAt, seal: 'none', standing: valid }
  const own = standardFaces()
  const rare = own.rare?.().covers(0x20bb7)

  const text = await textOf(await printCertificate(certificateOn(), printing))
  assert.match(text, rare ? /张𠮷㛃/ : /张□㛃/)

  const bare = await textOf(await printCertificate(certificateOn(), { ...printing, faces: loadFaces() }))
  assert.match(bare, /张□㛃/)
})

test('the same facts printed at the same moment are the same bytes', async () => {
  const printing = { printedAt, seal: 'placeholder', standing: valid }
  const [one, other] = await Promise.all([
    printCertificate(certificateOn(), printing),
    printCertificate(certificateOn(), printing),
  ])
  assert.ok(one.equals(other))

  const later = await printCertificate(certificateOn(), { ...printing, printedAt: new Date('2026-11-24T00:00:00Z') })
  assert.ok(!one.equals(later))
  assert.equal((await textOf(later)).replace('2026-11-2408:00:00', ''), (await textOf(one)).replace('2026-11-2310:48:05', ''))
})

test('a long table repeats its head, divides a row that no page holds, and every page counts', async () => {
  const paper = new Paper({ title: '长表', foot: ['长表'], printedAt })
  paper.grid({
    widths: [1, 3],
    head: [{ text: '序号栏' }, { text: '意见栏' }],
    rows: [
      ...Array.from({ length: 60 }, (_, n) => [{ text: `第${n}行` }, { text: '同意' }]),
      [{ text: '末行' }, { text: '很长的意见。'.repeat(900) }],
    ],
  })
  const pages = await pagesOf(await paper.finish())

  assert.ok(pages.length > 4)
  for (const [n, page] of pages.entries()) {
    assert.match(page, /^序号栏意见栏/, `page ${n + 1} has the head`)
    assert.ok(page.includes(`第${n + 1}页，共${pages.length}页`))
  }
  const bodies = pages.map(page => page.replace(/^序号栏意见栏/, '').replace(/长表第\d+页.*$/, ''))
  const all = bodies.join('')
  assert.equal(all.split('很长的意见。').length - 1, 900, 'nothing is lost where the row is divided')
  for (let n = 0; n < 60; n++) assert.equal(all.split(`第${n}行`).length, 2)
})

test('the QR code holds the address that is printed beside it', async () => {
  const { config } = await import('../src/config.ts')
  const address = `${config.baseUrl}/verify/Q7MD-4KTX-92HP`
  const bytes = await printCertificate(certificateOn(), { printedAt, seal: 'none', standing: valid })
  assert.ok((await textOf(bytes)).includes(address))

  const { modules } = QRCode.create(address, { errorCorrectionLevel: 'M' })
  const scale = 4
  const isDark = await pictureOf(bytes, scale)
  // Between the left margin and the code printed beside it there is nothing but the QR code.
  const box = boundsOf(isDark, { left: 82 * scale, right: 168 * scale, top: 395 * scale, bottom: 520 * scale })
  const side = (box.right - box.left + 1) / modules.size
  for (let row = 0; row < modules.size; row++)
    for (let column = 0; column < modules.size; column++)
      assert.equal(
        isDark(Math.round(box.left + (column + 0.5) * side), Math.round(box.top + (row + 0.5) * side)),
        Boolean(modules.get(row, column)),
        `module ${row}, ${column}`,
      )
})

interface Bounds {
  left: number
  right: number
  top: number
  bottom: number
}

function boundsOf(isDark: (x: number, y: number) => boolean, { left, right, top, bottom }: Bounds): Bounds {
  const found = { left: right, right: left, top: bottom, bottom: top }
  for (let y = top; y < bottom; y++)
    for (let x = left; x < right; x++)
      if (isDark(x, y)) {
        found.left = Math.min(found.left, x)
        found.right = Math.max(found.right, x)
        found.top = Math.min(found.top, y)
        found.bottom = Math.max(found.bottom, y)
      }
  return found
}

/** The first page as a picture: whether a pixel is dark. */
async function pictureOf(bytes: Buffer, scale: number): Promise<(x: number, y: number) => boolean> {
  const parser = new PDFParse({ data: new Uint8Array(bytes) })
  const { pages } = await parser.getScreenshot({ scale, first: 1 })
  await parser.destroy()
  // pngjs comes with qrcode.
  const { PNG } = createRequire(createRequire(import.meta.url).resolve('qrcode'))('pngjs')
  const { data, width }: { data: Buffer; width: number } = PNG.sync.read(Buffer.from(pages[0]?.data ?? []))
  return (x, y) => (data[(y * width + x) * 4] ?? 255) < 128
}

test('a code that exists already is drawn again; facts and digest are what was given', async () => {
  const issue = {
    paper: 'acceptance',
    organisation_id: company.id,
    title: '试',
    facts: { b: 1, a: ['二', { d: null, c: '三' }] },
    issued_on: '2026-11-23',
  }
  const bytes = [Buffer.alloc(12, 1), Buffer.alloc(12, 1), Buffer.alloc(12, 2)]
  const real = crypto.randomBytes
  const draws = mock.method(crypto, 'randomBytes', (size: number) => bytes.shift() ?? real(size))
  syncBuiltinESMExports()
  try {
    const [one, other] = await portal.db.transaction(async trx => [
      await documents.issueDocument(trx, issue),
      await documents.issueDocument(trx, issue),
    ])
    assert.deepEqual([one?.code, other?.code], ['333333333333', '444444444444'])
    assert.equal(documents.shownCode(one?.code ?? ''), '3333-3333-3333')
  } finally {
    draws.mock.restore()
    syncBuiltinESMExports()
  }
  const row = await documents.findDocument(portal.db, '333333333333')
  assert.ok(row)
  assert.equal(row.facts, '{"a":["二",{"c":"三","d":null}],"b":1}')
  assert.equal(row.digest, crypto.createHash('sha256').update(row.facts).digest('hex'))
  assert.ok(documents.isIntact(row))
  for (const change of [
    { facts: '{}' },
    { number: 'X' },
    { organisation_id: 1 },
    { issued_on: '2026-11-24' },
    { mac: '' },
    { title: '别的' },
  ])
    assert.ok(!documents.isIntact({ ...row, ...change }), JSON.stringify(change))
  const digest = documents.digestOf('{}')
  assert.ok(!documents.isIntact({ ...row, facts: '{}', digest }), 'a digest made to fit does not help')
})

test('codes are twelve unambiguous signs and never the same', async () => {
  const rows = await portal.db('documents').select('code')
  assert.ok(rows.length >= 5)
  for (const { code } of rows) assert.match(code, /^[2-9A-HJ-NP-Z]{12}$/)
  assert.equal(new Set(rows.map(row => row.code)).size, rows.length)
})

test('受理通知书 names law, limit and the materials received', async () => {
  const text = await readPaper(company.agent, done, 'acceptance')
  const { serial } = await portal.db('cases').where({ id: done }).first('serial')

  for (const words of [
    '历下区住房和城乡建设局受理通知书',
    `受字〔${serial.slice(2, 6)}〕第${serial}号`,
    `${company.name}：`,
    '依据《中华人民共和国行政许可法》第三十二条第一款第（五）项的规定',
    '自受理之日起20个工作日内作出决定（《中华人民共和国行政许可法》第四十二条）',
    '补正、公示、上级机关办理所需时间不计算在内',
    '营业执照1个',
    '企业章程',
    '联系电话',
  ])
    assert.ok(text.includes(words), `${words} not in ${text}`)
})

test('补正告知书 lists every item with its number, once, and says how long there is', async () => {
  const text = await readPaper(company.agent, done, 'correction')
  for (const words of [
    '第三十二条第一款第（四）项',
    '1.办公地址：与办公场所证明不一致。',
    '2.企业章程：章程缺最后一页。',
    '自收到本告知书之日起10个工作日内',
    '以上为一次性告知',
  ])
    assert.ok(text.includes(words), `${words} not in ${text}`)
})

test('审批单 shows desks, opinions and days, and neither persons nor internal notes', async () => {
  const text = await readPaper(company.agent, done, 'decision')
  const kase = await portal.db('cases').where({ id: done }).first()
  for (const words of [
    '区县初审通过初审符合。',
    '市局复核通过经审核，同意报批。',
    '市局审批通过同意。',
    '公示期满',
    kase.number,
    kase.serial,
    '见补正告知书',
  ])
    assert.ok(text.includes(words), `${words} not in ${text}`)
  assert.doesNotMatch(text, /电话核实过/)
  const people: { user_name: string }[] = await portal
    .db('case_history')
    .where({ case_id: done })
    .whereNotNull('user_id')
    .distinct('user_name')
  for (const { user_name } of people) assert.ok(!text.includes(user_name), user_name)
})

test('不予受理决定书 and 不予通过决定书 give reason, clause and remedy, of the district and of the city', async () => {
  const declined = await submitWhole(portal, await newCompany(portal))
  await press(portal, district, declined, 'decline', { opinion: '该事项依法不属于本机关职权范围' })
  const first = await readPaper(district, declined, 'decline')
  for (const words of [
    '不予受理决定书',
    '该事项依法不属于本机关职权范围。',
    '六十日内',
    '向历下区人民政府申请行政复议',
    '六个月内',
    '有管辖权的人民法院',
  ])
    assert.ok(first.includes(words), `${words} not in ${first}`)

  const refused = await submitWhole(portal, await newCompany(portal))
  await press(portal, district, refused, 'accept')
  await press(portal, district, refused, 'pass', await visit())
  await press(portal, clerk, refused, 'refuse', { opinion: '实际人数为7人，少于10人。', note: '已电话核实' })
  const second = await readPaper(clerk, refused, 'refusal')
  for (const words of [
    '济南市住房和城乡建设局不予通过决定书',
    '实际人数为7人，少于10人。',
    '《中华人民共和国行政许可法》第三十八条第二款、《物业服务企业资质管理办法》（建设部令第164号）',
    '《中华人民共和国行政复议法》第二十条向济南市人民政府申请行政复议',
    '《中华人民共和国行政诉讼法》第四十六条',
  ])
    assert.ok(second.includes(words), `${words} not in ${second}`)
  assert.doesNotMatch(second, /电话核实/)
  assert.equal((await portal.db('documents').where({ case_id: refused })).length, 2, '受理通知书 and 决定书')
})

test('a paper is kept by nobody and carries its Chinese name', async () => {
  const { id } = await paperOf(done, 'acceptance')
  const { headers } = await print(company.agent, `/desk/cases/${done}/papers/${id}.pdf`)
  assert.equal(headers.get('cache-control'), 'no-store')
  assert.match(headers.get('content-type') ?? '', /^application\/pdf/)
  const name = /^inline; filename="paper\.pdf"; filename\*=UTF-8''([\w%.~-]+)$/.exec(
    headers.get('content-disposition') ?? '',
  )?.[1]
  assert.match(decodeURIComponent(name ?? ''), /^受理通知书 受字〔\d{4}〕第ZX\d{13}号\.pdf$/)
})

test('papers are found by the office and by whom they were issued to, and by nobody else', async () => {
  const { id } = await paperOf(done, 'acceptance')
  const other = await newCompany(portal)
  const own = await submitWhole(portal, other)
  for (const [agent, path] of [
    [other.agent, `/desk/cases/${done}/papers/${id}.pdf`],
    [other.agent, `/desk/cases/${own}/papers/${id}.pdf`],
    [other.agent, `/desk/cases/${done}/papers/application.pdf`],
    [await portal.as('district2-clerk'), `/desk/cases/${done}/papers/${id}.pdf`],
    [await portal.as('district2-clerk'), `/desk/cases/${done}/papers/dossier.pdf`],
    [district, `/desk/cases/${done}/papers/0.pdf`],
    [district, `/desk/cases/${done}/papers/999999.pdf`],
    [district, `/desk/cases/${done}/papers/x.pdf`],
  ] as const)
    assert.equal((await print(agent, path)).status, 404, path)
  assert.equal((await print(company.agent, `/desk/cases/${done}/papers/dossier.pdf`)).status, 403)
  assert.equal((await print(await portal.as('system-admin'), `/desk/cases/${done}/papers/${id}.pdf`)).status, 403)
  assert.equal((await print(portal.anyone(), `/desk/cases/${done}/papers/${id}.pdf`)).status, 302)

  // Who is only informed of a case sees it, and not what the applicant filled in.
  await portal.db('case_parties').insert({ case_id: done, organisation_id: other.id, role: 'informed' })
  assert.equal((await other.agent.get(`/desk/cases/${done}`)).status, 200)
  assert.equal((await print(other.agent, `/desk/cases/${done}/papers/application.pdf`)).status, 404)
  assert.equal((await print(other.agent, `/desk/cases/${done}/papers/${id}.pdf`)).status, 404)
})

test('申请表: the applicant prints the draft in full, the office the last edition masked', async () => {
  const other = await newCompany(portal)
  const draft = await startCase(other.agent)
  const saved = { ...(await versionsOf(portal, draft)), legal_person_id: '370100199001011233', office_address: '历下区𠮷路1号' }
  assert.equal((await other.agent.post(`/desk/cases/${draft}/draft`, saved)).status, 303)
  const own = await textOf((await print(other.agent, `/desk/cases/${draft}/papers/application.pdf`)).bytes)
  for (const words of ['草稿，尚未提交', '370100199001011233', '申请单位（盖章）', '法定代表人（签字）'])
    assert.ok(own.includes(words), words)

  const { serial } = await portal.db('cases').where({ id: done }).first('serial')
  const office = await textOf((await print(district, `/desk/cases/${done}/papers/application.pdf`)).bytes)
  for (const words of [serial, '第2版', '历下区新路2号', '张𠮷㛃', '初审符合。', '个人信息已隐去部分内容', '370***********'])
    assert.ok(office.includes(words), words)
  assert.doesNotMatch(office, /3701001990\d{8}/)
  const applicants = await textOf((await print(company.agent, `/desk/cases/${done}/papers/application.pdf`)).bytes)
  assert.match(applicants, /3701001990\d{7}[\dX]/)
  const digest = (text: string) => /SHA-256([0-9a-f]{64})/.exec(text)?.[1]
  assert.equal(digest(applicants), digest(office), 'one content, one digest')
})

test('案卷: index, editions, corrections, materials, clocks and the chain; internal notes where asked for; printing is logged', async () => {
  const path = `/desk/cases/${done}/papers/dossier.pdf`
  const printed = await print(district, path)
  assert.equal(printed.status, 200)
  const pages = await pagesOf(printed.bytes)
  const text = pages.join('\n')
  const kase = await portal.db('cases').where({ id: done }).first()
  const [file] = await portal.db('files').where({ case_id: done, material: 'charter' })
  for (const words of [
    '办件案卷',
    '申报内容（第1版）',
    '申报内容（第2版）',
    '历下区试验路1号3层',
    '历下区新路2号',
    '已按租赁合同更正。',
    file.sha256,
    '受理（5个工作日）',
    '实地核查',
    '公示期间没有收到异议',
    '受理通知书',
    `末条校验值${kase.history_hash}`,
  ])
    assert.ok(text.includes(words), `${words} not in the dossier`)
  assert.doesNotMatch(text, /电话核实过/)
  assert.doesNotMatch(text, /3701001990\d{8}/, 'ID numbers are masked')

  const listed = [
    ...(pages[0] ?? '').matchAll(
      /[一二三四五六七八九十]+(申报内容（第\d版）|补正告知与答复|材料清单|办理意见|办理时限|签发的文书|办理记录与校验值)(\d+)/g,
    ),
  ]
  assert.equal(listed.length, 8)
  for (const [, title = '', page = ''] of listed)
    assert.ok(pages[Number(page) - 1]?.includes(`、${title}`), `${title} is on page ${page}`)

  const withNotes = await textOf((await print(district, `${path}?notes=1`)).bytes)
  assert.match(withNotes, /内部备注：电话核实过。/)
  assert.deepEqual(
    (await printsOf('district-clerk')).filter(({ paper }) => paper === 'dossier').map(({ notes }) => notes),
    [false, true],
  )
})

/** What the action log says somebody printed of the case and its certificate, oldest first. */
async function printsOf(username: string): Promise<{ paper: string; notes?: boolean; type: string; label: string }[]> {
  const certificate = await portal.db('certificates').where({ case_id: done }).first('id')
  const { id } = await portal.db('users').where({ username }).first('id')
  const rows = await portal
    .db('action_log')
    .where({ action: 'document.print', user_id: id })
    .whereIn('object_id', [String(done), String(certificate.id)])
    .orderBy('id')
  return rows.map(row => ({ ...JSON.parse(row.detail), type: row.object_type, label: row.object_label }))
}

test('every print for others than whose paper it is stands in the action log, and what is refused does not', async () => {
  const certificate = await portal.db('certificates').where({ case_id: done }).first('id', 'number')
  const { title } = await portal.db('cases').where({ id: done }).first('title')
  const acceptance = await paperOf(done, 'acceptance')
  const papers = [
    `/desk/cases/${done}/papers/application.pdf`,
    `/desk/cases/${done}/papers/${acceptance.id}.pdf`,
    `/desk/certificates/${certificate.id}/main.pdf`,
    `/desk/certificates/${certificate.id}/copy.pdf`,
  ]
  const before = (await printsOf('city-clerk')).length

  for (const path of papers) assert.equal((await print(company.agent, path)).status, 200)
  assert.deepEqual(await printsOf(company.username), [])
  for (const path of papers) assert.equal((await print(clerk, path)).status, 200)

  const logged = (await printsOf('city-clerk')).slice(before)
  assert.deepEqual(
    logged.map(({ paper, type, label }) => [paper, type, label]),
    [
      ['application', 'case', title],
      ['acceptance', 'case', title],
      ['certificate-main', 'certificate', certificate.number],
      ['certificate-copy', 'certificate', certificate.number],
    ],
  )
  await portal.db('documents').where({ id: acceptance.id }).update({ title: '别的' })
  assert.equal((await print(clerk, papers[1] ?? '')).status, 409)
  await portal.db('documents').where({ id: acceptance.id }).update({ title: acceptance.title })
  assert.equal((await printsOf('city-clerk')).length, before + 4)
})

test('the certificate: 正本 and 副本 with every field, on its page and for its company', async () => {
  const certificate = await portal.db('certificates').where({ case_id: done }).first()
  const home = `/desk/certificates/${certificate.id}`
  const page = await company.agent.get(home)
  assert.equal(page.status, 200, plain(page.text))
  assert.match(page.text, new RegExp(certificate.number))

  const main = await pagesOf((await print(company.agent, `${home}/main.pdf`)).bytes)
  assert.equal(main.length, 1)
  const copy = await pagesOf((await print(district, `${home}/copy.pdf`)).bytes)
  const { code } = await portal.db('organisations').where({ id: company.id }).first('code')
  for (const text of [main.join(), copy.join()])
    for (const words of [
      '物业服务企业资质证书',
      certificate.number,
      company.name,
      code,
      '张𠮷㛃',
      '200.00万元',
      '有限责任',
      '历下区试验路1号',
      '三级（暂定）',
      '可以承接20万平方米以下住宅项目',
      '发证机关（章）',
      '济南市住房和城乡建设局',
    ])
      assert.ok(text.includes(words), `${words} not in ${text}`)
  assert.match(copy.join(), /变更记录.*年检记录/s)
  assert.notEqual(/核验码([\w-]{14})/.exec(main.join())?.[1], /核验码([\w-]{14})/.exec(copy.join())?.[1])

  const stranger = await newCompany(portal)
  assert.equal((await stranger.agent.get(home)).status, 404)
  assert.equal((await print(stranger.agent, `${home}/main.pdf`)).status, 404)
  assert.equal((await (await portal.as('district2-clerk')).get(home)).status, 404)
  assert.equal((await clerk.get(home)).status, 200)
})

test('a certificate from before the portal has a page and no print', async () => {
  const old = await portal.db('certificates').whereNull('case_id').where({ state: 'valid' }).first('id')
  assert.match((await clerk.get(`/desk/certificates/${old.id}`)).text, /不是在本系统制发的/)
  assert.equal((await print(clerk, `/desk/certificates/${old.id}/main.pdf`)).status, 404)
})

test('a certificate that no longer holds carries that across the page', async () => {
  const certificate = await portal.db('certificates').where({ case_id: done }).first()
  await portal.db('certificates').where({ id: certificate.id }).update({ state: 'revoked', ended_on: '2026-12-20' })
  assert.match(await textOf((await print(clerk, `/desk/certificates/${certificate.id}/main.pdf`)).bytes), /已撤销/)
  assert.match((await clerk.get(`/desk/certificates/${certificate.id}`)).text, /不能再作为有效证书使用/)
  await portal.db('certificates').where({ id: certificate.id }).update({ state: 'valid', ended_on: null })
  assert.doesNotMatch(await textOf((await print(clerk, `/desk/certificates/${certificate.id}/main.pdf`)).bytes), /已撤销/)
})

test('certificate and facts must agree when it is issued', async () => {
  const { id, company_id } = await portal.db('certificates').where({ case_id: done }).first('id', 'company_id')
  await assert.rejects(
    portal.db.transaction(async trx => {
      await issueCertificate(trx, { certificate_id: id, organisation_id: company_id, number: facts.number, facts })
    }),
    /differ in/,
  )
})

test('a paper whose row was altered is not printed, and says so without a 500', async () => {
  const document = await paperOf(done, 'decision')
  const altered = document.facts.replace('同意。', '不同意。')
  for (const change of [
    { facts: altered },
    { facts: 'not even JSON' },
    { facts: altered, digest: documents.digestOf(altered) },
    { title: '别的' },
  ]) {
    await portal.db('documents').where({ id: document.id }).update(change)
    const answer = await company.agent.get(`/desk/cases/${done}/papers/${document.id}.pdf`)
    assert.equal(answer.status, 409)
    assert.match(answer.text, /签名对不上/)
    assert.doesNotMatch(answer.text, /%PDF/)
    assert.equal((await company.agent.get(`/desk/cases/${done}`)).status, 200)
    assert.match(await textOf((await print(district, `/desk/cases/${done}/papers/dossier.pdf`)).bytes), /内容与签名不符/)
    const { facts, digest, title } = document
    await portal.db('documents').where({ id: document.id }).update({ facts, digest, title })
  }
  assert.match(await readPaper(company.agent, done, 'decision'), /同意。/)

  // A certificate prolonged by hand contradicts what was issued.
  const certificate = await portal.db('certificates').where({ case_id: done }).first()
  await portal.db('certificates').where({ id: certificate.id }).update({ valid_until: '2099-01-01' })
  assert.equal((await print(clerk, `/desk/certificates/${certificate.id}/main.pdf`)).status, 409)
  await portal.db('certificates').where({ id: certificate.id }).update({ valid_until: certificate.valid_until })
})
