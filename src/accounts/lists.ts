import type { Knex } from 'knex'
import { fromNow } from '../clock.ts'
import { defineList } from '../lists/list.ts'
import { districtNames, regionNames } from '../lists/regions.ts'
import { registrationKinds, registrationStates, visibleRegistrations } from './registrations.ts'
import { administrators, isRole, officials, organisationKinds, roleCodes, roles } from './roles.ts'
import type { User } from './users.ts'

const roleNames = Object.fromEntries(roleCodes.map(role => [role, roles[role].label]))
const states = { active: '在用', disabled: '停用' }
const stateTones = { active: 'done', disabled: 'rest' } as const
const day = 86_400_000

export const users = defineList({
  code: 'users',
  label: '账号',
  roles: ['system-admin', 'security-admin'],
  from: db => db('users').leftJoin('organisations', 'organisations.id', 'users.organisation_id'),
  key: 'users.id',
  columns: [
    { name: 'name', label: '姓名', source: 'users.name', sort: 'users.name_key' },
    { name: 'username', label: '登录账号', type: 'code', source: 'users.username', sort: true },
    { name: 'organisation', label: '单位', source: 'organisations.name' },
    { name: 'roles', label: '角色', source: heldRoles, text: row => namesOf(row.roles) },
    { name: 'region', label: '所在区域', source: 'organisations.region_code', words: regionNames },
    { name: 'status', label: '状态', type: 'state', source: 'users.status', words: states, tones: stateTones },
    { name: 'last_signed_in_at', label: '最近登录', type: 'moment', source: 'users.last_signed_in_at' },
    { name: 'created_at', label: '建立时间', type: 'moment', source: 'users.created_at', sort: true },
  ],
  heading: 'name',
  sort: 'name',
  filters: [
    { name: 'role', label: '角色', type: 'select', options: { ...roleNames, none: '没有角色' }, where: holding },
    { name: 'status', label: '状态', type: 'select', options: states, where: 'users.status' },
    { name: 'kind', label: '单位类型', type: 'select', options: organisationKinds, where: 'organisations.kind' },
    { name: 'district', label: '区县', type: 'select', options: districtNames, where: 'organisations.district_code' },
    { name: 'created', label: '建立时间', type: 'period', of: 'moment', where: 'users.created_at' },
    { name: 'idle', label: '90 天内登录过', type: 'flag', words: ['没有', '有'], where: idle },
  ],
  search: {
    about: '姓名、登录账号、单位、区县，拼音或拼音首字母也行',
    terms: 'users',
    texts: ['users.name', 'users.username'],
    through: [{ source: 'users.organisation_id', terms: 'organisations', texts: ['organisations.name', 'organisations.code'] }],
    words: [{ source: 'organisations.district_code', words: districtNames, loosely: true }],
  },
  everywhere: 90,
  href: row => `/desk/admin/users/${row.key}`,
  actions: ({ role }) => (role === 'system-admin' ? [{ href: '/desk/admin/users/new', label: '新建账号', icon: 'plus' }] : []),
})

function heldRoles(db: Knex): Knex.Raw {
  return db.raw('(select group_concat(r.role order by r.id) from user_roles r where r.user_id = users.id)')
}

/** The names of some roles given as `code,code`; the same role in two districts is named once. */
function namesOf(codes: unknown): string | null {
  const held = String(codes ?? '')
    .split(',')
    .filter(isRole)
  return held.length ? [...new Set(held.map(role => roles[role].label))].join('、') : null
}

function holding(query: Knex.QueryBuilder, role: string) {
  if (role === 'none') query.whereNotExists(grants => grants.from('user_roles').whereRaw('user_roles.user_id = users.id'))
  else query.whereIn('users.id', grants => grants.from('user_roles').where({ role }).select('user_id'))
}

/** 等保 8.1.4.2 c): accounts nobody has used for 90 days are looked at; a new one has its time. */
function idle(query: Knex.QueryBuilder, yes: boolean) {
  const since = fromNow(-90 * day)
  if (yes) query.whereRaw('coalesce(users.last_signed_in_at, users.created_at) < ?', [since])
  else query.where('users.last_signed_in_at', '>=', since)
}

export const organisations = defineList({
  code: 'organisations',
  label: '单位',
  roles: [...officials, 'system-admin', 'security-admin'],
  from: visibleOrganisations,
  key: 'organisations.id',
  columns: [
    { name: 'name', label: '名称', source: 'organisations.name', sort: 'organisations.name_key' },
    { name: 'kind', label: '类型', source: 'organisations.kind', words: organisationKinds },
    { name: 'code', label: '统一社会信用代码', type: 'code', source: 'organisations.code' },
    { name: 'region', label: '所在区域', source: 'organisations.region_code', words: regionNames },
    { name: 'status', label: '状态', type: 'state', source: 'organisations.status', words: states, tones: stateTones },
    { name: 'contact', label: '联系人', source: 'organisations.contact', mask: 'name' },
    { name: 'address', label: '地址', source: 'organisations.address', shown: false },
    { name: 'updated_at', label: '最近修改', type: 'moment', source: 'organisations.updated_at', sort: true, shown: false },
  ],
  heading: 'name',
  sort: 'name',
  filters: [
    { name: 'kind', label: '类型', type: 'select', options: organisationKinds, where: 'organisations.kind' },
    { name: 'district', label: '区县', type: 'select', options: districtNames, where: 'organisations.district_code' },
    { name: 'status', label: '状态', type: 'select', options: states, where: 'organisations.status' },
  ],
  search: {
    about: '名称、统一社会信用代码、区县、类型，拼音或拼音首字母也行',
    terms: 'organisations',
    texts: ['organisations.name', 'organisations.code'],
    words: [{ source: 'organisations.district_code', words: districtNames, loosely: true }],
  },
  groups: { filter: 'kind' },
  everywhere: 80,
  href: (row, { role }) => (role === 'system-admin' ? `/desk/admin/organisations/${row.key}` : undefined),
  actions: ({ role }) =>
    role === 'system-admin' ? [{ href: '/desk/admin/organisations/new', label: '新建单位', icon: 'plus' }] : [],
})

/** The administrators keep all of them; officials see those of their own area (domain.md §2). */
function visibleOrganisations(db: Knex, { role, scope }: User): Knex.QueryBuilder {
  const all = db('organisations')
  if (administrators.includes(role)) return all
  switch (scope.level) {
    case 'city':
      return all
    case 'district':
      return all.where('organisations.district_code', scope.code)
    case 'street':
      return all.where('organisations.street_code', scope.code)
    default:
      return all.whereRaw('false')
  }
}

const levels = { city: '市', district: '区县', street: '街道、镇' }

export const regions = defineList({
  code: 'regions',
  label: '行政区划',
  roles: [...officials, ...administrators],
  from: db => db('regions'),
  key: 'regions.code',
  columns: [
    { name: 'name', label: '名称', source: 'regions.name', sort: 'regions.name_key' },
    { name: 'code', label: '代码', type: 'code', source: 'regions.code', sort: true },
    { name: 'level', label: '级别', source: 'regions.level', words: levels, sort: true },
    { name: 'parent', label: '上级', source: 'regions.parent_code', words: regionNames },
    { name: 'manager', label: '管理归属', source: 'regions.managed_by', words: regionNames },
    { name: 'valid_from', label: '启用日期', type: 'date', source: 'regions.valid_from', shown: false },
    { name: 'valid_until', label: '停用日期', type: 'date', source: 'regions.valid_until', shown: false },
  ],
  heading: 'name',
  sort: 'code',
  filters: [
    { name: 'level', label: '级别', type: 'select', options: levels, where: 'regions.level' },
    { name: 'district', label: '区县', type: 'select', options: districtNames, where: within },
  ],
  search: {
    about: '名称、代码、上级，拼音或拼音首字母也行',
    contains: ['regions.name'],
    codes: ['regions.code'],
    words: [
      { source: 'regions.code', words: regionNames, loosely: true },
      { source: 'regions.parent_code', words: regionNames, loosely: true },
    ],
  },
})

function within(query: Knex.QueryBuilder, district: string) {
  query.where(part =>
    part.where('regions.code', district).orWhere('regions.parent_code', district).orWhere('regions.managed_by', district),
  )
}

export const registrations = defineList({
  code: 'registrations',
  label: '单位注册',
  about: '物业企业和开发企业申请账号，由注册地区县确认',
  roles: ['district-clerk', 'district-reviewer', 'city-clerk', 'city-reviewer', 'city-approver', 'supervisor'],
  from: visibleRegistrations,
  key: 'registrations.id',
  columns: [
    { name: 'number', label: '申请编号', type: 'code', source: 'registrations.number', sort: true },
    { name: 'kind', label: '类型', source: 'registrations.kind', words: labels(registrationKinds) },
    { name: 'name', label: '企业名称', source: 'registrations.name' },
    { name: 'code', label: '统一社会信用代码', type: 'code', source: 'registrations.code' },
    { name: 'district', label: '区县', source: 'registrations.district_code', words: districtNames },
    {
      name: 'status',
      label: '状态',
      type: 'state',
      source: 'registrations.status',
      words: registrationStates,
      tones: { pending: 'desk', confirmed: 'done', refused: 'no' },
    },
    { name: 'created_at', label: '提交时间', type: 'moment', source: 'registrations.created_at', sort: true },
    { name: 'decided_at', label: '办结时间', type: 'moment', source: 'registrations.decided_at', shown: false },
  ],
  heading: 'number',
  sort: '-created_at',
  filters: [
    { name: 'status', label: '状态', type: 'select', options: registrationStates, where: 'registrations.status' },
    { name: 'kind', label: '类型', type: 'select', options: labels(registrationKinds), where: 'registrations.kind' },
    { name: 'district', label: '区县', type: 'select', options: districtNames, where: 'registrations.district_code' },
    { name: 'created', label: '提交时间', type: 'period', of: 'moment', where: 'registrations.created_at' },
  ],
  search: {
    about: '企业名称、申请编号、统一社会信用代码、区县',
    terms: 'registrations',
    texts: ['registrations.name', 'registrations.code', 'registrations.number'],
    words: [{ source: 'registrations.district_code', words: districtNames, loosely: true }],
  },
  href: row => `/desk/registrations/${row.key}`,
  empty: { title: '还没有单位申请注册', text: '企业在网站上提交后，会按注册地出现在这里。' },
})

function labels(kinds: Record<string, { label: string }>): Record<string, string> {
  return Object.fromEntries(Object.entries(kinds).map(([code, { label }]) => [code, label]))
}

export const accountLists = [registrations, organisations, regions, users]
