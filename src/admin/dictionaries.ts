import type { Knex } from 'knex'
import { now } from '../clock.ts'
import { inTransaction, isDuplicate } from '../db.ts'
import { Conflict } from '../errors.ts'
import type { Option } from '../forms/form.ts'
import * as words from '../modules/archives/words.ts'
import { type Actor, record } from './action-log.ts'
import { markOf, whoWasFirst } from './changes.ts'
import type { Outcome } from './users.ts'

/**
 * 字典 (domain.md §13). The codes are the portal's; what they are called, in which order they are offered and which of them are
 * still offered is the regulator's, because the words of the law change (物业管理区域 became 物业服务区域 in 2021). States are no
 * dictionaries: their words belong to the procedure.
 */
const offered = {
  'property-types': { label: '物业类型', words: words.propertyTypes },
  'building-types': { label: '楼栋类型', words: words.buildingTypes },
  structures: { label: '建筑结构', words: words.structures },
  'house-purposes': { label: '房屋用途', words: words.housePurposes },
  origins: { label: '企业来源', words: words.origins },
  ownerships: { label: '企业类型', words: words.ownerships },
  'certificate-levels': { label: '资质等级', words: words.certificateLevels },
  posts: { label: '岗位类别', words: words.posts },
  titles: { label: '职称级别', words: words.titles },
  credentials: { label: '职业资格', words: words.credentials },
  educations: { label: '学历', words: words.educations },
  'leave-reasons': { label: '减员原因', words: words.leaveReasons },
  'id-types': { label: '证件类型', words: words.idTypes },
  'owner-sources': { label: '业主登记来源', words: words.ownerSources },
  'service-phases': { label: '服务阶段', words: words.servicePhases },
  'selection-methods': { label: '选聘方式', words: words.selectionMethods },
  'contract-filings': { label: '合同备案类型', words: words.contractFilings },
  'contract-end-reasons': { label: '合同终止原因', words: words.contractEndReasons },
  'fee-modes': { label: '收费方式', words: words.feeModes },
  pricings: { label: '定价方式', words: words.pricings },
  'service-levels': { label: '服务等级', words: words.serviceLevels },
  offices: { label: '业委会职务', words: words.offices },
  'member-end-reasons': { label: '业委会成员终止原因', words: words.memberEndReasons },
} as const satisfies Record<string, { label: string; words: Readonly<Record<string, string>> }>

export type Dictionary = keyof typeof offered
export const dictionaryCodes = Object.keys(offered) as Dictionary[] // Object.keys forgets the literal types

export const isDictionary = (code: string): code is Dictionary => Object.hasOwn(offered, code)
export const dictionaryLabel = (dictionary: Dictionary): string => offered[dictionary].label

export interface Word {
  code: string
  label: string
  /** 1 is offered first. */
  position: number
  active: boolean
}

/** The words as the portal brings them. */
export function standardWords(dictionary: Dictionary): Word[] {
  return Object.entries(offered[dictionary].words).map(([code, label], at) => ({ code, label, position: at + 1, active: true }))
}

let cached: { all: Map<string, Word[]>; until: number } | undefined
const keep = 5000

/** What every code of a dictionary is called, also those no longer offered: old rows still hold them. */
export async function labels(db: Knex, dictionary: Dictionary): Promise<Record<string, string>> {
  return Object.fromEntries((await wordsOf(db, dictionary)).map(({ code, label }) => [code, label]))
}

/** What a form offers, in the regulator's order. */
export async function choices(db: Knex, dictionary: Dictionary): Promise<Option[]> {
  return (await wordsOf(db, dictionary)).filter(word => word.active).map(({ code, label }) => ({ value: code, label }))
}

/** The words in force, in order. A change reaches every process within five seconds; the one that made it, at once. */
export async function wordsOf(db: Knex, dictionary: Dictionary): Promise<Word[]> {
  // Real time on purpose: a shifted clock must not freeze or flood this cache.
  if (!cached || cached.until <= Date.now()) cached = { all: await readAll(db), until: Date.now() + keep }
  return cached.all.get(dictionary) ?? standardWords(dictionary)
}

/** Forgets the cached words, after a change. */
export function forgetDictionaries(): void {
  cached = undefined
}

interface WordRow extends Omit<Word, 'active'> {
  dictionary: string
  active: number
}

async function readAll(db: Knex): Promise<Map<string, Word[]>> {
  const rows: WordRow[] = await db('dictionaries').select('dictionary', 'code', 'label', 'position', 'active')
  return new Map(
    dictionaryCodes.map(dictionary => [
      dictionary,
      inForce(
        dictionary,
        rows.filter(row => row.dictionary === dictionary),
      ),
    ]),
  )
}

function inForce(dictionary: Dictionary, rows: Pick<WordRow, 'code' | 'label' | 'position' | 'active'>[]): Word[] {
  const own = new Map(rows.map(({ code, label, position, active }) => [code, { code, label, position, active: active === 1 }]))
  return standardWords(dictionary)
    .map((word, at) => ({ ...(own.get(word.code) ?? word), at }))
    .sort((one, other) => one.position - other.position || one.at - other.at)
    .map(({ at: _at, ...word }) => word)
}

/**
 * Writes what differs from the portal's own words, and nothing else.
 * @param mark of the words as they were shown; when somebody has changed them since, nothing is written
 */
export async function saveWords(
  actor: Actor,
  dictionary: Dictionary,
  wanted: Word[],
  mark: string,
): Promise<Outcome<{ changed: number }>> {
  try {
    return await inTransaction(async (trx): Promise<Outcome<{ changed: number }>> => {
      const rows: WordRow[] = await trx('dictionaries').where({ dictionary }).orderBy('code').forUpdate()
      const present = inForce(dictionary, rows)
      const object = { type: 'dictionary', id: dictionary, label: dictionaryLabel(dictionary) }
      if (mark !== markOf(present)) return { ok: false, mistakes: {}, stale: await whoWasFirst(trx, object) }
      const standard = new Map(standardWords(dictionary).map(word => [word.code, word]))
      const changes: Record<string, [unknown, unknown]> = {}
      for (const word of wanted) {
        const before = present.find(one => one.code === word.code)
        if (!before || isSame(before, word)) continue
        const name = standard.get(word.code)?.label ?? word.code
        if (before.label !== word.label) changes[`${name}的名称`] = [before.label, word.label]
        if (before.position !== word.position) changes[`${name}的顺序`] = [before.position, word.position]
        if (before.active !== word.active)
          changes[`${name}的状态`] = [before.active ? '选用' : '停用', word.active ? '选用' : '停用']
        const own = standard.get(word.code)
        if (own && isSame(own, word)) await trx('dictionaries').where({ dictionary, code: word.code }).delete()
        else
          await write(
            trx,
            actor,
            dictionary,
            word,
            rows.some(row => row.code === word.code),
          )
      }
      const changed = Object.keys(changes).length
      if (changed) await record(trx, actor, { action: 'dictionary.update', object, detail: { changes } })
      return { ok: true, changed }
    })
  } catch (error) {
    // Two first changes of one word at once: neither had a row to lock.
    if (isDuplicate(error)) throw new Conflict('这个字典刚刚由别人改过，您的修改没有保存，请重新打开。')
    throw error
  } finally {
    forgetDictionaries()
  }
}

/** Gives a dictionary back the portal's own words. */
export async function restoreWords(actor: Actor, dictionary: Dictionary, mark: string): Promise<Outcome<{ changed: number }>> {
  return await saveWords(actor, dictionary, standardWords(dictionary), mark)
}

function isSame(one: Word, other: Word): boolean {
  return one.label === other.label && one.position === other.position && one.active === other.active
}

async function write(
  trx: Knex.Transaction,
  actor: Actor,
  dictionary: Dictionary,
  { code, label, position, active }: Word,
  exists: boolean,
): Promise<void> {
  const columns = { label, position, active, updated_at: now(), updated_by: actor.user_id }
  if (exists)
    await trx('dictionaries')
      .where({ dictionary, code })
      .update({ ...columns, version: trx.raw('version + 1') })
  else await trx('dictionaries').insert({ dictionary, code, ...columns, created_at: now(), created_by: actor.user_id })
}
