import { blindIndex } from '../../../crypto.ts'
import { batchFilter, importLink } from '../../../imports/batches.ts'
import { type Column, defineList, type Filter, type SearchPlan } from '../../../lists/list.ts'
import { has } from '../../../lists/narrowings.ts'
import { districtNames } from '../../../lists/regions.ts'
import { archiveReaders, visibleHouses, visibleOwners, visibleResidents } from '../visible.ts'
import { idTypes, ownerSources, relations } from '../words.ts'
import { ofProject, placeOf, regionOf, throughProject } from './houses.ts'
import { belongingTo, moments, shownSql, tail } from './shared.ts'

/** 业主 and 居民 (domain.md §9.5): names masked on every page and in every file, numbers by their last four signs. */

type Table = 'owners' | 'residents'
const away = { shown: false, phone: false } as const

const where = (table: Table): Column[] => [
  { name: 'house', label: '房屋', source: 'houses.name' },
  { name: 'project', label: '项目', source: 'projects.name' },
  ...placeOf(table),
]

const numbers = (table: Table): Column[] => [
  { name: 'id_type', label: '证件类型', source: `${table}.id_type`, words: idTypes, phone: false },
  tail('id_number', '证件号', `${table}.id_number_last4`, { phone: false }),
  tail('phone', '电话', `${table}.phone_last4`),
]

/** Whether a row still counts, as a state of its own. */
const standing = (table: Table, yes: string, no: string): Column => ({
  name: 'standing',
  label: '状态',
  type: 'state',
  source: `${table}.live`,
  look: async () => row => (row.standing ? { text: yes, tone: 'done' } : { text: no, tone: 'rest' }),
})
const stands = (table: Table, yes: string, no: string): Filter => ({
  name: 'standing',
  label: '状态',
  type: 'select',
  options: { now: yes, before: no },
  where: (query, code) => void (code === 'now' ? query.where({ [`${table}.live`]: 1 }) : query.whereNull(`${table}.live`)),
})

const ofHouse = (table: Table): Filter =>
  belongingTo({
    name: 'house',
    label: '房屋',
    among: visibleHouses,
    key: 'houses.id',
    called: 'houses.name',
    where: `${table}.house_id`,
  })

/** An ID number or telephone number finds by its keyed digest, and only as a whole. */
export const byNumbers =
  (table: string): NonNullable<SearchPlan['exact']> =>
  word => {
    const isPhone = /^(1\d{10}|0\d{9,11}|0\d{2,3}-\d{7,8})$/.test(word)
    const isId = /^[0-9A-Z]{6,18}$/i.test(word) && /\d{4}/.test(word)
    if (!isPhone && !isId) return undefined
    return query => {
      if (isPhone) query.orWhere(`${table}.phone_index`, blindIndex(`${table}.phone`, word))
      if (isId) query.orWhere(`${table}.id_number_index`, blindIndex(`${table}.id_number`, word))
    }
  }

export const owners = defineList({
  code: 'owners',
  label: '业主',
  about: '按房屋登记，一人有几处房屋就有几行',
  roles: archiveReaders,
  from: visibleOwners,
  key: 'owners.id',
  columns: [
    { name: 'name', label: '业主', source: 'owners.name', sort: 'owners.name_key', mask: 'name' },
    ...where('owners'),
    ...numbers('owners'),
    { name: 'share', label: '产权比例', type: 'area', unit: '%', source: 'owners.share' },
    { name: 'area', label: '建筑面积', type: 'area', unit: '㎡', source: 'houses.floor_area' },
    { name: 'title_deed', label: '产权证号或网签号', type: 'code', source: 'owners.title_deed', ...away },
    { name: 'source', label: '登记来源', source: 'owners.source', words: ownerSources, ...away },
    { name: 'starts_on', label: '取得日期', type: 'date', source: 'owners.starts_on', ...away },
    { name: 'ends_on', label: '转出日期', type: 'date', source: 'owners.ends_on', ...away },
    { name: 'delivered_on', label: '交付日期', type: 'date', source: 'houses.delivered_on', ...away },
    {
      name: 'member',
      label: '业委会成员',
      type: 'flag',
      source: shownSql('exists (select 1 from committee_members m where m.owner_id = owners.id and m.live = 1)'),
      ...away,
    },
    { name: 'account', label: '账号绑定', type: 'flag', source: shownSql('owners.user_id is not null'), ...away },
    standing('owners', '现业主', '已转出'),
    ...moments('owners').map(({ sort: _sort, ...column }) => column),
  ],
  heading: 'name',
  sort: 'name',
  groups: { filter: 'standing' },
  filters: [
    ofProject('owners'),
    ofHouse('owners'),
    ...regionOf('owners'),
    stands('owners', '现业主', '已转出'),
    { name: 'id_type', label: '证件类型', type: 'select', options: idTypes, where: 'owners.id_type' },
    has({ name: 'account', label: '账号绑定', source: 'owners.user_id', words: ['已绑定', '未绑定'] }),
    batchFilter('owners', 'owners.id'),
  ],
  search: {
    about: '姓名或名称的开头，完整的证件号、手机号，产权证号的开头，房号，项目名称',
    through: throughProject('owners'),
    starts: ['owners.name', 'owners.title_deed', 'houses.name'],
    words: [{ source: 'owners.district_code', words: districtNames, loosely: true }],
    exact: byNumbers('owners'),
  },
  href: row => `/desk/owners/${row.key}`,
  actions: user => importLink('owners', user),
  empty: { title: '还没有业主', text: '业主在房屋档案里登记，或用 Excel 按项目批量导入。' },
})

export const residents = defineList({
  code: 'residents',
  label: '居民',
  about: '住在或使用房屋的人，不论是不是业主',
  roles: archiveReaders,
  from: visibleResidents,
  key: 'residents.id',
  columns: [
    { name: 'name', label: '姓名', source: 'residents.name', sort: 'residents.name_key', mask: 'name' },
    { name: 'relation', label: '与房屋的关系', source: 'residents.relation', words: relations },
    ...where('residents'),
    ...numbers('residents'),
    { name: 'starts_on', label: '入住日期', type: 'date', source: 'residents.starts_on' },
    { name: 'ends_on', label: '迁出日期', type: 'date', source: 'residents.ends_on', ...away },
    standing('residents', '在住', '已迁出'),
    ...moments('residents').map(({ sort: _sort, ...column }) => column),
  ],
  heading: 'name',
  sort: 'name',
  groups: { filter: 'relation' },
  filters: [
    ofProject('residents'),
    ofHouse('residents'),
    ...regionOf('residents'),
    { name: 'relation', label: '与房屋的关系', type: 'select', options: relations, where: 'residents.relation' },
    stands('residents', '在住', '已迁出'),
  ],
  search: {
    about: '姓名的开头，完整的证件号、手机号，房号，项目名称',
    through: throughProject('residents'),
    starts: ['residents.name', 'houses.name'],
    words: [{ source: 'residents.district_code', words: districtNames, loosely: true }],
    exact: byNumbers('residents'),
  },
  href: row => `/desk/residents/${row.key}`,
  empty: { title: '还没有居民', text: '居民在房屋档案里登记。' },
})
