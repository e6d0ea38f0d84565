import { z } from 'zod'
import { pledgeField } from '../../cases/standards.ts'
import {
  choice,
  consent,
  date,
  decimal,
  type FieldMeta,
  integer,
  optionalInteger,
  optionalText,
  rows,
  text,
} from '../../forms/form.ts'
import { creditCode, optionalPhone, phone } from '../archives/fields.ts'
import { optionsOf, serviceLevels } from '../archives/words.ts'
import { saleSorts } from './dates.ts'
import { projectFields } from './project.ts'
import { organisings, tenderMethods } from './words.ts'

/** 前期招标备案 and 协议选聘审批 (domain.md §5.2): what the developer fills in, and what the reviewer ticks. */

const { agreed: _agreed, ...filedMethods } = tenderMethods
const register = { label: '区域登记' }

/** 评标办法 */
export const evaluations = {
  composite: '综合评估法',
  lowest: '经评审的最低投标价法',
} as const

/** More than any fee for a square metre and a month: a slip of the pen. */
const mostPrice = 100
/** A fee for a square metre and a month. */
export const priceField = (label: string, more: Partial<FieldMeta> = {}) =>
  decimal({ label, unit: '元/㎡·月', digits: 2, min: 0.01, max: mostPrice, ...more })

const long = (label: string, more: Partial<FieldMeta> & { max?: number } = {}) =>
  text({ label, type: 'textarea', max: 2000, wide: true, ...more })

const termField = integer({ label: '服务期限', unit: '个月', min: 1, max: 60 })

export const tenderForm = z.object({
  developer: text({ label: '招标人', section: '招标人', archive: { label: '单位档案' }, wide: true }),
  contact: text({ label: '联系人', max: 60, personal: 'name' }),
  contact_phone: phone('联系电话', { personal: 'phone' }),
  ...projectFields,
  area_number: text({ label: '区域登记编号', archive: register }),
  previous_number: optionalText({ label: '上一次招标', archive: { label: '招标备案' }, hint: '流标后重新招标的，自动带出' }),
  method: choice({ label: '招标方式', section: '招标方式', options: optionsOf(filedMethods) }),
  organising: choice({ label: '招标组织形式', options: optionsOf(organisings) }),
  agency: optionalText({ label: '招标代理机构', max: 200, wide: true, hint: '委托招标的填写' }),
  agency_contact: optionalText({ label: '代理机构联系人', max: 60, personal: 'name' }),
  agency_phone: optionalPhone('代理机构电话', { personal: 'phone' }),
  invitees: rows({
    label: '邀请的投标人',
    hint: '邀请招标的填写，不少于三家',
    rowLabel: '投标人',
    max: 30,
    of: z.object({ name: text({ label: '企业名称', max: 200 }), code: creditCode('统一社会信用代码') }),
  }),
  content: long('招标内容与服务要求', { section: '招标内容' }),
  service_level: choice({ label: '服务等级', options: optionsOf(serviceLevels) }),
  fee: priceField('拟定收费标准'),
  term_months: termField,
  qualification: long('投标人资格要求', { hint: '如信用等级、业绩、项目负责人条件；不得以不合理的条件限制投标人' }),
  prequalification: choice({ label: '资格预审', options: optionsOf({ no: '否', yes: '是' }) }),
  prequalified_count: optionalInteger({
    label: '预审后选择投标人',
    unit: '家',
    min: 1,
    max: 50,
    hint: '资格预审的填写，不少于五家',
  }),
  sale_sort: choice({ label: '项目性质', section: '完成时限', options: optionsOf(saleSorts) }),
  sale_on: date({ label: '计划日期', hint: '预售填取得预售许可证的日期，现售填开始销售的日期，非出售填交付使用的日期' }),
  earliest_on: text({
    label: '最早可以公告的日期',
    section: '时间安排',
    archive: { label: '法定期限的计算' },
    hint: '按今天提交计算，每次提交重新计算',
  }),
  announce_on: date({ label: '计划公告日期', hint: '邀请招标填投标邀请书发出日期' }),
  media: optionalText({ label: '公告媒体', max: 200, wide: true, hint: '公开招标的填写' }),
  documents_from: date({ label: '招标文件发出开始' }),
  documents_until: date({ label: '招标文件发出截止' }),
  clarify_until: date({ label: '澄清、修改截止' }),
  bids_until: date({ label: '投标截止日期' }),
  opens_on: date({ label: '开标日期', hint: '与投标截止同一天' }),
  opens_at: text({
    label: '投标截止和开标时间',
    max: 5,
    placeholder: '09:30',
    normalise: typed => typed.normalize('NFKC').replace(/^(\d):/, '0$1:'),
    pattern: /^([01]\d|2[0-3]):[0-5]\d$/,
    patternHint: '请填写成 09:30 这样的时间。',
  }),
  opening_place: text({ label: '开标地点', max: 200, wide: true }),
  valid_until: date({ label: '投标有效期至' }),
  evaluation: choice({ label: '评标办法', section: '评标', options: optionsOf(evaluations) }),
  committee_size: integer({ label: '评标委员会人数', unit: '人', min: 1, max: 99 }),
  experts: integer({ label: '其中评标专家', unit: '人', min: 0, max: 99, hint: '从评标专家名册随机抽取，不少于三分之二' }),
  ...pledgeField,
})

/** What 招标文件 must contain (第十条); ticked by whoever decides. */
export const documentParts = {
  introduction: '招标人及招标项目简介，含物业服务用房',
  service: '物业管理服务内容及要求、服务标准',
  bidding: '对投标人及投标书的要求',
  evaluation: '评标标准和评标方法',
  activities: '招标活动方案',
  contract: '物业服务合同的签订说明',
  others: '其他事项的说明及法律法规规定的其他内容',
} as const

const partTick = (label: string, section?: string) =>
  consent({
    label,
    wide: true,
    message: `招标文件应当写明：${label}。没有写明的请不通过，并写出缺少的内容（前期物业管理招标投标管理暂行办法第十条）。`,
    ...(section ? { section } : {}),
  })

/** The ticks of the reviewer. */
export const tenderConclusion = z.object({
  has_introduction: partTick(documentParts.introduction, '招标文件已包含'),
  has_service: partTick(documentParts.service),
  has_bidding: partTick(documentParts.bidding),
  has_evaluation: partTick(documentParts.evaluation),
  has_activities: partTick(documentParts.activities),
  has_contract: partTick(documentParts.contract),
  has_others: partTick(documentParts.others),
})

/** Why no tender is held. */
export const agreedReasons = {
  few: '投标人少于三个',
  small: '住宅规模较小',
} as const

export const agreedForm = z.object({
  developer: text({ label: '建设单位', section: '建设单位', archive: { label: '单位档案' }, wide: true }),
  contact: text({ label: '联系人', max: 60, personal: 'name' }),
  contact_phone: phone('联系电话', { personal: 'phone' }),
  ...projectFields,
  area_number: text({ label: '区域登记编号', archive: register }),
  failed_number: optionalText({ label: '流标的招标', section: '协议选聘的理由', archive: { label: '招标备案' } }),
  failed_on: optionalText({ label: '流标日期', archive: { label: '招标备案' } }),
  reason: choice({ label: '理由', options: optionsOf(agreedReasons) }),
  explanation: long('情况说明', { hint: '招标经过，或者项目规模' }),
  company_name: text({ label: '拟选聘的物业服务企业', section: '拟选聘的企业', max: 200, wide: true }),
  company_code: creditCode('统一社会信用代码'),
  selection: long('选择的经过和理由'),
  service_level: choice({ label: '服务等级', options: optionsOf(serviceLevels) }),
  fee: priceField('协商的收费标准'),
  term_months: termField,
  manager: text({ label: '项目负责人', max: 60 }),
  ...pledgeField,
})
