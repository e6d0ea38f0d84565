import express, { type Request, type Response } from 'express'
import { z } from 'zod'
import { limitReveals } from '../accounts/limits.ts'
import { actorOf, record } from '../admin/action-log.ts'
import { beijing, today } from '../clock.ts'
import { db, inTransaction } from '../db.ts'
import { BadRequest, Conflict, NotFound, NotNow } from '../errors.ts'
import { asScan, dropFiles, type Received, receivedIn, receiveFiles } from '../files/receive.ts'
import { type Answers, answersFrom } from '../forms/answers.ts'
import { type Mistakes, readForm, text, type Values, visible } from '../forms/form.ts'
import { allow, currentUser, flash, recordId } from '../http.ts'
import { dismissObjection } from '../publicity/publicity.ts'
import { movedOn, standingOf, submitCase, takeStep } from './cases.ts'
import { answerConsultation, answerForm, askConsultation, askForm } from './consultations.ts'
import { discardDraft, findWritable, saveDraft, startCase, workingAnswers } from './drafts.ts'
import { findingsFor } from './findings.ts'
import { addNote } from './history.ts'
import { findKind, type Kind, kindOf, stepWord } from './kind.ts'
import { isStep, type StepCode, steps, writableStates } from './lifecycle.ts'
import { showCase, showEdition } from './page.ts'
import { dueOn, findCase, lockCase } from './queries.ts'
import { caseDeciders, caseReaders, caseWriters } from './roles.ts'
import { stepForms, typedTexts } from './step-forms.ts'
import { asksConclusion, placeOf, stateOf, stepsFor } from './steps.ts'
import { nextInTodo } from './todo.ts'
import { urgeCase } from './urge.ts'
import { applyRowButton, showForm } from './write-page.ts'

/** 办件: start, write, submit, decide, follow. Lists of cases are lists; the catalogue has pages of its own. */
export const cases = express.Router()

const boxes = new Set(['todo', 'mine', 'done'])

cases.get('/', allow(...caseReaders), (req, res) => {
  const box = typeof req.query.box === 'string' && boxes.has(req.query.box) ? req.query.box : ''
  res.redirect(302, box ? `/desk/lists/cases?box=${box}${box === 'todo' ? '&sort=due_on' : ''}` : '/desk/lists/cases')
})

cases.get('/new/:kind', allow(...caseReaders), (req, res) => res.redirect(302, `/desk/kinds/${kindAt(req).code}`))

cases.post('/new/:kind', allow(...caseWriters), async (req, res) => {
  const kind = kindAt(req)
  const { subject_id } = readStart(req)
  const id = await startCase(currentUser(res), kind, subject_id ? { subject_id } : {})
  res.redirect(303, `/desk/cases/${id}`)
})

cases.get('/:id', allow(...caseReaders), async (req, res) => {
  const kase = await findCase(db, currentUser(res), recordId(req))
  await showCase(req, res, kase)
})

cases.get('/:id/editions/:edition', allow(...caseReaders), async (req, res) => {
  const kase = await findCase(db, currentUser(res), recordId(req))
  await showEdition(res, kase, recordId(req, 'edition'))
})

cases.post('/:id/draft', allow(...caseWriters), async (req, res) => {
  const user = currentUser(res)
  const id = recordId(req)
  const { posted, draft_version, replies } = await readWriting(req, res)
  const body = bodyOf(req)
  if (typeof body.rows === 'string') return await applyRowButton(res, { id, posted, draft_version, replies })
  const saved = await saveDraft(user, id, draft_version, posted, replies)
  if (wantsJson(req)) return void res.json({ saved_at: beijing(saved.saved_at).slice(11), draft_version: saved.version })
  flash(req, { tone: 'ok', text: `草稿已保存，${beijing(saved.saved_at).slice(11, 16)}。换一台电脑登录也能接着填。` })
  res.redirect(303, `/desk/cases/${id}`)
})

cases.post('/:id/check', allow(...caseWriters), async (req, res) => {
  const user = currentUser(res)
  const kase = await findWritable(db, user, recordId(req))
  const { posted } = await readWriting(req, res)
  const { answers } = await workingAnswers(db, kase)
  const standing = await standingOf(db, kase)
  const findings = await findingsFor(db, standing, { ...posted, ...archivedOf(answers, posted) }, today())
  res.render('cases/self-check', { findings, layout: false })
})

cases.post('/:id/submit', allow(...caseWriters), async (req, res) => {
  const user = currentUser(res)
  const id = recordId(req)
  const { posted, draft_version, version, replies } = await readWriting(req, res)
  const kase = await findCase(db, user, id)
  if (writableStates.includes(kase.state) && (await kindOf(kase).suspended?.(db))) {
    await showForm(res.status(409), await findWritable(db, user, id), { answers: posted, replies, outOfUse: true })
    return
  }
  const done = await submitCase(user, id, { version, draft_version, posted, replies })
  if (!done.ok) {
    await showForm(res.status(422), done.kase, { draft: done.draft, mistakes: done.mistakes, missing: done.missing, replies })
    return
  }
  const standing = await standingOf(db, done.kase)
  const due = dueOn(done.kase)
  const next = `${due ? `${due} 前由` : '由'}${(placeOf(standing) ?? standing.settings.chain[0])?.label ?? ''}${done.kase.state === 'submitted' ? `${stepWord(standing.kind, 'accept')}或告知补正` : '继续办理'}`
  flash(req, { tone: 'ok', text: `已提交，流水号 ${done.kase.serial}，${next}。` })
  res.redirect(303, `/desk/cases/${id}`)
})

cases.post('/:id/discard', allow(...caseWriters), async (req, res) => {
  await discardDraft(currentUser(res), recordId(req))
  flash(req, { tone: 'ok', text: '草稿已删除。' })
  res.redirect(303, '/desk/lists/cases')
})

cases.post('/:id/copy', allow(...caseWriters), async (req, res) => {
  const user = currentUser(res)
  const kase = await findCase(db, user, recordId(req))
  if (!kase.closed_at || kase.applicant_id !== user.organisation_id) throw new NotNow('办结或撤回后，才能复制成新的申请。')
  const id = await startCase(user, kindOf(kase), { subject_id: kase.subject_id, copyOf: kase })
  res.redirect(303, `/desk/cases/${id}`)
})

cases.post('/:id/steps', allow(...caseReaders), async (req, res) => await decide(req, res))

/** What a form of the case page was sent to: whoever opens or reloads that address comes to the case. */
for (const form of ['steps', 'submit', 'draft', 'outcome', 'notes', 'reveal', 'urge', 'consultations'])
  cases.get(`/:id/${form}`, allow(...caseReaders), (req, res) => res.redirect(302, `/desk/cases/${recordId(req)}`))
for (const form of ['objections', 'consultations', 'materials'])
  cases.get(`/:id/${form}/:item`, allow(...caseReaders), (req, res) => res.redirect(302, `/desk/cases/${recordId(req)}`))

/**
 * The outcome of an external authority comes with a scan, and the answer of a party with papers, so their form is multipart; who may
 * not take the step is refused before it is read.
 */
cases.post(
  '/:id/outcome',
  allow(...caseReaders),
  async (req, res, next) => {
    const user = currentUser(res)
    const standing = await standingOf(db, await findCase(db, user, recordId(req)))
    if (!stepsFor(standing, user).some(({ code, needs }) => needs === 'outcome' || steps[code].by === 'party'))
      throw new Conflict(movedOn(standing, user))
    next()
  },
  receiveFiles('files', { written: true }),
  async (req, res) => {
    const received = receivedIn(req)
    const keys = received.flatMap(file => (file.ok ? [file.key] : []))
    try {
      const isTaken = await decide(req, res, received)
      if (!isTaken) await dropFiles(keys)
    } catch (error) {
      await dropFiles(keys)
      throw error
    }
  },
)

/**
 * Takes the step of a case page.
 * @param received the scan of an external outcome, or the papers of an answer
 * @returns whether they belong to the case now
 */
async function decide(req: Request, res: Response, received: readonly Received[] = []): Promise<boolean> {
  const user = currentUser(res)
  const id = recordId(req)
  const kase = await findCase(db, user, id)
  const body = bodyOf(req)
  const action = typeof body.action === 'string' ? body.action : ''
  if (!isStep(action) || steps[action].by === 'clock' || action === 'submit' || action === 'resubmit')
    throw new BadRequest('没有这个办理步骤。请回到办件页，用页面上的按钮办理。')
  const standing = await standingOf(db, kase)
  // What an authority has decided is one scan; a party may hand in several papers of any sort.
  const papers = steps[action].by === 'party' ? received : received.slice(0, 1).map(asScan)
  const read = stepForms.read(action, standing, body, papers)
  if (!read.ok) {
    await showCase(req, res.status(422), kase, { action, values: read.values, mistakes: read.mistakes })
    return false
  }
  const conclusion = asksConclusion(action, standing) ? read.data.payload.conclusion : undefined
  const wrong = conclusion && (await standing.kind.conclusionMistakes?.(db, kase, conclusion))
  if (wrong && Object.keys(wrong).length) {
    await showCase(req, res.status(422), kase, { action, values: { ...typedTexts(body), ...conclusion }, mistakes: wrong })
    return false
  }
  const moved = await takeStep(user, id, { action, ...read.data, papers: papers.filter(paper => paper.ok) })
  const next = await nextInTodo(db, user, moved)
  flash(req, {
    tone: 'ok',
    text: done(standing.kind, action, stateOf({ ...standing, kase: moved }).label),
    ...(next ? { link: { href: `/desk/cases/${next}`, label: '办下一件' } } : {}),
  })
  res.redirect(303, `/desk/cases/${id}`)
  return true
}

/** What was just done, and where the case is now. */
function done(kind: Kind, action: StepCode, state: string): string {
  const deed = action === 'refuse' ? '已决定不通过' : action === 'uphold' ? '已认定异议成立' : `已${stepWord(kind, action)}`
  return deed === `已${state}` || deed === state ? `${deed}，这一件办结。` : `${deed}，现在是“${state}”。`
}

const noteForm = z.object({ note: text({ label: '内部备注', type: 'textarea', max: 2000 }) })

cases.post('/:id/notes', allow(...caseDeciders), async (req, res) => {
  const user = currentUser(res)
  const id = recordId(req)
  const form = readForm(noteForm, req.body)
  if (!form.ok) return await again(req, res, id, 'note', form)
  await inTransaction(async trx => {
    const kase = await lockCase(trx, user, id)
    await addNote(trx, kase, user, { step: 'note', payload: { note: form.data.note } })
  })
  flash(req, { tone: 'ok', text: '内部备注已记入办理记录，申请人看不到。' })
  res.redirect(303, `/desk/cases/${id}#story`)
})

cases.post('/:id/urge', allow(...caseReaders), async (req, res) => {
  await urgeCase(currentUser(res), recordId(req))
  flash(req, { tone: 'ok', text: '已催办，经办人员会收到消息。一件一个工作日只能催办一次。' })
  res.redirect(303, `/desk/cases/${recordId(req)}`)
})

const revealForm = z.object({
  reason: text({ label: '查看原因', max: 100, hint: '如：电话核实任职情况。会记入操作日志。' }),
})

cases.post('/:id/reveal', allow(...caseDeciders), async (req, res) => {
  const user = currentUser(res)
  const id = recordId(req)
  const kase = await findCase(db, user, id)
  const form = readForm(revealForm, req.body)
  if (!form.ok) return await again(req, res, id, 'reveal', form)
  await limitReveals(user.id)
  await record(db, actorOf(req, res), {
    action: 'personal.reveal',
    object: { type: 'case', id, label: kase.title },
    detail: { serial: kase.serial, reason: form.data.reason },
  })
  // Shown in this answer alone: the page opened again is masked again.
  await showCase(req, res, kase, { revealed: true })
})

cases.post('/:id/consultations', allow(...caseDeciders), async (req, res) => {
  const id = recordId(req)
  const form = readForm(askForm, req.body)
  if (!form.ok) return await again(req, res, id, 'consult', form)
  await askConsultation(currentUser(res), id, form.data)
  flash(req, { tone: 'ok', text: '已发出，对方会在待办里看到。征求意见不影响继续办理。' })
  res.redirect(303, `/desk/cases/${id}`)
})

cases.post('/:id/consultations/:consultation', allow(...caseDeciders), async (req, res) => {
  const id = recordId(req)
  const form = readForm(answerForm, req.body)
  if (!form.ok) return await again(req, res, id, 'advise', form)
  await answerConsultation(currentUser(res), id, recordId(req, 'consultation'), form.data)
  flash(req, { tone: 'ok', text: '意见已回复。' })
  res.redirect(303, `/desk/cases/${id}`)
})

const dismissForm = z.object({
  answer: text({
    label: '答复',
    type: 'textarea',
    max: 2000,
    hint: '写明核查情况和不成立的理由，提出异议的人凭查询码可以看到。',
  }),
})

cases.post('/:id/objections/:objection', allow(...caseDeciders), async (req, res) => {
  const user = currentUser(res)
  const id = recordId(req)
  const form = readForm(dismissForm, req.body)
  if (!form.ok) return await again(req, res, id, `dismiss-${recordId(req, 'objection')}`, form)
  await inTransaction(async trx => {
    const kase = await lockCase(trx, user, id)
    if (kase.state !== 'waiting' || kase.holder_role !== user.role)
      throw new Conflict(`异议已处理完，或不由您办理，现在是“${stateOf(await standingOf(trx, kase)).label}”。`)
    await dismissObjection(trx, kase, user, recordId(req, 'objection'), form.data.answer)
  })
  flash(req, { tone: 'ok', text: '已答复：异议不成立。' })
  res.redirect(303, `/desk/cases/${id}#objections`)
})

/** The page again, with what was typed and the mistakes of one of its small forms. */
async function again(
  req: Request,
  res: Response,
  id: number,
  action: string,
  { values, mistakes }: { values: Values; mistakes: Mistakes },
): Promise<void> {
  const kase = await findCase(db, currentUser(res), id)
  await showCase(req, res.status(422), kase, { action, values, mistakes })
}

function kindAt(req: Request): Kind {
  const kind = findKind(String(req.params.kind))
  if (!kind) throw new NotFound('没有这个事项，请从事项目录里找。')
  return kind
}

const startForm = z.object({
  subject_id: z.coerce.number().int().positive().max(1e14).optional().catch(undefined),
})

function readStart(req: Request): { subject_id?: number | undefined } {
  return startForm.parse(bodyOf(req))
}

const writingForm = z.object({
  version: z.coerce.number().int().min(1).max(4e9).catch(0),
  draft_version: z.coerce.number().int().min(1).max(4e9).catch(0),
})

/** What the pages for writing send: answers, versions, and the replies to corrections. */
async function readWriting(req: Request, res: Response) {
  const kase = await findCase(db, currentUser(res), recordId(req))
  const body = bodyOf(req)
  const replies = Object.fromEntries(
    Object.entries(body).flatMap(([name, value]) =>
      name.startsWith('answer.') && typeof value === 'string'
        ? [[name.slice('answer.'.length), visible(value).slice(0, 500)]]
        : [],
    ),
  )
  const posted: Answers = answersFrom(kindOf(kase).form, body)
  return { ...writingForm.parse(body), posted, replies }
}

/** What the archive says stays, whatever was posted beside it. */
function archivedOf(answers: Answers, posted: Answers): Answers {
  return Object.fromEntries(Object.entries(answers).filter(([name]) => !(name in posted)))
}

function bodyOf(req: Request): Record<string, unknown> {
  const body: unknown = req.body
  return typeof body === 'object' && body !== null && !Array.isArray(body) ? (body as Record<string, unknown>) : {} // urlencoded or JSON object
}

function wantsJson(req: Request): boolean {
  return req.get('x-background') !== undefined
}
