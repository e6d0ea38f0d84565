import { Router } from 'express'
import type { Knex } from 'knex'
import type { User } from '../../accounts/users.ts'
import { startCase } from '../../cases/drafts.ts'
import { findKind } from '../../cases/kind.ts'
import { visibleCases } from '../../cases/queries.ts'
import { today } from '../../clock.ts'
import { db } from '../../db.ts'
import { documentOf, shownCode } from '../../documents/documents.ts'
import { NotFound, NotNow } from '../../errors.ts'
import { allow, currentUser, recordId } from '../../http.ts'
import { registerPart } from '../archives/parts.ts'
import { contractState } from '../archives/project-facts.ts'
import { archiveReaders, visibleProjects } from '../archives/visible.ts'
import {
  type ContractState,
  contractEndReasons,
  contractFilings,
  contractStates,
  feeModes,
  pricings,
  propertyTypes,
  serviceLevels,
  servicePhases,
} from '../archives/words.ts'
import { contractLooks, visibleContracts } from './contract-lists.ts'
import { type Contract, contractColumns, feesOfContract, lastDayOf } from './contracts.ts'
import { companyRoles } from './standards.ts'

/** 合同: one contract with its prices, its proof, and the chain of contracts of its project. */
export const contractPages: Router = Router()

interface SeenContract extends Contract {
  project: string
  company: string
}

/** A contract this user may see. @throws NotFound */
async function seenContract(user: User, id: number): Promise<SeenContract> {
  const row: SeenContract | undefined = await visibleContracts(db, user)
    .leftJoin('organisations as company', 'company.id', 'contracts.company_id')
    .where({ 'contracts.id': id })
    .first(...contractColumns, 'projects.name as project', 'company.name as company')
  if (!row) throw new NotFound()
  return row
}

const wordOf = (words: Readonly<Record<string | number, string>>, code: string | number | null) =>
  code === null ? '' : (words[code] ?? String(code))

/** How a contract stands on a day, as pages draw it. */
function lookOf(contract: Contract, day: string) {
  const code = contractState(contract, day)
  return { code, label: contractStates[code], ...contractLooks[code] }
}

/** What a contract can be followed by: its own company starts it here. */
const followings = {
  renewal: '办理续签',
  change: '办理变更',
  dissolution: '办理解除',
} as const
type Following = keyof typeof followings

contractPages.get('/:id', allow(...archiveReaders), async (req, res) => {
  const user = currentUser(res)
  const contract = await seenContract(user, recordId(req))
  const { id, project_id, case_id } = contract
  const day = today()
  const [lines, chain, proof, kase, project] = await Promise.all([
    feesOfContract(db, id),
    chainOf(user, project_id, day),
    documentOf(db, { type: 'contract', id }, 'proof'),
    case_id ? visibleCases(db, user).where({ 'cases.id': case_id }).first('cases.id') : undefined,
    visibleProjects(db, user).where({ 'projects.id': project_id }).first('projects.id'),
  ])
  const isOwn = contract.state === 'filed' && contract.company_id === user.organisation_id && isCompany(user)
  res.render('filings/contract', {
    contract,
    look: lookOf(contract, day),
    facts: factsOf(contract, day),
    lines: lines.map(line => ({
      ...line,
      type: propertyTypes[line.property_type] ?? line.property_type,
      level: wordOf(serviceLevels, line.service_level),
      pricing: wordOf(pricings, line.pricing),
      more: moreOf(line),
    })),
    chain,
    proof: proof && { code: shownCode(proof.code), issued_on: proof.issued_on },
    case_id: kase?.id,
    project_href: project ? `/desk/projects/${project_id}` : undefined,
    ways: isOwn ? Object.entries(followings).map(([code, label]) => ({ code, label })) : [],
  })
})

const isCompany = (user: User) => (companyRoles as readonly string[]).includes(user.role)

/** Begins the filing that follows a contract, with its type chosen. */
contractPages.post('/:id/:following', allow(...companyRoles), async (req, res) => {
  const user = currentUser(res)
  const contract = await seenContract(user, recordId(req))
  const following = String(req.params.following)
  if (!Object.hasOwn(followings, following)) throw new NotFound()
  const kind = findKind('contract-filing')
  if (!kind) throw new NotFound()
  if (contract.state !== 'filed')
    throw new NotNow(`合同 ${contract.number ?? ''}已经终止，不能再${followings[following as Following]}。`) // looked up
  const id = await startCase(user, kind, { subject_id: contract.project_id, typed: { filing: following } })
  res.redirect(303, `/desk/cases/${id}`)
})

function factsOf(contract: SeenContract, day: string) {
  const { signed_on, starts_on, ends_on, ended_on, end_reason, late_days } = contract
  return [
    { label: '甲方', value: contract.party, wide: true },
    { label: '乙方', value: contract.company, wide: true },
    { label: '服务阶段', value: wordOf(servicePhases, contract.phase) },
    { label: '备案类型', value: wordOf(contractFilings, contract.filing) },
    { label: '签订日期', value: signed_on },
    { label: '服务期限', value: `${starts_on} 至 ${ends_on}` },
    { label: '备案日期', value: contract.filed_on ?? '—' },
    { label: '备案时限', value: late_days ? `逾期备案 ${late_days} 天` : contract.filed_on ? '按期' : '—' },
    ...(ended_on
      ? [
          {
            label: ended_on < day ? '实际终止' : '将提前终止',
            value: `${ended_on}${end_reason ? `，${wordOf(contractEndReasons, end_reason)}` : ''}`,
          },
        ]
      : []),
    { label: '收费方式', value: wordOf(feeModes, contract.fee_mode) },
    { label: '服务等级', value: wordOf(serviceLevels, contract.service_level) || '—' },
    { label: '服务面积', value: `${contract.serviced_area} ㎡` },
  ]
}

function moreOf(line: Awaited<ReturnType<typeof feesOfContract>>[number]): string[] {
  const extras: [string, string | null, string][] = [
    ['电梯运行', line.elevator_fee, '元/㎡·月'],
    ['地上停车', line.parking_ground_fee, '元/月·位'],
    ['地下停车', line.parking_underground_fee, '元/月·位'],
    ['临时停车', line.parking_visit_fee, '元/次'],
    ['装修垃圾清运', line.waste_fee, '元/㎡'],
  ]
  return extras.flatMap(([label, amount, unit]) => (amount === null ? [] : [`${label} ${amount} ${unit}`]))
}

/** The contracts of a project this user sees, the newest first. */
async function chainOf(user: User, project_id: number, day: string) {
  const rows: SeenContract[] = await visibleContracts(db, user)
    .leftJoin('organisations as company', 'company.id', 'contracts.company_id')
    .where({ 'contracts.project_id': project_id })
    .orderBy([
      { column: 'contracts.starts_on', order: 'desc' },
      { column: 'contracts.id', order: 'desc' },
    ])
    .select(...contractColumns, 'projects.name as project', 'company.name as company')
  return rows.map(row => ({
    id: row.id,
    number: row.number,
    company: row.company,
    phase: wordOf(servicePhases, row.phase),
    filing: wordOf(contractFilings, row.filing),
    starts_on: row.starts_on,
    last: lastDayOf(row),
    reason: wordOf(contractEndReasons, row.end_reason),
    look: lookOf(row, day),
  }))
}

/** The page of a project lists them all; its part leads to those that hold or are under way. */
const present: readonly ContractState[] = ['filing', 'filed', 'running', 'expiring', 'lapsed']

registerPart('projects', {
  code: 'contracts',
  label: '合同备案',
  order: 20,
  async load(part: Knex, user, id, on) {
    const day = on ?? today()
    const chain = (await chainOf(user, id, day)).filter(
      ({ starts_on, look }) => !on || (starts_on <= on && look.code !== 'filing'),
    )
    const starts = !on && isCompany(user) && (await isServed(part, id, user.organisation_id))
    if (!chain.length && !starts) return undefined
    return {
      view: '/filings/contract-part',
      locals: { chain: chain.filter(({ look }) => present.includes(look.code)), starts, project_id: id },
      summary: chain.length ? `共 ${chain.length} 份` : '',
      ...(chain.length ? { all: { label: '全部合同', href: `/desk/lists/contracts?project=${id}` } } : {}),
    }
  },
})

async function isServed(db: Knex, project_id: number, company_id: number): Promise<boolean> {
  const link = await db('project_links').where({ project_id, company_id }).whereIn('state', ['linked', 'approved']).first('id')
  return link !== undefined
}
