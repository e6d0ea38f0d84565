import express, { type NextFunction, type Request, type Response } from 'express'
import type { Knex } from 'knex'
import { z } from 'zod'
import type { Role } from '../../accounts/roles.ts'
import type { User } from '../../accounts/users.ts'
import { actorOf, record } from '../../admin/action-log.ts'
import { startCase } from '../../cases/drafts.ts'
import { today } from '../../clock.ts'
import { db, inTransaction } from '../../db.ts'
import { Forbidden, NotFound, NotNow, TooMany } from '../../errors.ts'
import { asScan, dropFiles, type Received, type ReceivedFile, receivedIn, receiveFiles } from '../../files/receive.ts'
import { addSubjectFile, registerFileReader } from '../../files/subjects.ts'
import { type Answers, answersFrom, checkAnswers } from '../../forms/answers.ts'
import { type Form, fieldsOf, type Mistakes, readForm, typed as typedIn, type Values } from '../../forms/form.ts'
import { allow, currentUser, flash, recordId } from '../../http.ts'
import { type RecordAnswers, readRecord, recordOn } from './archive.ts'
import { isOrganisation } from './fields.ts'
import { casesAbout, warningsOf } from './linked.ts'
import { partsOf } from './parts.ts'
import {
  employmentMistakes,
  employments,
  factsOfId,
  hireForm,
  isRegulated,
  people,
  personMistakes,
  projectMistakes,
  projectOptions,
} from './person.ts'
import {
  changesFor,
  claimOn,
  jobsOf,
  lightUntil,
  looksAfter,
  papersOf,
  personAt,
  stateLooks,
  stateOfPerson,
} from './person-facts.ts'
import { leaveFields, leaveMistakes, staffAdd, staffChange, staffDispute, staffRemove } from './person-kinds.ts'
import {
  type Employment,
  endEmployment,
  findPerson,
  hireAtOnce,
  ledProjects,
  liveEmployment,
  probesSpent,
  type Refusal,
  recordRefusal,
  refusalOf,
  shortageWithout,
} from './person-work.ts'
import { type AsOf, editPages, type RecordHead, readOn, revealPages, shownRecord } from './record-pages.ts'
import { archiveKeepers, archiveReaders, revealers, seen, visiblePeople } from './visible.ts'
import { genders, type LeaveReason, reviews, type Source, sources } from './words.ts'

/** 从业人员 `/desk/people`: one page for each, taking on, letting go, photo, and what changes at once (domain.md §7, §9.4). */
export const personPages = express.Router()

const home = '/desk/people'
const list = '/desk/lists/people'
const place = { crumb: [{ label: '从业人员', href: list }], at: list }
const readers = archiveReaders.filter(role => role !== 'developer' && role !== 'committee')
const keepers: readonly Role[] = archiveKeepers.filter(role => role !== 'developer')
const companies: readonly Role[] = ['company-admin', 'company-clerk']

personPages.get('/', allow(...readers), (_req, res) => res.redirect(302, list))

// ── 增员 ───────────────────────────────────────────────────────────────────────────────────────

personPages.get('/new', allow(...companies), async (_req, res) => showNew(res))

personPages.post('/new', allow(...companies), async (req, res) => {
  const asked = await readHiring(req, res)
  if (!asked) return
  const { user, company_id, answers } = asked
  const hired = await hireAtOnce({ company_id, answers, by: { user_id: user.id }, source: 'company' }, async (trx, hired) => {
    if (hired.ok && !hired.again)
      await record(trx, actorOf(req, res), {
        action: 'person.hire',
        object: { type: 'archive', id: `people/${hired.person_id}`, label: `从业人员 ${answers.name}` },
      })
  })
  if ('refusal' in hired) return await refuse(req, res, answers, hired.refusal)
  if (hired.ok) {
    flash(req, { tone: 'ok', text: `${answers.name}已登记为在职，即时生效。` })
    return res.redirect(303, `${home}/${hired.person_id}`)
  }
  const id = await startCase(user, staffAdd, { typed: answers })
  flash(req, {
    tone: 'ok',
    text: '该人员具有中级以上职称或注册物业管理师资格，增员要经审核。填好的内容都在下面，上传材料后提交。',
  })
  res.redirect(303, `/desk/cases/${id}`)
})

/** 人员归属异议 begins with what was typed when the person was refused as 在职 elsewhere. */
personPages.post('/dispute', allow(...companies), async (req, res) => {
  const asked = await readHiring(req, res)
  if (!asked) return
  const { user, company_id, answers } = asked
  const known = await findPerson(db, answers.id_number ?? '')
  const refusal = await refusalOf(db, company_id, answers.name ?? '', known)
  if (refusal && refusal.reason !== 'elsewhere') return await refuse(req, res, answers, refusal)
  const id = await startCase(user, staffDispute, { typed: answers })
  await recordRefusal(db, actorOf(req, res), { reason: 'elsewhere', probe: true }, answers.id_number ?? '')
  flash(req, { tone: 'ok', text: '异议已开始填写，任职信息都在下面。写明理由，上传材料后提交，由市局核定。' })
  res.redirect(303, `/desk/cases/${id}`)
})
personPages.get('/dispute', allow(...companies), (_req, res) => res.redirect(302, `${home}/new`))

/** Reads the form of somebody new; nothing when the page has been shown again. */
async function readHiring(
  req: Request,
  res: Response,
): Promise<{ user: User; company_id: number; answers: RecordAnswers } | undefined> {
  const user = currentUser(res)
  const company_id = user.organisation_id
  const posted = answersFrom(hireForm, req.body)
  const checked = checkAnswers(hireForm, posted)
  const answers = flat(checked.answers)
  const mistakes: Mistakes = checked.ok
    ? { ...personMistakes(answers), ...employmentMistakes(answers), ...(await projectMistakes(db, company_id, answers)) }
    : checked.mistakes
  if (Object.keys(mistakes).length) {
    await showNew(res, flat(posted), mistakes)
    return undefined
  }
  const spent = await probesSpent(db, company_id)
  if (spent) throw new TooMany(spent.sentence, spent.seconds)
  return { user, company_id, answers }
}

async function refuse(req: Request, res: Response, answers: RecordAnswers, refusal: Refusal): Promise<void> {
  await recordRefusal(db, actorOf(req, res), refusal, answers.id_number ?? '')
  await showNew(res, answers, refusal.mistakes, refusal.reason === 'elsewhere')
}

async function showNew(res: Response, values: RecordAnswers = {}, mistakes: Mistakes = {}, mayDispute = false): Promise<void> {
  const user = currentUser(res)
  const fields = await withProjects(hireForm, user.organisation_id)
  if (Object.keys(mistakes).length) res.status(422)
  const held = (res.locals.held ?? {}) as Values // restoreHeld keeps only texts
  res.render('archives/person-new', {
    ...place,
    sections: sectionsOf(fields),
    fields,
    values: { insured_at: '济南市', ...values, ...held },
    mistakes,
    mayDispute,
  })
}

const flat = (answers: Answers): RecordAnswers =>
  Object.fromEntries(Object.entries(answers).map(([name, answer]) => [name, typeof answer === 'string' ? answer : '']))

async function withProjects(form: Form, company_id: number) {
  const options = await projectOptions(db, company_id)
  return fieldsOf(form).map(field => (field.name === 'project_id' ? { ...field, options } : field))
}

function sectionsOf<F extends { section?: string }>(fields: readonly F[]): { title: string; fields: F[] }[] {
  const sections: { title: string; fields: F[] }[] = []
  for (const field of fields) {
    if (field.section !== undefined || !sections.length) sections.push({ title: field.section ?? '', fields: [] })
    sections.at(-1)?.fields.push(field)
  }
  return sections
}

// ── 修改 ───────────────────────────────────────────────────────────────────────────────────────

personPages.get('/:id', allow(...readers), async (req, res) => show(req, res))

editPages(personPages, {
  archive: people,
  roles: keepers,
  open: openKept,
  application: { href: '/desk/kinds/staff-change', label: '从业人员资格变更' },
  async check(trx, user, id, answers) {
    await lockKept(trx, user, id)
    return personMistakes(answers)
  },
})

editPages(personPages, {
  archive: employments,
  path: '/employments/:id/edit',
  roles: keepers,
  async open(db, user, id) {
    const head = await openKept(db, user, (await liveJob(db, id)).person_id)
    return { ...head, title: '修改任职' }
  },
  async adjust(db, _user, id) {
    const job = await db('employments').where({ id }).first('company_id')
    return { project_id: { options: await projectOptions(db, job?.company_id ?? 0) } }
  },
  async check(trx, user, id, answers) {
    const { person_id } = await liveJob(trx, id)
    await lockKept(trx, user, person_id)
    const { company_id, project_id } = await liveJob(trx, id)
    const isKept = String(project_id ?? '') === answers.project_id
    return {
      ...employmentMistakes(answers),
      ...(isKept ? {} : await projectMistakes(trx, company_id, answers)),
    }
  },
})

/** An employment that lasts: what has ended stays as it was. @throws NotFound */
async function liveJob(db: Knex, id: number): Promise<Employment & { project_id: number | null }> {
  const job: (Employment & { project_id: number | null }) | undefined = await db('employments').where({ id, live: 1 }).first()
  if (!job) throw new NotFound()
  return job
}

/** A person this user sees. @throws NotFound */
async function openSeen(db: Knex, user: User, id: number): Promise<RecordHead> {
  await seen(visiblePeople(db, user), 'people.id', id)
  const row: { name: string } | undefined = await db('people').where({ id }).first('name')
  return { title: '修改人员档案', name: row?.name ?? '', href: `${home}/${id}`, ...place }
}

/** The same, if this user may change it at once: the company somebody works for now, and the clerks of the offices it answers to. */
async function openKept(db: Knex, user: User, id: number): Promise<RecordHead> {
  const head = await openSeen(db, user, id)
  if (!(await mayKeep(db, user, id))) throw new Forbidden(noKeeper)
  return head
}

const noKeeper = '从业人员档案由现在任职的企业、该企业注册地主管部门和市局的经办人维护，您可以查看。'

/** Asked again where it is written, so that whoever has moved on meanwhile is not changed by those they left. @throws NotFound, Forbidden */
async function lockKept(trx: Knex.Transaction, user: User, id: number): Promise<void> {
  await trx('people').where({ id }).forUpdate().first('id')
  await openKept(trx, user, id)
}

async function mayKeep(db: Knex, user: User, id: number): Promise<boolean> {
  return keepers.includes(user.role) && (await looksAfter(db, user, id))
}

// ── 减员 ───────────────────────────────────────────────────────────────────────────────────────

const leaveForm = z.object(leaveFields)

/** Somebody who works for the company of this user. @throws NotFound, Conflict */
async function openLeaving(db: Knex, user: User, id: number) {
  const head = await openSeen(db, user, id)
  const live = await liveEmployment(db, id)
  if (live?.company_id !== user.organisation_id) throw new NotFound()
  if (live.state === 'leaving' && live.case_id) throw new NotNow(`${head.name}的减员申请正在审核，办结后这里会显示结果。`)
  const person: { title: string; credential: string | null } | undefined = await db('people')
    .where({ id })
    .first('title', 'credential')
  return { head, live, title: person?.title ?? 'none', regulated: isRegulated(person ?? {}) }
}

async function showLeave(res: Response, id: number, values: Values = {}, mistakes: Mistakes = {}): Promise<void> {
  const user = currentUser(res)
  const { head, live, title, regulated } = await openLeaving(db, user, id)
  if (Object.keys(mistakes).length) res.status(422)
  res.render('archives/person-leave', {
    head,
    at: place.at,
    regulated,
    fields: fieldsOf(leaveForm),
    values: { ends_on: today(), ...values },
    mistakes,
    shortage: await shortageWithout(db, live.company_id, { post: live.post, title }),
    projects: await ledProjects(db, id, live.company_id),
  })
}

personPages.get('/:id/leave', allow(...companies), async (req, res) => showLeave(res, recordId(req)))

/** Refuses whoever may not let this person go, before a byte of what they send is read. */
const mayLetGo = async (req: Request, res: Response, next: NextFunction) => {
  const user = currentUser(res)
  const id = recordId(req)
  // A second press finds done what it asks for.
  if ((await liveEmployment(db, id))?.company_id !== user.organisation_id && (await partingOf(user, id)))
    return res.redirect(303, `${home}/${id}`)
  await openLeaving(db, user, id)
  next()
}

personPages.post('/:id/leave', allow(...companies), mayLetGo, receiveFiles('proof'), async (req, res) => {
  const user = currentUser(res)
  const id = recordId(req)
  const [received] = receivedIn(req).map(asScan)
  let kept = false
  try {
    const { live, head, regulated } = await openLeaving(db, user, id)
    const form = readForm(leaveForm, req.body)
    const mistakes: Mistakes = {
      ...(form.ok ? leaveMistakes(form.data, live) : form.mistakes),
      ...(regulated ? {} : proofMistakes(received)),
    }
    if (!form.ok || Object.keys(mistakes).length) return await showLeave(res, id, typedIn(leaveForm, req.body), mistakes)
    if (regulated) {
      const kase = await startCase(user, staffRemove, { subject_id: id, typed: form.data })
      flash(req, { tone: 'ok', text: `${head.name}减员要经审核。减员原因和日期已填好，上传减员证明后提交。` })
      return res.redirect(303, `/desk/cases/${kase}`)
    }
    const { ends_on } = form.data
    const end_reason = form.data.end_reason as LeaveReason // one of the options
    kept = await letGo(req, res, id, { ends_on, end_reason, proof: received?.ok ? received : undefined })
    flash(req, { tone: 'ok', text: `${head.name}已减员，最后工作日 ${ends_on}，即时生效。` })
    res.redirect(303, `${home}/${id}`)
  } finally {
    if (!kept && received?.ok) await dropFiles([received.key])
  }
})

function proofMistakes(received: Received | undefined): Mistakes {
  if (!received) return { proof: '请选择减员证明，如解除劳动合同证明。' }
  return received.ok ? {} : { proof: received.sentence }
}

/** @returns whether the proof is kept: a second press finds the person gone and keeps nothing */
async function letGo(
  req: Request,
  res: Response,
  id: number,
  { ends_on, end_reason, proof }: { ends_on: string; end_reason: LeaveReason; proof: ReceivedFile | undefined },
): Promise<boolean> {
  const user = currentUser(res)
  return await inTransaction(async trx => {
    await trx('people').where({ id }).forUpdate().first('id')
    const live = await liveEmployment(trx, id)
    if (live?.company_id !== user.organisation_id) return false
    const proof_file_id = proof ? await addSubjectFile(trx, { type: 'person', id }, user, `proof-${live.id}`, proof) : null
    await endEmployment(trx, live, { ends_on, end_reason, by: { user_id: user.id }, proof_file_id })
    await record(trx, actorOf(req, res), {
      action: 'person.leave',
      object: { type: 'archive', id: `people/${id}`, label: '从业人员' },
      detail: { ends_on },
    })
    return proof !== undefined
  })
}

/** 资格变更 of one person. */
personPages.post('/:id/change', allow(...companies), async (req, res) => {
  const id = recordId(req)
  await openKept(db, currentUser(res), id)
  const kase = await startCase(currentUser(res), staffChange, { subject_id: id })
  res.redirect(303, `/desk/cases/${kase}`)
})
personPages.get('/:id/change', allow(...companies), (req, res) => res.redirect(302, `${home}/${recordId(req)}`))

// ── 照片和减员证明 ─────────────────────────────────────────────────────────────────────────────────

const mostPhoto = 1024 * 1024
const photoTypes: readonly string[] = ['image/jpeg', 'image/png']

const mayPhotograph = async (req: Request, res: Response, next: NextFunction) => {
  await openKept(db, currentUser(res), recordId(req))
  next()
}

personPages.get('/:id/photo', allow(...keepers), async (req, res) => showPhoto(req, res))

personPages.post('/:id/photo', allow(...keepers), mayPhotograph, receiveFiles('photo'), async (req, res) => {
  const user = currentUser(res)
  const id = recordId(req)
  const all = receivedIn(req)
  const [photo] = all
  const mistake = photoMistake(photo)
  const unused = all.flatMap(file => (file.ok && file !== photo ? [file.key] : []))
  if (mistake || !photo?.ok) {
    await dropFiles([...unused, ...(photo?.ok ? [photo.key] : [])])
    return await showPhoto(req, res, mistake)
  }
  const before = await inTransaction(async trx => {
    await lockKept(trx, user, id)
    const row = await trx('people').where({ id }).first('photo_file_id')
    const photo_file_id = await addSubjectFile(trx, { type: 'person', id }, user, 'photo', photo)
    await trx('people').where({ id }).update({ photo_file_id, updated_by: user.id })
    const old = row?.photo_file_id ? await trx('files').where({ id: row.photo_file_id }).first('id', 'storage_key') : undefined
    if (old) await trx('files').where({ id: old.id }).delete()
    await record(trx, actorOf(req, res), {
      action: 'person.photo',
      object: { type: 'archive', id: `people/${id}`, label: '从业人员' },
    })
    return old?.storage_key as string | undefined // the column
  }).catch(async error => {
    await dropFiles([photo.key, ...unused])
    throw error
  })
  await dropFiles([...unused, ...(before ? [before] : [])])
  flash(req, { tone: 'ok', text: '照片已更换。' })
  res.redirect(303, `${home}/${id}`)
})

function photoMistake(photo: Received | undefined): string | undefined {
  if (!photo) return '还没有选择照片。请先选择，再上传。'
  if (!photo.ok) return photo.sentence
  if (!photoTypes.includes(photo.type)) return `“${photo.name}”不是照片。请选择 jpg 或 png 格式的照片。`
  if (photo.size > mostPhoto)
    return `“${photo.name}”有 ${(photo.size / mostPhoto).toFixed(1)} MB，照片不超过 1 MB。请缩小后上传。`
  return undefined
}

async function showPhoto(req: Request, res: Response, mistake?: string): Promise<void> {
  const head = await openKept(db, currentUser(res), recordId(req))
  if (mistake) res.status(422)
  res.render('archives/person-photo', { head: { ...head, title: '更换照片' }, at: place.at, mistake })
}

registerFileReader('person', async (db, user, { id, material, subject_id }) => {
  const person = await visiblePeople(db, user).where({ 'people.id': subject_id }).first('people.id')
  if (!person) return undefined
  if (material === 'photo') return isOrganisation(user) && !(await mayKeep(db, user, subject_id)) ? undefined : { own: true }
  if (!isOrganisation(user)) return { own: false }
  const own = await db('employments').where({ proof_file_id: id, company_id: user.organisation_id }).first('id')
  return own && { own: true }
})

/** The warnings that speak of a person. */
const watched = ['credential-expiry', 'manager-card']

// ── The page ─────────────────────────────────────────────────────────────────────────────────

revealPages(personPages, {
  archive: people,
  roles: revealers,
  async open(db, user, id) {
    const head = await openSeen(db, user, id)
    if (!(await looksAfter(db, user, id)))
      throw new Forbidden(
        isOrganisation(user)
          ? '该人员已不在贵单位在职，完整的证件号和电话由现在任职的企业查看。'
          : '完整的证件号和电话由现在任职企业的注册地主管部门和市局查看。您可以查看脱敏后的档案。',
      )
    return head
  },
  show: (req, res) => show(req, res, { revealed: true }),
  again: (req, res, _id, mistake) => show(req, res, { mistake }),
})

async function show(
  req: Request,
  res: Response,
  { revealed = false, mistake }: { revealed?: boolean; mistake?: string } = {},
): Promise<void> {
  const user = currentUser(res)
  const id = recordId(req)
  const head = await openSeen(db, user, id)
  const asOf: AsOf = revealed || mistake ? { typed: '', today: today() } : readOn(req)
  const keeps = await mayKeep(db, user, id)
  // Whoever no longer employs somebody reads the file as it was on the last day with them.
  const parting = isOrganisation(user) && !keeps ? await partingOf(user, id) : undefined
  const past = asOf.on && (!parting || asOf.on <= parting.ends_on) ? asOf.on : undefined
  const isKept = past !== undefined || parting !== undefined
  const now = await readRecord(db, people, id)
  const found = past ? await recordOn(db, people, id, past) : parting ? await personAt(db, id, parting.at) : now
  const common = { head: { ...head, name: found?.answers.name ?? head.name }, home, id, asOf, since: now.created_at }
  if (!found) return res.render('archives/company-none', common)
  const { answers } = found
  const jobs = await jobsOf(db, user, id, past)
  const claim = isKept ? undefined : await claimOn(db, user, id)
  const state = past
    ? (jobs.find(job => job.ends_on === null)?.state ?? 'left')
    : stateOfPerson(jobs, claim !== undefined && jobs.some(job => ['employed', 'leaving'].includes(job.state)))
  const present = jobs.find(job => ['employed', 'leaving'].includes(job.state) && job.ends_on === null)
  const row: { source: Source; review: keyof typeof reviews; photo_file_id: number | null } = await db('people')
    .where({ id })
    .first('source', 'review', 'photo_file_id')
  res.render('archives/person', {
    ...common,
    at: place.at,
    parting: past ? undefined : parting?.ends_on,
    state: stateLooks[state],
    jobs,
    present,
    contract: present?.contract_until && !past ? lightUntil(present.contract_until) : undefined,
    claim: present || !isOrganisation(user) ? claim : undefined,
    facts: factsShown(answers, revealed),
    sections: shownRecord(people, answers, { masked: !revealed }).filter(({ title }) => title === '本人' || title === '其他'),
    papers: papersOf(answers, past),
    looks: stateLooks,
    source: sources[row.source],
    review: reviews[row.review],
    photo: isKept ? null : row.photo_file_id,
    keeps: keeps && !isKept,
    acts: keeps && !isKept && isOrganisation(user),
    reveals: !isKept && revealers.includes(user.role) && (keeps || (await looksAfter(db, user, id))),
    revealed,
    mistake,
    changes: await changesFor(db, user, id, { jobs, past }),
    parts: await partsOf('people', db, user, id, past),
    ...(isKept
      ? {}
      : {
          cases: await casesAbout(db, user, { type: 'person', id }),
          warnings: await warningsOf(
            db,
            user,
            query =>
              void query.whereIn(
                'warnings.open_key',
                watched.map(kind => `${kind}:${id}`),
              ),
          ),
        }),
  })
}

/** The last day with a company, where somebody has left it, and when that was written. */
async function partingOf(user: User, person_id: number): Promise<{ ends_on: string; at: Date } | undefined> {
  return await db('employments')
    .where({ person_id, company_id: user.organisation_id, state: 'left' })
    .whereNotNull('ends_on')
    .orderBy('ends_on', 'desc')
    .first('ends_on', 'updated_at as at')
}

/** Sex and birthday follow from the ID number; the day itself would give away what the mask hides. */
function factsShown({ id_number = '' }: RecordAnswers, revealed: boolean) {
  const { gender, born_on } = factsOfId(id_number)
  const [year, month] = born_on.split('-')
  const age = Number(today().slice(0, 4)) - Number(year) - (today().slice(5) < born_on.slice(5) ? 1 : 0)
  return [
    { label: '性别', value: genders[gender] },
    { label: '出生', value: `${revealed ? born_on : `${year}年${Number(month)}月`}（${age} 岁）` },
  ]
}
