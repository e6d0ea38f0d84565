/**
 * The roles of the portal (domain.md §2): what they are called, how far they see, and which menu they open. `scope` is the
 * level of the region a grant carries; `organisation` sees its own organisation's rows, `none` sees no business rows at all.
 */
export const roles = {
  'city-clerk': { label: '市局经办人', scope: 'city', kind: 'city', staff: true },
  'city-reviewer': { label: '市局复核人', scope: 'city', kind: 'city', staff: true },
  'city-approver': { label: '市局审批人', scope: 'city', kind: 'city', staff: true },
  'district-clerk': { label: '区县经办人', scope: 'district', kind: 'district', staff: true },
  'district-reviewer': { label: '区县审核人', scope: 'district', kind: 'district', staff: true },
  'street-clerk': { label: '街道办经办人', scope: 'street', kind: 'street', staff: true },
  'street-reviewer': { label: '街道办审核人', scope: 'street', kind: 'street', staff: true },
  'company-admin': { label: '物业企业管理员', scope: 'organisation', kind: 'company', staff: false },
  'company-clerk': { label: '物业企业填报员', scope: 'organisation', kind: 'company', staff: false },
  developer: { label: '开发企业', scope: 'organisation', kind: 'developer', staff: false },
  committee: { label: '业委会用户', scope: 'organisation', kind: 'committee', staff: false },
  owner: { label: '业主', scope: 'organisation', kind: 'owners', staff: false },
  editor: { label: '信息采编', scope: 'city', kind: 'city', staff: true },
  'editor-reviewer': { label: '信息审核', scope: 'city', kind: 'city', staff: true },
  'editor-issuer': { label: '信息签发', scope: 'city', kind: 'city', staff: true },
  'business-admin': { label: '业务管理员', scope: 'city', kind: 'city', staff: true },
  supervisor: { label: '监察审计', scope: 'city', kind: 'city', staff: true },
  'system-admin': { label: '系统管理员', scope: 'none', kind: 'city', staff: true },
  'security-admin': { label: '安全管理员', scope: 'none', kind: 'city', staff: true },
  'audit-admin': { label: '审计管理员', scope: 'none', kind: 'city', staff: true },
} as const satisfies Record<string, RoleFacts>

interface RoleFacts {
  label: string
  scope: 'city' | 'district' | 'street' | 'organisation' | 'none'
  /** The kind of organisation whose people may hold the role. */
  kind: OrganisationKind
  /** Officials of the regulator: bound to the second factor when the policy asks for it. */
  staff: boolean
}

export type Role = keyof typeof roles
export type OrganisationKind = 'city' | 'district' | 'street' | 'company' | 'developer' | 'committee' | 'owners'

export const organisationKinds: Record<OrganisationKind, string> = {
  city: '市局',
  district: '区县主管部门',
  street: '街道办、镇政府',
  company: '物业企业',
  developer: '开发企业',
  committee: '业主委员会',
  owners: '实名业主',
}

export const roleCodes = Object.keys(roles) as [Role, ...Role[]] // Object.keys forgets the literal types

/** The three administrators of GB/T 22239-2019 8.1.5: each excludes the other two and every business role. */
export const administrators: readonly Role[] = ['system-admin', 'security-admin', 'audit-admin']

export const officials = roleCodes.filter(role => roles[role].staff && !administrators.includes(role))

/** Who may sit at a desk: officials who decide business. Editors publish, the supervisor looks, the business administrator sets the rules. */
export const deskRoles: readonly Role[] = officials.filter(
  role => !role.startsWith('editor') && role !== 'supervisor' && role !== 'business-admin',
)

/** Whether a text is the code of a role. */
export function isRole(text: string): text is Role {
  return Object.hasOwn(roles, text)
}

/**
 * Why a person who already holds `held` may not also hold `wanted`, or nothing. The law separates the three administrators from
 * each other and from business, and who sets the rules of business decides none of it; everything else may be combined, acting in
 * one role at a time.
 */
export function roleConflict(held: readonly Role[], wanted: Role): string | undefined {
  const other = held.find(role => role !== wanted && (administrators.includes(role) || administrators.includes(wanted)))
  if (other) return `${roles[other].label}与${roles[wanted].label}不能由同一人担任：系统、安全、审计三员分立，且都不办业务。`
  const across = held.find(role => setsRulesFor(role, wanted) || setsRulesFor(wanted, role))
  return across && `${roles[across].label}与${roles[wanted].label}不能由同一人担任：定办事规则的不办件，办件的不定规则。`
}

const setsRulesFor = (one: Role, other: Role) => one === 'business-admin' && deskRoles.includes(other)
