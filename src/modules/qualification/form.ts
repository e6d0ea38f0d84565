import { z } from 'zod'
import { pledgeField } from '../../cases/standards.ts'
import {
  choice,
  date,
  decimal,
  type FieldMeta,
  optionalChoice,
  optionalDate,
  optionalText,
  rows,
  text,
} from '../../forms/form.ts'
import { normaliseCode, residentIdMistake, socialCreditCodeMistake } from '../../identifiers.ts'
import { certificateLevels, credentials, optionsOf, ownerships, posts, propertyTypes, titles } from '../archives/words.ts'

/** 企业资质等级申报表 (domain.md §4.4): what every application for a certificate asks for. */

const archive = { label: '企业档案' }
const phone = (label: string, more: Partial<FieldMeta> = {}) =>
  text({
    label,
    type: 'tel',
    inputmode: 'tel',
    max: 30,
    pattern: /^(1\d{10}|0\d{2,3}-?\d{7,8}(-\d{1,6})?)$/,
    patternHint: `${label}请填 11 位手机号，或带区号的固定电话，如 0531-81234567。`,
    ...more,
  })
const residentId = (label: string) =>
  text({ label, personal: 'id', max: 40, normalise: normaliseCode, rule: residentIdMistake, inputmode: 'text' })

/** 一、企业基本情况. What the archive knows by review (★) is read there; the rest is filled in from it and may be corrected. */
export const companyFields = {
  company_name: text({ label: '企业名称', section: '企业基本情况', archive, wide: true }),
  credit_code: text({ label: '统一社会信用代码', archive }),
  legal_person: text({ label: '法定代表人', archive }),
  legal_person_id: residentId('法定代表人身份证号'),
  legal_person_phone: phone('法定代表人电话', { personal: 'phone' }),
  capital: decimal({ label: '注册资本', unit: '万元', digits: 2, min: 0, max: 100_000_000, hint: '按营业执照填写' }),
  ownership: choice({ label: '企业类型', options: optionsOf(ownerships) }),
  established_on: date({ label: '营业执照成立日期' }),
  registered_address: text({ label: '住所', archive, max: 300, wide: true }),
  office_address: text({ label: '办公地址', max: 300, wide: true }),
  contact: text({ label: '联系人', max: 60 }),
  contact_phone: phone('联系电话', { personal: 'phone', hint: '办理进度发到这个号码' }),
}

/** 人员情况: one row a person; 操作岗位 need not be listed. */
export const peopleFields = {
  people: rows({
    label: '人员名单',
    section: '人员情况',
    rowLabel: '人员',
    hint: '列出企业、工程、财务负责人和专职管理、技术人员；操作岗位不必列入。',
    min: 1,
    max: 300,
    of: z.object({
      name: text({ label: '姓名', max: 60, personal: 'name' }),
      id_number: residentId('身份证号'),
      post: choice({ label: '岗位', options: optionsOf(posts) }),
      title: choice({ label: '职称', options: optionsOf(titles) }),
      title_number: optionalText({ label: '职称证书号', max: 60, mark: true }),
      credential: optionalChoice({ label: '职业资格', options: optionsOf(credentials) }),
      credential_number: optionalText({ label: '资格证书号', max: 60, mark: true }),
      contract_until: optionalDate({ label: '劳动合同至' }),
    }),
  }),
}

const register = { label: '证书登记', beside: true } as const

/** The certificate held, where there is one: read and never typed, so nobody is told that it may be left out. */
const heldFields = {
  certificate_number: optionalText({ label: '原证书编号', section: '原资质证书', archive: register }).meta({ required: true }),
  certificate_level: optionalChoice({ label: '原资质等级', options: optionsOf(certificateLevels), archive: register }).meta({
    required: true,
  }),
  certificate_until: optionalText({ label: '原证书有效期至', archive: register }).meta({ required: true }),
}

const projectFields = {
  projects: rows({
    label: '管辖项目',
    section: '管辖项目情况',
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
}

/** What the area index is reckoned from. */
const areaFields = {
  areas: rows({
    label: '各类物业面积',
    archive: { label: '项目档案' },
    hint: '上列项目按物业类型合计，取自项目档案的面积；没有分类面积的项目，按总建筑面积计入项目的物业类型。',
    max: Object.keys(propertyTypes).length,
    of: z.object({
      type: choice({ label: '物业类型', options: optionsOf(propertyTypes) }),
      count: text({ label: '项目数' }),
      area: decimal({ label: '面积', unit: '㎡', digits: 2, min: 0, max: 999_999_999_999 }),
    }),
  }),
}

const businessFields = {
  revenue: decimal({
    label: '上年度营业收入',
    section: '经营情况',
    unit: '万元',
    digits: 2,
    min: 0,
    max: 100_000_000,
  }),
  profit: decimal({ label: '上年度利润总额', unit: '万元', digits: 2, min: -100_000_000, max: 100_000_000, hint: '亏损填负数' }),
}

/** 新设立申报 (三级暂定). */
export const newForm = z.object({ ...companyFields, ...peopleFields, ...pledgeField })

/** 三级核定: the certificate held, the projects served and last year's business come on top. */
export const confirmForm = z.object({
  ...companyFields,
  ...heldFields,
  ...peopleFields,
  ...projectFields,
  ...businessFields,
  ...pledgeField,
})

const { second, first } = certificateLevels

/** 资质升级: the level asked for, and the areas it is measured by. */
export const upgradeForm = z.object({
  level: choice({
    label: '申报等级',
    section: '申报类别与等级',
    options: optionsOf({ second, first }),
    hint: '逐级申请：三级申请二级，二级申请一级。有效期将届满的，申请原等级重新核定',
  }),
  ...companyFields,
  ...heldFields,
  ...peopleFields,
  ...projectFields,
  ...areaFields,
  ...businessFields,
  ...pledgeField,
})

/** 合并、分立 (公司法): whether companies become one or one becomes several, and whether those before go on. */
export const mergeWays = {
  absorb: '吸收合并',
  found: '新设合并',
  'split-off': '存续分立',
  'split-up': '新设分立',
} as const
export type MergeWay = keyof typeof mergeWays

const { provisional, third } = certificateLevels

/** 分立、合并: what happened to whom, and the level asked for afterwards. */
export const mergeForm = z.object({
  way: choice({ label: '分立或合并', section: '分立、合并情况', options: optionsOf(mergeWays) }),
  registered_on: date({ label: '变更登记日期', hint: '市场监管部门核准合并、分立登记的日期' }),
  others: rows({
    label: '合并、分立的其他企业',
    rowLabel: '企业',
    hint: '列出除本企业以外的各方。解散注销的企业在本市持有的资质证书，办结时一并注销。',
    min: 1,
    max: 20,
    of: z.object({
      name: text({ label: '企业名称', max: 100 }),
      code: text({ label: '统一社会信用代码', max: 40, normalise: normaliseCode, rule: socialCreditCodeMistake }),
      dissolved: choice({ label: '是否解散注销', options: optionsOf({ yes: '解散注销', no: '存续或新设' }) }),
    }),
  }),
  level: choice({
    label: '申请等级',
    options: optionsOf({ provisional, third, second, first }),
    hint: '合并、分立后重新核定的资质等级',
  }),
  ...companyFields,
  ...heldFields,
  ...peopleFields,
  ...projectFields,
  ...areaFields,
  ...pledgeField,
})
