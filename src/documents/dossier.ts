import type { Knex } from 'knex'
import type { Case, Correction, StoredFile } from '../cases/case.ts'
import { clocksOf, standingOf } from '../cases/cases.ts'
import { conclusionWords } from '../cases/conclusion.ts'
import { editionOf } from '../cases/drafts.ts'
import { payloadsOf } from '../cases/history.ts'
import { isStep, states, stepLabel } from '../cases/lifecycle.ts'
import { consultationsOf } from '../cases/queries.ts'
import { type Standing, stateOf } from '../cases/steps.ts'
import { beijing } from '../clock.ts'
import { NotFound } from '../errors.ts'
import { showAnswers } from '../forms/answers.ts'
import { objectionStates, objectionsOf } from '../publicity/publicity.ts'
import { canonical, digestOf, documentsOf, isIntact, shownCode } from './documents.ts'
import { targetLabel } from './papers.ts'
import { Paper } from './pdf.ts'
import type { Printing } from './printing.ts'
import { chineseNumber, formMargins, type Sheet, sheetsOf, writeSheets } from './sheets.ts'

/**
 * 案卷: everything a case left behind, for the files of the office: every edition of the form, corrections, materials with their
 * digests, opinions, clocks, papers, and the history with its chain. Personal data are masked; internal notes only where asked for.
 */
export interface Dossier {
  title: string
  serial: string
  parts: { title: string; sheets: Sheet[] /** Begins a page of its own. */; alone?: boolean }[]
  /** Over all parts. */
  digest: string
}

/** Puts a dossier together. @param notes with 内部备注 */
export async function dossierOf(db: Knex, kase: Case, { notes }: { notes: boolean }): Promise<Dossier> {
  const standing = await standingOf(db, kase)
  const forms = Array.from({ length: kase.edition }, (_, n) => editionPart(db, standing, n + 1))
  const parts = [
    overview(standing, await applicantName(db, kase)),
    ...(await Promise.all(forms)),
    await corrections(db, standing),
    await materials(db, standing),
    await opinions(db, standing, notes),
    await consultations(db, kase),
    await objections(db, kase),
    await clocks(db, standing),
    await papers(db, kase),
    chain(standing),
  ].filter(part => part !== undefined)
  const { serial } = kase
  return { title: kase.title, serial: serial ?? '', parts, digest: digestOf(canonical({ id: kase.id, serial, parts })) }
}

type Part = Dossier['parts'][number]

const at = (moment: Date | null) => (moment ? beijing(moment).slice(0, 16) : '—')

async function applicantName(db: Knex, { applicant_id }: Case): Promise<string> {
  const row: { name: string } | undefined = await db('organisations').where({ id: applicant_id }).first('name')
  return row?.name ?? '—'
}

function overview(standing: Standing, applicant: string): Part {
  const { kase, kind } = standing
  const facts = [
    { label: '办理事项', value: kind.label, wide: true },
    { label: '设定依据', value: kind.law, wide: true },
    { label: '申请人', value: applicant, wide: true },
    { label: '办理对象', value: kase.subject_name, wide: true },
    { label: '业务流水号', value: kase.serial ?? '—' },
    { label: '状态', value: stateOf(standing).label },
    { label: '首次提交', value: at(kase.submitted_at) },
    { label: '受理', value: at(kase.accepted_at) },
    { label: '决定', value: at(kase.decided_at) },
    { label: '办结', value: at(kase.closed_at) },
    { label: '申报版数', value: `${kase.edition} 版` },
    { label: '补正次数', value: `${kase.rounds} 次` },
    { label: '证书（备案）编号', value: kase.number ?? '—' },
    { label: '逾期申报', value: kase.late_days ? `${kase.late_days} 天` : '否' },
  ]
  return { title: '办件概况', sheets: [{ sort: 'facts', facts }] }
}

async function editionPart(db: Knex, { kase, kind, history }: Standing, edition: number): Promise<Part> {
  const line = history.find(line => line.edition === edition && (line.step === 'submit' || line.step === 'resubmit'))
  const title = `申报内容（第 ${edition} 版）`
  const adjust = await kind.adjust?.(db, kase)
  const sheets = await editionOf(db, kase, edition)
    .then(answers => sheetsOf(showAnswers(kind.form, answers, { masked: true, adjust }), n => `（${n}）`))
    .catch((error): Sheet[] => {
      if (error instanceof NotFound) return [{ sort: 'text', text: '这一版的内容已依法删除，办理记录保留其摘要。' }]
      throw error
    })
  const head = line ? `${at(line.at)} ${stepLabel(line.step)}，内容摘要 ${line.payload_digest ?? '—'}` : ''
  return { title, sheets: [...(head ? [{ sort: 'text' as const, text: head }] : []), ...sheets], alone: true }
}

async function corrections(db: Knex, { kase, kind, settings }: Standing): Promise<Part | undefined> {
  const rows = await db<Correction>('case_corrections').where({ case_id: kase.id }).orderBy(['round', 'id'])
  if (!rows.length) return undefined
  const body = rows.map(item => [
    `第 ${item.round} 次`,
    targetLabel(item, kind, settings),
    item.words,
    item.answer ?? (item.answered_at ? '已补正' : '—'),
    at(item.answered_at),
  ])
  return {
    title: '补正告知与答复',
    sheets: [{ sort: 'table', widths: [10, 20, 34, 22, 16], head: ['次数', '事项', '要求', '答复', '答复时间'], rows: body }],
  }
}

async function materials(db: Knex, { kase, settings }: Standing): Promise<Part> {
  const [files, marks] = await Promise.all([
    db<StoredFile>('files').where({ case_id: kase.id }).orderBy(['material', 'id']),
    db('case_materials')
      .leftJoin('users', 'users.id', 'case_materials.original_seen_by')
      .where({ case_id: kase.id })
      .select('material', 'original_seen_at', 'users.name as officer') as Promise<
      { material: string; original_seen_at: Date | null; officer: string | null }[]
    >,
  ])
  const order = settings.materials.map(({ code }) => code)
  const rank = ({ material }: StoredFile) => (order.indexOf(material) + 1 || order.length + 1) * 1e6
  const sorted = files.filter(file => file.from_edition <= kase.edition).sort((one, other) => rank(one) - rank(other))
  const label = (code: string) => settings.materials.find(material => material.code === code)?.label ?? otherPapers[code] ?? code
  const rows = sorted.map((file, n) => [
    String(n + 1),
    label(file.material),
    file.name,
    `${file.pages ? `${file.pages} 页，` : ''}${Math.ceil(file.size / 1024)} KB`,
    at(file.created_at),
    `${file.from_edition}–${file.until_edition ?? kase.edition}`,
    file.sha256,
  ])
  const seen = marks.flatMap(({ material, original_seen_at, officer }) =>
    original_seen_at ? [`${label(material)}：${officer ?? ''} ${at(original_seen_at)} 已核验原件`] : [],
  )
  return {
    title: '材料清单',
    sheets: [
      rows.length
        ? {
            sort: 'table',
            widths: [6, 20, 22, 13, 15, 8, 26],
            head: ['序号', '材料', '文件', '页数和大小', '上传时间', '版次', 'SHA-256'],
            rows,
            size: 8,
          }
        : { sort: 'text', text: '没有上传材料。' },
      ...seen.map((text): Sheet => ({ sort: 'text', text })),
    ],
  }
}

const otherPapers: Record<string, string> = { outcome: '上级机关决定', answer: '答复附件' }

async function opinions(db: Knex, { kase, kind, history }: Standing, notes: boolean): Promise<Part> {
  const payloads = await payloadsOf(db, kase.id)
  const rows = history.flatMap(line => {
    const payload = line.payload_id === null ? undefined : payloads.get(line.payload_id)
    if (!isStep(line.step) && !notes) return []
    const words = [
      payload?.opinion,
      payload?.visit && `实地核查 ${payload.visit.on}，${payload.visit.officers.join('、')}：${payload.visit.finding}`,
      ...conclusionWords(kind.conclusion, payload?.conclusion).map(({ label, text }) => `${label}：${text}`),
      payload?.outcome && `文号 ${payload.outcome.number}，${payload.outcome.on}`,
      notes && payload?.note && `内部备注：${payload.note}`,
    ].filter(Boolean)
    return [[at(line.at), line.place_label, stepLabel(line.step), line.user_name, words.join('\n') || '—']]
  })
  return {
    title: notes ? '办理意见（含内部备注）' : '办理意见',
    sheets: [{ sort: 'table', widths: [16, 16, 12, 10, 46], head: ['时间', '环节', '办理', '人员', '意见'], rows }],
  }
}

async function consultations(db: Knex, kase: Case): Promise<Part | undefined> {
  const rows = await consultationsOf(db, kase.id)
  if (!rows.length) return undefined
  const verdicts = { agree: '同意', disagree: '有不同意见' }
  const body = rows.map(({ label, question, asked_at, verdict, opinion, answered_at }) => [
    label,
    question,
    at(asked_at),
    verdict ? `${verdicts[verdict]}。${opinion ?? ''}` : '未回复',
    at(answered_at),
  ])
  return {
    title: '征求意见',
    sheets: [{ sort: 'table', widths: [16, 28, 15, 26, 15], head: ['征求对象', '征求内容', '发出', '意见', '回复'], rows: body }],
  }
}

async function objections(db: Knex, kase: Case): Promise<Part | undefined> {
  const publicities: { starts_on: string; ends_on: string; outcome: string | null }[] = await db('publicities')
    .where({ case_id: kase.id })
    .orderBy('id')
    .select('starts_on', 'ends_on', 'outcome')
  if (!publicities.length) return undefined
  const ends: Record<string, string> = { ended: '期满', upheld: '异议成立' }
  const said = await objectionsOf(db, kase.id)
  return {
    title: '公示与异议',
    sheets: [
      {
        sort: 'table',
        widths: [30, 30, 40],
        head: ['公示开始', '公示截止', '结果'],
        rows: publicities.map(({ starts_on, ends_on, outcome }) => [
          starts_on,
          ends_on,
          outcome ? (ends[outcome] ?? outcome) : '公示中',
        ]),
      },
      said.length
        ? {
            sort: 'table',
            widths: [16, 40, 14, 30],
            head: ['时间', '异议内容', '状态', '答复'],
            rows: said.map(row => [at(row.created_at), row.words, objectionStates[row.state].label, row.answer ?? '—']),
          }
        : { sort: 'text', text: '公示期间没有收到异议。' },
    ],
  }
}

async function clocks(db: Knex, standing: Standing): Promise<Part | undefined> {
  const readings = await clocksOf(db, standing)
  if (!readings.length) return undefined
  const rows = readings.map(({ label, law, limit, unit, starts_on, due_on, used, paused, text }) => {
    const days = unit === 'working-day' ? '个工作日' : '天'
    return [`${label}（${limit} ${days}）`, law, starts_on ?? '—', due_on ?? '—', `${used} ${days}`, `${paused} ${days}`, text]
  })
  return {
    title: '办理时限',
    sheets: [
      {
        sort: 'table',
        widths: [18, 22, 12, 12, 12, 12, 16],
        head: ['时限', '依据', '起算', '到期', '已用', '暂停', '结论'],
        rows,
        size: 8.5,
      },
    ],
  }
}

async function papers(db: Knex, kase: Case): Promise<Part | undefined> {
  const issued = await documentsOf(db, kase.id)
  if (!issued.length) return undefined
  const rows = issued.map(document => [
    document.title,
    document.number ?? '—',
    document.issued_on,
    shownCode(document.code),
    isIntact(document) ? document.digest : '内容与签名不符',
  ])
  return {
    title: '签发的文书',
    sheets: [{ sort: 'table', widths: [21, 22, 12, 20, 25], head: ['文书', '编号', '日期', '核验码', 'SHA-256'], rows, size: 8 }],
  }
}

function chain({ kase, history }: Standing): Part {
  const rows = history.map(line => [
    String(line.sequence),
    beijing(line.at),
    line.place_label,
    stepLabel(line.step),
    line.user_name,
    line.from_state === line.to_state ? '—' : `${states[line.from_state].label} → ${states[line.to_state].label}`,
    line.hash,
  ])
  return {
    title: '办理记录与校验值',
    sheets: [
      {
        sort: 'table',
        widths: [6, 18, 15, 10, 9, 18, 24],
        head: ['序号', '时间', '环节', '办理', '人员', '状态', '校验值'],
        rows,
        size: 8,
      },
      { sort: 'text', text: `共 ${kase.history_count} 条，末条校验值 ${kase.history_hash || '—'}` },
    ],
  }
}

/** Prints a dossier: cover, index with page numbers, parts. Written twice, since the index comes before what it counts. */
export async function printDossier(dossier: Dossier, printing: Printing): Promise<Buffer> {
  const { pages } = await write(dossier, printing, [])
  const { paper } = await write(dossier, printing, pages)
  return await paper.finish()
}

/** Lets others be served between the parts: three editions with 300 people each take a second. */
const breathe = () => new Promise(resolve => setImmediate(resolve))

async function write({ title, serial, parts, digest }: Dossier, { printedAt, faces }: Printing, known: readonly number[]) {
  const paper = new Paper({
    title: `案卷 ${serial}`,
    foot: [`案卷 ${serial}`, '内部使用'],
    digest,
    printedAt,
    margins: formMargins,
    ...(faces ? { faces } : {}),
  })
  cover(paper, { title, serial, parts, digest }, printedAt, known)
  const pages: number[] = []
  for (const [n, part] of parts.entries()) {
    if (!n || part.alone || parts[n - 1]?.alone) paper.newPage()
    else paper.space(18)
    paper.keep(150)
    pages.push(paper.page)
    paper.heading(`${chineseNumber(n + 1)}、${part.title}`, { size: 15, after: 10 })
    for (const sheet of part.sheets) {
      writeSheets(paper, [sheet])
      await breathe()
    }
  }
  return { paper, pages }
}

function cover(paper: Paper, { title, serial, parts, digest }: Dossier, printedAt: Date, known: readonly number[]): void {
  paper.space(60)
  paper.text('办件案卷', { tag: 'H1', size: 28, leading: 46, weight: 'bold', align: 'center', after: 10 })
  paper.text(title, { size: 15, leading: 26, align: 'center' })
  paper.text(`业务流水号 ${serial}`, { size: 12, leading: 22, align: 'center', after: 30 })
  paper.heading('目录', { size: 14, align: 'center', after: 10 })
  paper.grid({
    widths: [12, 72, 16],
    head: [{ text: '序号' }, { text: '内容' }, { text: '页码' }],
    rows: parts.map((part, n) => [
      { text: chineseNumber(n + 1), align: 'center' },
      { text: part.title },
      { text: known[n] ? String(known[n]) : '', align: 'center' },
    ]),
    size: 11,
    height: 24,
  })
  paper.space(14)
  const made = `本案卷由系统于 ${beijing(printedAt)} 按办件登记内容生成，个人信息已隐去部分内容。`
  paper.text(`${made}案卷摘要（SHA-256）：${digest}`, { size: 9 })
}
