import { batchFilter, importLink } from '../../../imports/batches.ts'
import type { Tone } from '../../../lists/list.ts'
import { type Column, defineList, type Filter } from '../../../lists/list.ts'
import { regionFilters } from '../../../lists/narrowings.ts'
import { districtNames, regionNames } from '../../../lists/regions.ts'
import { archiveReaders, presentBuildings, presentProjects, visibleHouses } from '../visible.ts'
import { buildingTypes, type HouseState, housePurposes, houseStates, structures } from '../words.ts'
import { belongingTo, moments, shownSql } from './shared.ts'

/** 楼栋 and 房屋, project by project in the order in which they were entered. */

const away = { shown: false, phone: false } as const

/** Where a row lies; district and street stand beside it, so that a scope is read by index. */
export const placeOf = (table: string): Column[] => [
  { name: 'district', label: '区县', source: `${table}.district_code`, words: districtNames, ...away },
  { name: 'street', label: '街道', source: `${table}.street_code`, words: regionNames, ...away },
]
export const regionOf = (table: string) => regionFilters({ district: `${table}.district_code`, street: `${table}.street_code` })

/** The rows of one project. */
export const ofProject = (table: string): Filter =>
  belongingTo({
    name: 'project',
    label: '项目',
    among: presentProjects,
    key: 'projects.id',
    called: 'projects.name',
    where: `${table}.project_id`,
  })

/** Found by their project, as it is called. */
export const throughProject = (table: string) =>
  [
    { source: `${table}.project_id`, terms: 'projects', texts: ['projects.name', 'projects.former_name', 'projects.code'] },
  ] as const

export const buildings = defineList({
  code: 'buildings',
  label: '楼栋',
  roles: archiveReaders,
  from: presentBuildings,
  key: 'buildings.id',
  columns: [
    { name: 'name', label: '楼号', source: 'buildings.name' },
    { name: 'project', label: '项目', source: 'projects.name', sort: 'buildings.project_id' },
    { name: 'building_type', label: '用途', source: 'buildings.building_type', words: buildingTypes },
    { name: 'structure', label: '结构', source: 'buildings.structure', words: structures },
    { name: 'floors_above', label: '地上层数', type: 'number', unit: '层', source: 'buildings.floors_above' },
    { name: 'floors_below', label: '地下层数', type: 'number', unit: '层', source: 'buildings.floors_below', ...away },
    { name: 'unit_count', label: '单元', type: 'number', unit: '个', source: 'buildings.unit_count' },
    { name: 'house_count', label: '户数', type: 'number', unit: '户', source: 'buildings.house_count' },
    { name: 'floor_area', label: '建筑面积', type: 'area', unit: '㎡', source: 'buildings.floor_area' },
    { name: 'shared_area', label: '其中共用面积', type: 'area', unit: '㎡', source: 'buildings.shared_area', ...away },
    { name: 'elevator_count', label: '电梯数', type: 'number', unit: '部', source: 'buildings.elevator_count' },
    { name: 'completed_year', label: '竣工年份', type: 'code', source: 'buildings.completed_year' },
    ...placeOf('buildings'),
    ...moments('buildings').map(({ sort: _sort, ...column }) => column),
  ],
  heading: 'name',
  sort: 'project',
  groups: { filter: 'building_type' },
  filters: [
    ofProject('buildings'),
    ...regionOf('buildings'),
    { name: 'building_type', label: '用途', type: 'select', options: buildingTypes, where: 'buildings.building_type' },
    { name: 'structure', label: '结构', type: 'select', options: structures, where: 'buildings.structure' },
    { name: 'floors', label: '地上层数', type: 'range', unit: '层', where: 'buildings.floors_above' },
    { name: 'completed', label: '竣工年份', type: 'range', unit: '年', where: 'buildings.completed_year' },
    {
      name: 'lifted',
      label: '电梯',
      type: 'flag',
      words: ['有', '没有'],
      where: (query, yes) => void query.where('buildings.elevator_count', yes ? '>' : '=', 0),
    },
  ],
  search: {
    about: '项目名称、曾用名、项目编号，楼号，区县街道',
    through: throughProject('buildings'),
    starts: ['buildings.name'],
    words: [
      { source: 'buildings.district_code', words: districtNames, loosely: true },
      { source: 'buildings.street_code', words: regionNames, loosely: true },
    ],
  },
  href: row => `/desk/buildings/${row.key}`,
  empty: { title: '还没有楼栋', text: '楼栋在项目档案里登记，或随项目一起用 Excel 导入。' },
})

const houseTones: Record<HouseState, Tone> = { unsold: 'rest', sold: 'desk', delivered: 'done', vacant: 'rest', rented: 'public' }

export const houses = defineList({
  code: 'houses',
  label: '房屋',
  roles: archiveReaders,
  from: visibleHouses,
  shown: db =>
    db('houses')
      .leftJoin('projects', 'projects.id', 'houses.project_id')
      .leftJoin('buildings', 'buildings.id', 'houses.building_id'),
  key: 'houses.id',
  columns: [
    { name: 'name', label: '房号', source: 'houses.name' },
    { name: 'project', label: '项目', source: 'projects.name', sort: 'houses.project_id' },
    { name: 'building', label: '楼栋', source: 'buildings.name', ...away },
    { name: 'unit', label: '单元', source: 'houses.unit', ...away },
    { name: 'floor', label: '所在层', type: 'number', unit: '层', source: 'houses.floor', ...away },
    { name: 'room', label: '室号', type: 'code', source: 'houses.room', ...away },
    { name: 'purpose', label: '用途', source: 'houses.purpose', words: housePurposes },
    { name: 'floor_area', label: '建筑面积', type: 'area', unit: '㎡', source: 'houses.floor_area' },
    { name: 'inner_area', label: '套内面积', type: 'area', unit: '㎡', source: 'houses.inner_area', ...away },
    { name: 'state', label: '状态', type: 'state', source: 'houses.state', words: houseStates, tones: houseTones },
    { name: 'delivered_on', label: '交付日期', type: 'date', source: 'houses.delivered_on' },
    {
      name: 'owner',
      label: '业主',
      source: shownSql(
        '(select o.name from owners o where o.house_id = houses.id and o.live = 1 order by o.share desc, o.id limit 1)',
      ),
      mask: 'name',
    },
    {
      name: 'owners',
      label: '业主人数',
      type: 'number',
      unit: '人',
      source: shownSql('(select count(*) from owners o where o.house_id = houses.id and o.live = 1)'),
      ...away,
    },
    {
      name: 'residents',
      label: '居民人数',
      type: 'number',
      unit: '人',
      source: shownSql('(select count(*) from residents r where r.house_id = houses.id and r.live = 1)'),
      ...away,
    },
    ...placeOf('houses'),
    ...moments('houses').map(({ sort: _sort, ...column }) => column),
  ],
  heading: 'name',
  sort: 'project',
  groups: { filter: 'state' },
  filters: [
    ofProject('houses'),
    belongingTo({
      name: 'building',
      label: '楼栋',
      among: presentBuildings,
      key: 'buildings.id',
      called: 'buildings.name',
      where: 'houses.building_id',
    }),
    ...regionOf('houses'),
    { name: 'state', label: '状态', type: 'select', options: houseStates, where: 'houses.state' },
    { name: 'purpose', label: '用途', type: 'select', options: housePurposes, where: 'houses.purpose' },
    { name: 'area', label: '建筑面积', type: 'range', unit: '㎡', digits: 2, where: 'houses.floor_area' },
    batchFilter('houses', 'houses.id'),
  ],
  search: {
    about: '项目名称、曾用名、项目编号，房号或室号的开头，区县街道；如“项目名 3号楼-2单元”',
    through: throughProject('houses'),
    starts: ['houses.name', 'houses.room'],
    words: [
      { source: 'houses.district_code', words: districtNames, loosely: true },
      { source: 'houses.street_code', words: regionNames, loosely: true },
      { source: 'houses.state', words: houseStates },
      { source: 'houses.purpose', words: housePurposes },
    ],
  },
  href: row => `/desk/houses/${row.key}`,
  actions: user => importLink('houses', user),
  empty: { title: '还没有房屋', text: '房屋在项目的楼栋里登记，或用 Excel 按项目批量导入。' },
})
