import express, { type Request, type Response } from 'express'
import type { Knex } from 'knex'
import type { Role } from '../../accounts/roles.ts'
import type { User } from '../../accounts/users.ts'
import { findKind } from '../../cases/kind.ts'
import { findCase, mayReadPapers } from '../../cases/queries.ts'
import { dayOf, today } from '../../clock.ts'
import { db } from '../../db.ts'
import { Forbidden, NotFound } from '../../errors.ts'
import { type Mistakes, partOf } from '../../forms/form.ts'
import { allow, currentUser, recordId } from '../../http.ts'
import { districtNames } from '../../lists/regions.ts'
import { isEnabled } from '../qualification/standards.ts'
import { type Archive, ownTable, readRecord, recordOn } from './archive.ts'
import { regionAdjust } from './change-form.ts'
import { companies, companyYears, developers } from './company.ts'
import { yearChart } from './company-chart.ts'
import {
  accountsOf,
  builtFigures,
  builtProjects,
  certificatesOf,
  contractsOf,
  endingContracts,
  officesOf,
  servedFigures,
  servedProjects,
  staffFigures,
  staffOf,
  yearsOf,
} from './company-facts.ts'
import { casesAbout, warningsOf } from './linked.ts'
import { partsOf } from './parts.ts'
import { type AsOf, changesPart, editPages, type RecordHead, readOn, revealPages, shownRecord } from './record-pages.ts'
import { archiveKeepers, archiveOffices, archiveReaders, revealers, visibleCompanies, visibleDevelopers } from './visible.ts'
import { companyStates, developerStates, reviews, type Source, sources } from './words.ts'

/** 物业企业 `/desk/companies` and 开发企业 `/desk/developers`: one page with everything linked, the forms that change it at once. */
export const companyPages = express.Router()
export const developerPages = express.Router()

/** What differs between the two archives that begin with an organisation. */
interface Sort {
  archive: Archive
  visible(db: Knex, user: User): Knex.QueryBuilder
  home: string
  view: string
  /** Whose own archive it may be. */
  own: readonly Role[]
  readers: readonly Role[]
}

const companySort: Sort = {
  archive: companies,
  visible: visibleCompanies,
  home: '/desk/companies',
  view: 'archives/company',
  own: ['company-admin', 'company-clerk'],
  readers: archiveReaders.filter(role => !['developer', 'committee'].includes(role)),
}
const developerSort: Sort = {
  archive: developers,
  visible: visibleDevelopers,
  home: '/desk/developers',
  view: 'archives/developer',
  own: ['developer'],
  readers: archiveReaders.filter(role => !['company-admin', 'company-clerk', 'committee'].includes(role)),
}

/** 我的企业档案 in the menu of companies and developers. */
companyPages.get('/mine', allow(...companySort.own, ...developerSort.own), async (req, res) => {
  const user = currentUser(res)
  return show(user.role === 'developer' ? developerSort : companySort, req, res, { id: user.organisation_id })
})

for (const [router, sort] of [
  [companyPages, companySort],
  [developerPages, developerSort],
] as const) {
  router.get('/:id', allow(...sort.readers), async (req, res) => show(sort, req, res))
  editPages(router, {
    archive: sort.archive,
    roles: archiveKeepers.filter(role => sort.own.includes(role) || archiveOffices.includes(role)),
    open: (db, user, id) => openKept(sort, db, user, id),
    application: { href: '/desk/kinds/company-change', label: '企业档案变更' },
    async check(trx, _user, id, { established_on = '', business_until = '', branch_filing_number = '' }) {
      const mistakes: Mistakes = {}
      if (business_until && business_until <= established_on)
        mistakes.business_until = `经营期限至 ${business_until} 早于成立日期 ${established_on}。长期的不填。`
      const filed = branch_filing_number && (await trx('companies').where({ branch_filing_number }).whereNot({ id }).first('id'))
      if (filed) mistakes.branch_filing_number = `备案号 ${branch_filing_number} 已登记给另一家企业，请核对备案证明。`
      return mistakes
    },
  })
  revealPages(router, {
    archive: sort.archive,
    roles: revealers.filter(role => sort.readers.includes(role)),
    open: (db, user, id) => openSeen(sort, db, user, id),
    show: (req, res) => show(sort, req, res, { revealed: true }),
    again: (req, res, _id, mistake) => show(sort, req, res, { mistake }),
  })
}

/** Where a company or developer is registered. */
interface Home {
  id: number
  name: string
  district_code: string | null
  street_code: string | null
}

/** A company or developer this user sees. @throws NotFound */
async function findSeen({ archive, visible }: Sort, db: Knex, user: User, id: number): Promise<Home> {
  const row: Home | undefined = await visible(db, user)
    .where({ [`${ownTable(archive)}.id`]: id })
    .first('organisations.id', 'organisations.name', 'organisations.district_code', 'organisations.street_code')
  if (!row) throw new NotFound()
  return row
}

async function openSeen(sort: Sort, db: Knex, user: User, id: number): Promise<RecordHead> {
  const { name } = await findSeen(sort, db, user, id)
  return headOf(sort, id, name)
}

function headOf({ archive, home }: Sort, id: number, name: string): RecordHead {
  return { title: `修改${archive.label}档案`, name, href: `${home}/${id}`, ...placeOf(archive) }
}

function placeOf({ code, label }: Archive): Pick<RecordHead, 'crumb' | 'at'> {
  return { crumb: [{ label, href: `/desk/lists/${code}` }], at: `/desk/lists/${code}` }
}

/** The same, if this user may change it at once. */
async function openKept(sort: Sort, db: Knex, user: User, id: number): Promise<RecordHead> {
  const found = await findSeen(sort, db, user, id)
  if (!mayKeep(sort, user, found))
    throw new Forbidden(`${sort.archive.label}档案由本企业、注册地主管部门和市局的经办人维护，您可以查看。`)
  return headOf(sort, id, found.name)
}

/** Its own people, the city, and the offices of its registered address (domain.md §2 d); who only sees its projects reads. */
function mayKeep({ own }: Sort, { role, scope }: User, { id, district_code, street_code }: Home): boolean {
  if (!archiveKeepers.includes(role)) return false
  switch (scope.level) {
    case 'organisation':
      return own.includes(role) && scope.organisation_id === id
    case 'district':
      return scope.code === district_code
    case 'street':
      return scope.code === street_code
    case 'city':
      return true
    case 'none':
      return false
  }
}

// ── 经营情况: corrected by the office; a company reports a year once ───────────────────────────────────

editPages(companyPages, {
  archive: companyYears,
  path: '/years/:id/edit',
  form: () => partOf(companyYears.form, field => field.name !== 'year'),
  roles: archiveKeepers.filter(role => archiveOffices.includes(role)),
  async open(db, user, id) {
    const row: { company_id: number; year: number } | undefined = await db('company_years')
      .where({ id })
      .first('company_id', 'year')
    if (!row) throw new NotFound()
    const head = await openKept(companySort, db, user, row.company_id)
    return { ...head, title: `更正 ${row.year} 年度经营情况` }
  },
})

// ── The page ─────────────────────────────────────────────────────────────────────────────────

interface Shown {
  /** Whose page, where the address does not say. */
  id?: number
  /** Personal data in full, in this answer alone. */
  revealed?: boolean
  /** At the reason of 查看完整. */
  mistake?: string
}

async function show(
  sort: Sort,
  req: Request,
  res: Response,
  { id = recordId(req), revealed = false, mistake }: Shown = {},
): Promise<void> {
  const user = currentUser(res)
  const { archive, home } = sort
  const found = await findSeen(sort, db, user, id)
  const head = headOf(sort, id, found.name)
  const isKept = mayKeep(sort, user, found)
  const asOf: AsOf = revealed || mistake ? { typed: '', today: today() } : readOn(req)
  const past = asOf.on
  const [now, then, adjust, more] = await Promise.all([
    readRecord(db, archive, id),
    past ? recordOn(db, archive, id, past) : undefined,
    regionAdjust(db),
    db(ownTable(archive))
      .leftJoin('files', 'files.id', `${ownTable(archive)}.licence_file_id`)
      .where({ [`${ownTable(archive)}.id`]: id })
      .first(
        `${ownTable(archive)}.source`,
        `${ownTable(archive)}.review`,
        'files.id as file_id',
        'files.name as file',
        'files.case_id',
      ),
  ])
  const record = past ? then : now
  const own = user.scope.level === 'organisation'
  const common = {
    head: record ? { ...head, name: record.answers.name } : head,
    home,
    id,
    asOf,
    since: now.created_at,
    exists: record !== undefined,
    archive: { code: archive.code, label: archive.label },
  }
  if (!record) return res.render('archives/company-none', common)
  const { answers } = record
  const states: Readonly<Record<string, string>> = archive.code === 'companies' ? companyStates : developerStates
  const districts = await districtNames(db)
  res.render(sort.view, {
    ...common,
    ...(archive.code === 'companies' ? await companyParts(user, id, answers, past) : await developerParts(user, id, past)),
    answers,
    state: stateLook(states, answers.state ?? ''),
    district: districts[answers.district_code ?? ''] ?? '',
    districts,
    sections: shownRecord(archive, answers, { masked: !revealed, adjust }),
    source: sources[more?.source as Source] ?? '', // a code of the dictionary
    review: reviews[more?.review as keyof typeof reviews] ?? '', // likewise
    licence: past ? undefined : await licenceOf(user, more),
    changes: (await changesPart(db, archive, id, adjust)).filter(({ at }) => !past || dayOf(at) <= past),
    parts: await partsOf(archive.code === 'companies' ? 'companies' : 'developers', db, user, id, past),
    keeps: !past && isKept,
    corrects: !past && isKept && !own,
    isOwn: own && user.organisation_id === id,
    applications: past || !own ? [] : applicationsOf(user, sort),
    reveals: !past && revealers.includes(user.role),
    revealed,
    mistake,
    ...(past
      ? {}
      : {
          cases: await casesAbout(db, user, {
            type: archive.code === 'companies' ? 'company' : 'developer',
            id,
            applicant_id: id,
          }),
          warnings: await warningsOf(db, user, query => void query.where({ 'warnings.organisation_id': id })),
          // Its own people, and the offices that confirm and help accounts.
          accounts: isKept && user.scope.level !== 'street' ? await accountsOf(db, id) : undefined,
        }),
  })
}

/** What the company itself may apply for from its page. */
function applicationsOf(user: User, { own }: Sort): { code: string; label: string }[] {
  if (!own.includes(user.role)) return []
  return ['company-change', 'annual-report'].flatMap(code => {
    const kind = findKind(code)
    return kind?.startedBy.includes(user.role) ? [{ code, label: code === 'company-change' ? '变更申请' : '年度报告' }] : []
  })
}

/** The scan of the licence, for whoever may read the papers of the case it came with. */
async function licenceOf(
  user: User,
  more: { file_id: number | null; file: string | null; case_id: number | null } | undefined,
): Promise<{ id: number; name: string; readable: boolean } | undefined> {
  if (!more?.file_id || !more.file) return undefined
  const kase = more.case_id
    ? await findCase(db, user, more.case_id).catch(error => {
        if (error instanceof NotFound) return undefined
        throw error
      })
    : undefined
  return { id: more.file_id, name: more.file, readable: kase !== undefined && (await mayReadPapers(db, user, kase)) }
}

const stateTones: Readonly<Record<string, { tone: string; icon: string }>> = {
  normal: { tone: 'done', icon: 'check' },
  warned: { tone: 'you', icon: 'alert-triangle' },
  watched: { tone: 'you', icon: 'eye' },
  suspended: { tone: 'rest', icon: 'player-pause' },
  cancelled: { tone: 'no', icon: 'ban' },
  disabled: { tone: 'rest', icon: 'player-pause' },
}

const stateLook = (words: Readonly<Record<string, string>>, code: string) => ({
  label: words[code] ?? code,
  ...stateTones[code],
})

async function companyParts(user: User, id: number, answers: Record<string, string>, past?: string) {
  const day = past ?? today()
  const [certificates, licensed, served, projects, before, contracts, ending, staff, people, years, offices] = await Promise.all([
    certificatesOf(db, id, day),
    isEnabled(db),
    servedFigures(db, id, past),
    servedProjects(db, user, id, { past }),
    servedProjects(db, user, id, { past, before: true }),
    contractsOf(db, user, id, day),
    endingContracts(db, id, day),
    staffFigures(db, id, past),
    staffOf(db, user, id, past),
    yearsOf(db, id),
    officesOf(db, user, { id, code: answers.code ?? '', head_office_code: answers.head_office_code ?? '' }),
  ])
  const known = years.filter(({ created_at }) => !past || dayOf(created_at) <= past)
  return {
    day,
    certificates,
    licensed,
    held: certificates.find(({ ended_on }) => ended_on === null),
    served,
    projects,
    before,
    contracts,
    ending,
    staff,
    people,
    years: known,
    chart: yearChart(known),
    offices,
  }
}

async function developerParts(user: User, id: number, past?: string) {
  const [built, projects] = await Promise.all([builtFigures(db, id), builtProjects(db, user, id)])
  const companies = projects.rows.flatMap(({ company_id }) => company_id ?? [])
  const readable: number[] = companies.length
    ? await visibleCompanies(db, user).whereIn('companies.id', companies).pluck('companies.id')
    : []
  return { day: past ?? today(), built, projects, readable: companySort.readers.includes(user.role) ? readable : [] }
}
