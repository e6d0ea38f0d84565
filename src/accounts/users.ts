import type { Knex } from 'knex'
import { isRole, type Role, roles } from './roles.ts'

/** How far a person sees in the role they act in. */
export type Scope =
  | { level: 'city' }
  | { level: 'district' | 'street'; code: string }
  | { level: 'organisation'; organisation_id: number }
  | { level: 'none' }

/** The signed-in person, acting in one role. */
export interface User {
  id: number
  username: string
  name: string
  organisation_id: number
  organisation_name: string
  role_id: number
  role: Role
  role_label: string
  region_code: string
  region_name: string
  scope: Scope
  demo: boolean
  must_change_password: boolean
  password_changed_at: Date | null
  has_second_factor: boolean
  /** Everything this person may act as, for the switch in the account menu. */
  roles: { id: number; role: Role; label: string; region_name: string }[]
}

interface UserRow {
  id: number
  username: string
  name: string
  organisation_id: number
  organisation_name: string
  demo: number
  must_change_password: number
  password_changed_at: Date | null
  totp_confirmed_at: Date | null
  last_role_id: number | null
  role_id: number
  role: string
  region_code: string
  region_name: string
}

/**
 * Loads a person who may work: active, in an active organisation, with at least one role.
 * @param roleId the role to act in; the one used last, else the first granted, when absent or no longer held
 * @returns undefined when the account is gone, disabled or has no role
 */
export async function findUser(db: Knex, id: number, roleId?: number): Promise<User | undefined> {
  const rows: UserRow[] = await db('users')
    .join('organisations', 'organisations.id', 'users.organisation_id')
    .join('user_roles', 'user_roles.user_id', 'users.id')
    .join('regions', 'regions.code', 'user_roles.region_code')
    .where({ 'users.id': id, 'users.status': 'active', 'organisations.status': 'active' })
    .orderBy('user_roles.id')
    .select(
      'users.id',
      'users.username',
      'users.name',
      'users.organisation_id',
      'users.demo',
      'users.must_change_password',
      'users.password_changed_at',
      'users.totp_confirmed_at',
      'users.last_role_id',
      'organisations.name as organisation_name',
      'user_roles.id as role_id',
      'user_roles.role',
      'user_roles.region_code',
      'regions.name as region_name',
    )
  const held = rows.flatMap(row => (isRole(row.role) ? [{ ...row, role: row.role }] : []))
  const acting = held.find(row => row.role_id === roleId) ?? held.find(row => row.role_id === row.last_role_id) ?? held[0]
  if (!acting) return undefined
  return {
    id: acting.id,
    username: acting.username,
    name: acting.name,
    organisation_id: acting.organisation_id,
    organisation_name: acting.organisation_name,
    role_id: acting.role_id,
    role: acting.role,
    role_label: roles[acting.role].label,
    region_code: acting.region_code,
    region_name: acting.region_name,
    scope: scopeOf(acting.role, acting),
    demo: acting.demo === 1,
    must_change_password: acting.must_change_password === 1,
    password_changed_at: acting.password_changed_at,
    has_second_factor: acting.totp_confirmed_at != null,
    roles: held.map(({ role_id, role, region_name }) => ({ id: role_id, role, label: roles[role].label, region_name })),
  }
}

/** The rows a role may see, given the region of its grant and the person's organisation. */
export function scopeOf(role: Role, { region_code, organisation_id }: { region_code: string; organisation_id: number }): Scope {
  const level = roles[role].scope
  if (level === 'district' || level === 'street') return { level, code: region_code }
  if (level === 'organisation') return { level, organisation_id }
  return { level }
}

/** What a new username looks like, wherever it is given. */
export const usernamePattern = /^[a-z][a-z0-9._-]{2,31}$/
export const usernameRule = '3 至 32 位小写字母、数字、点、横线或下划线，以字母开头'

/** Whether a normalised text can be a username at all; anything else must not reach an ASCII column, which would refuse the question. */
export function isUsername(text: string): boolean {
  return /^[\x21-\x7e]{1,64}$/.test(text)
}

/** The stored form of a username: lower case, no blanks at the ends, full-width letters folded. */
export function normaliseUsername(text: string): string {
  return text.normalize('NFKC').trim().toLowerCase()
}
