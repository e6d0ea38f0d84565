import type { Knex } from 'knex'
import { z } from 'zod'
import { choice, date, optionalChoice, optionalDate, optionalInteger, optionalText, text } from '../../forms/form.ts'
import type { Archive } from './archive.ts'
import { note, optionalPhone, residentId } from './fields.ts'
import { contractTypes, credentials, educations, optionsOf, posts, titles } from './words.ts'

/** 从业人员 and 任职 (domain.md §7, §9.4). Sex and birthday follow from the ID number. */

const star = { star: true } as const

export const personForm = z.object({
  name: text({ label: '姓名', section: '本人', max: 60 }),
  id_number: residentId('身份证号', star),
  ethnicity: note('民族', 20),
  phone: optionalPhone('电话', { personal: 'phone' }),
  education: optionalChoice({ label: '学历', options: optionsOf(educations) }),
  specialty: note('专业', 60),
  title: choice({ label: '职称级别', section: '职称与资格', options: optionsOf(titles), ...star }),
  title_name: optionalText({ label: '职称名称', max: 60, ...star }),
  title_number: note('职称证书号', 60, { mark: true }),
  title_issuer: note('职称发证机关', 100),
  title_issued_on: optionalDate({ label: '职称发证日期' }),
  credential: optionalChoice({ label: '职业资格', options: optionsOf(credentials), ...star }),
  credential_number: note('资格证书号', 60, { mark: true }),
  credential_until: optionalDate({ label: '资格有效期至' }),
  training_hours: optionalInteger({ label: '继续教育学时', section: '其他', unit: '学时', min: 0, max: 10_000 }),
  record: note('奖惩', 2000, { type: 'textarea' }),
})

async function personTexts(_db: Knex, _id: number, answers: Record<string, string>) {
  const { name = '', title_number = '', credential_number = '' } = answers
  return [{ text: name, person: true as const }, title_number, credential_number]
}

export const people: Archive = {
  code: 'people',
  label: '从业人员',
  tables: ['people'],
  form: personForm,
  sealed: { id_number: ['index', 'last4'], phone: ['index', 'last4'] },
  sorted: { name: 'person' },
  terms: { scopes: ['people'], texts: personTexts },
}

export const employmentForm = z.object({
  post: choice({ label: '岗位类别', options: optionsOf(posts) }),
  contract_type: optionalChoice({ label: '合同类型', options: optionsOf(contractTypes) }),
  contract_from: optionalDate({ label: '合同起始日' }),
  contract_until: optionalDate({ label: '合同截止日', hint: '无固定期限的不填' }),
  insured_at: note('社保参保地', 60),
  insured_since: optionalDate({ label: '社保起始日' }),
  starts_on: date({ label: '入职日期' }),
})

export const employments: Archive = { code: 'employments', label: '任职', tables: ['employments'], form: employmentForm }
