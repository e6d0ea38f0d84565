import type { Knex } from 'knex'
import { z } from 'zod'
import { now, today } from '../../clock.ts'
import { choice, date, decimal, type Mistakes, optionalChoice, optionalDate, text } from '../../forms/form.ts'
import { creditCode } from '../archives/fields.ts'
import {
  contractEndReasons,
  contractFilings,
  type FeeMode,
  feeModes,
  optionsOf,
  type Pricing,
  type PropertyType,
  pricings,
  type ServicePhase,
  serviceLevels,
  servicePhases,
} from '../archives/words.ts'
import { enterContract } from './contracts.ts'
import { meets, type RegisterRow, registerImport } from './register-import.ts'

/** 物业服务合同 filed before the portal. One that still runs takes effect as if it had been filed here. */

const { dissolution: _, ...filings } = contractFilings
/** What state a contract is in by the reason of its end. */
const dissolving: readonly string[] = ['dismissed', 'agreed', 'withdrawn']

const form = z.object({
  company_code: creditCode('企业统一社会信用代码'),
  number: text({ label: '备案编号', max: 60 }),
  phase: choice({ label: '服务阶段', options: optionsOf(servicePhases) }),
  filing: choice({ label: '备案类型', options: optionsOf(filings) }),
  party: text({ label: '合同甲方', max: 200, hint: '开发企业或业主委员会' }),
  signed_on: date({ label: '签订日期' }),
  starts_on: date({ label: '合同起始日' }),
  ends_on: date({ label: '合同到期日' }),
  filed_on: date({ label: '备案日期' }),
  ended_on: optionalDate({ label: '实际终止日', hint: '提前终止的填写' }),
  end_reason: optionalChoice({ label: '终止原因', options: optionsOf(contractEndReasons), hint: '提前终止的填写' }),
  fee_mode: choice({ label: '收费方式', options: optionsOf(feeModes) }),
  pricing: choice({ label: '定价方式', options: optionsOf(pricings) }),
  service_level: optionalChoice({ label: '服务等级', options: optionsOf(serviceLevels) }),
  fee: decimal({ label: '物业费（元/㎡·月）', digits: 2, min: 0.01, max: 100 }),
  serviced_area: decimal({ label: '服务面积（㎡）', digits: 2, min: 1, max: 99_999_999 }),
})

interface Known {
  floor_area: string
  contracts: { company: string; from: string; until: string }[]
}

export const contractImport = registerImport<Known>({
  code: 'contracts',
  label: '物业服务合同',
  about: '登记以前备案的物业服务合同，正在履行的同时写入项目的收费标准。区县只能导入本区县的项目。',
  list: { code: 'contracts', label: '物业服务合同' },
  form,
  example: {
    project: '370102000001',
    company_code: '91370100MA30002210',
    number: '济物合备〔2024〕370102-0003号',
    phase: '业委会选聘',
    filing: '新签',
    party: '某某小区业主委员会',
    signed_on: '2024-05-06',
    starts_on: '2024-06-01',
    ends_on: '2027-05-31',
    filed_on: '2024-05-12',
    fee_mode: '包干制',
    pricing: '市场调节价',
    service_level: '三级',
    fee: '1.85',
    serviced_area: '86000',
  },
  notes: ['项目和企业要先有档案；企业要先挂接到项目。', '同一项目的合同期限不能重叠；提前终止的填实际终止日。'],
  table: 'contracts',
  recordOf: row =>
    Object.fromEntries(
      ['phase', 'party', 'signed_on', 'starts_on', 'ends_on', 'fee_mode', 'pricing', 'fee', 'serviced_area'].map(name => [
        name,
        row[name] === null ? '' : String(row[name]),
      ]),
    ),
  async load(db, ids) {
    const [projects, contracts]: [
      { id: number; floor_area: string }[],
      { project_id: number; company: string; from: string; until: string }[],
    ] = await Promise.all([
      db('projects').whereIn('id', ids).select('id', 'floor_area'),
      db('contracts')
        .join('organisations', 'organisations.id', 'contracts.company_id')
        .whereIn('project_id', ids)
        .whereNot({ 'contracts.state': 'filing' })
        .select(
          'project_id',
          'organisations.name as company',
          'starts_on as from',
          db.raw('coalesce(contracts.ended_on, contracts.ends_on) as until'),
        ),
    ])
    return new Map(
      projects.map(({ id, floor_area }) => [
        id,
        { floor_area, contracts: contracts.filter(({ project_id }) => project_id === id) },
      ]),
    )
  },
  mistakes: mistakesOf,
  order: 'starts_on',
  async write(trx, user, row) {
    const { said, project, company } = row
    if (!company) throw new Error('a contract without its company passed the check')
    const day = today()
    const last = said('ended_on') || said('ends_on')
    const facts = {
      project_id: project.project_id,
      company_id: company.id,
      phase: said('phase') as ServicePhase, // options of the form, as below
      party: said('party'),
      signed_on: said('signed_on'),
      starts_on: said('starts_on'),
      ends_on: said('ends_on'),
      fee_mode: said('fee_mode') as FeeMode,
      pricing: said('pricing') as Pricing,
      service_level: said('service_level') ? Number(said('service_level')) : null,
      fee: said('fee'),
      serviced_area: said('serviced_area'),
    }
    const filed = { number: said('number'), filed_on: said('filed_on') }
    if (!said('ended_on') && last >= day)
      return await enterContract(
        trx,
        { ...facts, filing: said('filing') as keyof typeof filings, case_id: null, fees: await mainFee(trx, facts) },
        filed,
      )
    const at = now()
    const [id = 0] = await trx('contracts').insert({
      ...facts,
      ...filed,
      filing: said('filing'),
      state: said('ended_on') ? (dissolving.includes(said('end_reason')) ? 'dissolved' : 'ended') : 'filed',
      ended_on: said('ended_on') || null,
      end_reason: said('end_reason') || null,
      begun_on: said('starts_on'),
      created_at: at,
      updated_at: at,
      created_by: user.id,
      updated_by: user.id,
    })
    return id
  },
})

/** The one price the sheet tells, for the main type of the project, unless the archive has one written down already. */
async function mainFee(
  trx: Knex.Transaction,
  {
    project_id,
    fee,
    pricing,
    service_level,
  }: { project_id: number; fee: string; pricing: Pricing; service_level: number | null },
) {
  const project: { property_type: PropertyType } = await trx('projects').where({ id: project_id }).first('property_type')
  const { property_type } = project
  if (await trx('project_fees').where({ project_id, property_type, live: 1 }).first('id')) return []
  const none = {
    elevator_fee: null,
    parking_ground_fee: null,
    parking_underground_fee: null,
    parking_visit_fee: null,
    waste_fee: null,
  }
  return [{ property_type, service_level, pricing, price: fee, ...none, basis: '物业服务合同' }]
}

function mistakesOf({ said }: RegisterRow, known: Known | undefined, others: readonly RegisterRow[]): Mistakes {
  const day = today()
  const mistakes: Mistakes = {}
  const [signed, from, ends, filed, ended] = ['signed_on', 'starts_on', 'ends_on', 'filed_on', 'ended_on'].map(said) as [
    string,
    string,
    string,
    string,
    string,
  ] // five names
  if (signed > day) mistakes.signed_on = '签订日期不能晚于今天。'
  if (ends <= from) mistakes.ends_on = `合同到期日要晚于起始日 ${from}，请核对。`
  if (filed > day) mistakes.filed_on = '备案日期不能晚于今天。'
  else if (filed < signed) mistakes.filed_on = `备案日期早于签订日期 ${signed}，请核对。`
  if (ended && (ended > day || ended > ends || ended < from)) mistakes.ended_on = '实际终止日要在合同期限以内，并且不晚于今天。'
  if (ended && !said('end_reason')) mistakes.end_reason = '提前终止的请填写终止原因。'
  if (known && Number(said('serviced_area')) > Number(known.floor_area))
    mistakes.serviced_area = `服务面积大于项目总建筑面积 ${known.floor_area} ㎡，请核对。`
  const own = { from, until: ended || ends }
  const held = known?.contracts.find(contract => meets(contract, own))
  if (held) mistakes.starts_on = `${held.company}的合同从 ${held.from} 到 ${held.until}，期限重叠。提前终止的请填实际终止日。`
  else if (
    others.some(other => meets({ from: other.said('starts_on'), until: other.said('ended_on') || other.said('ends_on') }, own))
  )
    mistakes.starts_on = '同一个文件里另一行的合同期限与这一行重叠。提前终止的请填实际终止日。'
  return mistakes
}
