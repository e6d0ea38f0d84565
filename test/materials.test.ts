import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { connect } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { crc32, deflateRawSync, deflateSync } from 'node:zlib'
import ExcelJS from 'exceljs'
import PDFDocument from 'pdfkit'
import { z } from 'zod'
import type { KindSettings, Material } from '../src/cases/kind.ts'
import type { Storage } from '../src/files/storage.ts'
import { type Agent, startPortal, type TestPortal } from './portal.ts'

/** 材料: what companies hand in, what is refused, who reads it, and what stays when something breaks. */

const paper = (code: string, label: string, more: Partial<Material> = {}): Material => ({
  code,
  label,
  required: true,
  original: false,
  copies: 1,
  ...more,
})

const filesFolder = fs.mkdtempSync(path.join(os.tmpdir(), 'portal-files-'))

let portal: TestPortal
let company: Agent
let other: Agent
let clerk: Agent
let storage: Storage
let settings: KindSettings
let districtOf: Record<string, number>
before(async () => {
  const { defineKind, desk, registerKinds } = await import('../src/cases/kind.ts')
  const { optionalText } = await import('../src/forms/form.ts')
  settings = {
    chain: [desk('first', 'district-clerk', '区县初审', '初审中'), desk('second', 'city-clerk', '市局经办', '经办中')],
    clocks: [],
    consults: [],
    materials: [
      paper('licence', '营业执照', { original: true, expires: true }),
      paper('application', '申请表'),
      paper('photos', '照片', { required: false }),
    ],
    number: '',
    corrections: 3,
    thresholds: {},
    templates: [],
  }
  registerKinds(
    defineKind({
      code: 'paper-test',
      label: '材料试验',
      module: 'archives',
      law: '—',
      when: '试验时',
      startedBy: ['company-admin', 'company-clerk'],
      prefix: 'CL',
      form: z.object({ remark: optionalText({ label: '备注' }) }),
      settings,
      refusedTo: 'draft',
      checks: [],
      subjectOf: () => Promise.reject(new Error('cases of this kind are written by the test')),
      openKey: () => '',
      prefill: async () => ({}),
    }),
  )
  portal = await startPortal({ demo: true })
  company = await portal.as('company')
  other = await portal.as('company2')
  clerk = await portal.as('district-clerk')
  // Other test files hand in papers meanwhile; what lies in this folder is only ours.
  const { DiskStorage, useStorage } = await import('../src/files/storage.ts')
  storage = new DiskStorage(filesFolder)
  useStorage(storage)
  // The papers of the demo cases lie in the other one.
  await portal.db('files').delete()
  const rows = await portal.db('users').whereIn('username', ['company', 'company2']).select('username', 'organisation_id')
  districtOf = Object.fromEntries(rows.map(row => [row.username, row.organisation_id]))
})
after(async () => {
  await portal.stop()
  fs.rmSync(filesFolder, { recursive: true, force: true })
})

// ── Cases and papers ───────────────────────────────────────────────────────────────────────────────

let count = 0

/** A case of a company, in a state, as the engine would have left it. */
async function givenCase(
  state: 'draft' | 'submitted' | 'supplement' | 'reviewing' | 'rejected' | 'done',
  { owner = 'company', edition = state === 'draft' ? 0 : 1, correct = [] as string[] } = {},
): Promise<number> {
  const { now } = await import('../src/clock.ts')
  const { settingsInForce } = await import('../src/cases/settings.ts')
  const { kindOf } = await import('../src/cases/kind.ts')
  const applicant_id = districtOf[owner]
  const [id = 0] = await portal.db('cases').insert({
    serial: edition ? `CL${Date.now()}${++count}` : null,
    kind: 'paper-test',
    title: `材料试验 · ${owner}`,
    subject_type: 'company',
    subject_id: applicant_id,
    subject_name: `${owner}的物业公司`,
    applicant_id,
    district_code: '370102',
    state,
    place: state === 'reviewing' || state === 'supplement' ? 'first' : null,
    holder_role: state === 'submitted' || state === 'reviewing' ? 'district-clerk' : null,
    holder_id: ['draft', 'supplement', 'rejected'].includes(state) ? applicant_id : null,
    held_since: now(),
    settings_id: edition ? (await settingsInForce(portal.db, kindOf({ kind: 'paper-test' }))).id : null,
    edition,
    rounds: correct.length ? 1 : 0,
    submitted_at: edition ? now() : null,
    accepted_at: state === 'reviewing' || state === 'supplement' ? now() : null,
    created_at: now(),
    updated_at: now(),
    created_by: 1,
  })
  await portal.db('case_parties').insert({ case_id: id, organisation_id: applicant_id, role: 'applicant' })
  await portal.db('case_drafts').insert({ case_id: id, answers: '{}', saved_at: now(), saved_by: 1 })
  for (const target of correct)
    await portal.db('case_corrections').insert({ case_id: id, round: 1, target_type: 'material', target, words: '请重新拍摄。' })
  return id
}

const move = async (id: number, changes: Record<string, unknown>) => void (await portal.db('cases').where({ id }).update(changes))
const rowsOf = async (case_id: number) => await portal.db('files').where({ case_id }).orderBy('id')

async function keysIn(store: Storage): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of store.list()) keys.push(key)
  return keys.sort()
}

const unfinished = () => fs.readdirSync(filesFolder, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.part'))

type Sent = [name: string, content: Uint8Array]
interface Fate {
  ok: boolean
  id?: number
  name: string
  size?: number
  pages?: number | null
  sentence: string
}

/** Sends files as the script does. */
async function send(agent: Agent, id: number, code: string, files: Sent[], fields: Record<string, string> = {}) {
  const answer = await post(agent, `/desk/cases/${id}/materials/${code}`, files, fields, { accept: 'application/json' })
  const body = (await answer.json()) as { files?: Fate[]; message?: string }
  return { status: answer.status, files: body.files ?? [], message: body.message ?? '' }
}

async function post(agent: Agent, to: string, files: Sent[], fields: Record<string, string>, headers: Record<string, string>) {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  for (const [name, content] of files) form.append('files', new Blob([content]), name)
  return await agent.raw(to, { method: 'POST', body: form, headers: { origin: agent.base, ...headers } })
}

const refusalOf = async (name: string, content: Uint8Array) => {
  const { status, files } = await send(company, await givenCase('draft'), 'photos', [[name, content]])
  assert.equal(status, 422, name)
  assert.deepEqual([files.length, files[0]?.ok], [1, false])
  return files[0]?.sentence ?? ''
}

let drawn = 0

/** A PDF nobody has handed in before. */
async function pdf(pages = 1): Promise<Buffer> {
  const doc = new PDFDocument({ size: 'A4', info: { Title: `paper ${++drawn}` } })
  for (let page = 1; page < pages; page++) doc.addPage()
  doc.end()
  return await buffer(doc)
}

function png(): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data])
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
    length.writeUInt32BE(data.length)
    sum.writeUInt32BE(crc32(body))
    return Buffer.concat([length, body, sum])
  }
  const head = Buffer.from('0000000100000001080200000000'.slice(0, 26), 'hex')
  const pixel = deflateSync(Buffer.from([0, ++drawn % 256, drawn >> 8, 9]))
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', head),
    chunk('IDAT', pixel),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

const jpg = () =>
  Buffer.concat([
    Buffer.from('ffd8ffe000104a46494600010100000100010000', 'hex'),
    Buffer.from(`${++drawn}`),
    Buffer.from('ffd9', 'hex'),
  ])

async function xlsx(): Promise<Buffer> {
  const book = new ExcelJS.Workbook()
  book.addWorksheet('人员').addRow(['张三', ++drawn])
  return Buffer.from(await book.xlsx.writeBuffer())
}

interface Part {
  name: string
  content: Buffer | string
  /** What the directory says it unpacks to, where that is not so. */
  stated?: number
  locked?: boolean
  stored?: boolean
}

/** An archive, also one that lies. */
function zip(parts: Part[]): Buffer {
  const [files, directory]: Buffer[][] = [[], []]
  let offset = 0
  for (const { name, content, stated, locked, stored } of parts) {
    const plain = Buffer.from(content)
    const packed = stored ? plain : deflateRawSync(plain)
    const head = Buffer.alloc(26)
    head.writeUInt16LE(20, 0)
    head.writeUInt16LE((locked ? 1 : 0) | 0x800, 2)
    head.writeUInt16LE(stored ? 0 : 8, 4)
    head.writeUInt32LE(crc32(plain), 10)
    head.writeUInt32LE(packed.length, 14)
    head.writeUInt32LE(stated ?? plain.length, 18)
    head.writeUInt16LE(Buffer.byteLength(name), 22)
    const local = Buffer.concat([Buffer.from('504b0304', 'hex'), head, Buffer.from(name), packed])
    const rest = Buffer.alloc(14)
    rest.writeUInt32LE(offset, 10)
    directory?.push(Buffer.concat([Buffer.from('504b01021400', 'hex'), head, rest, Buffer.from(name)]))
    files?.push(local)
    offset += local.length
  }
  const listed = Buffer.concat(directory ?? [])
  const end = Buffer.alloc(22)
  end.write('504b0506', 'hex')
  end.writeUInt16LE(parts.length, 8)
  end.writeUInt16LE(parts.length, 10)
  end.writeUInt32LE(listed.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...(files ?? []), listed, end])
}

const wordType = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml'
const types = (main: string, more = ''): Part => ({
  name: '[Content_Types].xml',
  content: `<?xml version="1.0"?><Types><Override PartName="/word/document.xml" ContentType="${main}"/>${more}</Types>`,
})
const docx = (...more: Part[]) =>
  zip([types(wordType), { name: 'word/document.xml', content: `<w:document>第 ${++drawn} 份</w:document>` }, ...more])
/** Something that no packing makes smaller. */
const noise = (size: number) => {
  const bytes = Buffer.alloc(size)
  for (let at = 0, seed = ++drawn; at < size; at += 4) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    if (at + 4 <= size) bytes.writeUInt32LE(seed, at)
  }
  return bytes
}
const bigPdf = async (size: number) => Buffer.concat([await pdf(), noise(size)]).subarray(0, size)

// ── Handing in ─────────────────────────────────────────────────────────────────────────────────────

test('every accepted kind is kept with its type by content, size, digest and pages, and comes back byte for byte', async () => {
  const id = await givenCase('draft')
  const sent: [Sent, string, number | null][] = [
    [['申请表.pdf', await pdf(3)], 'application/pdf', 3],
    [['照片一.JPG', jpg()], 'image/jpeg', null],
    [['照片二.jpeg', jpg()], 'image/jpeg', null],
    [['盖章.png', png()], 'image/png', null],
    [['说明.docx', docx()], 'application/vnd.openxmlformats-officedocument.wordprocessingml.document', null],
    [['人员.xlsx', await xlsx()], 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', null],
  ]

  const answer = await send(
    company,
    id,
    'photos',
    sent.map(([file]) => file),
  )

  assert.equal(answer.status, 200, JSON.stringify(answer))
  assert.ok(answer.files.every(file => file.ok))
  const rows = await rowsOf(id)
  for (const [at, [[name, content], type, pages]] of sent.entries()) {
    const digest = createHash('sha256').update(content).digest('hex')
    const { name: keptName, type: keptType, pages: keptPages, size, sha256, from_edition, until_edition } = rows[at]
    assert.deepEqual([keptName, keptType, keptPages, size, sha256], [name, type, pages, content.length, digest])
    assert.deepEqual([from_edition, until_edition, answer.files[at]?.id], [1, null, rows[at].id])
    const back = await company.raw(`/files/${rows[at].id}`, {})
    assert.deepEqual(Buffer.from(await back.arrayBuffer()), content)
    assert.equal(back.headers.get('content-type'), type)
  }
})

test('the pages of a PDF that packs its page tree are counted, and a PDF that hides it has none', async () => {
  const { pagesOf } = await import('../src/files/pages.ts')
  const objects = ['<< /Type /Catalog /Pages 2 0 R >>', '<< /Type /Pages /Kids [3 0 R] /Count 41 >>']
  const head = `1 0 2 ${objects[0]?.length} `
  const body = deflateSync(Buffer.from(head + objects.join('')))
  const stream = `7 0 obj\n<< /Type /ObjStm /N 2 /First ${head.length} /Filter /FlateDecode /Length ${body.length} >>\nstream\r\n`
  const packed = Buffer.concat([Buffer.from(`%PDF-1.5\n${stream}`), body, Buffer.from('\r\nendstream\nendobj\n%%EOF')])

  assert.equal(await pagesOf(packed), 41)
  assert.equal(await pagesOf(Buffer.from('%PDF-1.5\n%%EOF')), null)
  assert.equal(await pagesOf(Buffer.concat([Buffer.from('%PDF-1.5\n'), Buffer.from('/Pages '.repeat(9000))])), null)
})

test('a workbook written as a stream is accepted too', async () => {
  const parts: Buffer[] = []
  const { PassThrough } = await import('node:stream')
  const out = new PassThrough().on('data', piece => parts.push(piece))
  const book = new ExcelJS.stream.xlsx.WorkbookWriter({ stream: out })
  const sheet = book.addWorksheet('业绩')
  sheet.addRow(['项目', 1]).commit()
  await book.commit()

  const { status } = await send(company, await givenCase('draft'), 'photos', [['业绩.xlsx', Buffer.concat(parts)]])

  assert.equal(status, 200)
})

test('a file that lies about its type is refused with what to do, and nothing of it stays', async () => {
  const before = await keysIn(storage)
  const lies: [string, Uint8Array, RegExp][] = [
    ['执照.pdf', Buffer.from('这不是 PDF，只是一段文字。'), /^“执照\.pdf”的内容不是 PDF，请重新导出后上传。$/],
    ['执照.pdf', jpg(), /的内容是 JPG 图片，不是 PDF。请把扩展名改成 jpg/],
    ['照片.jpg', png(), /的内容是 PNG 图片，不是 JPG 图片/],
    ['照片.png', Buffer.from('<svg onload="alert(1)"/>'), /的内容不是 PNG 图片/],
    ['网页.pdf', Buffer.from('<html><script>alert(1)</script>%PDF-1.7'), /的内容不是 PDF/],
    ['程序.pdf', Buffer.from('4d5a90000300', 'hex'), /的内容不是 PDF/],
    ['说明.docx', await pdf(), /的内容是 PDF，不是 Word 文档（docx）。请把扩展名改成 pdf/],
    ['说明.docx', await xlsx(), /的内容是 Excel 表格（xlsx），不是 Word 文档/],
    ['人员.xlsx', docx(), /的内容是 Word 文档（docx），不是 Excel 表格/],
    ['说明.docx', zip([{ name: 'a.txt', content: 'abc' }]), /的内容不是 Word 文档/],
    ['说明.docx', Buffer.from('d0cf11e0a1b11ae1'.padEnd(1200, '0'), 'hex'), /加了打开密码，或是旧格式/],
    ['空.pdf', Buffer.alloc(0), /是空文件（0 字节）/],
    ['照片.heic', jpg(), /不是可接受的格式，请转成 jpg 再传/],
    ['旧表.xls', Buffer.from('x'), /另存为 xlsx 再传/],
    ['打包.zip', zip([]), /解压后逐个再传/],
    ['程序.exe', Buffer.from('4d5a', 'hex'), /不是可接受的格式/],
    ['网页.svg', Buffer.from('<svg/>'), /不是可接受的格式/],
    ['没有扩展名', await pdf(), /没有扩展名/],
  ]

  for (const [name, content, sentence] of lies) assert.match(await refusalOf(name, content), sentence)

  assert.deepEqual(await keysIn(storage), before)
  assert.deepEqual(unfinished(), [])
})

test('a document with macros, other files, a password, a bomb or damage inside is refused', async () => {
  const megabyte = 1024 * 1024
  const zeros = Buffer.alloc(60 * megabyte)
  const bad: [string, Buffer, RegExp][] = [
    ['vbaProject by name', docx({ name: 'word/vbaProject.bin', content: 'x' }), /含有宏/],
    ['macro-enabled main part', zip([types('application/vnd.ms-word.document.macroEnabled.main+xml')]), /含有宏/],
    ['archive by name', docx({ name: 'word/embeddings/a.zip', content: 'x' }), /里嵌有其他文件（a\.zip）/],
    ['archive by content', docx({ name: 'word/media/image1.png', content: zip([]).fill('PK\x03\x04', 0, 4) }), /里嵌有其他文件/],
    ['program by content', docx({ name: 'word/media/image1.png', content: 'MZ\x90\x00\x03' }), /里嵌有其他文件/],
    [
      'embedded object',
      docx({ name: 'word/embeddings/o.bin', content: Buffer.from('d0cf11e0a1b11ae1', 'hex') }),
      /里嵌有其他文件/,
    ],
    ['script', docx({ name: 'word/run.js', content: 'x' }), /里嵌有其他文件（run\.js）/],
    ['password', docx({ name: 'word/secret.xml', content: 'x', locked: true }), /里有加密的内容/],
    ['bomb as stated', docx(...[1, 2, 3, 4].map(n => ({ name: `word/${n}.xml`, content: zeros }))), /解压后超过 200 MB/],
    ['bomb that lies', docx({ name: 'word/a.xml', content: zeros, stated: 100 }), /解压后超过 200 MB/],
    [
      'too many parts',
      docx(...Array.from({ length: 2001 }, (_, n) => ({ name: `${n}`, content: '', stored: true }))),
      /2000 个部分/,
    ],
    ['less than stated', docx({ name: 'word/a.xml', content: 'abc', stated: 300 }), /已损坏/],
    ['cut off', docx().subarray(0, 200), /已损坏/],
    ['something in front', Buffer.concat([docx().subarray(0, 4), Buffer.alloc(9), docx()]), /已损坏/],
  ]

  for (const [what, content, sentence] of bad) assert.match(await refusalOf('说明.docx', content), sentence, what)
})

test('names lose paths, control and bidi characters, keep Chinese and emoji, and stay within 100 characters', async () => {
  const id = await givenCase('draft')
  const names: [string, string][] = [
    ['../../etc/passwd.pdf', 'passwd.pdf'],
    ['C:\\材料\\执照 正本.pdf', '执照 正本.pdf'],
    ['换\r\n行.pdf', '换行.pdf'],
    ['工资\u202Efdp.exe.pdf', '工资fdp.exe.pdf'],
    ['\uFEFF\u200B.pdf', '未命名.pdf'],
    ['....pdf', '未命名.pdf'],
    ['证书📄𠮷.pdf', '证书📄𠮷.pdf'],
    ['cafe\u0301.PDF', 'café.PDF'],
    ['<img src=x onerror=alert(1)>"\'.pdf', '<img src=x onerror=alert(1)>"\'.pdf'],
    [`${'长'.repeat(180)}.pdf`, `${'长'.repeat(96)}.pdf`],
  ]

  for (const [given, kept] of names) {
    const { files } = await send(company, id, 'photos', [[given, await pdf()]])
    assert.equal(files[0]?.name, kept, given)
    const back = await company.raw(`/files/${files[0]?.id}?download=1`, {})
    const written = back.headers.get('content-disposition') ?? ''
    assert.equal(decodeURIComponent(/filename\*=UTF-8''(\S+)$/.exec(written)?.[1] ?? ''), kept)
    await back.body?.cancel()
  }

  const page = await company.get(`/desk/cases/${id}`)
  assert.equal(page.status, 200)
  assert.match(page.text, /证书📄𠮷\.pdf/)
  assert.doesNotMatch(page.text, /<img src=x/)
})

test('a file over 20 MB is refused by its size, and the good ones beside it are kept', async () => {
  const before = await keysIn(storage)
  const id = await givenCase('draft')
  const big: Sent = ['图纸.pdf', await bigPdf(21 * 1024 * 1024)]

  const alone = await send(company, id, 'photos', [big])
  assert.equal(alone.status, 413)
  assert.match(alone.files[0]?.sentence ?? '', /“图纸\.pdf”有 21\.0 MB，超过 20 MB。请压缩或拆成几个文件后上传。/)
  assert.deepEqual([await rowsOf(id), await keysIn(storage)], [[], before])

  const mixed = await send(company, id, 'photos', [['一.pdf', await pdf()], big, ['二.pdf', await pdf()]])
  assert.equal(mixed.status, 422)
  assert.deepEqual(
    (await rowsOf(id)).map(row => row.name),
    ['一.pdf', '二.pdf'],
  )

  const most = await send(company, id, 'photos', [['正好.pdf', await bigPdf(20 * 1024 * 1024)]])
  assert.equal(most.status, 200)
  assert.deepEqual(unfinished(), [])
})

test('more files than one request may bring leave nothing', async () => {
  const before = await keysIn(storage)
  const id = await givenCase('draft')
  const content = await pdf()

  const { status, message } = await send(
    company,
    id,
    'photos',
    Array.from({ length: 200 }, (_, n): Sent => [`${n}.pdf`, content]),
  )

  assert.equal(status, 413)
  assert.match(message, /一次最多传 20 个文件/)
  assert.deepEqual([await rowsOf(id), await keysIn(storage), unfinished()], [[], before, []])
})

test('a material holds 60 files, and says what to do with more', async () => {
  const id = await givenCase('draft')
  const { files: first } = await send(company, id, 'photos', [['零.pdf', await pdf()]])
  const row = (await rowsOf(id))[0]
  for (let n = 1; n < 59; n++)
    await portal
      .db('files')
      .insert({ ...row, id: undefined, storage_key: `x${n}`.padEnd(31, '-').padEnd(32, 'x'), sha256: `${n}`.padEnd(64, 'x') })

  const { status, files } = await send(company, id, 'photos', [
    ['五十九.pdf', await pdf()],
    ['六十.pdf', await pdf()],
  ])

  assert.equal(status, 422)
  assert.equal(first[0]?.ok, true)
  assert.deepEqual(
    files.map(file => file.ok),
    [true, false],
  )
  assert.match(files[1]?.sentence ?? '', /“六十\.pdf”没有保存：这份材料已有 60 个文件/)
  assert.equal((await rowsOf(id)).length, 60)
  await portal.db('files').where({ case_id: id }).where('storage_key', 'like', 'x%').delete()
})

test('the same file sent twice is one', async () => {
  const id = await givenCase('draft')
  const content = await pdf()

  const [one, two] = [
    await send(company, id, 'application', [['申请表.pdf', content]]),
    await send(company, id, 'application', [['申请表.pdf', content]]),
  ]

  assert.equal(one.files[0]?.id, two.files[0]?.id)
  const rows = await rowsOf(id)
  assert.equal(rows.length, 1)
  assert.equal((await keysIn(storage)).filter(key => key === rows[0].storage_key).length, 1)
})

test('without script the browser comes back to the material, or reads what was not kept', async () => {
  const id = await givenCase('draft')
  const html = { accept: 'text/html' }

  const good = await post(company, `/desk/cases/${id}/materials/photos`, [['一.pdf', await pdf()]], {}, html)
  assert.deepEqual([good.status, good.headers.get('location')], [303, `/desk/cases/${id}#m-photos`])
  assert.match((await company.get(`/desk/cases/${id}`)).text, /已上传 1 个文件：“一\.pdf”。/)

  const mixed = await post(
    company,
    `/desk/cases/${id}/materials/photos`,
    [
      ['二.pdf', await pdf()],
      ['三.pdf', jpg()],
    ],
    {},
    html,
  )
  assert.equal(mixed.status, 422)
  const page = await mixed.text()
  assert.match(page, /“三\.pdf”的内容是 JPG 图片/)
  assert.match(page, /已保存 1 个：“二\.pdf”/)
  assert.match(page, new RegExp(`href="/desk/cases/${id}#m-photos"`))

  const none = await post(company, `/desk/cases/${id}/materials/photos`, [], { some: 'field' }, html)
  assert.equal(none.status, 422)
  assert.match(await none.text(), /还没有选择文件/)
})

// ── What breaks ────────────────────────────────────────────────────────────────────────────────────

test('a broken body is a 400 with a sentence, whatever is broken in it', async () => {
  const before = await keysIn(storage)
  const id = await givenCase('draft')
  const to = `/desk/cases/${id}/materials/photos`
  const type = 'multipart/form-data; boundary=line'
  const head = '--line\r\nContent-Disposition: form-data; name="files"; filename="a.pdf"\r\n\r\n'
  const broken: [string, string, string][] = [
    ['no boundary', 'multipart/form-data', `${head}%PDF-1.7`],
    ['no end', type, `${head}%PDF-1.7`],
    ['no part', type, 'nothing of the kind'],
    ['malformed head', type, '--line\r\nContent-Disposition\r\n\r\nx\r\n--line--\r\n'],
    ['another field', type, `${head.replace('"files"', '"photo"')}%PDF-1.7\r\n--line--\r\n`],
    ['deep name', type, `--line\r\nContent-Disposition: form-data; name="a${'[b]'.repeat(200)}"\r\n\r\nx\r\n--line--\r\n`],
    ['control character in the name', type, `${head.replace('a.pdf', 'a\u0007.pdf')}%PDF-1.7\r\n--line--\r\n`],
    ['too many fields', type, `${'--line\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n'.repeat(9)}--line--\r\n`],
  ]

  for (const [what, contentType, body] of broken) {
    const answer = await company.raw(to, {
      method: 'POST',
      body,
      headers: { 'content-type': contentType, origin: portal.base, accept: 'application/json' },
    })
    assert.equal(answer.status, 400, what)
    assert.match(((await answer.json()) as { message: string }).message, /文件没有传完整，或文件名里有特殊字符，没有保存/, what)
  }

  assert.deepEqual([await rowsOf(id), await keysIn(storage), unfinished()], [[], before, []])
})

test('a body without a length, or with far too much, is refused before it is read', async () => {
  const id = await givenCase('draft')
  const to = `/desk/cases/${id}/materials/photos`
  const headers = { 'content-type': 'multipart/form-data; boundary=line', origin: portal.base, accept: 'application/json' }

  const endless = await company.raw(to, {
    method: 'POST',
    body: new Blob(['--line--\r\n']).stream(),
    headers,
    duplex: 'half',
  } as RequestInit) // Node's fetch asks for `duplex`, which the DOM's types do not know
  assert.equal(endless.status, 411)

  const status = await new Promise<string>((resolve, reject) => {
    const socket = connect(Number(new URL(portal.base).port), '127.0.0.1')
    socket.on('error', reject)
    socket.once('data', data => {
      resolve(String(data).split('\r\n')[0] ?? '')
      socket.destroy()
    })
    socket.write(requestHead(to, 900_000_000))
  })
  assert.match(status, /413/)
})

const requestHead = (to: string, length: number) =>
  [
    `POST ${to} HTTP/1.1`,
    `Host: ${new URL(portal.base).host}`,
    `Cookie: ${[...company.cookies].map(([name, value]) => `${name}=${value}`).join('; ')}`,
    `Origin: ${portal.base}`,
    'Accept: application/json',
    'Content-Type: multipart/form-data; boundary=line',
    `Content-Length: ${length}`,
    '',
    '',
  ].join('\r\n')

/** Waits for something the server does by itself; fails after five seconds. */
async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const end = Date.now() + 5000; !(await isSo()); await new Promise(resolve => setImmediate(resolve)))
    assert.ok(Date.now() < end, what)
}

test('a connection cut in the middle of a file leaves neither file nor row, nor what came before it in the same request', async () => {
  const before = await keysIn(storage)
  const id = await givenCase('draft')
  const part = (name: string) => `--line\r\nContent-Disposition: form-data; name="files"; filename="${name}"\r\n\r\n`
  const socket = connect(Number(new URL(portal.base).port), '127.0.0.1')
  socket.on('error', () => undefined)

  socket.write(requestHead(`/desk/cases/${id}/materials/photos`, 9_000_000))
  socket.write(part('whole.pdf'))
  socket.write(await pdf())
  socket.write(`\r\n${part('half.pdf')}`)
  socket.write(await bigPdf(2_000_000))
  await until(
    async () => unfinished().length === 1 && (await keysIn(storage)).length === before.length + 1,
    'the upload is under way',
  )
  socket.destroy()

  await until(async () => !unfinished().length && (await keysIn(storage)).length === before.length, 'nothing is left of it')
  assert.deepEqual([await rowsOf(id), await keysIn(storage)], [[], before])
})

test('on a full disk the upload is refused politely, and neither row nor half file is left', async () => {
  const { DiskStorage, useStorage } = await import('../src/files/storage.ts')
  class FullDisk extends DiskStorage {
    #room = 400_000
    override put(content: AsyncIterable<Uint8Array>) {
      return super.put(this.#untilFull(content))
    }
    async *#untilFull(content: AsyncIterable<Uint8Array>) {
      for await (const piece of content) {
        this.#room -= piece.length
        if (this.#room < 0) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
        yield piece
      }
    }
  }
  const before = await keysIn(storage)
  const id = await givenCase('draft')
  useStorage(new FullDisk(filesFolder))
  try {
    const answer = await send(company, id, 'photos', [
      ['小.pdf', await pdf()],
      ['大.pdf', await bigPdf(3_000_000)],
      ['后.pdf', await pdf()],
    ])

    assert.equal(answer.status, 507)
    assert.match(answer.message, /存储空间已满，这一次的文件没有保存，先前上传的都在/)
  } finally {
    useStorage(storage)
  }
  assert.deepEqual([await rowsOf(id), await keysIn(storage), unfinished()], [[], before, []])
  assert.equal((await send(company, id, 'photos', [['小.pdf', await pdf()]])).status, 200, 'with room again all is well')
})

const unshared = process.getuid?.() === 0 ? ['--mount'] : ['--map-root-user', '--mount']
const canMount = spawnSync('unshare', [...unshared, 'mount', '-t', 'tmpfs', 'tmpfs', filesFolder]).status === 0

test('a disk that is really full keeps no part of a file', { skip: !canMount && '这里不允许挂载，由上一条代替' }, () => {
  const script = `
    const { DiskStorage } = await import(${JSON.stringify(path.resolve('src/files/storage.ts'))})
    const fs = await import('node:fs')
    const disk = new DiskStorage(process.argv[1] + '/files')
    const kept = await disk.put([Buffer.alloc(100000)])
    const error = await disk.put([Buffer.alloc(900000), Buffer.alloc(900000)]).catch(error => error)
    const found = fs.readdirSync(process.argv[1], { recursive: true }).filter(name => !/files(\\/..)?$/.test(name))
    console.log(error.code, found.length === 1 && found[0].endsWith(kept), await disk.size(kept))`
  const node = [process.execPath, '--import', 'tsx', '--input-type=module', '-e', script, filesFolder]
  const shell = 'mount -t tmpfs -o size=1m tmpfs "$1" && shift && exec "$@"'

  const { stdout } = spawnSync('unshare', [...unshared, 'sh', '-c', shell, 'sh', filesFolder, ...node], { encoding: 'utf8' })

  assert.equal(stdout.trim(), 'ENOSPC true 100000')
})

// ── Who, and when ──────────────────────────────────────────────────────────────────────────────────

test('only the applicant hands in: others do not find the case, offices are refused, strangers sign in', async () => {
  const before = await keysIn(storage)
  const id = await givenCase('submitted')
  await move(id, { state: 'draft' })
  const file: Sent = ['一.pdf', await pdf()]

  assert.equal((await send(other, id, 'photos', [file])).status, 404)
  assert.equal((await send(clerk, id, 'photos', [file])).status, 403)
  assert.equal((await send(await portal.as('committee'), id, 'photos', [file])).status, 404)
  assert.equal((await send(company, id, 'no-such-paper', [file])).status, 404)
  assert.equal((await send(company, id, '__proto__', [file])).status, 404)
  const stranger = await post(portal.anyone(), `/desk/cases/${id}/materials/photos`, [file], {}, {})
  assert.match(stranger.headers.get('location') ?? '', /^\/login/)
  const foreign = await post(company, `/desk/cases/${id}/materials/photos`, [file], {}, { origin: 'https://evil.example' })
  assert.equal(foreign.status, 403)

  assert.deepEqual([await rowsOf(id), await keysIn(storage)], [[], before])
})

for (const state of ['submitted', 'reviewing', 'done'] as const)
  test(`in the state ${state} the materials are locked`, async () => {
    const id = await givenCase('draft')
    const { files } = await send(company, id, 'application', [['申请表.pdf', await pdf()]])
    const before = await keysIn(storage)
    await move(id, { state, serial: `CL-${id}`, edition: 1, place: state === 'reviewing' ? 'first' : null })

    const answer = await send(company, id, 'application', [['新.pdf', await pdf()]])
    const removed = await company.post(`/desk/cases/${id}/files/${files[0]?.id}/remove`)
    const dated = await company.post(`/desk/cases/${id}/materials/licence/expires`, { expires_on: '2030-01-01' })

    assert.deepEqual([answer.status, removed.status, dated.status], [409, 409, 409])
    assert.match(answer.message, /内容已锁定，没有保存/)
    assert.equal((await rowsOf(id)).length, 1)
    assert.deepEqual(await keysIn(storage), before)
  })

test('an upload that loses against the submission keeps nothing', async () => {
  const before = await keysIn(storage)
  const id = await givenCase('draft')
  const lock = await portal.db.transaction()
  await lock('cases').where({ id }).forUpdate().first()

  // The upload passes the first look, then waits for the lock that the submission holds.
  const upload = send(company, id, 'photos', [['一.pdf', await pdf()]])
  await until(async () => (await keysIn(storage)).length > before.length, 'the file has arrived')
  await lock('cases')
    .where({ id })
    .update({ state: 'submitted', edition: 1, serial: `CL-${id}` })
  await lock.commit()

  assert.equal((await upload).status, 409)
  assert.deepEqual([await rowsOf(id), await keysIn(storage)], [[], before])
})

test('a correction unlocks the materials it asks for, and only those', async () => {
  const id = await givenCase('supplement', { correct: ['photos'] })

  const asked = await send(company, id, 'photos', [['新照片.pdf', await pdf()]])
  const locked = await send(company, id, 'application', [['别的.pdf', await pdf()]])

  assert.equal(asked.status, 200)
  assert.equal(locked.status, 409)
  assert.match(locked.message, /“申请表”不在这次补正的事项里，已锁定/)
  assert.deepEqual(
    (await rowsOf(id)).map(row => [row.name, row.from_edition]),
    [['新照片.pdf', 2]],
  )
})

test('what was submitted stays with its edition, what was only a draft is gone', async () => {
  const { materialsOf } = await import('../src/cases/materials.ts')
  const id = await givenCase('draft')
  const photosOf = async (edition?: number) => {
    const kase = await portal.db('cases').where({ id }).first()
    const state = (await materialsOf(portal.db, kase, settings, edition)).find(({ material }) => material.code === 'photos')
    return {
      files: state?.files.map(file => file.name),
      earlier: state?.earlier.map(file => file.name),
      fresh: state?.files.map(file => file.isNew),
    }
  }
  const { files: first } = await send(company, id, 'photos', [
    ['甲.pdf', await pdf()],
    ['乙.pdf', await pdf()],
  ])
  await move(id, { state: 'supplement', edition: 1, rounds: 1, serial: `CL-${id}` })
  await portal.db('case_corrections').insert({ case_id: id, round: 1, target_type: 'material', target: 'photos', words: '重拍' })

  const { files: second } = await send(company, id, 'photos', [['丙.pdf', await pdf()]], { replaces: String(first[0]?.id) })
  const { files: third } = await send(company, id, 'photos', [['丁.pdf', await pdf()]], { replaces: String(second[0]?.id) })

  assert.deepEqual(await photosOf(1), { files: ['甲.pdf', '乙.pdf'], earlier: [], fresh: [false, false] })
  assert.deepEqual(await photosOf(), { files: ['乙.pdf', '丁.pdf'], earlier: ['甲.pdf'], fresh: [false, true] })
  const rows = await rowsOf(id)
  assert.deepEqual(
    rows.map(row => [row.name, row.from_edition, row.until_edition]),
    [
      ['甲.pdf', 1, 1],
      ['乙.pdf', 1, null],
      ['丁.pdf', 2, null],
    ],
  )
  assert.equal((await company.get(`/files/${second[0]?.id}`)).status, 404)
  assert.equal((await company.get(`/files/${first[0]?.id}`)).status, 200)

  const removed = await company.post(`/desk/cases/${id}/files/${third[0]?.id}/remove`)
  assert.deepEqual([removed.status, removed.location], [303, `/desk/cases/${id}#m-photos`])
  assert.equal((await company.post(`/desk/cases/${id}/files/${third[0]?.id}/remove`)).status, 404)
  const keys = new Set(await keysIn(storage))
  assert.deepEqual(
    rows.map(row => keys.has(row.storage_key)),
    [true, true, false],
  )
})

test('a file replaced by one that is refused stays', async () => {
  const id = await givenCase('draft')
  const { files } = await send(company, id, 'photos', [['旧.pdf', await pdf()]])

  const { status } = await send(company, id, 'photos', [['新.pdf', jpg()]], { replaces: String(files[0]?.id) })

  assert.equal(status, 422)
  assert.deepEqual(
    (await rowsOf(id)).map(row => row.name),
    ['旧.pdf'],
  )
})

test('a file of another case is not removed through this one', async () => {
  const [mine, another] = [await givenCase('draft'), await givenCase('draft')]
  const { files } = await send(company, another, 'photos', [['别.pdf', await pdf()]])

  assert.equal((await company.post(`/desk/cases/${mine}/files/${files[0]?.id}/remove`)).status, 404)
  await send(company, mine, 'photos', [['本.pdf', await pdf()]], { replaces: String(files[0]?.id) })

  assert.equal((await rowsOf(another)).length, 1)
})

test('required materials without a file are missing until one comes', async () => {
  const { missingMaterials } = await import('../src/cases/materials.ts')
  const id = await givenCase('draft')
  const missing = async () =>
    (await missingMaterials(portal.db, await portal.db('cases').where({ id }).first(), settings)).map(({ code }) => code)
  assert.deepEqual(await missing(), ['licence', 'application'])

  await send(company, id, 'licence', [['执照.png', png()]])

  assert.deepEqual(await missing(), ['application'])
  assert.match((await company.get(`/desk/cases/${id}`)).text, /必需 2 种，还差 1 种/)
})

test('the last day of a paper is kept, shown as expired when it is over, and a paper may run for ever', async () => {
  const { materialsOf } = await import('../src/cases/materials.ts')
  const id = await givenCase('draft')
  const expiry = async () =>
    (await materialsOf(portal.db, await portal.db('cases').where({ id }).first(), settings))[0]?.expiry ?? null
  const to = `/desk/cases/${id}/materials/licence/expires`

  assert.equal((await company.post(to, { expires_on: '2001-05-01' })).status, 303)
  assert.deepEqual(await expiry(), { text: '2001-05-01 已过期', tone: 'bad' })
  assert.equal((await company.post(to, { expires_on: '2999-05-01' })).status, 303)
  assert.deepEqual(await expiry(), { text: '有效期至 2999-05-01', tone: 'ok' })
  assert.equal((await company.post(to, { expires_on: '', lasting: 'on' })).status, 303)
  assert.deepEqual(await expiry(), { text: '有效期：长期', tone: 'ok' })
  const wrong = await company.post(to, { expires_on: '2026-02-30' })
  assert.equal(wrong.status, 422)
  assert.match(wrong.text, /营业执照：有效期至请填写成 2026-11-23 这样的日期/)
  assert.equal((await company.post(`/desk/cases/${id}/materials/photos/expires`, { expires_on: '2030-01-01' })).status, 404)
  assert.equal((await other.post(to, { expires_on: '2030-01-01' })).status, 404)
  assert.deepEqual(await expiry(), { text: '有效期：长期', tone: 'ok' })
})

test('where only a scan will do, PDFs and pictures pass, office files are refused with what to do', async () => {
  const { asScan } = await import('../src/files/receive.ts')
  const { fileKinds } = await import('../src/files/sniff.ts')
  const came = (extension: string, type: string) =>
    ({ ok: true, name: `批复.${extension}`, extension, type, size: 1, sha256: '', pages: null, key: 'k' }) as const

  for (const kind of ['pdf', 'jpg', 'png'] as const) {
    const received = came(kind, fileKinds[kind].type)
    assert.equal(asScan(received), received)
  }
  for (const kind of ['docx', 'xlsx'] as const) {
    const refused = asScan(came(kind, fileKinds[kind].type))
    assert.match(refused.ok ? '' : refused.sentence, new RegExp(`^“批复\\.${kind}”不是扫描件。.*pdf、jpg 或 png`))
  }
  const wrong = { ok: false, name: 'x', sentence: '空', isTooLarge: false } as const
  assert.equal(asScan(wrong), wrong)
})

// ── Reading ────────────────────────────────────────────────────────────────────────────────────────

test('a paper is read by whoever sees its case, an unsubmitted one by the applicant alone', async () => {
  const id = await givenCase('draft')
  const { files } = await send(company, id, 'application', [['申请表.pdf', await pdf()]])
  const at = `/files/${files[0]?.id}`
  const city = await portal.as('city-clerk')
  const statusOf = async (agent: Agent) => (await agent.get(at)).status

  assert.deepEqual(
    [await statusOf(company), await statusOf(clerk), await statusOf(city), await statusOf(other)],
    [200, 404, 404, 404],
  )
  await move(id, { state: 'submitted', edition: 1, serial: `CL-${id}` })
  assert.deepEqual(
    [await statusOf(company), await statusOf(clerk), await statusOf(city), await statusOf(other)],
    [200, 200, 200, 404],
  )
  assert.equal(await statusOf(await portal.as('district2-clerk')), 404)
  assert.equal(await statusOf(await portal.as('security-admin')), 403)
  assert.match((await portal.anyone().get(at)).location ?? '', /^\/login\?next=%2Ffiles%2F/)

  // What the applicant writes for the next edition is not yet anybody else's.
  await move(id, { state: 'supplement', rounds: 1 })
  await portal
    .db('case_corrections')
    .insert({ case_id: id, round: 1, target_type: 'material', target: 'application', words: '重盖章' })
  const { files: next } = await send(company, id, 'application', [['新申请表.pdf', await pdf()]])
  assert.equal((await clerk.get(`/files/${next[0]?.id}`)).status, 404)
  assert.equal((await company.get(`/files/${next[0]?.id}`)).status, 200)
})

test('who reads a paper of others stands in the action log once, before the first byte', async () => {
  const id = await givenCase('draft')
  const { files } = await send(company, id, 'application', [['申请表.pdf', await pdf()]])
  await move(id, { state: 'submitted', edition: 1, serial: `CL-${id}` })
  const at = `/files/${files[0]?.id}`
  const reads = () => portal.db('action_log').where({ action: 'file.read', object_id: String(files[0]?.id) })

  await company.get(at)
  assert.equal((await reads()).length, 0)
  await clerk.get(at)
  await clerk.get(at, { range: 'bytes=100-199' })
  await clerk.raw(at, { method: 'HEAD' })

  const rows = await reads()
  assert.equal(rows.length, 1)
  assert.equal(rows[0].role, 'district-clerk')
  assert.equal(rows[0].object_label, '申请表.pdf')
})

test('a paper read in pieces is logged whichever piece comes first, for each reader, and again after ten minutes', async () => {
  const { shiftClock } = await import('../src/clock.ts')
  const id = await givenCase('draft')
  const { files } = await send(company, id, 'application', [['申请表.pdf', await pdf()]])
  await move(id, { state: 'submitted', edition: 1, serial: `CL-${id}` })
  const at = `/files/${files[0]?.id}`
  const city = await portal.as('city-clerk')
  const readers = async () =>
    (
      await portal
        .db('action_log')
        .where({ action: 'file.read', object_id: String(files[0]?.id) })
        .orderBy('id')
    ).map(row => row.role)

  await clerk.raw(at, { method: 'HEAD' })
  await clerk.get(at, { range: 'bytes=9999999-' })
  assert.deepEqual(await readers(), [], 'nothing was read')
  assert.equal((await clerk.get(at, { range: 'bytes=1-' })).status, 206)
  assert.deepEqual(await readers(), ['district-clerk'])
  await clerk.get(at, { range: 'bytes=-5' })
  await clerk.get(at)
  assert.deepEqual(await readers(), ['district-clerk'])
  await city.get(at, { range: 'bytes=-5' })
  assert.deepEqual(await readers(), ['district-clerk', 'city-clerk'])

  try {
    shiftClock(9 * 60_000)
    await clerk.get(at)
    assert.equal((await readers()).length, 2)
    shiftClock(11 * 60_000)
    await clerk.get(at, { range: 'bytes=2-' })
    assert.deepEqual(await readers(), ['district-clerk', 'city-clerk', 'district-clerk'])
  } finally {
    shiftClock(0)
  }
})

test('pictures and PDFs open in place, all else is only saved, and nothing in them can act', async () => {
  const id = await givenCase('draft')
  const { files } = await send(company, id, 'photos', [
    ['图.png', png()],
    ['文.pdf', await pdf()],
    ['表.xlsx', await xlsx()],
  ])
  const headersOf = async (at: number, query = '') => (await company.get(`/files/${files[at]?.id}${query}`)).headers

  const [picture, text, sheet] = [await headersOf(0), await headersOf(1), await headersOf(2)]

  assert.match(picture.get('content-disposition') ?? '', /^inline; filename="file-\d+\.png"; filename\*=UTF-8''%E5%9B%BE\.png$/)
  assert.match(text.get('content-disposition') ?? '', /^inline;/)
  assert.match(sheet.get('content-disposition') ?? '', /^attachment;/)
  assert.match((await headersOf(0, '?download=1')).get('content-disposition') ?? '', /^attachment;/)
  for (const headers of [picture, text, sheet]) {
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'none';.*frame-ancestors 'self'/)
    assert.equal(headers.get('x-frame-options'), 'SAMEORIGIN')
  }
  assert.match(picture.get('content-security-policy') ?? '', /sandbox/)
  assert.doesNotMatch(text.get('content-security-policy') ?? '', /sandbox/)
})

test('a viewer may ask for a piece of a paper', async () => {
  const id = await givenCase('draft')
  const content = await pdf(2)
  const { files } = await send(company, id, 'photos', [['文.pdf', content]])
  const ask = async (range: string) => {
    const answer = await company.raw(`/files/${files[0]?.id}`, { headers: { range } })
    return { status: answer.status, range: answer.headers.get('content-range'), body: Buffer.from(await answer.arrayBuffer()) }
  }

  assert.deepEqual(await ask('bytes=0-4'), { status: 206, range: `bytes 0-4/${content.length}`, body: Buffer.from('%PDF-') })
  assert.deepEqual((await ask('bytes=10-')).body, content.subarray(10))
  assert.deepEqual((await ask('bytes=-7')).body, content.subarray(-7))
  const beyond = await ask(`bytes=${content.length}-`)
  assert.deepEqual([beyond.status, beyond.range], [416, `bytes */${content.length}`])
  for (const whole of ['bytes=0-1,5-6', 'pages=1-2', 'bytes=x'])
    assert.deepEqual([(await ask(whole)).status, (await ask(whole)).body.length], [200, content.length], whole)
})

// ── The officer ────────────────────────────────────────────────────────────────────────────────────

test('the same file or certificate number handed in by another applicant is flagged, drafts are not', async () => {
  const { materialsOf, sameNumbers } = await import('../src/cases/materials.ts')
  const content = await pdf()
  const [mine, again, theirs] = [
    await givenCase('draft'),
    await givenCase('draft'),
    await givenCase('draft', { owner: 'company2' }),
  ]
  for (const [agent, id] of [
    [company, mine],
    [company, again],
    [other, theirs],
  ] as const)
    await send(agent, id, 'application', [['合同.pdf', content]])
  for (const [case_id, owner] of [
    [mine, 'company'],
    [again, 'company'],
    [theirs, 'company2'],
  ] as const)
    await portal
      .db('case_marks')
      .insert({ case_id, applicant_id: districtOf[owner], field: 'people.certificate', mark: 'same-number' })
  for (const id of [mine, again]) await move(id, { state: 'reviewing', place: 'first', edition: 1, serial: `CL-${id}` })
  const seen = async () => {
    const kase = await portal.db('cases').where({ id: mine }).first()
    const found = (await materialsOf(portal.db, kase, settings, 1)).flatMap(({ duplicates }) => duplicates)
    return { files: found, numbers: await sameNumbers(portal.db, kase) }
  }

  assert.deepEqual(await seen(), { files: [], numbers: [] })
  await move(theirs, { state: 'submitted', edition: 1, serial: `CL-${theirs}` })

  const others = [{ case_id: theirs, serial: `CL-${theirs}`, subject_name: 'company2的物业公司' }]
  assert.deepEqual(await seen(), {
    files: [{ file: '合同.pdf', others }],
    numbers: [{ field: 'people.certificate', others }],
  })
})

test('originals are ticked by the desk that has the case, stand in the history, and want another look when a file comes', async () => {
  const { materialsOf } = await import('../src/cases/materials.ts')
  const id = await givenCase('draft')
  await send(company, id, 'licence', [['执照.png', png()]])
  await move(id, { state: 'reviewing', place: 'first', holder_role: 'district-clerk', edition: 1, serial: `CL-${id}` })
  const to = `/desk/cases/${id}/originals`
  const seen = async () => {
    const kase = await portal.db('cases').where({ id }).first()
    return (await materialsOf(portal.db, kase, settings, kase.edition))[0]?.originalSeen?.by
  }

  assert.equal((await (await portal.as('city-clerk')).post(to, { seen: 'licence' })).status, 409)
  assert.equal((await (await portal.as('district2-clerk')).post(to, { seen: 'licence' })).status, 404)
  assert.equal((await company.post(to, { seen: 'licence' })).status, 403)
  assert.equal(await seen(), undefined)

  const ticked = await clerk.post(to, { seen: ['licence', 'photos', 'no-such'] })
  assert.deepEqual([ticked.status, ticked.location], [303, `/desk/cases/${id}#materials`])
  assert.equal(await seen(), '周砚秋')
  await clerk.post(to, { seen: 'licence' })
  const lines = await portal.db('case_history').where({ case_id: id, step: 'verify' })
  assert.equal(lines.length, 1, 'nothing changed the second time')

  await move(id, { state: 'supplement', rounds: 1, holder_role: null })
  await portal
    .db('case_corrections')
    .insert({ case_id: id, round: 1, target_type: 'material', target: 'licence', words: '换新照' })
  assert.equal((await clerk.post(to, {})).status, 409)
  const { shiftClock } = await import('../src/clock.ts')
  shiftClock(1000)
  await send(company, id, 'licence', [['新执照.png', png()]])
  await move(id, { state: 'reviewing', holder_role: 'district-clerk', edition: 2 })
  assert.equal(await seen(), undefined)
  const json = await clerk.raw(to, {
    method: 'POST',
    body: new URLSearchParams({ seen: 'licence' }),
    headers: { origin: portal.base, accept: 'application/json' },
  })
  const told = (await json.json()) as { version: number; sentence: string }
  assert.equal(told.sentence, '已核验原件：营业执照。')
  assert.equal(told.version, (await portal.db('cases').where({ id }).first()).version)
  assert.equal(await seen(), '周砚秋')
  await clerk.post(to, {})
  assert.equal(await seen(), undefined)
  shiftClock(0)
})

// ── The sweep ──────────────────────────────────────────────────────────────────────────────────────

test('the sweep removes what has no row, spares what is young, and reports what is missing', async () => {
  const { sweepFiles } = await import('../src/files/sweep.ts')
  await sweepFiles(portal.db)
  const id = await givenCase('draft')
  const { files } = await send(company, id, 'photos', [
    ['在.pdf', await pdf()],
    ['丢.pdf', await pdf()],
    ['短.pdf', await pdf()],
  ])
  const [kept, lost, short] = await rowsOf(id)
  const fileOf = (key: string) => path.join(filesFolder, key.slice(0, 2), key)
  const age = (file: string, hours: number) => fs.utimesSync(file, new Date(), new Date(Date.now() - hours * 3600_000))
  const [orphan, young] = [await storage.put(one(Buffer.from('old'))), await storage.put(one(Buffer.from('new')))]
  age(fileOf(orphan), 25)
  age(fileOf(kept.storage_key), 500)
  const [left, running] = ['p'.repeat(32), 'q'.repeat(32)].map(key => `${fileOf(key)}.part`) as [string, string] // two in, two out
  for (const file of [left, running]) {
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, 'half')
  }
  age(left, 2)
  fs.rmSync(fileOf(lost.storage_key))
  fs.truncateSync(fileOf(short.storage_key), 5)

  const found = await sweepFiles(portal.db)

  assert.deepEqual(found, { unfinished: 1, orphans: 1, missing: [files[1]?.id, files[2]?.id], altered: [] })
  const keys = await keysIn(storage)
  assert.ok(keys.includes(kept.storage_key) && keys.includes(young) && !keys.includes(orphan))
  assert.deepEqual(unfinished(), [path.relative(filesFolder, running)])
  const entry = await portal.db('action_log').where({ action: 'file.sweep' }).orderBy('id', 'desc').first()
  assert.equal(entry.result, 'failed')
  assert.deepEqual(JSON.parse(entry.detail).missing, found.missing)
  const gone = await company.get(`/files/${files[1]?.id}`)
  assert.equal(gone.status, 500)
  fs.rmSync(running)
})

test('the sweep reads every file again in turn, so many a night, and reports the one whose bytes are others', async () => {
  const { sweepFiles } = await import('../src/files/sweep.ts')
  const { shiftClock } = await import('../src/clock.ts')
  await portal.db('files').delete()
  const id = await givenCase('draft')
  await send(
    company,
    id,
    'photos',
    await Promise.all(['一', '二', '三', '四', '五'].map(async name => [`${name}.pdf`, await pdf()] as Sent)),
  )
  const rows = await rowsOf(id)
  const [, altered] = rows
  const file = path.join(filesFolder, altered.storage_key.slice(0, 2), altered.storage_key)
  const bytes = fs.readFileSync(file)
  bytes[20] = (bytes[20] ?? 0) ^ 1
  fs.writeFileSync(file, bytes)
  const sweepsDue = async () => await portal.db('action_log').where({ action: 'file.sweep' }).orderBy('id', 'desc')
  const before = (await sweepsDue()).length

  assert.deepEqual((await sweepFiles(portal.db)).altered, [altered.id], 'a night has room for all of them')
  const [entry] = await sweepsDue()
  assert.equal(entry.result, 'failed')
  assert.deepEqual(JSON.parse(entry.detail).altered, [altered.id])

  const most = 2
  const nights = Math.ceil(rows.at(-1).id / most)
  const found: number[] = []
  const opened = await countingReads(async () => {
    for (let night = 0; night < nights; night++) {
      shiftClock(night * 86_400_000)
      found.push(...(await sweepFiles(portal.db, most)).altered)
    }
  })
  shiftClock(0)
  assert.deepEqual(found, [altered.id], 'found once in a round')
  assert.deepEqual(opened.sort(), rows.map(row => row.storage_key).sort(), 'each file was read once in a round')
  assert.equal((await sweepsDue()).length, before + 2, 'a night without a finding writes nothing')
})

/** The keys that were opened while something was done. */
async function countingReads(work: () => Promise<void>): Promise<string[]> {
  const keys: string[] = []
  const open = storage.open
  storage.open = (key, range) => {
    keys.push(key)
    return open.call(storage, key, range)
  }
  try {
    await work()
  } finally {
    storage.open = open
  }
  return keys
}

async function* one(content: Uint8Array) {
  yield content
}
