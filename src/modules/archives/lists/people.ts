import type { Knex } from 'knex'
import type { User } from '../../../accounts/users.ts'
import { batchFilter, importLink } from '../../../imports/batches.ts'
import { defineList, type Tone } from '../../../lists/list.ts'
import { has, within } from '../../../lists/narrowings.ts'
import { archiveOffices, archiveReaders, presentPeople, presentProjects, visibleCompanies, workingIn } from '../visible.ts'
import {
  contractTypes,
  credentials,
  type EmploymentState,
  educations,
  employmentStates,
  genders,
  leaveReasons,
  posts,
  titles,
} from '../words.ts'
import { byNumbers } from './owners.ts'
import { belongingTo, keeping, regionsBy, tail } from './shared.ts'

/** 从业人员 (domain.md §9.4), with the post they hold; numbers by their last four signs. */

type Query = Knex.QueryBuilder

/** The company a person acts for, who sees of somebody's history what is their own. */
const ownCompany = ({ scope }: User) => (scope.level === 'organisation' ? scope.organisation_id : undefined)

/** Joined from the left, for what is shown: the employment somebody holds, waits for or held last; for a company, with the company itself. */
function withJob(db: Knex, user: User): Query {
  const own = ownCompany(user)
  const latest = db('employments as e')
    .whereRaw('e.person_id = people.id')
    .where({ 'e.company_id': own ?? 0 })
    .orderByRaw("e.live desc, e.state = 'left', e.starts_on desc, e.id desc")
    .limit(1)
    .select('e.id')
  return db('people')
    .leftJoin('employments as job', 'job.id', own ? db.raw('?', [latest]) : db.ref('people.job_id'))
    .leftJoin('organisations as company', 'company.id', 'job.company_id')
    .leftJoin('projects', 'projects.id', 'job.project_id')
}

/** People with an employment that is so; for a company, one of its own. */
function employed(query: Query, user: User, narrow: (jobs: Query) => unknown): void {
  const own = ownCompany(user)
  query.whereIn('people.id', jobs => {
    narrow(jobs.from('employments').select('employments.person_id'))
    if (own) jobs.where({ 'employments.company_id': own })
  })
}

const stateTones: Record<EmploymentState, Tone> = {
  pending: 'desk',
  employed: 'done',
  leaving: 'you',
  left: 'rest',
  disputed: 'no',
}
const contractEnds = within({ name: 'contract', label: '劳动合同到期', source: 'employments.contract_until' })
/** As a column and a group one reads alone. */
const titleNames = { ...titles, none: '无职称' }
const away = { shown: false, phone: false } as const

export const people = defineList({
  code: 'people',
  label: '从业人员',
  roles: archiveReaders.filter(role => archiveOffices.includes(role) || role.startsWith('company')),
  from: presentPeople,
  shown: withJob,
  key: 'people.id',
  columns: [
    { name: 'name', label: '姓名', source: 'people.name', sort: 'people.name_key' },
    { name: 'state', label: '状态', type: 'state', source: 'job.state', words: employmentStates, tones: stateTones },
    { name: 'company', label: '物业企业', source: 'company.name' },
    { name: 'post', label: '岗位类别', source: 'job.post', words: posts },
    { name: 'project', label: '所在项目', source: 'projects.name' },
    { name: 'title', label: '职称级别', source: 'people.title', words: titleNames },
    { name: 'credential', label: '职业资格', source: 'people.credential', words: credentials },
    { name: 'credential_until', label: '资格有效期至', type: 'date', source: 'people.credential_until' },
    tail('id_number', '身份证号', 'people.id_number_last4', { phone: false }),
    tail('phone', '电话', 'people.phone_last4', away),
    { name: 'gender', label: '性别', source: 'people.gender', words: genders, ...away },
    // The day itself would give away what the mask of the ID number hides.
    {
      name: 'born',
      label: '出生年月',
      source: 'people.born_on',
      text: row => String(row.born ?? '').slice(0, 7) || null,
      ...away,
    },
    { name: 'ethnicity', label: '民族', source: 'people.ethnicity', ...away },
    { name: 'education', label: '学历', source: 'people.education', words: educations, ...away },
    { name: 'specialty', label: '专业', source: 'people.specialty', ...away },
    { name: 'title_name', label: '职称名称', source: 'people.title_name', ...away },
    { name: 'title_number', label: '职称证书号', type: 'code', source: 'people.title_number', ...away },
    { name: 'title_issuer', label: '职称发证机关', source: 'people.title_issuer', ...away },
    { name: 'title_issued_on', label: '职称发证日期', type: 'date', source: 'people.title_issued_on', ...away },
    { name: 'credential_number', label: '资格证书号', type: 'code', source: 'people.credential_number', ...away },
    { name: 'contract_type', label: '合同类型', source: 'job.contract_type', words: contractTypes, ...away },
    { name: 'contract_from', label: '合同起始日', type: 'date', source: 'job.contract_from', ...away },
    { name: 'contract_until', label: '合同截止日', type: 'date', source: 'job.contract_until', ...away },
    { name: 'insured_at', label: '社保参保地', source: 'job.insured_at', ...away },
    { name: 'insured_since', label: '社保起始日', type: 'date', source: 'job.insured_since', ...away },
    { name: 'starts_on', label: '入职日期', type: 'date', source: 'job.starts_on', ...away },
    { name: 'ends_on', label: '离职日期', type: 'date', source: 'job.ends_on', ...away },
    { name: 'end_reason', label: '减员原因', source: 'job.end_reason', words: leaveReasons, ...away },
    { name: 'training_hours', label: '继续教育学时', type: 'number', unit: '学时', source: 'people.training_hours', ...away },
    { name: 'record', label: '奖惩', source: 'people.record', ...away },
    ...keeping('people'),
  ],
  heading: 'name',
  sort: 'name',
  groups: { filter: 'state' },
  everywhere: 50,
  filters: [
    belongingTo({
      name: 'company',
      label: '物业企业',
      among: visibleCompanies,
      key: 'companies.id',
      called: 'organisations.name',
      where: (query, id, user) =>
        employed(query, user, jobs => jobs.where({ 'employments.company_id': Number(id), 'employments.live': 1 })),
    }),
    belongingTo({
      name: 'project',
      label: '所在项目',
      among: presentProjects,
      key: 'projects.id',
      called: 'projects.name',
      where: (query, id, user) =>
        employed(query, user, jobs => jobs.where({ 'employments.project_id': Number(id), 'employments.live': 1 })),
    }),
    // A company is not told where somebody has gone to.
    ...regionsBy(
      (query, code) => workingIn(query, code, { now: true }),
      user => !ownCompany(user),
    ),
    {
      name: 'state',
      label: '状态',
      type: 'select',
      options: employmentStates,
      // Who is claimed by a second company works for the first all the same.
      where: (query, state, user) => {
        if (!ownCompany(user) && (state === 'employed' || state === 'left'))
          return void query.where({ 'people.job_state': state })
        employed(query, user, jobs => jobs.where({ 'employments.state': state }))
      },
    },
    {
      name: 'post',
      label: '岗位类别',
      type: 'select',
      options: posts,
      where: (query, post, user) => {
        if (!ownCompany(user)) return void query.where({ 'people.job_post': post })
        employed(query, user, jobs => jobs.where({ 'employments.post': post, 'employments.live': 1 }))
      },
    },
    { name: 'title', label: '职称级别', type: 'select', options: titleNames, where: 'people.title' },
    { name: 'credential', label: '职业资格', type: 'select', options: credentials, where: 'people.credential' },
    within({ name: 'expiring', label: '职业资格到期', source: 'people.credential_until' }),
    {
      ...contractEnds,
      where: (query, term, user) =>
        employed(query, user, jobs => contractEnds.where(jobs.where({ 'employments.live': 1 }), term)),
    },
    { name: 'education', label: '学历', type: 'select', options: educations, where: 'people.education' },
    { name: 'gender', label: '性别', type: 'select', options: genders, where: 'people.gender' },
    has({ name: 'qualified', label: '持有职业资格', source: 'people.credential' }),
    has({ name: 'reachable', label: '电话', source: 'people.phone_last4' }),
    batchFilter('people', 'people.id'),
  ],
  search: {
    about: '姓名，拼音或拼音首字母，完整的身份证号、手机号，职称和资格证书号',
    terms: 'people',
    texts: ['people.name', 'people.title_number', 'people.credential_number'],
    words: [
      { source: 'people.title', words: titleNames },
      { source: 'people.credential', words: credentials },
      { source: 'people.education', words: educations },
    ],
    exact: byNumbers('people'),
  },
  href: row => `/desk/people/${row.key}`,
  actions: user => [
    ...(user.role === 'company-admin' || user.role === 'company-clerk'
      ? [{ href: '/desk/people/new', label: '新增人员', icon: 'user-plus' }]
      : []),
    ...importLink('people', user),
  ],
  empty: {
    title: '还没有从业人员',
    text: '物业企业登记本单位的人员，市、区县也可以用 Excel 批量导入。',
    action: ({ role }) =>
      role.startsWith('company') ? { href: '/desk/people/new', label: '新增人员', icon: 'user-plus' } : undefined,
  },
})
