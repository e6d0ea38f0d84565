import { type Request, type Response, Router } from 'express'
import { z } from 'zod'
import { hasPassword, passwordTries } from '../../accounts/account-pages.ts'
import { limitTo, returnAttempt } from '../../accounts/limits.ts'
import { useCode } from '../../accounts/second-factor.ts'
import type { User } from '../../accounts/users.ts'
import { actorOf } from '../../admin/action-log.ts'
import { startCase } from '../../cases/drafts.ts'
import { findKind } from '../../cases/kind.ts'
import { addFile } from '../../cases/materials.ts'
import { findCase, lockCase, visibleCases } from '../../cases/queries.ts'
import { today } from '../../clock.ts'
import { db, inTransaction } from '../../db.ts'
import { chaptersIn, contractPaper, groupedDigest } from '../../documents/contract-paper.ts'
import { documentOf, shownCode } from '../../documents/documents.ts'
import { sendDocument } from '../../documents/sending.ts'
import { BadRequest, NotFound, NotNow } from '../../errors.ts'
import { dropFiles } from '../../files/receive.ts'
import { type Answers, answersFrom, checkAnswers } from '../../forms/answers.ts'
import { type Mistakes, readForm, secret, text, typed, type Values } from '../../forms/form.ts'
import { renderForm } from '../../forms/page.ts'
import { formSections, silentFields } from '../../forms/sections.ts'
import { allow, currentUser, flash, queryText, recordId } from '../../http.ts'
import { registerPart } from '../archives/parts.ts'
import { archiveReaders } from '../archives/visible.ts'
import { projectAt } from './project.ts'
import {
  neededHere,
  returnForm,
  type SigningFiling,
  type SigningPhase,
  signingFilings,
  signingForm,
  signingMistakes,
  signingPhases,
  startForm,
} from './signing-form.ts'
import {
  type Author,
  answersOf,
  confirmSigning,
  draftSigning,
  filedAnswers,
  type Means,
  means,
  offerSigning,
  type Pair,
  pairKey,
  pairsOf,
  returnSigning,
  type Signing,
  saveSigning,
  seenSigning,
  signaturesOf,
  signedFile,
  signers,
  signingNumber,
  signingSides,
  visibleSignings,
  withdrawSigning,
} from './signings.ts'
import { signingStates } from './words.ts'

/** 在线签订: drafting, reading the whole text, confirming it, and what follows. */
export const signingPages: Router = Router()

const looks = {
  draft: { tone: 'you', icon: 'edit' },
  offered: { tone: 'you', icon: 'clock' },
  signed: { tone: 'done', icon: 'check' },
  withdrawn: { tone: 'rest', icon: 'ban' },
} as const

const isIn = (roles: readonly string[], { role }: User) => roles.includes(role)
const authorOf = (req: Request, res: Response): Author => ({ user: currentUser(res), actor: actorOf(req, res) })

/** The version a page showed. @throws BadRequest */
function versionIn(body: unknown): number {
  const read = z.object({ version: z.coerce.number().int().min(1).max(2_000_000_000) }).safeParse(body)
  if (!read.success) throw new BadRequest()
  return read.data.version
}

// ── Beginning ──────────────────────────────────────────────────────────────────────────────────

const pairLabel = ({ project, phase, party, company }: Pair) =>
  `${project}（${signingPhases[phase]}）：甲方 ${party}，乙方 ${company}`

async function showNew(res: Response, pairs: readonly Pair[], values: Values, mistakes: Mistakes = {}): Promise<void> {
  const options = pairs.map(pair => ({ value: pairKey(pair), label: pairLabel(pair) }))
  renderForm(res, 'filings/signing-new', {
    form: startForm,
    values,
    mistakes,
    adjust: { pair: { options } },
    any: pairs.length > 0,
  })
}

signingPages.get('/new', allow(...signingSides), async (req, res) => {
  const { organisation_id } = currentUser(res)
  const project = Number(queryText(req, 'project'))
  const pairs = await pairsOf(db, {
    organisation_id,
    ...(project > 0 && Number.isSafeInteger(project) ? { project_id: project } : {}),
  })
  const [only] = pairs
  await showNew(res, pairs, { filing: 'new', pair: pairs.length === 1 && only ? pairKey(only) : '' })
})

signingPages.post('/new', allow(...signingSides), async (req, res) => {
  const by = authorOf(req, res)
  const pairs = await pairsOf(db, { organisation_id: by.user.organisation_id })
  const form = readForm(startForm, req.body)
  const pair = form.ok ? pairs.find(one => pairKey(one) === form.data.pair) : undefined
  if (!form.ok || !pair)
    return showNew(
      res,
      pairs,
      typed(startForm, req.body),
      form.ok ? { pair: '这个项目现在不能由所选双方签订合同，请重新选择。' } : form.mistakes,
    )
  const { filing } = form.data
  const id = await inTransaction(trx => draftSigning(trx, by, pair, filing))
  res.redirect(303, `/desk/signings/${id}`)
})

// ── Reading ────────────────────────────────────────────────────────────────────────────────────

const confirmFields = {
  digest: text({ label: '文本摘要', type: 'hidden', max: 64 }),
}
const byPassword = z.object({
  ...confirmFields,
  password: secret({ label: '登录密码', autocomplete: 'current-password', hint: '再次输入，证明是您本人在确认' }),
})
const byCode = z.object({
  ...confirmFields,
  code: text({
    label: '动态验证码',
    max: 20,
    inputmode: 'numeric',
    autocomplete: 'one-time-code',
    hint: '手机应用现在显示的 6 位数字，或者一个恢复码',
  }),
})
const confirmFormOf = ({ has_second_factor }: User) => (has_second_factor ? byCode : byPassword)

interface Shown {
  confirm?: Mistakes
  returned?: { values: Values; mistakes: Mistakes }
}

async function showSigning(res: Response, user: User, id: number, { confirm = {}, returned }: Shown = {}): Promise<void> {
  const signing = await seenSigning(db, user, id)
  const [signatures, names, document, kase, voided] = await Promise.all([
    signaturesOf(db, signing),
    db('organisations').whereIn('id', [signing.company_id, signing.party_id]).select('id', 'name'),
    documentOf(db, { type: 'signing', id }, contractPaper),
    signing.case_id ? visibleCases(db, user).where({ 'cases.id': signing.case_id }).first('cases.id', 'cases.serial') : undefined,
    db('signatures').where({ signing_id: id }).whereNot({ digest: signing.digest }).count({ n: '*' }).first(),
  ])
  const nameOf = (organisation: number) => names.find(row => row.id === organisation)?.name ?? ''
  const isSide = user.organisation_id === signing.company_id || user.organisation_id === signing.party_id
  const isOpen = signing.state === 'draft' || signing.state === 'offered'
  const isDrafter = signing.drafter_id === user.organisation_id
  const confirmed = signatures.some(row => row.organisation_id === user.organisation_id)
  const mistakes = signing.state === 'draft' && isDrafter ? await lacking(signing) : {}
  renderForm(res, 'filings/signing', {
    form: confirmFormOf(user),
    values: { digest: signing.digest },
    mistakes: confirm,
    signing,
    number: signingNumber(id),
    look: { label: signingStates[signing.state], ...looks[signing.state] },
    phase: signingPhases[signing.phase],
    filing: signingFilings[signing.filing],
    chapters: chaptersIn(signing.body),
    digest: groupedDigest(signing.digest),
    sides: [
      { side: '甲方', id: signing.party_id },
      { side: '乙方', id: signing.company_id },
    ].map(({ side, id: organisation }) => {
      const row = signatures.find(one => one.organisation_id === organisation)
      return {
        side,
        name: nameOf(organisation),
        ...(row ? { by: row.user_name, at: row.signed_at, means: means[row.means] } : {}),
      }
    }),
    holder: signing.holder_id ? nameOf(signing.holder_id) : '',
    paper: document && { code: shownCode(document.code) },
    kase,
    voided: Number(voided?.n ?? 0),
    edits: signing.state === 'draft' && isDrafter,
    lacks: Object.values(mistakes),
    confirms: signing.state === 'offered' && isSide && !confirmed && isIn(signers, user),
    clerk: signing.state === 'offered' && isSide && !confirmed && !isIn(signers, user),
    confirmed,
    returns: signing.state === 'offered' && isSide,
    drafts: isDrafter,
    withdraws: isOpen && isSide,
    files: signing.state === 'signed' && !signing.case_id && kindFor(signing, user) !== undefined,
    returned: returned ?? { values: {}, mistakes: {} },
  })
}

async function lacking(signing: Signing): Promise<Mistakes> {
  const answers = answersOf(signing)
  const checked = checkAnswers(signingForm, answers)
  const found = checked.ok ? {} : checked.mistakes
  return { ...signingMistakes(answers, await projectAt(db, signing.project_id), today()), ...found }
}

signingPages.get('/:id', allow(...archiveReaders), async (req, res) => {
  await showSigning(res, currentUser(res), recordId(req))
})

signingPages.get('/:id/contract.pdf', allow(...archiveReaders), async (req, res) => {
  const id = recordId(req)
  const signing = await seenSigning(db, currentUser(res), id)
  const document = await documentOf(db, { type: 'signing', id }, contractPaper)
  if (!document) throw new NotFound()
  await sendDocument(req, res, document, { type: 'signing', id, label: `${signingNumber(id)} ${signing.project}` })
})

// ── Drafting ───────────────────────────────────────────────────────────────────────────────────

/** The form of a draft as it is written by its drafter. @throws NotFound, NotNow */
async function draftToEdit(user: User, id: number): Promise<Signing & { project: string }> {
  const signing = await seenSigning(db, user, id)
  if (signing.drafter_id !== user.organisation_id) throw new NotFound()
  if (signing.state !== 'draft')
    throw new NotNow('这份合同已经发出。要修改的，先收回起草。', { label: '打开这份合同', href: `/desk/signings/${id}` })
  return signing
}

// The filing forms leave these open, because a 解除 has none of them.
const asked = Object.fromEntries(neededHere.map(name => [name, { required: true }]))

function showEdit(res: Response, signing: Signing & { project: string }, answers: Answers, mistakes: Mistakes = {}): void {
  const sections = formSections(signingForm, answers, mistakes, asked)
  if (Object.keys(mistakes).length) res.status(422)
  res.render('filings/signing-edit', {
    signing,
    number: signingNumber(signing.id),
    sections,
    silent: silentFields(sections.flatMap(({ fields }) => fields)),
    mistakes,
  })
}

signingPages.get('/:id/edit', allow(...signingSides), async (req, res) => {
  const signing = await draftToEdit(currentUser(res), recordId(req))
  showEdit(res, signing, answersOf(signing))
})

signingPages.post('/:id/edit', allow(...signingSides), async (req, res) => {
  const by = authorOf(req, res)
  const id = recordId(req)
  const signing = await draftToEdit(by.user, id)
  const answers = answersFrom(signingForm, req.body)
  if (z.object({ rows: z.string() }).safeParse(req.body).success) {
    res.status(200)
    return showEdit(res, signing, answers)
  }
  const version = versionIn(req.body)
  const checked = checkAnswers(signingForm, answers)
  const rules = signingMistakes(checked.answers, await projectAt(db, signing.project_id), today())
  const mistakes = { ...rules, ...(checked.ok ? {} : checked.mistakes) }
  if (Object.keys(mistakes).length) return showEdit(res, signing, checked.answers, mistakes)
  await inTransaction(trx => saveSigning(trx, by, id, checked.answers, version))
  flash(req, { tone: 'ok', text: '已保存。请通读合同文本，没有问题再发给对方。' })
  res.redirect(303, `/desk/signings/${id}`)
})

signingPages.post('/:id/offer', allow(...signingSides), async (req, res) => {
  const by = authorOf(req, res)
  const id = recordId(req)
  const signing = await seenSigning(db, by.user, id)
  if (signing.state === 'draft' && signing.drafter_id === by.user.organisation_id) {
    const mistakes = await lacking(signing)
    if (Object.keys(mistakes).length) return showEdit(res, signing, answersOf(signing), mistakes)
  }
  const version = versionIn(req.body)
  await inTransaction(trx => offerSigning(trx, by, id, version))
  flash(req, { tone: 'ok', text: '已发给对方，对方已收到消息。双方谁先确认都可以。' })
  res.redirect(303, `/desk/signings/${id}`)
})

signingPages.post('/:id/return', allow(...signingSides), async (req, res) => {
  const by = authorOf(req, res)
  const id = recordId(req)
  await seenSigning(db, by.user, id)
  const form = readForm(returnForm, req.body)
  if (!form.ok)
    return showSigning(res.status(422), by.user, id, {
      returned: { values: typed(returnForm, req.body), mistakes: form.mistakes },
    })
  const version = versionIn(req.body)
  await inTransaction(trx => returnSigning(trx, by, id, form.data.words, version))
  flash(req, { tone: 'ok', text: '合同已回到起草中，先前的确认作废。' })
  res.redirect(303, `/desk/signings/${id}`)
})

signingPages.post('/:id/withdraw', allow(...signingSides), async (req, res) => {
  const by = authorOf(req, res)
  const id = recordId(req)
  const version = versionIn(req.body)
  await inTransaction(trx => withdrawSigning(trx, by, id, version))
  flash(req, { tone: 'ok', text: '合同已撤回，没有签订。' })
  res.redirect(303, `/desk/signings/${id}`)
})

// ── Confirming ─────────────────────────────────────────────────────────────────────────────────

/** Asks again who is there: the password, or the second factor where one is set. @returns what is wrong */
async function identify(user: User, data: { password?: string; code?: string }): Promise<Mistakes> {
  if (user.has_second_factor) {
    await limitTo(passwordTries, String(user.id), '验证码输错次数过多')
    if (!(await useCode(db, user.id, data.code ?? ''))) return { code: '验证码不对或者已经用过，请输入应用现在显示的数字。' }
  } else if (!(await hasPassword(user, data.password ?? ''))) return { password: '密码不对，这次没有确认。' }
  await returnAttempt(passwordTries, String(user.id))
  return {}
}

signingPages.post('/:id/confirm', allow(...signers), async (req, res) => {
  const by = authorOf(req, res)
  const id = recordId(req)
  await seenSigning(db, by.user, id)
  const form = readForm(confirmFormOf(by.user), req.body)
  if (!form.ok) return showSigning(res, by.user, id, { confirm: form.mistakes })
  const wrong = await identify(by.user, form.data)
  if (Object.keys(wrong).length) return showSigning(res, by.user, id, { confirm: wrong })
  const way: Means = by.user.has_second_factor ? 'code' : 'password'
  const result = await inTransaction(trx => confirmSigning(trx, by, id, { digest: form.data.digest, means: way }))
  flash(req, {
    tone: 'ok',
    text: result === 'signed' ? '双方都已确认，合同成立。请按期办理备案。' : '已确认，等对方确认。',
  })
  res.redirect(303, `/desk/signings/${id}`)
})

// ── Filing ─────────────────────────────────────────────────────────────────────────────────────

/** The filing a signed text is for, if this user begins it. */
function kindFor({ phase, filing }: { phase: SigningPhase; filing: SigningFiling }, user: User) {
  const codes = phase === 'early' && filing === 'new' ? ['plan-filing', 'contract-filing'] : ['contract-filing']
  return codes.map(code => findKind(code)).find(kind => kind?.startedBy.includes(user.role))
}

/** Begins the filing with the terms filled in and the PDF as its contract, so that no paper is needed. */
signingPages.post('/:id/file', allow(...signingSides), async (req, res) => {
  const user = currentUser(res)
  const id = recordId(req)
  const signing = await seenSigning(db, user, id)
  const kind = kindFor(signing, user)
  if (signing.state !== 'signed' || !kind) throw new NotNow('双方都确认以后，由备案的申请单位办理备案。')
  const answers = {
    ...filedAnswers(signing),
    filing: signing.filing,
    party_kind: signing.phase === 'early' ? 'developer' : 'committee',
  }
  const case_id = await startCase(user, kind, { subject_id: signing.project_id, typed: answers })
  const kase = await findCase(db, user, case_id)
  if (kase.state === 'draft') {
    const file = await signedFile(db, id)
    const added = await inTransaction(async trx =>
      addFile(trx, await lockCase(trx, user, case_id), user, 'contract', file),
    ).catch(async error => {
      await dropFiles([file.key])
      throw error
    })
    if (!added.ok || added.known) await dropFiles([file.key])
  }
  res.redirect(303, `/desk/cases/${case_id}`)
})

// ── On the page of a project ───────────────────────────────────────────────────────────────────

registerPart('projects', {
  code: 'signings',
  label: '在线签订',
  order: 21,
  async load(part, user, id, on) {
    if (on) return undefined
    const rows: Pick<Signing, 'id' | 'state' | 'phase' | 'filing' | 'signed_on'>[] = await visibleSignings(part, user)
      .where({ 'signings.project_id': id })
      .orderBy('signings.id', 'desc')
      .limit(3)
      .select('signings.id', 'signings.state', 'signings.phase', 'signings.filing', 'signings.signed_on')
    const isSide = isIn(signingSides, user)
    const starts = isSide && (await pairsOf(part, { organisation_id: user.organisation_id, project_id: id })).length > 0
    if (!rows.length && !starts) return undefined
    return {
      view: '/filings/signing-part',
      locals: {
        rows: rows.map(row => ({
          ...row,
          number: signingNumber(row.id),
          look: { label: signingStates[row.state], ...looks[row.state] },
          words: `${signingPhases[row.phase]}，${signingFilings[row.filing]}`,
        })),
        starts,
        project_id: id,
      },
    }
  },
})
