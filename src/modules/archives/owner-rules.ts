import type { Knex } from 'knex'
import type { User } from '../../accounts/users.ts'
import { today } from '../../clock.ts'
import { blindIndex } from '../../crypto.ts'
import type { Mistakes } from '../../forms/form.ts'
import { residentIdMistake, socialCreditCodeMistake } from '../../identifiers.ts'
import { maskName } from '../../lists/masks.ts'
import { createRecord, type RecordAnswers } from './archive.ts'
import { owners } from './owner.ts'
import type { IdType, OwnerSource } from './words.ts'

/** What must hold of those who own or live in a house (domain.md §9.5, §14). Sentences go to the field they are about. */

const shapes: Partial<Record<IdType, { pattern: RegExp; sentence: string }>> = {
  passport: {
    pattern: /^[A-Z0-9]{5,20}$/,
    sentence: '护照号为 5 至 20 位字母和数字，中国护照为 1 至 2 个字母加 7 至 8 位数字，请对照护照改正。',
  },
  permit: {
    pattern: /^([HM]\d{8}(\d{2})?|\d{8}|\d{10}|8[123]\d{15}[\dX])$/,
    sentence: '港澳居民通行证为 H 或 M 加 8 位数字，台湾居民通行证为 8 位数字，居住证为 18 位，请对照证件改正。',
  },
  other: { pattern: /^[\p{L}\p{N}（）()〔〕\-/]{4,40}$/u, sentence: '证件号至少 4 位，只用文字、数字和括号，请对照证件改正。' },
}

/** Why a number is none of its kind of document, or nothing. @param number normalised */
export function idNumberMistake(kind: IdType, number: string): string | undefined {
  if (kind === 'resident-id') return residentIdMistake(number)
  if (kind === 'credit-code') return socialCreditCodeMistake(number)
  const shape = shapes[kind]
  return shape?.pattern.test(number) ? undefined : shape?.sentence
}

/** Who owned a share of a house from a day to a day; still does where the last is empty. */
export interface Share {
  id: number
  name: string
  id_number_index: string
  share: string
  starts_on: string
  ends_on: string | null
}

const forever = '9999-12-31'
const overlap = (one: Pick<Share, 'starts_on' | 'ends_on'>, other: Pick<Share, 'starts_on' | 'ends_on'>) =>
  one.starts_on <= (other.ends_on ?? forever) && other.starts_on <= (one.ends_on ?? forever)
/** Shares in ten-thousandths of a percent, so that 33.3333 three times stays below 100. */
const parts = (share: string) => Math.round(Number(share) * 10_000)
const percent = (parts: number) => `${Number((parts / 10_000).toFixed(4))}%`

/**
 * Why a share does not fit beside the others, or nothing: on no day may all shares of a house exceed 100%.
 * @param others everybody else who owns or owned the house
 */
export function shareMistake(
  others: readonly Pick<Share, 'name' | 'share' | 'starts_on' | 'ends_on'>[],
  wanted: Pick<Share, 'share' | 'starts_on' | 'ends_on'>,
): string | undefined {
  const beside = others.filter(other => overlap(other, wanted))
  // The sum only grows on a day on which somebody begins.
  const days = [wanted.starts_on, ...beside.map(({ starts_on }) => starts_on).filter(day => day > wanted.starts_on)]
  for (const day of days.sort()) {
    const there = beside.filter(other => other.starts_on <= day && (other.ends_on ?? forever) >= day)
    const sum = there.reduce((total, { share }) => total + parts(share), parts(wanted.share))
    if (sum <= 1_000_000) continue
    const held = there.map(({ name, share }) => `${maskName(name)} ${percent(parts(share))}`).join('、')
    const left = 1_000_000 - (sum - parts(wanted.share))
    return `产权比例合计 ${percent(sum)}，超过 100%：${held}，本次 ${percent(parts(wanted.share))}。${left > 0 ? `最多可填 ${percent(left)}，` : ''}原业主已转出的请用“产权转移”。`
  }
  return undefined
}

/** Everybody who owns or owned a house, with the house locked: shares are counted by one writer at a time. */
export async function lockShares(trx: Knex.Transaction, house_id: number): Promise<Share[]> {
  await trx('houses').where({ id: house_id }).forUpdate().first('id')
  return await trx('owners')
    .where({ house_id })
    .orderBy('starts_on')
    .select('id', 'name', 'id_number_index', 'share', 'starts_on', 'ends_on')
}

/** Days of a period that cannot be, by field. */
function periodMistakes({ starts_on = '', ends_on }: RecordAnswers, [from, until]: readonly [string, string]): Mistakes {
  const day = today()
  return {
    ...(starts_on > day ? { starts_on: `${from}不能晚于今天（${day}），请核对。` } : {}),
    ...(ends_on && ends_on > day ? { ends_on: `${until}不能晚于今天（${day}），到那一天再登记。` } : {}),
    ...(ends_on && ends_on < starts_on ? { ends_on: `${until}早于${from} ${starts_on}，请核对。` } : {}),
  }
}

/**
 * What is wrong with an owner of a house, by field.
 * @param answers whole and checked by the form
 * @param shares of `lockShares`
 * @param own the row itself, where it is changed
 */
export function ownerMistakes(answers: RecordAnswers, shares: readonly Share[], own?: number): Mistakes {
  const { id_type = '', id_number = '', share = '', starts_on = '' } = answers
  const wanted = { share, starts_on, ends_on: answers.ends_on || null }
  const mistakes = periodMistakes(answers, ['取得日期', '转出日期'])
  const number = idNumberMistake(id_type as IdType, id_number) // the form offers no other
  if (number) mistakes.id_number = number
  if (Object.keys(mistakes).length) return mistakes
  const others = shares.filter(({ id }) => id !== own)
  const index = blindIndex('owners.id_number', id_number)
  const same = others.find(other => other.id_number_index === index && overlap(other, wanted))
  if (same)
    return {
      id_number: `这个证件号已登记为本房屋的业主（${maskName(same.name)}，${percent(parts(same.share))}，${same.starts_on} 起${same.ends_on ? `至 ${same.ends_on}` : ''}）。比例有变化的，请修改原来那一条。`,
    }
  const sum = shareMistake(others, wanted)
  return sum ? { share: sum } : {}
}

/** What is wrong with somebody who lives in a house, by field. @param own the row itself, where it is changed */
export async function residentMistakes(
  trx: Knex.Transaction,
  house_id: number,
  answers: RecordAnswers,
  own = 0,
): Promise<Mistakes> {
  const { name = '', id_type = '', id_number = '', ends_on } = answers
  const mistakes = periodMistakes(answers, ['入住日期', '迁出日期'])
  if (id_number && !id_type) mistakes.id_type = '填了证件号，请选择证件类型。'
  const number = id_number && id_type ? idNumberMistake(id_type as IdType, id_number) : undefined // the form offers no other
  if (number) mistakes.id_number = number
  if (Object.keys(mistakes).length || ends_on) return mistakes
  await trx('houses').where({ id: house_id }).forUpdate().first('id')
  const there: { name: string; id_number_index: string | null }[] = await trx('residents')
    .where({ house_id, live: 1 })
    .whereNot({ id: own })
    .select('name', 'id_number_index')
  const index = id_number && blindIndex('residents.id_number', id_number)
  if (index && there.some(other => other.id_number_index === index))
    return { id_number: '这个证件号已登记为本房屋的居民，不用重复登记。' }
  if (!index && there.some(other => other.name === name && !other.id_number_index))
    return { name: '本房屋已登记同名居民。确是另一人的，请填写证件号以便区分。' }
  return {}
}

/** What shares add up to, such as 99.9999%. */
export function totalOf(shares: readonly Pick<Share, 'share'>[]): string {
  return percent(shares.reduce((total, { share }) => total + parts(share), 0))
}

/** What the owners of a house leave open on a day: a share nobody has. */
export function shareNotices(shares: readonly Pick<Share, 'share' | 'starts_on' | 'ends_on'>[], day: string): string[] {
  const running = shares.filter(({ starts_on, ends_on }) => starts_on <= day && (ends_on ?? forever) >= day)
  const sum = running.reduce((total, { share }) => total + parts(share), 0)
  return running.length && sum < 1_000_000
    ? [`产权比例合计 ${percent(sum)}，还有 ${percent(1_000_000 - sum)} 没有登记业主。`]
    : []
}

/** Who sells cannot stay in the committee (《业主大会和业主委员会指导规则》): the committee files that itself. @param ids of owners who left */
export async function committeeNotices(db: Knex, ids: readonly number[]): Promise<string[]> {
  const committees: string[] = await db('owners')
    .join('committee_members', 'committee_members.owner_id', 'owners.id')
    .join('committee_terms', 'committee_terms.id', 'committee_members.term_id')
    .join('organisations', 'organisations.id', 'committee_terms.committee_id')
    .whereIn('owners.id', [...ids])
    .whereNotNull('owners.ends_on')
    .where({ 'committee_members.live': 1, 'committee_terms.live': 1 })
    .distinct('organisations.name')
    .pluck('organisations.name')
  return committees.map(name => `转出的业主是“${name}”的成员，转出后不再是业主，请业委会办理成员变更。`)
}

/** An owner to come, as the shares of the house will count it. */
export function shareOf(id: number, { name = '', id_number = '', share = '', starts_on = '' }: RecordAnswers): Share {
  return { id, name, share, starts_on, ends_on: null, id_number_index: blindIndex('owners.id_number', id_number) }
}

/** Who enters an owner or a resident (登记来源), as the register says it. */
export function sourceOf({ role, scope }: User): OwnerSource {
  if (scope.level !== 'organisation') return 'office'
  return role === 'developer' ? 'developer' : role === 'committee' ? 'committee' : 'company'
}

/** Writes an owner of a house. Whoever owns other houses and has an account has it for this one too. */
export async function addOwner(
  trx: Knex.Transaction,
  user: User,
  house: { id: number; project_id: number },
  answers: RecordAnswers,
): Promise<number> {
  const { id: house_id, project_id } = house
  const user_id = await accountOf(trx, answers.id_number ?? '')
  return await createRecord(
    trx,
    owners,
    { ...answers, source: sourceOf(user) },
    { by: { user_id: user.id }, more: { owners: { house_id, project_id, user_id } } },
  )
}

async function accountOf(trx: Knex.Transaction, id_number: string): Promise<number | null> {
  const other: { user_id: number } | undefined = await trx('owners')
    .where({ id_number_index: blindIndex('owners.id_number', id_number) })
    .whereNotNull('user_id')
    .first('user_id')
  return other?.user_id ?? null
}
