import type { Knex } from 'knex'
import { z } from 'zod'
import { type Role, roleCodes, roles } from '../../accounts/roles.ts'
import { config } from '../../config.ts'
import { choice, date, decimal, integer, optionalChoice, optionalDate, optionalText, text } from '../../forms/form.ts'
import { type Archive, type ChangedBy, createRecord, type RecordAnswers } from './archive.ts'
import { creditCode, note, optionalCreditCode, optionalEmail, optionalPhone, residentId } from './fields.ts'
import { type AreaBasis, companyStates, developerStates, natures, optionsOf, origins, ownerships, type Source } from './words.ts'

/** 物业企业 and 开发企业 (domain.md §9.1, §9.2). Name, code, region, contact and office address lie in the organisation. */

const star = { star: true } as const

/** ★ What changes only by 变更申请 (company-change); the same for both. The regions to choose from come with the page. */
const starred = {
  name: text({ label: '企业名称', section: '登记事项', max: 100, wide: true, ...star }),
  code: creditCode('统一社会信用代码', star),
  licence_number: optionalText({ label: '营业执照号', max: 40, hint: '三证合一后与统一社会信用代码相同的可不填', ...star }),
  legal_person: text({ label: '法定代表人', max: 60, ...star }),
  legal_person_id: residentId('法定代表人身份证号', star),
  capital: decimal({ label: '注册资本', unit: '万元', digits: 2, min: 0, max: 100_000_000, ...star }),
  registered_address: text({ label: '注册地址', max: 300, wide: true, ...star }),
  district_code: optionalText({ label: '注册区县', type: 'select', ...star }),
  street_code: optionalText({ label: '注册街道', type: 'select', ...star }),
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
  head_office_code: optionalCreditCode('总公司信用代码'),
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
  follows: moved,
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
  follows: moved,
}

/** 经营情况 of one year (domain.md §9.2), as reported and reviewed. */
export const yearForm = z.object({
  year: integer({ label: '年度', unit: '年', min: 1990, max: 2100 }),
  ...yearFigures(),
})

export const companyYears: Archive = { code: 'company-years', label: '年度经营情况', tables: ['company_years'], form: yearForm }

/** The figures of a year, in the order of the report. */
export function yearFigures() {
  const figure = (label: string, more: { min?: number; section?: string; hint?: string } = {}) =>
    decimal({ label, unit: '万元', digits: 2, min: 0, max: 100_000_000, ...more })
  return {
    revenue: figure('营业收入', { section: '经营情况' }),
    main_revenue: figure('主营业务收入', { hint: '物业服务收入' }),
    profit: figure('利润总额', { min: -100_000_000, hint: '亏损填负数' }),
    tax: figure('纳税总额'),
    assets: figure('资产总额'),
    liabilities: figure('负债总额'),
  }
}

/** The archive that begins together with an organisation of this kind. */
export const companyArchives = { company: companies, developer: developers } as const
export type CompanyKind = keyof typeof companyArchives

/**
 * Opens the archive of a company or developer together with its organisation; it is findable at once, and the offices of its
 * district see it.
 * @param answers checked answers in their stored form; what is not known yet may be missing
 * @returns the id both share
 */
export async function openCompany(
  trx: Knex.Transaction,
  kind: CompanyKind,
  answers: RecordAnswers,
  { by, source }: { by: ChangedBy; source: Source },
): Promise<number> {
  const told: RecordAnswers = { ownership: 'other', ...(kind === 'company' ? { origin: 'city' } : {}), ...answers }
  const region_code = told.district_code || config.city
  const more = { organisations: { kind, region_code } }
  const id = await createRecord(trx, companyArchives[kind], told, { by, source, more })
  if (kind === 'company') await setHome(trx, id, told)
  return id
}

/** What hangs on where a company or developer is registered: the offices that see it, the region its people act in. */
async function moved(trx: Knex.Transaction, id: number, after: RecordAnswers, changed: readonly string[]): Promise<void> {
  if (!changed.includes('district_code') && !changed.includes('origin')) return
  const region_code = after.district_code || config.city
  await trx('organisations').where({ id }).update({ region_code })
  if (after.origin) await setHome(trx, id, after)
  const own: Role[] = roleCodes.filter(role => roles[role].scope === 'organisation')
  await trx('user_roles')
    .whereIn('user_id', trx('users').where({ organisation_id: id }).select('id'))
    .whereIn('role', own)
    .update({ region_code })
}

/** A company is seen where it is registered, one from elsewhere where its branch is. */
async function setHome(trx: Knex.Transaction, company_id: number, { district_code, origin }: RecordAnswers): Promise<void> {
  const bases: AreaBasis[] = ['registered', 'branch']
  await trx('company_areas').where({ company_id }).whereIn('basis', bases).delete()
  const basis: AreaBasis = origin === 'city' ? 'registered' : 'branch'
  if (district_code) await trx('company_areas').insert({ company_id, region_code: district_code, basis })
}
