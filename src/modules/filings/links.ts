import type { Knex } from 'knex'
import { type Actor, portalItself, record } from '../../admin/action-log.ts'
import { addDays } from '../../calendar.ts'
import { now, today } from '../../clock.ts'
import { inTransaction } from '../../db.ts'
import { registerFiled } from '../../documents/documents.ts'
import { NotFound, NotNow } from '../../errors.ts'
import { changeRecord } from '../archives/archive.ts'
import { keepServedAreas, projects } from '../archives/project.ts'
import {
  type ContractEndReason,
  contractEndReasons,
  type LinkState,
  type SelectionMethod,
  type ServicePhase,
  type Stage,
} from '../archives/words.ts'
import { contractOn, endContract } from './contracts.ts'
import { lockProject } from './project.ts'
import { touchProject } from './touched.ts'

/**
 * 项目挂接 (domain.md §5.5): who serves a project. One link runs and one may be approved for a day to come; both are unique in the
 * database, and whoever changes either locks the project first.
 */

export interface Link {
  id: number
  project_id: number
  company_id: number
  manager_id: number | null
  phase: ServicePhase
  method: SelectionMethod
  state: LinkState
  number: string | null
  decided_on: string | null
  starts_on: string
  /** The last day of service. */
  ends_on: string | null
  end_reason: ContractEndReason | null
  case_id: number | null
  /** The link that ran when this one was asked for. */
  previous_id: number | null
  version: number
}

const names = [
  'id',
  'project_id',
  'company_id',
  'manager_id',
  'phase',
  'method',
  'state',
  'number',
  'decided_on',
  'starts_on',
  'ends_on',
  'end_reason',
  'case_id',
  'previous_id',
  'version',
]
/** The columns of a link, wherever others are joined to it. */
export const linkColumns = names.map(name => `project_links.${name}`)

/** What is decided about a link. */
export interface NewLink extends Pick<Link, 'project_id' | 'company_id' | 'phase' | 'method' | 'starts_on' | 'decided_on'> {
  manager_id?: number | null
  number?: string | null
  case_id?: number | null
  /** Why the link before ends; that its contract was over, unless told. */
  end_reason?: ContractEndReason
  /** Who decides, where no case does. */
  by?: number | null
}

/** The link of the company that serves a project; nothing where none does. */
export async function liveLink(db: Knex, project_id: number): Promise<Link | undefined> {
  return await db('project_links').where({ project_id, live: 1 }).first(linkColumns)
}

/** The approved link whose takeover is still to come. */
export async function comingLink(db: Knex, project_id: number): Promise<Link | undefined> {
  return await db('project_links').where({ project_id, coming: 1 }).first(linkColumns)
}

const nameOf = async (db: Knex, id: number): Promise<string> =>
  (await db('organisations').where({ id }).first('name'))?.name ?? ''

const rowOf = ({ project_id, company_id, manager_id, phase, method, starts_on, decided_on, case_id }: NewLink) => ({
  project_id,
  company_id,
  manager_id: manager_id ?? null,
  phase,
  method,
  starts_on,
  decided_on,
  case_id: case_id ?? null,
})

async function rowOfCase(trx: Knex.Transaction, case_id: number | null | undefined): Promise<Link | undefined> {
  return case_id ? await trx('project_links').where({ case_id }).forUpdate().first(linkColumns) : undefined
}

/**
 * 待审核: the register knows a link from the submission of its case on; a corrected edition takes the place of the one before. It keeps
 * who served then, so that a decision about something else in between is noticed.
 */
export async function proposeLink(trx: Knex.Transaction, link: NewLink & { case_id: number }): Promise<void> {
  await lockProject(trx, link.project_id)
  const [there, live] = [await rowOfCase(trx, link.case_id), await liveLink(trx, link.project_id)]
  const at = now()
  const row = {
    ...rowOf(link),
    state: 'pending',
    previous_id: live?.id ?? null,
    end_reason: link.end_reason ?? null,
    updated_at: at,
  }
  if (there) await trx('project_links').where({ id: there.id }).update(row).increment('version', 1)
  else await trx('project_links').insert({ ...row, created_at: at })
  await touchProject(trx, link.project_id)
}

/** 已驳回: the case came to nothing, or went back to be written anew. */
export async function rejectLink(trx: Knex.Transaction, case_id: number): Promise<void> {
  const there = await rowOfCase(trx, case_id)
  if (there?.state !== 'pending') return
  await trx('project_links')
    .where({ id: there.id })
    .update({ state: 'rejected', updated_at: now(), version: trx.raw('version + 1') })
  await touchProject(trx, there.project_id)
}

/**
 * Enters a decided link in the transaction of its approval. When its takeover has come the link before ends the day before and this one
 * runs; otherwise it waits for `turnLinks`.
 * @returns its id
 * @throws NotNow when another link was decided first, with who it is
 */
export async function openLink(trx: Knex.Transaction, link: NewLink): Promise<number> {
  const project = await lockProject(trx, link.project_id)
  const there = await rowOfCase(trx, link.case_id)
  const live = await liveLink(trx, project.id)
  const coming = await comingLink(trx, project.id)
  if (coming)
    throw new NotNow(
      `现在不能通过：${await nameOf(trx, coming.company_id)}的挂接 ${coming.number ?? ''}已先批准，${coming.starts_on} 接管。一个项目只能有一家企业服务，本件请不通过并说明理由。`,
    )
  if (there && live && live.id !== there.previous_id)
    throw new NotNow(
      `现在不能通过：${await nameOf(trx, live.company_id)}已先挂接这个项目（${live.number ?? '建档以前的挂接'}，${live.starts_on} 起）。一个项目只能有一家企业服务，本件请不通过并说明理由。`,
    )
  if (live && live.starts_on >= link.starts_on)
    throw new NotNow(
      `现在不能通过：现有企业的服务自 ${live.starts_on} 开始，接管日期 ${link.starts_on} 应当晚于这一天。本件请不通过并说明理由。`,
    )
  const at = now()
  const row = {
    ...rowOf(link),
    state: 'approved',
    number: link.number ?? null,
    previous_id: live?.id ?? null,
    end_reason: null,
    updated_by: link.by ?? null,
    updated_at: at,
  }
  let id = there?.id
  // Why the link before ends is kept on this one until it does.
  const reason = link.end_reason ?? there?.end_reason ?? null
  if (id)
    await trx('project_links')
      .where({ id })
      .update({ ...row, end_reason: reason, version: trx.raw('version + 1') })
  else [id = 0] = await trx('project_links').insert({ ...row, end_reason: reason, created_by: link.by ?? null, created_at: at })
  if (live) await endContractOf(trx, live, { on: addDays(link.starts_on, -1), reason: reason ?? 'term-over' })
  if (link.starts_on <= today()) await takeOver(trx, id)
  await touchProject(trx, project.id)
  return id
}

/** The contract of a company that leaves ends with its service, so that its successor's can be filed (民法典 第九百四十九条). */
async function endContractOf(
  trx: Knex.Transaction,
  { project_id, company_id }: Pick<Link, 'project_id' | 'company_id'>,
  { on, reason }: { on: string; reason: ContractEndReason },
): Promise<void> {
  const held = await contractOn(trx, project_id, addDays(on, 1))
  if (held?.company_id === company_id) await endContract(trx, held.id, { state: 'ended', on, reason })
}

/** The day of takeover has come; the project is locked. */
async function takeOver(trx: Knex.Transaction, id: number): Promise<void> {
  const link: Link | undefined = await trx('project_links').where({ id }).forUpdate().first(linkColumns)
  if (link?.state !== 'approved') return
  const live = await liveLink(trx, link.project_id)
  const at = now()
  if (live) await close(trx, live, { on: addDays(link.starts_on, -1), reason: link.end_reason ?? 'term-over' })
  await trx('project_links')
    .where({ id })
    .update({ state: 'linked', end_reason: null, updated_at: at, version: trx.raw('version + 1') })
  if (live) await keepServedAreas(trx, live.company_id)
  await keepServedAreas(trx, link.company_id)
  const { stage, name } = await lockProject(trx, link.project_id)
  const next = stageUnder(link.phase, stage)
  if (next !== stage)
    await changeRecord(trx, projects, link.project_id, { answers: { stage: next }, by: { user_id: null, case_id: link.case_id } })
  await record(trx, portalItself, {
    action: 'link.begin',
    object: { type: 'link', id, label: link.number ?? '' },
    detail: { project: name, from: link.starts_on },
  })
}

/** The stage a project is in while it is served: who is called in an emergency leaves it as it was, unless nobody served it. */
function stageUnder(phase: ServicePhase, stage: string): string {
  if (phase === 'selected') return 'selected' satisfies Stage
  if (phase === 'early' || stage !== 'selected') return 'early' satisfies Stage
  return stage
}

async function close(
  trx: Knex.Transaction,
  { id }: Pick<Link, 'id'>,
  { on, reason, by = null }: { on: string; reason: ContractEndReason; by?: number | null },
): Promise<void> {
  await trx('project_links')
    .where({ id })
    .update({
      state: 'ended',
      ends_on: on,
      end_reason: reason,
      updated_by: by,
      updated_at: now(),
      version: trx.raw('version + 1'),
    })
}

/**
 * 解除: ends the link that runs, without a successor. A link approved for later still takes over on its day.
 * @param ending `on` is the last day of service, today at the latest; `actor` is the portal unless told
 * @returns whether it was still running
 * @throws NotFound
 */
export async function endLink(
  trx: Knex.Transaction,
  link_id: number,
  {
    on,
    reason,
    words,
    by,
    actor = portalItself,
  }: { on: string; reason: ContractEndReason; words?: string; by?: number; actor?: Actor },
): Promise<boolean> {
  const found: Pick<Link, 'project_id'> | undefined = await trx('project_links').where({ id: link_id }).first('project_id')
  if (!found) throw new NotFound()
  const project = await lockProject(trx, found.project_id)
  const link: Link | undefined = await trx('project_links').where({ id: link_id }).forUpdate().first(linkColumns)
  if (link?.state !== 'linked') return false
  await close(trx, link, { on, reason, by: by ?? null })
  await endContractOf(trx, link, { on, reason })
  await keepServedAreas(trx, link.company_id)
  await changeRecord(trx, projects, project.id, { answers: { stage: 'unmanaged' }, by: { user_id: by ?? null, case_id: null } })
  await record(trx, actor, {
    action: 'link.end',
    object: { type: 'link', id: link_id, label: link.number ?? '' },
    detail: { project: project.name, on, reason: contractEndReasons[reason], ...(words ? { words } : {}) },
  })
  await touchProject(trx, project.id)
  return true
}

/**
 * Lets every approved link take over whose day has come. Each in a transaction of its own; may run as often as it likes and after any
 * downtime.
 * @returns how many took over
 */
export async function turnLinks(db: Knex): Promise<number> {
  const due: Pick<Link, 'id' | 'project_id'>[] = await db('project_links')
    .where({ coming: 1 })
    .where('starts_on', '<=', today())
    .orderBy(['starts_on', 'id'])
    .select('id', 'project_id')
  for (const { id, project_id } of due)
    await inTransaction(async trx => {
      await lockProject(trx, project_id)
      await takeOver(trx, id)
      await touchProject(trx, project_id)
    })
  return due.length
}

// What a 挂接通知 is worth (verification page).
registerFiled('link', async (db, id) => {
  const row: Pick<Link, 'ends_on' | 'state'> | undefined = await db('project_links').where({ id }).first('ends_on', 'state')
  return row && { valid_until: null, ended_on: row.state === 'ended' ? row.ends_on : null }
})
