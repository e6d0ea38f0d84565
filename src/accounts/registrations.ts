import type { Knex } from 'knex'
import { now } from '../clock.ts'
import { blindIndex, decrypt, encrypt } from '../crypto.ts'
import { nameKey } from '../database/names.ts'
import { Conflict } from '../errors.ts'
import { indexTerms } from '../lists/terms.ts'
import { openCompany } from '../modules/archives/company.ts'
import { endClaimCode } from './claims.ts'
import type { User } from './users.ts'

/** 单位注册: companies and developers ask for an account with their credit code, their district confirms (domain.md §2, rule c). */

export const registrationKinds = {
  company: { label: '物业企业', role: 'company-admin' },
  developer: { label: '开发企业', role: 'developer' },
} as const
export type RegistrationKind = keyof typeof registrationKinds

export const registrationStates = { pending: '待确认', confirmed: '已确认', refused: '已退回' } as const

export interface Registration {
  id: number
  number: string
  kind: RegistrationKind
  name: string
  code: string
  district_code: string
  address: string
  legal_person: string
  username: string
  contact: string
  phone_cipher: string
  phone_last4: string
  password_hash: string
  status: keyof typeof registrationStates
  opinion: string | null
  created_at: Date
  decided_at: Date | null
  decided_by: number | null
  /** Whether the 认领码 of the archived unit was given. */
  claimed: number
  version: number
}

/** Requests a person may see: a district its own, the city all. */
export function visibleRegistrations(db: Knex, user: User) {
  const rows = db<Registration>('registrations')
  if (user.scope.level === 'city') return rows
  if (user.scope.level === 'district') return rows.where('registrations.district_code', user.scope.code)
  return rows.whereRaw('1 = 0')
}

/** The name of a district. */
export async function districtName(db: Knex, code: string): Promise<string> {
  const row: { name: string } | undefined = await db('regions').where({ code }).first('name')
  return row?.name ?? ''
}

/**
 * Makes the account, and the unit with its archive where the city did not know it yet.
 * @param by the id of the officer who confirms
 * @throws Conflict when the unit is of another kind or disabled, or the username was given away meanwhile
 */
export async function admit(trx: Knex.Transaction, row: Registration, by: number): Promise<void> {
  const stamps = { created_at: now(), updated_at: now(), created_by: by, updated_by: by }
  const known: { id: number; kind: string; status: string } | undefined = await trx('organisations')
    .where({ code: row.code })
    .forUpdate()
    .first('id', 'kind', 'status')
  if (known && (known.kind !== row.kind || known.status !== 'active'))
    throw new Conflict('这个信用代码登记的单位类型不同或已停用，不能确认。请联系市局系统管理员核对单位档案。')
  // Whoever is confirmed is the unit; its code is of no more use to anybody.
  if (known) await endClaimCode(trx, known.id)
  const organisation_id = known?.id ?? (await newOrganisation(trx, row, by))
  const taken = await trx('users').where({ username: row.username }).first('id')
  if (taken) throw new Conflict(`账号 ${row.username} 已被别人使用，请退回申请，请申请单位换一个账号。`)
  const phone = decrypt('registrations.phone', row.phone_cipher)
  const [userId = 0] = await trx('users').insert({
    username: row.username,
    name: row.contact,
    name_key: nameKey(row.contact, true),
    organisation_id,
    phone_cipher: encrypt('users.phone', phone),
    phone_index: blindIndex('users.phone', phone),
    phone_last4: row.phone_last4,
    password_hash: row.password_hash,
    password_changed_at: row.created_at,
    must_change_password: false,
    ...stamps,
  })
  await trx('user_roles').insert({
    user_id: userId,
    role: registrationKinds[row.kind].role,
    region_code: row.district_code,
    granted_at: now(),
    granted_by: by,
  })
  await indexTerms(trx, 'users', userId, [{ text: row.contact, person: true }, row.username])
}

/** The unit as it registered itself; the rest of its archive it fills in afterwards. */
async function newOrganisation(trx: Knex.Transaction, row: Registration, by: number): Promise<number> {
  const { kind, name, code, district_code, contact, address, legal_person } = row
  const answers = { name, code, district_code, contact, address, legal_person, registered_address: address }
  return await openCompany(trx, kind, answers, { by: { user_id: by }, source: 'registration' })
}
