import type { Knex } from 'knex'
import { portalItself, record } from '../../admin/action-log.ts'
import { addDays } from '../../calendar.ts'
import type { Case } from '../../cases/case.ts'
import type { State } from '../../cases/lifecycle.ts'
import { settingsById } from '../../cases/settings.ts'
import { dayOf, fromNow, today } from '../../clock.ts'
import { config } from '../../config.ts'
import { inTransaction } from '../../db.ts'
import { tell } from '../../messages/messages.ts'
import { certificateLevels } from '../archives/words.ts'
import { type CertificateRow, endCertificate } from './certificates.ts'
import { isEnabled } from './standards.ts'

/**
 * 届满: what becomes of a certificate whose last day has passed (行政许可法 第五十条、第七十条；资质管理办法 第八条). One whose renewal was asked for
 * in time and is not decided yet stays in force; every other one is 已过期, and a 暂定资质 thereby 失效.
 */

/** Applications whose approval puts another certificate in the place of the present one. */
const renewals = ['qualification-confirm', 'qualification-upgrade'] as const
/** Where such an application is not decided yet: what was rejected or withdrawn keeps nothing in force. */
const undecided: readonly State[] = ['submitted', 'supplement', 'reviewing', 'waiting']
/** How long before the last day a renewal is asked for, where the settings of the kind say nothing (行政许可法 第五十条). */
const aheadDays = 30
/** For so many days a correction asked for keeps an application alive: whoever does not answer keeps nothing in force. */
const correctionDays = 30

const batch = 200

/**
 * Ends every certificate that has run out, or keeps it in force while a timely renewal is pending. May run as often as it likes and
 * after any downtime. With 资质管理 out of use the days pass all the same and the register says so, but nobody is told to do anything.
 * @returns how many ended, and how many are kept in force from now on
 */
export async function lapseCertificates(db: Knex): Promise<{ ended: number; kept: number }> {
  const done = { ended: 0, kept: 0 }
  const day = today()
  const tells = await isEnabled(db)
  for (let after = 0; ; ) {
    const ids: number[] = await db('certificates')
      .where({ state: 'valid' })
      .where('valid_until', '<', day)
      .where('id', '>', after)
      .orderBy('id')
      .limit(batch)
      .pluck('id')
    for (const id of ids) {
      const outcome = await inTransaction(trx => lapse(trx, id, day, tells))
      if (outcome) done[outcome]++
    }
    const last = ids.at(-1)
    if (!last || ids.length < batch) return done
    after = last
  }
}

/** Ends the certificate of a company that only an application kept in force, when that ends without approval. */
export async function lapseOf(trx: Knex.Transaction, company_id: number): Promise<void> {
  const held: { id: number } | undefined = await trx('certificates').where({ company_id, live: 1, renewing: 1 }).first('id')
  if (held) await lapse(trx, held.id, today(), await isEnabled(trx))
}

async function lapse(trx: Knex.Transaction, id: number, day: string, tells: boolean): Promise<'ended' | 'kept' | undefined> {
  const row = await trx<CertificateRow>('certificates').where({ id }).forUpdate().first()
  // Somebody may have been first: a renewal that was approved, or another process.
  if (row?.state !== 'valid' || row.valid_until === null || row.valid_until >= day) return undefined
  const { company_id, number, level, valid_until, renewing, version } = row
  const object = { type: 'certificate', id, label: number }
  if (await timelyRenewal(trx, company_id, valid_until)) {
    if (renewing) return undefined
    await trx('certificates')
      .where({ id })
      .update({ renewing: 1, version: version + 1 })
    await record(trx, portalItself, { action: 'certificate.renewing', object, detail: { expires: valid_until } })
    if (tells)
      await tell(trx, {
        to: { organisation_id: company_id },
        title: `资质证书 ${number} 已到有效期，延续申请在届满前按时提交、正在办理，作出决定前证书继续有效。`,
        body: '行政许可法第五十条：行政机关逾期未作决定的，视为准予延续。',
        link: `/desk/certificates/${id}`,
      })
    return 'kept'
  }
  const provisional = level === 'provisional'
  const reason = renewing
    ? '有效期届满，延续申请没有获得批准'
    : provisional
      ? '暂定资质有效期届满，没有核定三级资质'
      : '有效期届满，没有核定延续'
  const basis = provisional ? '物业服务企业资质管理办法（建设部令第164号）第八条' : '行政许可法第七十条第（一）项'
  // What was kept in force by an application ends when that does.
  await endCertificate(trx, id, { state: 'expired', on: renewing ? day : valid_until, reason, basis })
  await record(trx, portalItself, { action: 'certificate.lapse', object, detail: { reason, expires: valid_until } })
  if (tells) await tellEnd(trx, row, provisional)
  return 'ended'
}

/** An application for what follows this certificate, handed in early enough and not decided yet. */
async function timelyRenewal(trx: Knex.Transaction, company_id: number, valid_until: string): Promise<boolean> {
  const pending: Pick<Case, 'submitted_at' | 'settings_id'>[] = await trx('cases')
    .where({ subject_type: 'company', subject_id: company_id })
    .whereIn('kind', [...renewals])
    .whereIn('state', [...undecided])
    .whereNotNull('submitted_at')
    .where(alive => alive.whereNot({ state: 'supplement' }).orWhere('held_since', '>=', fromNow(-correctionDays * 86_400_000)))
    .select('submitted_at', 'settings_id')
  for (const { submitted_at, settings_id } of pending) {
    const settings = settings_id === null ? undefined : await settingsById(trx, settings_id)
    const ahead = settings?.thresholds.ahead_days ?? aheadDays
    if (submitted_at && dayOf(submitted_at) <= addDays(valid_until, -ahead)) return true
  }
  return false
}

async function tellEnd(trx: Knex.Transaction, row: CertificateRow, provisional: boolean): Promise<void> {
  const { id, company_id, number, level, valid_until } = row
  const link = `/desk/certificates/${id}`
  const words = `${certificateLevels[level]}资质证书 ${number} 有效期至 ${valid_until}，已${provisional ? '失效' : '过期'}`
  await tell(trx, {
    to: { organisation_id: company_id },
    title: `贵企业的${words}。`,
    body: provisional
      ? '届满没有核定三级资质的，暂定资质失效。需要资质的，请重新办理新设立申报。'
      : '需要资质的，请重新申报；延续申请应在有效期届满前提出。',
    link,
    channels: ['inbox', 'sms', 'mail'],
  })
  if (!provisional) return
  const company: { name: string; district_code: string | null } | undefined = await trx('organisations')
    .where({ id: company_id })
    .first('name', 'district_code')
  const title = `暂定资质失效：${company?.name ?? ''}的${words}。`
  const desks = [
    { role: 'city-clerk', region_code: config.city },
    ...(company?.district_code ? [{ role: 'district-clerk', region_code: company.district_code }] : []),
  ]
  for (const to of desks) await tell(trx, { to, title, link })
}
