import type { Knex } from 'knex'
import { hashPassword, initialPassword, initialPasswordExpiry } from '../accounts/passwords.ts'
import { administrators, isRole, type OrganisationKind, type Role, roleConflict, roles } from '../accounts/roles.ts'
import { endOtherSessions } from '../accounts/sessions.ts'
import { beijing, now } from '../clock.ts'
import { config } from '../config.ts'
import { blindIndex, decrypt, encrypt } from '../crypto.ts'
import { nameKey } from '../database/names.ts'
import { inTransaction, isDuplicate } from '../db.ts'
import { Conflict, Forbidden, NotFound } from '../errors.ts'
import type { Mistakes } from '../forms/form.ts'
import { maskPhone } from '../lists/masks.ts'
import { indexTerms } from '../lists/terms.ts'
import { type Actor, difference, record } from './action-log.ts'
import { whoWasFirst } from './changes.ts'

/**
 * 账号. 系统管理员 makes and keeps accounts and grants nothing; 安全管理员 grants and revokes roles and keeps nothing else; nobody
 * decides about the own account (GB/T 22239-2019 8.1.4.2, 8.1.5.1–8.1.5.3).
 */

export interface Account {
  id: number
  username: string
  name: string
  organisation_id: number
  organisation_name: string
  organisation_kind: OrganisationKind
  organisation_status: 'active' | 'disabled'
  organisation_region: string
  phone_cipher: string | null
  password_hash: string | null
  password_changed_at: Date | null
  password_expires_at: Date | null
  must_change_password: number
  totp_confirmed_at: Date | null
  status: 'active' | 'disabled'
  status_note: string | null
  last_signed_in_at: Date | null
  created_at: Date
  updated_at: Date
  version: number
}

/** An outcome that a form shows: done, or one sentence per field, or what somebody else has changed in the meantime. */
export type Outcome<T = unknown> = ({ ok: true } & T) | { ok: false; mistakes: Mistakes; stale?: string }

const refused = (field: string, sentence: string) => ({ ok: false as const, mistakes: { [field]: sentence } })

/** @throws NotFound when there is no such account */
export async function findAccount(db: Knex, id: number): Promise<Account> {
  const found: Account | undefined = await db('users')
    .join('organisations', 'organisations.id', 'users.organisation_id')
    .where({ 'users.id': id })
    .first(
      'users.*',
      'organisations.name as organisation_name',
      'organisations.kind as organisation_kind',
      'organisations.status as organisation_status',
      'organisations.region_code as organisation_region',
    )
  if (!found) throw new NotFound('没有找到这个账号。')
  return found
}

/** The whole telephone number of an account, or nothing. */
export function phoneOf({ phone_cipher }: Pick<Account, 'phone_cipher'>): string | undefined {
  return phone_cipher ? decrypt('users.phone', phone_cipher) : undefined
}

/** The number as everybody sees it. */
export function maskedPhone(account: Pick<Account, 'phone_cipher'>): string {
  return maskPhone(phoneOf(account) ?? '')
}

export interface AccountForm {
  name: string
  organisation: { id: number; name: string }
  phone: string | null
}

/**
 * Makes an account with a random initial password, good for 72 hours and to be changed at the first sign-in.
 * @returns its id and the password, which nobody can read again
 */
export async function createAccount(
  actor: Actor,
  form: AccountForm & { username: string },
): Promise<Outcome<{ id: number; password: string }>> {
  const password = initialPassword()
  const password_hash = await hashPassword(password)
  try {
    return await inTransaction(async trx => {
      const id = await insertAccount(trx, actor, { ...form, password_hash })
      return { ok: true, id, password }
    })
  } catch (error) {
    if (isDuplicate(error, 'users_username_unique')) return refused('username', `账号 ${form.username} 已有人使用，请换一个。`)
    throw error
  }
}

/** Writes the row of a new account, its search terms and the log. */
export async function insertAccount(
  trx: Knex.Transaction,
  actor: Actor,
  { username, name, organisation, phone, password_hash }: AccountForm & { username: string; password_hash: string },
): Promise<number> {
  const at = now()
  const [id = 0] = await trx('users').insert({
    username,
    name,
    name_key: nameKey(name, true),
    organisation_id: organisation.id,
    ...phoneColumns(phone),
    password_hash,
    password_changed_at: at,
    password_expires_at: initialPasswordExpiry(),
    must_change_password: true,
    created_at: at,
    updated_at: at,
    created_by: actor.user_id,
    updated_by: actor.user_id,
  })
  await indexTerms(trx, 'users', id, [{ text: name, person: true }, username])
  await record(trx, actor, {
    action: 'user.create',
    object: { type: 'user', id, label: name },
    detail: { username, name, organisation: organisation.name, phone: maskPhone(phone ?? '') },
  })
  return id
}

function phoneColumns(phone: string | null) {
  return {
    phone_cipher: phone && encrypt('users.phone', phone),
    phone_index: phone && blindIndex('users.phone', phone),
    phone_last4: phone ? phone.replace(/\D/g, '').slice(-4) : null,
  }
}

/**
 * Changes name, organisation and telephone. `phone` undefined leaves the number as it is.
 * An account that holds roles stays where it is: moving it would carry its powers to another organisation.
 */
export async function updateAccount(
  actor: Actor,
  id: number,
  { version, name, organisation, phone }: Omit<AccountForm, 'phone'> & { phone: string | null | undefined; version: number },
): Promise<Outcome<{ changed: boolean }>> {
  return await inTransaction(async trx => {
    const account = await lockAccount(trx, id)
    if (account.version !== version) return { ok: false, mistakes: {}, stale: await whoWasFirst(trx, thing(account)) }
    if (organisation.id !== account.organisation_id && (await trx('user_roles').where({ user_id: id }).first('id')))
      return refused('organisation', '这个账号还有角色，不能换单位。请先由安全管理员收回角色，换好单位后再重新授予。')
    const before = { name: account.name, organisation: account.organisation_name, phone: maskedPhone(account) }
    const after = { name, organisation: organisation.name, phone: phone === undefined ? before.phone : maskPhone(phone ?? '') }
    const changes = difference(before, after)
    // Two numbers can look the same when masked.
    const sameNumber = phone === undefined || (phone ?? undefined) === phoneOf(account)
    if (!sameNumber) changes.phone = [before.phone, after.phone]
    if (!Object.keys(changes).length) return { ok: true, changed: false }
    await save(trx, actor, account, {
      name,
      name_key: nameKey(name, true),
      organisation_id: organisation.id,
      ...(sameNumber ? {} : phoneColumns(phone ?? null)),
    })
    await indexTerms(trx, 'users', id, [{ text: name, person: true }, account.username])
    await record(trx, actor, { action: 'user.update', object: thing(account), detail: { changes } })
    return { ok: true, changed: true }
  })
}

/** Ends the account's use at once. The last one of each of the three administrators stays. */
export async function disableAccount(
  actor: Actor,
  id: number,
  { version, reason }: { version: number; reason: string },
): Promise<Outcome> {
  notOwn(actor, id, '不能停用自己的账号，请由另一名系统管理员办理。')
  return await inTransaction(async trx => {
    await lockAdministrators(trx)
    const account = await lockAccount(trx, id, version)
    needStatus(account, 'active')
    const emptied = await emptiedOffices(trx, held => held.user_id === id)
    if (emptied.length) return refused('reason', lastOne(emptied))
    await save(trx, actor, account, { status: 'disabled', status_note: reason })
    const ended = await endOtherSessions(trx, id)
    await record(trx, actor, { action: 'user.disable', object: thing(account), detail: { reason, ended } })
    return { ok: true }
  })
}

/** Lets a disabled account work again. */
export async function enableAccount(
  actor: Actor,
  id: number,
  { version, reason }: { version: number; reason: string },
): Promise<Outcome> {
  return await inTransaction(async trx => {
    const account = await lockAccount(trx, id, version)
    needStatus(account, 'disabled')
    await save(trx, actor, account, { status: 'active', status_note: null })
    await record(trx, actor, { action: 'user.enable', object: thing(account), detail: { reason } })
    return { ok: true }
  })
}

/** Gives a new initial password and ends all sessions. The second factor stays as it is (ASVS 6.4.3). */
export async function resetPassword(actor: Actor, id: number, { version }: { version: number }): Promise<{ password: string }> {
  notOwn(actor, id, '自己的密码请在“账号与安全”里修改。')
  const password = initialPassword()
  const password_hash = await hashPassword(password)
  return await inTransaction(async trx => {
    const account = await lockAccount(trx, id, version)
    needStatus(account, 'active')
    await refuseAdministrator(trx, account)
    const expires = initialPasswordExpiry()
    await save(trx, actor, account, {
      password_hash,
      password_changed_at: now(),
      password_expires_at: expires,
      must_change_password: true,
    })
    const ended = await endOtherSessions(trx, id)
    await record(trx, actor, { action: 'password.reset', object: thing(account), detail: { expires, ended } })
    return { password }
  })
}

/** Takes the second factor and its recovery codes off an account whose owner has lost both, and ends all sessions. */
export async function resetSecondFactor(
  actor: Actor,
  id: number,
  { version, reason }: { version: number; reason: string },
): Promise<void> {
  notOwn(actor, id, '自己的动态验证码请在“账号与安全”里停用或更换。')
  await inTransaction(async trx => {
    const account = await lockAccount(trx, id, version)
    await refuseAdministrator(trx, account)
    if (!account.totp_confirmed_at) throw new Conflict(`${account.name}现在没有启用动态验证码，不用重置。`)
    await save(trx, actor, account, { totp_secret: null, totp_confirmed_at: null, totp_last_step: 0 })
    await trx('recovery_codes').where({ user_id: id }).delete()
    const ended = await endOtherSessions(trx, id)
    await record(trx, actor, { action: 'second-factor.reset', object: thing(account), detail: { reason, ended } })
  })
}

/**
 * Whoever resets an administrator's password can act as that administrator; the three would be one person. So it takes somebody at
 * the console of the server (GB/T 22239-2019 8.1.5).
 */
async function refuseAdministrator(trx: Knex.Transaction, { id, name }: Account): Promise<void> {
  if (!(await grantsOf(trx, id)).some(grant => administrators.includes(grant.role))) return
  throw new Conflict(`${name}是三员之一，密码和动态验证码不能在这里重置。请运维人员在服务器上运行 npm run admin -- reset-admin。`)
}

/** Ends all sessions of a person. @returns how many there were */
export async function signOutAccount(actor: Actor, id: number): Promise<{ name: string; ended: number }> {
  notOwn(actor, id, '退出自己的其他设备，请到“账号与安全”。')
  return await inTransaction(async trx => {
    const account = await findAccount(trx, id)
    const ended = await endOtherSessions(trx, id)
    await record(trx, actor, { action: 'user.sign-out', object: thing(account), detail: { ended } })
    return { name: account.name, ended }
  })
}

/** The telephone number in full, for a reason that is logged. */
export async function revealPhone(actor: Actor, id: number, { reason }: { reason: string }): Promise<string> {
  return await inTransaction(async trx => {
    const account = await findAccount(trx, id)
    const phone = phoneOf(account)
    if (!phone) throw new Conflict(`${account.name}没有登记电话。`)
    await record(trx, actor, { action: 'personal.reveal', object: thing(account), detail: { field: '电话', reason } })
    return phone
  })
}

export interface Grant {
  id: number
  user_id: number
  role: Role
  region_code: string
  region_name: string
  granted_at: Date
  granted_by_name: string | null
}

/** The roles of an account, first granted first. */
export async function grantsOf(db: Knex, userId: number): Promise<Grant[]> {
  const rows: (Omit<Grant, 'role'> & { role: string })[] = await db('user_roles')
    .join('regions', 'regions.code', 'user_roles.region_code')
    .leftJoin('users as granters', 'granters.id', 'user_roles.granted_by')
    .where({ user_id: userId })
    .orderBy('user_roles.id')
    .select('user_roles.*', 'regions.name as region_name', 'granters.name as granted_by_name')
  return rows.flatMap(row => (isRole(row.role) ? [{ ...row, role: row.role }] : []))
}

/** Where a role may be granted to people of an organisation: level of the desk, or the organisation's own region. */
export async function regionsFor(
  db: Knex,
  { organisation_kind, organisation_region }: Account,
): Promise<{ value: string; label: string }[]> {
  const rows = db('regions').leftJoin('regions as above', 'above.code', 'regions.parent_code').orderBy('regions.code')
  if (organisation_kind === 'city') rows.where({ 'regions.code': config.city })
  else if (organisation_kind === 'district' || organisation_kind === 'street') rows.where({ 'regions.level': organisation_kind })
  else rows.where({ 'regions.code': organisation_region })
  const found: { code: string; name: string; level: string; above: string | null }[] = await rows.select(
    'regions.code',
    'regions.name',
    'regions.level',
    'above.name as above',
  )
  return found.map(({ code, name, level, above }) => ({ value: code, label: level === 'street' ? `${above} · ${name}` : name }))
}

/** The roles people of an organisation of this kind may hold. */
export function rolesFor(kind: OrganisationKind): Role[] {
  return Object.keys(roles)
    .filter(isRole)
    .filter(role => roles[role].kind === kind)
}

/** Grants one role. Whoever holds one of the three administrators holds nothing else, also when two grants meet. */
export async function grantRole(
  actor: Actor,
  id: number,
  { version, role, region_code }: { version: number; role: Role; region_code: string },
): Promise<Outcome> {
  notOwn(actor, id, '不能改自己的角色，请由另一名安全管理员办理。')
  try {
    return await inTransaction(async trx => {
      const account = await lockAccount(trx, id)
      const held = await grantsOf(trx, id)
      const conflict = roleConflict(
        held.map(grant => grant.role),
        role,
      )
      if (conflict) return refused('role', conflict)
      if (held.some(grant => grant.role === role && grant.region_code === region_code))
        return refused('role', `已经是${roles[role].label}了，不用再授予。`)
      await needVersion(trx, account, version)
      needStatus(account, 'active')
      const region = (await regionsFor(trx, account)).find(option => option.value === region_code)
      if (!region || !rolesFor(account.organisation_kind).includes(role))
        throw new Conflict(`${account.name}的单位刚刚变了，请重新打开这个账号再授予。`)
      await trx('user_roles').insert({ user_id: id, role, region_code, granted_at: now(), granted_by: actor.user_id })
      await save(trx, actor, account, {})
      await record(trx, actor, { action: 'role.grant', object: thing(account), detail: { role, jurisdiction: region.label } })
      return { ok: true }
    })
  } catch (error) {
    if (isDuplicate(error, 'user_roles_user_id_administrator_unique')) return refused('role', threeOffices)
    if (isDuplicate(error)) return refused('role', `已经是${roles[role].label}了，不用再授予。`)
    throw error
  }
}

const threeOffices = '系统管理员、安全管理员、审计管理员不能由同一人担任：系统、安全、审计三员分立，且都不办业务。'

/** Takes one role back; whoever is signed in with it is signed out. The last one of each of the three administrators stays. */
export async function revokeRole(
  actor: Actor,
  id: number,
  { version, grant_id }: { version: number; grant_id: number },
): Promise<Outcome<{ role: Role }>> {
  notOwn(actor, id, '不能改自己的角色，请由另一名安全管理员办理。')
  return await inTransaction(async trx => {
    await lockAdministrators(trx)
    const account = await lockAccount(trx, id)
    const grant = (await grantsOf(trx, id)).find(grant => grant.id === grant_id)
    if (!grant) throw new NotFound('没有找到这个角色，可能刚被收回。')
    await needVersion(trx, account, version)
    const emptied = await emptiedOffices(trx, held => held.id === grant_id)
    if (emptied.length) return refused('grants', lastOne(emptied))
    await trx('user_roles').where({ id: grant_id }).delete()
    await save(trx, actor, account, {})
    const ended = await trx('sessions')
      .where({ user_id: id })
      .whereRaw("json_extract(sess, '$.role_id') = ?", [grant_id])
      .delete()
    await record(trx, actor, {
      action: 'role.revoke',
      object: thing(account),
      detail: { role: grant.role, jurisdiction: grant.region_name, ended },
    })
    return { ok: true, role: grant.role }
  })
}

function notOwn(actor: Actor, id: number, sentence: string): void {
  if (actor.user_id === id) throw new Forbidden(sentence)
}

async function lockAccount(trx: Knex.Transaction, id: number, version?: number): Promise<Account> {
  await trx('users').where({ id }).forUpdate().first('id')
  const account = await findAccount(trx, id)
  if (version !== undefined) await needVersion(trx, account, version)
  return account
}

async function needVersion(trx: Knex.Transaction, account: Account, version: number): Promise<void> {
  if (account.version !== version)
    throw new Conflict(`${await whoWasFirst(trx, thing(account))}。您的操作没有执行，请看最新状态后再办。`)
}

function needStatus(account: Account, status: Account['status']): void {
  if (account.status === status) return
  throw new Conflict(
    status === 'active' ? `${account.name}的账号已停用，请先恢复。` : `${account.name}的账号已在使用，不用恢复。`,
  )
}

async function save(trx: Knex.Transaction, actor: Actor, account: Account, columns: Record<string, Knex.Value>): Promise<void> {
  await trx('users')
    .where({ id: account.id })
    .update({ ...columns, version: account.version + 1, updated_at: now(), updated_by: actor.user_id })
}

const thing = ({ id, name }: Pick<Account, 'id' | 'name'>) => ({ type: 'user', id, label: name })

interface Held {
  id: number
  user_id: number
  organisation_id: number
  role: Role
}

/** Taken first by whatever could leave one of the three offices empty, so that two such changes stand in line. */
export async function lockAdministrators(trx: Knex.Transaction): Promise<void> {
  await trx('user_roles').whereIn('role', administrators).orderBy('id').forUpdate().select('id')
}

/** Which of the three offices would have nobody left to fill them without these grants. Call `lockAdministrators` first. */
export async function emptiedOffices(trx: Knex.Transaction, isGone: (held: Held) => boolean): Promise<Role[]> {
  const held: Held[] = await trx('user_roles')
    .join('users', 'users.id', 'user_roles.user_id')
    .join('organisations', 'organisations.id', 'users.organisation_id')
    .whereIn('user_roles.role', administrators)
    .where({ 'users.status': 'active', 'organisations.status': 'active' })
    .select('user_roles.id', 'user_roles.user_id', 'users.organisation_id', 'user_roles.role')
  return administrators.filter(role => {
    const those = held.filter(one => one.role === role)
    return those.length > 0 && those.every(isGone)
  })
}

/** Why the last one of an office stays. */
export function lastOne(offices: Role[]): string {
  const names = offices.map(role => roles[role].label).join('、')
  return `这样就没有在用的${names}了，没有执行。请先由安全管理员授予他人${names}。`
}

/** When an account was given its initial password, in what state its password is. */
export function passwordState({
  password_hash,
  must_change_password,
  password_expires_at,
  password_changed_at,
}: Account): string {
  if (!password_hash) return '未设置，不能登录'
  if (must_change_password) {
    if (!password_expires_at) return '初始密码，登录后须修改'
    const until = beijing(password_expires_at).slice(0, 16)
    return password_expires_at < now() ? `初始密码已于 ${until} 过期` : `初始密码，${until} 前有效`
  }
  return password_changed_at ? `已设置，${beijing(password_changed_at).slice(0, 16)} 修改` : '已设置'
}
