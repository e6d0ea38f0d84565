import type { Knex } from 'knex'
import type { User } from '../../accounts/users.ts'
import type { Subject } from '../../cases/kind.ts'
import { now, today } from '../../clock.ts'
import { registerFiled, stateOn } from '../../documents/documents.ts'
import { NotNow } from '../../errors.ts'
import { registerPart } from '../archives/parts.ts'
import { certificateStates, type Origin } from '../archives/words.ts'

/** 异地分支机构 (domain.md §4.3): the company that applies, and the register of filings. One filing of a company stands; a renewal is the next row. */

/**
 * The company of the person who applies, with where it comes from. Its district is that of its registered seat, or of its branch.
 * @throws NotNow when it has no archive
 */
export async function ownCompany(db: Knex, { organisation_id }: User): Promise<Subject & { origin: Origin }> {
  const row: Pick<Subject, 'id' | 'name' | 'district_code' | 'street_code'> & { origin: Origin } = await db('companies')
    .join('organisations', 'organisations.id', 'companies.id')
    .where({ 'companies.id': organisation_id })
    .first('companies.id', 'organisations.name', 'organisations.district_code', 'organisations.street_code', 'companies.origin')
  if (!row) throw new NotNow('没有找到本单位的企业档案，请联系所在地区县主管部门核对后再申请。')
  return { type: 'company', ...row }
}

export interface BranchFiling {
  id: number
  number: string
  filed_on: string
  valid_until: string
  ended_on: string | null
}
const columns = ['id', 'number', 'filed_on', 'valid_until', 'ended_on'] as const

/** The filing of a company that stands, even when its last day has passed; nothing where it never filed. */
export async function filingOf(db: Knex, company_id: number): Promise<BranchFiling | undefined> {
  return await db('branch_filings')
    .where({ company_id, live: 1 })
    .first(...columns)
}

/**
 * Enters a filing in the transaction of its approval; the one before ends with it.
 * @returns its id
 */
export async function enterFiling(
  trx: Knex.Transaction,
  filing: Pick<BranchFiling, 'number' | 'filed_on' | 'valid_until'> & {
    company_id: number
    case_id: number
    head_office: string
    head_office_place: string
    head_office_qualification: string | null
    branch_head: string
  },
): Promise<number> {
  const { company_id, filed_on } = filing
  const before: { id: number } | undefined = await trx('branch_filings').where({ company_id, live: 1 }).forUpdate().first('id')
  const at = now()
  if (before)
    await trx('branch_filings')
      .where({ id: before.id })
      .update({ ended_on: filed_on, updated_at: at, version: trx.raw('version + 1') })
  const [id = 0] = await trx('branch_filings').insert({
    ...filing,
    previous_id: before?.id ?? null,
    created_at: at,
    updated_at: at,
  })
  return id
}

// What a 备案证明 is worth (verification page).
registerFiled('branch-filing', async (db, id) => {
  const [row, next]: [BranchFiling | undefined, { number: string } | undefined] = await Promise.all([
    db('branch_filings')
      .where({ id })
      .first(...columns),
    db('branch_filings').where({ previous_id: id }).first('number'),
  ])
  return row && { valid_until: row.valid_until, ended_on: row.ended_on, newer: next?.number ?? null }
})

/** How many filings the page of a company shows: the newest, each a year. */
const shown = 5

registerPart('companies', {
  code: 'branch-filing',
  label: '异地分支机构备案',
  order: 10,
  async load(db, _user, id, on) {
    const query = db('branch_filings').where({ company_id: id })
    if (on) query.where('filed_on', '<=', on)
    const rows: BranchFiling[] = await query
      .orderBy('id', 'desc')
      .limit(shown)
      .select(...columns)
    if (!rows.length) return undefined
    return { view: '/qualification/branch-part', locals: { filings: rows.map(row => ({ ...row, standing: wordOf(row, on) })) } }
  },
})

/** 有效, 即将到期, 已过期, or 已续期 for one that another took the place of. */
function wordOf({ valid_until, ended_on }: BranchFiling, day = today()): string {
  if (ended_on && ended_on <= day) return '已续期'
  const code = stateOn({ state: 'valid', valid_until }, day)
  return code === 'doubtful' ? '' : certificateStates[code]
}
