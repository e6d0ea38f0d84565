import { roleCodes } from '../accounts/roles.ts'
import { defineList, type Words } from '../lists/list.ts'
import { districtNames, regionNames } from '../lists/regions.ts'
import { causes, levels, readBy, visibleWarnings } from './warnings.ts'

const kinds: Words = Object.fromEntries(causes.map(({ kind, label }) => [kind, label]))
const stages: Words = Object.fromEntries(causes.flatMap(cause => Object.entries(cause.stages)))

/** 预警: what stands now and what has resolved itself. */
export const warnings = defineList({
  code: 'warnings',
  label: '预警',
  about: '情况消除后自动结束，变得更急时会再次提示',
  roles: roleCodes.filter(role => causes.some(({ roles }) => roles.includes(role))),
  from: visibleWarnings,
  key: 'warnings.id',
  columns: [
    { name: 'title', label: '内容', source: 'warnings.title' },
    {
      name: 'level',
      label: '级别',
      type: 'state',
      source: 'warnings.level',
      words: levels,
      look: async () => row =>
        row.level === 'red' ? { text: levels.red, light: 'red' } : { text: levels.yellow, light: 'yellow' },
    },
    { name: 'kind', label: '类别', source: 'warnings.kind', words: kinds },
    { name: 'stage', label: '情况', source: 'warnings.stage', words: stages },
    { name: 'due_on', label: '到期日', type: 'date', source: 'warnings.due_on' },
    { name: 'district', label: '区县', source: 'warnings.district_code', words: districtNames },
    { name: 'street', label: '街道', source: 'warnings.street_code', words: regionNames, shown: false },
    { name: 'raised_at', label: '提示时间', type: 'moment', source: 'warnings.raised_at', sort: true },
    { name: 'closed_at', label: '消除时间', type: 'moment', source: 'warnings.closed_at' },
  ],
  heading: 'title',
  sort: '-raised_at',
  filters: [
    {
      name: 'open',
      label: '是否消除',
      type: 'flag',
      words: ['未消除', '已消除'],
      where: (query, yes) => void (yes ? query.whereNull('warnings.closed_at') : query.whereNotNull('warnings.closed_at')),
    },
    { name: 'kind', label: '类别', type: 'select', options: kinds, where: 'warnings.kind' },
    { name: 'level', label: '级别', type: 'select', options: levels, where: 'warnings.level' },
    {
      name: 'read',
      label: '我是否已阅',
      type: 'select',
      options: { no: '未阅', yes: '已阅' },
      where: (query, read, user) => void readBy(query, user, read === 'yes'),
    },
    { name: 'district', label: '区县', type: 'select', options: districtNames, where: 'warnings.district_code' },
    { name: 'due', label: '到期日', type: 'period', of: 'date', where: 'warnings.due_on' },
  ],
  search: {
    about: '内容里的字、类别、情况',
    contains: ['warnings.title'],
  },
  href: row => `/desk/warnings/${row.key}`,
  empty: { title: '没有预警', text: '办件临近或超过时限、证照、备案将要到期时，会自动列在这里。' },
})

export const warningLists = [warnings]
