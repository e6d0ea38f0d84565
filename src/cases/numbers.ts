import type { Knex } from 'knex'
import { today } from '../clock.ts'
import { nextValue } from '../database/counters.ts'

/**
 * 编号规则 (domain.md §3.3): text with the tokens `{yyyy}`, `{region}` (six digits) and `{seq:4}`. A counter belongs to what is rendered
 * before the sequence, so a rule with the year counts anew each year, one with the region in each region.
 */

export interface NumberFacts {
  /** 2026 */
  year: string | number
  /** Statutory code of the region, such as 370102; longer ones are cut to the county. */
  region: string
}

const token = /\{([^{}]*)\}/g
const sequence = /\{seq:([1-9])\}/

/** The longest number that fits its column. */
const longest = 60

/** The number a rule gives for a value of its counter. */
export function renderNumber(rule: string, { seq, ...facts }: NumberFacts & { seq: number }): string {
  const { prefix, digits, suffix } = split(rule, facts)
  return `${prefix}${String(seq).padStart(digits, '0')}${suffix}`
}

/** What stands before the sequence: the name of the counter. */
export function prefixOf(rule: string, facts: NumberFacts): string {
  return split(rule, facts).prefix
}

/** What a number by this rule looks like this year. */
export function sampleNumber(rule: string): string {
  return renderNumber(rule, { year: today().slice(0, 4), region: '370102', seq: 12 })
}

/**
 * Takes the next number of a rule that nobody has yet: another rule, or the time before the portal, may have given what this one
 * comes to. The counter stays locked until the transaction ends, so take it last before commit (domain.md §3.3: gap-free, never reused).
 */
export async function takeNumber(trx: Knex.Transaction, rule: string, facts: NumberFacts): Promise<string> {
  const prefix = prefixOf(rule, facts)
  const next = await nextValue(trx, prefix)
  let seq = next
  while (await isTaken(trx, renderNumber(rule, { ...facts, seq }))) seq++
  if (seq > next) await trx('counters').where({ prefix }).update({ value: seq })
  return renderNumber(rule, { ...facts, seq })
}

/** Whether a case, a certificate, a filing of a branch or a project has this number. The database compares, so that what its unique keys hold to be one number is one. */
async function isTaken(trx: Knex.Transaction, number: string): Promise<boolean> {
  const having = (table: string) => trx(table).where({ number }).select('id')
  const numbered = having('cases').unionAll(having('certificates')).unionAll(having('branch_filings'))
  // Codes of projects are ASCII; both servers refuse to compare such a column with Han.
  if (/^[\x21-\x7e]+$/.test(number)) numbered.unionAll(trx('projects').where({ code: number }).select('id'))
  const rows: unknown[] = await numbered
  return rows.length > 0
}

/**
 * Takes the next 业务流水号 of a day: ZX2026112300017.
 * @param prefix the two letters of the kind
 * @param day the Beijing day of the submission
 */
export async function takeSerial(trx: Knex.Transaction, prefix: string, day: string): Promise<string> {
  const counter = `${prefix}${day.replaceAll('-', '')}`
  return `${counter}${String(await nextValue(trx, counter)).padStart(5, '0')}`
}

/** Why a text is no number rule, as a sentence for whoever writes it; nothing when it is one. */
export function ruleFault(rule: string): string | undefined {
  const tokens = [...rule.matchAll(token)].map(([whole]) => whole)
  const sequences = tokens.filter(one => /^\{seq\b/.test(one))
  const unknown = tokens.find(one => !['{yyyy}', '{region}'].includes(one) && !sequences.includes(one))
  if (unknown) return `编号规则里的 ${unknown} 系统不认识，可用的是 {yyyy}、{region} 和 {seq:4}。`
  if (/[{}]/.test(rule.replace(token, ''))) return '编号规则里的大括号不成对，占位写成 {yyyy}、{region} 或 {seq:4}。'
  const [first, second] = sequences
  if (!first) return '编号规则里要有流水号，写成 {seq:4}，数字是位数。'
  if (second) return '编号规则里的流水号只能有一个。'
  if (!sequence.test(first)) return `编号规则里的 ${first} 不对：流水号的位数是 1 到 9，如 {seq:4}。`
  if (rule.startsWith(first)) return '流水号前面要有字，不同事项的编号才分得开，如“济物备〔{yyyy}〕{seq:4}号”。'
  // A counter that outgrows its digits gets longer; ten digits are more than a city ever files.
  const length = [...renderNumber(rule, { year: '2026', region: '370102', seq: 10 ** 9 })].length
  return length > longest ? `按这个规则编出的号有 ${length} 个字，最多 ${longest} 个。` : undefined
}

function split(rule: string, { year, region }: NumberFacts): { prefix: string; digits: number; suffix: string } {
  const found = sequence.exec(rule)
  // Rules are checked when they are written; one without a sequence would give every case the same number.
  if (!found) throw new Error(`number rule without sequence: ${rule}`)
  const fill = (text: string) => text.replaceAll('{yyyy}', String(year)).replaceAll('{region}', region.slice(0, 6))
  return {
    prefix: fill(rule.slice(0, found.index)),
    digits: Number(found[1]),
    suffix: fill(rule.slice(found.index + found[0].length)),
  }
}
