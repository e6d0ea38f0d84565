import type { Knex } from 'knex'
import { z } from 'zod'
import { addDays } from '../../calendar.ts'
import type { Case } from '../../cases/case.ts'
import { type Check, defineKind, desk, type KindSettings } from '../../cases/kind.ts'
import { cityRule, paper, pledgeField, standardClocks } from '../../cases/standards.ts'
import { now } from '../../clock.ts'
import { onPaper } from '../../documents/printing.ts'
import { issueProof } from '../../documents/proof.ts'
import { NotNow } from '../../errors.ts'
import type { Answers } from '../../forms/answers.ts'
import { type Mistakes, optionalText } from '../../forms/form.ts'
import { isDay } from '../../identifiers.ts'
import { changeRecord, readRecord } from '../archives/archive.ts'
import { companies } from '../archives/company.ts'
import { registerPart } from '../archives/parts.ts'
import { ownCompany } from './branches.ts'
import { companyAnswers, projectRows } from './company.ts'
import { companyFields, confirmForm, peopleFields } from './form.ts'
import { companyRoles, isEnabled } from './standards.ts'

/**
 * 企业信息登记 (domain.md §1 consequence 1): while 资质管理 is out of use, companies of the city go on filing who they are, once within 30
 * days of their licence and then yearly. It is a filing and no condition of anything.
 */

const code = 'company-information'
const law = '《物业管理条例》，本市办理规定'
const notCondition = '登记不是承接物业服务的前置条件。'

const form = z.object({
  ...companyFields,
  previous_number: optionalText({ label: '上次登记编号', section: '以往登记', archive: { label: '企业档案' } }),
  previous_on: optionalText({ label: '上次登记日期', archive: { label: '企业档案' } }),
  old_certificate: optionalText({ label: '原资质证书编号（历史）', archive: { label: '证书档案' } }),
  ...peopleFields,
  projects: confirmForm.shape.projects,
  ...pledgeField,
})

const settings: KindSettings = {
  chain: [desk('district', 'district-clerk', '区县审核', '审核中'), desk('city-clerk', 'city-clerk', '市局登记', '市局登记中')],
  clocks: standardClocks({ limit: 10, law: cityRule }),
  consults: [],
  materials: [
    paper('application-form', '企业信息登记表', { hint: '在本页打印，签字盖章后扫描上传' }),
    paper('business-licence', '营业执照', { original: true }),
    paper('credentials', '人员职业资格、职称证书', { required: false, hint: '填写了证书的提交' }),
    paper('contracts', '物业服务合同复印件', { required: false, hint: '有在管项目的提交，每个一份' }),
  ],
  number: '济物企登〔{yyyy}〕{seq:4}号',
  corrections: 2,
  thresholds: { filing_days: 30 },
  templates: [
    { step: 'pass', label: '与执照一致', text: '所填内容与营业执照一致，同意登记。' },
    { step: 'refuse', label: '与执照不一致', text: '所填内容与营业执照不一致，请核对后重新提交。' },
    { step: 'correct', label: '看不清', text: '扫描件看不清，请重新扫描后上传。' },
  ],
}

const textOf = (answers: Answers, name: string) => (typeof answers[name] === 'string' ? answers[name] : '')

/** Who registers for the first time does so within some days of the licence; who was in the register before is not late. */
function dueOf(answers: Answers, { thresholds }: KindSettings): string | undefined {
  const from = textOf(answers, 'established_on')
  if (textOf(answers, 'previous_number') || textOf(answers, 'old_certificate') || !isDay(from)) return undefined
  return thresholds.filing_days ? addDays(from, thresholds.filing_days) : undefined
}

const inTime: Check = {
  code: 'in-time',
  about: '首次登记自领取营业执照之日起 30 日内申请',
  find({ answers, settings, on }) {
    const due = dueOf(answers, settings)
    if (!due) return undefined
    return {
      code: 'in-time',
      requirement: `首次登记自领取营业执照之日起 ${settings.thresholds.filing_days} 日内申请`,
      actual: `应于 ${due} 前申请`,
      verdict: on <= due ? 'ok' : 'bad',
      law: cityRule,
      ...(on <= due ? {} : { detail: '可以提交，标记为逾期登记' }),
    }
  },
}

/** What changes only by 企业档案变更 (★) though this form asks for it: it may be filled in here once, not changed. */
const once = { capital: 'capital', legal_person_id: 'legal_person_id' } as const
/** What the archive takes over from the form, by the names the form has for it. */
const open = {
  legal_person_phone: 'legal_person_phone',
  ownership: 'ownership',
  established_on: 'established_on',
  office_address: 'address',
  contact: 'contact',
  contact_phone: 'phone',
} as const

async function mistakesIn(db: Knex, kase: Case, answers: Answers): Promise<Mistakes> {
  const { answers: known } = await readRecord(db, companies, kase.subject_id)
  return Object.fromEntries(
    Object.entries(once).flatMap(([name, column]) =>
      known[column] && known[column] !== textOf(answers, name)
        ? [[name, '与企业档案登记的不同。登记事项有变更的，请先申请企业档案变更；没有变更的，请改成与档案一致。'] as const]
        : [],
    ),
  )
}

/** 企业信息登记, in use while 资质管理 is not. */
export const companyInformation = defineKind({
  code,
  label: '企业信息登记',
  module: 'qualification',
  licence: false,
  law,
  when: `在本市注册的物业服务企业自领取营业执照之日起 30 日内登记，以后每年更新一次。${notCondition}`,
  startedBy: companyRoles,
  prefix: 'QX',
  form,
  settings,
  thresholds: { filing_days: { label: '领取营业执照后登记期限', unit: '天' } },
  refusedTo: 'draft',
  states: { done: '已登记' },
  async suspended(db) {
    return (await isEnabled(db))
      ? '本市正在办理资质业务，企业情况随资质业务申报，现在不单独办理企业信息登记。请从事项目录办理资质业务或企业档案变更。'
      : undefined
  },
  checks: [inTime],
  proof: { label: '企业信息登记证明', papers: [{ code: 'proof', label: '企业信息登记证明' }] },
  afterwards: `登记证明可在办件页下载，内容已写入企业档案；以后每年更新一次。${notCondition}`,
  async subjectOf(db, user) {
    const { origin, ...company } = await ownCompany(db, user)
    if (origin !== 'city') throw new NotNow('企业信息登记由在本市注册的企业办理。外市、外省的企业请办理异地分支机构备案。')
    if (!company.district_code)
      throw new NotNow('企业档案没有登记注册区县，不知道由哪个区县审核。请先申请企业档案变更，补填注册区县。')
    return company
  },
  openKey: ({ id }) => `${code}:${id}`,
  async prefill(db, { subject_id }) {
    const [known, projects, before, certificate]: [
      Answers,
      Answers[string],
      { information_number: string | null; information_on: string | null } | undefined,
      { number: string } | undefined,
    ] = await Promise.all([
      companyAnswers(db, subject_id),
      projectRows(db, subject_id),
      db('companies').where({ id: subject_id }).first('information_number', 'information_on'),
      db('certificates').where({ company_id: subject_id }).orderBy('id', 'desc').first('number'),
    ])
    return {
      ...known,
      projects,
      previous_number: before?.information_number ?? '',
      previous_on: before?.information_on ?? '',
      old_certificate: certificate?.number ?? '',
    }
  },
  mistakes: mistakesIn,
  fileBy: dueOf,
  async whenDone(trx, kase, { answers, number, decidedOn }) {
    if (!number) throw new Error(`${code} has no number`)
    await keepInArchive(trx, kase, answers)
    await keepNumber(trx, kase, { information_number: number, information_on: decidedOn })
    const name = textOf(answers, 'company_name')
    const people = Array.isArray(answers.people) ? answers.people : []
    const projects = Array.isArray(answers.projects) ? answers.projects : []
    await issueProof(trx, {
      kase,
      object: { type: code, id: kase.subject_id },
      title: '企业信息登记证明',
      number,
      words: `${name}已按照本市规定办理物业服务企业信息登记。`,
      facts: [
        { label: '企业名称', value: name, wide: true },
        { label: '统一社会信用代码', value: textOf(answers, 'credit_code') },
        { label: '法定代表人', value: textOf(answers, 'legal_person') },
        { label: '住所', value: textOf(answers, 'registered_address'), wide: true },
        { label: '登记人员', value: `${people.length} 人` },
        { label: '在管项目', value: `${projects.length} 个` },
        { label: '登记日期', value: onPaper(decidedOn) },
      ],
      remark: `本证明只说明企业信息已经登记。${notCondition}`,
    })
  },
})

/** What takes effect without review of its own, and what the archive did not know yet. */
async function keepInArchive(trx: Knex.Transaction, kase: Case, answers: Answers): Promise<void> {
  const { answers: known } = await readRecord(trx, companies, kase.subject_id)
  const told = [...Object.entries(open), ...Object.entries(once).filter(([, column]) => !known[column])].flatMap(
    ([name, column]) => (textOf(answers, name) ? [[column, textOf(answers, name)] as const] : []),
  )
  await changeRecord(trx, companies, kase.subject_id, {
    answers: Object.fromEntries(told),
    by: { user_id: null, case_id: kase.id },
  })
}

/** Number and day of the newest registration, each with its line in the record of changes. */
async function keepNumber(
  trx: Knex.Transaction,
  kase: Case,
  told: { information_number: string; information_on: string },
): Promise<void> {
  const id = kase.subject_id
  const before: Record<keyof typeof told, string | null> | undefined = await trx('companies')
    .where({ id })
    .first('information_number', 'information_on')
  const at = now()
  await trx('companies')
    .where({ id })
    .update({ ...told, updated_at: at })
  await trx('changes').insert(
    Object.entries(told).map(([field, after]) => ({
      at,
      user_id: null,
      table_name: 'companies',
      row_id: id,
      field,
      before: before?.[field as keyof typeof told] ?? null, // keys of `told`
      after,
      case_id: kase.id,
    })),
  )
}

registerPart('companies', {
  code,
  label: '企业信息登记',
  order: 11,
  async load(db, _user, id, on) {
    const row: { information_number: string | null; information_on: string | null } | undefined = await db('companies')
      .where({ id })
      .first('information_number', 'information_on')
    if (!row?.information_number || (on && (row.information_on ?? '') > on)) return undefined
    return { view: '/qualification/information-part', locals: { number: row.information_number, day: row.information_on } }
  },
})
