import type { Knex } from 'knex'
import { addDays } from '../../calendar.ts'
import { defineKind, type Kind, type KindSettings, type Subject } from '../../cases/kind.ts'
import { settingsInForce } from '../../cases/settings.ts'
import { today } from '../../clock.ts'
import { NotNow } from '../../errors.ts'
import type { Answers } from '../../forms/answers.ts'
import type { Mistakes } from '../../forms/form.ts'
import { isDay } from '../../identifiers.ts'
import { award } from './certificates.ts'
import { confirmChecks, newChecks } from './checks.ts'
import { applicantCompany, certificateOf, companyAnswers, type HeldCertificate, projectRows, runsOn } from './company.ts'
import { confirmForm, newForm } from './form.ts'
import { lapseOf } from './lapse.ts'
import { confirmSettings, newSettings } from './settings.ts'
import { companyRoles, law, unlessEnabled } from './standards.ts'

/** 资质 (domain.md §4): the certificates of 三级 and 暂定, which the city grants. */

/** What every kind that ends in a certificate of the city gives out. */
export const proof = {
  label: '物业服务企业资质证书',
  papers: [
    { code: 'certificate-main', label: '资质证书正本' },
    { code: 'certificate-copy', label: '资质证书副本' },
  ],
}
const afterwards = '批准后先公示，期满没有异议即发证，证书可在办件页下载打印。'
export const thresholds = {
  capital: { label: '注册资本不少于', unit: '万元' },
  staff: { label: '专职管理和技术人员不少于', unit: '人' },
  titled: { label: '其中中级以上职称不少于', unit: '人' },
  filing_days: { label: '领取营业执照后申报期限', unit: '天' },
  projects: { label: '在管项目不少于', unit: '个' },
  ahead_days: { label: '有效期届满前申请', unit: '天' },
  early_days: { label: '到期重新核定最早可提前', unit: '天' },
  types: { label: '管理物业的类型不少于', unit: '种' },
  index: { label: '各类物业面积占计算基数的百分比之和不低于', unit: '%' },
  base_multi: { label: '多层住宅计算基数', unit: '万㎡' },
  base_high: { label: '高层住宅计算基数', unit: '万㎡' },
  base_villa: { label: '独立式住宅（别墅）计算基数', unit: '万㎡' },
  base_other: { label: '办公楼、工业厂房及其他物业计算基数', unit: '万㎡' },
  valid_years: { label: '证书有效期', unit: '年' },
  barred_years: { label: '限制核定的行为自查明之日起不予核定', unit: '年' },
}

/** 新设立申报 (三级暂定): within 30 days of the business licence; the certificate runs a year. */
export const qualificationNew = defineKind({
  code: 'qualification-new',
  label: '资质新设立申报（三级暂定）',
  module: 'qualification',
  law: `${law}第六条、第七条`,
  when: '新设立的物业服务企业自领取营业执照之日起 30 日内申报，核发有效期一年的三级（暂定）证书。',
  startedBy: companyRoles,
  prefix: 'ZX',
  form: newForm,
  settings: newSettings,
  thresholds,
  refusedTo: 'refused',
  suspended: unlessEnabled,
  checks: newChecks,
  proof,
  afterwards,
  async subjectOf(db, user) {
    const company = await applicantCompany(db, user)
    const held = await certificateOf(db, company.id)
    if (held && runsOn(held))
      throw new NotNow(`贵企业已持有资质证书 ${held.number}，不需要新设立申报。暂定资质届满前请办理三级核定。`)
    return company
  },
  openKey: applyKey,
  prefill: (db, { subject_id }) => companyAnswers(db, subject_id),
  fileBy(answers, { thresholds }) {
    const from = answers.established_on
    return typeof from === 'string' && isDay(from) && thresholds.filing_days ? addDays(from, thresholds.filing_days) : undefined
  },
  async whenDone(trx, kase, context) {
    await award(trx, { ...kase, company_id: kase.subject_id }, context, 'provisional')
  },
  publicFacts: (_kase, answers) => factsOf(answers, '三级（暂定）'),
})

/** 三级核定: a company with a provisional certificate, or one of 三级 that will end, applies before it runs out. */
export const qualificationConfirm: Kind = defineKind({
  code: 'qualification-confirm',
  label: '三级核定',
  module: 'qualification',
  law: `${law}第八条`,
  when: '持三级（暂定）证书的企业在有效期届满 45 日前申请，届满没有核定的，暂定资质失效；三级证书将届满的，在届满前申请重新核定。',
  startedBy: companyRoles,
  prefix: 'ZZ',
  form: confirmForm,
  settings: confirmSettings,
  thresholds,
  refusedTo: 'refused',
  suspended: unlessEnabled,
  checks: confirmChecks,
  proof,
  afterwards,
  async subjectOf(db, user) {
    const company = await applicantCompany(db, user)
    const { settings } = await settingsInForce(db, qualificationConfirm)
    const why = await whyNotConfirmed(db, company.id, settings)
    if (why) throw new NotNow(why)
    return company
  },
  // One application for a certificate at a time, whichever it is.
  openKey: applyKey,
  prefill: async (db, { subject_id }) => ({
    ...(await heldAnswers(db, subject_id)),
    projects: await projectRows(db, subject_id),
  }),
  async mistakes(db, kase, _answers, settings): Promise<Mistakes> {
    // What was right on the day of submission stays so while it is corrected.
    const why = kase.state === 'supplement' ? undefined : await whyNotConfirmed(db, kase.subject_id, settings)
    return why ? { '': why } : {}
  },
  async whenDone(trx, kase, context) {
    await award(trx, { ...kase, company_id: kase.subject_id }, context, 'third')
  },
  whenEnded: (trx, { subject_id }) => lapseOf(trx, subject_id),
  publicFacts: (_kase, answers) => factsOf(answers, '三级'),
})

/** Why a company cannot have 三级 confirmed now, in a sentence that says what it can do. */
async function whyNotConfirmed(db: Knex, company_id: number, settings: KindSettings): Promise<string | undefined> {
  const held = await certificateOf(db, company_id)
  if (!held) return '三级核定由持三级（暂定）或三级证书的企业申请。贵企业没有有效的资质证书，请先办理新设立申报。'
  const { number, level, valid_until } = held
  if (level !== 'provisional' && level !== 'third')
    return `贵企业持有的证书 ${number} 不是三级（暂定）或三级，不办理三级核定。有效期将届满的，请在资质升级里申请原等级重新核定。`
  if (!runsOn(held))
    return `${level === 'provisional' ? '暂定证书' : '三级证书'} ${number} 已于 ${valid_until} 届满失效，不能核定。请重新办理新设立申报。`
  return level === 'third' ? await tooEarly(db, held, settings) : undefined
}

/**
 * Why a certificate is not verified again at its own level yet: only shortly before its end, and at any time when its latest 年检
 * found it 不合格 (domain.md §4.3).
 */
export async function tooEarly(
  db: Knex,
  { id, number, valid_until }: HeldCertificate,
  { thresholds }: KindSettings,
): Promise<string | undefined> {
  const latest: { result: string } | undefined = await db('inspections')
    .where({ certificate_id: id })
    .whereIn('result', ['passed', 'basic', 'failed'])
    .orderBy('year', 'desc')
    .first('result')
  if (latest?.result === 'failed') return undefined
  if (!valid_until) return `证书 ${number} 没有载明有效期，不需要到期重新核定。要提高等级的，请办理资质升级。`
  const from = addDays(valid_until, -(thresholds.early_days ?? 0))
  if (today() >= from || !thresholds.early_days) return undefined
  return `证书 ${number} 有效期至 ${valid_until}，自 ${from} 起可以申请原等级重新核定（行政许可法第五十条）。要提高等级的，请办理资质升级。`
}

/** One application that ends in a certificate at a time. */
export function applyKey({ id }: Pick<Subject, 'id'>): string {
  return `qualification-apply:${id}`
}

/** The company, its people and the certificate it holds, as the archives have them. */
export async function heldAnswers(db: Knex, company_id: number): Promise<Answers> {
  const [answers, held] = await Promise.all([companyAnswers(db, company_id), certificateOf(db, company_id)])
  return {
    ...answers,
    certificate_number: held?.number ?? '',
    certificate_level: held?.level ?? '',
    certificate_until: held?.valid_until ?? '',
  }
}

/** The lines of a publicity page. */
export function factsOf(answers: Record<string, unknown>, level: string) {
  const value = (name: string) => (typeof answers[name] === 'string' ? answers[name] : '')
  return [
    { label: '企业名称', value: value('company_name') },
    { label: '统一社会信用代码', value: value('credit_code') },
    { label: '拟核定等级', value: level },
    { label: '住所', value: value('registered_address') },
    { label: '注册资本', value: value('capital') && `${value('capital')} 万元` },
  ].filter(fact => fact.value)
}
