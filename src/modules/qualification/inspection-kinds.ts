import type { Knex } from 'knex'
import { z } from 'zod'
import { settingsNow } from '../../admin/settings.ts'
import { addDays } from '../../calendar.ts'
import type { Case } from '../../cases/case.ts'
import { type Check, defineKind, findKind, type Kind, type KindSettings } from '../../cases/kind.ts'
import { settingsInForce } from '../../cases/settings.ts'
import { cityRule, paper, pledgeField, standardClocks } from '../../cases/standards.ts'
import { dayOf, now, today } from '../../clock.ts'
import { NotNow } from '../../errors.ts'
import type { Answers } from '../../forms/answers.ts'
import { choice, decimal, type Mistakes, optionalText, rows, text } from '../../forms/form.ts'
import { type CertificateLevel, certificateLevels } from '../archives/words.ts'
import { changesBetween, companyFacts, factsNow, isGrantedElsewhere } from './certificates.ts'
import { applicantCompany, projectAnswers, projectRows } from './company.ts'
import {
  certificateToInspect,
  type Inspection,
  inspectionKind,
  inspectionOf,
  inspectionResults,
  lockInspection,
  type Season,
  seasonOf,
  seasonOn,
  tellConclusion,
  windowOf,
} from './inspections.ts'
import { isShort, shortInWords, staffByLevel, staffOf } from './staff.ts'
import { companyRoles, law, shortChain, unlessEnabled } from './standards.ts'

/** 资质年检 (domain.md §4.3, §4.4): a company files within the window of the year; district and city decide. */

const archive = { label: '企业档案' }
const certificate = { label: '证书档案' }
const money = (label: string, min: number, more: { section?: string; hint?: string } = {}) =>
  decimal({ label, unit: '万元', digits: 2, min, max: 100_000_000, ...more })

const form = z.object({
  year: text({ label: '年检年度', section: '年检年度', unit: '年', archive: { label: '年检窗口' } }),
  company_name: text({ label: '企业名称', section: '企业基本情况', archive, wide: true }),
  credit_code: optionalText({ label: '统一社会信用代码', archive }),
  legal_person: text({ label: '法定代表人', archive }),
  capital: optionalText({ label: '注册资本', unit: '万元', archive }),
  registered_address: text({ label: '住所', archive, max: 300, wide: true }),
  certificate_number: text({ label: '资质证书编号', section: '资质证书', archive: certificate }),
  certificate_level: text({ label: '资质等级', archive: certificate }),
  certificate_until: text({ label: '有效期至', archive: certificate }),
  staff: text({ label: '专职管理和技术人员', section: '人员情况', unit: '人', archive: { label: '人员档案' } }),
  titled: text({ label: '其中中级以上职称', unit: '人', archive: { label: '人员档案' } }),
  projects: rows({
    label: '在管项目',
    section: '在管项目情况',
    archive: { label: '项目档案' },
    hint: '取自项目档案中挂接到本企业、合同已备案且在有效期内的项目。',
    max: 1000,
    of: z.object({
      name: text({ label: '项目' }),
      type: text({ label: '类型' }),
      area: text({ label: '建筑面积（㎡）' }),
      since: text({ label: '接管日期' }),
      contract: text({ label: '合同起止' }),
    }),
  }),
  revenue: money('上年度营业收入', 0, { section: '经营情况' }),
  profit: money('上年度利润总额', -100_000_000, { hint: '亏损填负数' }),
  changes: optionalText({
    label: '上次年检以来的变更',
    section: '自查',
    type: 'textarea',
    max: 1000,
    hint: '企业名称、法定代表人、地址、资本和主要负责人的变更；没有的不填',
  }),
  penalties: optionalText({ label: '受到的行政处罚和属实的投诉', type: 'textarea', max: 1000, hint: '没有的不填' }),
  assessment: text({
    label: '自查情况',
    type: 'textarea',
    max: 2000,
    hint: '对照资质等级条件、合同履行、收费公示和安全管理写明',
  }),
  ...pledgeField,
})

/** What the deciding desk writes down. */
const conclusion = z.object({
  result: choice({
    label: '年检结论',
    type: 'radio',
    options: (['passed', 'basic', 'failed'] as const).map(value => ({ value, label: inspectionResults[value] })),
  }),
  rectification: optionalText({
    label: '整改要求或不合格的理由',
    type: 'textarea',
    max: 500,
    hint: '基本合格的写明整改什么，不合格的写明理由；告知企业。',
  }),
})

const kindSettings: KindSettings = {
  chain: shortChain({ visit: false }),
  clocks: standardClocks({ limit: 20, law: cityRule }),
  consults: [],
  materials: [
    paper('application-form', '年检申报表', { hint: '在本页打印，法定代表人签字、加盖公章后扫描上传' }),
    paper('business-licence', '营业执照', { original: true }),
    paper('certificate-copy', '资质证书副本', { original: true, hint: '年检结论记在副本上' }),
    paper('contracts', '物业服务合同复印件', { required: false, hint: '履行中的项目每个一份；没有在管项目的不交' }),
    paper('cross-region', '跨区域管理项目备案表', { required: false, hint: '在外地有项目的提交' }),
    paper('financials', '上年度财务报表', { hint: '资产负债表、损益表' }),
    paper('pledge', '材料真实性承诺书', { hint: '法定代表人签字，加盖公章' }),
  ],
  number: '济物年检〔{yyyy}〕{seq:4}号',
  corrections: 1,
  thresholds: { again_days: 15 },
  templates: [
    { step: 'pass', label: '材料属实', text: '材料齐全，内容属实。' },
    { step: 'pass', label: '符合等级条件', text: '经核对，人员、业绩符合资质等级条件。' },
    { step: 'refuse', label: '内容不实', text: '申报内容与档案不一致，请核对后重新提交。' },
    { step: 'decline', label: '不属本机关', text: '该事项不属于本机关受理范围，请向注册地主管部门申请。' },
    { step: 'correct', label: '看不清', text: '扫描件看不清，请重新扫描后上传。' },
  ],
}

const wordOf = (answers: Answers, name: string) => (typeof answers[name] === 'string' ? answers[name] : '')
const yearOf = (answers: Answers) => Number(wordOf(answers, 'year'))
/** The level of the certificate a form was filled in for. */
function levelOf(answers: Answers): Exclude<CertificateLevel, 'none'> | undefined {
  const label = wordOf(answers, 'certificate_level')
  return (['first', 'second', 'third', 'provisional'] as const).find(level => certificateLevels[level] === label)
}
const openKeyOf = (company_id: number, year: number | string) => `inspection:${company_id}:${year}`
const windowWords = ({ opens_on, closes_on }: Pick<Season, 'opens_on' | 'closes_on'>) => `${opens_on} 至 ${closes_on}`
const clause = '本市办理规定：资质年检在每年的年检窗口内申报'

/** Outside the window: when the next one is, or that it is over. */
async function outside(db: Knex): Promise<string> {
  const day = today()
  const year = Number(day.slice(0, 4))
  const window = (await seasonOf(db, year)) ?? (await windowOf(db, year))
  return day > window.closes_on
    ? `${year} 年资质年检的窗口是 ${windowWords(window)}，已经截止，现在不能申报（${clause}）。确有原因没有赶上的，请联系注册地区县主管部门。`
    : `${year} 年资质年检的窗口是 ${windowWords(window)}，还没有开始，现在不能申报（${clause}）。`
}

/** Why a company need not or cannot file any more; nothing while it can. */
function settled(row: Pick<Inspection, 'year' | 'result'> | undefined): string | undefined {
  if (!row || row.result === 'open') return undefined
  if (row.result === 'exempt') return `贵企业的资质证书是 ${row.year} 年批准的，当年免检，不需要申报（本市办理规定）。`
  if (row.result === 'filed') return `${row.year} 年资质年检已经申报，正在审核。`
  return `${row.year} 年资质年检已有结论：${inspectionResults[row.result]}。一年办理一次，不再申报。`
}

/**
 * Whether a case may be handed in today: within the window, or some days after it came back, if it was first handed in in time.
 * @returns the sentence that says why not
 */
async function tooLate(db: Knex, kase: Case, year: number, { thresholds }: KindSettings): Promise<string | undefined> {
  const season = await seasonOf(db, year)
  const day = today()
  if (season && season.opens_on <= day && day <= season.closes_on) return undefined
  if (!kase.submitted_at || !season) return await outside(db)
  const last = addDays(dayOf(kase.held_since), thresholds.again_days ?? 0)
  return day <= last
    ? undefined
    : `年检窗口已于 ${season.closes_on} 截止，退回修改的应当在退回后 ${thresholds.again_days} 日内（${last} 前）重新提交，现在不能再提交（本市办理规定）。`
}

/** Against the level of the certificate (资质管理办法 第五条), by the counts handed in. */
const staff: Check = {
  code: 'staff',
  about: '专职人员和中级以上职称人数达到资质等级要求',
  async find({ db, answers, on }) {
    const level = levelOf(answers)
    const asked = level && (await staffByLevel(db, on))[level]
    if (!asked) return undefined
    const count = { level, asked, staff: Number(wordOf(answers, 'staff')), titled: Number(wordOf(answers, 'titled')) }
    return {
      code: 'staff',
      requirement: `${certificateLevels[level]}：专职管理和技术人员不少于 ${asked.staff} 人，其中中级以上职称不少于 ${asked.titled} 人`,
      actual: isShort(count) ? shortInWords(count) : `${count.staff} 人，其中中级以上职称 ${count.titled} 人`,
      verdict: isShort(count) ? 'bad' : 'ok',
      law: '资质管理办法第五条',
      detail: '按人员档案的在职人员统计，不含操作岗位',
    }
  },
}

/** What 一级 and 二级 are asked for in their projects: the very check of 资质升级, for the level held. */
function asForUpgrade(code: 'types' | 'index', about: string): Check {
  return {
    code,
    about,
    async find(context) {
      const { db, kase, answers, on } = context
      const level = levelOf(answers)
      const upgrade = findKind('qualification-upgrade')
      if (!level || !upgrade || !isGrantedElsewhere(level)) return undefined
      const { settings } = await settingsInForce(db, upgrade, level, on)
      const check = upgrade.checks.find(check => check.code === code)
      return await check?.find({ ...context, settings, answers: { level, ...(await projectAnswers(db, kase.subject_id, on)) } })
    },
  }
}

const inWindow: Check = {
  code: 'window',
  about: '在年检窗口内申报',
  async find({ db, kase, answers, on }) {
    const season = await seasonOf(db, yearOf(answers))
    if (!season) return undefined
    // What came back was in time if its first submission was.
    const filed = kase.submitted_at ? dayOf(kase.submitted_at) : on
    return {
      code: 'window',
      requirement: `在 ${windowWords(season)} 申报`,
      actual: kase.submitted_at ? `${filed} 申报` : `今天是 ${filed}`,
      verdict: season.opens_on <= filed && filed <= season.closes_on ? 'ok' : 'bad',
      law: cityRule,
    }
  },
}

/** A change of what is registered has to reach the certificate within 30 days. */
const agrees: Check = {
  code: 'certificate',
  about: '资质证书记载的内容与企业档案一致',
  async find({ db, kase }) {
    const row = await db('certificates').where({ company_id: kase.subject_id, live: 1 }).first()
    if (!row) return undefined
    const differences = changesBetween(await factsNow(db, row), await companyFacts(db, kase.subject_id))
    return {
      code: 'certificate',
      requirement: '资质证书记载的内容与企业档案一致',
      actual: differences.map(({ item, before, after }) => `${item}：证书为“${before}”，档案为“${after}”`).join('；') || '一致',
      verdict: differences.length ? 'bad' : 'ok',
      law,
      ...(differences.length ? { detail: '请办理资质变更，换发证书' } : {}),
    }
  },
}

const reported: Check = {
  code: 'annual-report',
  about: '上年度经营情况已经报告',
  async find({ db, kase, answers }) {
    const year = yearOf(answers) - 1
    if (!(year > 0)) return undefined
    const there = await db('company_years').where({ company_id: kase.subject_id, year }).first('id')
    return {
      code: 'annual-report',
      requirement: `${year} 年度经营情况已经报告`,
      actual: there ? '已报告' : '还没有报告',
      verdict: there ? 'ok' : 'warn',
      law: cityRule,
      ...(there ? {} : { detail: '可以提交；请另行办理年度经营情况报告' }),
    }
  },
}

/** What the archives say of the company and its certificate. */
async function known(db: Knex, company_id: number, year: number): Promise<Answers> {
  const [facts, held, count, projects, last]: [
    Awaited<ReturnType<typeof companyFacts>>,
    Awaited<ReturnType<typeof certificateToInspect>>,
    Awaited<ReturnType<typeof staffOf>>,
    Awaited<ReturnType<typeof projectRows>>,
    { revenue: string; profit: string } | undefined,
  ] = await Promise.all([
    companyFacts(db, company_id),
    certificateToInspect(db, company_id),
    staffOf(db, company_id),
    projectRows(db, company_id),
    db('company_years')
      .where({ company_id, year: year - 1 })
      .first('revenue', 'profit'),
  ])
  return {
    year: String(year),
    company_name: facts.company_name,
    credit_code: facts.credit_code,
    legal_person: facts.legal_person,
    capital: facts.capital,
    registered_address: facts.address,
    certificate_number: held?.number ?? '',
    certificate_level: held ? certificateLevels[held.level] : '',
    certificate_until: held ? (held.valid_until ?? '长期') : '',
    staff: String(count?.staff ?? 0),
    titled: String(count?.titled ?? 0),
    projects,
    ...(last ? { revenue: last.revenue, profit: last.profit } : {}),
  }
}

/** 资质年检. */
export const annualInspection = defineKind({
  code: inspectionKind,
  label: '资质年检',
  module: 'qualification',
  law: `${law}，${cityRule}`,
  when: '持有资质证书的企业每年在年检窗口内申报，默认 3 月 1 日至 4 月 30 日；证书当年批准的免检。',
  startedBy: companyRoles,
  prefix: 'NJ',
  form,
  settings: kindSettings,
  thresholds: { again_days: { label: '退回后重新提交期限', unit: '天' } },
  conclusion,
  async conclusionMistakes(_db, _kase, said) {
    const mistakes: Mistakes = {}
    if (!wordOf(said, 'rectification') && said.result === 'basic') mistakes.rectification = '结论为基本合格的，请写明要整改什么。'
    if (!wordOf(said, 'rectification') && said.result === 'failed') mistakes.rectification = '结论为不合格的，请写明理由。'
    return mistakes
  },
  suspended: unlessEnabled,
  licence: false,
  refusedTo: 'draft',
  states: { done: '已有结论' },
  checks: [
    inWindow,
    staff,
    asForUpgrade('types', '一级、二级：管理物业的类型达到等级要求'),
    asForUpgrade('index', '一级、二级：管理面积占计算基数的百分比之和达到等级要求'),
    agrees,
    reported,
  ],
  async subjectOf(db, user) {
    const company = await applicantCompany(db, user)
    const season = await seasonOn(db)
    if (!season) throw new NotNow(await outside(db))
    const held = await certificateToInspect(db, company.id)
    if (!held) throw new NotNow('资质年检由持有有效资质证书的企业申报。贵企业没有有效的资质证书，不需要年检。')
    const row = await inspectionOf(db, company.id, season.year)
    const unasked =
      row ?? (held.approved_on >= `${season.year}-01-01` ? { year: season.year, result: 'exempt' as const } : undefined)
    const why = settled(unasked)
    // A press on 申报 while one is open leads to that one.
    if (why && row?.result !== 'filed') throw new NotNow(why)
    return company
  },
  openKey: ({ id }, filled) => openKeyOf(id, wordOf(filled, 'year')),
  async prefill(db, { subject_id, open_key }) {
    // A case keeps the year it was begun for.
    const begun = open_key?.startsWith(openKeyOf(subject_id, ''))
      ? Number(open_key.slice(openKeyOf(subject_id, '').length))
      : undefined
    return await known(db, subject_id, begun ?? (await seasonOn(db))?.year ?? Number(today().slice(0, 4)))
  },
  async mistakes(db, kase, answers, settings) {
    const year = yearOf(answers)
    const row = await inspectionOf(db, kase.subject_id, year)
    // 补正: it was filed and still is.
    if (row?.result === 'filed' && row.case_id === kase.id) return {}
    const why = (await certificateToInspect(db, kase.subject_id))
      ? ((await tooLate(db, kase, year, settings)) ?? settled(row))
      : '贵企业已没有有效的资质证书，不需要年检。请删除草稿或撤回这一件。'
    const mistakes: Mistakes = {}
    if (why) mistakes.year = why
    return mistakes
  },
  async whenSubmitted(trx, kase, answers) {
    const year = yearOf(answers)
    const row = await lockInspection(trx, kase.subject_id, year)
    // The window may have closed since the mistakes were looked for.
    const why = row?.result === 'filed' ? undefined : settled(row)
    if (why) throw new NotNow(why)
    const at = now()
    const held = await certificateToInspect(trx, kase.subject_id)
    const filed = {
      result: 'filed',
      filed_on: dayOf(kase.submitted_at ?? at),
      case_id: kase.id,
      ...(held ? { certificate_id: held.id } : {}),
      updated_at: at,
    }
    if (row)
      await trx('inspections')
        .where({ id: row.id })
        .update({ ...filed, version: row.version + 1 })
    // A certificate entered since the season was last followed; the clock may be entering it just now.
    else
      await trx('inspections')
        .insert({ ...filed, company_id: kase.subject_id, year, created_at: at })
        .onConflict(['company_id', 'year'])
        .merge(filed)
  },
  async whenEnded(trx, kase, answers) {
    const row = await lockInspection(trx, kase.subject_id, yearOf(answers))
    if (row?.result !== 'filed' || row.case_id !== kase.id) return
    // What came back was filed in time and may be handed in again; what was withdrawn or declined never was.
    const back = kase.state === 'draft'
    await trx('inspections')
      .where({ id: row.id })
      .update({
        result: 'open',
        ...(back ? {} : { filed_on: null, case_id: null }),
        version: row.version + 1,
        updated_at: now(),
      })
  },
  async whenDone(trx, kase, { answers, conclusion, decidedOn }) {
    const row = await lockInspection(trx, kase.subject_id, yearOf(answers))
    if (!row) throw new Error(`case ${kase.id} has no inspection`)
    const set = await settingsNow(trx)
    const result = conclusion.result as 'passed' | 'basic' | 'failed' // checked by the form of the conclusion
    const rectify_until = result === 'basic' ? addDays(decidedOn, set['qualification.rectify-days']) : null
    const decision = {
      result,
      decided_on: decidedOn,
      decided_by: set['city.bureau'],
      opinion: wordOf(conclusion, 'rectification') || null,
      rectify_until,
    }
    await trx('inspections')
      .where({ id: row.id })
      .update({ ...decision, version: row.version + 1, updated_at: now() })
    await tellConclusion(trx, { ...row, ...decision })
  },
  afterwards: '结论记入年检台账和资质证书副本的年检记录。基本合格的请在期限内完成整改，由注册地区县主管部门验收。',
})

export const inspectionKinds: readonly Kind[] = [annualInspection]
