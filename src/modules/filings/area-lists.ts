import { batchFilter, importLink } from '../../imports/batches.ts'
import { type Column, defineList, type List } from '../../lists/list.ts'
import { has, regionFilters } from '../../lists/narrowings.ts'
import { districtNames, regionNames } from '../../lists/regions.ts'
import { archiveReaders } from '../archives/visible.ts'
import { visibleAreas } from './areas.ts'
import { proofPrinting } from './proof-print.ts'
import { areaStates } from './words.ts'

/** 区域登记: the register of 物业服务区域 (domain.md §5.1). */

const away = { shown: false, phone: false } as const
const area = (name: string, label: string): Column => ({
  name,
  label,
  type: 'area',
  unit: '㎡',
  source: `areas.${name}`,
  ...away,
})
const count = (name: string, label: string, unit: string): Column => ({
  name,
  label,
  type: 'number',
  unit,
  source: `areas.${name}`,
  ...away,
})

export const areas = defineList({
  code: 'areas',
  label: '区域登记',
  roles: archiveReaders,
  from: visibleAreas,
  shown: (db, user) => visibleAreas(db, user).leftJoin('organisations as developer', 'developer.id', 'areas.developer_id'),
  key: 'areas.id',
  columns: [
    { name: 'name', label: '项目名称', source: 'areas.name', sort: 'areas.name_key' },
    {
      name: 'state',
      label: '状态',
      type: 'state',
      source: 'areas.state',
      words: areaStates,
      tones: { registered: 'done', adjusted: 'rest', cancelled: 'no' },
    },
    { name: 'number', label: '登记编号', type: 'code', source: 'areas.number' },
    { name: 'registered_on', label: '登记日期', type: 'date', source: 'areas.registered_on', sort: true },
    { name: 'district', label: '区县', source: 'areas.district_code', words: districtNames },
    { name: 'street', label: '街道', source: 'areas.street_code', words: regionNames },
    { name: 'developer', label: '建设单位', source: 'developer.name' },
    { name: 'floor_area', label: '总建筑面积', type: 'area', unit: '㎡', source: 'areas.floor_area', sort: true },
    count('house_count', '规划户数', '户'),
    count('building_count', '楼栋数', '栋'),
    count('parking_count', '机动车位', '个'),
    area('land_area', '用地面积'),
    area('residential_area', '住宅面积'),
    area('other_area', '非住宅面积'),
    area('underground_area', '地下面积'),
    area('service_room_area', '物业服务用房'),
    { name: 'service_room_place', label: '用房位置', source: 'areas.service_room_place', ...away },
    { name: 'address', label: '坐落', source: 'areas.address', ...away },
    { name: 'approved_name', label: '地名办批准名称', source: 'areas.approved_name', ...away },
    { name: 'code', label: '项目编号', type: 'code', source: 'projects.code', ...away },
    { name: 'land_permit', label: '用地规划许可证号', type: 'code', source: 'areas.land_permit', ...away },
    { name: 'planning_permit', label: '工程规划许可证号', type: 'code', source: 'areas.planning_permit', ...away },
    { name: 'ended_on', label: '终止日期', type: 'date', source: 'areas.ended_on', ...away },
  ],
  heading: 'name',
  sort: '-registered_on',
  groups: { filter: 'state' },
  filters: [
    { name: 'state', label: '状态', type: 'select', options: areaStates, where: 'areas.state' },
    ...regionFilters({ district: 'areas.district_code', street: 'areas.street_code' }),
    { name: 'registered', label: '登记日期', type: 'period', of: 'date', where: 'areas.registered_on' },
    { name: 'area', label: '总建筑面积', type: 'range', unit: '㎡', digits: 2, where: 'areas.floor_area' },
    has({ name: 'mapped', label: '区域附图', source: 'areas.map_file_id' }),
    {
      name: 'roomed',
      label: '物业服务用房',
      type: 'flag',
      words: ['达到 3‰', '不足 3‰'],
      where: (query, yes) => void query.whereRaw(`areas.service_room_area * 1000 ${yes ? '>=' : '<'} areas.floor_area * 3`),
    },
    batchFilter('areas', 'areas.id'),
  ],
  search: {
    about: '项目名称、曾用名、坐落、项目编号、登记编号，拼音或拼音首字母也行',
    through: [
      {
        source: 'areas.project_id',
        terms: 'projects',
        texts: ['areas.name', 'areas.approved_name', 'areas.address', 'areas.number', 'projects.name', 'projects.code'],
      },
    ],
    words: [
      { source: 'areas.district_code', words: districtNames, loosely: true },
      { source: 'areas.street_code', words: regionNames, loosely: true },
    ],
  },
  bulk: [proofPrinting('area')],
  href: row => `/desk/areas/${row.key}`,
  actions: user => [
    ...(user.role === 'developer' ? [{ href: '/desk/kinds/area-division', label: '申请区域划分', icon: 'plus' }] : []),
    ...importLink('areas', user),
  ],
  empty: { title: '还没有区域登记', text: '建设单位申请区域划分、经区县登记后列在这里；以前登记的可以用 Excel 批量导入。' },
})

export const areaLists: readonly List[] = [areas]
