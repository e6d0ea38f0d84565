import { type Expiry, expiryOf, type Running, readersOf } from './expiry.ts'

/** 异地分支机构备案到期: to the company, the district of the branch and the city, until it is renewed. Who was cancelled renews nothing. */
const filing: Expiry<Running> = {
  kind: 'branch-expiry',
  label: '分支机构备案到期',
  paper: '异地分支机构备案',
  roles: [...readersOf('company'), 'district-clerk', 'district-reviewer'],
  key: 'branch_filings.id',
  until: 'branch_filings.valid_until',
  from: query =>
    query
      .from('branch_filings')
      .join('companies', 'companies.id', 'branch_filings.company_id')
      .where({ 'branch_filings.live': 1 })
      .whereNot({ 'companies.state': 'cancelled' }),
  tell: query =>
    query
      .join('organisations', 'organisations.id', 'branch_filings.company_id')
      .select(
        'branch_filings.company_id as organisation_id',
        'organisations.name as whose',
        'organisations.district_code',
        'branch_filings.number as which',
      ),
  link: ({ organisation_id }) => `/desk/companies/${organisation_id}`,
}
export const branchExpiry = expiryOf(filing)
