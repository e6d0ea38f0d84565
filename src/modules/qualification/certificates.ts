import type { Knex } from 'knex'
import { settingsNow } from '../../admin/settings.ts'
import type { Case } from '../../cases/case.ts'
import type { DoneContext } from '../../cases/kind.ts'
import { now, today } from '../../clock.ts'
import { issueCertificate } from '../../documents/certificate.ts'
import { indexRecord, readRecord } from '../archives/archive.ts'
import { companies } from '../archives/company.ts'
import { type CertificateLevel, certificateLevels, ownerships } from '../archives/words.ts'
import { lastDayAfter } from './company.ts'

/** 承接业务范围 (资质管理办法 第八条；domain.md §4.1). */
const scopes: Partial<Record<CertificateLevel, string>> = {
  third: '可以承接20万平方米以下住宅项目和5万平方米以下的非住宅项目的物业管理业务。',
  provisional: '可以承接20万平方米以下住宅项目和5万平方米以下的非住宅项目的物业管理业务（暂定）。',
}

/**
 * Issues the certificate of an approved application in the transaction of the approval: the one before becomes 已换发, the new one is
 * the company's only valid one (a unique key holds that), 正本 and 副本 carry a verification code each.
 * @throws Error when the settings give the kind no number, which the admin page refuses
 */
export async function award(
  trx: Knex.Transaction,
  kase: Case,
  { answers, settings, decidedOn, number }: DoneContext,
  level: CertificateLevel,
): Promise<void> {
  if (!number) throw new Error(`${kase.kind} has no number rule`)
  const set = await settingsNow(trx)
  const at = now()
  const stamps = { created_at: at, updated_at: at }
  const before: { id: number; version: number } | undefined = await trx('certificates')
    .where({ company_id: kase.subject_id, live: 1 })
    .forUpdate()
    .first('id', 'version')
  if (before)
    await trx('certificates')
      .where({ id: before.id })
      .update({ state: 'replaced', ended_on: decidedOn, version: before.version + 1, updated_at: at })
  const certificate = {
    company_id: kase.subject_id,
    previous_id: before?.id ?? null,
    case_id: kase.id,
    number,
    level,
    state: 'valid',
    issuer: set['city.bureau'],
    approved_on: decidedOn,
    issued_on: today(),
    valid_until: lastDayAfter(decidedOn, settings.thresholds.valid_years ?? 1),
    ...stamps,
  }
  const [certificate_id = 0] = await trx('certificates').insert(certificate)
  // A company is also found by the number of its certificate.
  await indexRecord(trx, companies, kase.subject_id, (await readRecord(trx, companies, kase.subject_id)).answers)
  const value = (name: string) => (typeof answers[name] === 'string' ? answers[name] : '')
  const ownership = value('ownership')
  await issueCertificate(trx, {
    certificate_id,
    case_id: kase.id,
    organisation_id: kase.applicant_id,
    number,
    facts: {
      number,
      company_name: value('company_name'),
      credit_code: value('credit_code'),
      legal_person: value('legal_person'),
      capital: value('capital'),
      ownership: Object.hasOwn(ownerships, ownership) ? ownerships[ownership as keyof typeof ownerships] : ownership, // just looked up
      address: value('registered_address'),
      level: certificateLevels[level],
      scope: scopes[level] ?? '',
      approved_on: certificate.approved_on,
      valid_until: certificate.valid_until,
      issuer: certificate.issuer,
      issued_on: certificate.issued_on,
    },
  })
}
