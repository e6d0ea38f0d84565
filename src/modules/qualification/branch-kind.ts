import type { Knex } from 'knex'
import { z } from 'zod'
import { addDays } from '../../calendar.ts'
import type { Case } from '../../cases/case.ts'
import { type Check, defineKind, desk, findKind, type KindSettings } from '../../cases/kind.ts'
import { settingsInForce } from '../../cases/settings.ts'
import { cityRule, paper, pledgeField, standardClocks } from '../../cases/standards.ts'
import { today } from '../../clock.ts'
import { onPaper } from '../../documents/printing.ts'
import { issueProof } from '../../documents/proof.ts'
import { NotNow } from '../../errors.ts'
import type { Answers } from '../../forms/answers.ts'
import { date, type Mistakes, optionalChoice, optionalDate, optionalText, rows, text } from '../../forms/form.ts'
import { isDay } from '../../identifiers.ts'
import { changeRecord, readRecord } from '../archives/archive.ts'
import { companies } from '../archives/company.ts'
import { creditCode, phone } from '../archives/fields.ts'
import { type CertificateLevel, certificateLevels, credentials, optionsOf, posts, titles } from '../archives/words.ts'
import { enterFiling, filingOf, ownCompany } from './branches.ts'
import { companyAnswers, lastDayAfter, projectRows } from './company.ts'
import { companyRoles, isEnabled } from './standards.ts'

/** 异地分支机构备案 (domain.md §4.3, §4.4): a company from outside the city files the office it works with here, anew each year. */

const code = 'branch-filing'
const law = '《中华人民共和国民法典》第七十四条，本市办理规定'
/** Why the head office has to hand in papers of its own. */
const clause = '分支机构的民事责任由总公司承担（民法典第七十四条）'

const companyArchive = { label: '企业档案', href: '/desk/companies/mine' }

const form = z.object({
  head_office: text({ label: '总公司名称', section: '总公司', max: 200, wide: true }),
  head_office_code: creditCode('总公司统一社会信用代码'),
  head_office_place: text({ label: '总公司注册地', max: 100, hint: '省、市，如：江苏省南京市' }),
  head_office_level: optionalChoice({
    label: '总公司资质等级',
    options: optionsOf(certificateLevels),
    hint: '注册地不再核发资质、没有证书的选“无”',
  }),
  head_office_certificate: optionalText({ label: '总公司资质证书号', max: 60, mark: true }),
  company_name: text({ label: '分支机构名称', section: '分支机构', archive: companyArchive, wide: true }),
  credit_code: text({ label: '分支机构统一社会信用代码', archive: companyArchive }),
  branch_address: text({ label: '本市办公地址', max: 300, wide: true }),
  branch_head: text({ label: '分支机构负责人', max: 60 }),
  branch_head_phone: phone('负责人电话', { personal: 'phone' }),
  mandate_scope: text({
    label: '授权范围',
    section: '授权范围与期限',
    type: 'textarea',
    max: 1000,
    wide: true,
    hint: '照总公司授权委托书填写，如：在济南市承接物业服务项目、签订物业服务合同',
  }),
  mandate_from: date({ label: '授权开始日期' }),
  mandate_until: optionalDate({ label: '授权截止日期', hint: '授权书没有截止日期的不填' }),
  people: rows({
    label: '本市从业人员',
    section: '本市从业人员',
    archive: { label: '人员档案', href: '/desk/lists/people' },
    hint: '取自人员档案中在本机构在职的人员，不含操作岗位。',
    max: 300,
    of: z.object({
      name: text({ label: '姓名', personal: 'name' }),
      post: text({ label: '岗位' }),
      title: text({ label: '职称' }),
      credential: optionalText({ label: '职业资格' }),
    }),
  }),
  projects: rows({
    label: '本市项目',
    section: '本市项目',
    archive: { label: '项目档案' },
    hint: '取自项目档案中挂接到本机构、合同已备案且在有效期内的项目；还没有项目的为空。',
    max: 1000,
    of: z.object({
      name: text({ label: '项目' }),
      type: text({ label: '类型' }),
      area: text({ label: '建筑面积（㎡）' }),
      since: text({ label: '接管日期' }),
      contract: text({ label: '合同起止' }),
    }),
  }),
  previous_number: optionalText({ label: '原备案号', section: '续期', archive: { label: '备案登记' } }),
  previous_until: optionalText({ label: '原备案有效期至', archive: { label: '备案登记' } }),
  ...pledgeField,
})

/** Papers only the head office and the authority it is registered with can give. */
const headPapers = {
  'head-licence': '总公司营业执照',
  mandate: '总公司任命书、授权委托书',
  credit: '注册地主管部门信用证明',
} as const
const headCertificate = 'head-certificate'

const settings: KindSettings = {
  chain: [
    desk('city-clerk', 'city-clerk', '市局经办', '经办审核中'),
    desk('city-reviewer', 'city-reviewer', '市局审核', '复审中'),
  ],
  clocks: standardClocks({ limit: 10, law: cityRule }),
  consults: [],
  materials: [
    paper('application-form', '异地分支机构备案表', { hint: '在本页打印，签字盖章后扫描上传' }),
    paper('head-licence', headPapers['head-licence'], { original: true, hint: '总公司的，不是分支机构的' }),
    paper('branch-licence', '分支机构营业执照', { original: true }),
    paper('mandate', headPapers.mandate, { original: true, hint: '写明负责人、授权范围和期限，加盖总公司公章' }),
    paper('head-id', '分支机构负责人身份证明', { original: true, expires: true }),
    paper(headCertificate, '总公司资质证书复印件', { required: false, hint: '总公司持有资质证书的提交' }),
    paper('credit', headPapers.credit, { hint: '总公司注册地物业主管部门出具，3 个月以内' }),
    paper('credentials', '本市人员职业资格证书、劳动合同', { original: true, hint: '每人一个文件，文件名写姓名' }),
    paper('titles', '本市人员职称证书、劳动合同', { original: true, hint: '可附社会保险缴纳证明' }),
    paper('contracts', '本市物业服务合同复印件', { required: false, hint: '有在管项目的提交，每个一份' }),
    paper('office', '办公场所证明', { hint: '产权证明，或租赁合同；租赁的填写到期日', expires: true }),
    paper('pledge', '材料真实性承诺书', { hint: '分支机构负责人签字，加盖公章' }),
  ],
  number: '济物分备〔{yyyy}〕{seq:4}号',
  corrections: 1,
  thresholds: { valid_years: 1, renew_days: 60, staff: 1 },
  templates: [
    { step: 'pass', label: '材料齐全', text: '总公司和分支机构的材料齐全，内容一致，同意备案。' },
    { step: 'refuse', label: '与授权不一致', text: '填写的授权范围、期限与授权委托书不一致，请核对后重新提交。' },
    { step: 'correct', label: '看不清', text: '扫描件看不清，请重新扫描后上传。' },
    { step: 'decline', label: '不属本机关', text: '该企业在本市没有分支机构，不属于本市备案范围。' },
  ],
}

const textOf = (answers: Answers, name: string) => (typeof answers[name] === 'string' ? answers[name] : '')
const rowsOf = (answers: Answers, name: string) => (Array.isArray(answers[name]) ? answers[name] : [])
const wordOf = (words: Readonly<Record<string, string>>, code: string | undefined) => (code ? (words[code] ?? code) : '')

/** 一级，证书号 建物企123: nothing where there is none. */
function qualificationOf(answers: Answers): string {
  const level = textOf(answers, 'head_office_level')
  if (!level || level === 'none') return ''
  const number = textOf(answers, 'head_office_certificate')
  return [certificateLevels[level as CertificateLevel], number].filter(Boolean).join('，') // checked by the form
}

// ── Checks ─────────────────────────────────────────────────────────────────────────────────────

const mandated: Check = {
  code: 'mandate',
  about: '总公司授权的期限覆盖备案有效期',
  find({ answers, settings, on }) {
    const from = textOf(answers, 'mandate_from')
    const until = textOf(answers, 'mandate_until')
    if (!isDay(from)) return undefined
    const last = lastDayAfter(on, settings.thresholds.valid_years ?? 1)
    const covers = from <= on && (!until || until >= last)
    return {
      code: 'mandate',
      requirement: `总公司授权覆盖备案有效期（约至 ${last}）`,
      actual: until ? `授权 ${from} 至 ${until}` : `授权自 ${from} 起，没有截止日期`,
      verdict: covers ? 'ok' : 'warn',
      law: cityRule,
      ...(covers ? {} : { detail: '可以提交，备案有效期只到授权截止日；授权到期前请总公司重新出具，续期时一并提交' }),
    }
  },
}

const staffed: Check = {
  code: 'staff',
  about: '在本市有从业人员',
  find({ answers, settings }) {
    const wanted = settings.thresholds.staff ?? 0
    if (!wanted) return undefined
    const { length } = rowsOf(answers, 'people')
    return {
      code: 'staff',
      requirement: `在本市的管理和技术人员不少于 ${wanted} 人`,
      actual: `${length} 人`,
      verdict: length >= wanted ? 'ok' : 'bad',
      law: cityRule,
      detail: '按人员档案统计，不含操作岗位；没有登记的先在“从业人员”里增员',
    }
  },
}

/** A renewal is due before the filing it follows runs out. */
const inTime: Check = {
  code: 'in-time',
  about: '续期在原备案届满前申请',
  find({ answers, on }) {
    const until = textOf(answers, 'previous_until')
    if (!isDay(until)) return undefined
    return {
      code: 'in-time',
      requirement: '续期在原备案有效期内申请',
      actual: `原备案有效期至 ${until}`,
      verdict: on <= until ? 'ok' : 'bad',
      law: cityRule,
      ...(on <= until ? {} : { detail: '可以提交，标记为逾期申报' }),
    }
  },
}

// ── The kind ───────────────────────────────────────────────────────────────────────────────────

/** @throws NotNow while a filing holds for longer than renewals are taken ahead */
async function assertDue(db: Knex, company_id: number): Promise<void> {
  const [held, kind] = [await filingOf(db, company_id), findKind(code)]
  if (!held || !kind) return
  const { thresholds } = (await settingsInForce(db, kind)).settings
  const from = addDays(held.valid_until, -(thresholds.renew_days ?? 0))
  if (today() < from)
    throw new NotNow(
      `贵机构的备案 ${held.number} 有效期至 ${held.valid_until}，不需要重复备案；${from} 起可以办理续期（${cityRule}）。备案内容有变化的，请修改企业档案。`,
    )
}

async function mistakesIn(db: Knex, kase: Case, answers: Answers, settings: KindSettings): Promise<Mistakes> {
  const there: string[] = await db('files').where({ case_id: kase.id }).whereNull('until_edition').distinct().pluck('material')
  const asked = settings.materials.filter(({ required }) => required).map(material => material.code)
  const lacking = Object.entries(headPapers).flatMap(([name, label]) =>
    asked.includes(name) && !there.includes(name) ? [label] : [],
  )
  const level = textOf(answers, 'head_office_level')
  const [from, until] = [textOf(answers, 'mandate_from'), textOf(answers, 'mandate_until')]
  const mistakes: Mistakes = {}
  if (lacking.length)
    mistakes.head_office = `缺少总公司的材料：${lacking.join('、')}。${clause}，没有总公司的材料不能备案（${cityRule}）。请在“材料”里补齐后再提交。`
  if (textOf(answers, 'head_office_code') === textOf(answers, 'credit_code'))
    mistakes.head_office_code = '总公司和分支机构的统一社会信用代码相同。请填写总公司营业执照上的代码。'
  if (until && until < from) mistakes.mandate_until = `授权截止日期 ${until} 早于开始日期 ${from}，请对照授权委托书改正。`
  else if (until && until < today())
    mistakes.mandate_until = `授权已于 ${until} 截止，不能备案（${cityRule}）。请总公司重新出具授权委托书，上传后再提交。`
  if (await isEnabled(db)) {
    if (!level) mistakes.head_office_level = '请选择总公司资质等级，没有资质证书的选“无”。'
    else if (level !== 'none' && !textOf(answers, 'head_office_certificate'))
      mistakes.head_office_certificate = '总公司有资质的，请填写资质证书号。'
    else if (level !== 'none' && !there.includes(headCertificate))
      mistakes.head_office_level = '总公司有资质的，请在“材料”里上传总公司资质证书复印件。'
  }
  return mistakes
}

/** 异地分支机构备案: a filing and no licence, so it goes on whether or not 资质管理 is in use. */
export const branchFiling = defineKind({
  code,
  label: '异地分支机构备案',
  module: 'qualification',
  licence: false,
  law,
  when: '注册地在外市、外省的物业服务企业，在本市承接项目前由分支机构备案；备案一年有效，届满前 60 日起办理续期。',
  startedBy: companyRoles,
  prefix: 'FZ',
  form,
  async adjust(db) {
    const isAsked = await isEnabled(db)
    return {
      head_office_level: { required: isAsked, ...(isAsked ? {} : { hint: '选填，只作历史资料' }) },
      head_office_certificate: { hint: isAsked ? '总公司没有资质证书的不填' : '选填，只作历史资料' },
    }
  },
  settings,
  thresholds: {
    valid_years: { label: '备案有效期', unit: '年' },
    renew_days: { label: '届满前可续期', unit: '天' },
    staff: { label: '本市管理和技术人员不少于', unit: '人' },
  },
  refusedTo: 'draft',
  states: { done: '已备案' },
  checks: [mandated, staffed, inTime],
  proof: { label: '异地分支机构备案证明', papers: [{ code: 'proof', label: '异地分支机构备案证明' }] },
  afterwards: '备案证明可在办件页下载，一年有效；届满前 60 日起办理续期，企业档案里看得到有效期。',
  async subjectOf(db, user) {
    const { origin, ...company } = await ownCompany(db, user)
    if (origin === 'city')
      throw new NotNow('贵企业在本市注册，不办理异地分支机构备案；它由注册地在外市、外省的企业办理。您能办的事项见事项目录。')
    if (!company.district_code)
      throw new NotNow(
        '企业档案没有登记分支机构在本市的区县，办公地址也就不明确。请先申请企业档案变更，补填所在区县、街道，再办备案。',
      )
    await assertDue(db, company.id)
    return company
  },
  openKey: ({ id }) => `${code}:${id}`,
  async prefill(db, { subject_id }) {
    const [known, record, projects, held] = await Promise.all([
      companyAnswers(db, subject_id),
      readRecord(db, companies, subject_id),
      projectRows(db, subject_id),
      filingOf(db, subject_id),
    ])
    const { answers } = record
    return {
      head_office: answers.head_office ?? '',
      head_office_code: answers.head_office_code ?? '',
      head_office_place: answers.head_office_place ?? '',
      company_name: known.company_name ?? '',
      credit_code: known.credit_code ?? '',
      branch_address: known.office_address ?? '',
      branch_head: known.legal_person ?? '',
      branch_head_phone: known.legal_person_phone ?? '',
      people: rowsOf(known, 'people').map(person => ({
        name: person.name ?? '',
        post: wordOf(posts, person.post),
        title: wordOf(titles, person.title),
        credential: wordOf(credentials, person.credential),
      })),
      projects,
      previous_number: held?.number ?? '',
      previous_until: held?.valid_until ?? '',
    }
  },
  mistakes: mistakesIn,
  fileBy: answers => textOf(answers, 'previous_until') || undefined,
  async whenDone(trx, kase, { answers, settings, number, decidedOn }) {
    if (!number) throw new Error(`${code} has no number`)
    const company_id = kase.subject_id
    // A renewal in time goes on where the filing before ends.
    const held = await filingOf(trx, company_id)
    const first = held && held.valid_until >= decidedOn ? addDays(held.valid_until, 1) : decidedOn
    const whole = lastDayAfter(first, settings.thresholds.valid_years ?? 1)
    // A branch acts by the mandate of its head office and never longer (民法典 第七十四条).
    const mandate = textOf(answers, 'mandate_until')
    if (mandate && mandate < decidedOn)
      throw new NotNow(
        `现在不能通过：总公司的授权已于 ${mandate} 截止（${cityRule}）。请不通过并说明理由，由总公司重新出具授权委托书后再提交。`,
      )
    const valid_until = mandate && mandate < whole ? mandate : whole
    const [head_office, head_office_place] = [textOf(answers, 'head_office'), textOf(answers, 'head_office_place')]
    const qualification = qualificationOf(answers)
    const branch_head = textOf(answers, 'branch_head')
    const id = await enterFiling(trx, {
      company_id,
      case_id: kase.id,
      number,
      filed_on: decidedOn,
      valid_until,
      head_office,
      head_office_place,
      head_office_qualification: qualification || null,
      branch_head,
    })
    await keepInArchive(trx, kase, { number, answers })
    const name = textOf(answers, 'company_name')
    await issueProof(trx, {
      kase,
      object: { type: code, id },
      title: '异地分支机构备案证明',
      number,
      words: `${head_office}在本市设立的分支机构${name}，已按照本市规定办理备案。`,
      facts: [
        { label: '分支机构', value: name, wide: true },
        { label: '统一社会信用代码', value: textOf(answers, 'credit_code') },
        { label: '负责人', value: branch_head },
        { label: '本市办公地址', value: textOf(answers, 'branch_address'), wide: true },
        { label: '总公司', value: head_office, wide: true },
        { label: '总公司代码', value: textOf(answers, 'head_office_code') },
        { label: '总公司注册地', value: head_office_place },
        ...(qualification && (await isEnabled(trx)) ? [{ label: '总公司资质', value: qualification, wide: true }] : []),
        { label: '备案日期', value: onPaper(decidedOn) },
        { label: '有效期至', value: onPaper(valid_until) },
      ],
      remark: `本证明只说明已经备案，不是行政许可。有效期届满前 ${settings.thresholds.renew_days ?? 60} 日起办理续期。`,
    })
  },
})

/** The number of the filing, and what the archive does not know of the head office yet. */
async function keepInArchive(trx: Knex.Transaction, kase: Case, { number, answers }: { number: string; answers: Answers }) {
  const { answers: known } = await readRecord(trx, companies, kase.subject_id)
  const told = ['head_office', 'head_office_code', 'head_office_place'].flatMap(name => {
    const value = textOf(answers, name)
    return value && !known[name] ? [[name, value] as const] : []
  })
  await changeRecord(trx, companies, kase.subject_id, {
    answers: { ...Object.fromEntries(told), branch_filing_number: number },
    by: { user_id: null, case_id: kase.id },
  })
}
