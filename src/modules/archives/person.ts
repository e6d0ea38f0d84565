import type { Knex } from 'knex'
import { z } from 'zod'
import { today } from '../../clock.ts'
import {
  choice,
  date,
  type Form,
  type Mistakes,
  optionalChoice,
  optionalDate,
  optionalInteger,
  optionalText,
  partOf,
  text,
} from '../../forms/form.ts'
import type { Archive, RecordAnswers } from './archive.ts'
import { note, optionalPhone, residentId } from './fields.ts'
import { contractTypes, credentials, educations, type Gender, optionsOf, posts, type Title, titles } from './words.ts'

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

/** What a person is found by; used when a row is written and when the index is rebuilt. */
export function personWords({ name = '', title_number = '', credential_number = '' }: RecordAnswers) {
  return [{ text: name, person: true as const }, title_number, credential_number]
}

export const people: Archive = {
  code: 'people',
  label: '从业人员',
  tables: ['people'],
  form: personForm,
  sealed: { id_number: ['index', 'last4'], phone: ['index', 'last4'] },
  sorted: { name: 'person' },
  terms: { scopes: ['people'], texts: async (_db, _id, answers) => personWords(answers) },
  async follows(trx, id, after, changed) {
    if (changed.includes('id_number'))
      await trx('people')
        .where({ id })
        .update(factsOfId(after.id_number ?? ''))
  },
}

export const employmentForm = z.object({
  post: choice({ label: '岗位类别', section: '任职', options: optionsOf(posts) }),
  // The projects to choose from are those the company serves, which only the visit knows.
  project_id: optionalText({ label: '所在项目', type: 'select', max: 15, hint: '不固定在一个项目的不填' }),
  contract_type: optionalChoice({ label: '合同类型', options: optionsOf(contractTypes) }),
  contract_from: optionalDate({ label: '合同起始日' }),
  contract_until: optionalDate({ label: '合同截止日', hint: '无固定期限的不填' }),
  insured_at: note('社保参保地', 60),
  insured_since: optionalDate({ label: '社保起始日' }),
  starts_on: date({ label: '入职日期' }),
})

export const employments: Archive = {
  code: 'employments',
  label: '任职',
  tables: ['employments'],
  form: employmentForm,
  // The order of employments hangs on it; 一人一企 is decided by it.
  office: ['starts_on'],
}

/** 增加从业人员: who it is, what they may do, and what they do here. */
export const hireForm: Form = z.object({
  ...partOf(personForm, field => !['training_hours', 'record'].includes(field.name)).shape,
  ...employmentForm.shape,
})

const raised: readonly string[] = ['intermediate', 'associate-senior', 'senior'] satisfies Title[]

/** 中级以上职称. */
export function isRaised(title: string | null | undefined): boolean {
  return raised.includes(title ?? '')
}

/** Whether adding, removing or promoting such a person is approved by the regulator: 中级以上职称 or 注册物业管理师 (domain.md §7). */
export function isRegulated({ title, credential }: { title?: string | null; credential?: string | null }): boolean {
  return isRaised(title) || credential === 'property-manager'
}

/** Sex and birthday, as a resident ID number tells them (GB 11643-1999). */
export function factsOfId(id_number: string): { gender: Gender; born_on: string } {
  const born = id_number.slice(6, 14)
  return {
    gender: Number(id_number.charAt(16)) % 2 ? 'male' : 'female',
    born_on: `${born.slice(0, 4)}-${born.slice(4, 6)}-${born.slice(6)}`,
  }
}

/** Younger than this nobody may be employed (劳动法 第十五条). */
const workingAge = 16

/** What does not fit together in the file of a person; fields that were not asked for are left alone. */
export function personMistakes(answers: RecordAnswers, day = today()): Mistakes {
  const mistakes: Mistakes = {}
  const { title, title_name, title_number, title_issued_on, credential, credential_number } = answers
  if (title === 'none' && (title_name || title_number))
    mistakes.title = '填写了职称名称或证书号，职称级别却是“无”。请选择级别，或清空职称名称和证书号。'
  if (title && title !== 'none') {
    if (!title_name) mistakes.title_name = '有职称的请填写职称名称，如“工程师”。'
    if (isRaised(title) && !title_number) mistakes.title_number = '中级以上职称请填写职称证书号。'
  }
  if (title_issued_on && title_issued_on > day)
    mistakes.title_issued_on = `发证日期 ${title_issued_on} 还没有到，请对照证书改正。`
  if (credential && !credential_number) mistakes.credential_number = '有职业资格的请填写资格证书号。'
  if (!credential && credential_number) mistakes.credential = '填写了资格证书号，请选择是哪一种职业资格。'
  return mistakes
}

/** The same for an employment. `project_id` is looked up by whoever knows the company. */
export function employmentMistakes(answers: RecordAnswers, day = today()): Mistakes {
  const mistakes: Mistakes = {}
  const { id_number, starts_on = '', contract_type, contract_from, contract_until, insured_since } = answers
  if (starts_on > day) mistakes.starts_on = `入职日期 ${starts_on} 还没有到，请在入职当天或以后登记。`
  if (id_number && starts_on) {
    const { born_on } = factsOfId(id_number)
    const grown = `${Number(born_on.slice(0, 4)) + workingAge}${born_on.slice(4)}`
    if (starts_on < grown)
      mistakes.starts_on = `入职时未满 ${workingAge} 周岁，不得招用（劳动法第十五条）。请核对身份证号和入职日期。`
  }
  if (contract_from && contract_until && contract_until < contract_from)
    mistakes.contract_until = `合同截止日早于起始日 ${contract_from}，请改正。`
  if (contract_type === 'fixed' && !contract_until) mistakes.contract_until = '固定期限的合同请填写截止日。'
  if (contract_type === 'open' && contract_until) mistakes.contract_until = '无固定期限的合同没有截止日，请清空或改选合同类型。'
  if (insured_since && insured_since > day) mistakes.insured_since = `社保起始日 ${insured_since} 还没有到，请改正。`
  return mistakes
}

/** The projects a company serves now, as the options of `project_id`. */
export async function projectOptions(db: Knex, company_id: number): Promise<{ value: string; label: string }[]> {
  const rows: { id: number; name: string }[] = await db('project_links')
    .join('projects', 'projects.id', 'project_links.project_id')
    .where({ 'project_links.company_id': company_id, 'project_links.live': 1 })
    .orderBy('projects.name_key')
    .limit(1000)
    .select('projects.id', 'projects.name')
  return rows.map(({ id, name }) => ({ value: String(id), label: name }))
}

/** A project somebody is put on must be one their company serves. */
export async function projectMistakes(db: Knex, company_id: number, { project_id }: RecordAnswers): Promise<Mistakes> {
  if (!project_id) return {}
  const link = /^[1-9]\d{0,14}$/.test(project_id)
    ? await db('project_links')
        .where({ project_id: Number(project_id), company_id, live: 1 })
        .first('id')
    : undefined
  if (link) return {}
  return { project_id: '所在项目不是本单位现在服务的项目，请重新选择，或不选。' }
}
