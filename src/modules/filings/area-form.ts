import { z } from 'zod'
import { pledgeField } from '../../cases/standards.ts'
import { choice, decimal, type FieldMeta, integer, optionalText, text } from '../../forms/form.ts'
import { areaOf, countOf, note } from '../archives/fields.ts'
import { optionsOf, propertyTypes } from '../archives/words.ts'

/** 区域划分登记 (domain.md §5.1): what the developer fills in. */

const projectArchive = { label: '项目档案', href: '/desk/lists/projects' }
const side = (label: string, more: Partial<FieldMeta> = {}) => text({ label, max: 120, hint: '道路、河流或相邻项目', ...more })

/** 全部独立 or not: separable and independently usable facilities may make several areas. */
export const facilityWays = { own: '独立使用', shared: '与相邻区域共用' } as const

export const areaForm = z.object({
  applicant: text({ label: '建设单位', section: '申请单位', archive: { label: '单位档案' }, wide: true }),
  project_code: optionalText({ label: '项目编号', archive: projectArchive }),
  previous_number: optionalText({ label: '现登记编号', archive: { label: '区域登记' } }),
  name: text({ label: '项目名称（推广名）', section: '项目', max: 100 }),
  approved_name: note('地名办批准名称', 200),
  property_type: choice({ label: '主要物业类型', options: optionsOf(propertyTypes) }),
  address: text({ label: '坐落', max: 300, wide: true }),
  street_code: text({ label: '街道', type: 'select' }),
  community: note('社区居委会', 60),
  east: side('东至', { section: '四至' }),
  south: side('南至'),
  west: side('西至'),
  north: side('北至'),
  land_area: decimal({ label: '用地面积', section: '规模', unit: '㎡', digits: 2, min: 1, max: 99_999_999 }),
  floor_area: decimal({ label: '规划总建筑面积', unit: '㎡', digits: 2, min: 1, max: 99_999_999 }),
  residential_area: decimal({ label: '其中住宅', unit: '㎡', digits: 2, min: 0, max: 99_999_999 }),
  other_area: decimal({ label: '其中非住宅（地上）', unit: '㎡', digits: 2, min: 0, max: 99_999_999 }),
  underground_area: decimal({ label: '其中地下', unit: '㎡', digits: 2, min: 0, max: 99_999_999 }),
  building_count: integer({ label: '楼栋数', unit: '栋', min: 1, max: 10_000 }),
  house_count: integer({ label: '规划户数', unit: '户', min: 1, max: 1_000_000 }),
  parking_count: countOf('机动车位', '个'),
  phases: note('分期情况', 500, { type: 'textarea', wide: true }),
  facilities: choice({ label: '共用设施设备', section: '设施与用房', options: optionsOf(facilityWays) }),
  service_room_area: decimal({ label: '物业服务用房面积', unit: '㎡', digits: 2, min: 0, max: 999_999 }),
  service_room_place: text({ label: '物业服务用房位置', max: 60, hint: '楼栋、层' }),
  committee_room_area: areaOf('其中业委会用房'),
  government_room_area: areaOf('政务用房'),
  land_permit: text({ label: '建设用地规划许可证号', section: '规划许可', max: 60, mark: true }),
  planning_permit: text({ label: '建设工程规划许可证号', max: 60, mark: true }),
  reason: optionalText({
    label: '调整原因',
    section: '调整',
    type: 'textarea',
    max: 500,
    wide: true,
    hint: '已登记的区域调整时填写：调整什么，业主怎样共同决定的',
  }),
  ...pledgeField,
})
