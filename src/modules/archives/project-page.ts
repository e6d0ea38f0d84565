import type { Request, Response } from 'express'
import type { User } from '../../accounts/users.ts'
import { type Settings, settingsNow } from '../../admin/settings.ts'
import { daysBetween } from '../../calendar.ts'
import { findKind } from '../../cases/kind.ts'
import { today } from '../../clock.ts'
import { db } from '../../db.ts'
import { currentUser, recordId } from '../../http.ts'
import { regionNames } from '../../lists/regions.ts'
import { type RecordAnswers, readRecord, recordOn } from './archive.ts'
import { regionAdjust } from './change-form.ts'
import { feesOn, type ShownFee } from './fees.ts'
import { countDifferences, countHouses } from './house-counts.ts'
import { casesAbout, warningsOf } from './linked.ts'
import { partsOf } from './parts.ts'
import { fees, projectLinks, projects } from './project.ts'
import { mayKeep, readableUntil, type SeenProject, seenProject } from './project-access.ts'
import { type CommitteeFact, type LinkFact, type ProjectFacts, presentContract, projectFacts } from './project-facts.ts'
import { lifeOf, type NextStep } from './project-life.ts'
import { managerKeepers } from './project-manager.ts'
import { hundredths, meetingCondition, roomFindings, sumNotices } from './project-rules.ts'
import { type AsOf, changesPart, readOn, type ShownChange, shownRecord } from './record-pages.ts'
import { visibleCompanies, visibleDevelopers, visiblePeople } from './visible.ts'
import {
  committeeStates,
  contractEndReasons,
  contractFilings,
  contractStates,
  feeModes,
  linkStates,
  propertyTypes,
  reviews,
  selectionMethods,
  servicePhases,
  sources,
  stages,
} from './words.ts'

/** GET /desk/projects/:id: everything about one project that this person may know, today or on a past day. */
export async function showProject(req: Request, res: Response): Promise<void> {
  const user = currentUser(res)
  const project = await seenProject(db, user, recordId(req))
  const { id } = project
  const limit = await readableUntil(db, user, id)
  const asOf = within(readOn(req), limit)
  const day = asOf.on ?? today()
  const [record, facts] = await Promise.all([
    asOf.on ? recordOn(db, projects, id, asOf.on) : readRecord(db, projects, id),
    projectFacts(db, id, day, asOf.on !== undefined),
  ])
  const links = await linksFor(user, project, facts)
  const common = {
    project,
    asOf,
    limit,
    href: `/desk/projects/${id}`,
    serving: linkParts(facts, links).find(({ state }) => state === 'linked'),
    links: linkParts(facts, links),
    contracts: contractParts(facts),
  }
  if (!record) return void res.render('archives/project-before', common)
  const isNow = asOf.on === undefined
  const keeps = isNow && (await mayKeep(db, user, project))
  res.render('archives/project', {
    ...common,
    ...(await lookOf(user, project, { answers: record.answers, facts, day, links, keeps })),
    ...(isNow ? await presentParts(user, project, record.answers) : {}),
    parts: await partsOf('projects', db, user, id, asOf.on),
    keeps,
    appoints: keeps && managerKeepers.includes(user.role),
    isNow,
  })
}

/** Who no longer serves a project reads it up to the last day of the service, and no day after it. */
function within(asOf: AsOf, limit: string | undefined): AsOf {
  if (!limit || (asOf.on && asOf.on <= limit)) return asOf
  return { ...asOf, on: limit, typed: limit }
}

interface Look {
  answers: RecordAnswers
  facts: ProjectFacts
  day: string
  links: Reach
  keeps: boolean
}

/** What the page says of the project as it stood on its day. */
async function lookOf(user: User, project: SeenProject, { answers, facts, day, links, keeps }: Look) {
  const [rules, adjust, regions, standards, developer] = await Promise.all([
    settingsNow(db),
    regionAdjust(db),
    regionNames(db),
    feesOn(db, project.id, day),
    developerOf(project),
  ])
  const street = regions[answers.street_code ?? ''] ?? ''
  const known = {
    project: answers,
    facts,
    developer: developer?.name ?? '建设单位',
    developer_id: project.developer_id,
    street: officeOf(street),
  }
  const life = lifeOf(known, rules, day)
  return {
    name: answers.name,
    stage: stageLook(answers.stage ?? ''),
    chips: [...(answers.is_old ? ['老旧小区'] : []), ...(answers.is_affordable ? ['保障房'] : [])],
    place: [propertyTypes[answers.property_type as keyof typeof propertyTypes], street, regions[answers.district_code ?? '']],
    figures: figuresOf(answers, { facts, standards, day, rules }),
    stages: life.stages,
    next: life.next.map(step => ({ ...step, left: leftOf(step, day), way: wayOf(step, user, keeps) })),
    sections: shownRecord(projects, answers, { adjust }),
    developer: developer && { name: developer.name, href: links.developer ? `/desk/developers/${developer.id}` : undefined },
    fees: standards,
    rooms: roomFindings(answers, rules),
    committee: facts.committee && { ...facts.committee, look: committeeLook(facts.committee, day) },
    meeting: meetingCondition(answers, day, rules),
    sums: sumNotices(answers),
  }
}

/** Who acts for a street, or for a town. */
export function officeOf(street: string): string {
  return street.endsWith('街道') ? `${street}办事处` : /[镇乡]$/.test(street) ? `${street}人民政府` : street || '街道办'
}

/** What is only said of today: counts, cases, warnings, changes, who wrote it. */
async function presentParts(user: User, project: SeenProject, answers: RecordAnswers) {
  const { id } = project
  const [counted, cases, warnings, changes, written] = await Promise.all([
    countHouses(db, id),
    casesAbout(db, user, { type: 'project', id }),
    warningsOf(db, user, query => void query.where({ 'warnings.link': `/desk/projects/${id}` })),
    changesOf(id),
    writtenBy(project),
  ])
  const filed = {
    building_count: Number(answers.building_count),
    house_count: Number(answers.house_count),
    delivered_count: Number(answers.delivered_count),
    delivered_area: answers.delivered_area ?? '0.00',
  }
  return {
    counted,
    differences: countDifferences(filed, counted),
    cases,
    warnings,
    changes,
    written,
    startChange: findKind('project-change')?.startedBy.includes(user.role) && (await mayKeep(db, user, project)),
  }
}

/** The changes of the project itself, of who was in charge of it, and of its fees, newest first. */
async function changesOf(id: number): Promise<ShownChange[]> {
  const [links, standards]: [{ id: number; manager_id: number | null }[], { id: number; property_type: string }[]] =
    await Promise.all([
      db('project_links').where({ project_id: id }).where('version', '>', 1).select('id', 'manager_id'),
      db('project_fees').where({ project_id: id }).where('version', '>', 1).select('id', 'property_type'),
    ])
  const people: { id: number; name: string }[] = links.length
    ? await db('people')
        .whereIn(
          'id',
          db('changes')
            .where({ table_name: 'project_links' })
            .whereIn(
              'row_id',
              links.map(({ id }) => id),
            )
            .select('before'),
        )
        .orWhereIn(
          'id',
          links.flatMap(({ manager_id }) => manager_id ?? []),
        )
        .select('id', 'name')
    : []
  const named = { manager_id: { options: people.map(({ id, name }) => ({ value: String(id), label: name })) } }
  const found = await Promise.all([
    changesPart(db, projects, id, await regionAdjust(db)),
    ...links.map(link => changesPart(db, projectLinks, link.id, named)),
    ...standards.map(async fee => {
      const type = propertyTypes[fee.property_type as keyof typeof propertyTypes] ?? fee.property_type
      return (await changesPart(db, fees, fee.id)).map(change => ({ ...change, label: `收费标准（${type}）${change.label}` }))
    }),
  ])
  return found
    .flat()
    .sort((one, other) => other.at.getTime() - one.at.getTime())
    .slice(0, 30)
}

async function writtenBy({ source, review, created_by, created_at, updated_by, updated_at }: SeenProject) {
  const ids = [created_by, updated_by].flatMap(id => id ?? [])
  const users: { id: number; name: string }[] = ids.length ? await db('users').whereIn('id', ids).select('id', 'name') : []
  const nameOf = (id: number | null) => users.find(user => user.id === id)?.name ?? '系统'
  return {
    source: sources[source as keyof typeof sources] ?? source,
    review: reviews[review as keyof typeof reviews] ?? review,
    created: { by: nameOf(created_by), at: created_at },
    updated: { by: nameOf(updated_by), at: updated_at },
  }
}

async function developerOf({ developer_id }: SeenProject): Promise<{ id: number; name: string } | undefined> {
  return developer_id ? await db('organisations').where({ id: developer_id }).first('id', 'name') : undefined
}

/** Which of the pages a project leads to this person may open. */
interface Reach {
  companies: ReadonlySet<number>
  people: ReadonlySet<number>
  developer: boolean
}

async function linksFor(user: User, { developer_id }: SeenProject, { links, contracts }: ProjectFacts): Promise<Reach> {
  const companies = [...new Set([...links, ...contracts].map(({ company_id }) => company_id))]
  const managers = links.flatMap(({ manager_id }) => manager_id ?? [])
  const [seen, people, developer]: [number[], number[], unknown] = await Promise.all([
    companies.length ? visibleCompanies(db, user).whereIn('companies.id', companies).pluck('companies.id') : [],
    managers.length ? visiblePeople(db, user).whereIn('people.id', managers).pluck('people.id') : [],
    developer_id ? visibleDevelopers(db, user).where({ 'developers.id': developer_id }).first('developers.id') : undefined,
  ])
  return { companies: new Set(seen), people: new Set(people), developer: developer !== undefined }
}

const wordOf = (words: Readonly<Record<string, string>>, code: string | null) => (code ? (words[code] ?? code) : '')

/** 历次服务企业 as the page prints them. */
function linkParts({ links }: ProjectFacts, { companies, people }: Reach) {
  return links.map(link => ({
    ...link,
    phase: wordOf(servicePhases, link.phase),
    method: wordOf(selectionMethods, link.method),
    reason: wordOf(contractEndReasons, link.end_reason),
    look: linkLook(link),
    company_href: companies.has(link.company_id) ? `/desk/companies/${link.company_id}` : undefined,
    manager_href: link.manager_id && people.has(link.manager_id) ? `/desk/people/${link.manager_id}` : undefined,
  }))
}

function linkLook({ state }: LinkFact) {
  const label = wordOf(linkStates, state)
  if (state === 'linked') return { label, tone: 'done', icon: 'check' }
  return state === 'pending' ? { label, tone: 'desk', icon: 'clock' } : { label, tone: 'rest', icon: 'minus' }
}

const contractTones: Readonly<Record<string, [tone: string, icon: string]>> = {
  filing: ['desk', 'clock'],
  filed: ['done', 'check'],
  running: ['done', 'check'],
  expiring: ['you', 'clock'],
  lapsed: ['no', 'alert-triangle'],
}

function contractParts({ contracts }: ProjectFacts) {
  return contracts.map(contract => {
    const [tone, icon] = contractTones[contract.shown] ?? ['rest', 'minus']
    return {
      ...contract,
      phase: wordOf(servicePhases, contract.phase),
      filing: wordOf(contractFilings, contract.filing),
      mode: wordOf(feeModes, contract.fee_mode),
      look: { label: contractStates[contract.shown], tone, icon },
    }
  })
}

function stageLook(stage: string) {
  const label = wordOf(stages, stage)
  if (stage === 'early' || stage === 'selected' || stage === 'self-managed') return { label, tone: 'done', icon: 'check' }
  return stage === 'unmanaged' || stage === 'withdrawn'
    ? { label, tone: 'no', icon: 'alert-triangle' }
    : { label, tone: 'desk', icon: 'clock' }
}

function committeeLook({ state, term }: CommitteeFact, day: string) {
  const isOver = state === 'in-term' && term !== undefined && term.ends_on < day
  const code = isOver ? 'overdue' : state
  const label = wordOf(committeeStates, code)
  if (code === 'in-term') return { label, tone: 'done', icon: 'check' }
  return code === 'preparing' ? { label, tone: 'desk', icon: 'clock' } : { label, tone: 'no', icon: 'alert-triangle' }
}

/** Three to six numbers; never more. */
function figuresOf(
  answers: RecordAnswers,
  { facts, standards, day, rules }: { facts: ProjectFacts; standards: ShownFee[]; day: string; rules: Settings },
) {
  const { area_percent, house_percent } = meetingCondition(answers, day, rules)
  const contract = presentContract(facts)
  const fee = standards.find(({ holds, property_type }) => holds && property_type === answers.property_type)
  const price =
    fee?.price ?? (contract && (contract.shown === 'running' || contract.shown === 'expiring') ? contract.fee : undefined)
  return {
    area: hundredths(answers.floor_area) / 1_000_000,
    buildings: answers.building_count,
    houses: answers.house_count,
    area_percent,
    house_percent,
    price,
    priced: fee ? [fee.level && `${fee.level}服务`, fee.pricing_label].filter(Boolean).join('，') : price ? '按合同' : '没有登记',
    contract: contract && {
      ends_on: contract.ends_on,
      light: contract.shown === 'lapsed' ? 'red' : contract.shown === 'expiring' ? 'yellow' : 'green',
      text: daysLeft(contract.ends_on, day),
    },
  }
}

function daysLeft(until: string, day: string): string {
  const days = daysBetween(day, until)
  return days < 0 ? `已过 ${-days} 日` : days === 0 ? '今天到期' : `剩 ${days} 日`
}

const leftOf = ({ until, light }: NextStep, day: string) =>
  until ? `${until} · ${daysLeft(until, day)}` : light === 'red' ? '应立即办理' : light === 'rest' ? '暂不需要' : '待办'

/** Where a missing step is done, if the portal has that business: started at once by whoever may, else its page in the catalogue. */
function wayOf({ kind: code, href, owes, title }: NextStep, user: User, keeps: boolean) {
  if (href)
    return owes.some(debtor => 'organisation_id' in debtor && debtor.organisation_id === user.organisation_id)
      ? { href, label: title }
      : undefined
  const kind = code ? findKind(code) : undefined
  if (!kind) return undefined
  return { kind: kind.code, label: kind.label, starts: keeps && kind.startedBy.includes(user.role) }
}
