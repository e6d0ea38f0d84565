import type { Knex } from 'knex'
import { z } from 'zod'
import {
  checkbox,
  choice,
  date,
  decimal,
  type FieldMeta,
  integer,
  optionalChoice,
  optionalDate,
  optionalDecimal,
  optionalText,
  text,
} from '../../forms/form.ts'
import type { Archive, RecordAnswers } from './archive.ts'
import { areaOf, countOf, note } from './fields.ts'
import { keepHouseName, keepHouseNames } from './house-names.ts'
import {
  type AreaBasis,
  buildingTypes,
  heatings,
  housePurposes,
  houseStates,
  landRights,
  optionsOf,
  pricings,
  propertyTypes,
  serviceLevels,
  stages,
  structures,
} from './words.ts'

/** 项目（小区）, 楼栋, 房屋 and 收费标准 (domain.md §9.3). */

const star = { star: true } as const
const place = { type: 'select' } satisfies Partial<FieldMeta>

export const projectForm = z.object({
  name: text({ label: '项目名称', section: '基本情况', max: 100, ...star }),
  former_name: note('曾用名', 200),
  address: text({ label: '坐落', max: 300, wide: true, ...star }),
  district_code: text({ label: '区县', ...place, ...star }),
  street_code: text({ label: '街道', ...place, ...star }),
  community: note('社区居委会', 60),
  bounds: note('四至', 500, { wide: true, hint: '东至、南至、西至、北至' }),
  longitude: optionalDecimal({ label: '经度', digits: 6, min: 73, max: 136, hint: '如 117.024967' }),
  latitude: optionalDecimal({ label: '纬度', digits: 6, min: 3, max: 54, hint: '如 36.682785' }),
  property_type: choice({ label: '物业类型', options: optionsOf(propertyTypes) }),
  stage: choice({ label: '项目阶段', options: optionsOf(stages) }),
  is_old: checkbox({ label: '老旧小区' }),
  is_affordable: checkbox({ label: '保障房' }),
  land_right: optionalChoice({ label: '土地使用权取得方式', section: '开发与用地', options: optionsOf(landRights) }),
  land_permit: note('用地规划许可证号', 60),
  planning_permit: note('工程规划许可证号', 60),
  presale_permit: note('预售证号', 60),
  completed_on: optionalDate({ label: '竣工备案日期' }),
  first_delivered_on: optionalDate({ label: '首次交付日期', ...star }),
  phases: note('分期说明', 500, { type: 'textarea' }),
  land_area: areaOf('占地面积', { section: '面积' }),
  floor_area: decimal({ label: '总建筑面积', unit: '㎡', digits: 2, min: 0, max: 99_999_999, ...star }),
  multi_storey_area: areaOf('多层住宅'),
  high_rise_area: areaOf('高层住宅'),
  villa_area: areaOf('别墅'),
  office_area: areaOf('办公'),
  commercial_area: areaOf('商业'),
  industrial_area: areaOf('工业'),
  school_area: areaOf('学校'),
  hospital_area: areaOf('医院'),
  other_area: areaOf('其他'),
  underground_area: areaOf('地下'),
  green_area: areaOf('绿地面积'),
  green_rate: optionalDecimal({ label: '绿地率', unit: '%', digits: 2, min: 0, max: 100 }),
  plot_ratio: optionalDecimal({ label: '容积率', digits: 2, min: 0, max: 50 }),
  building_count: integer({ label: '楼栋数', section: '户数', unit: '栋', min: 0, max: 10_000, ...star }),
  unit_count: countOf('单元数', '个'),
  house_count: integer({ label: '总户数', unit: '户', min: 0, max: 1_000_000, ...star }),
  residence_count: countOf('住宅户数', '户'),
  other_house_count: countOf('非住宅户数', '户'),
  sold_count: countOf('已售户数', '户'),
  delivered_count: integer({ label: '已交付户数', unit: '户', min: 0, max: 1_000_000, ...star }),
  delivered_area: decimal({ label: '已交付面积', unit: '㎡', digits: 2, min: 0, max: 99_999_999, ...star }),
  occupied_count: countOf('入住户数', '户'),
  elevator_count: countOf('电梯', '部', { section: '设施设备' }),
  fire_system: note('消防系统', 200),
  surveillance: note('监控', 200),
  water_supply: note('二次供水', 200),
  power_supply: note('配电', 200),
  heating: optionalChoice({ label: '供暖方式', options: optionsOf(heatings) }),
  parking_count: countOf('机动车位合计', '个'),
  parking_ground_count: countOf('地上车位', '个'),
  parking_underground_count: countOf('地下车位', '个'),
  parking_owned_count: countOf('产权车位', '个'),
  parking_shelter_count: countOf('人防车位', '个'),
  charger_count: countOf('充电桩', '个'),
  waste_point_count: countOf('垃圾分类点', '个'),
  service_room_area: areaOf('物业服务用房面积', { section: '物业服务用房' }),
  service_room_place: note('位置（楼栋、层）', 60),
  service_room_title: note('产权登记', 100),
  committee_room_area: areaOf('业委会用房面积'),
  service_room_on: optionalDate({ label: '移交日期' }),
  service_room_altered: checkbox({ label: '用途已改变' }),
  staff_count: countOf('服务人员数', '人', { section: '服务与考核' }),
  fund_collected: optionalDecimal({ label: '维修资金归集额', unit: '万元', digits: 2, min: 0, max: 10_000_000 }),
  fund_balance: optionalDecimal({ label: '维修资金余额', unit: '万元', digits: 2, min: 0, max: 10_000_000 }),
  honours: note('示范称号', 500, { wide: true }),
  inspection_score: optionalDecimal({ label: '检查得分', digits: 2, min: 0, max: 100 }),
})

const projectAreas = [
  'land_area',
  'multi_storey_area',
  'high_rise_area',
  'villa_area',
  'office_area',
  'commercial_area',
  'industrial_area',
  'school_area',
  'hospital_area',
  'other_area',
  'underground_area',
  'service_room_area',
  'committee_room_area',
]

const projectCounts = [
  'unit_count',
  'residence_count',
  'other_house_count',
  'sold_count',
  'occupied_count',
  'elevator_count',
  'parking_count',
  'parking_ground_count',
  'parking_underground_count',
  'parking_owned_count',
  'parking_shelter_count',
  'charger_count',
  'waste_point_count',
]

export const projects: Archive = {
  code: 'projects',
  label: '项目',
  tables: ['projects'],
  form: projectForm,
  sorted: { name: 'plain' },
  zeros: [...projectAreas, ...projectCounts],
  // How a project stands, and how it was judged, is for the office to say.
  office: ['stage', 'honours', 'inspection_score', 'fund_collected', 'fund_balance'],
  async follows(trx, id, after, changed) {
    if (changed.includes('street_code') || changed.includes('district_code')) await moveScope(trx, id, after)
  },
  terms: {
    scopes: ['projects'],
    async texts(db, id, { name = '', former_name = '', address = '' }) {
      const row: { code: string } | undefined = await db('projects').where({ id }).first('code')
      const former: string[] = await db('changes')
        .where({ table_name: 'projects', row_id: id, field: 'name' })
        .whereNotNull('before')
        .pluck('before')
      return [name, former_name, address, row?.code ?? '', ...former]
    },
  },
}

/** Who sees a project's company and committee follows the project to another street (domain.md §2). */
async function moveScope(trx: Knex.Transaction, project_id: number, after: RecordAnswers): Promise<void> {
  const { district_code, street_code } = after
  await trx('organisations')
    .whereIn('id', trx('committees').where({ project_id, live: 1 }).select('id'))
    .update({ district_code, street_code, region_code: street_code })
  const link: { company_id: number } | undefined = await trx('project_links').where({ project_id, live: 1 }).first('company_id')
  if (link) await keepServedAreas(trx, link.company_id)
}

/**
 * The districts and streets in which a company is seen because of the projects it serves: as its links stand now. Whoever links a
 * project, ends a link or moves a project calls it in the same transaction.
 */
export async function keepServedAreas(trx: Knex.Transaction, company_id: number): Promise<void> {
  const basis: AreaBasis = 'project'
  const served: { district_code: string; street_code: string }[] = await trx('project_links')
    .join('projects', 'projects.id', 'project_links.project_id')
    .where({ 'project_links.company_id': company_id, 'project_links.live': 1 })
    .distinct('projects.district_code', 'projects.street_code')
  const wanted = [...new Set(served.flatMap(({ district_code, street_code }) => [district_code, street_code]))]
  await trx('company_areas').where({ company_id, basis }).whereNotIn('region_code', wanted).delete()
  if (wanted.length)
    await trx('company_areas')
      .insert(wanted.map(region_code => ({ region_code, company_id, basis })))
      .onConflict(['region_code', 'company_id', 'basis'])
      .ignore()
}

/** Who is in charge of a project: a field of the link to the company that serves it. Whom there is to choose comes with the page. */
export const projectLinks: Archive = {
  code: 'project-links',
  label: '项目挂接',
  tables: ['project_links'],
  form: z.object({ manager_id: optionalText({ label: '项目负责人', type: 'select' }) }),
}

export const buildingForm = z.object({
  name: text({ label: '楼号', max: 40 }),
  building_type: choice({ label: '用途', options: optionsOf(buildingTypes) }),
  structure: choice({ label: '结构', options: optionsOf(structures) }),
  floors_above: integer({ label: '地上层数', unit: '层', min: 0, max: 200 }),
  floors_below: countOf('地下层数', '层'),
  unit_count: countOf('单元', '个'),
  house_count: countOf('户数', '户'),
  floor_area: decimal({ label: '建筑面积', unit: '㎡', digits: 2, min: 0, max: 9_999_999 }),
  shared_area: areaOf('其中共用面积'),
  elevator_count: countOf('电梯数', '部'),
  completed_year: optionalText({
    label: '竣工年份',
    max: 4,
    inputmode: 'numeric',
    pattern: /^(19|20)\d\d$/,
    patternHint: '竣工年份请填 4 位年份，如 2016。',
  }),
})

export const buildings: Archive = {
  code: 'buildings',
  label: '楼栋',
  tables: ['buildings'],
  form: buildingForm,
  zeros: ['floors_below', 'unit_count', 'house_count', 'elevator_count', 'shared_area'],
  follows: keepHouseNames,
}

export const houseForm = z.object({
  name: text({ label: '房号', max: 80, hint: '楼号-单元-室号，如 3号楼-2单元-1502' }),
  unit: note('单元', 20),
  floor: integer({ label: '所在层', min: -10, max: 200 }),
  room: text({ label: '室号', max: 20 }),
  purpose: choice({ label: '用途', options: optionsOf(housePurposes) }),
  floor_area: decimal({ label: '建筑面积', unit: '㎡', digits: 2, min: 0, max: 999_999 }),
  inner_area: areaOf('套内面积'),
  state: choice({ label: '状态', options: optionsOf(houseStates) }),
  delivered_on: optionalDate({ label: '交付日期' }),
})

export const houses: Archive = { code: 'houses', label: '房屋', tables: ['houses'], form: houseForm, follows: keepHouseName }

const fee = (label: string, unit: string) => optionalDecimal({ label, unit, digits: 2, min: 0, max: 99_999 })

export const feeForm = z.object({
  property_type: choice({ label: '物业类型', options: optionsOf(propertyTypes) }),
  service_level: optionalChoice({ label: '服务等级', options: optionsOf(serviceLevels) }),
  pricing: choice({ label: '定价方式', options: optionsOf(pricings) }),
  price: decimal({ label: '物业费单价', unit: '元/㎡·月', digits: 2, min: 0, max: 999 }),
  elevator_fee: fee('电梯运行费', '元/㎡·月'),
  parking_ground_fee: fee('地上停车', '元/月·位'),
  parking_underground_fee: fee('地下停车', '元/月·位'),
  parking_visit_fee: fee('临时停车', '元/次'),
  waste_fee: fee('装修垃圾清运', '元/㎡'),
  basis: note('依据文件', 200, { wide: true }),
  starts_on: date({ label: '执行起始日' }),
  ends_on: optionalDate({ label: '执行截止日', hint: '现行标准不填' }),
})

export const fees: Archive = { code: 'project-fees', label: '收费标准', tables: ['project_fees'], form: feeForm }
