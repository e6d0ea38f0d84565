import { randomBytes } from 'node:crypto'
import type { Knex } from 'knex'
import { z } from 'zod'
import type { Role } from '../../accounts/roles.ts'
import { type Actor, record } from '../../admin/action-log.ts'
import { addDays } from '../../calendar.ts'
import { now, today } from '../../clock.ts'
import { blindIndex, decrypt, encrypt } from '../../crypto.ts'
import { nameKey } from '../../database/names.ts'
import { inTransaction } from '../../db.ts'
import { Conflict, NotFound, NotNow } from '../../errors.ts'
import { choice, optionalDate, optionalText, text, version } from '../../forms/form.ts'
import { optionalCreditCode, optionalPhone, residentId } from '../archives/fields.ts'
import { optionsOf } from '../archives/words.ts'
import { type Candidate, draw, expertsNeeded, isCommitteeSize, poolDigest, poolText } from './draw.ts'
import { type ExpertState, expertStates, type JudgeSort, type JudgeState, type Specialty, specialties } from './words.ts'

/** 评标专家名册 and the draws from it (domain.md §5.2): kept by 市局, read by the districts. */

export const expertKeepers: readonly Role[] = ['city-clerk', 'city-reviewer']
export const expertReaders: readonly Role[] = [...expertKeepers, 'city-approver', 'district-clerk', 'district-reviewer']

export interface Expert {
  id: number
  name: string
  id_number_cipher: string
  id_number_index: string
  phone_cipher: string | null
  employer: string
  employer_code: string | null
  specialty: Specialty
  title: string | null
  state: ExpertState
  state_reason: string | null
  joined_on: string
  valid_until: string | null
  version: number
}

const fields = {
  name: text({ label: '姓名', max: 60 }),
  phone: optionalPhone('电话'),
  employer: text({ label: '工作单位', max: 200, wide: true, hint: '写全称；与招标人、投标人或代理机构是同一单位的，抽取时回避' }),
  employer_code: optionalCreditCode('工作单位统一社会信用代码'),
  specialty: choice({ label: '专业', options: optionsOf(specialties) }),
  title: optionalText({ label: '职称', max: 60 }),
  valid_until: optionalDate({ label: '聘期至', hint: '不填为长期' }),
}
export const expertForm = z.object({ ...fields, id_number: residentId('身份证号', { hint: '登记后不能修改，页面上脱敏显示' }) })
/** The phone is not shown again: left empty, it stays as it is. */
export const expertChangeForm = z.object({ version, ...fields, phone: optionalPhone('电话', { hint: '不填则不变' }) })
type ExpertFacts = Omit<z.infer<typeof expertForm>, 'id_number'>

const columnsOf = ({ name, phone, employer, employer_code, specialty, title, valid_until }: ExpertFacts) => ({
  name,
  name_key: nameKey(name, true),
  ...(phone ? { phone_cipher: encrypt('experts.phone', phone) } : {}),
  employer,
  employer_code: employer_code || null,
  specialty,
  title: title || null,
  valid_until,
})

/** A row of the register. @throws NotFound */
export async function expertAt(db: Knex, id: number): Promise<Expert> {
  const row: Expert | undefined = await db('experts').where({ id }).first()
  if (!row) throw new NotFound()
  return row
}

/** Personal data of an expert in full: for whoever has the right and gave a reason, or to be masked. */
export function openedExpert({ id_number_cipher, phone_cipher }: Expert): { id_number: string; phone: string } {
  return {
    id_number: decrypt('experts.id_number', id_number_cipher),
    phone: phone_cipher ? decrypt('experts.phone', phone_cipher) : '',
  }
}

const objectOf = (id: number, name: string) => ({ type: 'expert', id, label: `评标专家 ${name}` })

/**
 * Enters an expert.
 * @returns the id
 * @throws the duplicate error of the database when the ID number is in the register (its blind index is unique)
 */
export async function addExpert(facts: z.infer<typeof expertForm>, { by, actor }: { by: number; actor: Actor }): Promise<number> {
  const at = now()
  return await inTransaction(async trx => {
    const [id = 0] = await trx('experts').insert({
      ...columnsOf(facts),
      id_number_cipher: encrypt('experts.id_number', facts.id_number),
      // The index of 从业人员, so that employments are compared without opening an ID number.
      id_number_index: blindIndex('people.id_number', facts.id_number),
      state: 'active',
      joined_on: today(),
      created_at: at,
      updated_at: at,
      created_by: by,
      updated_by: by,
    })
    await record(trx, actor, { action: 'expert.add', object: objectOf(id, facts.name) })
    return id
  })
}

async function lockExpert(trx: Knex.Transaction, id: number, seen: number): Promise<Expert> {
  const row: Expert | undefined = await trx('experts').where({ id }).forUpdate().first()
  if (!row) throw new NotFound()
  if (row.version !== seen) throw new Conflict('这位专家的登记刚被别人改过，没有保存。请刷新页面，核对后再改。')
  return row
}

/** Changes the entry of an expert. @throws Conflict when somebody was first, NotNow for one who was removed */
export async function changeExpert(
  id: number,
  facts: z.infer<typeof expertChangeForm>,
  { by, actor }: { by: number; actor: Actor },
): Promise<void> {
  await inTransaction(async trx => {
    const row = await lockExpert(trx, id, facts.version)
    if (row.state === 'removed') throw new NotNow('这位专家已经退出名册，登记不再修改。')
    await trx('experts')
      .where({ id })
      .update({ ...columnsOf(facts), updated_at: now(), updated_by: by, version: row.version + 1 })
    const changed = (['name', 'employer', 'employer_code', 'specialty', 'title', 'valid_until'] as const).filter(
      name => (row[name] ?? '') !== (facts[name] ?? ''),
    )
    const fields = facts.phone ? [...changed, 'phone'] : changed
    await record(trx, actor, { action: 'expert.change', object: objectOf(id, facts.name), detail: { fields } })
  })
}

/** What a state can turn into; who has left the register does not come back under the same entry. */
export const expertSteps: Readonly<Record<ExpertState, readonly ExpertState[]>> = {
  active: ['suspended', 'removed'],
  suspended: ['active', 'removed'],
  removed: [],
}

/** Suspends, restores or removes an expert for a reason. @throws Conflict, NotNow */
export async function turnExpert(
  id: number,
  { version: seen, state, reason }: { version: number; state: ExpertState; reason: string },
  { by, actor }: { by: number; actor: Actor },
): Promise<void> {
  await inTransaction(async trx => {
    const row = await lockExpert(trx, id, seen)
    if (!expertSteps[row.state].includes(state))
      throw new NotNow(`这位专家现在${expertStates[row.state]}，不能改为${expertStates[state]}。`)
    await trx('experts')
      .where({ id })
      .update({ state, state_reason: reason, updated_at: now(), updated_by: by, version: row.version + 1 })
    await record(trx, actor, {
      action: 'expert.state',
      object: objectOf(id, row.name),
      detail: { reason, changes: { state: [expertStates[row.state], expertStates[state]] } },
    })
  })
}

// ── Who may judge a tender, and the draw ───────────────────────────────────────────────────────

export interface DrawnTender {
  id: number
  state: string
  number: string | null
  developer_id: number
  agency: string | null
  opens_on: string | null
  committee_size: number | null
}

export interface Judge {
  id: number
  expert_id: number | null
  draw_id: number | null
  name: string
  sort: JudgeSort
  state: JudgeState
  reason: string | null
}

/** Members who sit, or are to sit. */
export const isSitting = ({ state }: Pick<Judge, 'state'>) => state === 'drawn' || state === 'present'

const drawnBefore = '本次招标已经抽取过'

const same = (one: string | null, other: string | null) => Boolean(one && other && one.trim() === other.trim())

/**
 * The pool of a tender on a day: everybody active in the register, each who cannot judge it with the reason. An expert stands back whose
 * employer, or whose registered employment, is the developer, the agency or a bidder; and who was drawn for this tender before.
 */
export async function poolFor(db: Knex, tender: DrawnTender, day: string): Promise<Candidate[]> {
  const [experts, developer, bids, judges] = await Promise.all([
    db('experts')
      .where({ state: 'active' })
      .where(held => held.whereNull('valid_until').orWhere('valid_until', '>=', day))
      .orderBy('id')
      .select('id', 'id_number_index', 'employer', 'employer_code') as Promise<
      Pick<Expert, 'id' | 'id_number_index' | 'employer' | 'employer_code'>[]
    >,
    db('organisations').where({ id: tender.developer_id }).first('name', 'code') as Promise<
      { name: string; code: string | null } | undefined
    >,
    db('tender_bids')
      .where({ tender_id: tender.id })
      .whereNot({ state: 'withdrawn' })
      .select('name', 'code', 'company_id') as Promise<{ name: string; code: string | null; company_id: number | null }[]>,
    db('tender_judges').where({ tender_id: tender.id }).whereNotNull('expert_id').pluck('expert_id') as Promise<number[]>,
  ])
  const companies = bids.flatMap(({ company_id }) => company_id ?? [])
  const codes = bids.flatMap(({ code }) => code ?? [])
  const working: { mark: string; company: string }[] = await db('employments')
    .join('people', 'people.id', 'employments.person_id')
    .join('organisations', 'organisations.id', 'employments.company_id')
    .where({ 'employments.live': 1 })
    .where(held =>
      held
        .whereIn('employments.company_id', companies)
        .orWhereIn('organisations.code', codes)
        .orWhereIn(
          'organisations.name',
          bids.map(({ name }) => name),
        ),
    )
    .select('people.id_number_index as mark', 'organisations.name as company')
  const employed = new Map(working.map(({ mark, company }) => [mark, company]))
  return experts.map(({ id, id_number_index, employer, employer_code }) => {
    const isAt = (party: { name: string | null; code?: string | null }) =>
      same(employer, party.name) || same(employer_code, party.code ?? null)
    const bidder = bids.find(isAt)
    const at = employed.get(id_number_index)
    const reason =
      developer && isAt(developer)
        ? '工作单位是招标人'
        : isAt({ name: tender.agency })
          ? '工作单位是招标代理机构'
          : bidder
            ? `工作单位是投标人${bidder.name}`
            : at
              ? `在投标人${at}任职`
              : judges.includes(id)
                ? drawnBefore
                : undefined
    return reason ? { id, reason } : { id }
  })
}

/** The first day experts can be drawn: one day before the opening, so that few have time to be approached. */
export function drawableFrom({ opens_on }: Pick<DrawnTender, 'opens_on'>): string | undefined {
  return opens_on ? addDays(opens_on, -1) : undefined
}

interface SeedRow {
  seed: string
  pool: string
  pool_digest: string
  wanted: number
}

const drawnColumns = ['id', 'state', 'number', 'developer_id', 'agency', 'opens_on', 'committee_size']

async function lockDrawn(trx: Knex.Transaction, id: number): Promise<DrawnTender> {
  const row: DrawnTender | undefined = await trx('tenders').where({ id }).forUpdate().first(drawnColumns)
  if (!row) throw new NotFound()
  return row
}

async function drawsDone(trx: Knex, tender_id: number): Promise<number> {
  const row = await trx('expert_draws').where({ tender_id }).count({ n: '*' }).first()
  return Number(row?.n ?? 0)
}

/**
 * Draws as many experts as the committee still lacks. The seed and the pool are committed first and used whatever happens after, so a
 * draw is never repeated for a better result.
 * @param sequence the number of this draw as the page showed it; one that is done already is left alone
 * @returns how many were drawn, or nothing for a draw done before
 * @throws NotNow too early, too late, with a committee against the rule, or with too few experts
 */
export async function drawExperts(
  tender_id: number,
  { sequence, reason, by, actor }: { sequence: number; reason: string | null; by: number; actor: Actor },
): Promise<number | undefined> {
  const isReady = await inTransaction(async trx => {
    const tender = await lockDrawn(trx, tender_id)
    const done = await drawsDone(trx, tender_id)
    if (sequence <= done) return false
    if (sequence !== done + 1) throw new NotNow('抽取次序不对。请刷新页面后再抽取。')
    if (await trx('expert_seeds').where({ tender_id, sequence }).first('id')) return true
    const from = drawableFrom(tender)
    const day = today()
    if (tender.state !== 'tendering' && tender.state !== 'opened') throw new NotNow('这次招标已经不在评标之前，不能抽取专家。')
    if (!from || day < from) throw new NotNow(`开标前一天起才能抽取专家${from ? `，即 ${from} 起` : ''}，以免名单过早泄露。`)
    if (!isCommitteeSize(tender.committee_size))
      throw new NotNow('评标委员会应为五人以上单数（建住房〔2003〕130号第二十八条），请先更正招标备案的人数。')
    const judges: Judge[] = await trx('tender_judges').where({ tender_id, sort: 'expert' }).select()
    const wanted = expertsNeeded(tender.committee_size) - judges.filter(isSitting).length
    if (wanted <= 0) throw new NotNow('专家人数已经够，不用再抽取。有人请假的，先登记请假。')
    const pool = await poolFor(trx, tender, day)
    const free = pool.filter(one => !one.reason).length
    if (free < wanted) throw new NotNow(`名册里可以抽取的专家只有 ${free} 人，还需要 ${wanted} 人。请先增补名册。`)
    const text = poolText(pool)
    await trx('expert_seeds').insert({
      tender_id,
      sequence,
      wanted,
      seed: randomBytes(32).toString('hex'),
      pool: text,
      pool_digest: poolDigest(text),
      made_at: now(),
    })
    return true
  })
  if (!isReady) return undefined
  return await inTransaction(async trx => {
    const tender = await lockDrawn(trx, tender_id)
    if (sequence <= (await drawsDone(trx, tender_id))) return undefined
    const kept: SeedRow | undefined = await trx('expert_seeds').where({ tender_id, sequence }).first()
    if (!kept) throw new NotFound()
    const { seed, pool, pool_digest, wanted } = kept
    const ids = draw(seed, JSON.parse(pool) as Candidate[], wanted) // written by poolText
    const at = now()
    const [draw_id = 0] = await trx('expert_draws').insert({
      tender_id,
      sequence,
      wanted,
      seed,
      pool,
      pool_digest,
      result: JSON.stringify(ids),
      reason,
      drawn_by: by,
      drawn_at: at,
    })
    const names: { id: number; name: string }[] = await trx('experts').whereIn('id', ids).select('id', 'name')
    await trx('tender_judges').insert(
      names.map(({ id, name }) => ({
        tender_id,
        draw_id,
        expert_id: id,
        name,
        sort: 'expert',
        state: 'drawn',
        created_at: at,
        updated_at: at,
        created_by: by,
        updated_by: by,
      })),
    )
    await record(trx, actor, {
      action: 'tender.draw',
      object: { type: 'tender', id: tender_id, label: `前期招标 ${tender.number ?? tender_id}` },
      // Names stay out of the log till the opening; the draw itself keeps them.
      detail: { sequence, digest: pool_digest, rows: ids.length, ...(reason ? { reason } : {}) },
    })
    return ids.length
  })
}

/** Says that somebody drawn does not sit. @throws NotFound, NotNow */
export async function excuseJudge(
  tender_id: number,
  judge_id: number,
  { state, reason }: { state: 'excused' | 'conflicted'; reason: string },
  { by, actor }: { by: number; actor: Actor },
): Promise<void> {
  await inTransaction(async trx => {
    const tender = await lockDrawn(trx, tender_id)
    const judge: Judge | undefined = await trx('tender_judges').where({ id: judge_id, tender_id, sort: 'expert' }).first()
    if (!judge) throw new NotFound()
    if (judge.state === state) return
    if (!isSitting(judge) || (tender.state !== 'tendering' && tender.state !== 'opened'))
      throw new NotNow('这位专家的情况已经登记过，或者招标已经结束，不能再改。')
    await trx('tender_judges')
      .where({ id: judge_id })
      .update({ state, reason, updated_at: now(), updated_by: by, version: trx.raw('version + 1') })
    await record(trx, actor, {
      action: 'tender.excuse',
      object: { type: 'tender', id: tender_id, label: `前期招标 ${tender.number ?? tender_id}` },
      detail: { reason },
    })
  })
}

/**
 * At the opening the bidders become known: who was drawn and has to do with one of them stands back, and another is drawn.
 * @returns how many stand back
 */
export async function standBack(trx: Knex.Transaction, tender: DrawnTender, by: number): Promise<number> {
  const pool = await poolFor(trx, tender, today())
  let count = 0
  for (const { id, reason } of pool)
    if (reason && reason !== drawnBefore)
      count += await trx('tender_judges')
        .where({ tender_id: tender.id, expert_id: id, state: 'drawn' })
        .update({ state: 'conflicted', reason, updated_at: now(), updated_by: by, version: trx.raw('version + 1') })
  return count
}

export interface DrawRow {
  id: number
  sequence: number
  wanted: number
  seed: string
  pool: string
  pool_digest: string
  result: string
  reason: string | null
  drawn_at: Date
}

/** Does a draw again from what was kept. */
export function checkDraw(row: DrawRow): { pool: Candidate[]; kept: number[]; again: number[]; isSame: boolean } {
  const pool = JSON.parse(row.pool) as Candidate[] // written by poolText
  const kept = JSON.parse(row.result) as number[] // written by drawExperts
  const again = draw(row.seed, pool, row.wanted)
  return { pool, kept, again, isSame: poolDigest(row.pool) === row.pool_digest && again.join() === kept.join() }
}
