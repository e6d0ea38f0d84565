import { today } from '../../clock.ts'
import { batchFilter, importLink } from '../../imports/batches.ts'
import { type Column, defineList, type List } from '../../lists/list.ts'
import { has, regionFilters } from '../../lists/narrowings.ts'
import { districtNames, regionNames } from '../../lists/regions.ts'
import { formerNames } from '../archives/lists/shared.ts'
import { archiveOffices } from '../archives/visible.ts'
import { certificateLevels } from '../archives/words.ts'
import { inspectionKind, inspectionLooks, inspectionOverseers, inspectionResults, visibleInspections } from './inspections.ts'

/** 年检台账: who was asked, who filed, and what came of it, year by year. */

const { none: _, ...levels } = certificateLevels
const tones = Object.fromEntries(Object.entries(inspectionLooks).map(([result, { tone }]) => [result, tone]))
const away = { shown: false, phone: false } as const

const company: Column[] = [
  { name: 'company', label: '企业名称', source: 'organisations.name' },
  { name: 'year', label: '年度', type: 'code', source: 'inspections.year', sort: true },
  { name: 'result', label: '年检结果', type: 'state', source: 'inspections.result', words: inspectionResults, tones },
  { name: 'district', label: '注册区县', source: 'organisations.district_code', words: districtNames },
  { name: 'street', label: '注册街道', source: 'organisations.street_code', words: regionNames, ...away },
  { name: 'code', label: '统一社会信用代码', type: 'code', source: 'organisations.code', ...away },
  { name: 'level', label: '资质等级', source: 'certificates.level', words: levels },
  { name: 'certificate', label: '证书编号', type: 'code', source: 'certificates.number' },
]

export const inspections = defineList({
  code: 'inspections',
  label: '年检台账',
  roles: [...archiveOffices, 'company-admin', 'company-clerk'],
  from: (db, user) =>
    visibleInspections(db, user)
      .leftJoin('certificates', 'certificates.id', 'inspections.certificate_id')
      .leftJoin('cases', 'cases.id', 'inspections.case_id'),
  key: 'inspections.id',
  columns: [
    ...company,
    { name: 'filed_on', label: '申报日期', type: 'date', source: 'inspections.filed_on' },
    { name: 'decided_on', label: '结论日期', type: 'date', source: 'inspections.decided_on' },
    { name: 'decided_by', label: '年检机关', source: 'inspections.decided_by', ...away },
    { name: 'opinion', label: '结论说明', source: 'inspections.opinion', ...away },
    { name: 'rectify_until', label: '整改期限', type: 'date', source: 'inspections.rectify_until' },
    { name: 'rectified_on', label: '整改合格日期', type: 'date', source: 'inspections.rectified_on', phone: false },
    { name: 'rectification', label: '整改验收情况', source: 'inspections.rectification', ...away },
    { name: 'serial', label: '办件流水号', type: 'code', source: 'cases.serial', phone: false },
  ],
  heading: 'company',
  sort: '-year',
  groups: { filter: 'result' },
  filters: [
    {
      name: 'year',
      label: '年度',
      type: 'select',
      async options(db) {
        const years: number[] = await db('inspections').distinct('year').orderBy('year', 'desc').pluck('year')
        // Keys that are numbers come in their own order, the oldest first.
        return Object.fromEntries(years.map(year => [String(year), `${year} 年`]))
      },
      where: 'inspections.year',
    },
    { name: 'result', label: '年检结果', type: 'select', options: inspectionResults, where: 'inspections.result' },
    ...regionFilters({ district: 'organisations.district_code', street: 'organisations.street_code' }),
    { name: 'level', label: '资质等级', type: 'select', options: levels, where: 'certificates.level' },
    {
      name: 'overdue',
      label: '整改',
      type: 'select',
      options: { running: '整改中', late: '整改逾期', done: '整改合格' },
      where: (query, code) => {
        query.where({ 'inspections.result': 'basic' })
        if (code === 'done') query.whereNotNull('inspections.rectified_on')
        else query.whereNull('inspections.rectified_on').where('inspections.rectify_until', code === 'late' ? '<' : '>=', today())
      },
    },
    has({ name: 'filed', label: '申报', words: ['已申报', '没有申报'], source: 'inspections.filed_on' }),
    { name: 'decided', label: '结论日期', type: 'period', of: 'date', where: 'inspections.decided_on' },
    batchFilter('inspections', 'inspections.id'),
  ],
  search: {
    about: '企业名称、曾用名、统一社会信用代码、证书编号，拼音或拼音首字母也行',
    // A company is found by the numbers of all its certificates; here it must be the one of the row.
    through: [
      {
        source: 'inspections.company_id',
        terms: 'companies',
        texts: [
          'organisations.name',
          'organisations.code',
          'certificates.number',
          formerNames('organisations', 'organisations.id'),
        ],
      },
    ],
    words: [
      { source: 'organisations.district_code', words: districtNames, loosely: true },
      { source: 'inspections.result', words: inspectionResults },
    ],
  },
  href: row => `/desk/inspections/records/${row.key}`,
  actions: user => [
    ...(inspectionOverseers.includes(user.role) ? [{ href: '/desk/inspections', label: '年检进度', icon: 'chart-bar' }] : []),
    ...(user.role.startsWith('company') ? [{ href: `/desk/kinds/${inspectionKind}`, label: '申报年检', icon: 'plus' }] : []),
    ...importLink('inspections', user),
  ],
  empty: { title: '还没有年检记录', text: '年检窗口开启时，持有资质证书的企业列在这里；以前年度的结果可以用 Excel 批量导入。' },
})

export const inspectionLists: readonly List[] = [inspections]
