import type { Request, Response } from 'express'
import type { Knex } from 'knex'
import type { User } from '../accounts/users.ts'
import { actorOf, record } from '../admin/action-log.ts'
import { settingsNow } from '../admin/settings.ts'
import { now } from '../clock.ts'
import { db, inTransaction } from '../db.ts'
import { currentUser } from '../http.ts'
import { recordsFor, registerPrints } from '../modules/qualification/prints.ts'
import { isCertificatePaper, printCertificate } from './certificate.ts'
import { contractPaper, printContract } from './contract-paper.ts'
import { type Document, isIntact, shownCode, statusOf } from './documents.ts'
import { printLetter } from './letter.ts'
import type { Printing } from './printing.ts'

/** How a paper leaves the portal: printed on the spot, noted before it goes. */

export interface Print {
  object: Printed
  /** The organisation whose paper it is. */
  of: number | null
  detail: object
}
/** What the log names as printed. */
export interface Printed {
  type: 'case' | 'certificate' | 'signing'
  id: number
  label: string
}

export const isOffice = ({ scope }: Pick<User, 'scope'>) => scope.level !== 'organisation'

/** A print of what belongs to others stands in the action log before it leaves (GB/T 22239-2019 8.1.4.3). */
export async function notePrint(
  req: Request,
  res: Response,
  { object, of, detail }: Print,
  trx: Knex | Knex.Transaction = db,
): Promise<void> {
  const user = currentUser(res)
  if (!isOffice(user) && user.organisation_id === of) return
  await record(trx, actorOf(req, res), { action: 'document.print', object, detail })
}

/** Prints an issued paper; one whose row was altered is not printed, and the log says so. */
export async function sendDocument(req: Request, res: Response, document: Document, object: Printed): Promise<void> {
  const standing = isIntact(document) ? await statusOf(db, document) : undefined
  if (!standing || standing.code === 'doubtful') {
    req.log.error({ document: document.id }, 'issued paper was altered')
    res.status(409).render('documents/altered', { document })
    return
  }
  const printing = { ...(await printingNow()), standing }
  const certificate = isCertificatePaper(document.paper)
  const pdf = certificate
    ? await printCertificate(document, { ...printing, inspections: await recordsFor(db, document) })
    : document.paper === contractPaper
      ? await printContract(document, printing)
      : await printLetter(document, printing)
  const { paper, code, organisation_id } = document
  const user = currentUser(res)
  await inTransaction(async trx => {
    if (certificate && isOffice(user)) await registerPrints(trx, user, [document])
    await notePrint(req, res, { object, of: organisation_id, detail: { paper, code: shownCode(code) } }, trx)
  })
  sendPdf(res, [document.title, document.number].filter(Boolean).join(' '), pdf)
}

export async function printingNow(): Promise<Printing> {
  return { printedAt: now(), seal: (await settingsNow(db))['documents.seal'] }
}

/** Shows a file in the browser under a Chinese name (RFC 5987); nothing keeps it. */
export function sendPdf(res: Response, name: string, pdf: Buffer): void {
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
