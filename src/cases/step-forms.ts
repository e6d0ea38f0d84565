import { z } from 'zod'
import { dayOf, today } from '../clock.ts'
import type { Received } from '../files/receive.ts'
import {
  date,
  type Form,
  fieldsOf,
  type Mistakes,
  optionalText,
  readForm,
  text,
  type Values,
  version,
  visible,
} from '../forms/form.ts'
import type { StepPayload } from './case.ts'
import type { StepForm } from './cases.ts'
import { type Need, type Step, type StepCode, steps } from './lifecycle.ts'
import { asksConclusion, type Standing } from './steps.ts'

/** What the buttons of a case page send. Which fields a step wants follows from the lifecycle and the place. */

const opinion = (required: boolean) =>
  required ? text({ label: '意见', type: 'textarea', max: 2000 }) : optionalText({ label: '意见', type: 'textarea', max: 2000 })
const note = optionalText({ label: '内部备注', type: 'textarea', max: 2000, hint: '申请人看不到。' })
const past = (label: string) => (day: string) => (day > today() ? `${label}不能晚于今天。` : undefined)

const forms: Record<Need | 'plain', Form> = {
  plain: z.object({ version, opinion: opinion(false), note }),
  opinion: z.object({ version, opinion: opinion(true), note }),
  corrections: z.object({ version, note }),
  visit: z.object({
    version,
    visited_on: date({ label: '核查日期' }).refine(day => !past('核查日期')(day), '核查日期不能晚于今天。'),
    officers: text({
      label: '核查人员',
      max: 200,
      hint: '至少两人，用顿号或逗号隔开',
      rule: names => (peopleIn(names).length < 2 ? '实地核查至少两人参加，请写全姓名，用顿号隔开。' : undefined),
    }),
    finding: text({ label: '核查情况', type: 'textarea', max: 2000 }),
    opinion: opinion(false),
    note,
  }),
  outcome: z.object({
    version,
    outcome_number: text({ label: '文号', max: 60, hint: '对方出具的决定文号' }),
    outcome_on: date({ label: '决定日期' }).refine(day => !past('决定日期')(day), '决定日期不能晚于今天。'),
    opinion: opinion(false),
    note,
  }),
}

/** What is wrong with papers handed in with an answer; none need be. */
function badPaper(papers: readonly Received[]): Mistakes {
  const bad = papers.find(paper => !paper.ok)
  return bad && !bad.ok ? { answer_file: bad.sentence } : {}
}

/** Nobody decides about an application before it was accepted. */
function tooEarly(on: string, { kase }: Standing): Mistakes {
  const accepted = kase.accepted_at && dayOf(kase.accepted_at)
  return accepted && on < accepted ? { outcome_on: `决定日期 ${on} 早于受理日期 ${accepted}，请对照批复核对。` } : {}
}

/** The names in a list of people. */
function peopleIn(text: string): string[] {
  return [...new Set(text.split(/[、，,；;\s]+/).filter(Boolean))]
}

type Read = { ok: true; data: Omit<StepForm, 'action'> } | { ok: false; values: Values; mistakes: Mistakes }

const itemMax = 500

export const stepForms = {
  /** The fields a step asks for, for the page. */
  fields(need: Need | undefined, conclusion?: Form) {
    return fieldsOf(withConclusion(forms[need ?? 'plain'], conclusion)).filter(field => field.type !== 'hidden')
  },

  /** Reads what was posted for a step. Items of a correction come as `item=field.capital` and `words.field.capital=…`. */
  read(action: StepCode, standing: Standing, body: Record<string, unknown>, papers: readonly Received[] = []): Read {
    const [scan] = papers
    const step: Step = steps[action]
    const need = needOf(action, standing) ?? step.needs
    const conclusion = asksConclusion(action, standing) ? standing.kind.conclusion : undefined
    const form = readForm(withConclusion(forms[need ?? 'plain'], conclusion), body)
    const items = need === 'corrections' ? readItems(standing, body) : undefined
    const mistakes: Mistakes = {
      ...(form.ok ? {} : form.mistakes),
      ...(items?.mistakes ?? {}),
      ...(need === 'outcome' && !scan?.ok
        ? { outcome_file: scan?.sentence ?? '请上传对方决定的扫描件（pdf、jpg 或 png）。' }
        : {}),
      ...(need !== 'outcome' ? badPaper(papers) : {}),
      ...(need === 'outcome' && form.ok ? tooEarly(String((form.data as Record<string, unknown>).outcome_on), standing) : {}),
    }
    if (!form.ok || Object.keys(mistakes).length)
      return { ok: false, values: { ...typedTexts(body), ...(form.ok ? {} : form.values) }, mistakes }
    const data = form.data as Record<string, string | number | null> // every form above has only texts, days and the version
    const payload: StepPayload = {
      ...(data.opinion ? { opinion: String(data.opinion) } : {}),
      ...(data.note ? { note: String(data.note) } : {}),
      ...(need === 'visit'
        ? { visit: { on: String(data.visited_on), officers: peopleIn(String(data.officers)), finding: String(data.finding) } }
        : {}),
      ...(need === 'outcome' ? { outcome: { number: String(data.outcome_number), on: String(data.outcome_on) } } : {}),
      ...(conclusion
        ? { conclusion: Object.fromEntries(fieldsOf(conclusion).map(({ name }) => [name, String(data[name] ?? '')])) }
        : {}),
    }
    return { ok: true, data: { version: Number(data.version), payload, ...(items ? { corrections: items.items } : {}) } }
  },
}

/** The conclusion stands after what the step itself asks for, before opinion and note. */
function withConclusion(form: Form, conclusion: Form | undefined): Form {
  if (!conclusion) return form
  const { opinion, note, ...first } = form.shape
  return z.object({ ...first, ...conclusion.shape, ...(opinion ? { opinion } : {}), ...(note ? { note } : {}) })
}

/** A negative answer from outside has the same papers as a positive one. */
function needOf(action: StepCode, standing: Standing): Need | 'plain' | undefined {
  const place = standing.settings.chain.find(place => place.code === standing.kase.place)
  if (action === 'answer' && standing.kind.dissent) return 'plain'
  if ((action === 'pass' || action === 'refuse') && place?.sort === 'external') return 'outcome'
  return action === 'pass' && place?.sort === 'desk' && place.visit ? 'visit' : undefined
}

function readItems({ kind, settings }: Standing, body: Record<string, unknown>) {
  const wanted = [body.item].flat().filter(item => typeof item === 'string')
  const fields = new Set(fieldsOf(kind.form).flatMap(field => (field.archive ? [] : [`field.${field.name}`])))
  const materials = new Set(settings.materials.map(material => `material.${material.code}`))
  const mistakes: Mistakes = {}
  const items = [...new Set(wanted)].flatMap(target => {
    const target_type = fields.has(target) ? 'field' : materials.has(target) ? 'material' : undefined
    if (!target_type) {
      mistakes.item = '所选的补正事项有的不在这个事项里，请刷新页面重新勾选。'
      return []
    }
    const typed = body[`words.${target}`]
    const words = typeof typed === 'string' ? typed.trim() : ''
    const seen = visible(words)
    if (seen !== words.normalize('NFC')) mistakes[`words.${target}`] = '这一项里有看不见的控制字符，请删除后重新填写。'
    else if (!words) mistakes[`words.${target}`] = '请写明这一项要补正什么。'
    else if ([...words].length > itemMax)
      mistakes[`words.${target}`] = `每一项最多 ${itemMax} 个字，现有 ${[...words].length} 个。`
    return [{ target_type, target: target.slice(target.indexOf('.') + 1), words } as const]
  })
  if (!items.length && !mistakes.item) mistakes.item = '请勾选要补正的内容或材料，一次告知全部。'
  return { items, mistakes }
}

/** Whatever texts were typed, to be shown again. */
export function typedTexts(body: Record<string, unknown>): Values {
  return Object.fromEntries(
    Object.entries(body).flatMap(([name, value]) =>
      typeof value === 'string' && value.length <= 20_000
        ? [[name, value]]
        : name === 'item'
          ? [[name, [value].flat().join(' ')]]
          : [],
    ),
  )
}
