import type { Knex } from 'knex'
import { addDays } from '../calendar.ts'
import type { InspectionRecord } from '../documents/certificate.ts'
import { certificateStanding, type Standing, soon, stateOn } from '../documents/documents.ts'
import { NotFound } from '../errors.ts'
import type { Search } from '../lists/grammar.ts'
import { defineList, type Tone } from '../lists/list.ts'
import { districtNames } from '../lists/regions.ts'
import type { Count } from '../lists/rows.ts'
import { findKeys, mostMatches, planSearch } from '../lists/search.ts'
import { formerNames } from '../modules/archives/lists/shared.ts'
import { type CertificateLevel, certificateLevels, certificateStates } from '../modules/archives/words.ts'
import { type CertificateRow, editionsOf } from '../modules/qualification/certificates.ts'
import { inspectionRecords } from '../modules/qualification/inspections.ts'

/** 资质证书登记 as anybody reads it: of the holder the company, never a person (domain.md §4.6, security.md). */

type Query = Knex.QueryBuilder

export const perPage = 20

const last = 'certificates.valid_until'
const inForce = (query: Query) => query.where({ 'certificates.state': 'valid' })

/** What can be asked for, as a certificate stands on a day; what follows from the day is not stored. */
export const statuses: Readonly<Record<string, { label: string; narrow(query: Query, day: string): void }>> = {
  valid: {
    label: '现在有效',
    narrow: (query, day) =>
      void inForce(query).where(any => any.whereNull(last).orWhere(last, '>=', day).orWhere({ 'certificates.renewing': 1 })),
  },
  expiring: {
    label: certificateStates.expiring,
    narrow: (query, day) =>
      void inForce(query)
        .where(last, '<=', addDays(day, soon))
        .where(any => any.where(last, '>=', day).orWhere({ 'certificates.renewing': 1 })),
  },
  expired: {
    label: certificateStates.expired,
    narrow: (query, day) =>
      void query.where(any =>
        any
          .where({ 'certificates.state': 'expired' })
          .orWhere(past => inForce(past).where(last, '<', day).where({ 'certificates.renewing': 0 })),
      ),
  },
  ...Object.fromEntries(
    (['replaced', 'revoked', 'cancelled', 'lost'] as const).map(state => [
      state,
      { label: certificateStates[state], narrow: (query: Query) => void query.where({ 'certificates.state': state }) },
    ]),
  ),
  all: { label: '不限状态', narrow: () => undefined },
}

/** How a state looks, on every page of the register. */
export const looks: Readonly<Record<Standing['code'], { tone: Tone; icon: string }>> = {
  valid: { tone: 'done', icon: 'check' },
  expiring: { tone: 'you', icon: 'hourglass' },
  expired: { tone: 'no', icon: 'circle-x' },
  replaced: { tone: 'rest', icon: 'switch-horizontal' },
  revoked: { tone: 'no', icon: 'ban' },
  cancelled: { tone: 'rest', icon: 'archive' },
  lost: { tone: 'rest', icon: 'file-certificate' },
  superseded: { tone: 'rest', icon: 'switch-horizontal' },
  doubtful: { tone: 'no', icon: 'alert-circle' },
}

/** The state of a certificate on a day, as it is shown. */
export function lookOn(row: Pick<CertificateRow, 'state' | 'valid_until' | 'renewing'>, day: string) {
  const code = stateOn(row, day)
  return { label: code === 'doubtful' ? '不能确认' : certificateStates[code], ...looks[code] }
}

/**
 * How the register is searched: as the desk searches companies, without anything that leads to a person. It is no page of the desk and
 * open to none of its roles.
 */
const register = defineList({
  code: 'certificate-register',
  label: '资质证书',
  roles: [],
  from: registered,
  key: 'certificates.id',
  columns: [{ name: 'number', label: '证书编号', type: 'code', source: 'certificates.number', sort: true }],
  heading: 'number',
  sort: 'number',
  search: {
    about: '企业名称、曾用名、统一社会信用代码、证书编号，拼音或拼音首字母也行',
    through: [
      {
        source: 'certificates.company_id',
        terms: 'companies',
        texts: [
          'organisations.name',
          'organisations.code',
          'certificates.number',
          formerNames('organisations', 'certificates.company_id'),
        ],
      },
    ],
    starts: ['certificates.number'],
    words: [
      { source: 'organisations.district_code', words: districtNames, loosely: true },
      { source: 'certificates.level', words: certificateLevels },
    ],
  },
})

export const searched = register.search?.about ?? ''

/** Joined from the left though every certificate has its company: both servers then begin with the certificates, in their order. */
function registered(db: Knex): Query {
  return db('certificates').leftJoin('organisations', 'organisations.id', 'certificates.company_id')
}

export interface Wish {
  search?: Search
  /** Codes; empty for all. */
  level: string
  district: string
  status: string
  /** Day of issue and id of the row before the first one wanted. */
  after?: { at: string; id: number }
}

export interface RegisterRow
  extends Pick<CertificateRow, 'id' | 'number' | 'approved_on' | 'issued_on' | 'valid_until' | 'state' | 'renewing'> {
  level: CertificateLevel
  company_name: string
  credit_code: string | null
  district_code: string | null
}

/** Counting stops here, as in the lists of the desk. */
const mostCounted = 1000

/**
 * One page of the register, what was issued last on top.
 * @returns one row more than a page shows where there are others; `partial` when more were found than can be sorted quickly, so only
 * the newest of them are there
 */
export async function readRegister(
  db: Knex,
  { search, level, district, status, after }: Wish,
  day: string,
): Promise<{ rows: RegisterRow[]; count: Count; partial: boolean }> {
  const narrowed = () => {
    const query = registered(db)
    statuses[status]?.narrow(query, day)
    if (level) query.where({ 'certificates.level': level })
    if (district) query.where({ 'organisations.district_code': district })
    return query
  }
  const found = search && (await findKeys(db, register, await planSearch(db, register, search), narrowed))
  const keys = found?.slice(0, mostMatches)
  const asked = () => (keys ? registered(db).whereIn('certificates.id', keys) : narrowed())
  const rows = asked()
    .orderBy([
      { column: 'certificates.issued_on', order: 'desc' },
      { column: 'certificates.id', order: 'desc' },
    ])
    .limit(perPage + 1)
    .select(
      'certificates.id',
      'certificates.number',
      'certificates.level',
      'certificates.state',
      'certificates.approved_on',
      'certificates.issued_on',
      'certificates.valid_until',
      'certificates.renewing',
      'organisations.name as company_name',
      'organisations.code as credit_code',
      'organisations.district_code',
    )
  if (after)
    rows.where(later =>
      later
        .where('certificates.issued_on', '<', after.at)
        .orWhere(same => same.where({ 'certificates.issued_on': after.at }).where('certificates.id', '<', after.id)),
    )
  const [page, count] = await Promise.all([rows, keys ? upTo(keys.length, mostMatches) : counted(db, asked())])
  return { rows: page, count, partial: (found?.length ?? 0) > mostMatches }
}

async function counted(db: Knex, query: Query): Promise<Count> {
  const some = query.select(db.raw('1')).limit(mostCounted + 1)
  const [row]: { n?: number }[] = await db.from(some.as('counted')).count({ n: '*' })
  return upTo(row?.n ?? 0, mostCounted)
}

function upTo(n: number, most: number): Count {
  return n > most ? { n: most, exact: false } : { n, exact: true }
}

export interface PublicCertificate extends CertificateRow {
  company_name: string
  credit_code: string | null
  district_code: string | null
  address: string | null
}

/** What the register says of a certificate. */
export interface Told {
  row: PublicCertificate
  standing: Standing
  /** As printed on the newest edition; nothing for one from before the portal. */
  scope: string | undefined
  /** The name on the paper where the company is called otherwise today. */
  named: string | undefined
  changes: { on: string; item: string; before?: string; after?: string }[]
  /** What has been decided, the newest first. */
  inspections: InspectionRecord[]
  /** The other certificates of the company, the newest first. */
  others: Pick<CertificateRow, 'id' | 'number' | 'level' | 'state' | 'approved_on' | 'valid_until' | 'renewing'>[]
}

/** No company has held so many. */
const mostOthers = 50

/** 变更记录 tells these in full; of whatever else may change only that it did. */
const toldInFull: readonly string[] = ['企业名称', '统一社会信用代码', '注册资本（万元）', '企业类型', '住所']

/** Tells a certificate. @throws NotFound */
export async function tellCertificate(db: Knex, id: number, day: string): Promise<Told> {
  const row: PublicCertificate | undefined = await registered(db)
    .leftJoin('companies', 'companies.id', 'certificates.company_id')
    .where({ 'certificates.id': id })
    .first(
      'certificates.*',
      'organisations.name as company_name',
      'organisations.code as credit_code',
      'organisations.district_code',
      'companies.registered_address as address',
    )
  if (!row) throw new NotFound('')
  const { company_id } = row
  const [standing, [newest], inspections, others] = await Promise.all([
    certificateStanding(db, row, day),
    editionsOf(db, id),
    // A certificate that has ended was not inspected again with the company that went on.
    inspectionRecords(db, row.state === 'valid' ? { company_id } : { certificate_id: id }),
    db('certificates')
      .where({ company_id })
      .whereNot({ id })
      .orderBy([
        { column: 'issued_on', order: 'desc' },
        { column: 'id', order: 'desc' },
      ])
      .limit(mostOthers)
      .select('id', 'number', 'level', 'state', 'approved_on', 'valid_until', 'renewing'),
  ])
  const printed = newest?.facts
  return {
    row,
    standing,
    scope: printed?.scope || undefined,
    named: printed && printed.company_name !== row.company_name ? printed.company_name : undefined,
    changes: (printed?.changes ?? []).map(({ on, item, before, after }) =>
      toldInFull.includes(item) ? { on, item, before, after } : { on, item },
    ),
    inspections: inspections.toReversed(),
    others,
  }
}
