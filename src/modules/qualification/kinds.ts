import { addDays } from '../../calendar.ts'
import { defineKind } from '../../cases/kind.ts'
import { NotNow } from '../../errors.ts'
import { isDay } from '../../identifiers.ts'
import { award } from './certificates.ts'
import { confirmChecks, newChecks } from './checks.ts'
import { applicantCompany, certificateOf, companyAnswers, projectRows, runsOn } from './company.ts'
import { confirmForm, newForm } from './form.ts'
import { confirmSettings, newSettings } from './settings.ts'
import { companyRoles, law, unlessEnabled } from './standards.ts'

/** 资质 (domain.md §4). The first two businesses; the rest of the life of a certificate stands on them. */

const proof = {
  label: '物业服务企业资质证书',
  papers: [
    { code: 'certificate-main', label: '资质证书正本' },
    { code: 'certificate-copy', label: '资质证书副本' },
  ],
}
const afterwards = '批准后先公示，期满没有异议即发证，证书可在办件页下载打印。'
const thresholds = {
  capital: { label: '注册资本不少于', unit: '万元' },
  staff: { label: '专职管理和技术人员不少于', unit: '人' },
  titled: { label: '其中中级以上职称不少于', unit: '人' },
  filing_days: { label: '领取营业执照后申报期限', unit: '天' },
  projects: { label: '在管项目不少于', unit: '个' },
  ahead_days: { label: '有效期届满前申请', unit: '天' },
  valid_years: { label: '证书有效期', unit: '年' },
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
  openKey: subject => `qualification-apply:${subject.id}`,
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

/** 三级核定: a company with a provisional certificate applies before it runs out. */
export const qualificationConfirm = defineKind({
  code: 'qualification-confirm',
  label: '三级核定',
  module: 'qualification',
  law: `${law}第八条`,
  when: '持三级（暂定）证书的企业在有效期届满 45 日前申请；届满没有核定的，暂定资质失效。',
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
    const held = await certificateOf(db, company.id)
    if (held?.level !== 'provisional')
      throw new NotNow(
        held
          ? `贵企业持有的证书 ${held.number} 不是三级（暂定），不办理三级核定。`
          : '三级核定由持三级（暂定）证书的企业申请。贵企业没有有效的暂定证书，请先办理新设立申报。',
      )
    if (!runsOn(held))
      throw new NotNow(`暂定证书 ${held.number} 已于 ${held.valid_until} 届满失效，不能核定。请重新办理新设立申报。`)
    return company
  },
  // One application for a certificate at a time, whichever it is.
  openKey: subject => `qualification-apply:${subject.id}`,
  async prefill(db, { subject_id }) {
    const [answers, held, projects] = await Promise.all([
      companyAnswers(db, subject_id),
      certificateOf(db, subject_id),
      projectRows(db, subject_id),
    ])
    return { ...answers, certificate_number: held?.number ?? '', certificate_until: held?.valid_until ?? '', projects }
  },
  async whenDone(trx, kase, context) {
    await award(trx, { ...kase, company_id: kase.subject_id }, context, 'third')
  },
  publicFacts: (_kase, answers) => factsOf(answers, '三级'),
})

function factsOf(answers: Record<string, unknown>, level: string) {
  const value = (name: string) => (typeof answers[name] === 'string' ? answers[name] : '')
  return [
    { label: '企业名称', value: value('company_name') },
    { label: '统一社会信用代码', value: value('credit_code') },
    { label: '拟核定等级', value: level },
    { label: '住所', value: value('registered_address') },
    { label: '注册资本', value: value('capital') && `${value('capital')} 万元` },
  ].filter(fact => fact.value)
}
