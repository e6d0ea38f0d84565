import { type Request, type Response, Router } from 'express'
import type { Knex } from 'knex'
import { z } from 'zod'
import type { User } from '../../accounts/users.ts'
import { actorOf, record } from '../../admin/action-log.ts'
import { daysBetween } from '../../calendar.ts'
import { findKind } from '../../cases/kind.ts'
import { beijing, now, today } from '../../clock.ts'
import { db, inTransaction } from '../../db.ts'
import { BadRequest, NotFound, NotNow } from '../../errors.ts'
import {
  choice,
  decimal,
  type Form,
  fieldsOf,
  type Mistakes,
  optionalText,
  readForm,
  text,
  typed,
  type Values,
  version,
} from '../../forms/form.ts'
import { allow, currentUser, flash, recordId } from '../../http.ts'
import { optionalCreditCode } from '../archives/fields.ts'
import { registerPart } from '../archives/parts.ts'
import { visibleProjects } from '../archives/visible.ts'
import { optionsOf } from '../archives/words.ts'
import { expertsNeeded, isCommitteeSize } from './draw.ts'
import {
  checkDraw,
  type DrawnTender,
  type DrawRow,
  drawableFrom,
  drawExperts,
  excuseJudge,
  expertReaders,
  isSitting,
  type Judge,
  standBack,
} from './experts.ts'
import { lockProject } from './project.ts'
import { isLate, tenderLooks, tenderReaders, visibleTenders } from './tender-lists.ts'
import { failTender, moveTender } from './tenders.ts'
import { touchProject } from './touched.ts'
import {
  type BidState,
  bidStates,
  judgeSorts,
  judgeStates,
  organisings,
  type TenderMethod,
  type TenderState,
  tenderMethods,
  tenderStates,
} from './words.ts'

/** 前期招标 `/desk/tenders/:id`: the life of one tender, its committee and its bidders (domain.md §5.2, §5.3). */
export const tenderPages: Router = Router()

interface Tender extends DrawnTender {
  project_id: number
  project: string
  developer: string
  state: TenderState
  method: TenderMethod
  organising: keyof typeof organisings
  filed_on: string | null
  announce_on: string | null
  bids_until: string | null
  opens_at: string | null
  opening_place: string | null
  opened_on: string | null
  failed_on: string | null
  failed_reason: string | null
  award_number: string | null
  awarded_on: string | null
  award_filed_on: string | null
  winner: string | null
  price: string | null
  version: number
}

interface Bid {
  id: number
  name: string
  code: string | null
  price: string
  score: string | null
  standing: number | null
  state: BidState
  reason: string | null
}

/** A tender this user may see. @throws NotFound */
async function seenTender(user: User, id: number): Promise<Tender> {
  const row: Tender | undefined = await visibleTenders(db, user)
    .leftJoin('organisations as developer', 'developer.id', 'tenders.developer_id')
    .where({ 'tenders.id': id })
    .first('tenders.*', 'projects.name as project', 'developer.name as developer')
  if (!row) throw new NotFound()
  return row
}

const bidsOf = async (tender_id: number): Promise<Bid[]> =>
  await db('tender_bids').where({ tender_id }).orderByRaw('standing is null, standing, id')

const bidForm = z.object({
  version,
  name: text({ label: '投标人', max: 200, wide: true }),
  code: optionalCreditCode('统一社会信用代码'),
  price: decimal({ label: '投标报价', unit: '元/㎡·月', digits: 2, min: 0.01, max: 100 }),
  state: choice({ label: '投标文件', options: optionsOf({ valid: '有效', rejected: '否决' }) }),
  reason: optionalText({ label: '否决原因', max: 300, wide: true }),
})
const inviteForm = z.object({
  version,
  name: text({ label: '受邀投标人', max: 200, wide: true }),
  code: optionalCreditCode('统一社会信用代码'),
})
const openForm = z.object({ version, reason: optionalText({ label: '说明', max: 300, wide: true, hint: '流标时写明经过' }) })
const drawForm = z.object({
  sequence: z.coerce.number().int().min(1).max(99),
  reason: optionalText({ label: '补抽原因', max: 300, wide: true }),
})
const excuseForm = z.object({
  state: choice({ label: '情况', options: optionsOf({ excused: '请假', conflicted: '回避' }) }),
  reason: text({ label: '原因', max: 300, wide: true }),
})

const fewest = 3
const drawers = ['city-clerk'] as const
const isDrawer = ({ role }: User) => (drawers as readonly string[]).includes(role)

/** Whether the bids may be opened: at the deadline and the hour announced, not before (招标投标法 第三十四条). */
function hasOpened({ bids_until, opens_on, opens_at }: Tender): boolean {
  if (!opens_on) return false
  const moment = beijing(now()).slice(0, 16)
  return moment >= `${opens_on} ${opens_at ?? '00:00'}` && (!bids_until || today() >= bids_until)
}

/**
 * Who judges is secret until the opening (招标投标法 第三十七条): the developer, who could approach the experts, reads it from the
 * opening day on; a district and a street then too. The city's own desks, which draw and notify, read it at once.
 */
function mayKnowJudges({ scope }: User, { opens_on, state }: Tender): boolean {
  return scope.level === 'city' || state !== 'tendering' || (opens_on !== null && today() >= opens_on)
}

// ── The page ───────────────────────────────────────────────────────────────────────────────────

interface Shown {
  /** Which form came back. */
  form?: 'bid' | 'invite' | 'draw' | 'excuse'
  values?: Values
  mistakes?: Mistakes
}

tenderPages.get('/', allow(...tenderReaders), (_req, res) => res.redirect(302, '/desk/lists/tenders'))

tenderPages.get('/:id', allow(...tenderReaders), async (req, res) => await renderTender(res, recordId(req)))

async function renderTender(res: Response, id: number, { form, values = {}, mistakes = {} }: Shown = {}): Promise<void> {
  const user = currentUser(res)
  const tender = await seenTender(user, id)
  const [bids, judges, draws, project] = await Promise.all([
    bidsOf(id),
    db('tender_judges').where({ tender_id: id }).orderBy('id') as Promise<Judge[]>,
    db('expert_draws')
      .where({ tender_id: id })
      .orderBy('sequence')
      .select('id', 'sequence', 'wanted', 'reason', 'drawn_at', 'result', 'pool_digest'),
    visibleProjects(db, user).where({ 'projects.id': tender.project_id }).first('projects.id'),
  ])
  const isOwn = user.role === 'developer' && user.organisation_id === tender.developer_id
  const isRunning = tender.state === 'tendering'
  const sitting = judges.filter(judge => judge.sort === 'expert' && isSitting(judge)).length
  const needed = isCommitteeSize(tender.committee_size) ? expertsNeeded(tender.committee_size) : undefined
  const knows = mayKnowJudges(user, tender)
  const draws_from = drawableFrom(tender)
  const mayDraw = isDrawer(user) && (isRunning || tender.state === 'opened') && draws_from !== undefined && today() >= draws_from
  if (Object.keys(mistakes).length) res.status(422)
  res.render('filings/tender', {
    tender,
    look: { label: tenderStates[tender.state], ...tenderLooks[tender.state] },
    late: isLate(tender),
    steps: stepsOf(tender),
    facts: factsOf(tender),
    bids: bids.map(bid => ({ ...bid, label: bidStates[bid.state], price: bid.state === 'invited' ? null : bid.price })),
    judges: knows
      ? judges.map(judge => ({ ...judge, sort: judgeSorts[judge.sort], label: judgeStates[judge.state], sits: isSitting(judge) }))
      : [],
    knows,
    draws: knows ? draws : [],
    checks: expertReaders.includes(user.role),
    committee: { needed, sitting, draws_from, short: needed === undefined ? undefined : Math.max(0, needed - sitting) },
    mayDraw,
    draw: { next: draws.length + 1, fields: fieldsOf(drawForm).filter(({ name }) => name === 'reason') },
    excuse: { fields: fieldsOf(excuseForm) },
    invite: isOwn && isRunning && tender.method === 'invited' && !hasOpened(tender) ? visibleFields(inviteForm) : undefined,
    bid: isOwn && isRunning && hasOpened(tender) ? visibleFields(bidForm) : undefined,
    opening: isOwn && isRunning && hasOpened(tender) ? visibleFields(openForm) : undefined,
    ways: isOwn ? waysOf(tender) : [],
    project_href: project ? `/desk/projects/${tender.project_id}` : undefined,
    form,
    values,
    mistakes,
  })
}

const visibleFields = (form: Form) => fieldsOf(form).filter(field => field.type !== 'hidden')

/** What the developer can begin from here, as far as the portal has it. */
function waysOf({ state }: Tender) {
  const ways = {
    opened: [{ kind: 'award-filing', label: '办理中标备案' }],
    failed: [
      { kind: 'tender-filing', label: '重新招标' },
      { kind: 'agreed-selection', label: '申请协议选聘' },
    ],
  } as Partial<Record<TenderState, { kind: string; label: string }[]>> // only these states lead on
  return (ways[state] ?? []).filter(({ kind }) => findKind(kind))
}

function stepsOf(tender: Tender) {
  const { state, filed_on, announce_on, bids_until, opens_on, opened_on, award_filed_on, awarded_on } = tender
  const day = today()
  const past = (on: string | null) => on !== null && on <= day
  const isEnd = state === 'failed' || state === 'cancelled'
  const steps = [
    { label: '招标备案', on: filed_on, done: past(filed_on) },
    { label: '公告', on: announce_on, done: past(announce_on) },
    { label: '投标截止', on: bids_until, done: past(bids_until) },
    { label: '开标', on: opened_on ?? opens_on, done: opened_on !== null },
    ...(isEnd
      ? [{ label: tenderStates[state], on: tender.failed_on, done: true }]
      : [
          { label: '候选人公示', on: null, done: awarded_on !== null },
          { label: '中标备案', on: award_filed_on, done: award_filed_on !== null },
          { label: '签约', on: null, done: state === 'settled' },
        ]),
  ]
  return steps.map(({ label, on, done }) => ({ label, on, done, left: on && !done ? daysBetween(day, on) : undefined }))
}

function factsOf(tender: Tender) {
  const { winner, price, failed_reason } = tender
  return [
    { label: '招标人', value: tender.developer, wide: true },
    { label: '招标方式', value: tenderMethods[tender.method] },
    { label: '组织形式', value: organisings[tender.organising] },
    ...(tender.agency ? [{ label: '招标代理机构', value: tender.agency, wide: true }] : []),
    { label: '开标时间', value: [tender.opens_on, tender.opens_at].filter(Boolean).join(' ') },
    { label: '开标地点', value: tender.opening_place, wide: true },
    { label: '评标委员会', value: tender.committee_size ? `${tender.committee_size} 人` : '' },
    ...(winner ? [{ label: '中标企业', value: winner, wide: true }] : []),
    ...(price ? [{ label: '中标价', value: `${price} 元/㎡·月` }] : []),
    ...(failed_reason ? [{ label: '流标原因', value: failed_reason, wide: true }] : []),
  ]
}

// ── What the developer registers ───────────────────────────────────────────────────────────────

/**
 * Runs one step of the developer on its own tender: project and tender locked, version compared.
 * @throws NotFound for another's tender, NotNow when it has changed or runs no more
 */
async function step(req: Request, res: Response, seen: number, work: (trx: Knex.Transaction, tender: Tender) => Promise<void>) {
  const user = currentUser(res)
  const { id, project_id } = await ownTender(user, recordId(req))
  const way = { label: '打开招标', href: `/desk/tenders/${id}` }
  await inTransaction(async trx => {
    await lockProject(trx, project_id)
    const tender: Tender | undefined = await trx('tenders').where({ id }).forUpdate().first()
    if (!tender) throw new NotFound()
    if (tender.version !== seen) throw new NotNow('这次招标已有变化，没有保存。请刷新页面，核对后再办理。', way)
    if (tender.state !== 'tendering') throw new NotNow(`这次招标现在${tenderStates[tender.state]}，不能再登记。`, way)
    await work(trx, tender)
    await trx('tenders')
      .where({ id })
      .update({ version: tender.version + 1, updated_at: now(), updated_by: user.id })
    await touchProject(trx, project_id)
  })
}

/** A developer's own tender. @throws NotFound */
async function ownTender(user: User, id: number): Promise<Tender> {
  const tender = await seenTender(user, id)
  if (tender.developer_id !== user.organisation_id) throw new NotFound()
  return tender
}

const objectOf = ({ id, number }: Pick<Tender, 'id' | 'number'>) => ({ type: 'tender', id, label: `前期招标 ${number ?? id}` })

const notOpened = (tender: Tender) =>
  `投标截止并到开标时间${tender.opens_on ? `（${tender.opens_on} ${tender.opens_at ?? ''}）` : ''}后才能登记，投标文件在此之前不得开启（招标投标法第三十四条）。`

tenderPages.post('/:id/invitees', allow('developer'), async (req, res) => {
  const tender = await ownTender(currentUser(res), recordId(req))
  const reading = readForm(inviteForm, req.body)
  if (!reading.ok) return await renderTender(res, tender.id, { form: 'invite', ...reading })
  const { name, code } = reading.data
  if ((await bidsOf(tender.id)).some(bid => bid.name === name))
    return await renderTender(res, tender.id, {
      form: 'invite',
      values: typed(inviteForm, req.body),
      mistakes: { name: '这家企业已经登记为受邀投标人。' },
    })
  await step(req, res, reading.data.version, async (trx, held) => {
    if (held.method !== 'invited') throw new NotNow('公开招标不登记受邀投标人。')
    if (hasOpened(held)) throw new NotNow('已到开标时间，不能再增加受邀投标人。')
    await addBid(trx, res, held.id, { name, code, price: '0.00', state: 'invited', reason: null })
    await record(trx, actorOf(req, res), { action: 'tender.invite', object: objectOf(held), detail: { name } })
  })
  flash(req, { tone: 'ok', text: `已登记受邀投标人：${name}。` })
  res.redirect(303, `/desk/tenders/${tender.id}`)
})

async function addBid(
  trx: Knex.Transaction,
  res: Response,
  tender_id: number,
  bid: { name: string; code: string | null; price: string; state: BidState; reason: string | null },
) {
  const at = now()
  const by = currentUser(res).id
  const company: { id: number } | undefined = await trx('organisations')
    .where({ kind: 'company' })
    .where(bid.code ? { code: bid.code } : { name: bid.name })
    .first('id')
  const facts = { ...bid, code: bid.code || null, company_id: company?.id ?? null, updated_at: at, updated_by: by }
  const held: { id: number } | undefined = await trx('tender_bids').where({ tender_id, name: bid.name }).first('id')
  if (held)
    await trx('tender_bids')
      .where({ id: held.id })
      .update({ ...facts, version: trx.raw('version + 1') })
  else await trx('tender_bids').insert({ ...facts, tender_id, created_at: at, created_by: by })
}

tenderPages.post('/:id/bids', allow('developer'), async (req, res) => {
  const tender = await ownTender(currentUser(res), recordId(req))
  if (!hasOpened(tender)) throw new NotNow(notOpened(tender))
  const reading = readForm(bidForm, req.body)
  if (!reading.ok) return await renderTender(res, tender.id, { form: 'bid', ...reading })
  const { name, code, price, reason } = reading.data
  const state = reading.data.state as 'valid' | 'rejected' // a choice of the form
  const held = (await bidsOf(tender.id)).find(bid => bid.name === name)
  const mistakes: Mistakes = {}
  if (tender.method === 'invited' && !held) mistakes.name = '邀请招标的投标人应是登记过的受邀投标人，请核对名称。'
  if (held && held.state !== 'invited') mistakes.name = '这家企业的投标已经登记。'
  if (state === 'rejected' && !reason) mistakes.reason = '否决投标的，请写明原因。'
  if (Object.keys(mistakes).length)
    return await renderTender(res, tender.id, { form: 'bid', values: typed(bidForm, req.body), mistakes })
  await step(req, res, reading.data.version, async (trx, locked) => {
    if (!hasOpened(locked)) throw new NotNow(notOpened(locked))
    await addBid(trx, res, locked.id, { name, code, price, state, reason: state === 'rejected' ? reason : null })
    await record(trx, actorOf(req, res), { action: 'tender.bid', object: objectOf(locked), detail: { name } })
  })
  flash(req, { tone: 'ok', text: `已登记投标人：${name}。全部登记后再确认开标。` })
  res.redirect(303, `/desk/tenders/${tender.id}`)
})

/** 开标: three valid bids or more, otherwise the tender has failed (招标投标法 第二十八条). */
tenderPages.post('/:id/open', allow('developer'), async (req, res) => {
  const tender = await ownTender(currentUser(res), recordId(req))
  if (!hasOpened(tender)) throw new NotNow(notOpened(tender))
  const reading = readForm(openForm, req.body)
  if (!reading.ok) throw new BadRequest()
  let failed = false
  let conflicted = 0
  await step(req, res, reading.data.version, async (trx, held) => {
    if (!hasOpened(held)) throw new NotNow(notOpened(held))
    const bids: Bid[] = await trx('tender_bids').where({ tender_id: held.id }).select()
    const valid = bids.filter(({ state }) => state === 'valid').length
    failed = valid < fewest
    const words = reading.data.reason
    const invited = held.method === 'invited' && bids.length < fewest ? `只邀请了 ${bids.length} 家，应邀请三家以上；` : ''
    const reason = `${invited}有效投标 ${valid} 家，不足三家${words ? `。${words}` : ''}`
    if (!failed) conflicted = await standBack(trx, held, currentUser(res).id)
    if (failed) await failTender(trx, held.id, reason)
    else await moveTender(trx, held, 'opened', { opened_on: today() })
    await record(trx, actorOf(req, res), {
      action: failed ? 'tender.fail' : 'tender.open',
      object: objectOf(held),
      detail: { rows: valid, ...(failed ? { reason } : {}) },
    })
  })
  flash(
    req,
    failed
      ? { tone: 'warn', text: '有效投标不足三家，已登记流标。可以重新招标，或者申请协议选聘。' }
      : conflicted
        ? { tone: 'warn', text: `已登记开标。${conflicted} 位专家与投标人有利害关系，应当回避，请市局补抽。` }
        : { tone: 'ok', text: '已登记开标。评标并公示候选人后，在确定中标人之日起 15 日内办理中标备案。' },
  )
  res.redirect(303, `/desk/tenders/${tender.id}`)
})

// ── Drawing the committee ──────────────────────────────────────────────────────────────────────

tenderPages.post('/:id/draw', allow(...drawers), async (req, res) => {
  const user = currentUser(res)
  const { id } = await seenTender(user, recordId(req))
  const reading = readForm(drawForm, req.body)
  if (!reading.ok) return await renderTender(res, id, { form: 'draw', ...reading })
  const { sequence, reason } = reading.data
  if (sequence > 1 && !reason)
    return await renderTender(res, id, { form: 'draw', mistakes: { reason: '补抽请写明原因，如某位专家请假。' } })
  const drawn = await drawExperts(id, { sequence, reason, by: user.id, actor: actorOf(req, res) })
  flash(
    req,
    drawn === undefined
      ? { tone: 'warn', text: '这一次已经抽取过，没有再抽。' }
      : { tone: 'ok', text: `已抽取 ${drawn} 位专家，种子和备选名单已固定，可以复核。` },
  )
  res.redirect(303, `/desk/tenders/${id}`)
})

tenderPages.post('/:id/judges/:judge/excuse', allow(...drawers), async (req, res) => {
  const user = currentUser(res)
  const { id } = await seenTender(user, recordId(req))
  const reading = readForm(excuseForm, req.body)
  if (!reading.ok) return await renderTender(res, id, { form: 'excuse', ...reading })
  const state = reading.data.state as 'excused' | 'conflicted' // a choice of the form
  await excuseJudge(id, recordId(req, 'judge'), { ...reading.data, state }, { by: user.id, actor: actorOf(req, res) })
  flash(req, { tone: 'ok', text: '已登记，请补抽。' })
  res.redirect(303, `/desk/tenders/${id}`)
})

/** 复核抽取: does the draw again from what was kept. */
tenderPages.get('/:id/draws/:draw', allow(...expertReaders), async (req, res) => {
  const user = currentUser(res)
  const tender = await seenTender(user, recordId(req))
  if (!mayKnowJudges(user, tender)) throw new NotFound()
  const row: DrawRow | undefined = await db('expert_draws')
    .where({ id: recordId(req, 'draw'), tender_id: tender.id })
    .first()
  if (!row) throw new NotFound()
  const { pool, kept, again, isSame } = checkDraw(row)
  const named: { id: number; name: string }[] = await db('experts')
    .whereIn(
      'id',
      pool.map(({ id }) => id),
    )
    .select('id', 'name')
  const names = Object.fromEntries(named.map(({ id, name }) => [id, name]))
  res.render('filings/tender-draw', {
    tender,
    row,
    isSame,
    kept,
    again,
    names,
    pool: pool.map(one => ({ ...one, name: names[one.id] ?? '' })),
  })
})

registerPart('projects', {
  code: 'tenders',
  label: '前期招标',
  order: 12,
  async load(part, user, id, on) {
    if (on || !tenderReaders.includes(user.role)) return undefined
    const rows: Pick<Tender, 'id' | 'state' | 'number' | 'method' | 'announce_on'>[] = await visibleTenders(part, user)
      .where({ 'tenders.project_id': id })
      .orderBy('tenders.id', 'desc')
      .limit(5)
      .select('tenders.id', 'tenders.state', 'tenders.number', 'tenders.method', 'tenders.announce_on')
    if (!rows.length) return undefined
    return {
      view: '/filings/tender-part',
      locals: {
        tenders: rows.map(row => ({
          ...row,
          method: tenderMethods[row.method],
          look: { label: tenderStates[row.state], ...tenderLooks[row.state] },
        })),
      },
      all: { label: '全部招标', href: `/desk/lists/tenders?project=${id}` },
    }
  },
})
