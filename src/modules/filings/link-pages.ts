import { type Request, type Response, Router } from 'express'
import { z } from 'zod'
import type { User } from '../../accounts/users.ts'
import { actorOf } from '../../admin/action-log.ts'
import { startCase } from '../../cases/drafts.ts'
import { visibleCases } from '../../cases/queries.ts'
import { today } from '../../clock.ts'
import { nameKey } from '../../database/names.ts'
import { db, inTransaction } from '../../db.ts'
import { documentOf, shownCode } from '../../documents/documents.ts'
import { BadRequest, NotFound, NotNow } from '../../errors.ts'
import { choice, date, fieldsOf, type Mistakes, readForm, text, typed, type Values, version } from '../../forms/form.ts'
import { allow, currentUser, flash, recordId } from '../../http.ts'
import { regionNames } from '../../lists/regions.ts'
import { tell } from '../../messages/messages.ts'
import { archiveReaders, visibleProjects } from '../archives/visible.ts'
import { contractEndReasons, linkStates, optionsOf, selectionMethods, servicePhases } from '../archives/words.ts'
import { limitSearches, projectLink } from './link-kinds.ts'
import { linkLooks, visibleLinks } from './link-lists.ts'
import { endLink, type Link, linkColumns } from './links.ts'
import { companyRoles } from './standards.ts'

/** 项目挂接: finding the project to link, one link, and ending it without a successor. */
export const linkPages: Router = Router()

// ── 查找项目 ───────────────────────────────────────────────────────────────────────────────────

const searchForm = z.object({
  q: text({ label: '项目编号或者完整的项目名称', max: 100, wide: true, hint: '如 370102000001；名称要与项目档案一字不差' }),
})
const chosenForm = z.object({ project_id: z.coerce.number().int().positive().safe() })

/** The most projects of one name that are shown. */
const most = 20

linkPages.get('/new', allow(...companyRoles), (_req, res) => renderSearch(res, { values: {} }))

/** Finding takes a POST, so that what was looked for stays out of addresses and logs. */
linkPages.post('/new/search', allow(...companyRoles), async (req, res) => {
  const reading = readForm(searchForm, req.body)
  if (!reading.ok) return renderSearch(res, reading)
  await limitSearches(currentUser(res).id)
  const { q } = reading.data
  const names = await regionNames(db)
  const rows: { id: number; name: string; address: string; district_code: string; street_code: string }[] = await db('projects')
    .where({ name_key: nameKey(q), name: q })
    // Codes are plain letters and digits, and their column takes nothing else.
    .modify(query => void (/^[\x20-\x7e]+$/.test(q) && query.orWhere({ code: q })))
    .orderBy('id')
    .limit(most)
    .select('id', 'name', 'address', 'district_code', 'street_code')
  // No more than where it lies: the applicant does not serve it yet.
  const found = rows.map(({ id, name, address, district_code, street_code }) => ({
    id,
    name,
    address,
    region: [names[district_code], names[street_code]].filter(Boolean).join(' '),
  }))
  renderSearch(res, { values: { q }, found })
})

linkPages.post('/new', allow(...companyRoles), async (req, res) => {
  const reading = chosenForm.safeParse(req.body)
  if (!reading.success) throw new BadRequest('请先查找项目，再从结果里选择。')
  const id = await startCase(currentUser(res), projectLink, { subject_id: reading.data.project_id })
  res.redirect(303, `/desk/cases/${id}`)
})

function renderSearch(
  res: Response,
  { values, mistakes = {}, found }: { values: Values; mistakes?: Mistakes; found?: readonly object[] },
): void {
  if (Object.keys(mistakes).length) res.status(422)
  res.render('filings/link-new', { fields: fieldsOf(searchForm), values, mistakes, found })
}

// ── One link ───────────────────────────────────────────────────────────────────────────────────

interface SeenLink extends Link {
  project: string
  company: string
  manager: string | null
}

/** A link this user may see. @throws NotFound */
async function seenLink(user: User, id: number): Promise<SeenLink> {
  const row: SeenLink | undefined = await visibleLinks(db, user)
    .leftJoin('organisations as company', 'company.id', 'project_links.company_id')
    .leftJoin('people as manager', 'manager.id', 'project_links.manager_id')
    .where({ 'project_links.id': id })
    .first(...linkColumns, 'projects.name as project', 'company.name as company', 'manager.name as manager')
  if (!row) throw new NotFound()
  return row
}

const { 'term-over': over, dismissed, agreed, withdrawn } = contractEndReasons
const endReasons = { 'term-over': over, dismissed, agreed, withdrawn } as const

const endForm = z.object({
  version,
  on: date({ label: '最后服务日', hint: '不晚于今天' }),
  reason: choice({ label: '解除原因', options: optionsOf(endReasons) }),
  words: text({ label: '说明', type: 'textarea', max: 300, wide: true, hint: '经过、移交情况和应急安排' }),
})

/** Without a successor a project is left to the district, so the district decides. */
const enders = ['district-clerk'] as const
const mayEnd = (user: User, link: Link) => link.state === 'linked' && (enders as readonly string[]).includes(user.role)

linkPages.get('/:id', allow(...archiveReaders), async (req, res) => {
  await renderLink(res, recordId(req), { values: {} })
})

async function renderLink(
  res: Response,
  id: number,
  { values, mistakes = {} }: { values: Values; mistakes?: Mistakes },
): Promise<void> {
  const user = currentUser(res)
  const link = await seenLink(user, id)
  const [proof, kase, project] = await Promise.all([
    documentOf(db, { type: 'link', id }, 'proof'),
    link.case_id ? visibleCases(db, user).where({ 'cases.id': link.case_id }).first('cases.id') : undefined,
    visibleProjects(db, user).where({ 'projects.id': link.project_id }).first('projects.id'),
  ])
  if (Object.keys(mistakes).length) res.status(422)
  res.render('filings/link', {
    link,
    look: { label: linkStates[link.state], ...linkLooks[link.state] },
    facts: factsOf(link),
    proof: proof && { code: shownCode(proof.code), issued_on: proof.issued_on },
    case_id: kase?.id,
    project_href: project ? `/desk/projects/${link.project_id}` : undefined,
    ending: mayEnd(user, link)
      ? { fields: fieldsOf(endForm).filter(({ name }) => name !== 'version'), version: values.version ?? link.version }
      : undefined,
    values,
    mistakes,
  })
}

function factsOf(link: SeenLink) {
  const { decided_on, ends_on, end_reason, manager, state } = link
  return [
    { label: '物业企业', value: link.company, wide: true },
    { label: '服务阶段', value: servicePhases[link.phase] },
    { label: '选聘方式', value: selectionMethods[link.method] },
    { label: '选聘决定日期', value: decided_on ?? '—' },
    { label: '接管日期', value: link.starts_on },
    { label: '项目负责人', value: manager ?? '—' },
    ...(ends_on ? [{ label: '最后服务日', value: ends_on }] : []),
    // Until it takes over, a link keeps why the one before it ends.
    ...(state === 'ended' && end_reason ? [{ label: '终止原因', value: contractEndReasons[end_reason] }] : []),
  ]
}

/** 解除 */
linkPages.post('/:id/end', allow(...enders), async (req: Request, res: Response) => {
  const user = currentUser(res)
  const link = await seenLink(user, recordId(req))
  const reading = readForm(endForm, req.body)
  if (!reading.ok) return await renderLink(res, link.id, reading)
  const { on, words } = reading.data
  const reason = reading.data.reason as keyof typeof endReasons // a choice of the form
  const mistakes: Mistakes = {}
  if (on > today()) mistakes.on = `最后服务日不能晚于今天 ${today()}。将来撤出的，到那一天再解除。`
  else if (on < link.starts_on) mistakes.on = `最后服务日早于接管日期 ${link.starts_on}，请核对。`
  if (Object.keys(mistakes).length) return await renderLink(res, link.id, { values: typed(endForm, req.body), mistakes })
  await inTransaction(async trx => {
    const held: Pick<Link, 'version'> | undefined = await trx('project_links').where({ id: link.id }).forUpdate().first('version')
    if (held?.version !== reading.data.version)
      throw new NotNow('这条挂接已经有变化，没有解除。请刷新页面，核对后再办理。', {
        label: '打开挂接',
        href: `/desk/links/${link.id}`,
      })
    const isEnded = await endLink(trx, link.id, { on, reason, words, by: user.id, actor: actorOf(req, res) })
    if (!isEnded) throw new NotNow('这条挂接已不在服务中，不用解除。')
    const body = `最后服务日 ${on}，原因：${contractEndReasons[reason]}。${words}`
    await tell(trx, {
      to: { organisation_id: link.company_id },
      title: `贵企业与${link.project}的挂接已解除。`,
      body: `${body}请按期移交资料和物业服务用房（民法典第九百四十九条）。`,
      link: `/desk/links/${link.id}`,
    })
    const committees: number[] = await trx('committees').where({ project_id: link.project_id, live: 1 }).pluck('id')
    for (const organisation_id of committees)
      await tell(trx, {
        to: { organisation_id },
        title: `${link.company}与${link.project}的挂接已解除，项目暂无物业企业。`,
        body: `${body}请组织选聘；需要应急服务的，联系街道办事处。`,
        link: `/desk/links/${link.id}`,
      })
  })
  flash(req, { tone: 'ok', text: '挂接已解除，项目转为无物业（失管），已通知企业和业委会。' })
  res.redirect(303, `/desk/links/${link.id}`)
})
