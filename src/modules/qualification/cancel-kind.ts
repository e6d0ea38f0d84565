import { z } from 'zod'
import { addDays } from '../../calendar.ts'
import { type Check, defineKind, desk, type KindSettings } from '../../cases/kind.ts'
import { closedStates } from '../../cases/lifecycle.ts'
import { paper, pledgeField } from '../../cases/standards.ts'
import { today } from '../../clock.ts'
import { onPaper } from '../../documents/printing.ts'
import { issueProof } from '../../documents/proof.ts'
import type { Answers } from '../../forms/answers.ts'
import { choice, type Mistakes, optionalDate, optionalText } from '../../forms/form.ts'
import { isDay } from '../../identifiers.ts'
import { inTimeCheck } from '../archives/company-kinds.ts'
import { certificateLevels, optionsOf } from '../archives/words.ts'
import { endCertificate, factsNow } from './certificates.ts'
import {
  grantedBy,
  grantOf,
  hasPaper,
  heldAnswers,
  heldFields,
  heldMistakes,
  holderOf,
  inForceCheck,
  liveCertificate,
  lockHeld,
  registered,
  withGranter,
} from './held.ts'
import { companyRoles, law, licenceClocks, unlessEnabled } from './standards.ts'

/** 资质注销 (资质管理办法 第十四条、第十六条，行政许可法 第七十条；domain.md §4.3): the company ends, or gives its certificate up. */

const matter = { label: '资质注销', clause: '资质管理办法第十六条', instead: '已经失效的不用申请注销。' }

/** Why: for the form, for the public, and the clause. */
const reasons = {
  bankrupt: { label: '破产', words: '企业破产', basis: `${law}第十六条` },
  closed: { label: '歇业', words: '企业歇业', basis: `${law}第十六条` },
  terminated: { label: '因其他原因终止业务活动', words: '企业终止业务活动', basis: `${law}第十六条` },
  merged: { label: '因分立、合并解散', words: '企业因分立、合并解散', basis: `${law}第十四条` },
  voluntary: { label: '自愿放弃资质', words: '企业自愿放弃资质', basis: '行政许可法第七十条' },
} as const
type Reason = keyof typeof reasons

const form = z.object({
  ...heldFields,
  company_name: registered('企业名称'),
  reason: choice({
    label: '注销原因',
    section: '注销申请',
    options: optionsOf(Object.fromEntries(Object.entries(reasons).map(([value, { label }]) => [value, label]))),
  }),
  licence_cancelled_on: optionalDate({ label: '营业执照注销登记日期', hint: '自愿放弃资质的不填' }),
  handover: optionalText({
    label: '在管项目移交情况',
    type: 'textarea',
    max: 1000,
    hint: '还有在管项目的，写明项目、接管单位和移交日期',
  }),
  explanation: optionalText({ label: '情况说明', type: 'textarea', max: 1000 }),
  ...pledgeField,
})

const textIn = (answers: Answers, name: string) => (typeof answers[name] === 'string' ? answers[name] : '')

function due(answers: Answers, { thresholds }: KindSettings): string | undefined {
  const from = textIn(answers, 'licence_cancelled_on')
  return isDay(from) && thresholds.filing_days ? addDays(from, thresholds.filing_days) : undefined
}

/** Who leaves hands over first (物业管理条例 第三十八条). */
const projects: Check = {
  code: 'projects',
  about: '没有在管项目',
  async find({ db, kase }) {
    const names: string[] = await db('project_links')
      .join('projects', 'projects.id', 'project_links.project_id')
      .where({ 'project_links.company_id': kase.subject_id, 'project_links.live': 1 })
      .orderBy(['project_links.starts_on', 'projects.id'])
      .pluck('projects.name')
    return {
      code: 'projects',
      requirement: '没有挂接在本企业名下的项目',
      actual: names.length ? `${names.length} 个` : '没有',
      verdict: names.length ? 'warn' : 'ok',
      law: '物业管理条例第三十八条',
      ...(names.length ? { detail: `${names.slice(0, 5).join('、')}${names.length > 5 ? '等' : ''}，请先办理项目移交` } : {}),
    }
  },
}

const contracts: Check = {
  code: 'contracts',
  about: '没有履行中的物业服务合同',
  async find({ db, kase }) {
    const row = await db('contracts')
      .where({ company_id: kase.subject_id, state: 'filed' })
      .where('ends_on', '>=', today())
      .whereNull('ended_on')
      .count({ n: '*' })
      .first()
    const n = Number(row?.n ?? 0)
    return {
      code: 'contracts',
      requirement: '没有履行中的已备案物业服务合同',
      actual: n ? `${n} 份` : '没有',
      verdict: n ? 'warn' : 'ok',
      law: '物业管理条例第三十八条',
      ...(n ? { detail: '请先解除合同，办理项目移交' } : {}),
    }
  },
}

const openCases: Check = {
  code: 'open-cases',
  about: '没有其他在办业务',
  async find({ db, kase }) {
    const serials: string[] = await db('cases')
      .where({ applicant_id: kase.applicant_id })
      .whereNotIn('state', ['draft', ...closedStates])
      .whereNot({ id: kase.id })
      .orderBy('id')
      .pluck('serial')
    return {
      code: 'open-cases',
      requirement: '没有其他在办业务',
      actual: serials.length ? `${serials.length} 件` : '没有',
      verdict: serials.length ? 'warn' : 'ok',
      law: matter.clause,
      ...(serials.length ? { detail: `${serials.slice(0, 5).join('、')}，请先撤回或者等办结` } : {}),
    }
  },
}

function settings(variant: string): KindSettings {
  return {
    // Ends a licence, so the head of the bureau signs.
    chain: withGranter(variant, [
      desk('district', 'district-clerk', '区县初审', '初审中'),
      desk('city-reviewer', 'city-reviewer', '市局复核', '复审中'),
      desk('city-approver', 'city-approver', '市局审批', '审批中'),
    ]),
    clocks: licenceClocks(),
    consults: [],
    materials: [
      paper('application-form', '企业资质注销申请表', { hint: '在本页打印，法定代表人或清算组负责人签字、盖章后扫描上传' }),
      paper('licence-cancellation', '营业执照注销证明', {
        required: false,
        original: true,
        hint: '除自愿放弃资质外必须提交；破产的同时提交法院裁定',
      }),
      paper('old-certificate', '原资质证书正、副本', { original: true, hint: '收回原件' }),
      paper('handover', '项目移交证明', { required: false, hint: '有在管项目的提交' }),
      paper('pledge', '材料真实性承诺书', { hint: '法定代表人或清算组负责人签字' }),
    ],
    number: '济物资销〔{yyyy}〕{seq:4}号',
    corrections: 1,
    thresholds: { filing_days: 15 },
    templates: [
      { step: 'pass', label: '同意注销', text: '材料齐全，原证书正、副本已收回，同意注销。' },
      { step: 'refuse', label: '项目未移交', text: '仍有在管项目没有移交，请办理移交后重新提交。' },
      { step: 'decline', label: '不属本机关', text: '该证书不由本机关管理，请向原资质审批部门申请。' },
      { step: 'correct', label: '未交回原件', text: '没有交回原资质证书正、副本，请补交原件。' },
    ],
  }
}

export const qualificationCancel = defineKind({
  code: 'qualification-cancel',
  label: '资质注销',
  module: 'qualification',
  law: `${law}第十四条、第十六条，行政许可法第七十条`,
  when: '企业破产、歇业或者因其他原因终止业务活动的，办理营业执照注销手续后 15 日内申请；也可以自愿放弃资质。',
  startedBy: companyRoles,
  prefix: 'ZH',
  form,
  variants: grantedBy,
  variantOf: grantOf,
  settings,
  thresholds: { filing_days: { label: '营业执照注销后申请期限', unit: '天' } },
  suspended: unlessEnabled,
  refusedTo: 'draft',
  states: { done: '已注销' },
  checks: [
    inForceCheck(matter.clause),
    inTimeCheck({ event: '营业执照注销登记', law: matter.clause, due }),
    projects,
    contracts,
    openCases,
  ],
  proof: { label: '资质证书注销证明', papers: [{ code: 'proof', label: '资质证书注销证明' }] },
  subjectOf: async (db, user) => (await holderOf(db, user, matter)).company,
  openKey: ({ id }) => `certificate:${id}`,
  async prefill(db, { subject_id }) {
    const held = await liveCertificate(db, subject_id)
    const row: { name: string } | undefined = await db('organisations').where({ id: subject_id }).first('name')
    return { ...heldAnswers(held), company_name: row?.name ?? '' }
  },
  async mistakes(db, kase, answers) {
    const mistakes: Mistakes = await heldMistakes(db, kase.subject_id, matter)
    const on = textIn(answers, 'licence_cancelled_on')
    if (on > today()) mistakes.licence_cancelled_on = `注销登记日期 ${on} 还没有到。请先到市场监管部门办理营业执照注销。`
    if (answers.reason === 'voluntary') return mistakes
    if (!on) mistakes.licence_cancelled_on = '请填写营业执照注销登记日期；营业执照没有注销的，注销原因请选择自愿放弃资质。'
    if (!(await hasPaper(db, kase, 'licence-cancellation')))
      mistakes.reason = '除自愿放弃资质外，请在材料里上传营业执照注销证明。'
    return mistakes
  },
  fileBy: due,
  async whenDone(trx, kase, { answers, decidedOn, number, outcome }) {
    const held = await lockHeld(trx, kase.subject_id, answers, matter)
    const reason = reasons[textIn(answers, 'reason') as Reason] // the form let nothing else through
    const on = outcome?.on ?? decidedOn
    const facts = await factsNow(trx, held)
    await endCertificate(trx, held.id, { state: 'cancelled', on, reason: reason.words, basis: reason.basis })
    if (number)
      await issueProof(trx, {
        kase,
        object: { type: 'certificate-end', id: held.id },
        title: '资质证书注销证明',
        number,
        words: '经审核，下列物业服务企业资质证书已经注销，正本、副本自注销之日起不再使用。',
        facts: [
          { label: '企业名称', value: facts.company_name, wide: true },
          { label: '统一社会信用代码', value: facts.credit_code },
          { label: '证书编号', value: held.number },
          { label: '资质等级', value: certificateLevels[held.level] },
          { label: '批准日期', value: onPaper(held.approved_on) },
          { label: '注销日期', value: onPaper(on) },
          { label: '注销原因', value: reason.words },
          { label: '依据', value: reason.basis, wide: true },
          ...(outcome ? [{ label: '原审批部门文号', value: `${outcome.authority}${outcome.number}`, wide: true }] : []),
        ],
      })
  },
  afterwards: '资质证书已注销，证书登记和核验页显示已注销，注销证明可在办件页下载打印。',
})
