import type { Knex } from 'knex'
import { addDays } from '../../../calendar.ts'
import { today } from '../../../clock.ts'
import { batchFilter, importLink } from '../../../imports/batches.ts'
import { type Column, defineList, type Filter, type Row, type Tone } from '../../../lists/list.ts'
import { has, regionFilters, within } from '../../../lists/narrowings.ts'
import { districtNames, regionNames } from '../../../lists/regions.ts'
import { archiveReaders, presentPeople, presentProjects, visibleCompanies, visibleDevelopers } from '../visible.ts'
import {
  committeeStates,
  feeModes,
  heatings,
  landRights,
  propertyTypes,
  type Stage,
  selectionMethods,
  serviceLevels,
  stages,
} from '../words.ts'
import { belongingTo, formerNames, hasAny, keeping, runningContract, shownSql } from './shared.ts'

/** 项目（小区） (domain.md §9.3), with who serves them now. */

const stageTones: Record<Stage, Tone> = {
  divided: 'rest',
  tendering: 'public',
  early: 'done',
  selected: 'done',
  'self-managed': 'desk',
  unmanaged: 'no',
  withdrawn: 'no',
}

/** Joined from the left, for filters: the link that runs now, the committee and its present term. */
function linked(query: Knex.QueryBuilder): Knex.QueryBuilder {
  return query
    .leftJoin('project_links as link', on => on.on('link.project_id', 'projects.id').onVal('link.live', 1))
    .leftJoin('committees as committee', on => on.on('committee.project_id', 'projects.id').onVal('committee.live', 1))
    .leftJoin('committee_terms as term', on => on.on('term.committee_id', 'committee.id').onVal('term.live', 1))
}

/** And for what is shown: who serves it and who is in charge there, who built it. */
const named = (query: Knex.QueryBuilder) =>
  linked(query)
    .leftJoin('organisations as company', 'company.id', 'link.company_id')
    .leftJoin('people as manager', 'manager.id', 'link.manager_id')
    .leftJoin('organisations as developer', 'developer.id', 'projects.developer_id')

/** The name of an organisation that a column points to. */
const nameOf = (column: string) => shownSql(`(select o.name from organisations o where o.id = ${column})`)

/** One fact of the contract that runs now, or ran last. */
const contract = (column: string) =>
  shownSql(
    `(select c.${column} from contracts c where c.project_id = projects.id and c.state = 'filed' order by c.ends_on desc, c.id desc limit 1)`,
  )

/** One fact of the fee that is charged for the main type now. */
const fee = (column: string) =>
  shownSql(
    `(select f.${column} from project_fees f where f.project_id = projects.id and f.property_type = projects.property_type and f.live = 1)`,
  )

/** Whether a committee is there, and how its term stands today. */
function committeeText({ committee, term_until }: Row): string {
  if (committee === null || committee === undefined) return '未成立'
  const state = String(committee) as keyof typeof committeeStates // the column holds nothing else
  if (state !== 'in-term' || !term_until) return committeeStates[state]
  if (String(term_until) < today()) return committeeStates.overdue
  return String(term_until) <= addDays(today(), 90) ? committeeStates.expiring : committeeStates['in-term']
}

function deliveredText({ house_count, delivered_count }: Row): string | null {
  const [all, delivered] = [Number(house_count ?? 0), Number(delivered_count ?? 0)]
  return all ? `${((delivered / all) * 100).toFixed(1)}%` : null
}

const away = { shown: false, phone: false } as const
const area = (name: string, label: string): Column => ({
  name,
  label,
  type: 'area',
  unit: '㎡',
  source: `projects.${name}`,
  ...away,
})
const count = (name: string, label: string, unit: string): Column => ({
  name,
  label,
  type: 'number',
  unit,
  source: `projects.${name}`,
  ...away,
})
const text = (name: string, label: string): Column => ({ name, label, source: `projects.${name}`, ...away })
const day = (name: string, label: string): Column => ({ name, label, type: 'date', source: `projects.${name}`, ...away })

const columns: Column[] = [
  { name: 'name', label: '项目名称', source: 'projects.name', sort: 'projects.name_key' },
  { name: 'stage', label: '项目阶段', type: 'state', source: 'projects.stage', words: stages, tones: stageTones },
  { name: 'district', label: '区县', source: 'projects.district_code', words: districtNames },
  { name: 'street', label: '街道', source: 'projects.street_code', words: regionNames },
  { name: 'company', label: '现物业企业', source: 'company.name' },
  { name: 'floor_area', label: '总建筑面积', type: 'area', unit: '㎡', source: 'projects.floor_area', sort: true },
  { name: 'house_count', label: '总户数', type: 'number', unit: '户', source: 'projects.house_count' },
  { name: 'contract_until', label: '合同到期日', type: 'date', source: contract('ends_on') },
  { name: 'committee', label: '业委会', source: 'committee.state', text: committeeText },
  { name: 'term_until', label: '业委会到期日', type: 'date', source: 'term.ends_on', ...away },
  { name: 'term', label: '业委会届次', type: 'number', unit: '届', source: 'term.sequence', ...away },
  { name: 'property_type', label: '物业类型', source: 'projects.property_type', words: propertyTypes, ...away },
  { name: 'code', label: '项目编号', type: 'code', source: 'projects.code', ...away },
  text('former_name', '曾用名'),
  text('address', '坐落'),
  text('community', '社区居委会'),
  text('bounds', '四至'),
  { name: 'longitude', label: '经度', type: 'code', source: 'projects.longitude', ...away },
  { name: 'latitude', label: '纬度', type: 'code', source: 'projects.latitude', ...away },
  { name: 'is_old', label: '老旧小区', type: 'flag', source: 'projects.is_old', ...away },
  { name: 'is_affordable', label: '保障房', type: 'flag', source: 'projects.is_affordable', ...away },
  { name: 'developer', label: '开发企业', source: 'developer.name', ...away },
  { name: 'land_right', label: '土地使用权取得方式', source: 'projects.land_right', words: landRights, ...away },
  { name: 'land_permit', label: '用地规划许可证号', type: 'code', source: 'projects.land_permit', ...away },
  { name: 'planning_permit', label: '工程规划许可证号', type: 'code', source: 'projects.planning_permit', ...away },
  { name: 'presale_permit', label: '预售证号', type: 'code', source: 'projects.presale_permit', ...away },
  day('completed_on', '竣工备案日期'),
  day('first_delivered_on', '首次交付日期'),
  area('land_area', '占地面积'),
  area('multi_storey_area', '多层住宅'),
  area('high_rise_area', '高层住宅'),
  area('villa_area', '别墅'),
  area('office_area', '办公'),
  area('commercial_area', '商业'),
  area('industrial_area', '工业'),
  area('school_area', '学校'),
  area('hospital_area', '医院'),
  area('other_area', '其他面积'),
  area('underground_area', '地下'),
  area('green_area', '绿地面积'),
  { name: 'green_rate', label: '绿地率', type: 'area', unit: '%', source: 'projects.green_rate', ...away },
  { name: 'plot_ratio', label: '容积率', type: 'area', source: 'projects.plot_ratio', ...away },
  count('building_count', '楼栋数', '栋'),
  count('unit_count', '单元数', '个'),
  count('residence_count', '住宅户数', '户'),
  count('other_house_count', '非住宅户数', '户'),
  count('sold_count', '已售户数', '户'),
  count('delivered_count', '已交付户数', '户'),
  area('delivered_area', '已交付面积'),
  { name: 'delivered', label: '交付比例', type: 'code', source: 'projects.delivered_count', text: deliveredText, ...away },
  count('occupied_count', '入住户数', '户'),
  count('elevator_count', '电梯', '部'),
  text('fire_system', '消防系统'),
  text('surveillance', '监控'),
  text('water_supply', '二次供水'),
  text('power_supply', '配电'),
  { name: 'heating', label: '供暖方式', source: 'projects.heating', words: heatings, ...away },
  count('parking_count', '机动车位', '个'),
  count('parking_ground_count', '地上车位', '个'),
  count('parking_underground_count', '地下车位', '个'),
  count('parking_owned_count', '产权车位', '个'),
  count('parking_shelter_count', '人防车位', '个'),
  count('charger_count', '充电桩', '个'),
  count('waste_point_count', '垃圾分类点', '个'),
  area('service_room_area', '物业服务用房面积'),
  text('service_room_place', '物业服务用房位置'),
  text('service_room_title', '物业服务用房产权'),
  area('committee_room_area', '业委会用房面积'),
  day('service_room_on', '用房移交日期'),
  { name: 'service_room_altered', label: '用房用途已改变', type: 'flag', source: 'projects.service_room_altered', ...away },
  { name: 'manager', label: '项目负责人', source: 'manager.name', ...away },
  { name: 'served_since', label: '接管日期', type: 'date', source: 'link.starts_on', ...away },
  { name: 'method', label: '选聘方式', source: 'link.method', words: selectionMethods, ...away },
  count('staff_count', '服务人员数', '人'),
  { name: 'contract', label: '合同备案号', type: 'code', source: contract('number'), ...away },
  { name: 'contract_from', label: '合同起始日', type: 'date', source: contract('starts_on'), ...away },
  { name: 'fee_mode', label: '收费方式', source: contract('fee_mode'), words: feeModes, ...away },
  { name: 'fee', label: '物业费单价', type: 'money', unit: '元/㎡·月', source: fee('price'), ...away },
  { name: 'service_level', label: '服务等级', source: fee('service_level'), words: serviceLevels, ...away },
  { name: 'fund_collected', label: '维修资金归集额', type: 'money', unit: '万元', source: 'projects.fund_collected', ...away },
  { name: 'fund_balance', label: '维修资金余额', type: 'money', unit: '万元', source: 'projects.fund_balance', ...away },
  text('honours', '示范称号'),
  { name: 'inspection_score', label: '检查得分', type: 'area', source: 'projects.inspection_score', ...away },
  ...keeping('projects'),
]

/** The last day of the last contract; one that another follows does not end the service. */
const lastEnd = "(select max(c.ends_on) from contracts c where c.project_id = projects.id and c.state = 'filed')"

const filters: Filter[] = [
  ...regionFilters({ district: 'projects.district_code', street: 'projects.street_code' }),
  { name: 'stage', label: '项目阶段', type: 'select', options: stages, where: 'projects.stage' },
  { name: 'property_type', label: '物业类型', type: 'select', options: propertyTypes, where: 'projects.property_type' },
  belongingTo({
    name: 'company',
    label: '现物业企业',
    among: visibleCompanies,
    key: 'companies.id',
    called: 'organisations.name',
    where: 'link.company_id',
  }),
  belongingTo({
    name: 'developer',
    label: '开发企业',
    among: visibleDevelopers,
    key: 'developers.id',
    called: 'organisations.name',
    where: 'projects.developer_id',
  }),
  belongingTo({
    name: 'manager',
    label: '项目负责人',
    among: presentPeople,
    key: 'people.id',
    called: 'people.name',
    where: 'link.manager_id',
  }),
  {
    ...within({ name: 'ending', label: '合同到期', source: '' }),
    where: (query: Knex.QueryBuilder, term: string) => {
      const day = today()
      if (term === 'past') return void query.whereRaw(`${lastEnd} < ?`, [day])
      const days = [day, addDays(day, Number(term))] as const
      // The few contracts that end then lead; whether each is the last is asked of those.
      query
        .whereIn('projects.id', rows =>
          rows.from('contracts').where({ state: 'filed' }).whereBetween('ends_on', days).select('project_id'),
        )
        .whereRaw(`${lastEnd} between ? and ?`, [...days])
    },
  },
  within({ name: 'term', label: '业委会届期', source: 'term.ends_on' }),
  has({ name: 'served', label: '物业企业', source: 'link.id' }),
  hasAny({
    name: 'contracted',
    label: '履行中的合同',
    sql: `from contracts c where c.project_id = projects.id and ${runningContract.sql}`,
    values: runningContract.values,
  }),
  has({ name: 'formed', label: '业委会', source: 'committee.id', words: ['已成立或筹备', '未成立'] }),
  has({ name: 'placed', label: '经纬度', source: 'projects.longitude' }),
  has({ name: 'manned', label: '项目负责人', source: 'link.manager_id' }),
  {
    name: 'roomed',
    label: '物业服务用房',
    type: 'flag',
    words: ['已登记', '未登记'],
    where: (query, yes) =>
      void (yes ? query.where('projects.service_room_area', '>', 0) : query.where('projects.service_room_area', 0)),
  },
  { name: 'old', label: '老旧小区', type: 'flag', where: (query, yes) => void query.where({ 'projects.is_old': yes }) },
  {
    name: 'affordable',
    label: '保障房',
    type: 'flag',
    where: (query, yes) => void query.where({ 'projects.is_affordable': yes }),
  },
  { name: 'heating', label: '供暖方式', type: 'select', options: heatings, where: 'projects.heating' },
  { name: 'area', label: '总建筑面积', type: 'range', unit: '㎡', digits: 2, where: 'projects.floor_area' },
  { name: 'houses', label: '总户数', type: 'range', unit: '户', where: 'projects.house_count' },
  { name: 'delivered', label: '首次交付日期', type: 'period', of: 'date', where: 'projects.first_delivered_on' },
  batchFilter('projects', 'projects.id'),
]

export const projects = defineList({
  code: 'projects',
  label: '项目',
  roles: archiveReaders,
  from: (db, user) => linked(presentProjects(db, user)),
  shown: db => named(db('projects')),
  key: 'projects.id',
  columns,
  heading: 'name',
  sort: 'name',
  groups: { filter: 'stage' },
  everywhere: 40,
  filters,
  search: {
    about: '项目名称、曾用名、坐落、项目编号、物业企业、开发企业、区县街道，拼音或拼音首字母也行',
    terms: 'projects',
    texts: ['projects.name', 'projects.former_name', 'projects.address', 'projects.code', formerNames('projects', 'projects.id')],
    through: [
      { source: 'link.company_id', terms: 'companies', texts: [nameOf('link.company_id')] },
      { source: 'projects.developer_id', terms: 'developers', texts: [nameOf('projects.developer_id')] },
    ],
    words: [
      { source: 'projects.district_code', words: districtNames, loosely: true },
      { source: 'projects.street_code', words: regionNames, loosely: true },
      { source: 'projects.stage', words: stages },
      { source: 'projects.property_type', words: propertyTypes },
    ],
  },
  href: row => `/desk/projects/${row.key}`,
  actions: user => {
    const { role } = user
    const map = { href: '/desk/projects/map', label: '项目分布图', icon: 'map-pin' }
    const enter = { href: '/desk/kinds/project-new', label: '项目建档', icon: 'plus' }
    return role === 'developer' || role.startsWith('company') ? [enter, map] : [...importLink('projects', user), map]
  },
  empty: { title: '还没有项目', text: '开发企业或物业企业申请项目建档、经区县核准后列在这里；市、区县也可以用 Excel 批量导入。' },
})
