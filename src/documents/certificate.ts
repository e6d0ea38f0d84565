import { setImmediate as pause } from 'node:timers/promises'
import type { Knex } from 'knex'
import { settingsNow } from '../admin/settings.ts'
import { type Document, issueDocument, type Standing, shownCode } from './documents.ts'
import { Paper } from './pdf.ts'
import { onPaper, type Printing, verifyAddress } from './printing.ts'

/** 资质证书 (domain.md §4.6): 正本 and 副本 of equal force, each with a verification code of its own. */

/** All that a certificate says. Days are `YYYY-MM-DD`. */
export interface CertificateFacts {
  number: string
  company_name: string
  credit_code: string
  legal_person: string
  /** 万元 */
  capital: string
  ownership: string
  address: string
  level: string
  scope: string
  approved_on: string
  /** Nothing where the law set no limit. */
  valid_until: string | null
  issuer: string
  issued_on: string
  /** 变更记录 and 年检记录, for the 副本. */
  /** Printed again after a loss, on this day: 补. `issued_on` stays that of the certificate. */
  reissued?: string
  changes?: readonly { on: string; item: string; before: string; after: string }[]
}
/** 年检记录 is no part of the paper that was issued: it is printed as the register has it on the day of the print. */
export type InspectionRecord = { year: string; result: string; on: string; by: string }
type Printed = CertificateFacts & { clause: string }

export const certificatePapers = {
  'certificate-main': { label: '正本', title: '物业服务企业资质证书（正本）' },
  'certificate-copy': { label: '副本', title: '物业服务企业资质证书（副本）' },
} as const
export type CertificatePaper = keyof typeof certificatePapers

/** Whether a text names one of the two papers of a certificate. */
export function isCertificatePaper(paper: string): paper is CertificatePaper {
  return Object.hasOwn(certificatePapers, paper)
}

/** What a certificate is worth besides the register: the licence itself was abolished (国发〔2017〕7号、46号；住建部令第39号). */
const abolished = '国家已于2018年取消物业服务企业资质许可。本证书只记载登记情况，不是承接物业服务的条件。'
const rules = '本证书不得涂改、伪造、出租、出借、转让。登记事项变更的，应当自变更之日起30日内申请变更。'

/**
 * Issues 正本 and 副本 of a certificate in the transaction of its approval.
 * @param facts must say what the row in `certificates` says
 * @throws Error when they do not, which is a fault of ours
 */
export async function issueCertificate(
  trx: Knex.Transaction,
  issue: {
    certificate_id: number
    case_id?: number
    organisation_id: number
    number: string
    facts: CertificateFacts
    /** Which papers; both unless told. */
    papers?: readonly CertificatePaper[]
  },
): Promise<Partial<Record<CertificatePaper, { id: number; code: string }>>> {
  const { certificate_id, case_id, organisation_id, number, facts, papers = ['certificate-main', 'certificate-copy'] } = issue
  const row: Record<string, unknown> | undefined = await trx('certificates')
    .where({ id: certificate_id })
    .first('number', 'approved_on', 'issued_on', 'valid_until', 'issuer')
  const wrong = Object.entries(row ?? { row: 'missing' }).filter(
    ([name, value]) => value !== ({ ...facts, number } as Record<string, unknown>)[name],
  ) // compared by name
  if (wrong.length) throw new Error(`certificate ${certificate_id} and its facts differ in ${wrong.map(([name]) => name)}`)
  const set = await settingsNow(trx)
  const printed: Printed = { ...facts, clause: set['qualification.enabled'] ? rules : abolished }
  const issued: Partial<Record<CertificatePaper, { id: number; code: string }>> = {}
  for (const paper of papers)
    issued[paper] = await issueDocument(trx, {
      paper,
      ...(case_id ? { case_id } : {}),
      organisation_id,
      object: { type: 'certificate', id: certificate_id },
      number,
      title: certificatePapers[paper].title,
      facts: printed,
      issued_on: facts.reissued ?? facts.issued_on,
    })
  return issued
}

/** What the facts of an issued certificate say. */
export function certificateFacts({ facts }: Document): Printed {
  return JSON.parse(facts) as Printed // written by issueCertificate; callers check the signature first
}

/** A paper to print: what it is worth today, and for the 副本 the 年检记录 as of today. */
export interface CertificatePrint {
  document: Document
  standing: Standing
  inspections?: readonly InspectionRecord[]
}

/** Prints an issued certificate. One that no longer holds carries that across the page. */
export async function printCertificate(
  document: Document,
  { standing, inspections, ...printing }: Printing & Omit<CertificatePrint, 'document'>,
): Promise<Buffer> {
  return await compose({ document, standing, ...(inspections ? { inspections } : {}) }, printing).finish()
}

/**
 * Prints several papers into one file, each on pages of its own: 正本 across, 副本 upright. Other requests go on between them.
 * @throws Error when there is none
 */
export async function printCertificates(prints: readonly CertificatePrint[], printing: Printing): Promise<Buffer> {
  let paper: Paper | undefined
  for (const print of prints) {
    paper = compose(print, printing, { before: paper, title: `物业服务企业资质证书 ${prints.length} 份` })
    await pause()
  }
  if (!paper) throw new Error('no paper to print')
  return await paper.finish()
}

function compose(
  { document, standing, inspections = [] }: CertificatePrint,
  printing: Printing,
  { before, title }: { before?: Paper | undefined; title?: string } = {},
): Paper {
  const facts = certificateFacts(document)
  const main = document.paper === 'certificate-main'
  const sheet = {
    title: title ?? `${document.title} ${facts.number}`,
    foot: [facts.number, `核验码 ${shownCode(document.code)}`],
    digest: document.digest,
    printedAt: printing.printedAt,
    landscape: main,
    margins: main ? { top: 24, right: 30, bottom: 25, left: 30 } : { top: 32, right: 26, bottom: 30, left: 26 },
    footAt: 13,
    ...(printing.faces ? { faces: printing.faces } : {}),
  }
  const paper = before ? before.next(sheet) : new Paper(sheet)
  frame(paper)
  if (main) mainPage(paper, document, facts, printing)
  else {
    copyPage(paper, document, facts, printing)
    paper.newPage()
    frame(paper)
    recordPage(paper, facts, inspections)
  }
  if (!standing.good) paper.watermark(standing.label)
  return paper
}

function mainPage(paper: Paper, document: Document, facts: Printed, printing: Printing): void {
  title(paper, facts, '正本', 34)
  const foot = paper.bottom - 118
  register(paper, rowsOf(facts, true), foot - paper.y - 20)
  proof(paper, document, facts, printing, foot)
}

function copyPage(paper: Paper, document: Document, facts: Printed, printing: Printing): void {
  title(paper, facts, '副本', 28)
  paper.space(10)
  const foot = paper.bottom - 170
  register(paper, rowsOf(facts, false), foot - paper.y - 20)
  proof(paper, document, facts, printing, foot + 34)
}

function title(paper: Paper, { number, reissued }: Printed, label: string, size: number): void {
  paper.text('物业服务企业资质证书', { tag: 'H1', size, leading: size * 1.35, weight: 'bold', align: 'center', colour: deep })
  paper.text(`（${label}）`, { size: 14, leading: 22, align: 'center', after: 4 })
  const again = reissued ? `（补，${onPaper(reissued)}）` : ''
  paper.text(`证书编号：${number}${again}`, { size: 12, leading: 20, align: 'center', after: 10 })
}

interface Row {
  label: string
  value: string
  /** Two short ones stand side by side. */
  half?: boolean
}

function rowsOf(facts: Printed, wide: boolean): Row[] {
  const half = wide
  const capital = facts.capital ? `${facts.capital} 万元` : '—'
  return [
    { label: '企业名称', value: facts.company_name },
    { label: '统一社会信用代码', value: facts.credit_code, half },
    { label: '法定代表人', value: facts.legal_person, half },
    { label: '注册资本', value: capital, half },
    { label: '企业类型', value: facts.ownership, half },
    { label: '住所', value: facts.address },
    { label: '资质等级', value: facts.level },
    { label: '承接业务范围', value: facts.scope },
    { label: '批准日期', value: onPaper(facts.approved_on), half },
    { label: '有效期至', value: facts.valid_until ? onPaper(facts.valid_until) : '长期', half },
  ]
}

/** The fields, each on its line. Long names and addresses take a smaller size rather than a second page. */
function register(paper: Paper, rows: readonly Row[], room: number): void {
  const shapes = [14, 13, 12, 11, 10, 9, 8].map(size => ({ size, leading: size * 1.5, gap: size * 0.55, label: size * 9.3 }))
  const lines: Row[][] = []
  for (const row of rows) {
    const last = lines.at(-1)
    if (row.half && last?.length === 1 && last[0]?.half) last.push(row)
    else lines.push([row])
  }
  const half = (paper.width - 30) / 2
  const widthFor = (line: Row[], label: number) => (line.length === 2 ? half : paper.width) - label
  const tall = (line: Row[], { size, leading, label }: (typeof shapes)[number]) =>
    Math.max(...line.map(row => paper.heightOf(row.value, { size, leading, width: widthFor(line, label) })))
  const fits = (shape: (typeof shapes)[number]) => lines.reduce((sum, line) => sum + tall(line, shape) + shape.gap, 0) <= room
  const shape = shapes.find(fits) ?? shapes.at(-1)
  if (!shape) return
  const { size, leading, gap, label } = shape
  const spare = Math.min(8, Math.max(0, room - lines.reduce((sum, line) => sum + tall(line, shape) + gap, 0)) / lines.length)
  for (const line of lines) {
    const at = paper.y
    for (const [n, row] of line.entries()) {
      const x = paper.left + n * (half + 30)
      paper.y = at
      paper.text(`${row.label}：`, { x, width: label, size, leading, weight: 'bold' })
      paper.y = at
      paper.text(row.value, { x: x + label, width: widthFor(line, label), size, leading })
      const under = at + tall(line, shape) + 1
      const end = x + label + widthFor(line, label)
      paper.ornament(doc =>
        doc
          .moveTo(x + label - 4, under)
          .lineTo(end, under)
          .lineWidth(0.4)
          .dash(1.5, { space: 2 })
          .strokeColor(pale)
          .stroke(),
      )
    }
    paper.y = at + tall(line, shape) + gap + spare
  }
}

/** What makes it a proof: QR code, verification code and address at the left; authority, seal and day at the right; the clause below. */
function proof(paper: Paper, { code }: Document, { issuer, issued_on, clause }: Printed, printing: Printing, top: number): void {
  const address = verifyAddress(code)
  const side = 80
  paper.qr(address, paper.left, top, side)
  const beside = { x: paper.left + side + 8, width: paper.width / 2 - side, size: 9, leading: 14 }
  paper.y = top + 10
  paper.text('扫码或打开下面的网址，查看证书当前状态', beside)
  paper.text(`核验码：${shownCode(code)}`, { ...beside, weight: 'bold' })
  paper.text(address, { ...beside, size: 8 })
  const signature = {
    x: paper.left + paper.width / 2 + 10,
    width: paper.width / 2 - 10,
    size: 12,
    leading: 21,
    align: 'center',
  } as const
  paper.y = top + 4
  paper.text('发证机关（章）', signature)
  paper.text(issuer, { ...signature, weight: 'bold' })
  paper.text(`发证日期：${onPaper(issued_on)}`, signature)
  if (printing.seal === 'placeholder') paper.sealPlace(issuer, signature.x + signature.width / 2, top + 42)
  paper.y = top + side + 24
  paper.text(clause, { size: 9, leading: 14, align: 'center', colour: '#3c4a53' })
}

/** Blank rows are kept for stamps on paper. */
const rowsOfRecord = 8

function recordPage(paper: Paper, { changes = [], number }: Printed, inspections: readonly InspectionRecord[]): void {
  const style = { size: 16, align: 'center', after: 8 } as const
  const filled = (rows: string[][], columns: number) => [
    ...rows.map(row => row.map(text => ({ text }))),
    ...Array.from({ length: Math.max(0, rowsOfRecord - rows.length) }, () =>
      Array.from({ length: columns }, () => ({ text: '' })),
    ),
  ]
  const head = (...labels: string[]) => labels.map(text => ({ text }))
  paper.heading('变更记录', style)
  paper.grid({
    widths: [18, 20, 31, 31],
    head: head('变更日期', '变更事项', '变更前', '变更后'),
    rows: filled(
      changes.map(({ on, item, before, after }) => [onPaper(on), item, before, after]),
      4,
    ),
    height: 26,
  })
  paper.space(20)
  paper.heading('年检记录', style)
  paper.grid({
    widths: [16, 24, 22, 38],
    head: head('年度', '年检结果', '日期', '年检机关'),
    rows: filled(
      inspections.map(({ year, result, on, by }) => [year, result, onPaper(on), by]),
      4,
    ),
    height: 26,
  })
  paper.space(10)
  paper.text(`证书编号：${number}`, { size: 9, align: 'center' })
}

const deep = '#0b5c78'
const pale = '#8fb6c4'

/** The border: a band of two waves between a heavy and a light line, a rosette in each corner. */
function frame(paper: Paper): void {
  paper.ornament(doc => {
    const { width, height } = doc.page
    const [inset, band, low] = [24, 17, 50]
    const box = { x: inset, y: inset, w: width - 2 * inset, h: height - inset - low }
    doc.rect(box.x, box.y, box.w, box.h).lineWidth(3).strokeColor(deep).stroke()
    doc
      .rect(box.x + band, box.y + band, box.w - 2 * band, box.h - 2 * band)
      .lineWidth(0.8)
      .strokeColor(deep)
      .stroke()
    doc.lineWidth(0.5).strokeColor(pale)
    const wave = (from: number, to: number, at: number, across: boolean, phase: number) => {
      const steps = Math.round((to - from) / 2)
      for (let step = 0; step <= steps; step++) {
        const along = from + ((to - from) * step) / steps
        const off = at + Math.sin((step / steps) * Math.PI * 2 * Math.round((to - from) / 22) + phase) * (band / 2 - 4)
        const [x, y] = across ? [along, off] : [off, along]
        if (step) doc.lineTo(x, y)
        else doc.moveTo(x, y)
      }
      doc.stroke()
    }
    const half = band / 2
    for (const phase of [0, Math.PI / 2, Math.PI, Math.PI * 1.5]) {
      wave(box.x + band, box.x + box.w - band, box.y + half, true, phase)
      wave(box.x + band, box.x + box.w - band, box.y + box.h - half, true, phase)
      wave(box.y + band, box.y + box.h - band, box.x + half, false, phase)
      wave(box.y + band, box.y + box.h - band, box.x + box.w - half, false, phase)
    }
    for (const x of [box.x + half, box.x + box.w - half])
      for (const y of [box.y + half, box.y + box.h - half]) {
        doc
          .rect(x - half, y - half, band, band)
          .lineWidth(0.8)
          .fillAndStroke('#fff', deep)
        for (let petal = 0; petal < 8; petal++) {
          const angle = (petal * Math.PI) / 4
          doc
            .circle(x + Math.cos(angle) * 3, y + Math.sin(angle) * 3, 3)
            .lineWidth(0.4)
            .strokeColor(deep)
            .stroke()
        }
      }
  })
}
