import { expiryOf, readersOf } from './expiry.ts'

/** 资质证书到期: to the company and the city, 90, 60 and 30 days ahead, and until somebody has seen to one that has run out. */
export const certificateExpiry = expiryOf({
  kind: 'certificate-expiry',
  label: '证书到期',
  paper: '资质证书',
  roles: readersOf('company'),
  key: 'certificates.id',
  until: 'certificates.valid_until',
  // Only a certificate that is 有效 can run out; a replaced or cancelled one is history.
  from: query => query.from('certificates').where({ 'certificates.live': 1 }),
  tell: query =>
    query
      .join('organisations', 'organisations.id', 'certificates.company_id')
      .select('certificates.company_id as organisation_id', 'organisations.name as whose', 'certificates.number as which'),
  link: ({ id }) => `/desk/certificates/${id}`,
})
