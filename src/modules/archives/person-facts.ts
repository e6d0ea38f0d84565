import type { Knex } from 'knex'
import type { User } from '../../accounts/users.ts'
import { visibleCases } from '../../cases/queries.ts'
import { dayOf, today } from '../../clock.ts'
import type { Light, Tone } from '../../lists/list.ts'
import { type ArchiveRecord, changeRows, openText, type RecordAnswers, readRecord, recordOn } from './archive.ts'
import { isOrganisation } from './fields.ts'
import { employments, people } from './person.ts'
import type { Employment } from './person-work.ts'
import { changesPart, type ShownChange } from './record-pages.ts'
import { visibleCompanies } from './visible.ts'
import {
  contractTypes,
  credentials,
  type EmploymentState,
  employmentStates,
  type LeaveReason,
  leaveReasons,
  type Post,
  posts,
  type Title,
  titles,
} from './words.ts'

/** What stands on the page of a practitioner, as far as its reader may know it. */

/** One line of the 工作经历. */
export interface Job {
  id: number
  company_id: number
  /** Nothing where the reader does not see the company. */
  company: string | undefined
  own: boolean
  project_id: number | null
  project: string | null
  post: string
  state: EmploymentState
  starts_on: string
  ends_on: string | null
  reason: string
  contract: string
  contract_until: string | null
  insured: string
  proof_file_id: number | null
  /** The case it came or goes through, where the reader sees it. */
  case_id: number | null
}

interface JobRow extends Employment {
  project_id: number | null
  end_reason: LeaveReason | null
  contract_type: keyof typeof contractTypes | null
  contract_from: string | null
  contract_until: string | null
  insured_at: string | null
  insured_since: string | null
  proof_file_id: number | null
  company: string
  project: string | null
}

/**
 * The employments of a person, newest first. A company reads its own, an office those of the companies it sees by name and knows of
 * the others that they were.
 * @param past as they stood on that day
 */
export async function jobsOf(db: Knex, user: User, person_id: number, past?: string): Promise<Job[]> {
  const query = db('employments')
    .join('organisations', 'organisations.id', 'employments.company_id')
    .leftJoin('projects', 'projects.id', 'employments.project_id')
    .where({ 'employments.person_id': person_id })
    .orderByRaw('employments.live desc')
    .orderBy([
      { column: 'employments.starts_on', order: 'desc' },
      { column: 'employments.id', order: 'desc' },
    ])
  if (isOrganisation(user)) query.where({ 'employments.company_id': user.organisation_id })
  const rows: JobRow[] = await query.select('employments.*', 'organisations.name as company', 'projects.name as project')
  const then = past ? await asOf(db, rows, past) : rows
  const [readable, cases] = await Promise.all([
    isOrganisation(user)
      ? [user.organisation_id]
      : (visibleCompanies(db, user)
          .whereIn(
            'companies.id',
            then.map(row => row.company_id),
          )
          .pluck('companies.id') as Promise<number[]>), // ids
    visibleCases(db, user)
      .whereIn(
        'cases.id',
        then.flatMap(row => row.case_id ?? []),
      )
      .pluck('cases.id') as Promise<number[]>, // ids
  ])
  return then.map(row => jobOf(row, { readable: new Set(readable), cases: new Set(cases), user, past }))
}

/** Employments as they stood on a past day: who only asked for somebody did not employ them, and post and contract were those of the day. */
async function asOf(db: Knex, rows: readonly JobRow[], past: string): Promise<JobRow[]> {
  const stood = rows.filter(row => row.starts_on <= past && !['pending', 'disputed'].includes(row.state))
  return await Promise.all(
    stood.map(async row => {
      // What was written down only later is told as it was written.
      const was = await recordOn(db, employments, row.id, past)
      if (!was) return row
      const { post = row.post, project_id, contract_type, contract_from, contract_until, insured_at, insured_since } = was.answers
      const project: { name: string } | undefined =
        project_id && Number(project_id) !== row.project_id
          ? await db('projects')
              .where({ id: Number(project_id) })
              .first('name')
          : undefined
      return {
        ...row,
        post,
        project_id: project_id ? Number(project_id) : null,
        project: project_id ? (project?.name ?? row.project) : null,
        contract_type: (contract_type || null) as JobRow['contract_type'], // a code of the column
        contract_from: contract_from || null,
        contract_until: contract_until || null,
        insured_at: insured_at || null,
        insured_since: insured_since || null,
      }
    }),
  )
}

function jobOf(
  row: JobRow,
  { readable, cases, user, past }: { readable: Set<number>; cases: Set<number>; user: User; past: string | undefined },
): Job {
  const hasEnded = row.ends_on !== null && (!past || row.ends_on < past)
  const insured = [row.insured_at, row.insured_since && `${row.insured_since} 起`].filter(Boolean).join('，')
  return {
    id: row.id,
    company_id: row.company_id,
    company: readable.has(row.company_id) ? row.company : undefined,
    own: row.company_id === user.organisation_id,
    project_id: row.project_id,
    project: readable.has(row.company_id) ? row.project : null,
    post: posts[row.post as Post] ?? row.post, // a code of the dictionary
    state: past && !hasEnded ? 'employed' : row.state,
    starts_on: row.starts_on,
    ends_on: hasEnded ? row.ends_on : null,
    reason: hasEnded && row.end_reason ? leaveReasons[row.end_reason] : '',
    contract: [row.contract_type && contractTypes[row.contract_type], row.contract_from && `${row.contract_from} 起`]
      .filter(Boolean)
      .join('，'),
    contract_until: row.contract_until,
    insured,
    proof_file_id: row.proof_file_id,
    case_id: row.case_id && cases.has(row.case_id) ? row.case_id : null,
  }
}

/** How a state of work looks wherever it is shown. */
export const stateLooks: Readonly<Record<EmploymentState, { label: string; tone: Tone; icon: string }>> = {
  pending: { label: employmentStates.pending, tone: 'desk', icon: 'hourglass' },
  employed: { label: employmentStates.employed, tone: 'done', icon: 'check' },
  leaving: { label: employmentStates.leaving, tone: 'desk', icon: 'hourglass' },
  left: { label: employmentStates.left, tone: 'rest', icon: 'history' },
  disputed: { label: employmentStates.disputed, tone: 'you', icon: 'scale' },
}

/**
 * Whether this user looks after a person: the company somebody works for now, the city, and the office in whose region that company
 * is registered (domain.md §2 d). Where nobody employs them the last company decides for the offices; an office that knows them
 * from an older employment, or because the company serves in its region, only reads.
 */
export async function looksAfter(db: Knex, { scope }: User, person_id: number): Promise<boolean> {
  if (scope.level === 'city') return true
  if (scope.level === 'none') return false
  const job: { company_id: number; live: number | null; district_code: string | null; street_code: string | null } | undefined =
    await db('employments')
      .join('organisations', 'organisations.id', 'employments.company_id')
      .where({ 'employments.person_id': person_id })
      // Who only asks for somebody has not employed them yet.
      .orderByRaw(`employments.live desc, case when employments.state in ('pending', 'disputed') then 1 else 0 end`)
      .orderByRaw('coalesce(employments.ends_on, employments.starts_on) desc, employments.id desc')
      .first('employments.company_id', 'employments.live', 'organisations.district_code', 'organisations.street_code')
  switch (scope.level) {
    case 'organisation':
      return Boolean(job?.live) && job?.company_id === scope.organisation_id
    case 'district':
      return job?.district_code === scope.code
    case 'street':
      return job?.street_code === scope.code
  }
}

/** What somebody is now: a claim by another company stands above an employment. */
export function stateOfPerson(jobs: readonly Job[], isDisputed: boolean): EmploymentState {
  if (isDisputed) return 'disputed'
  for (const state of ['employed', 'leaving', 'disputed', 'pending'] as const)
    if (jobs.some(job => job.state === state)) return state
  return 'left'
}

/** Whether another company has asked the city for this person. */
export async function claimOn(db: Knex, user: User, person_id: number): Promise<{ case_id: number | null } | undefined> {
  const row: { case_id: number | null } | undefined = await db('employments')
    .where({ person_id, state: 'disputed' })
    .first('case_id')
  if (!row) return undefined
  const kase = row.case_id ? await visibleCases(db, user).where({ 'cases.id': row.case_id }).first('cases.id') : undefined
  return { case_id: kase ? row.case_id : null }
}

/** A certificate with its last day. */
export interface Paper {
  label: string
  number: string
  more: string
  until: string | null
  light?: { light: Light; text: string }
}

const day = 86_400_000
const soon = 30

/** How long a day lies ahead: green, yellow within 30 days, red afterwards. */
export function lightUntil(until: string, on = today()): { light: Light; text: string } {
  const days = Math.round((Date.parse(until) - Date.parse(on)) / day)
  if (days < 0) return { light: 'red', text: `已过期 ${-days} 天` }
  return { light: days <= soon ? 'yellow' : 'green', text: days === 0 ? '今天到期' : `还有 ${days} 天到期` }
}

/** 职称证书 and 职业资格证书. */
export function papersOf(answers: RecordAnswers, on = today()): Paper[] {
  const { title = '', title_name = '', title_number = '', title_issuer = '', title_issued_on = '' } = answers
  const { credential = '', credential_number = '', credential_until = '' } = answers
  return [
    ...(title && title !== 'none'
      ? [
          {
            label: [titles[title as Title] ?? title, title_name].filter(Boolean).join('　'), // a code of the dictionary
            number: title_number,
            more: [title_issuer, title_issued_on && `${title_issued_on} 发证`].filter(Boolean).join('，'),
            until: null,
          },
        ]
      : []),
    ...(credential
      ? [
          {
            label: credentials[credential as keyof typeof credentials] ?? credential, // a code of the dictionary
            number: credential_number,
            more: '',
            until: credential_until || null,
            ...(credential_until ? { light: lightUntil(credential_until, on) } : {}),
          },
        ]
      : []),
  ]
}

/** The file of a person as it was at a moment, such as when their employment ended; what others wrote later is not in it. */
export async function personAt(db: Knex, id: number, moment: Date): Promise<ArchiveRecord> {
  const record = await readRecord(db, people, id)
  const answers = { ...record.answers }
  // Newest first, so the oldest change after the moment has the last word.
  for (const row of await changeRows(db, people, id, { after: moment }))
    if (row.at > moment) answers[row.field] = openText(people, row.field, row.before)
  return { ...record, answers }
}

/**
 * The changes of a person and of what they do; a company reads those of the time with it, because others wrote before and after.
 * @param jobs those the reader knows
 */
export async function changesFor(
  db: Knex,
  user: User,
  id: number,
  { jobs, past }: { jobs: readonly Job[]; past: string | undefined },
): Promise<ShownChange[]> {
  const known = jobs.filter(({ company }) => company !== undefined)
  const projects: { id: number; name: string }[] = await db('project_links')
    .join('projects', 'projects.id', 'project_links.project_id')
    .whereIn(
      'project_links.company_id',
      known.map(({ company_id }) => company_id),
    )
    .distinct('projects.id', 'projects.name')
  const adjust = { project_id: { options: projects.map(({ id, name }) => ({ value: String(id), label: name })) } }
  const parts = await Promise.all([
    changesPart(db, people, id),
    ...known.map(job => changesPart(db, employments, job.id, adjust)),
  ])
  const changes = parts.flat().sort((one, other) => other.at.getTime() - one.at.getTime())
  const until = past ?? '9999-12-31'
  if (!isOrganisation(user)) return changes.filter(({ at }) => dayOf(at) <= until)
  const spans: { created_at: Date; ends_on: string | null }[] = await db('employments')
    .where({ person_id: id, company_id: user.organisation_id })
    .whereNotIn('state', ['pending', 'disputed'])
    .select('created_at', 'ends_on')
  return changes.filter(
    ({ at }) =>
      dayOf(at) <= until && spans.some(span => at >= span.created_at && (span.ends_on === null || dayOf(at) <= span.ends_on)),
  )
}
