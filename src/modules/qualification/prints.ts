import type { Knex } from 'knex'
import type { User } from '../../accounts/users.ts'
import { now } from '../../clock.ts'
import { type CertificatePaper, type InspectionRecord, isCertificatePaper } from '../../documents/certificate.ts'
import type { Document } from '../../documents/documents.ts'
import type { CertificateRow } from './certificates.ts'
import { inspectionRecords } from './inspections.ts'
import { visibleCertificates } from './visible.ts'

/** 证书打印: which papers there are to print, what the 副本 carries as of today, and the 打印登记 of what offices have printed. */

/** Who prints many at once. */
export const certificatePrinters = ['city-clerk', 'city-reviewer'] as const
/** What is picked on one page of a list. */
export const mostPrints = 100

export interface Printable extends Pick<CertificateRow, 'id' | 'number' | 'level' | 'state' | 'company_id'> {
  company_name: string
  /** Its newest papers; none where another authority printed it, or before the portal. */
  papers: Partial<Record<CertificatePaper, { document: Document; printed: number }>>
}

/** Some certificates within somebody's sight with what can be printed of them, in the order asked for. */
export async function printables(db: Knex, user: Pick<User, 'scope'>, ids: readonly number[]): Promise<Printable[]> {
  const rows: Omit<Printable, 'papers'>[] = await visibleCertificates(db, user)
    .whereIn('certificates.id', [...ids])
    .select(
      'certificates.id',
      'certificates.number',
      'certificates.level',
      'certificates.state',
      'certificates.company_id',
      'organisations.name as company_name',
    )
  const documents = await papersOf(
    db,
    rows.map(({ id }) => id),
  )
  const newest = new Map(documents.map(document => [`${document.object_id} ${document.paper}`, document]))
  const counts = await printCounts(
    db,
    [...newest.values()].map(({ id }) => id),
  )
  const papersFor = (id: number): Printable['papers'] =>
    Object.fromEntries(
      [...newest.values()]
        .filter(({ object_id }) => object_id === id)
        .map(document => [document.paper, { document, printed: counts.get(document.id) ?? 0 }]),
    )
  const found = new Map(rows.map(row => [row.id, { ...row, papers: papersFor(row.id) }]))
  return ids.flatMap(id => found.get(id) ?? [])
}

/** All papers that were ever issued of some certificates, the oldest first. */
export async function papersOf(db: Knex, certificate_ids: readonly number[]): Promise<Document[]> {
  const documents: Document[] = await db<Document>('documents')
    .where({ object_type: 'certificate' })
    .whereIn('object_id', [...certificate_ids])
    .orderBy('id')
  return documents.filter(({ paper }) => isCertificatePaper(paper))
}

/** How often offices have printed some papers. */
export async function printCounts(db: Knex, document_ids: readonly number[]): Promise<Map<number, number>> {
  const rows: { document_id: number; n: number }[] = await db('certificate_prints')
    .whereIn('document_id', [...document_ids])
    .groupBy('document_id')
    .select('document_id')
    .count({ n: '*' })
  return new Map(rows.map(({ document_id, n }) => [document_id, Number(n)]))
}

/** 年检记录 as of today, which only the 副本 carries. */
export async function recordsFor(db: Knex, { paper, object_id }: Document): Promise<InspectionRecord[]> {
  return paper === 'certificate-copy' && object_id !== null ? await inspectionRecords(db, { certificate_id: object_id }) : []
}

/**
 * Enters papers an office prints into the 打印登记. The rows of the papers are locked, so that no two prints take the same count.
 * @param batch what papers printed together have in common
 */
export async function registerPrints(
  trx: Knex.Transaction,
  { id: user_id, organisation_id }: Pick<User, 'id' | 'organisation_id'>,
  documents: readonly Document[],
  batch: string | null = null,
): Promise<void> {
  const ids = documents.map(({ id }) => id)
  await trx('documents').whereIn('id', ids).orderBy('id').forUpdate().select('id')
  const counts = await printCounts(trx, ids)
  const printed_at = now()
  await trx('certificate_prints').insert(
    documents.map(({ id, object_id, paper }) => ({
      certificate_id: object_id,
      document_id: id,
      paper,
      copy: counts.get(id) ?? 0,
      batch,
      user_id,
      organisation_id,
      printed_at,
    })),
  )
}

export interface PrintLine {
  paper: string
  copy: number
  batch: string | null
  printed_at: Date
  user: string
  office: string
}

/** The last prints of a certificate by offices, the newest first. */
export async function printsOf(db: Knex, certificate_id: number, most = 20): Promise<PrintLine[]> {
  return await db('certificate_prints')
    .join('users', 'users.id', 'certificate_prints.user_id')
    .join('organisations', 'organisations.id', 'certificate_prints.organisation_id')
    .where({ certificate_id })
    .orderBy('certificate_prints.id', 'desc')
    .limit(most)
    .select(
      'certificate_prints.paper',
      'certificate_prints.copy',
      'certificate_prints.batch',
      'certificate_prints.printed_at',
      'users.name as user',
      'organisations.name as office',
    )
}
