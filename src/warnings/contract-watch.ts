import type { Knex } from 'knex'
import { settingsNow } from '../admin/settings.ts'
import { addDays, daysBetween } from '../calendar.ts'
import { findKind } from '../cases/kind.ts'
import { settingsInForce } from '../cases/settings.ts'
import { today } from '../clock.ts'
import { expiryOf, type Running, readersOf } from './expiry.ts'
import type { Cause, Finding } from './warnings.ts'

/** 物业服务合同 (domain.md §5.6, §12): what runs out without another in its place, and what was signed and not filed. */

/** One that ran out longer ago is told of by the register and the life line alone. */
const remembered = 365

const offices = ['district-clerk', 'district-reviewer', 'street-clerk', 'street-reviewer'] as const

/** Filed contracts of a project that no later one follows. One that was dissolved or ended is history. */
const last = (query: Knex.QueryBuilder, day: string) =>
  query
    .from('contracts')
    .where({ 'contracts.state': 'filed' })
    .whereNull('contracts.ended_on')
    .where('contracts.ends_on', '>=', addDays(day, -remembered))
    .whereNotExists(next =>
      next
        .from({ next: 'contracts' })
        .whereRaw('next.project_id = contracts.project_id and next.ends_on > contracts.ends_on')
        .whereIn('next.state', ['filing', 'filed'])
        .select('next.id'),
    )

const common = {
  paper: '物业服务合同',
  key: 'contracts.id',
  until: 'contracts.ends_on',
  link: ({ id }: Running) => `/desk/contracts/${id}`,
}

/** To the company, the street, the district and the city: 90, 60 and 30 days ahead, and until another contract is filed. */
const forCompany = expiryOf({
  ...common,
  kind: 'contract-expiry',
  label: '合同到期',
  roles: [...readersOf('company'), ...offices],
  from: last,
  tell: query =>
    query
      .join('projects', 'projects.id', 'contracts.project_id')
      .select(
        'contracts.company_id as organisation_id',
        'projects.name as whose',
        'contracts.number as which',
        'projects.district_code',
        'projects.street_code',
      ),
})

/** The same to the committee of the project, which decides whether to go on. */
const forCommittee = expiryOf({
  ...common,
  kind: 'contract-expiry-committee',
  label: '合同到期',
  roles: ['committee'],
  from: (query, day) =>
    last(query, day).join('committees', held =>
      held.on('committees.project_id', 'contracts.project_id').onVal('committees.live', 1),
    ),
  tell: query =>
    query
      .join('projects', 'projects.id', 'contracts.project_id')
      .select('committees.id as organisation_id', 'projects.name as whose', 'contracts.number as which'),
})

// ── 签约后未备案 ───────────────────────────────────────────────────────────────────────────────

const batch = 500
/** So many days before the last one the company is told (day 8 of 10, 13 of 15). */
const ahead = 2

interface Signed {
  id: number
  phase: string
  signed_on: string
  company_id: number
  project: string
  district_code: string
  street_code: string
}

/** Texts signed online that no case files yet. */
const unfiled = (query: Knex.QueryBuilder) =>
  query.from('signings').where({ 'signings.state': 'signed' }).whereNull('signings.case_id')

/** 签约后未备案: 15 days for the early phase, 10 otherwise, counted from the signing (山东省物业管理条例 第十六条、第五十七条). */
const signedUnfiled: Cause = {
  kind: 'contract-unfiled',
  label: '签约后未备案',
  stages: { due: '备案期限将满', late: '已超过备案期限' },
  roles: [...readersOf('company'), 'district-clerk', 'district-reviewer'],
  async *find(db) {
    const day = today()
    const days = await filingDays(db)
    for (let from = 0; ; ) {
      const rows: Signed[] = await unfiled(db.queryBuilder())
        .join('projects', 'projects.id', 'signings.project_id')
        .where('signings.id', '>', from)
        .orderBy('signings.id')
        .limit(batch)
        .select(
          'signings.id',
          'signings.phase',
          'signings.signed_on',
          'signings.company_id',
          'projects.name as project',
          'projects.district_code',
          'projects.street_code',
        )
      const due = rows.flatMap(row => findingOf(row, addDays(row.signed_on, days(row.phase)), day))
      if (due.length) yield due
      const end = rows.at(-1)
      if (!end || rows.length < batch) return
      from = end.id
    }
  },
  async standing(db) {
    const day = today()
    const days = await filingDays(db)
    return query =>
      void unfiled(query)
        .whereRaw('signings.id = warnings.object_id')
        .where(late => {
          for (const phase of ['early', 'selected'])
            late.orWhere(one =>
              one[phase === 'early' ? 'where' : 'whereNot']({ 'signings.phase': 'early' }).where(
                'signings.signed_on',
                '<=',
                addDays(day, ahead - days(phase)),
              ),
            )
        })
        .select('signings.id')
  },
}

async function filingDays(db: Knex): Promise<(phase: string) => number> {
  const rules = await settingsNow(db)
  const plan = findKind('plan-filing')
  const early = plan && (await settingsInForce(db, plan)).settings.thresholds.filing_days
  return phase => (phase === 'early' ? (early ?? 15) : rules['contracts.filing-days'])
}

function findingOf(row: Signed, until: string, day: string): Finding[] {
  if (day < addDays(until, -ahead)) return []
  const isLate = day > until
  return [
    {
      object_id: row.id,
      stage: isLate ? 'late' : 'due',
      level: isLate ? 'red' : 'yellow',
      title: isLate
        ? `${row.project}：${row.signed_on} 签订的合同没有备案，已逾期 ${daysBetween(until, day)} 天`
        : `${row.project}：${row.signed_on} 签订的合同应在 ${until} 前备案`,
      link: `/desk/signings/${row.id}`,
      due_on: until,
      organisation_id: row.company_id,
      district_code: row.district_code,
      street_code: row.street_code,
    },
  ]
}

export const contractWatch: readonly Cause[] = [forCompany, forCommittee, signedUnfiled]
