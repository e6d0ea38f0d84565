import type { Knex } from 'knex'
import { settingsNow } from '../admin/settings.ts'
import { allKinds, type Kind, kindOf } from '../cases/kind.ts'
import { dayOf, today } from '../clock.ts'
import type { CertificateRow } from '../modules/qualification/certificates.ts'
import { perPage } from './certificate-register.ts'

/**
 * 行政许可决定公开: what was granted is published within seven working days of the decision (行政许可法 第四十条); here it stands from
 * the moment the case is done. What was refused concerns the applicant alone and is not shown.
 */

type Query = Knex.QueryBuilder

/** The matters whose decisions are public: those that go through publicity, and those of 资质管理 that end in a paper. */
export function publicMatters(): Kind[] {
  return allKinds().filter(({ module, publicFacts, proof }) => publicFacts || (module === 'qualification' && proof))
}

export interface Decision {
  id: number
  company: string
  matter: string
  /** 准予许可, or what the kind calls it. */
  decision: string
  number: string | null
  on: string
  authority: string
  /** The certificate that came out of it. */
  certificate_id?: number
}

interface DecidedRow {
  id: number
  kind: string
  subject_name: string
  number: string | null
  decided_at: Date
}

export interface PageOf<Row> {
  rows: Row[]
  /** The place behind the last row, for an address, where there are more. */
  next?: string
}

/** The row behind which a page begins, by what it is sorted by. */
export interface Place<At extends Date | string> {
  at: At
  id: number
}

/**
 * Decisions, the newest first.
 * @param chosen code of a public matter and year of the decision; empty for all
 */
export async function decisionsPage(
  db: Knex,
  { matter, year }: { matter: string; year: string },
  after?: Place<Date>,
  size = perPage,
): Promise<PageOf<Decision>> {
  const kinds = publicMatters().filter(({ code }) => !matter || code === matter)
  if (!kinds.length) return { rows: [] }
  // Each matter from its own index, as far as a page goes; a person is never the subject of a public decision.
  const parts = kinds.map(({ code }) => {
    const rows = newest(
      db('cases')
        .where({ kind: code, state: 'done' })
        .whereNotNull('decided_at')
        .whereNot({ subject_type: 'person' })
        .select('id', 'kind', 'subject_name', 'number', 'decided_at'),
      'decided_at',
      size,
    )
    if (year) rows.whereBetween('decided_at', yearBounds(year))
    return after ? behind(rows, 'decided_at', after) : rows
  })
  const rows: DecidedRow[] = await newest(db.from(db.unionAll(parts, true).as('decided')).select('*'), 'decided_at', size)
  const shown = rows.slice(0, size)
  const end = rows.length > size ? shown.at(-1) : undefined
  return {
    rows: await tell(db, shown),
    ...(end ? { next: `${end.decided_at.getTime()}_${end.id}` } : {}),
  }
}

/** A few of the newest decisions of all matters, for the home page. */
export async function latestDecisions(db: Knex): Promise<Decision[]> {
  return (await decisionsPage(db, { matter: '', year: '' }, undefined, 5)).rows
}

/** The newest of a query, one more than is shown. */
function newest(query: Query, column: string, size: number): Query {
  return query.orderBy([column, 'id'].map(column => ({ column, order: 'desc' }))).limit(size + 1)
}

function behind(query: Query, column: string, { at, id }: Place<Date | string>): Query {
  return query.where(later => later.where(column, '<', at).orWhere(same => same.where({ [column]: at }).where('id', '<', id)))
}

/** A year of Beijing, from its first to its last millisecond. */
function yearBounds(year: string): [Date, Date] {
  const begin = (year: number) => new Date(`${year}-01-01T00:00:00+08:00`).getTime()
  return [new Date(begin(Number(year))), new Date(begin(Number(year) + 1) - 1)]
}

/** With number and authority: those of the certificate where one came out, else as the slip of the decision was signed. */
async function tell(db: Knex, rows: readonly DecidedRow[]): Promise<Decision[]> {
  const ids = rows.map(({ id }) => id)
  const [set, certificates, slips]: [
    Awaited<ReturnType<typeof settingsNow>>,
    { id: number; case_id: number; number: string; issuer: string }[],
    { case_id: number; facts: string }[],
  ] = await Promise.all([
    settingsNow(db),
    db('certificates').whereIn('case_id', ids).select('id', 'case_id', 'number', 'issuer'),
    db('documents').whereIn('case_id', ids).where({ paper: 'decision' }).select('case_id', 'facts'),
  ])
  const awarded = new Map(certificates.map(row => [row.case_id, row]))
  const signed = new Map(slips.map(({ case_id, facts }) => [case_id, (JSON.parse(facts) as { issuer: string }).issuer])) // written by issuePapers
  return rows.map(row => {
    const kind = kindOf(row)
    const certificate = awarded.get(row.id)
    return {
      id: row.id,
      company: row.subject_name,
      matter: kind.label,
      decision: kind.states?.done ?? (kind.publicFacts ? '准予许可' : '准予'),
      number: certificate?.number ?? row.number,
      on: dayOf(row.decided_at),
      authority: certificate?.issuer ?? signed.get(row.id) ?? set['city.bureau'],
      ...(certificate ? { certificate_id: certificate.id } : {}),
    }
  })
}

export interface Notice
  extends Pick<CertificateRow, 'id' | 'number' | 'level' | 'ended_on' | 'end_reason' | 'end_basis' | 'issuer'> {
  company_name: string
  state: 'revoked' | 'cancelled'
}

/** 撤销、注销公告, the newest first. */
export async function noticesPage(db: Knex, year: string, after?: Place<string>): Promise<PageOf<Notice>> {
  const parts = ['revoked', 'cancelled'].map(state => {
    const rows = newest(
      db('certificates').where({ state }).whereNotNull('ended_on').select('id', 'ended_on'),
      'ended_on',
      perPage,
    )
    if (year) rows.whereBetween('ended_on', [`${year}-01-01`, `${year}-12-31`])
    return after ? behind(rows, 'ended_on', after) : rows
  })
  const found: { id: number; ended_on: string }[] = await newest(
    db.from(db.unionAll(parts, true).as('ended')).select('*'),
    'ended_on',
    perPage,
  )
  const shown = found.slice(0, perPage)
  const end = found.length > perPage ? shown.at(-1) : undefined
  const rows: Notice[] = await db('certificates')
    .join('organisations', 'organisations.id', 'certificates.company_id')
    .whereIn(
      'certificates.id',
      shown.map(({ id }) => id),
    )
    .orderBy([
      { column: 'certificates.ended_on', order: 'desc' },
      { column: 'certificates.id', order: 'desc' },
    ])
    .select(
      'certificates.id',
      'certificates.number',
      'certificates.level',
      'certificates.state',
      'certificates.issuer',
      'certificates.ended_on',
      'certificates.end_reason',
      'certificates.end_basis',
      'organisations.name as company_name',
    )
  return { rows, ...(end ? { next: `${end.ended_on}_${end.id}` } : {}) }
}

/** The years that can be asked for, this one first; decisions of the portal, or what was ended before. */
export async function yearsOf(db: Knex, what: 'decisions' | 'notices'): Promise<string[]> {
  const this_year = Number(today().slice(0, 4))
  const firsts: ({ first?: Date | string | null } | undefined)[] =
    what === 'notices'
      ? await Promise.all(
          ['revoked', 'cancelled'].map(state => db('certificates').where({ state }).min({ first: 'ended_on' }).first()),
        )
      : await Promise.all(
          publicMatters().map(({ code }) =>
            db('cases').where({ kind: code, state: 'done' }).min({ first: 'decided_at' }).first(),
          ),
        )
  const years = firsts.flatMap(({ first } = {}) =>
    first ? [Number((first instanceof Date ? dayOf(first) : first).slice(0, 4))] : [],
  )
  const earliest = Math.min(this_year, ...years)
  return Array.from({ length: this_year - earliest + 1 }, (_, back) => String(this_year - back))
}
