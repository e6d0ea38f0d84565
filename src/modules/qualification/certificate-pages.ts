import express, { type Request, type Response } from 'express'
import { z } from 'zod'
import { roles } from '../../accounts/roles.ts'
import type { User } from '../../accounts/users.ts'
import { actorOf, record } from '../../admin/action-log.ts'
import { findKind } from '../../cases/kind.ts'
import { randomCode } from '../../crypto.ts'
import { db, inTransaction } from '../../db.ts'
import {
  type CertificatePaper,
  type CertificatePrint,
  certificateFacts,
  certificatePapers,
  isCertificatePaper,
  printCertificates,
} from '../../documents/certificate.ts'
import { certificateStanding, type Document, documentOf, isIntact, shownCode, statusOf } from '../../documents/documents.ts'
import { onPaper } from '../../documents/printing.ts'
import { isOffice, printingNow, sendDocument, sendPdf } from '../../documents/sending.ts'
import { NotFound, NotNow } from '../../errors.ts'
import { choice, readForm } from '../../forms/form.ts'
import { renderForm } from '../../forms/page.ts'
import { allow, currentUser, ownPath, queryText, recordId } from '../../http.ts'
import { certificateLevels } from '../archives/words.ts'
import { type CertificateRow, editionReasons, editionsOf, isGrantedElsewhere } from './certificates.ts'
import { inspectionRecords } from './inspections.ts'
import {
  certificatePrinters,
  mostPrints,
  type Printable,
  papersOf,
  printables,
  printsOf,
  recordsFor,
  registerPrints,
} from './prints.ts'
import { revokeKind } from './revoke-kinds.ts'
import { isEnabled } from './standards.ts'
import { certificateReaders, visibleCertificates } from './visible.ts'

/** 资质证书: a page for each with its whole life, its prints, and printing in batches. */
export const certificatePages = express.Router()

interface Certificate extends CertificateRow {
  company_name: string
  company_code: string | null
}

async function findCertificate(user: User, id: number): Promise<Certificate> {
  const found: Certificate | undefined = await visibleCertificates(db, user)
    .where({ 'certificates.id': id })
    .first('certificates.*', 'organisations.name as company_name', 'organisations.code as company_code')
  if (!found) throw new NotFound('没有找到这张证书。编号可能有误，或不在您的管辖范围。')
  return found
}

// ── 批量打印 ──────────────────────────────────────────────────────────────────────────────────

const printForm = z.object({
  papers: choice({
    label: '打印哪些',
    type: 'radio',
    options: [
      { value: 'both', label: '正本和副本' },
      { value: 'main', label: '只打正本' },
      { value: 'copy', label: '只打副本' },
    ],
  }),
})
const wanted: Record<string, readonly CertificatePaper[]> = {
  both: ['certificate-main', 'certificate-copy'],
  main: ['certificate-main'],
  copy: ['certificate-copy'],
}

/** The certificates that were picked, by `id` of the address or the form. */
function idsOf(from: unknown): number[] {
  const { id } = z.object({ id: z.union([z.string().transform(one => [one]), z.array(z.string())]).catch([]) }).parse(from ?? {})
  return [...new Set(id.filter(one => /^[1-9]\d{0,13}$/.test(one)).map(Number))].slice(0, mostPrints)
}

function showPrint(
  res: Response,
  found: readonly Printable[],
  page: { missing: number; back: string; values?: Record<string, string>; mistakes?: Record<string, string> },
): void {
  const [ready, none] = [true, false].map(has => found.filter(({ papers }) => Object.keys(papers).length > 0 === has))
  renderForm(res, 'qualification/certificate-print', {
    form: printForm,
    ready: ready?.map(certificate => ({
      ...certificate,
      level: certificateLevels[certificate.level],
      isOver: certificate.state !== 'valid',
      printed: Object.entries(certificatePapers).flatMap(([paper, { label }]) => {
        const n = certificate.papers[paper as CertificatePaper]?.printed ?? 0 // keys of certificatePapers
        return n ? [`${label} ${n} 次`] : []
      }),
    })),
    none,
    ...page,
    values: page.values ?? { papers: 'both' },
  })
}

const registerHref = '/desk/lists/certificates'
const backOf = (text: unknown) => ownPath(text, registerHref)

certificatePages.get('/print', allow(...certificatePrinters), async (req, res) => {
  const ids = idsOf(req.query)
  if (!ids.length) return res.redirect(302, registerHref)
  const found = await printables(db, currentUser(res), ids)
  showPrint(res, found, { missing: ids.length - found.length, back: backOf(queryText(req, 'back')) })
})

certificatePages.post('/print', allow(...certificatePrinters), async (req, res) => {
  const ids = idsOf(req.body)
  const found = await printables(db, currentUser(res), ids)
  const page = { missing: ids.length - found.length, back: backOf(req.body?.back) }
  const read = readForm(printForm, req.body)
  if (!read.ok) return showPrint(res, found, { ...page, values: read.values, mistakes: read.mistakes })
  const documents = found.flatMap(({ papers }) =>
    (wanted[read.data.papers] ?? []).flatMap(paper => papers[paper]?.document ?? []),
  )
  if (!documents.length) {
    const papers = '勾选的证书没有这种电子件，没有打印。请换一种，或回到台账重新勾选。'
    return showPrint(res, found, { ...page, values: read.data, mistakes: { papers } })
  }
  await sendBatch(req, res, documents)
})

/** Prints papers into one file; each stands in the 打印登记 and in the action log before the file leaves. */
async function sendBatch(req: Request, res: Response, documents: readonly Document[]): Promise<void> {
  const prints: CertificatePrint[] = []
  for (const document of documents) {
    const standing = isIntact(document) ? await statusOf(db, document) : undefined
    if (!standing || standing.code === 'doubtful') {
      req.log.error({ document: document.id }, 'issued paper was altered')
      throw new NotNow(
        `证书 ${document.number} 登记的内容与发出时的签名对不上，可能被改动过，这一批没有打印。请去掉这一张再打，并联系系统管理员核查。`,
      )
    }
    prints.push({ document, standing, inspections: await recordsFor(db, document) })
  }
  const pdf = await printCertificates(prints, await printingNow())
  const batch = randomCode(9)
  await inTransaction(async trx => {
    await registerPrints(trx, currentUser(res), documents, batch)
    for (const { object_id, number, paper, code } of documents)
      await record(trx, actorOf(req, res), {
        action: 'document.print',
        object: { type: 'certificate', id: object_id ?? 0, label: number ?? '' },
        detail: { paper, code: shownCode(code), batch },
      })
  })
  sendPdf(res, `资质证书 ${documents.length} 份`, pdf)
}

/** A row of the 打印登记 leads to its certificate. */
certificatePages.get('/prints/:id', allow(...certificateReaders.filter(role => roles[role].staff)), async (req, res) => {
  const row: { id: number } | undefined = await visibleCertificates(db, currentUser(res))
    .join('certificate_prints', 'certificate_prints.certificate_id', 'certificates.id')
    .where({ 'certificate_prints.id': recordId(req) })
    .first('certificates.id')
  if (!row) throw new NotFound()
  res.redirect(302, `/desk/certificates/${row.id}`)
})

// ── One certificate ──────────────────────────────────────────────────────────────────────────

certificatePages.get('/:id', allow(...certificateReaders), async (req, res) => {
  const user = currentUser(res)
  const certificate = await findCertificate(user, recordId(req))
  const { id } = certificate
  const [standing, editions, documents, previous, next, enabled, inspections, prints] = await Promise.all([
    certificateStanding(db, certificate),
    editionsOf(db, id),
    papersOf(db, [id]),
    neighbour({ id: certificate.previous_id ?? 0 }),
    neighbour({ previous_id: id }),
    isEnabled(db),
    inspectionRecords(db, { certificate_id: id }),
    isOffice(user) ? printsOf(db, id) : [],
  ])
  const newest = Object.keys(certificatePapers).flatMap(paper => documents.findLast(one => one.paper === paper) ?? [])
  const altered = !documents.every(isIntact)
  const said = newest[0] && !altered ? certificateFacts(newest[0]) : editions[0]?.facts
  res.render('qualification/certificate', {
    certificate,
    level: certificateLevels[certificate.level] ?? certificate.level,
    standing,
    renewing: standing.good && certificate.renewing === 1,
    facts: altered ? undefined : said,
    papers: newest.map(({ paper, code, issued_on }) => ({
      label: labelOf(paper),
      href: `/desk/certificates/${id}/${paper === 'certificate-main' ? 'main.pdf' : 'copy.pdf'}`,
      code: shownCode(code),
      issued_on,
    })),
    elsewhere: isGrantedElsewhere(certificate.level),
    editions: await told(editions, documents),
    changes: altered ? [] : (editions[0]?.facts.changes ?? []),
    inspections,
    prints: prints.map(print => ({ ...print, label: labelOf(print.paper) })),
    altered,
    previous,
    next,
    enabled,
    isOffice: isOffice(user),
    ways: enabled && standing.good && !isOffice(user) ? waysOf(certificate, user) : [],
    revokes: enabled && certificate.state === 'valid' && (findKind(revokeKind)?.startedBy.includes(user.role) ?? false),
    revokeKind,
    onPaper,
  })
})

const labelOf = (paper: string) => (isCertificatePaper(paper) ? certificatePapers[paper].label : paper)

/** 版本: what each edition was made for, with its papers and what they are worth now. Papers belong to the edition of their case. */
async function told(editions: Awaited<ReturnType<typeof editionsOf>>, documents: readonly Document[]) {
  const papers = await Promise.all(
    documents.map(async document => ({
      case_id: document.case_id,
      label: labelOf(document.paper),
      code: shownCode(document.code),
      standing: (isIntact(document) ? await statusOf(db, document) : undefined)?.label ?? '不能确认',
    })),
  )
  const rows = editions.map(({ edition, reason, issued_on, case_id }) => ({
    edition,
    reason: editionReasons[reason],
    issued_on,
    case_id,
    papers: papers.filter(paper => paper.case_id === case_id),
  }))
  const known = new Set(editions.map(({ case_id }) => case_id))
  const earlier = papers.filter(({ case_id }) => !known.has(case_id))
  const [first] = documents
  // Papers from before editions were written down.
  return earlier.length && first
    ? [
        ...rows,
        { edition: 1, reason: editionReasons.issued, issued_on: first.issued_on, case_id: first.case_id, papers: earlier },
      ]
    : rows
}

/** What a company can apply for with a valid certificate, and when. */
const companyWays = [
  ['qualification-confirm', '三级核定', '暂定资质届满前申请核定三级', 'provisional'],
  ['qualification-upgrade', '申请升级', '达到更高等级条件的', 'third second'],
  ['qualification-change', '变更', '名称、法定代表人、住所、注册资本、企业类型变更后 30 日内', ''],
  ['qualification-reissue', '遗失补办', '正本、副本遗失或者损毁的', 'provisional third'],
  ['qualification-cancel', '注销', '不再从事物业管理活动，或者企业终止的', ''],
] as const

function waysOf({ level }: Pick<Certificate, 'level'>, user: User) {
  return companyWays.flatMap(([code, label, when, levels]) =>
    findKind(code)?.startedBy.includes(user.role) && (!levels || levels.split(' ').includes(level))
      ? [{ href: `/desk/kinds/${code}`, label, when }]
      : [],
  )
}

async function neighbour(where: object): Promise<{ id: number; number: string; level: string } | undefined> {
  const row: Pick<CertificateRow, 'id' | 'number' | 'level'> | undefined = await db('certificates')
    .where(where)
    .orderBy('id', 'desc')
    .first('id', 'number', 'level')
  return row && { ...row, level: certificateLevels[row.level] }
}

const files: Record<string, CertificatePaper> = { 'main.pdf': 'certificate-main', 'copy.pdf': 'certificate-copy' }

for (const [file, paper] of Object.entries(files))
  certificatePages.get(`/:id/${file}`, allow(...certificateReaders), async (req, res) => {
    const certificate = await findCertificate(currentUser(res), recordId(req))
    const document = await documentOf(db, { type: 'certificate', id: certificate.id }, paper)
    if (!document)
      throw new NotFound(
        `证书 ${certificate.number} 不是在本系统制发的，没有${certificatePapers[paper].label}的电子件，请核对纸质原件。`,
      )
    await sendDocument(req, res, document, { type: 'certificate', id: certificate.id, label: certificate.number })
  })
