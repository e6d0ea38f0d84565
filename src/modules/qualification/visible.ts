import type { Knex } from 'knex'
import type { User } from '../../accounts/users.ts'
import { archiveOffices } from '../archives/visible.ts'

/** Who reads certificates: the offices that read archives, and companies their own. Who sets the rules of business reads none. */
export const certificateReaders = [...archiveOffices, 'company-admin', 'company-clerk'] as const

/** The certificates this person may see: the office by the companies of its region, a company its own. Joined with `organisations`. */
export function visibleCertificates(db: Knex, user: Pick<User, 'scope'>): Knex.QueryBuilder {
  const query = db('certificates').join('organisations', 'organisations.id', 'certificates.company_id')
  const { scope } = user
  switch (scope.level) {
    case 'city':
      return query
    case 'district':
    case 'street':
      return query.whereIn('certificates.company_id', db('company_areas').where({ region_code: scope.code }).select('company_id'))
    case 'organisation':
      return query.where({ 'certificates.company_id': scope.organisation_id })
    case 'none':
      return query.whereRaw('1 = 0')
  }
}
