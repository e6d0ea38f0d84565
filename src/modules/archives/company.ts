import type { Knex } from 'knex'
import { z } from 'zod'
import { choice, date, decimal, type FieldMeta, optionalChoice, optionalDate, optionalText, text } from '../../forms/form.ts'
import type { Archive } from './archive.ts'
import { creditCode, note, optionalEmail, optionalPhone, residentId } from './fields.ts'
import { companyStates, developerStates, natures, optionsOf, origins, ownerships } from './words.ts'

/** 物业企业 and 开发企业 (domain.md §9.1, §9.2). Name, code, region, contact and office address lie in the organisation. */

const star = { star: true } as const
const district = { label: '注册区县', type: 'select', options: [] } satisfies FieldMeta

/** ★ What changes only by 变更申请 (company-change); the same for both. Options of the region come with the page. */
const starred = {
  name: text({ label: '企业名称', section: '登记事项', max: 100, wide: true, ...star }),
  code: creditCode('统一社会信用代码', star),
  licence_number: optionalText({ label: '营业执照号', max: 40, hint: '三证合一后与统一社会信用代码相同的可不填', ...star }),
  legal_person: text({ label: '法定代表人', max: 60, ...star }),
  legal_person_id: residentId('法定代表人身份证号', star),
  capital: decimal({ label: '注册资本', unit: '万元', digits: 2, min: 0, max: 100_000_000, ...star }),
  registered_address: text({ label: '注册地址', max: 300, wide: true, ...star }),
  district_code: optionalText({ ...district, ...star }),
  street_code: optionalText({ label: '注册街道', type: 'select', options: [], ...star }),
}

const common = {
  old_code: optionalText({
    label: '组织机构代码（旧）',
    section: '企业概况',
    max: 15,
    pattern: /^[0-9A-Z]{8}-?[0-9X]$|^\d{15}$/,
    patternHint: '组织机构代码（旧）为 8 位数字或字母加 1 位校验码，旧注册号为 15 位数字。',
  }),
  legal_person_phone: optionalPhone('法定代表人电话', { personal: 'phone' }),
  ownership: choice({ label: '企业类型', options: optionsOf(ownerships) }),
  established_on: date({ label: '成立日期' }),
  business_until: optionalDate({ label: '经营期限至', hint: '长期的不填' }),
  address: note('办公地址', 300, { wide: true, section: '联系方式' }),
  contact: note('联系人', 60),
  phone: optionalPhone('联系电话', { personal: 'phone' }),
  fax: note('传真', 40),
  email: optionalEmail('电子邮箱'),
}

const { address, contact, phone, fax, email, ...profile } = common
const contacts = { address, contact, phone, fax, email }

/** 物业企业. */
export const companyForm = z.object({
  ...starred,
  ...profile,
  nature: optionalChoice({ label: '企业性质', options: optionsOf(natures) }),
  origin: choice({ label: '企业来源', options: optionsOf(origins) }),
  head_office: note('总公司名称', 200, { hint: '分公司填写' }),
  head_office_code: optionalText({ label: '总公司信用代码', max: 18 }),
  head_office_place: note('总公司注册地', 100),
  branch_filing_number: note('分支机构备案号', 60),
  manager: note('总经理', 60),
  business_scope: note('业务范围', 1000, { type: 'textarea' }),
  ...contacts,
  website: note('网站', 200),
  bank: note('开户行', 100, { section: '其他' }),
  certifications: note('体系认证', 500),
  party_branch: note('党组织', 200),
  awards: note('获奖', 2000, { type: 'textarea' }),
  penalties: note('处罚', 2000, { type: 'textarea' }),
  state: choice({ label: '状态', options: optionsOf(companyStates) }),
})

/** 开发企业. */
export const developerForm = z.object({
  ...starred,
  ...profile,
  qualification_level: note('开发资质等级', 20),
  qualification_number: note('开发资质证书号', 60, { mark: true }),
  qualification_until: optionalDate({ label: '开发资质有效期至' }),
  ...contacts,
  state: choice({ label: '状态', options: optionsOf(developerStates) }),
})

const organisationFields = {
  name: 'organisations',
  code: 'organisations',
  district_code: 'organisations',
  street_code: 'organisations',
  address: 'organisations',
  contact: 'organisations',
  phone: 'organisations',
} as const

/** Found by its name and those before, its code and the numbers of its certificates. */
async function companyTexts(db: Knex, id: number, { name = '', code = '' }: Record<string, string>): Promise<string[]> {
  const [former, numbers] = await Promise.all([
    db('changes').where({ table_name: 'organisations', row_id: id, field: 'name' }).whereNotNull('before').pluck('before'),
    db('certificates').where({ company_id: id }).pluck('number'),
  ])
  return [name, code, ...former, ...numbers]
}

export const companies: Archive = {
  code: 'companies',
  label: '物业企业',
  tables: ['organisations', 'companies'],
  form: companyForm,
  lies: organisationFields,
  sealed: { legal_person_id: [], legal_person_phone: ['last4'] },
  sorted: { name: 'plain' },
  // A company neither names its own state nor where it comes from.
  office: ['state', 'origin', 'branch_filing_number', 'penalties'],
  terms: { scopes: ['organisations', 'companies'], texts: companyTexts },
}

export const developers: Archive = {
  code: 'developers',
  label: '开发企业',
  tables: ['organisations', 'developers'],
  form: developerForm,
  lies: organisationFields,
  sealed: { legal_person_id: [], legal_person_phone: ['last4'] },
  sorted: { name: 'plain' },
  office: ['state'],
  terms: { scopes: ['organisations', 'developers'], texts: companyTexts },
}
