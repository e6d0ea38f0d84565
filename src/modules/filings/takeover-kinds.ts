import type { Knex } from 'knex'
import { z } from 'zod'
import { settingsNow } from '../../admin/settings.ts'
import { addDays } from '../../calendar.ts'
import type { Case } from '../../cases/case.ts'
import { type Check, defineKind, type Kind, type KindSettings } from '../../cases/kind.ts'
import { cityRule, paper, pledgeField, standardClocks } from '../../cases/standards.ts'
import { today } from '../../clock.ts'
import { documentOf } from '../../documents/documents.ts'
import { onPaper } from '../../documents/printing.ts'
import { issueProof } from '../../documents/proof.ts'
import { NotNow } from '../../errors.ts'
import { type Answers, textOf } from '../../forms/answers.ts'
import { date, integer, type Mistakes, optionalText, text } from '../../forms/form.ts'
import { isDay } from '../../identifiers.ts'
import { registerPart } from '../archives/parts.ts'
import { contractOn } from './contracts.ts'
import { liveLink } from './links.ts'
import { chosenProject, projectAnswers, projectAt, projectFields, subjectOfProject } from './project.ts'
import { companyRoles, districtDesks } from './standards.ts'
import { touchProject } from './touched.ts'

/** 承接查验备案 (domain.md §5.7; 物业承接查验办法，建房〔2010〕165号): behind a switch, since not every city asks for it. */

const code = 'takeover-filing'
const law = '物业承接查验办法（建房〔2010〕165号）'

const form = z.object({
  ...projectFields,
  developer: text({ label: '建设单位', archive: { label: '项目档案' }, wide: true }),
  company: text({ label: '物业服务企业', archive: { label: '项目挂接' }, wide: true }),
  contract_number: optionalText({ label: '前期物业服务合同备案号', archive: { label: '合同台账' } }),
  inspected_on: date({ label: '现场查验完成日期', section: '查验与交接', hint: '应在物业交付使用 15 日以前完成' }),
  delivery_on: date({ label: '物业交付使用日期', hint: '首批房屋交付业主的日期' }),
  agreed_on: date({ label: '查验协议签订日期' }),
  handed_on: date({ label: '交接日期', hint: '签订查验协议后 10 日内交接' }),
  scope: text({
    label: '查验的共用部位、共用设施设备',
    type: 'textarea',
    max: 1000,
    wide: true,
    hint: '如：外墙、屋面、电梯 6 部、消防系统、二次供水、配电、监控',
  }),
  inspectors: text({ label: '参加查验的单位和人员', max: 300, wide: true, personal: 'name' }),
  documents: integer({ label: '移交资料', unit: '份', min: 1, max: 100_000 }),
  faults: integer({ label: '发现的问题', unit: '项', min: 0, max: 100_000 }),
  unsettled: optionalText({
    label: '没有解决的问题和解决办法',
    type: 'textarea',
    max: 2000,
    wide: true,
    hint: '写明解决的时限、责任和双方约定；全部解决的不填',
  }),
  late_reason: optionalText({
    label: '逾期备案的原因',
    section: '逾期',
    type: 'textarea',
    max: 500,
    hint: '交接之日起 30 日后备案的填写',
  }),
  ...pledgeField,
})

const settings: KindSettings = {
  chain: [...districtDesks],
  clocks: standardClocks({ limit: 10, law: cityRule }),
  consults: [],
  materials: [
    paper('contract', '前期物业服务合同'),
    paper('rules', '临时管理规约'),
    paper('agreement', '物业承接查验协议', { original: true }),
    paper('handed', '建设单位移交资料清单', { hint: '双方签字盖章' }),
    paper('record', '查验记录', { hint: '逐项记录，双方签字' }),
    paper('handover', '交接记录', { hint: '双方签字盖章' }),
  ],
  number: '济物验备〔{yyyy}〕{seq:4}号',
  corrections: 1,
  thresholds: { before_delivery: 15, handover_days: 10, filing_days: 30 },
  templates: [
    { step: 'pass', label: '材料齐全', text: '查验、移交、交接记录齐全，同意备案。' },
    { step: 'refuse', label: '记录不全', text: '查验记录与移交清单不一致，请核对后重新提交。' },
    { step: 'correct', label: '看不清', text: '扫描件看不清，请重新扫描后上传。' },
  ],
}

const dayIn = (answers: Answers, name: string) => (isDay(textOf(answers, name)) ? textOf(answers, name) : '')

/** A limit between two days of the form, told with both and never blocking: what has happened has happened. */
function limitCheck(
  name: string,
  rule: (
    answers: Answers,
    thresholds: Record<string, number>,
  ) => { requirement: string; actual: string; kept: boolean } | undefined,
  about: string,
  clause: string,
): Check {
  return {
    code: name,
    about,
    find({ answers, settings }) {
      const found = rule(answers, settings.thresholds)
      return (
        found && {
          code: name,
          requirement: found.requirement,
          actual: found.actual,
          verdict: found.kept ? 'ok' : 'warn',
          law: `${law}${clause}`,
        }
      )
    },
  }
}

const beforeDelivery = limitCheck(
  'before-delivery',
  (answers, { before_delivery = 15 }) => {
    const [done, delivery] = [dayIn(answers, 'inspected_on'), dayIn(answers, 'delivery_on')]
    if (!done || !delivery) return undefined
    const last = addDays(delivery, -before_delivery)
    return {
      requirement: `交付使用 ${before_delivery} 日以前完成查验（${last} 以前）`,
      actual: `${done} 完成`,
      kept: done <= last,
    }
  },
  '查验在交付使用前完成',
  '第十一条',
)

const handedInTime = limitCheck(
  'handover',
  (answers, { handover_days = 10 }) => {
    const [agreed, handed] = [dayIn(answers, 'agreed_on'), dayIn(answers, 'handed_on')]
    if (!agreed || !handed) return undefined
    const last = addDays(agreed, handover_days)
    return {
      requirement: `签订查验协议后 ${handover_days} 日内交接（${last} 以前）`,
      actual: `${handed} 交接`,
      kept: handed <= last,
    }
  },
  '签订查验协议后按时交接',
  '第二十三条',
)

async function mistakesIn(db: Knex, kase: Case, answers: Answers, { thresholds }: KindSettings): Promise<Mistakes> {
  const mistakes: Mistakes = {}
  const day = today()
  const [inspected, agreed, handed] = ['inspected_on', 'agreed_on', 'handed_on'].map(name => textOf(answers, name)) as [
    string,
    string,
    string,
  ] // three names
  if (inspected > day) mistakes.inspected_on = '查验完成日期不能晚于今天。'
  if (agreed < inspected) mistakes.agreed_on = `查验协议签订日期早于查验完成日期 ${inspected}，请核对。`
  if (handed > day) mistakes.handed_on = '交接日期还没有到。交接以后再备案。'
  else if (handed < agreed) mistakes.handed_on = `交接日期早于查验协议签订日期 ${agreed}，请核对。`
  if (Number(textOf(answers, 'faults')) === 0 && textOf(answers, 'unsettled'))
    mistakes.faults = '填写了没有解决的问题，请同时填写发现的问题数。'
  const last = addDays(handed, thresholds.filing_days ?? 30)
  if (!mistakes.handed_on && kase.state !== 'supplement' && day > last && !textOf(answers, 'late_reason'))
    mistakes.late_reason = `应在交接之日起 ${thresholds.filing_days ?? 30} 日内备案（${last} 以前），现在仍可备案，请写明逾期的原因（${law}第二十九条）。`
  const link = await liveLink(db, kase.subject_id)
  if (link?.company_id !== kase.applicant_id) mistakes[''] = '贵企业已不服务这个项目，不能再备案。由现在服务的企业备案。'
  return mistakes
}

/** 承接查验备案: by the company that has taken over, within 30 days. */
export const takeoverFiling: Kind = defineKind({
  code,
  label: '物业承接查验备案',
  module: 'filings',
  law: `${law}第二十九条`,
  when: '物业服务企业与建设单位完成承接查验、办理交接之日起 30 日内备案。',
  startedBy: companyRoles,
  startsAt: { label: '选择要备案的项目', href: '/desk/lists/projects' },
  reaches: ['district', 'street'],
  prefix: 'CJ',
  form,
  settings,
  thresholds: {
    before_delivery: { label: '查验应在交付前完成', unit: '天' },
    handover_days: { label: '签订查验协议后交接期限', unit: '天' },
    filing_days: { label: '交接后备案期限', unit: '天' },
  },
  async suspended(db) {
    return (await settingsNow(db))['takeover.enabled']
      ? undefined
      : '本市没有启用承接查验备案，不需要办理；查验和交接的材料请由双方妥善保存。'
  },
  refusedTo: 'draft',
  states: { done: '已备案' },
  checks: [beforeDelivery, handedInTime],
  proof: { label: '物业承接查验备案证明', papers: [{ code: 'proof', label: '物业承接查验备案证明' }] },
  afterwards: '备案证明可在办件页下载。没有解决的问题按约定的时限解决，资料存入项目档案。',
  async subjectOf(db, user, { subject_id }) {
    const project = await chosenProject(db, user, subject_id, '承接查验备案')
    const link = await liveLink(db, project.id)
    if (link?.company_id !== user.organisation_id)
      throw new NotNow('承接查验由正在服务这个项目的物业企业备案。还没有挂接的，先办理前期物业管理备案或项目挂接。')
    return subjectOfProject(project)
  },
  openKey: ({ id }) => `${code}:${id}`,
  async prefill(db, { subject_id, applicant_id }) {
    const project = await projectAt(db, subject_id)
    const [answers, contract, names] = await Promise.all([
      projectAnswers(db, subject_id),
      contractOn(db, subject_id),
      db('organisations')
        .whereIn('id', [applicant_id, project.developer_id ?? 0])
        .select('id', 'name') as Promise<{ id: number; name: string }[]>,
    ])
    const nameOf = (id: number | null) => names.find(row => row.id === id)?.name ?? ''
    return {
      ...answers,
      developer: nameOf(project.developer_id) || '没有登记',
      company: nameOf(applicant_id),
      contract_number: contract?.number ?? '',
    }
  },
  mistakes: mistakesIn,
  async informed(db, { subject_id }) {
    const { developer_id } = await projectAt(db, subject_id)
    return developer_id ? [developer_id] : []
  },
  fileBy: (answers, { thresholds }) => {
    const handed = dayIn(answers, 'handed_on')
    return handed ? addDays(handed, thresholds.filing_days ?? 30) : undefined
  },
  async whenDone(trx, kase, { answers, number }) {
    if (!number) throw new Error(`${code} has no number`)
    const told = (name: string) => textOf(answers, name)
    await issueProof(trx, {
      kase,
      object: { type: 'takeover', id: kase.subject_id },
      title: '物业承接查验备案证明',
      number,
      words: `${told('company')}与${told('developer')}对${told('project_name')}的承接查验和交接，已按照《物业承接查验办法》备案。`,
      facts: [
        { label: '项目', value: `${told('project_name')}（${told('project_code')}）`, wide: true },
        { label: '坐落', value: told('project_address'), wide: true },
        { label: '查验完成', value: onPaper(told('inspected_on')) },
        { label: '查验协议', value: onPaper(told('agreed_on')) },
        { label: '交接', value: onPaper(told('handed_on')) },
        { label: '移交资料', value: `${told('documents')} 份` },
        { label: '发现的问题', value: `${told('faults')} 项${told('unsettled') ? '，有没有解决的' : '，都已解决'}` },
        { label: '备案日期', value: onPaper(today()) },
      ],
      remark: '备案不免除建设单位的保修责任。',
    })
    await touchProject(trx, kase.subject_id)
  },
})

registerPart('projects', {
  code: 'takeover',
  label: '承接查验',
  order: 25,
  async load(db, user, project_id, on) {
    const proof = await documentOf(db, { type: 'takeover', id: project_id }, 'proof')
    const isInUse = (await settingsNow(db))['takeover.enabled']
    const known = proof && (!on || proof.issued_on <= on) ? proof : undefined
    if (!known && (!isInUse || on)) return undefined
    const serves = user.role.startsWith('company') && (await liveLink(db, project_id))?.company_id === user.organisation_id
    return { view: '/filings/takeover-part', locals: { proof: known, starts: isInUse && serves && !on && !known, project_id } }
  },
})

export const takeoverKinds: readonly Kind[] = [takeoverFiling]
