import type { Knex } from 'knex'
import { addDays } from '../calendar.ts'
import { today } from '../clock.ts'
import { remindDays } from '../modules/qualification/inspections.ts'
import { isEnabled } from '../modules/qualification/standards.ts'
import { readersOf } from './expiry.ts'
import type { Cause, Finding } from './warnings.ts'

/** 年检 (domain.md §4.3): who has not filed, whose 整改 is not done, and a 不合格 nobody has drawn the consequence of. */

const batch = 500

interface Row {
  id: number
  company_id: number
  name: string
  district_code: string | null
  year: number
  result: string
  filed_on: string | null
  closes_on: string | null
  rectify_until: string | null
}

interface Watch extends Pick<Cause, 'kind' | 'label' | 'stages' | 'roles'> {
  /** Narrows inspections, joined with the season of their year, to those that are warned of on a day. */
  narrow(query: Knex.QueryBuilder, day: string): void
  /** What is said of one. */
  say(row: Row, day: string): Pick<Finding, 'stage' | 'level' | 'title' | 'due_on' | 'district_code'>
}

/** Makes a cause out of a narrowing of inspections; they are read by their ids, a batch at a time. */
function causeFrom({ narrow, say, ...cause }: Watch): Cause {
  const standing = (query: Knex.QueryBuilder, day: string) => {
    query.from('inspections').leftJoin('inspection_seasons', 'inspection_seasons.year', 'inspections.year')
    narrow(query, day)
    return query
  }
  return {
    ...cause,
    async *find(db) {
      // While 资质管理 is out of use nobody is asked for anything.
      if (!(await isEnabled(db))) return
      const day = today()
      for (let last = 0; ; ) {
        const rows: Row[] = await standing(db.queryBuilder(), day)
          .join('organisations', 'organisations.id', 'inspections.company_id')
          .where('inspections.id', '>', last)
          .orderBy('inspections.id')
          .limit(batch)
          .select(
            'inspections.id',
            'inspections.company_id',
            'organisations.name',
            'organisations.district_code',
            'inspections.year',
            'inspections.result',
            'inspections.filed_on',
            'inspection_seasons.closes_on',
            'inspections.rectify_until',
          )
        if (rows.length)
          yield rows.map(row => ({
            object_id: row.id,
            link: `/desk/inspections/records/${row.id}`,
            organisation_id: row.company_id,
            street_code: null,
            ...say(row, day),
          }))
        const end = rows.at(-1)
        if (!end || rows.length < batch) return
        last = end.id
      }
    },
    async standing(db) {
      const day = today()
      const inUse = await isEnabled(db)
      return query =>
        void standing(query, day)
          .whereRaw(inUse ? 'inspections.id = warnings.object_id' : '1 = 0')
          .select('inspections.id')
    },
  }
}

/** The certificate it was about still holds, and no later inspection has looked at the company. */
function unsettled(query: Knex.QueryBuilder): void {
  query
    .whereExists(held =>
      held
        .from('certificates')
        .whereRaw('certificates.id = inspections.certificate_id and certificates.live = 1')
        .select('certificates.id'),
    )
    .whereNotExists(later =>
      later
        .from('inspections as later')
        .whereRaw('later.company_id = inspections.company_id and later.year > inspections.year')
        .whereIn('later.result', ['filed', 'passed', 'basic'])
        .select('later.id'),
    )
}

const everyOffice = readersOf('company', 'district')

/** 年检未报: in the last days of the window, and 未参检 until the company is inspected again or its certificate ends. */
const unfiled = causeFrom({
  kind: 'inspection-unfiled',
  label: '年检未报',
  stages: { 'unfiled-soon': '即将截止', absent: '未参检' },
  roles: everyOffice,
  narrow: (query, day) =>
    void query.where(one =>
      one
        .where(open =>
          open.where({ 'inspections.result': 'open' }).where('inspection_seasons.closes_on', '<=', addDays(day, remindDays)),
        )
        .orWhere(gone => {
          gone.where({ 'inspections.result': 'absent' })
          unsettled(gone)
        }),
    ),
  say: ({ name, year, result, filed_on, closes_on, district_code }) =>
    result === 'absent'
      ? { stage: 'absent', level: 'red', title: `${name}：${year} 年资质年检未参检，予以警告`, due_on: closes_on, district_code }
      : {
          stage: 'unfiled-soon',
          level: 'yellow',
          title: `${name}：${year} 年资质年检${filed_on ? '退回后还没有重新提交' : '还没有申报'}，${closes_on} 截止`,
          due_on: closes_on,
          district_code,
        },
})

/** 整改逾期: a 基本合格 whose 整改 nobody has found done by its last day, and a week ahead of it. */
const rectification = causeFrom({
  kind: 'inspection-rectify',
  label: '年检整改',
  stages: { 'rectify-soon': '整改将到期', 'rectify-late': '整改逾期' },
  roles: everyOffice,
  narrow: (query, day) =>
    void query
      .where({ 'inspections.result': 'basic' })
      .whereNull('inspections.rectified_on')
      .where('inspections.rectify_until', '<=', addDays(day, 7)),
  say({ name, year, rectify_until, district_code }, day) {
    const isLate = rectify_until !== null && rectify_until < day
    return {
      stage: isLate ? 'rectify-late' : 'rectify-soon',
      level: isLate ? 'red' : 'yellow',
      title: `${name}：${year} 年资质年检的整改${isLate ? '已逾期，还没有验收' : '即将到期'}，期限 ${rectify_until}`,
      due_on: rectify_until,
      district_code,
    }
  },
})

/** 不合格待处理: until the level was verified again, lowered or cancelled. */
const failed = causeFrom({
  kind: 'inspection-failed',
  label: '年检不合格',
  stages: { unqualified: '待重新核定、降级或注销' },
  roles: readersOf('company'),
  narrow(query) {
    query.where({ 'inspections.result': 'failed' })
    unsettled(query)
  },
  say: ({ name, year }) => ({
    stage: 'unqualified',
    level: 'red',
    title: `${name}：${year} 年资质年检不合格，等待重新核定、降级或注销`,
    due_on: null,
    district_code: null,
  }),
})

export const inspectionWatch: readonly Cause[] = [unfiled, rectification, failed]
