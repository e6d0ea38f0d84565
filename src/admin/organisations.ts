import type { Knex } from 'knex'
import { type OrganisationKind, organisationKinds, type Role, roleCodes, roles } from '../accounts/roles.ts'
import { now } from '../clock.ts'
import { config } from '../config.ts'
import { nameKey } from '../database/names.ts'
import { inTransaction, isDuplicate } from '../db.ts'
import { Conflict, Forbidden, NotFound } from '../errors.ts'
import type { Mistakes } from '../forms/form.ts'
import { normaliseCode } from '../identifiers.ts'
import { maskNumbers } from '../lists/masks.ts'
import { indexTerms } from '../lists/terms.ts'
import { changeRecord, type RecordAnswers } from '../modules/archives/archive.ts'
import { type CompanyKind, companyArchives, openCompany } from '../modules/archives/company.ts'
import { type Actor, difference, record } from './action-log.ts'
import { whoWasFirst } from './changes.ts'
import { emptiedOffices, lastOne, lockAdministrators, type Outcome } from './users.ts'

/** 单位: whoever has accounts. Companies and developers share their id with their archive, which begins together with them. */

export interface Organisation {
  id: number
  kind: OrganisationKind
  name: string
  code: string | null
  region_code: string
  district_code: string | null
  street_code: string | null
  status: 'active' | 'disabled'
  status_note: string | null
  contact: string | null
  phone: string | null
  address: string | null
  created_at: Date
  updated_at: Date
  version: number
}

export interface OrganisationForm {
  name: string
  code: string | null
  /** City, district or street; what the three region columns hold follows from it. */
  place: string
  contact: string | null
  phone: string | null
  address: string | null
}

interface Region {
  code: string
  name: string
  level: 'city' | 'district' | 'street'
  parent_code: string | null
}

/** Companies and developers: their archive begins with the organisation, and everything of it is written there. */
function isArchived(kind: OrganisationKind): kind is CompanyKind {
  return Object.hasOwn(companyArchives, kind)
}

/** @throws NotFound when there is no such organisation */
export async function findOrganisation(db: Knex, id: number): Promise<Organisation> {
  const found: Organisation | undefined = await db('organisations').where({ id }).first()
  if (!found) throw new NotFound('没有找到这个单位。')
  return found
}

/** Every place an organisation can be in, as a form offers them: the city, each district, and its streets behind it. */
export async function places(db: Knex): Promise<{ value: string; label: string }[]> {
  const rows: Region[] = await db('regions').orderBy('code').select('code', 'name', 'level', 'parent_code')
  const names = new Map(rows.map(row => [row.code, row.name]))
  return rows
    .filter(row => row.level !== 'city' || row.code === config.city)
    .map(({ code, name, level, parent_code }) => ({
      value: code,
      label: level === 'street' ? `${names.get(parent_code ?? '') ?? ''} · ${name}` : name,
    }))
}

/**
 * Active organisations by what somebody typed: parts of the name, the beginning of the code, or pinyin initials.
 * @param most how many at most, by name
 */
export async function searchOrganisations(db: Knex, text: string, most: number): Promise<Organisation[]> {
  const parts = text.normalize('NFKC').split(/\s+/).filter(Boolean)
  const code = normaliseCode(text)
  return await db<Organisation>('organisations')
    .where({ status: 'active' })
    .where(found => {
      found.where(named => {
        for (const part of parts) named.where('name', 'like', `%${part.replace(/[\\%_]/g, '\\$&')}%`)
      })
      if (/^[0-9A-Z]{4,18}$/.test(code)) found.orWhere('code', 'like', `${code}%`)
      if (/^[A-Z]{2,20}$/.test(code)) found.orWhereIn('id', spelt(db, code.toLowerCase()))
    })
    .orderBy('name_key')
    .orderBy('id')
    .limit(most)
}

const spelt = (db: Knex, letters: string) =>
  db('search_terms').where({ scope: 'organisations' }).where('term', 'like', `p${letters}%`).select('doc_id')

/** What somebody must know to make an organisation of a kind; the archive needs more than the desk. */
export interface NewOrganisation extends OrganisationForm {
  kind: OrganisationKind
  legal_person: string | null
}

/** Makes an organisation, findable at once, with its archive where it is a company or developer. */
export async function createOrganisation(actor: Actor, form: NewOrganisation): Promise<Outcome<{ id: number }>> {
  return await unlessTaken<{ id: number }>(async trx => {
    const region = await findRegion(trx, form.place)
    const mistakes = { ...(await mistakesOf(trx, form.kind, form, region)), ...archiveMistakes(form) }
    if (Object.keys(mistakes).length) return { ok: false, mistakes }
    const { kind, name, code, contact, phone, address } = form
    const id = isArchived(kind) ? await openArchive(trx, actor, kind, form, region) : await addOffice(trx, actor, form, region)
    await record(trx, actor, {
      action: 'organisation.create',
      object: { type: 'organisation', id, label: name },
      detail: { kind, name, code, region: region.name, contact, phone: phone && maskNumbers(phone), address },
    })
    return { ok: true, id }
  })
}

/** Changes an organisation; its kind stays. What hangs on its region (the roles of its people, who sees the company) moves along. */
export async function updateOrganisation(
  actor: Actor,
  id: number,
  { version, ...form }: OrganisationForm & { version: number },
): Promise<Outcome<{ changed: boolean }>> {
  return await unlessTaken<{ changed: boolean }>(async trx => {
    const organisation = await lockOrganisation(trx, id)
    if (organisation.version !== version) return { ok: false, mistakes: {}, stale: await whoWasFirst(trx, thing(organisation)) }
    const { kind } = organisation
    const region = await findRegion(trx, form.place)
    const mistakes = await mistakesOf(trx, kind, form, region, id)
    if (Object.keys(mistakes).length) return { ok: false, mistakes }
    const { name, code, contact, phone, address } = form
    const regions = regionColumns(kind, region)
    const columns = { name, code, ...regions, contact, phone, address }
    const changed = difference(organisation, columns)
    if (!Object.keys(changed).length) return { ok: true, changed: false }
    if (isArchived(kind)) {
      const { district_code, street_code } = regions
      const answers = archiveAnswers({ name, code, district_code, street_code, contact, phone, address })
      await changeRecord(trx, companyArchives[kind], id, { answers, by: { user_id: actor.user_id } })
    } else {
      await save(trx, actor, organisation, { ...columns, name_key: nameKey(name) })
      await indexTerms(trx, 'organisations', id, [name, code ?? ''])
      if (changed.region_code) await moveRoles(trx, organisation, columns.region_code)
      await keepHistory(trx, actor, id, changed)
    }
    await record(trx, actor, {
      action: 'organisation.update',
      object: thing(organisation),
      detail: { changes: await told(trx, changed) },
    })
    return { ok: true, changed: true }
  })
}

/** Ends the use of an organisation and signs out all its people. */
export async function disableOrganisation(
  actor: Actor,
  id: number,
  { version, reason }: { version: number; reason: string },
): Promise<Outcome> {
  if (actor.organisation_id === id) throw new Forbidden('不能停用自己所在的单位。')
  return await inTransaction(async trx => {
    await lockAdministrators(trx)
    const organisation = await lockOrganisation(trx, id, version)
    needStatus(organisation, 'active')
    const emptied = await emptiedOffices(trx, held => held.organisation_id === id)
    if (emptied.length) return { ok: false, mistakes: { reason: lastOne(emptied) } }
    await save(trx, actor, organisation, { status: 'disabled', status_note: reason })
    const ended = await trx('sessions')
      .whereIn('user_id', trx('users').where({ organisation_id: id }).select('id'))
      .delete()
    await record(trx, actor, { action: 'organisation.disable', object: thing(organisation), detail: { reason, ended } })
    return { ok: true }
  })
}

/** Lets the people of a disabled organisation work again. */
export async function enableOrganisation(
  actor: Actor,
  id: number,
  { version, reason }: { version: number; reason: string },
): Promise<Outcome> {
  return await inTransaction(async trx => {
    const organisation = await lockOrganisation(trx, id, version)
    needStatus(organisation, 'disabled')
    await save(trx, actor, organisation, { status: 'active', status_note: null })
    await record(trx, actor, { action: 'organisation.enable', object: thing(organisation), detail: { reason } })
    return { ok: true }
  })
}

/** The bureau of the city, which the administrators belong to; made where there is none yet. */
export async function bureauOf(trx: Knex.Transaction, actor: Actor, name: string): Promise<{ id: number; name: string }> {
  const present: { id: number; name: string } | undefined = await trx('organisations')
    .where({ kind: 'city', status: 'active' })
    .orderBy('id')
    .first('id', 'name')
  if (present) return present
  const row = { kind: 'city', name, name_key: nameKey(name), region_code: config.city, created_at: now(), updated_at: now() }
  const [id = 0] = await trx('organisations').insert(row)
  await indexTerms(trx, 'organisations', id, [name])
  await record(trx, actor, {
    action: 'organisation.create',
    object: { type: 'organisation', id, label: name },
    detail: { kind: 'city', name },
  })
  return { id, name }
}

async function unlessTaken<T>(work: (trx: Knex.Transaction) => Promise<Outcome<T>>): Promise<Outcome<T>> {
  try {
    return await inTransaction(work)
  } catch (error) {
    if (isDuplicate(error, 'organisations_code_unique'))
      return { ok: false, mistakes: { code: '这个代码刚刚被登记给另一个单位，请核对。' } }
    throw error
  }
}

async function findRegion(trx: Knex.Transaction, code: string): Promise<Region> {
  const region: Region | undefined = await trx('regions').where({ code }).first('code', 'name', 'level', 'parent_code')
  if (!region) throw new NotFound('没有找到这个区域。')
  return region
}

// A committee without a code has not registered one yet.
const codeRule: Record<OrganisationKind, 'needed' | 'allowed' | 'none'> = {
  city: 'none',
  district: 'none',
  street: 'none',
  company: 'needed',
  developer: 'needed',
  committee: 'allowed',
  owners: 'none',
}
// Companies from outside the city without a branch here are the city's alone.
const levels: Record<OrganisationKind, readonly Region['level'][]> = {
  city: ['city'],
  district: ['district'],
  street: ['street'],
  company: ['street', 'district', 'city'],
  developer: ['street', 'district', 'city'],
  committee: ['street'],
  owners: ['city'],
}
const levelNames = { city: '全市', district: '区县', street: '街道、镇' }

async function mistakesOf(
  trx: Knex.Transaction,
  kind: OrganisationKind,
  { name, code }: OrganisationForm,
  region: Region,
  own = 0,
): Promise<Mistakes> {
  const mistakes: Mistakes = {}
  const label = organisationKinds[kind]
  if (codeRule[kind] === 'needed' && !code) mistakes.code = `${label}须填写营业执照上的统一社会信用代码。`
  if (codeRule[kind] === 'none' && code) mistakes.code = `${label}不填统一社会信用代码，请清空。`
  if (!levels[kind].includes(region.level))
    mistakes.place = `${label}的所在区域应选到${levels[kind].map(level => levelNames[level]).join('或')}。`
  const [sameCode, sameName]: ({ name: string } | undefined)[] = await Promise.all([
    code ? trx('organisations').where({ code }).whereNot({ id: own }).first('name') : undefined,
    trx('organisations')
      .where({ name_key: nameKey(name), kind, name })
      .whereNot({ id: own })
      .first('name'),
  ])
  if (sameCode) mistakes.code ??= `这个代码已登记给“${sameCode.name}”。`
  if (sameName) mistakes.name = `已有同名的${label}，请先在单位列表里查看。`
  return mistakes
}

function archiveMistakes({ kind, legal_person, address }: NewOrganisation): Mistakes {
  if (!isArchived(kind)) return {}
  return {
    ...(legal_person ? {} : { legal_person: '物业企业和开发企业须填写法定代表人。' }),
    ...(address ? {} : { address: '物业企业和开发企业须填写注册地址。' }),
  }
}

/** A company belongs to a district even when its street is known; a desk or committee to the place itself. */
function regionColumns(kind: OrganisationKind, region: Region) {
  const district_code = region.level === 'street' ? region.parent_code : region.level === 'district' ? region.code : null
  const street_code = region.level === 'street' ? region.code : null
  return { region_code: isArchived(kind) ? (district_code ?? region.code) : region.code, district_code, street_code }
}

async function openArchive(
  trx: Knex.Transaction,
  actor: Actor,
  kind: CompanyKind,
  { name, code, legal_person, contact, phone, address }: NewOrganisation,
  region: Region,
): Promise<number> {
  const { district_code, street_code } = regionColumns(kind, region)
  const told = { name, code, district_code, street_code, legal_person, registered_address: address, contact, phone, address }
  const answers = {
    ...archiveAnswers(told),
    ...(kind === 'company' ? { origin: region.level === 'city' ? 'elsewhere' : 'city' } : {}),
  }
  return await openCompany(trx, kind, answers, { by: { user_id: actor.user_id }, source: 'office' })
}

const archiveAnswers = (told: Record<string, string | null>): RecordAnswers =>
  Object.fromEntries(Object.entries(told).map(([name, value]) => [name, value ?? '']))

async function addOffice(trx: Knex.Transaction, actor: Actor, form: NewOrganisation, region: Region): Promise<number> {
  const { kind, name, code, contact, phone, address } = form
  const stamps = { created_at: now(), updated_at: now(), created_by: actor.user_id, updated_by: actor.user_id }
  const row = { kind, name, name_key: nameKey(name), code, ...regionColumns(kind, region), contact, phone, address }
  const [id = 0] = await trx('organisations').insert({ ...row, ...stamps })
  await indexTerms(trx, 'organisations', id, [name, code ?? ''])
  return id
}

async function moveRoles(trx: Knex.Transaction, { id }: Organisation, region_code: string): Promise<void> {
  const own: Role[] = roleCodes.filter(role => roles[role].scope === 'organisation')
  await trx('user_roles')
    .whereIn('user_id', trx('users').where({ organisation_id: id }).select('id'))
    .whereIn('role', own)
    .update({ region_code })
}

/** Field by field, as the archives keep theirs. */
async function keepHistory(
  trx: Knex.Transaction,
  actor: Actor,
  row_id: number,
  changed: Record<string, [unknown, unknown]>,
): Promise<void> {
  const text = (value: unknown) => (value === null || value === undefined ? null : String(value))
  const row = { at: now(), user_id: actor.user_id, table_name: 'organisations', row_id }
  await trx('changes').insert(
    Object.entries(changed).map(([field, [before, after]]) => ({ ...row, field, before: text(before), after: text(after) })),
  )
}

/** The same changes for the action log: mobile numbers masked, regions by name and only the nearest one. */
async function told(
  trx: Knex.Transaction,
  changed: Record<string, [unknown, unknown]>,
): Promise<Record<string, [unknown, unknown]>> {
  const { region_code, district_code, street_code, phone, ...rest } = changed
  if (phone) rest.phone = [maskNumbers(String(phone[0] ?? '')), maskNumbers(String(phone[1] ?? ''))]
  const pair = street_code?.every(Boolean) ? street_code : (region_code ?? street_code ?? district_code)
  if (!pair) return rest
  const names: { code: string; name: string }[] = await trx('regions')
    .whereIn('code', pair.filter(Boolean).map(String))
    .select('code', 'name')
  const nameOf = (code: unknown) => names.find(region => region.code === code)?.name ?? null
  return { ...rest, region: [nameOf(pair[0]), nameOf(pair[1])] }
}

async function lockOrganisation(trx: Knex.Transaction, id: number, version?: number): Promise<Organisation> {
  const organisation: Organisation | undefined = await trx('organisations').where({ id }).forUpdate().first()
  if (!organisation) throw new NotFound('没有找到这个单位。')
  if (version !== undefined && organisation.version !== version)
    throw new Conflict(`${await whoWasFirst(trx, thing(organisation))}。您的操作没有执行，请看最新状态后再办。`)
  return organisation
}

function needStatus({ name, status }: Organisation, wanted: Organisation['status']): void {
  if (status !== wanted) throw new Conflict(wanted === 'active' ? `${name}已停用，请先恢复。` : `${name}已在使用，不用恢复。`)
}

async function save(
  trx: Knex.Transaction,
  actor: Actor,
  organisation: Organisation,
  columns: Record<string, Knex.Value>,
): Promise<void> {
  await trx('organisations')
    .where({ id: organisation.id })
    .update({ ...columns, version: organisation.version + 1, updated_at: now(), updated_by: actor.user_id })
}

const thing = ({ id, name }: Pick<Organisation, 'id' | 'name'>) => ({ type: 'organisation', id, label: name })
