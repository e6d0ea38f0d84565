import { type Response, Router } from 'express'
import { z } from 'zod'
import { limitReveals } from '../../accounts/limits.ts'
import { actorOf, record } from '../../admin/action-log.ts'
import { db, isDuplicate } from '../../db.ts'
import { choice, type Form, fieldsOf, type Mistakes, readForm, text, typed, type Values, version } from '../../forms/form.ts'
import { allow, currentUser, flash, recordId } from '../../http.ts'
import { maskId, maskName, maskPhone } from '../../lists/masks.ts'
import { optionsOf } from '../archives/words.ts'
import {
  addExpert,
  changeExpert,
  expertAt,
  expertChangeForm,
  expertForm,
  expertKeepers,
  expertReaders,
  expertSteps,
  openedExpert,
  turnExpert,
} from './experts.ts'
import { type ExpertState, expertStates, specialties } from './words.ts'

/** 评标专家 `/desk/experts`: one page for each, entering, changing, suspending and removing. */
export const expertPages: Router = Router()

const home = '/desk/experts'
const list = '/desk/lists/experts'
const stateForm = z.object({
  version,
  state: choice({ label: '改为', options: optionsOf(expertStates) }),
  reason: text({ label: '原因', max: 300, wide: true }),
})
const revealForm = z.object({ reason: text({ label: '查看原因', min: 4, max: 100 }) })

expertPages.get('/', allow(...expertReaders), (_req, res) => res.redirect(302, list))

interface Shown {
  values?: Values
  mistakes?: Mistakes
}

function renderForm(
  res: Response,
  form: Form,
  { action, name, values = {}, mistakes = {} }: Shown & { action: string; name?: string },
) {
  if (Object.keys(mistakes).length) res.status(422)
  res.render('filings/expert-form', {
    action,
    name,
    fields: fieldsOf(form).filter(field => field.type !== 'hidden'),
    version: values.version,
    values,
    mistakes,
  })
}

expertPages.get('/new', allow(...expertKeepers), (_req, res) => renderForm(res, expertForm, { action: `${home}/new` }))

expertPages.post('/new', allow(...expertKeepers), async (req, res) => {
  const action = `${home}/new`
  const reading = readForm(expertForm, req.body)
  if (!reading.ok) return renderForm(res, expertForm, { action, ...reading })
  try {
    const id = await addExpert(reading.data, { by: currentUser(res).id, actor: actorOf(req, res) })
    flash(req, { tone: 'ok', text: `${reading.data.name}已登记入册，可以参加抽取。` })
    res.redirect(303, `${home}/${id}`)
  } catch (error) {
    if (!isDuplicate(error)) throw error
    const mistakes = { id_number: '这个身份证号已在名册里，请在列表中查找，不用再登记。' }
    renderForm(res, expertForm, { action, values: typed(expertForm, req.body), mistakes })
  }
})

expertPages.get('/:id/edit', allow(...expertKeepers), async (req, res) => {
  const row = await expertAt(db, recordId(req))
  const { name, employer, employer_code, specialty, title, valid_until } = row
  const values = {
    name,
    employer,
    specialty,
    employer_code: employer_code ?? '',
    title: title ?? '',
    valid_until: valid_until ?? '',
    version: String(row.version),
  }
  renderForm(res, expertChangeForm, { action: `${home}/${row.id}/edit`, name, values })
})

expertPages.post('/:id/edit', allow(...expertKeepers), async (req, res) => {
  const row = await expertAt(db, recordId(req))
  const reading = readForm(expertChangeForm, req.body)
  if (!reading.ok) return renderForm(res, expertChangeForm, { action: `${home}/${row.id}/edit`, name: row.name, ...reading })
  await changeExpert(row.id, reading.data, { by: currentUser(res).id, actor: actorOf(req, res) })
  flash(req, { tone: 'ok', text: '已保存。' })
  res.redirect(303, `${home}/${row.id}`)
})

async function renderExpert(
  res: Response,
  id: number,
  { values = {}, mistakes = {}, full = false, asked = '' }: Shown & { full?: boolean; asked?: string } = {},
) {
  const row = await expertAt(db, id)
  const { id_number, phone } = openedExpert(row)
  const isKeeper = expertKeepers.includes(currentUser(res).role)
  const served: { id: number; number: string | null; opens_on: string | null; project: string; state: string }[] = await db(
    'tender_judges',
  )
    .join('tenders', 'tenders.id', 'tender_judges.tender_id')
    .join('projects', 'projects.id', 'tenders.project_id')
    .where({ 'tender_judges.expert_id': id })
    .orderBy('tender_judges.id', 'desc')
    .limit(20)
    .select('tenders.id', 'tenders.number', 'tenders.opens_on', 'projects.name as project', 'tender_judges.state')
  if (Object.keys(mistakes).length || asked) res.status(422)
  res.render('filings/expert', {
    expert: { id, name: row.name, state: row.state, version: row.version },
    label: expertStates[row.state],
    facts: [
      { label: '身份证号', value: full ? id_number : maskId(id_number) },
      { label: '电话', value: full ? phone : maskPhone(phone) },
      { label: '工作单位', value: row.employer, wide: true },
      { label: '单位信用代码', value: row.employer_code },
      { label: '专业', value: specialties[row.specialty] },
      { label: '职称', value: row.title },
      { label: '入册日期', value: row.joined_on },
      { label: '聘期至', value: row.valid_until ?? '长期' },
      ...(row.state_reason ? [{ label: '最近一次状态变更的原因', value: row.state_reason, wide: true }] : []),
    ],
    served: isKeeper ? served : [],
    isKeeper,
    full,
    asked,
    stateFields: fieldsOf(stateForm)
      .filter(field => field.type !== 'hidden')
      .map(field =>
        field.name === 'state'
          ? {
              ...field,
              options: optionsOf(expertStates).filter(({ value }) => expertSteps[row.state].some(code => code === value)),
            }
          : field,
      ),
    values,
    mistakes,
  })
}

expertPages.get('/:id', allow(...expertReaders), async (req, res) => await renderExpert(res, recordId(req)))

expertPages.get('/:id/reveal', allow(...expertKeepers), (req, res) => res.redirect(302, `${home}/${recordId(req)}`))

expertPages.post('/:id/reveal', allow(...expertKeepers), async (req, res) => {
  const row = await expertAt(db, recordId(req))
  const reading = readForm(revealForm, req.body)
  if (!reading.ok) return await renderExpert(res, row.id, { asked: reading.mistakes.reason ?? '请填写查看原因。' })
  await limitReveals(currentUser(res).id)
  await record(db, actorOf(req, res), {
    action: 'personal.reveal',
    object: { type: 'expert', id: row.id, label: `评标专家 ${maskName(row.name)}` },
    detail: { reason: reading.data.reason },
  })
  res.set('Cache-Control', 'no-store')
  await renderExpert(res, row.id, { full: true })
})

expertPages.post('/:id/state', allow(...expertKeepers), async (req, res) => {
  const row = await expertAt(db, recordId(req))
  const reading = readForm(stateForm, req.body)
  if (!reading.ok) return await renderExpert(res, row.id, reading)
  const state = reading.data.state as ExpertState // a choice of the form
  await turnExpert(row.id, { ...reading.data, state }, { by: currentUser(res).id, actor: actorOf(req, res) })
  flash(req, { tone: 'ok', text: `已改为${expertStates[state]}。` })
  res.redirect(303, `${home}/${row.id}`)
})
