import express from 'express'
import type { Knex } from 'knex'
import { roles } from '../accounts/roles.ts'
import type { User } from '../accounts/users.ts'
import type { Case } from '../cases/case.ts'
import { kindOf } from '../cases/kind.ts'
import { findCase } from '../cases/queries.ts'
import { caseReaders } from '../cases/roles.ts'
import { db } from '../db.ts'
import { NotFound } from '../errors.ts'
import { allow, currentUser, queryText, recordId } from '../http.ts'
import { applicationOf, printApplication } from './application.ts'
import type { Document } from './documents.ts'
import { dossierOf, printDossier } from './dossier.ts'
import { isOffice, notePrint, type Printed, printingNow, sendDocument, sendPdf } from './sending.ts'

/** The papers of a case, mounted beside the pages of cases. */
export const caseDocuments = express.Router()

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

const caseAs = ({ id, title }: Case): Printed => ({ type: 'case', id, label: title })
