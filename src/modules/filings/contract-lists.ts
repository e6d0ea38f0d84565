import type { Knex } from 'knex'
import type { User } from '../../accounts/users.ts'
import { addDays } from '../../calendar.ts'
import { today } from '../../clock.ts'
import { batchFilter, importLink } from '../../imports/batches.ts'
import { type Column, defineList, type Filter, type List, type Look, type Row, type Tone } from '../../lists/list.ts'
import { regionFilters } from '../../lists/narrowings.ts'
import { districtNames, regionNames } from '../../lists/regions.ts'
import { belongingTo, moments } from '../archives/lists/shared.ts'
import { contractState } from '../archives/project-facts.ts'
import { archiveReaders, visibleCompanies, visibleProjects } from '../archives/visible.ts'
import {
  type ContractState,
  contractEndReasons,
  contractFilings,
  contractStates,
  feeModes,
  pricings,
  serviceLevels,
  servicePhases,
} from '../archives/words.ts'
import { proofPrinting } from './proof-print.ts'

/** 合同台账 (domain.md §5.6): every contract, in the state the day makes of it. */

const none = (query: Knex.QueryBuilder) => query.whereRaw('1 = 0')

/**
 * Contracts with their project: an office sees those of its region, a company its own, a developer and a committee those of their
 * project.
 */
export function visibleContracts(db: Knex, user: User): Knex.QueryBuilder {
  const query = db('contracts').leftJoin('projects', 'projects.id', 'contracts.project_id')
  if (!archiveReaders.includes(user.role)) return none(query)
  const { scope } = user
  switch (scope.level) {
    case 'city':
      return query
    case 'district':
      return query.where({ 'projects.district_code': scope.code })
    case 'street':
      return query.where({ 'projects.street_code': scope.code })
    case 'organisation':
      if (user.role === 'developer') return query.where({ 'projects.developer_id': scope.organisation_id })
      if (user.role === 'committee')
        return query.whereIn(
          'contracts.project_id',
          db('committees').where({ id: scope.organisation_id, live: 1 }).select('project_id'),
        )
      return query.where({ 'contracts.company_id': scope.organisation_id })
    case 'none':
      return none(query)
  }
}

/** How a state of a contract looks, by who has to do something about it. */
export const contractLooks: Readonly<Record<ContractState, { tone: Tone; icon: string }>> = {
  filing: { tone: 'desk', icon: 'clock' },
  filed: { tone: 'done', icon: 'check' },
  running: { tone: 'done', icon: 'check' },
  expiring: { tone: 'you', icon: 'clock' },
  lapsed: { tone: 'no', icon: 'alert-triangle' },
  changed: { tone: 'rest', icon: 'history' },
  dissolved: { tone: 'rest', icon: 'minus' },
  ended: { tone: 'rest', icon: 'minus' },
}

/** The day a contract begins to be 即将到期, counted as `contractState` does. */
const soon = 90

const last = 'coalesce(contracts.ended_on, contracts.ends_on)'

/** `contractState` as a question to the database. What is to end early is still running until then. */
function inState(query: Knex.QueryBuilder, code: string): void {
  const day = today()
  const over = ['changed', 'dissolved', 'ended']
  if (code === 'filing') return void query.where({ 'contracts.state': 'filing' })
  if (over.includes(code)) return void query.where({ 'contracts.state': code }).whereRaw(`${last} < ?`, [day])
  if (code === 'filed')
    return void query
      .whereNot({ 'contracts.state': 'filing' })
      .where('contracts.starts_on', '>', day)
      .where(coming => coming.whereNull('contracts.ended_on').orWhere('contracts.ended_on', '>=', day))
  if (code === 'lapsed') return void query.where({ 'contracts.state': 'filed' }).where('contracts.ends_on', '<', day)
  const [from, until] = code === 'running' ? [addDays(day, soon + 1), '9999-12-31'] : [day, addDays(day, soon)]
  query
    .where('contracts.starts_on', '<=', day)
    .where(either =>
      either
        .where(filed => filed.where({ 'contracts.state': 'filed' }).whereBetween('contracts.ends_on', [from, until]))
        .orWhere(early => early.whereIn('contracts.state', over).whereRaw(`${last} between ? and ?`, [from, until])),
    )
}

const nullOr = (value: unknown) => (value === null || value === undefined ? null : String(value))

/** What a row of the list shows as its state. */
export function stateLook(row: Row, day: string): Look {
  const code = contractState(
    {
      state: String(row.state),
      starts_on: String(row.starts_on),
      ends_on: String(row.ends_on),
      ended_on: nullOr(row.ended_on),
    },
    day,
  )
  return { text: contractStates[code], ...contractLooks[code] }
}

/** The months around now, for what runs out when. */
function months(): Record<string, string> {
  const [year = 0, month = 0] = today().split('-').map(Number)
  return Object.fromEntries(
    Array.from({ length: 19 }, (_, n) => {
      const on = new Date(Date.UTC(year, month - 1 - 6 + n, 1)).toISOString().slice(0, 7)
      return [on, `${on.slice(0, 4)} 年 ${Number(on.slice(5))} 月`]
    }),
  )
}

const away = { shown: false, phone: false } as const
const day = (name: string, label: string, more: Partial<Column> = {}): Column => ({
  name,
  label,
  type: 'date',
  source: `contracts.${name}`,
  ...more,
})

const filters: Filter[] = [
  { name: 'state', label: '状态', type: 'select', options: contractStates, where: inState },
  ...regionFilters({ district: 'projects.district_code', street: 'projects.street_code' }),
  belongingTo({
    name: 'company',
    label: '物业企业',
    among: visibleCompanies,
    key: 'companies.id',
    called: 'organisations.name',
    where: 'contracts.company_id',
  }),
  belongingTo({
    name: 'project',
    label: '项目',
    among: visibleProjects,
    key: 'projects.id',
    called: 'projects.name',
    where: 'contracts.project_id',
  }),
  {
    name: 'month',
    label: '到期月份',
    type: 'select',
    options: async () => months(),
    where: (query, month) => void query.whereBetween('contracts.ends_on', [`${month}-01`, `${month}-31`]),
  },
  {
    name: 'within',
    label: '到期',
    type: 'select',
    options: { 30: '30 天内', 60: '60 天内', 90: '90 天内' },
    where: (query, days) =>
      void query
        .where({ 'contracts.state': 'filed' })
        .whereBetween('contracts.ends_on', [today(), addDays(today(), Number(days))]),
  },
  { name: 'phase', label: '服务阶段', type: 'select', options: servicePhases, where: 'contracts.phase' },
  { name: 'filing', label: '备案类型', type: 'select', options: contractFilings, where: 'contracts.filing' },
  {
    name: 'late',
    label: '逾期备案',
    type: 'flag',
    words: ['逾期', '按期'],
    where: (query, yes) => void query.where('contracts.late_days', yes ? '>' : '=', 0),
  },
  { name: 'signed', label: '签订日期', type: 'period', of: 'date', where: 'contracts.signed_on' },
  batchFilter('contracts', 'contracts.id'),
]

const contracts = defineList({
  code: 'contracts',
  label: '合同台账',
  about: '前期物业服务合同和物业服务合同；履行中、即将到期、已到期未续按日期自动计算',
  roles: archiveReaders,
  from: visibleContracts,
  shown: (db, user) =>
    visibleContracts(db, user)
      .leftJoin('organisations as company', 'company.id', 'contracts.company_id')
      .leftJoin('cases', 'cases.id', 'contracts.case_id'),
  key: 'contracts.id',
  columns: [
    { name: 'project', label: '项目', source: 'projects.name' },
    {
      name: 'state',
      label: '状态',
      type: 'state',
      source: 'contracts.state',
      async look() {
        const on = today()
        return row => stateLook(row, on)
      },
    },
    { name: 'number', label: '备案号', type: 'code', source: 'contracts.number' },
    { name: 'company', label: '物业企业', source: 'company.name' },
    { name: 'party', label: '甲方', source: 'contracts.party', phone: false },
    day('starts_on', '开始日', { sort: true }),
    day('ends_on', '截止日', { sort: true }),
    { name: 'fee', label: '物业费单价', type: 'money', unit: '元/㎡·月', source: 'contracts.fee' },
    day('signed_on', '签订日期', { sort: true, phone: false }),
    { name: 'phase', label: '服务阶段', source: 'contracts.phase', words: servicePhases, ...away },
    { name: 'filing', label: '备案类型', source: 'contracts.filing', words: contractFilings, phone: false },
    { name: 'late', label: '逾期备案', type: 'number', unit: '天', source: 'contracts.late_days', ...away },
    day('filed_on', '备案日期', away),
    // With the state it says how the contract stands, so the list always reads it.
    day('ended_on', '提前终止日', away),
    { name: 'reason', label: '终止原因', source: 'contracts.end_reason', words: contractEndReasons, ...away },
    { name: 'fee_mode', label: '收费方式', source: 'contracts.fee_mode', words: feeModes, ...away },
    { name: 'pricing', label: '定价方式', source: 'contracts.pricing', words: pricings, ...away },
    { name: 'level', label: '服务等级', source: 'contracts.service_level', words: serviceLevels, ...away },
    { name: 'area', label: '服务面积', type: 'area', unit: '㎡', source: 'contracts.serviced_area', ...away },
    { name: 'district', label: '区县', source: 'projects.district_code', words: districtNames, phone: false },
    { name: 'street', label: '街道', source: 'projects.street_code', words: regionNames, ...away },
    { name: 'project_code', label: '项目编号', type: 'code', source: 'projects.code', ...away },
    { name: 'case', label: '办件流水号', type: 'code', source: 'cases.serial', ...away },
    ...moments('contracts').map(({ sort: _, ...column }) => column),
  ],
  heading: 'project',
  sort: '-signed_on',
  groups: { filter: 'state' },
  everywhere: 45,
  filters,
  search: {
    about: '项目名称、项目编号、企业名称、合同备案号、甲方，拼音或拼音首字母也行',
    through: [
      { source: 'contracts.project_id', terms: 'projects', texts: ['projects.name', 'projects.former_name', 'projects.code'] },
      {
        source: 'contracts.company_id',
        terms: 'companies',
        texts: [db => db.raw('(select o.name from organisations o where o.id = contracts.company_id)')],
      },
    ],
    starts: ['contracts.number'],
    words: [{ source: 'projects.district_code', words: districtNames, loosely: true }],
  },
  bulk: [proofPrinting('contract', 'contract-end')],
  href: ({ key }) => `/desk/contracts/${key}`,
  actions: user => [
    ...(user.role === 'company-admin' || user.role === 'company-clerk'
      ? [{ href: '/desk/kinds/contract-filing', label: '办理合同备案', icon: 'plus' }]
      : []),
    ...importLink('contracts', user),
  ],
  empty: { title: '还没有合同', text: '前期物业管理备案、物业服务合同备案办结后列在这里；以前备案的可以用 Excel 批量导入。' },
})

export const contractLists: readonly List[] = [contracts]
