import type { Knex } from 'knex'
import type { User } from '../../accounts/users.ts'
import { addDays } from '../../calendar.ts'
import { today } from '../../clock.ts'
import { batchFilter, importLink } from '../../imports/batches.ts'
import { defineList, type List, type Tone } from '../../lists/list.ts'
import { regionFilters } from '../../lists/narrowings.ts'
import { districtNames, regionNames } from '../../lists/regions.ts'
import { belongingTo } from '../archives/lists/shared.ts'
import { archiveReaders, visibleProjects } from '../archives/visible.ts'
import { proofPrinting } from './proof-print.ts'
import { organisings, type TenderState, tenderMethods, tenderStates } from './words.ts'

/** 前期招标: the register (domain.md §5.2, §5.3). */

/** An office sees those of its region, a developer its own; a company and a committee read the public page. */
export const tenderReaders = archiveReaders.filter(role => role !== 'committee' && !role.startsWith('company'))

/** Tenders with their project, as far as somebody sees them; an office reads by the region of the tender, which has the index. */
export function visibleTenders(db: Knex, user: User): Knex.QueryBuilder {
  const query = db('tenders').leftJoin('projects', 'projects.id', 'tenders.project_id')
  const { scope } = user
  if (!tenderReaders.includes(user.role)) return query.whereRaw('1 = 0')
  switch (scope.level) {
    case 'city':
      return query
    case 'district':
      return query.where({ 'tenders.district_code': scope.code })
    case 'street':
      return query.where({ 'tenders.street_code': scope.code })
    case 'organisation':
      return query.where({ 'tenders.developer_id': scope.organisation_id })
    case 'none':
      return query.whereRaw('1 = 0')
  }
}

export const tenderLooks: Readonly<Record<TenderState, { tone: Tone; icon: string }>> = {
  tendering: { tone: 'public', icon: 'speakerphone' },
  opened: { tone: 'desk', icon: 'clock' },
  awarded: { tone: 'you', icon: 'award' },
  agreed: { tone: 'you', icon: 'check' },
  settled: { tone: 'done', icon: 'check' },
  failed: { tone: 'no', icon: 'circle-x' },
  cancelled: { tone: 'rest', icon: 'minus' },
}

/** 逾期: the opening was not registered in time, the award not filed within 15 days, or no contract within 30 days of it. */
export function isLate(row: {
  state: string
  opens_on: string | null
  awarded_on: string | null
  award_filed_on: string | null
}): boolean {
  const day = today()
  if (row.state === 'tendering') return row.opens_on !== null && row.opens_on < day
  if (row.state !== 'awarded' || row.awarded_on === null) return false
  return addDays(row.awarded_on, row.award_filed_on ? 30 : 15) < day
}

const away = { shown: false, phone: false } as const

export const tenders = defineList({
  code: 'tenders',
  label: '前期招标',
  about: '前期物业招标：备案、公告、开标、中标到签约',
  roles: tenderReaders,
  from: visibleTenders,
  shown: (db, user) => visibleTenders(db, user).leftJoin('organisations as developer', 'developer.id', 'tenders.developer_id'),
  key: 'tenders.id',
  columns: [
    { name: 'project', label: '项目', source: 'projects.name' },
    {
      name: 'state',
      label: '状态',
      type: 'state',
      source: 'tenders.state',
      look: async () => row => {
        const code = String(row.state) as TenderState // written by the portal alone
        return { text: tenderStates[code], ...tenderLooks[code] }
      },
    },
    { name: 'number', label: '备案编号', type: 'code', source: 'tenders.number' },
    { name: 'method', label: '招标方式', source: 'tenders.method', words: tenderMethods },
    { name: 'announce_on', label: '公告日期', type: 'date', source: 'tenders.announce_on' },
    { name: 'bids_until', label: '投标截止', type: 'date', source: 'tenders.bids_until', phone: false },
    { name: 'opens_on', label: '开标日期', type: 'date', source: 'tenders.opens_on' },
    { name: 'winner', label: '中标企业', source: 'tenders.winner' },
    { name: 'price', label: '中标价', type: 'money', unit: '元/㎡·月', source: 'tenders.price', phone: false },
    { name: 'developer', label: '招标人', source: 'developer.name', phone: false },
    { name: 'district', label: '区县', source: 'tenders.district_code', words: districtNames, phone: false },
    { name: 'street', label: '街道', source: 'tenders.street_code', words: regionNames, ...away },
    { name: 'organising', label: '组织形式', source: 'tenders.organising', words: organisings, ...away },
    { name: 'agency', label: '招标代理机构', source: 'tenders.agency', ...away },
    { name: 'floor_area', label: '建筑面积', type: 'area', unit: '㎡', source: 'tenders.floor_area', ...away },
    { name: 'filed_on', label: '备案日期', type: 'date', source: 'tenders.filed_on', ...away },
    { name: 'opened_on', label: '实际开标', type: 'date', source: 'tenders.opened_on', ...away },
    { name: 'failed_on', label: '流标日期', type: 'date', source: 'tenders.failed_on', ...away },
    { name: 'failed_reason', label: '流标原因', source: 'tenders.failed_reason', ...away },
    { name: 'award_number', label: '中标备案编号', type: 'code', source: 'tenders.award_number', ...away },
    { name: 'awarded_on', label: '中标通知书日期', type: 'date', source: 'tenders.awarded_on', ...away },
    { name: 'award_filed_on', label: '中标备案日期', type: 'date', source: 'tenders.award_filed_on', ...away },
    { name: 'code', label: '项目编号', type: 'code', source: 'projects.code', ...away },
    { name: 'entry', label: '登记次序', type: 'number', source: 'tenders.id', sort: true, ...away },
  ],
  heading: 'project',
  sort: '-entry',
  groups: { filter: 'state' },
  filters: [
    { name: 'state', label: '状态', type: 'select', options: tenderStates, where: 'tenders.state' },
    { name: 'method', label: '招标方式', type: 'select', options: tenderMethods, where: 'tenders.method' },
    ...regionFilters({ district: 'tenders.district_code', street: 'tenders.street_code' }),
    belongingTo({
      name: 'project',
      label: '项目',
      among: visibleProjects,
      key: 'projects.id',
      called: 'projects.name',
      where: 'tenders.project_id',
    }),
    { name: 'announced', label: '公告日期', type: 'period', of: 'date', where: 'tenders.announce_on' },
    { name: 'filed', label: '备案日期', type: 'period', of: 'date', where: 'tenders.filed_on' },
    {
      name: 'late',
      label: '逾期',
      type: 'flag',
      words: ['逾期', '未逾期'],
      where: (query, yes) => {
        const day = today()
        const late = `((tenders.state = 'tendering' and tenders.opens_on < ?)
          or (tenders.state = 'awarded' and tenders.award_filed_on is null and tenders.awarded_on < ?)
          or (tenders.state = 'awarded' and tenders.award_filed_on is not null and tenders.awarded_on < ?))`
        query.whereRaw(`${yes ? '' : 'not '}coalesce(${late}, 0)`, [day, addDays(day, -15), addDays(day, -30)])
      },
    },
    batchFilter('tenders', 'tenders.id'),
  ],
  search: {
    about: '项目名称、项目编号、备案编号，拼音或拼音首字母也行',
    through: [
      { source: 'tenders.project_id', terms: 'projects', texts: ['projects.name', 'projects.former_name', 'projects.code'] },
    ],
    starts: ['tenders.number', 'tenders.award_number'],
    words: [{ source: 'tenders.district_code', words: districtNames, loosely: true }],
  },
  bulk: [proofPrinting('tender', 'tender-award')],
  href: ({ key }) => `/desk/tenders/${key}`,
  actions: user => importLink('tenders', user),
  empty: { title: '还没有前期招标', text: '开发企业的招标备案通过后列在这里；以前的招标可以用 Excel 批量导入。' },
})

export const tenderLists: readonly List[] = [tenders]
