import type { Knex } from 'knex'
import { deskRoles, type Role, roleCodes, roles } from '../../accounts/roles.ts'
import type { User } from '../../accounts/users.ts'
import { type Actor, portalItself, record } from '../../admin/action-log.ts'
import { settingsNow } from '../../admin/settings.ts'
import { addDays } from '../../calendar.ts'
import { findKind } from '../../cases/kind.ts'
import { settingsInForce } from '../../cases/settings.ts'
import { now, today } from '../../clock.ts'
import { inTransaction, isDuplicate } from '../../db.ts'
import type { InspectionRecord } from '../../documents/certificate.ts'
import { Conflict, NotNow } from '../../errors.ts'
import type { Tone } from '../../lists/list.ts'
import { type Message, tell } from '../../messages/messages.ts'
import type { HeldCertificate } from './company.ts'
import { isEnabled } from './standards.ts'

/**
 * 年检 (domain.md §4.3): once a year everybody who holds a certificate is asked to file within a window; one row a company and year.
 * Who got the certificate in that year is exempt, whose certificate ends before filing drops out, and who has not filed when the
 * window closes is entered as 未参检.
 */

export const inspectionResults = {
  open: '未报',
  filed: '已报待审',
  passed: '合格',
  basic: '基本合格',
  failed: '不合格',
  absent: '未参检',
  exempt: '免检',
} as const
export type InspectionResult = keyof typeof inspectionResults

export const inspectionLooks: Readonly<Record<InspectionResult, { tone: Tone; icon: string }>> = {
  open: { tone: 'you', icon: 'pencil' },
  filed: { tone: 'desk', icon: 'hourglass' },
  passed: { tone: 'done', icon: 'check' },
  basic: { tone: 'you', icon: 'tools' },
  failed: { tone: 'no', icon: 'ban' },
  absent: { tone: 'no', icon: 'alert-triangle' },
  exempt: { tone: 'rest', icon: 'minus' },
}

export interface Season {
  id: number
  year: number
  opens_on: string
  closes_on: string
  closed_at: Date | null
  reminded_at: Date | null
  version: number
}

export interface Inspection {
  id: number
  company_id: number
  certificate_id: number | null
  case_id: number | null
  year: number
  result: InspectionResult
  filed_on: string | null
  decided_on: string | null
  decided_by: string | null
  opinion: string | null
  rectify_until: string | null
  rectified_on: string | null
  rectification: string | null
  version: number
}

/** The code of the kind a company files with; messages lead there. */
export const inspectionKind = 'annual-inspection'
/** Who follows how far the season is: the city and the districts. */
export const inspectionOverseers: readonly Role[] = roleCodes.filter(
  role => ['city', 'district'].includes(roles[role].scope) && (deskRoles.includes(role) || role === 'supervisor'),
)
/** How many days before the end those who have not filed are reminded. */
export const remindDays = 15
/** A window is never longer. */
const longest = 365
const batch = 500
/** Certificates that hold on a day: in force, or past their last day while a timely renewal is pending (行政许可法 第五十条). */
const holding = 'c.live = 1 and (c.valid_until is null or c.valid_until >= ? or c.renewing = 1)'

/** 年检 window of a year as the parameters have it; one that ends before it begins ends in the next year. */
export async function windowOf(db: Knex, year: number): Promise<Pick<Season, 'opens_on' | 'closes_on'>> {
  const set = await settingsNow(db)
  const [from, until] = [set['qualification.inspection-from'], set['qualification.inspection-until']]
  return { opens_on: `${year}-${from}`, closes_on: `${until < from ? year + 1 : year}-${until}` }
}

/** The season of a year, or nothing while it has not been opened. */
export async function seasonOf(db: Knex, year: number): Promise<Season | undefined> {
  return await db<Season>('inspection_seasons').where({ year }).first()
}

/** The season in which one may file on a day. */
export async function seasonOn(db: Knex, day = today()): Promise<Season | undefined> {
  return await db<Season>('inspection_seasons')
    .where('opens_on', '<=', day)
    .where('closes_on', '>=', day)
    .orderBy('year', 'desc')
    .first()
}

/** The row of a company in a year. */
export async function inspectionOf(db: Knex, company_id: number, year: number): Promise<Inspection | undefined> {
  return await db<Inspection>('inspections').where({ company_id, year }).first()
}

/** The same, locked until the transaction ends. */
export async function lockInspection(trx: Knex.Transaction, company_id: number, year: number): Promise<Inspection | undefined> {
  return await trx<Inspection>('inspections').where({ company_id, year }).forUpdate().first()
}

/** The certificate for which a company is inspected; nothing where it holds none. */
export async function certificateToInspect(db: Knex, company_id: number, day = today()): Promise<HeldCertificate | undefined> {
  return await db('certificates as c')
    .where({ 'c.company_id': company_id })
    .whereRaw(holding, [day])
    .first('c.id', 'c.number', 'c.level', 'c.approved_on', 'c.valid_until')
}

/** 年检 records this person may see, joined with their company: the office by the companies of its region, a company its own. */
export function visibleInspections(db: Knex, { scope }: Pick<User, 'scope'>): Knex.QueryBuilder {
  const query = db('inspections').join('organisations', 'organisations.id', 'inspections.company_id')
  switch (scope.level) {
    case 'city':
      return query
    case 'district':
    case 'street':
      return query.whereIn('inspections.company_id', db('company_areas').where({ region_code: scope.code }).select('company_id'))
    case 'organisation':
      return query.where({ 'inspections.company_id': scope.organisation_id })
    case 'none':
      return query.whereRaw('1 = 0')
  }
}

// ── The year's round ──────────────────────────────────────────────────────────────────────────

/**
 * What the days bring: opens the season on the first day of its window (or later, when the portal stood still), follows the
 * certificates while it is open, reminds before it closes, and enters 未参检 afterwards. Each in one transaction that leaves nothing
 * to do for a second run. Rests while 资质管理 is out of use.
 */
export async function turnSeasons(db: Knex): Promise<void> {
  if (!(await isEnabled(db))) return
  const day = today()
  const present = Number(day.slice(0, 4))
  for (const year of [present - 1, present]) {
    const window = await windowOf(db, year)
    if (window.opens_on <= day && day <= window.closes_on && !(await seasonOf(db, year)))
      await openSeason(portalItself, { year, ...window }).catch(error => {
        // Somebody else has just opened it.
        if (!(error instanceof Conflict)) throw error
      })
  }
  const years: number[] = await db('inspection_seasons').orderBy('year').pluck('year')
  for (const year of years)
    await inTransaction(async trx => {
      const season = await lockSeason(trx, year)
      if (!season) return
      if (day > season.closes_on) {
        // Nobody is newly asked when the window is over.
        if (!season.closed_at) await dropEnded(trx, year)
        return await enterAbsent(trx, season)
      }
      await follow(trx, season)
      if (!season.reminded_at && day >= addDays(season.closes_on, -remindDays)) await remind(trx, season)
    })
}

async function lockSeason(trx: Knex.Transaction, year: number): Promise<Season | undefined> {
  return await trx<Season>('inspection_seasons').where({ year }).forUpdate().first()
}

/**
 * Opens the season of a year for everybody who holds a certificate, and tells them.
 * @throws Conflict when it has been opened already
 */
export async function openSeason(
  actor: Actor,
  { reason, ...window }: Pick<Season, 'year' | 'opens_on' | 'closes_on'> & { reason?: string },
): Promise<void> {
  const { year, opens_on, closes_on } = window
  try {
    await inTransaction(async trx => {
      const at = now()
      const by = { created_at: at, updated_at: at, created_by: actor.user_id, updated_by: actor.user_id }
      const [id = 0] = await trx('inspection_seasons').insert({ ...window, ...by })
      const obliged = await follow(trx, { year, closes_on })
      const object = { type: 'inspection-season', id, label: `${year} 年资质年检` }
      const detail = { opens_on, closes_on, rows: obliged, ...(reason ? { reason } : {}) }
      await record(trx, actor, { action: 'inspection.season', object, detail })
    })
  } catch (error) {
    if (isDuplicate(error)) throw new Conflict(`${year} 年的年检窗口刚刚已经开启，请刷新页面。`)
    throw error
  }
}

/**
 * Moves the closing day of an opened season back, as long as its year goes on; companies entered as 未参检 may file again.
 * @throws Conflict when somebody changed it meanwhile, NotNow for a day that is no extension
 */
export async function extendSeason(
  actor: Actor,
  { year, closes_on, reason, version }: Pick<Season, 'year' | 'closes_on' | 'version'> & { reason: string },
): Promise<void> {
  await inTransaction(async trx => {
    const season = await lockSeason(trx, year)
    if (!season || season.version !== version)
      throw new Conflict(`${year} 年的年检窗口刚刚由别人改过，这一次没有保存。请刷新页面看现在的截止日。`)
    const why = closingMistake(season, closes_on)
    if (why) throw new NotNow(why)
    const at = now()
    const remindsAgain = today() < addDays(closes_on, -remindDays)
    await trx('inspection_seasons')
      .where({ id: season.id })
      .update({
        closes_on,
        closed_at: null,
        ...(remindsAgain ? { reminded_at: null } : {}),
        version: version + 1,
        updated_at: at,
        updated_by: actor.user_id,
      })
    // Who holds no certificate any more has nothing to file for and stays entered.
    await trx('inspections')
      .where({ year, result: 'absent', source: 'case' })
      .whereRaw(`exists (select 1 from certificates c where c.company_id = inspections.company_id and ${holding})`, [today()])
      .update({
        result: 'open',
        decided_on: null,
        decided_by: null,
        opinion: null,
        updated_at: at,
        version: trx.raw('version + 1'),
      })
    const open: number[] = await trx('inspections').where({ year, result: 'open' }).pluck('company_id')
    await tellCompanies(trx, open, {
      title: `${year} 年资质年检的截止日延至 ${closes_on}，请在截止前申报。`,
      body: reason,
      link: `/desk/kinds/${inspectionKind}`,
      channels: ['inbox', 'sms', 'mail'],
    })
    const object = { type: 'inspection-season', id: season.id, label: `${year} 年资质年检` }
    const detail = { changes: { closes_on: [season.closes_on, closes_on] }, reason }
    await record(trx, actor, { action: 'inspection.season', object, detail })
  })
}

/** Why a day cannot be the last one of a window, as a sentence. `season` as it stands, or as it would be opened. */
export function closingMistake(
  season: Pick<Season, 'opens_on' | 'year'> & Partial<Season>,
  closes_on: string,
): string | undefined {
  const last = addDays(season.opens_on, longest)
  if (closes_on < today()) return `截止日 ${closes_on} 已经过去，请填今天或以后的日期。`
  if (season.closes_on && closes_on <= season.closes_on)
    return `现在的截止日是 ${season.closes_on}，只能往后延。请填它以后的日期。`
  if (closes_on > last) return `年检窗口最长一年，截止日请填 ${last} 或以前的日期。`
  return undefined
}

/**
 * Brings the rows of an open season in step with the certificates: who holds one has a row, who got it in the year of the season is
 * exempt, and who has not filed and holds none any more is not asked. Tells those who are newly asked.
 * @returns how many rows are new
 */
async function follow(trx: Knex.Transaction, { year, closes_on }: Pick<Season, 'year' | 'closes_on'>): Promise<number> {
  const [at, day, first] = [now(), today(), `${year}-01-01`]
  // In the order of the names, so that the rows of a year are read in it.
  await trx.raw(
    `insert into inspections (company_id, certificate_id, year, result, source, created_at, updated_at)
     select c.company_id, c.id, ?, if(c.approved_on >= ?, 'exempt', 'open'), 'case', ?, ?
     from certificates c join organisations o on o.id = c.company_id
     where ${holding} and not exists (select 1 from inspections i where i.company_id = c.company_id and i.year = ?)
     order by o.name_key, o.id`,
    [year, first, at, at, day, year],
  )
  await trx.raw(
    `update inspections i join certificates c on c.company_id = i.company_id and c.live = 1
     set i.certificate_id = c.id, i.result = if(c.approved_on >= ?, 'exempt', i.result), i.updated_at = ?, i.version = i.version + 1
     where i.year = ? and i.result = 'open' and (i.certificate_id is null or i.certificate_id <> c.id)`,
    [first, at, year],
  )
  await dropEnded(trx, year)
  const fresh: { company_id: number; result: InspectionResult }[] = await trx('inspections')
    .where({ year, created_at: at })
    .select('company_id', 'result')
  await tellCompanies(
    trx,
    fresh.filter(({ result }) => result === 'open').map(({ company_id }) => company_id),
    {
      title: `${year} 年资质年检已开始，请在 ${closes_on} 前申报。`,
      body: '在“事项目录”里办理“资质年检”。逾期没有申报的记为未参检。',
      link: `/desk/kinds/${inspectionKind}`,
    },
  )
  return fresh.length
}

/** Who has not filed and holds no certificate any more has nothing to be inspected. */
async function dropEnded(trx: Knex.Transaction, year: number): Promise<void> {
  await trx('inspections')
    .where({ year, result: 'open' })
    .whereRaw(`not exists (select 1 from certificates c where c.company_id = inspections.company_id and ${holding})`, [today()])
    .delete()
}

async function remind(trx: Knex.Transaction, { id, year, closes_on }: Season): Promise<void> {
  const open: number[] = await trx('inspections').where({ year, result: 'open' }).pluck('company_id')
  await tellCompanies(trx, open, {
    title: `${year} 年资质年检将于 ${closes_on} 截止，贵企业还没有申报。`,
    body: '逾期没有申报的记为未参检，予以警告。',
    link: `/desk/kinds/${inspectionKind}`,
    channels: ['inbox', 'sms', 'mail'],
  })
  await trx('inspection_seasons').where({ id }).update({ reminded_at: now() })
}

/**
 * 未参检: whoever has not filed when the window is over. A case that was filed in time and came back may be handed in again for some
 * days; those who let them pass are entered later.
 */
async function enterAbsent(trx: Knex.Transaction, { id, year, closes_on, closed_at }: Season): Promise<void> {
  const at = now()
  const since = new Date(Date.parse(`${addDays(today(), -(await againDays(trx)))}T00:00:00+08:00`))
  const missing: number[] = await trx('inspections')
    .leftJoin('cases', 'cases.id', 'inspections.case_id')
    .where({ 'inspections.year': year, 'inspections.result': 'open' })
    .where(gone => gone.whereNull('cases.id').orWhereNot({ 'cases.state': 'draft' }).orWhere('cases.held_since', '<', since))
    .pluck('inspections.id')
  const decided_by = (await settingsNow(trx))['city.bureau']
  for (let from = 0; from < missing.length; from += batch) {
    const ids = missing.slice(from, from + batch)
    await trx('inspections')
      .whereIn('id', ids)
      .where({ result: 'open' })
      .update({
        result: 'absent',
        decided_on: today(),
        decided_by,
        opinion: `没有在 ${closes_on} 前申报年检，予以警告。`,
        updated_at: at,
        version: trx.raw('version + 1'),
      })
    const companies: number[] = await trx('inspections').whereIn('id', ids).where({ result: 'absent' }).pluck('company_id')
    await tellCompanies(trx, companies, {
      title: `贵企业没有在 ${closes_on} 前申报 ${year} 年资质年检，记为未参检，予以警告。`,
      body: '无故不参加年检属于信用记分标准 N06 的情形，由主管部门在信用管理中认定；现在还没有记分。确有原因的，请联系注册地区县主管部门。',
      link: `/desk/lists/inspections?year=${year}`,
      channels: ['inbox', 'sms', 'mail'],
    })
  }
  if (!closed_at) await trx('inspection_seasons').where({ id }).update({ closed_at: at })
}

/** How many days a case that came back may be handed in again, even when the window is over. */
async function againDays(db: Knex): Promise<number> {
  const kind = findKind(inspectionKind)
  return (kind && (await settingsInForce(db, kind)).settings.thresholds.again_days) ?? 0
}

/** Tells everybody of some companies the same, a batch at a time. */
async function tellCompanies(trx: Knex.Transaction, companies: readonly number[], message: Omit<Message, 'to'>): Promise<void> {
  for (let from = 0; from < companies.length; from += batch) {
    const user_ids: number[] = await trx('users')
      .whereIn('organisation_id', companies.slice(from, from + batch))
      .pluck('id')
    await tell(trx, { ...message, to: { user_ids } })
  }
}

// ── Results ──────────────────────────────────────────────────────────────────────────────────

/**
 * 整改验收: whether what a 基本合格 asked for was done; if not, the result becomes 不合格.
 * @throws Conflict when it was recorded already or changed meanwhile
 */
export async function recordRectification(
  actor: Actor,
  { id, version, verdict, words }: { id: number; version: number; verdict: 'done' | 'failed'; words: string },
): Promise<void> {
  await inTransaction(async trx => {
    const row = await trx<Inspection>('inspections').where({ id }).forUpdate().first()
    // The same press twice: it stands as it was pressed.
    if (row?.version === version + 1 && row.rectification === words && row.result === (verdict === 'done' ? 'basic' : 'failed'))
      return
    if (!row || row.version !== version || row.result !== 'basic' || row.rectified_on)
      throw new Conflict('这条年检记录刚刚由别人办理过，这一次没有保存。请刷新页面看现在的结果。')
    const isDone = verdict === 'done'
    await trx('inspections')
      .where({ id })
      .update({
        ...(isDone ? { rectified_on: today() } : { result: 'failed' }),
        rectification: words,
        version: version + 1,
        updated_at: now(),
        updated_by: actor.user_id,
      })
    await tellCompanies(trx, [row.company_id], {
      title: isDone ? `${row.year} 年资质年检的整改已验收合格。` : `${row.year} 年资质年检的整改没有通过验收，结论改为不合格。`,
      body: words,
      link: `/desk/inspections/records/${id}`,
      channels: ['inbox', 'sms', 'mail'],
    })
    const object = { type: 'inspection', id, label: `${row.year} 年资质年检` }
    const detail = { verdict: isDone ? '合格' : '不合格', opinion: words }
    await record(trx, actor, { action: 'inspection.rectify', object, detail })
  })
}

/** Tells a company the conclusion of its inspection. */
export async function tellConclusion(
  trx: Knex.Transaction,
  { id, company_id, year, result, opinion, rectify_until }: Inspection,
): Promise<void> {
  const until = rectify_until ? `，请在 ${rectify_until} 前完成整改` : ''
  await tellCompanies(trx, [company_id], {
    title: `贵企业 ${year} 年资质年检的结论为${inspectionResults[result]}${until}。`,
    ...(opinion ? { body: opinion } : {}),
    link: `/desk/inspections/records/${id}`,
    channels: ['inbox', 'sms', 'mail'],
  })
}

const decided: readonly InspectionResult[] = ['passed', 'basic', 'failed', 'absent']

/** 年检记录 for the 副本 and the page of a certificate or company, the oldest first: what has been decided. */
export async function inspectionRecords(
  db: Knex,
  whose: { certificate_id: number } | { company_id: number },
): Promise<InspectionRecord[]> {
  const rows: Pick<Inspection, 'year' | 'result' | 'decided_on' | 'decided_by' | 'rectified_on'>[] = await db('inspections')
    .where(whose)
    .whereIn('result', [...decided])
    .orderBy('year')
    .select('year', 'result', 'decided_on', 'decided_by', 'rectified_on')
  return rows.map(row => ({
    year: String(row.year),
    result: `${inspectionResults[row.result]}${row.rectified_on ? '（整改合格）' : ''}`,
    on: row.decided_on ?? '',
    by: row.decided_by ?? '',
  }))
}

/** Companies entered as 未参检 in a year, for the credit item N06. */
export async function absentees(
  db: Knex,
  year: number,
): Promise<{ inspection_id: number; company_id: number; decided_on: string }[]> {
  return await db('inspections')
    .where({ year, result: 'absent' })
    .orderBy('id')
    .select('id as inspection_id', 'company_id', 'decided_on')
}

// ── Progress ─────────────────────────────────────────────────────────────────────────────────

export interface Progress {
  /** Nothing for companies without a district. */
  district_code: string | null
  counts: Record<InspectionResult, number>
  /** 应检: all but the exempt. */
  obliged: number
  /** 已办结: inspected, with whatever result. */
  inspected: number
}

/** How far the districts a person looks after are: counts by the registered district of the companies. */
export async function progressOf(db: Knex, { scope }: Pick<User, 'scope'>, year: number): Promise<Progress[]> {
  const rows: { district_code: string | null; result: InspectionResult; n: number }[] = await db('inspections')
    .join('organisations', 'organisations.id', 'inspections.company_id')
    .where({ 'inspections.year': year })
    .modify(query => void (scope.level === 'district' && query.where({ 'organisations.district_code': scope.code })))
    .groupBy('organisations.district_code', 'inspections.result')
    .orderBy('organisations.district_code')
    .select('organisations.district_code', 'inspections.result', db.raw('count(*) as n'))
  const found = new Map<string | null, Progress['counts']>()
  for (const { district_code, result, n } of rows) {
    const counts = found.get(district_code) ?? noCounts()
    counts[result] = Number(n)
    found.set(district_code, counts)
  }
  return [...found].map(([district_code, counts]) => ({ district_code, ...summed(counts) }))
}

const noCounts = (): Progress['counts'] => ({ open: 0, filed: 0, passed: 0, basic: 0, failed: 0, absent: 0, exempt: 0 })

/** The counts of several districts as one line. */
export function totalOf(rows: readonly Progress[]): Omit<Progress, 'district_code'> {
  const counts = noCounts()
  for (const row of rows) for (const [result, n] of Object.entries(row.counts)) counts[result as InspectionResult] += n // its own keys
  return summed(counts)
}

function summed(counts: Progress['counts']): Omit<Progress, 'district_code'> {
  const { open, filed, passed, basic, failed, absent } = counts
  const inspected = passed + basic + failed
  return { counts, obliged: open + filed + inspected + absent, inspected }
}
