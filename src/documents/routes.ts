import express, { type Request, type Response } from 'express'
import type { Knex } from 'knex'
import { officials, roles } from '../accounts/roles.ts'
import type { User } from '../accounts/users.ts'
import { actorOf, record } from '../admin/action-log.ts'
import { settingsNow } from '../admin/settings.ts'
import type { Case } from '../cases/case.ts'
import { kindOf } from '../cases/kind.ts'
import { findCase } from '../cases/queries.ts'
import { caseReaders } from '../cases/roles.ts'
import { now } from '../clock.ts'
import { db } from '../db.ts'
import { NotFound } from '../errors.ts'
import { allow, currentUser, queryText, recordId } from '../http.ts'
import { type CertificateLevel, certificateLevels } from '../modules/archives/words.ts'
import { applicationOf, printApplication } from './application.ts'
import {
  type CertificatePaper,
  certificateFacts,
  certificatePapers,
  isCertificatePaper,
  printCertificate,
} from './certificate.ts'
import { certificateStanding, type Document, documentOf, isIntact, shownCode, statusOf } from './documents.ts'
import { dossierOf, printDossier } from './dossier.ts'
import { printLetter } from './letter.ts'
import { onPaper, type Printing } from './printing.ts'

/** The papers of a case, mounted beside the pages of cases. */
export const caseDocuments = express.Router()
/** 资质证书: a page for each, and its prints. */
export const certificates = express.Router()

const staff = caseReaders.filter(role => roles[role].staff)

caseDocuments.get('/:id/papers/application.pdf', allow(...caseReaders), async (req, res) => {
  const user = currentUser(res)
  const kase = await findCase(db, user, recordId(req))
  // Who is only informed of a case does not read what the applicant filled in.
  if (!isOffice(user) && kase.applicant_id !== user.organisation_id) throw new NotFound()
  const application = await applicationOf(db, kase, user)
  const name = [kindOf(kase).label, '申请表', kase.serial ?? '草稿'].join(' ')
  const pdf = await printApplication(application, await printingNow())
  await notePrint(req, res, {
    object: caseAs(kase),
    of: kase.applicant_id,
    detail: { paper: 'application', serial: kase.serial },
  })
  sendPdf(res, name, pdf)
})

caseDocuments.get('/:id/papers/dossier.pdf', allow(...staff), async (req, res) => {
  const user = currentUser(res)
  const kase = await findCase(db, user, recordId(req))
  const notes = queryText(req, 'notes') === '1'
  const dossier = await dossierOf(db, kase, { notes })
  const pdf = await printDossier(dossier, await printingNow())
  const detail = { paper: 'dossier', serial: kase.serial, notes, digest: dossier.digest }
  await notePrint(req, res, { object: caseAs(kase), of: kase.applicant_id, detail })
  sendPdf(res, `案卷 ${kase.serial}`, pdf)
})

caseDocuments.get('/:id/papers/:document.pdf', allow(...caseReaders), async (req, res) => {
  const user = currentUser(res)
  const kase = await findCase(db, user, recordId(req))
  const document = await paperOf(db, kase, user, recordId(req, 'document'))
  await sendDocument(req, res, document, caseAs(kase))
})

/** An issued paper of a case, for the office and for whom it was issued to. @throws NotFound */
async function paperOf(db: Knex, kase: Case, user: User, id: number): Promise<Document> {
  const document = await db<Document>('documents').where({ id, case_id: kase.id }).first()
  if (!document || !(isOffice(user) || document.organisation_id === user.organisation_id)) throw new NotFound()
  return document
}

const isOffice = (user: User) => user.scope.level !== 'organisation'

interface Print {
  object: Printed
  /** The organisation whose paper it is. */
  of: number | null
  detail: object
}
/** What the log names as printed. */
interface Printed {
  type: 'case' | 'certificate'
  id: number
  label: string
}

const caseAs = ({ id, title }: Case): Printed => ({ type: 'case', id, label: title })

/** A print of what belongs to others stands in the action log before it leaves (GB/T 22239-2019 8.1.4.3). */
async function notePrint(req: Request, res: Response, { object, of, detail }: Print): Promise<void> {
  const user = currentUser(res)
  if (!isOffice(user) && user.organisation_id === of) return
  await record(db, actorOf(req, res), { action: 'document.print', object, detail })
}

/** Prints an issued paper; one whose row was altered is not printed, and the log says so. */
async function sendDocument(req: Request, res: Response, document: Document, object: Printed): Promise<void> {
  const standing = isIntact(document) ? await statusOf(db, document) : undefined
  if (!standing || standing.code === 'doubtful') {
    req.log.error({ document: document.id }, 'issued paper was altered')
    res.status(409).render('documents/altered', { document })
    return
  }
  const printing = { ...(await printingNow()), standing }
  const pdf = isCertificatePaper(document.paper)
    ? await printCertificate(document, printing)
    : await printLetter(document, printing)
  const { paper, code, organisation_id } = document
  await notePrint(req, res, { object, of: organisation_id, detail: { paper, code: shownCode(code) } })
  sendPdf(res, [document.title, document.number].filter(Boolean).join(' '), pdf)
}

async function printingNow(): Promise<Printing> {
  return { printedAt: now(), seal: (await settingsNow(db))['documents.seal'] }
}

/** Shows a file in the browser under a Chinese name (RFC 5987); nothing keeps it. */
function sendPdf(res: Response, name: string, pdf: Buffer): void {
  const encoded = encodeURIComponent(`${name}.pdf`).replace(
    /['()*]/g,
    sign => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  res
    .set('Cache-Control', 'no-store')
    .set('Content-Disposition', `inline; filename="paper.pdf"; filename*=UTF-8''${encoded}`)
    .type('pdf')
    .send(pdf)
}

interface Certificate {
  id: number
  company_id: number
  company_name: string
  company_code: string | null
  previous_id: number | null
  case_id: number | null
  number: string
  level: CertificateLevel
  state: string
  issuer: string
  approved_on: string
  issued_on: string
  valid_until: string | null
  ended_on: string | null
  end_reason: string | null
  renewing: number
}

/** The certificates this person may see: the office by the companies of its region, a company its own. */
function visibleCertificates(db: Knex, user: User): Knex.QueryBuilder {
  const query = db('certificates').join('organisations', 'organisations.id', 'certificates.company_id')
  const { scope } = user
  switch (scope.level) {
    case 'city':
      return query
    case 'district':
    case 'street':
      return query.whereIn('certificates.company_id', db('company_areas').where({ region_code: scope.code }).select('company_id'))
    case 'organisation':
      return query.where({ 'certificates.company_id': scope.organisation_id })
    case 'none':
      return query.whereRaw('1 = 0')
  }
}

async function findCertificate(user: User, id: number): Promise<Certificate> {
  const found: Certificate | undefined = await visibleCertificates(db, user)
    .where({ 'certificates.id': id })
    .first('certificates.*', 'organisations.name as company_name', 'organisations.code as company_code')
  if (!found) throw new NotFound('没有找到这张证书。编号可能有误，或不在您的管辖范围。')
  return found
}

const certificateReaders = [...officials.filter(role => !role.startsWith('editor')), 'company-admin', 'company-clerk'] as const

certificates.get('/:id', allow(...certificateReaders), async (req, res) => {
  const certificate = await findCertificate(currentUser(res), recordId(req))
  const object = { type: 'certificate', id: certificate.id }
  const [standing, main, copy, previous, next] = await Promise.all([
    certificateStanding(db, certificate),
    documentOf(db, object, 'certificate-main'),
    documentOf(db, object, 'certificate-copy'),
    neighbour({ id: certificate.previous_id ?? 0 }),
    neighbour({ previous_id: certificate.id }),
  ])
  const issued = [main, copy].filter(document => document !== undefined)
  const altered = !issued.every(isIntact)
  res.render('documents/certificate', {
    certificate,
    level: certificateLevels[certificate.level] ?? certificate.level,
    standing,
    facts: main && !altered ? certificateFacts(main) : undefined,
    papers: issued.map(({ paper, code, issued_on }) => ({
      label: isCertificatePaper(paper) ? certificatePapers[paper].label : paper,
      href: `/desk/certificates/${certificate.id}/${paper === 'certificate-main' ? 'main.pdf' : 'copy.pdf'}`,
      code: shownCode(code),
      issued_on,
    })),
    altered,
    previous,
    next,
    onPaper,
  })
})

async function neighbour(where: object): Promise<{ id: number; number: string } | undefined> {
  return await db('certificates').where(where).orderBy('id', 'desc').first('id', 'number')
}

const files: Record<string, CertificatePaper> = { 'main.pdf': 'certificate-main', 'copy.pdf': 'certificate-copy' }

for (const [file, paper] of Object.entries(files))
  certificates.get(`/:id/${file}`, allow(...certificateReaders), async (req, res) => {
    const certificate = await findCertificate(currentUser(res), recordId(req))
    const document = await documentOf(db, { type: 'certificate', id: certificate.id }, paper)
    if (!document)
      throw new NotFound(
        `证书 ${certificate.number} 不是在本系统制发的，没有${certificatePapers[paper].label}的电子件，请核对纸质原件。`,
      )
    await sendDocument(req, res, document, { type: 'certificate', id: certificate.id, label: certificate.number })
  })
