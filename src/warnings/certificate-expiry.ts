import { addDays } from '../calendar.ts'
import { isEnabled } from '../modules/qualification/standards.ts'
import { expiryOf, readersOf } from './expiry.ts'
import type { Cause } from './warnings.ts'

/** One that ran out longer ago without another in its place is told of by the register alone. */
const remembered = 365

const running = expiryOf({
  kind: 'certificate-expiry',
  label: '证书到期',
  paper: '资质证书',
  roles: readersOf('company'),
  key: 'certificates.id',
  until: 'certificates.valid_until',
  // What is 有效 can run out, and has run out until another took its place; a replaced or cancelled one is history. One whose renewal
  // is pending stays in force (行政许可法 第五十条).
  from: (query, day) =>
    query
      .from('certificates')
      .whereIn('certificates.state', ['valid', 'expired'])
      .where({ 'certificates.renewing': 0 })
      .where('certificates.valid_until', '>=', addDays(day, -remembered))
      .whereNotExists(newer =>
        newer
          .from({ newer: 'certificates' })
          .whereRaw('newer.company_id = certificates.company_id and newer.id <> certificates.id')
          .where(other => other.where({ 'newer.live': 1 }).orWhereRaw('newer.approved_on > certificates.approved_on'))
          .select('newer.id'),
      ),
  tell: query =>
    query
      .join('organisations', 'organisations.id', 'certificates.company_id')
      .select('certificates.company_id as organisation_id', 'organisations.name as whose', 'certificates.number as which'),
  link: ({ id }) => `/desk/certificates/${id}`,
})

/**
 * 资质证书到期: to the company and the city, 90, 60 and 30 days ahead, and until another certificate takes the place of one that has run
 * out. With 资质管理 out of use nobody has to renew anything, so nothing is warned of.
 */
export const certificateExpiry: Cause = {
  ...running,
  async *find(db) {
    if (await isEnabled(db)) yield* running.find(db)
  },
  async standing(db) {
    if (await isEnabled(db)) return await running.standing(db)
    return query => void query.from('certificates').whereRaw('1 = 0').select('certificates.id')
  },
}
