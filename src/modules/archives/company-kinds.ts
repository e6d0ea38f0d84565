import type { Knex } from 'knex'
import { z } from 'zod'
import type { User } from '../../accounts/users.ts'
import { addDays } from '../../calendar.ts'
import type { Case } from '../../cases/case.ts'
import { type Check, defineKind, desk, type KindSettings, type Subject } from '../../cases/kind.ts'
import { filesIn } from '../../cases/materials.ts'
import { cityRule, paper, pledgeField, standardClocks } from '../../cases/standards.ts'
import { now, today } from '../../clock.ts'
import { nameKey } from '../../database/names.ts'
import { isDuplicate } from '../../db.ts'
import { NotNow } from '../../errors.ts'
import type { Answers } from '../../forms/answers.ts'
import { type Adjust, date, fieldsOf, type Mistakes, optionalText, text } from '../../forms/form.ts'
import { isDay } from '../../identifiers.ts'
import { tell } from '../../messages/messages.ts'
import { isEnabled } from '../qualification/standards.ts'
import { type Archive, changeRecord, createRecord, lockRecord, type RecordAnswers, readRecord } from './archive.ts'
import {
  changeChecks,
  changedMeanwhile,
  changeFields,
  changeMistakes,
  changesIn,
  nowAnswers,
  regionAdjust,
  regionMistakes,
} from './change-form.ts'
import { companies, companyArchives, companyYears, yearFigures } from './company.ts'
import { certificateStates } from './words.ts'

/** 企业档案变更 and 年度经营情况报告 (domain.md §2.1, §9.1, §9.2). */

const clocks = standardClocks({ limit: 10, law: cityRule })

/** The archive a case of an organisation is about. */
function archiveOf({ subject_type }: Pick<Case, 'subject_type'>): Archive {
  return subject_type === 'developer' ? companyArchives.developer : companyArchives.company
}

/**
 * The company or developer of the person who applies.
 * @throws NotNow when it has no archive
 */
async function ownCompany(db: Knex, { organisation_id }: User): Promise<Subject> {
  const row: { kind: string; name: string; district_code: string | null; street_code: string | null } | undefined = await db(
    'organisations',
  )
    .where({ id: organisation_id })
    .whereIn('kind', Object.keys(companyArchives))
    .first('kind', 'name', 'district_code', 'street_code')
  if (!row) throw new NotNow('没有找到本单位的企业档案，请联系注册地区县主管部门核对后再申请。')
  const { kind, ...facts } = row
  return { type: kind === 'developer' ? 'developer' : 'company', id: organisation_id, ...facts }
}

const wordOf = (answers: Answers, name: string) => (typeof answers[name] === 'string' ? answers[name] : '')

// ── 企业档案变更 ──────────────────────────────────────────────────────────────────────────────

const changeForm = z.object({
  ...changeFields(companies),
  changed_on: date({ label: '变更登记日期', section: '变更说明', hint: '市场监管部门核准变更的日期' }),
  reason: optionalText({ label: '变更原因', type: 'textarea', max: 500 }),
  ...pledgeField,
})

/** Names the company, and thereby whoever has to do with it: the city decides about those (domain.md §2.1). */
const variants = {
  'legal-person': '变更法定代表人',
  name: '变更企业名称、统一社会信用代码',
  other: '变更其他登记事项',
  outside: '在本市没有注册区县的企业',
} as const

function changeSettings(variant: string): KindSettings {
  const district = desk('district', 'district-clerk', '区县审核', '审核中')
  const city = desk('city', 'city-reviewer', '市局审核', '复审中')
  const chains: Record<string, KindSettings['chain']> = {
    other: [district],
    outside: [desk('city-clerk', 'city-clerk', '市局经办', '审核中'), city],
  }
  const isPerson = variant === 'legal-person'
  return {
    chain: chains[variant] ?? [district, city],
    clocks,
    consults: [],
    materials: [
      paper('application-form', '企业档案变更申请表', { hint: '在本页打印，法定代表人签字、加盖公章后扫描上传' }),
      paper('business-licence', '营业执照（变更后）', { original: true, hint: '审核通过后存入企业档案' }),
      paper('registration-notice', '准予变更登记通知书', { required: variant !== 'other' }),
      paper('legal-person-id', '新任法定代表人身份证明', {
        required: isPerson,
        original: isPerson,
        expires: true,
        ...(isPerson ? {} : { hint: '变更法定代表人的提交' }),
      }),
      paper('office', '住所使用证明', { required: false, hint: '变更注册地址的提交产权证明或租赁合同' }),
    ],
    number: '济物企变〔{yyyy}〕{seq:4}号',
    corrections: 1,
    thresholds: { filing_days: 30 },
    templates: [
      { step: 'pass', label: '与执照一致', text: '变更内容与营业执照一致，同意变更。' },
      { step: 'refuse', label: '与执照不一致', text: '变更内容与营业执照不一致，请核对后重新提交。' },
      { step: 'decline', label: '不属本机关', text: '该事项不属于本机关受理范围，请向注册地主管部门申请。' },
      { step: 'correct', label: '看不清', text: '扫描件看不清，请重新扫描后上传。' },
    ],
  }
}

const law = '物业服务企业资质管理办法（建设部令第164号）'

/** The certificate of a company that says what is to change; nothing where no certificate does. */
async function certificateToChange(
  db: Knex,
  { subject_type, subject_id }: Pick<Case, 'subject_type' | 'subject_id'>,
  answers: Answers,
): Promise<{ number: string; state: keyof typeof certificateStates } | undefined> {
  const changes = changesIn(companies, answers)
  const isPrinted = ['name', 'legal_person', 'capital', 'registered_address'].some(name => changes[name])
  if (!isPrinted || subject_type !== 'company') return undefined
  return await db('certificates').where({ company_id: subject_id, live: 1 }).first('number', 'state')
}

/** A certificate says what is registered, so it has to follow within 30 days (domain.md §4.3), as long as 资质管理 is in use. */
const certificateFollows: Check = {
  code: 'certificate',
  about: '变更后资质证书是否需要换发',
  inUse: isEnabled,
  async find({ db, kase, answers }) {
    const held = await certificateToChange(db, kase, answers)
    if (!held) return undefined
    return {
      code: 'certificate',
      requirement: '资质证书登载的内容与档案一致',
      actual: `持有资质证书 ${held.number}（${certificateStates[held.state]}）`,
      verdict: 'warn',
      law,
      detail: '档案变更后 30 日内办理资质变更，换发证书',
    }
  },
}

/**
 * Whether an application came within the days the law gives after something was registered.
 * @param event what was registered, in words
 * @param due the last day
 */
export function inTimeCheck({
  event,
  law,
  due,
}: {
  event: string
  law: string
  due: (answers: Answers, settings: KindSettings) => string | undefined
}): Check {
  return {
    code: 'in-time',
    about: `自${event}之日起规定的期限内申请`,
    find({ answers, settings, on }) {
      const last = due(answers, settings)
      if (!last) return undefined
      return {
        code: 'in-time',
        requirement: `自${event}之日起 ${settings.thresholds.filing_days} 日内申请`,
        actual: `应于 ${last} 前申请`,
        verdict: on <= last ? 'ok' : 'bad',
        law,
        ...(on <= last ? {} : { detail: '可以提交，标记为逾期申报' }),
      }
    },
  }
}

/** The last day to apply for a change, by the day it was registered. */
export function changeDue(answers: Answers, { thresholds }: Pick<KindSettings, 'thresholds'>): string | undefined {
  const from = wordOf(answers, 'changed_on')
  return isDay(from) && thresholds.filing_days ? addDays(from, thresholds.filing_days) : undefined
}

/** Whether another organisation has the code, or one of the same kind the name. */
export async function takenMistakes(
  db: Knex,
  kase: Pick<Case, 'subject_id' | 'subject_type'>,
  changes: RecordAnswers,
): Promise<Mistakes> {
  const others = () => db('organisations').whereNot({ id: kase.subject_id })
  const { code, name } = changes
  const [sameCode, sameName]: (object | undefined)[] = await Promise.all([
    code ? others().where({ code }).first('id') : undefined,
    name
      ? others()
          .where({ name_key: nameKey(name), kind: kase.subject_type, name })
          .first('id')
      : undefined,
  ])
  return {
    ...(sameCode
      ? { code: `统一社会信用代码 ${code} 已登记在另一个单位名下。请对照营业执照核对；确属本企业的，请联系注册地区县主管部门。` }
      : {}),
    ...(sameName ? { name: `已有名称为“${name}”的企业。请对照营业执照核对；确属本企业的，请联系注册地区县主管部门。` } : {}),
  }
}

async function beyondForm(db: Knex, kase: Case, answers: Answers): Promise<Mistakes> {
  const archive = archiveOf(kase)
  const { answers: record } = await readRecord(db, archive, kase.subject_id)
  const changes = changesIn(archive, answers)
  const place = { district_code: changes.district_code || record.district_code, street_code: changes.street_code }
  const mistakes: Mistakes = {
    ...(await takenMistakes(db, kase, changes)),
    ...changeMistakes(archive, record, answers),
    ...(await regionMistakes(db, place)),
  }
  if (!mistakes.legal_person) Object.assign(mistakes, personMistakes(changes))
  if (changes.district_code && !changes.street_code) mistakes.street_code ??= '变更注册区县的，请同时选择新区县的街道。'
  return { ...mistakes, ...registeredMistakes(answers) }
}

/** A new legal person comes with the ID number. */
export function personMistakes({ legal_person, legal_person_id }: RecordAnswers): Mistakes {
  return legal_person && !legal_person_id ? { legal_person_id: '变更法定代表人的，请同时填写新任法定代表人的身份证号。' } : {}
}

/** What is to change here must have been registered before. */
export function registeredMistakes(answers: Answers): Mistakes {
  const changed_on = wordOf(answers, 'changed_on')
  return changed_on > today() ? { changed_on: `变更登记日期 ${changed_on} 还没有到。请先到市场监管部门办理变更登记。` } : {}
}

/** ★ Fields of a company or developer change when the case is approved. */
export const companyChange = defineKind({
  code: 'company-change',
  label: '企业档案变更',
  module: 'archives',
  law: '物业管理条例，本市办理规定',
  when: '企业名称、统一社会信用代码、法定代表人、注册资本、注册地址等登记事项变更后 30 日内申请，审核通过后档案生效。',
  startedBy: ['company-admin', 'company-clerk', 'developer'],
  prefix: 'QB',
  form: changeForm,
  adjust: regionAdjust,
  variants,
  variantOf(answers) {
    const { legal_person, name, code } = changesIn(companies, answers)
    if (!wordOf(answers, 'now_district_code')) return 'outside'
    if (legal_person) return 'legal-person'
    return name || code ? 'name' : 'other'
  },
  settings: changeSettings,
  thresholds: { filing_days: { label: '变更登记后申请期限', unit: '天' } },
  refusedTo: 'draft',
  checks: [
    ...changeChecks(companies, cityRule, regionAdjust),
    certificateFollows,
    inTimeCheck({ event: '变更登记', law: cityRule, due: changeDue }),
  ],
  subjectOf: ownCompany,
  openKey: ({ id }) => `company-change:${id}`,
  async prefill(db, { subject_id }) {
    const archive = await archiveIn(db, subject_id)
    const { answers } = await readRecord(db, archive, subject_id)
    return nowAnswers(archive, answers, await regionAdjust(db))
  },
  mistakes: beyondForm,
  fileBy: changeDue,
  async whenDone(trx, kase, { answers }) {
    const archive = archiveOf(kase)
    await writeChanges(trx, archive, kase, { answers, adjust: await regionAdjust(trx) })
    const held = (await isEnabled(trx)) && (await certificateToChange(trx, kase, answers))
    if (held)
      await tell(trx, {
        to: { organisation_id: kase.subject_id },
        title: `企业档案已变更，请在 30 日内办理资质证书 ${held.number} 的变更`,
        link: '/desk/kinds/qualification-change',
        case_id: kase.id,
      })
  },
  afterwards: '变更内容已写入企业档案，档案页的“变更记录”里查得到。',
})

async function archiveIn(db: Knex, id: number): Promise<Archive> {
  const row: { kind: string } | undefined = await db('organisations').where({ id }).first('kind')
  return archiveOf({ subject_type: row?.kind ?? '' })
}

/** The name of the counter that counts nothing: whoever gives a company its name waits here for whoever does so at the same time. */
const nameDoor = 'company-name'

/**
 * Writes approved changes of ★ fields into the archive, and keeps the licence handed in with them.
 * @param form the part of the archive the application has, where that is another than the archive's
 * @param adjust the choices its form was filled in with
 * @throws NotNow when somebody has got the code or the name since the submission, or the archive says something else than then
 */
export async function writeChanges(
  trx: Knex.Transaction,
  archive: Archive,
  kase: Case,
  { answers, form = archive, adjust }: { answers: Answers; form?: Archive; adjust: Adjust },
): Promise<void> {
  const changes = changesIn(form, answers)
  if (changes.name) await trx('counters').where({ prefix: nameDoor }).forUpdate().first('prefix')
  await lockRecord(trx, archive, kase.subject_id)
  const { answers: record } = await readRecord(trx, archive, kase.subject_id)
  const meanwhile = changedMeanwhile(form, record, answers, adjust)
  if (meanwhile.length)
    throw new NotNow(
      `现在不能通过：申请提交后，企业档案的“${meanwhile.join('、')}”已经变更，与申请表的“现登记”不一致。请不通过并说明理由，申请人核对后重新提交，“现登记”会自动更新。`,
    )
  const [taken] = Object.values(await takenMistakes(trx, kase, changes))
  if (taken) throw new NotNow(`现在不能通过：${taken}本件请退回申请人，或者不通过并说明理由。`)
  await changeRecord(trx, archive, kase.subject_id, { answers: changes, by: { user_id: null, case_id: kase.id } }).catch(
    error => {
      if (isDuplicate(error, 'organisations_code_unique'))
        throw new NotNow(`现在不能通过：统一社会信用代码 ${changes.code} 刚刚登记在另一个单位名下。请核对后再办。`)
      throw error
    },
  )
  await keepLicence(trx, archive, kase)
}

/** The licence handed in is that of the archive from now on. */
async function keepLicence(trx: Knex.Transaction, archive: Archive, kase: Case): Promise<void> {
  const [table = ''] = archive.tables.slice(-1)
  const licence = (await filesIn(trx, kase.id, kase.edition)).findLast(file => file.material === 'business-licence')
  if (!licence) return
  const before: { licence_file_id: number | null } | undefined = await trx(table)
    .where({ id: kase.subject_id })
    .first('licence_file_id')
  await trx(table).where({ id: kase.subject_id }).update({ licence_file_id: licence.id })
  await trx('changes').insert({
    at: now(),
    user_id: null,
    table_name: table,
    row_id: kase.subject_id,
    field: 'licence_file_id',
    before: before?.licence_file_id ?? null,
    after: licence.id,
    case_id: kase.id,
  })
}

// ── 年度经营情况报告 ────────────────────────────────────────────────────────────────────────────

/** How many closed years may still be reported. */
const reportable = 3

const reportForm = z.object({
  company_name: text({ label: '企业名称', section: '报告年度', archive: { label: '企业档案' }, wide: true }),
  year: text({ label: '报告年度', unit: '年', archive: { label: '年度经营情况' } }),
  ...yearFigures(),
  remark: optionalText({ label: '情况说明', type: 'textarea', max: 1000, hint: '比上年变化较大的，说明原因' }),
  ...pledgeField,
})

const openKeyOf = (company_id: number, year: string) => `annual-report:${company_id}:${year}`

/** The newest closed year a company has not reported, among those that still may be. */
async function yearToReport(db: Knex, company_id: number): Promise<number | undefined> {
  const last = Number(today().slice(0, 4)) - 1
  const [reported, company]: [number[], { established_on: string | null } | undefined] = await Promise.all([
    db('company_years').where({ company_id }).pluck('year'),
    db('companies').where({ id: company_id }).first('established_on'),
  ])
  const first = Number(company?.established_on?.slice(0, 4) ?? 0)
  const years = Array.from({ length: reportable }, (_, ago) => last - ago)
  return years.find(year => year >= first && !reported.includes(year))
}

const reportDue = (answers: Answers, { thresholds }: KindSettings): string | undefined => {
  const year = wordOf(answers, 'year')
  return /^\d{4}$/.test(year) && thresholds.due_days ? addDays(`${year}-12-31`, thresholds.due_days) : undefined
}

/** What does not add up is asked about, never refused: the figures are the company's. */
const sums: Check = {
  code: 'sums',
  about: '主营业务收入不超过营业收入，负债与资产、利润与收入相称',
  find({ answers }) {
    const [revenue, main, profit, assets, liabilities] = ['revenue', 'main_revenue', 'profit', 'assets', 'liabilities'].map(
      name => (wordOf(answers, name) ? Number(wordOf(answers, name)) : undefined),
    )
    if (revenue === undefined || main === undefined) return undefined
    const odd = [
      ...(main > revenue ? [`主营业务收入 ${main} 万元大于营业收入 ${revenue} 万元`] : []),
      ...(profit !== undefined && profit > revenue ? [`利润总额 ${profit} 万元大于营业收入 ${revenue} 万元`] : []),
      ...(assets !== undefined && liabilities !== undefined && liabilities > assets
        ? [`负债总额 ${liabilities} 万元大于资产总额 ${assets} 万元`]
        : []),
    ]
    return {
      code: 'sums',
      requirement: '各项金额之间相称',
      actual: odd.join('；') || '没有发现矛盾',
      verdict: odd.length ? 'warn' : 'ok',
      law: cityRule,
      ...(odd.length ? { detail: '请核对单位是否为万元，或在情况说明里写明原因' } : {}),
    }
  },
}

/** Beside the year before: a figure ten times as large is often one in 元. */
const compared: Check = {
  code: 'compared',
  about: '营业收入与上一年度比较',
  async find({ db, kase, answers }) {
    const [year, revenue] = [Number(wordOf(answers, 'year')), Number(wordOf(answers, 'revenue'))]
    if (!year || !revenue) return undefined
    const before: { revenue: string } | undefined = await db('company_years')
      .where({ company_id: kase.subject_id, year: year - 1 })
      .first('revenue')
    if (!before) return undefined
    const times = revenue / Number(before.revenue)
    const isOdd = times > 5 || times < 0.2
    return {
      code: 'compared',
      requirement: `与 ${year - 1} 年度营业收入 ${before.revenue} 万元相比变化在五倍以内`,
      actual: Number(before.revenue) ? `${(times * 100).toFixed(1)}%` : `${revenue} 万元`,
      verdict: isOdd ? 'warn' : 'ok',
      law: cityRule,
      ...(isOdd ? { detail: '请核对单位是否为万元' } : {}),
    }
  },
}

const reportSettings: KindSettings = {
  chain: [desk('district', 'district-clerk', '区县审核', '审核中')],
  clocks,
  consults: [],
  materials: [
    paper('application-form', '年度经营情况报告表', { hint: '在本页打印，法定代表人签字、加盖公章后扫描上传' }),
    paper('financials', '年度财务报表', { hint: '资产负债表、利润表' }),
    paper('tax', '纳税证明', { required: false }),
  ],
  number: '济物年报〔{yyyy}〕{seq:4}号',
  corrections: 2,
  thresholds: { due_days: 120 },
  templates: [
    { step: 'pass', label: '与报表一致', text: '所报数据与财务报表一致。' },
    { step: 'refuse', label: '与报表不一致', text: '所报数据与财务报表不一致，请核对后重新提交。' },
    { step: 'correct', label: '报表不全', text: '财务报表不全，请补齐资产负债表和利润表。' },
  ],
}

/** 经营情况 of a closed year; one report a year, written into the archive when the district has looked at it. */
export const annualReport = defineKind({
  code: 'annual-report',
  label: '年度经营情况报告',
  module: 'archives',
  law: '物业管理条例，本市办理规定',
  when: '物业企业每年 4 月 30 日前报告上一年度经营情况；漏报的年度可以补报，标记为逾期。',
  startedBy: ['company-admin', 'company-clerk'],
  prefix: 'NB',
  form: reportForm,
  settings: reportSettings,
  thresholds: { due_days: { label: '年度终了后报告期限', unit: '天' } },
  refusedTo: 'draft',
  states: { done: '已备案' },
  checks: [sums, compared],
  async subjectOf(db, user) {
    const company = await ownCompany(db, user)
    if (!company.district_code)
      throw new NotNow('企业档案没有登记本市的区县，年度报告不知道由哪个区县审核。请先申请企业档案变更，补填注册区县。')
    if ((await yearToReport(db, company.id)) === undefined)
      throw new NotNow('已结束的年度都报告过了，现在没有要报的。已报的数据有误，请联系注册地区县主管部门更正。')
    return company
  },
  // The report of one year can be open once; another year needs the one before it to be through.
  openKey: ({ id }, filled) => openKeyOf(id, wordOf(filled, 'year')),
  async prefill(db, { subject_id, open_key }) {
    const row: { name: string } | undefined = await db('organisations').where({ id: subject_id }).first('name')
    // A report keeps the year it was begun for.
    const year = open_key?.startsWith(openKeyOf(subject_id, '')) ? open_key.slice(openKeyOf(subject_id, '').length) : undefined
    return { company_name: row?.name ?? '', year: year ?? String((await yearToReport(db, subject_id)) ?? '') }
  },
  async mistakes(db, kase, answers) {
    const year = wordOf(answers, 'year')
    const there = await db('company_years')
      .where({ company_id: kase.subject_id, year: Number(year) })
      .first('id')
    const mistakes: Mistakes = {}
    if (there) mistakes.year = `${year} 年度已经报告过。请删除这一件；已报的数据有误，请联系注册地区县主管部门更正。`
    return mistakes
  },
  fileBy: reportDue,
  async whenDone(trx, kase, { answers }) {
    const company_id = kase.subject_id
    const figures = Object.fromEntries(fieldsOf(companyYears.form).map(({ name }) => [name, wordOf(answers, name)]))
    const by = { user_id: null, case_id: kase.id }
    const there: { id: number } | undefined = await trx('company_years')
      .where({ company_id, year: Number(figures.year) })
      .forUpdate()
      .first('id')
    if (there) {
      await changeRecord(trx, companyYears, there.id, { answers: figures, by })
      await trx('company_years').where({ id: there.id }).update({ case_id: kase.id })
    } else await createRecord(trx, companyYears, figures, { by, more: { company_years: { company_id, case_id: kase.id } } })
  },
  afterwards: '数据已写入企业档案的“经营情况”，以后各年可以在那里比较。',
})
