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
import { normaliseCode, residentIdMistake } from '../../identifiers.ts'
import { credentials, ownerships, posts, titles } from '../archives/words.ts'

/** 企业资质等级申报表 (domain.md §4.4): what every application for a certificate asks for. */

const optionsOf = <Code extends string>(words: Readonly<Record<Code, string>>) =>
  (Object.entries(words) as [Code, string][]).map(([value, label]) => ({ value, label })) // Object.entries forgets the keys' type

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

/** 新设立申报 (三级暂定). */
export const newForm = z.object({ ...companyFields, ...peopleFields, ...pledgeField })

/** 三级核定: the certificate held, the projects served and last year's business come on top. */
export const confirmForm = z.object({
  ...companyFields,
  certificate_number: text({ label: '原证书编号', section: '原资质证书', archive: { label: '证书档案' } }),
  certificate_until: text({ label: '原证书有效期至', archive: { label: '证书档案' } }),
  ...peopleFields,
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
  revenue: decimal({
    label: '上年度营业收入',
    section: '经营情况',
    unit: '万元',
    digits: 2,
    min: 0,
    max: 100_000_000,
  }),
  profit: decimal({ label: '上年度利润总额', unit: '万元', digits: 2, min: -100_000_000, max: 100_000_000, hint: '亏损填负数' }),
  ...pledgeField,
})
