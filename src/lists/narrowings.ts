import type { Knex } from 'knex'
import type { User } from '../accounts/users.ts'
import { addDays } from '../calendar.ts'
import { today } from '../clock.ts'
import type { Filter, Words } from './list.ts'
import { districtNames, regionNames } from './regions.ts'

/** What many lists ask in the same words. */

const terms = { past: '已过期', 30: '30 天内到期', 60: '60 天内到期', 90: '90 天内到期' } as const

/**
 * Expiring soon or past already, counted from today; what has no end is in none of them.
 * @param source the DATE column of the last day that counts
 */
export function within({ name, label, source }: { name: string; label: string; source: string }) {
  return {
    name,
    label,
    type: 'select',
    options: terms,
    where: (query: Knex.QueryBuilder, term: string) => {
      const day = today()
      if (term === 'past') query.where(source, '<', day)
      else query.whereBetween(source, [day, addDays(day, Number(term))])
    },
  } as const satisfies Filter
}

type Has = { name: string; label: string; words?: readonly [yes: string, no: string] } & (
  | { source: string }
  | { rows: (query: Knex.QueryBuilder) => void }
)

/**
 * Whether something is there: a value in the column `source`, or one of `rows`, a query of another table bound to this one
 * (`query.from('certificates').whereRaw('certificates.company_id = companies.id')`).
 */
export function has({ name, label, words = ['有', '没有'], ...what }: Has): Filter {
  const where = (query: Knex.QueryBuilder, yes: boolean) => {
    if ('rows' in what) query[yes ? 'whereExists' : 'whereNotExists'](rows => what.rows(rows))
    else query[yes ? 'whereNotNull' : 'whereNull'](what.source)
  }
  return { name, label, type: 'flag', words, where }
}

/**
 * District and street, as far as this person sees: a district is offered itself and its streets, a street itself.
 * @param columns the SQL columns with their codes; without `street` only the district is asked
 */
export function regionFilters({ district, street }: { district: string; street?: string }): Filter[] {
  return [
    { name: 'district', label: '区县', type: 'select', options: districtsOf, where: district },
    ...(street ? [{ name: 'street', label: '街道', type: 'select' as const, options: streetsOf, where: street }] : []),
  ]
}

async function districtsOf(db: Knex, user: User): Promise<Words> {
  const within = sightOf(user).slice(0, 6)
  return Object.fromEntries(Object.entries(await districtNames(db)).filter(([code]) => code.startsWith(within)))
}

/** With their district, where there are several. */
async function streetsOf(db: Knex, user: User): Promise<Words> {
  const [regions, districts] = await Promise.all([regionNames(db), districtNames(db)])
  const within = sightOf(user)
  return Object.fromEntries(
    Object.entries(regions)
      .filter(([code]) => code.length === 9 && code.startsWith(within))
      .map(([code, name]) => [code, within ? name : `${districts[code.slice(0, 6)] ?? ''} ${name}`.trim()]),
  )
}

/** What the codes of all regions within somebody's sight begin with. */
function sightOf({ scope }: User): string {
  return scope.level === 'district' || scope.level === 'street' ? scope.code : ''
}
