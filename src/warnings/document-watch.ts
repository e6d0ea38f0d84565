import type { Knex } from 'knex'
import { addDays } from '../calendar.ts'
import { lasting } from '../cases/materials.ts'
import { settingsById } from '../cases/settings.ts'
import { type Credential, credentials } from '../modules/archives/words.ts'
import { expiryOf, type Running, readersOf } from './expiry.ts'

/** 证照监测 (domain.md §12): what the archives and the papers of cases say about last days, beside the 资质证书. */

/** 物业企业营业执照到期. One that ran out is a company that may not trade; one that is cancelled has no licence to renew. */
export const companyLicence = expiryOf({
  kind: 'company-licence',
  label: '物业企业营业执照到期',
  paper: '营业执照',
  roles: readersOf('company'),
  lead: 'warnings.document-days',
  key: 'companies.id',
  until: 'companies.business_until',
  from: query => query.from('companies').whereNot({ 'companies.state': 'cancelled' }),
  tell: query =>
    query
      .join('organisations', 'organisations.id', 'companies.id')
      .select('companies.id as organisation_id', 'organisations.name as whose'),
  link: ({ id }) => `/desk/companies/${id}`,
})

const developing = (query: Knex.QueryBuilder) => query.from('developers').whereNot({ 'developers.state': 'cancelled' })
const developerName = (query: Knex.QueryBuilder) =>
  query
    .join('organisations', 'organisations.id', 'developers.id')
    .select('developers.id as organisation_id', 'organisations.name as whose')
const ofDeveloper = { key: 'developers.id', roles: readersOf('developer'), lead: 'warnings.document-days' } as const

/** 开发企业营业执照到期. */
export const developerLicence = expiryOf({
  ...ofDeveloper,
  kind: 'developer-licence',
  label: '开发企业营业执照到期',
  paper: '营业执照',
  until: 'developers.business_until',
  from: developing,
  tell: developerName,
  link: ({ id }) => `/desk/developers/${id}`,
})

/** 开发资质到期. */
export const developerQualification = expiryOf({
  ...ofDeveloper,
  kind: 'developer-expiry',
  label: '开发资质到期',
  paper: '开发资质',
  until: 'developers.qualification_until',
  from: developing,
  tell: query => developerName(query).select('developers.qualification_number as which'),
  link: ({ id }) => `/desk/developers/${id}`,
})

interface Holder extends Running {
  name: string
  credential: Credential | null
}

const ofPerson = { key: 'people.id', until: 'people.credential_until', roles: readersOf('company') } as const

/** Who works for nobody holds a paper that is nobody's business. */
const employed = (query: Knex.QueryBuilder) =>
  query.from('people').join('employments', join => join.on('employments.person_id', 'people.id').onVal('employments.live', 1))
const holder = (query: Knex.QueryBuilder) =>
  query
    .join('organisations', 'organisations.id', 'employments.company_id')
    .select('employments.company_id as organisation_id', 'organisations.name as whose', 'people.name', 'people.credential')
const nameAndCredential = (_db: Knex, { name, credential }: Holder) =>
  [name, credential && credentials[credential]].filter(Boolean).join('，')

/** Somebody who holds the card of a project manager and leads a project of the company at present. */
const leads =
  "people.credential = 'project-manager' and exists (select 1 from project_links where project_links.manager_id = people.id and project_links.live = 1)"

/** 从业人员资格证书到期: 30 days ahead unless the city sets more. */
export const credentialExpiry = expiryOf<Holder>({
  ...ofPerson,
  kind: 'credential-expiry',
  label: '从业资格到期',
  paper: '资格证书',
  lead: 'warnings.credential-days',
  from: query => employed(query).whereRaw(`not coalesce((${leads}), false)`),
  tell: holder,
  which: nameAndCredential,
  link: ({ id }) => `/desk/people/${id}`,
})

/** 项目经理上岗证到期: a project hangs on it, so it is told as early as the papers of a company. */
export const managerCard = expiryOf<Holder>({
  ...ofPerson,
  kind: 'manager-card',
  label: '项目经理证到期',
  paper: '项目经理证书',
  lead: 'warnings.document-days',
  from: query => employed(query).whereRaw(leads),
  tell: holder,
  which: (_db, { name }) => name,
  link: ({ id }) => `/desk/people/${id}`,
})

interface Handed extends Running {
  case_id: number
  kind: string
  material: string
  settings_id: number | null
}

/** A paper that ran out longer ago was proof of that case only. */
const remembered = 365
/** Cases whose papers count: with the offices, or ended well. */
const counting = ['submitted', 'supplement', 'reviewing', 'waiting', 'rejected', 'done']

/** 办件材料到期: papers with a last day handed in with a case, until the applicant has handed in a newer one of the same material. */
export const materialExpiry = expiryOf<Handed>({
  kind: 'material-expiry',
  label: '办件材料到期',
  paper: '办件材料',
  roles: readersOf('company', 'developer', 'committee'),
  lead: 'warnings.document-days',
  key: 'case_materials.id',
  until: 'case_materials.expires_on',
  from: (query, day) =>
    query
      .from('case_materials')
      .join('cases', 'cases.id', 'case_materials.case_id')
      .whereIn('cases.state', counting)
      .where('case_materials.expires_on', '>=', addDays(day, -remembered))
      .whereNot('case_materials.expires_on', lasting)
      .whereNotExists(newer =>
        newer
          .from({ later: 'cases' })
          .join({ paper: 'case_materials' }, 'paper.case_id', 'later.id')
          .whereRaw('later.applicant_id = cases.applicant_id and paper.material = case_materials.material')
          .whereRaw('paper.expires_on > case_materials.expires_on')
          .whereIn('later.state', counting)
          .select('later.id'),
      ),
  tell: query =>
    query.select(
      'case_materials.case_id',
      'case_materials.material',
      'cases.settings_id',
      'cases.applicant_id as organisation_id',
      'cases.subject_name as whose',
    ),
  which: async (db, { material, settings_id }) => {
    const settings = settings_id === null ? undefined : await settingsById(db, settings_id)
    return settings?.materials.find(({ code }) => code === material)?.label ?? ''
  },
  link: ({ case_id, material }) => `/desk/cases/${case_id}#m-${material}`,
})

export const documentWatch = [
  companyLicence,
  developerLicence,
  developerQualification,
  credentialExpiry,
  managerCard,
  materialExpiry,
]
