import type { Knex } from 'knex'
import type { User } from '../../accounts/users.ts'
import { batchFilter, importLink } from '../../imports/batches.ts'
import { defineList, type List, type Tone } from '../../lists/list.ts'
import { regionFilters } from '../../lists/narrowings.ts'
import { districtNames, regionNames } from '../../lists/regions.ts'
import { belongingTo, moments } from '../archives/lists/shared.ts'
import { archiveReaders, visibleCompanies, visibleProjects } from '../archives/visible.ts'
import { contractEndReasons, type LinkState, linkStates, selectionMethods, servicePhases } from '../archives/words.ts'
import { proofPrinting } from './proof-print.ts'

/** 挂接登记 (domain.md §5.5): who serves a project, who did, and who asks to. */

/** What was decided; who else asks is between the applicant and the offices. */
const decided: readonly LinkState[] = ['approved', 'linked', 'ended']

/**
 * Links with their project: an office sees those of its region, a company its own and no other's, a developer and a committee what was
 * decided about their project.
 */
export function visibleLinks(db: Knex, user: User): Knex.QueryBuilder {
  const query = db('project_links').join('projects', 'projects.id', 'project_links.project_id')
  const none = () => query.whereRaw('1 = 0')
  if (!archiveReaders.includes(user.role)) return none()
  const { scope } = user
  switch (scope.level) {
    case 'city':
      return query
    case 'district':
      return query.where({ 'projects.district_code': scope.code })
    case 'street':
      return query.where({ 'projects.street_code': scope.code })
    case 'organisation':
      if (user.role === 'developer')
        return query.where({ 'projects.developer_id': scope.organisation_id }).whereIn('project_links.state', decided)
      if (user.role === 'committee')
        return query
          .whereIn(
            'project_links.project_id',
            db('committees').where({ id: scope.organisation_id, live: 1 }).select('project_id'),
          )
          .whereIn('project_links.state', decided)
      return query.where({ 'project_links.company_id': scope.organisation_id })
    case 'none':
      return none()
  }
}

/** How a state of a link looks. */
export const linkLooks: Readonly<Record<LinkState, { tone: Tone; icon: string }>> = {
  pending: { tone: 'desk', icon: 'clock' },
  approved: { tone: 'you', icon: 'clock' },
  linked: { tone: 'done', icon: 'check' },
  rejected: { tone: 'no', icon: 'minus' },
  ended: { tone: 'rest', icon: 'minus' },
}

const away = { shown: false, phone: false } as const

const links = defineList({
  code: 'links',
  label: '项目挂接',
  about: '物业企业与项目的挂接：谁在服务、谁服务过、谁在申请；一个项目同一时间只有一家企业',
  roles: archiveReaders,
  from: visibleLinks,
  shown: (db, user) =>
    visibleLinks(db, user)
      .leftJoin('organisations as company', 'company.id', 'project_links.company_id')
      .leftJoin('people as manager', 'manager.id', 'project_links.manager_id')
      .leftJoin('cases', 'cases.id', 'project_links.case_id'),
  key: 'project_links.id',
  columns: [
    { name: 'project', label: '项目', source: 'projects.name' },
    {
      name: 'state',
      label: '状态',
      type: 'state',
      source: 'project_links.state',
      look: async () => row => {
        const code = String(row.state) as LinkState // written by the portal alone
        return { text: linkStates[code], ...linkLooks[code] }
      },
    },
    { name: 'number', label: '挂接编号', type: 'code', source: 'project_links.number' },
    { name: 'company', label: '物业企业', source: 'company.name' },
    { name: 'starts_on', label: '接管日期', type: 'date', source: 'project_links.starts_on', sort: true },
    { name: 'ends_on', label: '撤出日期', type: 'date', source: 'project_links.ends_on', phone: false },
    { name: 'phase', label: '服务阶段', source: 'project_links.phase', words: servicePhases },
    { name: 'method', label: '选聘方式', source: 'project_links.method', words: selectionMethods, phone: false },
    { name: 'decided_on', label: '选聘决定日期', type: 'date', source: 'project_links.decided_on', ...away },
    { name: 'reason', label: '终止原因', source: 'project_links.end_reason', words: contractEndReasons, ...away },
    { name: 'manager', label: '项目负责人', source: 'manager.name', ...away },
    { name: 'district', label: '区县', source: 'projects.district_code', words: districtNames, phone: false },
    { name: 'street', label: '街道', source: 'projects.street_code', words: regionNames, ...away },
    { name: 'project_code', label: '项目编号', type: 'code', source: 'projects.code', ...away },
    { name: 'case', label: '办件流水号', type: 'code', source: 'cases.serial', ...away },
    ...moments('project_links').map(({ sort: _, ...column }) => column),
  ],
  heading: 'project',
  sort: '-starts_on',
  groups: { filter: 'state' },
  filters: [
    { name: 'state', label: '状态', type: 'select', options: linkStates, where: 'project_links.state' },
    ...regionFilters({ district: 'projects.district_code', street: 'projects.street_code' }),
    belongingTo({
      name: 'company',
      label: '物业企业',
      among: visibleCompanies,
      key: 'companies.id',
      called: 'organisations.name',
      where: 'project_links.company_id',
    }),
    belongingTo({
      name: 'project',
      label: '项目',
      among: visibleProjects,
      key: 'projects.id',
      called: 'projects.name',
      where: 'project_links.project_id',
    }),
    { name: 'phase', label: '服务阶段', type: 'select', options: servicePhases, where: 'project_links.phase' },
    { name: 'method', label: '选聘方式', type: 'select', options: selectionMethods, where: 'project_links.method' },
    { name: 'started', label: '接管日期', type: 'period', of: 'date', where: 'project_links.starts_on' },
    batchFilter('links', 'project_links.id'),
  ],
  search: {
    about: '项目名称、项目编号、企业名称、挂接编号，拼音或拼音首字母也行',
    through: [
      {
        source: 'project_links.project_id',
        terms: 'projects',
        texts: ['projects.name', 'projects.former_name', 'projects.code'],
      },
      {
        source: 'project_links.company_id',
        terms: 'companies',
        texts: [db => db.raw('(select o.name from organisations o where o.id = project_links.company_id)')],
      },
    ],
    starts: ['project_links.number'],
    words: [{ source: 'projects.district_code', words: districtNames, loosely: true }],
  },
  bulk: [proofPrinting('link')],
  href: ({ key }) => `/desk/links/${key}`,
  actions: user => [
    ...(user.role === 'company-admin' || user.role === 'company-clerk'
      ? [{ href: '/desk/links/new', label: '办理项目挂接', icon: 'plus' }]
      : []),
    ...importLink('links', user),
  ],
  empty: { title: '还没有挂接', text: '物业企业办理项目挂接后列在这里；以前的挂接可以用 Excel 批量导入。' },
})

export const linkLists: readonly List[] = [links]
