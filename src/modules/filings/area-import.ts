import { z } from 'zod'
import { now, today } from '../../clock.ts'
import { nameKey } from '../../database/names.ts'
import { date, integer, type Mistakes, text } from '../../forms/form.ts'
import { areaOf, countOf, note } from '../archives/fields.ts'
import { hundredths } from '../archives/project-rules.ts'
import { registerImport } from './register-import.ts'

/** 区域登记 of before the portal. */

const words = ['east', 'south', 'west', 'north', 'approved_name', 'service_room_place', 'land_permit', 'planning_permit'] as const
const figures = ['land_area', 'residential_area', 'other_area', 'underground_area', 'service_room_area', 'parking_count'] as const

const form = z.object({
  number: text({ label: '登记编号', max: 60 }),
  registered_on: date({ label: '登记日期' }),
  approved_name: note('地名办批准名称', 200),
  east: note('东至', 120),
  south: note('南至', 120),
  west: note('西至', 120),
  north: note('北至', 120),
  land_area: areaOf('用地面积（㎡）'),
  floor_area: areaOf('总建筑面积（㎡）', { hint: '不填的按项目档案' }),
  residential_area: areaOf('住宅面积（㎡）'),
  other_area: areaOf('非住宅面积（㎡）'),
  underground_area: areaOf('地下面积（㎡）'),
  building_count: integer({ label: '楼栋数', unit: '栋', min: 1, max: 10_000 }),
  house_count: integer({ label: '户数', unit: '户', min: 1, max: 1_000_000 }),
  parking_count: countOf('机动车位', '个'),
  service_room_area: areaOf('物业服务用房面积（㎡）'),
  service_room_place: note('物业服务用房位置', 200),
  land_permit: note('用地规划许可证号', 60),
  planning_permit: note('工程规划许可证号', 60),
})

interface Known {
  number: string | null
  developer_id: number | null
  name: string
  address: string
  district_code: string
  street_code: string
  floor_area: string
}

export const areaImport = registerImport<Known>({
  code: 'areas',
  label: '区域登记',
  about: '登记以前划分的物业服务区域，一个项目一个。区县只能导入本区县的项目。',
  list: { code: 'areas', label: '区域登记' },
  form,
  example: {
    project: '370102000001',
    number: '济物划〔2019〕370102-0003号',
    registered_on: '2019-04-18',
    east: '凤鸣路',
    south: '经十路',
    west: '凤岐路',
    north: '世纪大道',
    floor_area: '86000',
    building_count: '9',
    house_count: '720',
    service_room_area: '280',
  },
  notes: ['项目要先有档案。', '一个项目只有一个现行的区域登记。'],
  table: 'areas',
  recordOf: row =>
    Object.fromEntries([
      ...['registered_on', 'floor_area', 'building_count', 'house_count', ...words, ...figures].map(name => [
        name,
        row[name] === null ? '' : String(row[name]),
      ]),
    ]),
  async load(db, ids) {
    const rows: (Known & { id: number })[] = await db('projects')
      .leftJoin('areas', held => held.on('areas.project_id', 'projects.id').onVal('areas.live', 1))
      .whereIn('projects.id', ids)
      .select(
        'projects.id',
        'areas.number',
        ...['developer_id', 'name', 'address', 'district_code', 'street_code', 'floor_area'].map(column => `projects.${column}`),
      )
    return new Map(rows.map(({ id, ...row }) => [id, row]))
  },
  mistakes({ said }, known, others) {
    const mistakes: Mistakes = {}
    if (said('registered_on') > today()) mistakes.registered_on = '登记日期不能晚于今天。'
    if (known?.number) mistakes.number = `这个项目已有区域登记 ${known.number}，一个项目只有一个。`
    else if (others.length) mistakes.project = '同一个文件里有几行是这个项目，一个项目只有一个区域登记。'
    const parts = ['residential_area', 'other_area', 'underground_area'].map(name => hundredths(said(name)))
    const sum = parts.reduce((sum, part) => sum + part, 0)
    if (sum && said('floor_area') && sum !== hundredths(said('floor_area')))
      mistakes.floor_area = `住宅、非住宅、地下面积相加为 ${(sum / 100).toFixed(2)} ㎡，与总建筑面积 ${said('floor_area')} ㎡ 不一致。`
    return mistakes
  },
  order: 'registered_on',
  async write(trx, user, { said, project }) {
    const at = now()
    const own: Known = await trx('projects')
      .where({ id: project.project_id })
      .forUpdate()
      .first('developer_id', 'name', 'address', 'district_code', 'street_code', 'floor_area')
    const { developer_id, name, address, district_code, street_code } = own
    const [id = 0] = await trx('areas').insert({
      project_id: project.project_id,
      developer_id,
      state: 'registered',
      number: said('number'),
      registered_on: said('registered_on'),
      name,
      name_key: nameKey(name),
      address,
      district_code,
      street_code,
      floor_area: said('floor_area') || own.floor_area,
      building_count: said('building_count'),
      house_count: said('house_count'),
      ...Object.fromEntries(words.map(column => [column, said(column) || null])),
      ...Object.fromEntries(figures.map(column => [column, said(column) || 0])),
      created_at: at,
      updated_at: at,
      created_by: user.id,
      updated_by: user.id,
    })
    return id
  },
})
