import type { Knex } from 'knex'
import { roleCodes, roles } from '../accounts/roles.ts'
import { addDays } from '../calendar.ts'
import { today } from '../clock.ts'
import type { Cause, Finding } from './warnings.ts'

interface Ending {
  id: number
  number: string
  company_id: number
  company: string
  valid_until: string
}

const batch = 500
/** Days ahead, the nearest first (domain.md §4.6, §12). */
const stages = [30, 60, 90]
const furthest = 90

/** 资质证书到期: to the company and the city, 90, 60 and 30 days ahead, and until somebody has seen to one that has run out. */
export const certificateExpiry: Cause = {
  kind: 'certificate-expiry',
  label: '证书到期',
  stages: { '90': '90 天内到期', '60': '60 天内到期', '30': '30 天内到期', expired: '已到期' },
  roles: roleCodes.filter(
    role => roles[role].kind === 'company' || (role.startsWith('city') && roles[role].scope === 'city') || role === 'supervisor',
  ),

  async *find(db) {
    const day = today()
    for (let last = { valid_until: '1000-01-01', id: 0 }; ; ) {
      const rows: Ending[] = await ending(db.queryBuilder(), day)
        .join('organisations', 'organisations.id', 'certificates.company_id')
        .where(rest =>
          rest
            .where('certificates.valid_until', '>', last.valid_until)
            .orWhere(same => same.where('certificates.valid_until', last.valid_until).where('certificates.id', '>', last.id)),
        )
        .orderBy(['certificates.valid_until', 'certificates.id'])
        .limit(batch)
        .select(
          'certificates.id',
          'certificates.number',
          'certificates.company_id',
          'organisations.name as company',
          'certificates.valid_until',
        )
      if (rows.length) yield rows.map(row => findingOf(row, day))
      const end = rows.at(-1)
      if (!end || rows.length < batch) return
      last = end
    }
  },

  async standing() {
    return query => void ending(query, today()).whereRaw('certificates.id = warnings.object_id').select('certificates.id')
  },
}

/** Only a certificate that is 有效 can run out; a replaced or cancelled one is history. */
function ending(query: Knex.QueryBuilder, day: string): Knex.QueryBuilder {
  return query
    .from('certificates')
    .where({ 'certificates.live': 1 })
    .where('certificates.valid_until', '<=', addDays(day, furthest))
}

function findingOf({ id, number, company_id, company, valid_until }: Ending, day: string): Finding {
  const days = stages.find(stage => valid_until <= addDays(day, stage)) ?? furthest
  const isOver = valid_until < day
  const stage = isOver ? 'expired' : String(days)
  return {
    object_id: id,
    stage,
    level: isOver || days === stages[0] ? 'red' : 'yellow',
    title: `资质证书${certificateExpiry.stages[stage]}：${company}，${number}，${valid_until}`.slice(0, 200),
    link: `/desk/certificates/${id}`,
    due_on: valid_until,
    organisation_id: company_id,
    district_code: null,
    street_code: null,
  }
}
