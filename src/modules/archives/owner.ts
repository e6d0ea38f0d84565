import { z } from 'zod'
import { choice, date, decimal, optionalChoice, optionalDate, optionalText, text } from '../../forms/form.ts'
import { normaliseCode } from '../../identifiers.ts'
import type { Archive } from './archive.ts'
import { note, optionalPhone } from './fields.ts'
import { idTypes, optionsOf, ownerSources, relations } from './words.ts'

/** 业主 and 居民 of a house (domain.md §9.5). What an ID number must look like depends on its kind: see `idNumberMistake`. */

export const ownerForm = z.object({
  name: text({ label: '姓名或名称', max: 120, personal: 'name' }),
  id_type: choice({ label: '证件类型', options: optionsOf(idTypes) }),
  id_number: text({ label: '证件号', personal: 'id', max: 40, normalise: normaliseCode }),
  phone: optionalPhone('电话', { personal: 'phone' }),
  share: decimal({ label: '产权比例', unit: '%', digits: 4, min: 0.0001, max: 100 }),
  title_deed: note('产权证号或网签号', 60),
  source: choice({ label: '登记来源', options: optionsOf(ownerSources) }),
  starts_on: date({ label: '取得日期' }),
  ends_on: optionalDate({ label: '转出日期', hint: '仍是业主的不填' }),
})

export const owners: Archive = {
  code: 'owners',
  label: '业主',
  tables: ['owners'],
  form: ownerForm,
  sealed: { id_number: ['index', 'last4'], phone: ['index', 'last4'] },
  sorted: { name: 'person' },
}

export const residentForm = z.object({
  name: text({ label: '姓名', max: 120, personal: 'name' }),
  relation: choice({ label: '与房屋的关系', options: optionsOf(relations) }),
  id_type: optionalChoice({ label: '证件类型', options: optionsOf(idTypes) }),
  id_number: optionalText({ label: '证件号', personal: 'id', max: 40, normalise: normaliseCode }),
  phone: optionalPhone('电话', { personal: 'phone' }),
  starts_on: date({ label: '入住日期' }),
  ends_on: optionalDate({ label: '迁出日期', hint: '仍在居住的不填' }),
})

export const residents: Archive = {
  code: 'residents',
  label: '居民',
  tables: ['residents'],
  form: residentForm,
  sealed: { id_number: ['index', 'last4'], phone: ['index', 'last4'] },
  sorted: { name: 'person' },
}
