import type { Knex } from 'knex'
import { z } from 'zod'
import type { Answers } from '../../forms/answers.ts'
import { rowsOf, textOf } from '../../forms/answers.ts'
import {
  choice,
  decimal,
  type Field,
  type Form,
  fieldsOf,
  type Mistakes,
  optionalChoice,
  optionalDate,
  optionalDecimal,
  optionalInteger,
  optionalText,
  rows,
  text,
} from '../../forms/form.ts'
import { areaText, hundredths } from '../archives/project-rules.ts'
import {
  type FeeMode,
  feeModes,
  optionsOf,
  type Pricing,
  type PropertyType,
  pricings,
  propertyTypes,
  type ServicePhase,
  serviceLevels,
} from '../archives/words.ts'
import { type Contract, type ContractFee, feesOfContract, type NewContract } from './contracts.ts'
import type { ProjectRow } from './project.ts'

/** What a property-service contract says, as both filings ask for it (domain.md §5.4, §5.6; 民法典 第九百三十八条). */

const money = (label: string, unit: string, max: number) => optionalDecimal({ label, unit, digits: 2, min: 0, max })

/** Dearer than any property fee in the country; a price above it is a slip of the pen. */
const mostPrice = 50
const mostParking = 5000

/** One line of 各类物业收费标准. */
const feeRow = z.object({
  property_type: choice({ label: '物业类型', options: optionsOf(propertyTypes) }),
  service_level: optionalChoice({ label: '服务等级', options: optionsOf(serviceLevels) }),
  pricing: choice({ label: '定价方式', options: optionsOf(pricings) }),
  price: decimal({ label: '物业费单价', unit: '元/㎡·月', digits: 2, min: 0.01, max: mostPrice }),
  elevator_fee: money('电梯运行费', '元/㎡·月', mostPrice),
  basis: optionalText({ label: '依据文件', max: 200 }),
})

/** The terms of the contract itself. What must be there depends on what is filed, so `lackingTerms` asks for it. */
export const termFields = {
  contract_code: optionalText({ label: '合同编号', section: '合同', max: 60, hint: '合同文本上的编号' }),
  signed_on: optionalDate({ label: '签订日期' }),
  starts_on: optionalDate({ label: '服务期限开始日' }),
  ends_on: optionalDate({ label: '服务期限截止日', hint: '最后一天' }),
  serviced_area: optionalDecimal({ label: '服务面积', unit: '㎡', digits: 2, min: 0.01, max: 99_999_999 }),
  fee_mode: optionalChoice({ label: '收费方式', section: '收费标准', options: optionsOf(feeModes) }),
  fees: rows({
    label: '各类物业收费标准',
    hint: '每类物业一行；合同生效后成为项目的收费标准，对外公布。',
    rowLabel: '一类物业',
    max: 9,
    of: feeRow,
  }),
  parking_ground_fee: money('地上停车', '元/月·位', mostParking),
  parking_underground_fee: money('地下停车', '元/月·位', mostParking),
  parking_visit_fee: money('临时停车', '元/次', mostParking),
  waste_fee: money('装修垃圾清运', '元/㎡', mostPrice),
  room_area: optionalDecimal({ label: '物业服务用房面积', section: '约定事项', unit: '㎡', digits: 2, min: 0, max: 999_999 }),
  room_place: optionalText({ label: '物业服务用房位置、楼层', max: 60 }),
  fund_terms: optionalText({ label: '专项维修资金约定', type: 'textarea', max: 1000 }),
  takeover_terms: optionalText({ label: '承接查验约定', type: 'textarea', max: 1000 }),
  breach_terms: optionalText({ label: '违约责任', type: 'textarea', max: 2000 }),
  manager: optionalText({ label: '项目负责人', section: '服务人员', max: 60 }),
  staff_count: optionalInteger({ label: '拟配人员数', unit: '人', min: 1, max: 10_000 }),
  guarantee: optionalText({ label: '履约保证', max: 300, hint: '没有的不填' }),
}

const owners = (label: string, more: { section?: string; hint?: string } = {}) =>
  optionalInteger({ label, unit: '人', min: 0, max: 1_000_000, ...more })
const votedArea = (label: string) => optionalDecimal({ label, unit: '㎡', digits: 2, min: 0, max: 99_999_999 })

/** 业主共同决定 (民法典 第二百七十八条): asked for where a committee signs, and where the owners dismiss. */
export const voteFields = {
  decided_on: optionalDate({
    label: '业主大会决定日期',
    section: '业主共同决定',
    hint: '与业主委员会签订的、业主大会解聘的填写这一部分，照业主大会决议公告',
  }),
  owners_total: owners('业主总人数', { hint: '一套一人；建设单位未售的、一人多套的，各按一人' }),
  area_total: votedArea('专有部分总面积'),
  owners_joined: owners('参加表决人数'),
  area_joined: votedArea('参加表决面积'),
  owners_agreed: owners('同意人数'),
  area_agreed: votedArea('同意面积'),
}

/** Why it comes late: asked for only then. */
export const lateField = {
  late_reason: optionalText({
    label: '逾期说明',
    section: '逾期备案',
    type: 'textarea',
    max: 500,
    hint: '超过备案期限的填写原因；逾期不影响受理，标记为逾期备案',
  }),
}

/** Who signed for the company, from its archive. */
export const companyFields = {
  company_name: text({ label: '乙方（物业服务企业）', section: '当事人', archive: { label: '企业档案' }, wide: true }),
  company_code: text({ label: '乙方统一社会信用代码', archive: { label: '企业档案' } }),
}

/** Terms nobody files a contract without. */
export const neededTerms = [
  'contract_code',
  'signed_on',
  'starts_on',
  'ends_on',
  'serviced_area',
  'fee_mode',
  'fees',
  'breach_terms',
  'manager',
  'staff_count',
] as const

/** What is missing among fields that must be filled in here: a sentence for each. */
export function lackingTerms(form: Form, answers: Answers, needed: readonly string[]): Mistakes {
  const asked = fieldsOf(form).filter(({ name }) => needed.includes(name))
  const isThere = ({ name, of }: Field) => (of ? rowsOf(answers, name).length > 0 : textOf(answers, name) !== '')
  return Object.fromEntries(
    asked
      .filter(field => !isThere(field))
      .map(({ name, label, of, options }) => [
        name,
        of ? `请填写${label}，至少 1 行。` : `请${options ? '选择' : '填写'}${label}。`,
      ]),
  )
}

/** The organisation and its code, for the head of a form. */
export async function companyAnswersOf(db: Knex, company_id: number | null): Promise<Answers> {
  const row: { name: string; code: string | null } | undefined = company_id
    ? await db('organisations').where({ id: company_id }).first('name', 'code')
    : undefined
  return { company_name: row?.name ?? '', company_code: row?.code ?? '' }
}

/** Whether a day can be read as one; a draft may hold anything. */
const isDay = (text: string) => /^\d{4}-\d\d-\d\d$/.test(text)

/**
 * The rules among the terms themselves: days in order, areas within the project, one line for each type of property.
 * @param today the day it is filed; nobody files what is not signed yet
 */
export function termMistakes(answers: Answers, project: Pick<ProjectRow, 'floor_area'>, today: string): Mistakes {
  const mistakes: Mistakes = {}
  const [signed, from, until] = ['signed_on', 'starts_on', 'ends_on'].map(name => textOf(answers, name))
  if (signed && signed > today) mistakes.signed_on = `签订日期 ${signed} 还没有到。合同签订以后再备案。`
  if (from && until && until < from)
    mistakes.ends_on = `服务期限截止日 ${until} 早于开始日 ${from}。请对照合同改正（民法典第九百三十八条，合同要写明服务期限）。`
  else if (from && until && isDay(from) && Number(until.slice(0, 4)) - Number(from.slice(0, 4)) > longest)
    mistakes.ends_on = `服务期限超过 ${longest} 年，请对照合同核对截止日。`
  const serviced = textOf(answers, 'serviced_area')
  if (serviced && hundredths(serviced) > hundredths(project.floor_area))
    mistakes.serviced_area = `服务面积大于项目档案的总建筑面积 ${areaText(hundredths(project.floor_area))} ㎡。请核对；档案有误的，先申请项目档案变更。`
  const room = textOf(answers, 'room_area')
  if (room && hundredths(room) > hundredths(project.floor_area))
    mistakes.room_area = `物业服务用房面积大于项目总建筑面积 ${areaText(hundredths(project.floor_area))} ㎡，请核对。`
  const seen = new Set<string>()
  for (const [index, { property_type = '' }] of rowsOf(answers, 'fees').entries()) {
    if (seen.has(property_type))
      mistakes[`fees.${index}.property_type`] = '这一类物业前面已有一行，一类只能有一个收费标准。请合并或改正类型。'
    seen.add(property_type)
  }
  return mistakes
}

/** A contract for longer than that is a slip of the pen. */
const longest = 20

/** The last lawful day, and whether a reason is wanting. */
export function lateMistake(answers: Answers, fileBy: string | undefined, today: string, rule: string): Mistakes {
  if (!fileBy || today <= fileBy || textOf(answers, 'late_reason')) return {}
  return { late_reason: `最后备案日是 ${fileBy}，现在已经逾期（${rule}）。请写明逾期原因后提交，不影响受理。` }
}

/** The line of the main type of the project, or the first. */
function mainLine(lines: readonly ContractFee[], main: string): ContractFee | undefined {
  return lines.find(line => line.property_type === main) ?? lines[0]
}

const orNull = (text: string | undefined) => text || null

/** 收费标准 as the register keeps them: what is charged for parking and waste stands with the main type. */
export function feesIn(answers: Answers, main: string): ContractFee[] {
  const typed = rowsOf(answers, 'fees').map(row => ({
    property_type: row.property_type as PropertyType, // a choice of the form
    service_level: row.service_level ? Number(row.service_level) : null,
    pricing: row.pricing as Pricing, // likewise
    price: row.price ?? '0',
    elevator_fee: orNull(row.elevator_fee),
    parking_ground_fee: null,
    parking_underground_fee: null,
    parking_visit_fee: null,
    waste_fee: null,
    basis: orNull(row.basis),
  }))
  const first = mainLine(typed, main)
  return typed.map(line =>
    line !== first
      ? line
      : {
          ...line,
          parking_ground_fee: orNull(textOf(answers, 'parking_ground_fee')),
          parking_underground_fee: orNull(textOf(answers, 'parking_underground_fee')),
          parking_visit_fee: orNull(textOf(answers, 'parking_visit_fee')),
          waste_fee: orNull(textOf(answers, 'waste_fee')),
        },
  )
}

/** What a filing says of a contract, as the register takes it. @throws Error when it has no line of fees, which the form asks for */
export function contractIn(
  answers: Answers,
  project: Pick<ProjectRow, 'id' | 'property_type'>,
  more: { company_id: number; party: string; phase: ServicePhase } & Pick<NewContract, 'filing' | 'case_id' | 'late_days'> & {
      previous_id?: number | null
      signing_id?: number | null
    },
): NewContract {
  const lines = feesIn(answers, project.property_type)
  const main = mainLine(lines, project.property_type)
  if (!main) throw new Error(`case ${more.case_id} has no fees`)
  return {
    project_id: project.id,
    ...more,
    signed_on: textOf(answers, 'signed_on'),
    starts_on: textOf(answers, 'starts_on'),
    ends_on: textOf(answers, 'ends_on'),
    fee_mode: textOf(answers, 'fee_mode') as FeeMode, // a choice of the form
    pricing: main.pricing,
    service_level: main.service_level,
    fee: main.price,
    serviced_area: textOf(answers, 'serviced_area'),
    fees: lines,
  }
}

/**
 * The terms of a contract of the register, to begin a filing with.
 * @param main the main type of its project: contracts from before the portal have one price and no lines
 */
export async function termsOf(db: Knex, contract: Contract, main: PropertyType): Promise<Answers> {
  const lines = await feesOfContract(db, contract.id)
  const charged = mainLine(lines, main)
  const { service_level, pricing, fee } = contract
  const shown = lines.length
    ? lines
    : [{ property_type: main, service_level, pricing, price: fee, elevator_fee: null, basis: null }]
  return {
    serviced_area: contract.serviced_area,
    fee_mode: contract.fee_mode,
    fees: shown.map(line => ({
      property_type: line.property_type,
      service_level: line.service_level === null ? '' : String(line.service_level),
      pricing: line.pricing,
      price: line.price,
      elevator_fee: line.elevator_fee ?? '',
      basis: line.basis ?? '',
    })),
    parking_ground_fee: charged?.parking_ground_fee ?? '',
    parking_underground_fee: charged?.parking_underground_fee ?? '',
    parking_visit_fee: charged?.parking_visit_fee ?? '',
    waste_fee: charged?.waste_fee ?? '',
  }
}

/** 高层住宅 1.80 元/㎡·月, one line for each type. */
export function feeWords(lines: readonly Pick<ContractFee, 'property_type' | 'price'>[]): string {
  return lines.map(line => `${propertyTypes[line.property_type] ?? line.property_type} ${line.price} 元/㎡·月`).join('；')
}
