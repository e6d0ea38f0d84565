import type { Knex } from 'knex'
import type { User } from '../../accounts/users.ts'
import type { Case } from '../../cases/case.ts'
import type { Check, Place, Subject } from '../../cases/kind.ts'
import { filesIn, presentEdition } from '../../cases/materials.ts'
import { today } from '../../clock.ts'
import { stateOn } from '../../documents/documents.ts'
import { onPaper } from '../../documents/printing.ts'
import { NotNow } from '../../errors.ts'
import type { Answers } from '../../forms/answers.ts'
import { type FieldMeta, type Mistakes, optionalText, text } from '../../forms/form.ts'
import { certificateLevels, certificateStates, optionsOf } from '../archives/words.ts'
import { type CertificateRow, lockCertificate } from './certificates.ts'
import { applicantCompany } from './company.ts'
import { chainFor, shortChain } from './standards.ts'

/** What 变更, 注销 and 遗失补办 have in common: each concerns the certificate a company holds, which must be in force. */

/** What is applied for, the clause it stands on, and what to do once the certificate has run out. */
export interface Matter {
  label: string
  clause: string
  instead: string
}

/** What the register says of a certificate, read and not typed. */
export function registered(label: string, more: Partial<FieldMeta> = {}) {
  return optionalText({ label, archive: { label: '证书登记', beside: true }, max: 4000, ...more }).meta({ required: true })
}

/** The certificate an application is about. Its level decides who decides. */
export const heldFields = {
  certificate_number: text({
    label: '证书编号',
    section: '持有的资质证书',
    archive: { label: '证书登记', beside: true },
  }),
  certificate_level: text({
    label: '资质等级',
    options: optionsOf(certificateLevels),
    archive: { label: '证书登记', beside: true },
  }),
  certificate_issuer: registered('发证机关'),
  certificate_until: registered('有效期至'),
}

/** The certificate of a company that counts: the valid one, or the last it held. */
async function lastHeld(db: Knex, company_id: number): Promise<CertificateRow | undefined> {
  return await db<CertificateRow>('certificates').where({ company_id }).orderByRaw('live is null').orderBy('id', 'desc').first()
}

/** Why nothing can be done with a certificate any more, in a sentence that says what can be done instead. */
function trouble(held: CertificateRow | undefined, { label, clause, instead }: Matter): string | undefined {
  if (!held) return `贵企业没有资质证书，不能办理${label}。需要资质的，请先办理资质新设立申报。`
  const { number, valid_until, ended_on } = held
  const state = stateOn(held, today())
  const on = (day: string | null) => (day ? `已于 ${onPaper(day)}` : '已经')
  switch (state) {
    case 'valid':
    case 'expiring':
      return undefined
    case 'expired':
      return `资质证书 ${number} ${on(valid_until)}届满失效。${clause}规定的${label}只适用于有效期内的证书，${instead}`
    case 'doubtful':
      return `资质证书 ${number} 的登记有误，请联系市局核对后再办理${label}。`
    default:
      return `资质证书 ${number} ${on(ended_on)}${certificateStates[state].replace(/^已/, '')}，不能办理${label}。需要资质的，请重新申请。`
  }
}

/**
 * The company of the person who applies, and the certificate it holds.
 * @throws NotNow when it holds none that is in force
 */
export async function holderOf(db: Knex, user: User, matter: Matter): Promise<{ company: Subject; held: CertificateRow }> {
  const company = await applicantCompany(db, user)
  const held = await lastHeld(db, company.id)
  const why = trouble(held, matter)
  if (why || !held) throw new NotNow(why ?? '')
  return { company, held }
}

/** What a form says of the certificate held today. */
export function heldAnswers(held: CertificateRow | undefined): Answers {
  if (!held) return {}
  const { number, level, issuer, valid_until } = held
  return {
    certificate_number: number,
    certificate_level: level,
    certificate_issuer: issuer,
    certificate_until: valid_until ?? '长期',
  }
}

/** The valid certificate of a company, or nothing. */
export async function liveCertificate(db: Knex, company_id: number): Promise<CertificateRow | undefined> {
  return await db('certificates').where({ company_id, live: 1 }).first()
}

/** The same question as at the start, for a draft that lay a while. */
export async function heldMistakes(db: Knex, company_id: number, matter: Matter): Promise<Mistakes> {
  const why = trouble(await lastHeld(db, company_id), matter)
  return why ? { '': why } : {}
}

/**
 * The certificate an application is about, locked until the transaction ends.
 * @throws NotNow when it has run out, was ended or replaced since the submission
 */
export async function lockHeld(
  trx: Knex.Transaction,
  company_id: number,
  { certificate_number }: Answers,
  matter: Matter,
): Promise<CertificateRow> {
  const held = (await lockCertificate(trx, company_id)) ?? (await lastHeld(trx, company_id))
  const why = trouble(held, matter)
  if (why || !held) throw new NotNow(`现在不能通过：${why}本件请不通过并说明理由。`)
  if (held.number !== certificate_number)
    throw new NotNow(
      `现在不能通过：申请的是证书 ${certificate_number}，企业现在持有的是 ${held.number}。请不通过，由企业核对后重新提交。`,
    )
  return held
}

/** Chains by who granted the certificate: what the province or the ministry granted, they also decide about (原资质审批部门). */
export const grantedBy = { city: '三级、三级（暂定）', second: '二级', first: '一级' } as const

/** Which of `grantedBy` the certificate of a form belongs to. */
export function grantOf({ certificate_level }: Answers): keyof typeof grantedBy {
  return certificate_level === 'first' || certificate_level === 'second' ? certificate_level : 'city'
}

/** A chain of the city, and behind it the places outside that granted the level. */
export function withGranter(variant: string, chain: readonly Place[] = shortChain()): Place[] {
  const outside = variant === 'first' || variant === 'second' ? chainFor(variant) : []
  return [...chain, ...outside.filter(place => place.sort === 'external')]
}

/** 证书在有效期内: the certificate of the form, as it stands today. */
export function inForceCheck(law: string): Check {
  return {
    code: 'in-force',
    about: '资质证书在有效期内',
    async find({ db, kase, answers }) {
      const { certificate_number } = answers
      if (typeof certificate_number !== 'string' || !certificate_number) return undefined
      const held = await db<CertificateRow>('certificates')
        .where({ company_id: kase.subject_id, number: certificate_number })
        .first()
      const state = held && stateOn(held, today())
      if (!held || !state || state === 'doubtful') return undefined
      return {
        code: 'in-force',
        requirement: '资质证书在有效期内',
        actual: `${held.number} ${certificateStates[state]}，有效期至 ${held.valid_until ?? '长期'}`,
        verdict: state === 'valid' || state === 'expiring' ? 'ok' : 'bad',
        law,
        ...(held.renewing ? { detail: '延续申请在办，办结前继续有效' } : {}),
      }
    },
  }
}

/** Whether a paper that only some applications need was handed in. */
export async function hasPaper(db: Knex, kase: Case, material: string): Promise<boolean> {
  return (await filesIn(db, kase.id, presentEdition(kase))).some(file => file.material === material)
}
