import { z } from 'zod'
import {
  type Answer,
  type AnswerRow,
  type Answers,
  checkAnswers,
  type ShownSection,
  type ShownTable,
  showAnswers,
} from './answers.ts'
import { type Adjust, adjustedFields, type Field, type Form, fieldsOf, type Mistakes, optionalText } from './form.ts'

/** A long form as its page draws it: `views/cases/form` and `views/cases/correction` only print what is made here. */

/** The form element the controls belong to. They name it, because other forms (uploads) stand between them. */
export const formId = 'case-form'

export interface FormField extends Field {
  form: string
  /** What stands in the control. */
  value: string
  mistake?: string
  /** The number of its row, counted from 1; # in the row to copy. */
  row?: number | '#'
  /** A value of the archive, in words. */
  shown?: string
  /** Repeating rows, and the one a press on 增加 copies, where # stands for its number. */
  rows?: FormField[][]
  blank?: FormField[]
  /** Heads of the columns of repeating rows. */
  columns?: { label: string; hint?: string; required: boolean }[]
  /** Repeating rows of the archive, only to read. */
  table?: ShownTable
}
export interface FormSection {
  id: string
  title: string
  fields: FormField[]
  /** Everything asked for is there and in order. */
  done: boolean
  mistakes: FormMistake[]
  /** Only boxes to tick: stands at the end, behind the materials. */
  closing: boolean
}
/** A line of the summary; `href` leads to the control. */
export interface FormMistake {
  href?: string
  text: string
}

/** The sections of a form with what stands in it. */
export function formSections(form: Form, answers: Answers, mistakes: Mistakes = {}, adjust: Adjust = {}): FormSection[] {
  const checked = checkAnswers(form, answers)
  const open = new Set(checked.ok ? [] : Object.keys(checked.mistakes).map(topOf))
  const drawn = drawnFields(form, answers, mistakes, adjust)
  const sections: FormSection[] = []
  for (const field of drawn) {
    if (field.section !== undefined || !sections.length)
      sections.push({
        id: `s${sections.length + 1}`,
        title: field.section ?? '申报内容',
        fields: [],
        done: false,
        mistakes: [],
        closing: false,
      })
    sections.at(-1)?.fields.push(field)
  }
  const isFilled = ({ name }: FormField) => Boolean(answers[name]?.length)
  for (const section of sections) {
    const { fields } = section
    section.done = fields.every(field => !open.has(field.name)) && fields.some(field => field.required || isFilled(field))
    section.mistakes = fields.flatMap(field => mistakesOf(field, mistakes))
    section.closing = fields.every(field => field.type === 'checkbox')
  }
  const whole = mistakes['']
  if (whole) sections[0]?.mistakes.unshift({ text: whole })
  return sections
}

/** The names a page must tell it showed, because a browser sends nothing for an unticked box or when all rows are deleted. */
export function silentFields(fields: readonly FormField[]): string {
  return fields
    .filter(field => !field.archive && (field.type === 'checkbox' || field.of))
    .map(field => field.name)
    .join(' ')
}

function drawnFields(form: Form, answers: Answers, mistakes: Mistakes, adjust: Adjust): FormField[] {
  const shown = showAnswers(form, answers, { masked: false, adjust })
  return adjustedFields(form, adjust).map(field => {
    const answer = Object.hasOwn(answers, field.name) ? answers[field.name] : undefined
    if (field.archive) return archiveField(field, answer, mistakes, shown)
    if (field.of) return rowsField(field, field.of, Array.isArray(answer) ? answer : [], mistakes, adjust)
    return drawnField(field, typeof answer === 'string' ? answer : '', mistakes)
  })
}

function drawnField(field: Field, value: string, mistakes: Mistakes): FormField {
  const mistake = Object.hasOwn(mistakes, field.name) ? mistakes[field.name] : undefined
  return { ...field, form: formId, value, ...(mistake ? { mistake } : {}) }
}

function archiveField(field: Field, answer: Answer | undefined, mistakes: Mistakes, sections: ShownSection[]): FormField {
  const { name, archive, label } = field
  const drawn = drawnField(field, '', mistakes)
  const from = archive && archive !== true ? archive.label : '档案'
  // What is missing there cannot be filled in here.
  if (drawn.mistake && !answer?.length) drawn.mistake = `${from}里没有${label}，请先补充${from}，再回到这一页提交。`
  const table = sections.flatMap(section => section.tables).find(table => table.name === name)
  const text = sections.flatMap(section => section.fields).find(field => field.name === name)?.text ?? ''
  return { ...drawn, ...(table ? { table } : { shown: text }) }
}

function rowsField(field: Field, of: Form, rows: AnswerRow[], mistakes: Mistakes, adjust: Adjust): FormField {
  const cells = adjustedFields(of, adjust, `${field.name}.`)
  const rowOf = (at: number | '#', row: AnswerRow) =>
    // Hints stand in the heads of the columns.
    cells.map(({ hint: _hint, ...cell }) => ({
      ...drawnField({ ...cell, name: `${field.name}.${at}.${cell.name}` }, row[cell.name] ?? '', mistakes),
      row: at === '#' ? at : at + 1,
    }))
  // A form that asks for rows begins with one to fill in.
  const there = rows.length || !field.required ? rows : [{}]
  const columns = cells.map(({ label, hint, required }) => ({ label, required, ...(hint ? { hint } : {}) }))
  return { ...drawnField(field, '', mistakes), columns, rows: there.map((row, at) => rowOf(at, row)), blank: rowOf('#', {}) }
}

function mistakesOf({ name, label, rows = [], archive, mistake }: FormField, mistakes: Mistakes): FormMistake[] {
  const found: FormMistake[] = mistake ? [{ href: `#f-${name}`, text: mistake }] : []
  for (const [at, row] of rows.entries())
    for (const cell of row)
      if (cell.mistake) found.push({ href: `#f-${cell.name}`, text: `${label}第 ${at + 1} 行：${cell.mistake}` })
  // Rows of the archive, or beyond those that are drawn.
  const [deep] = Object.keys(mistakes).filter(key => topOf(key) === name && key !== name)
  if (deep && !found.length && (archive || !rows.length)) found.push({ href: `#f-${name}`, text: mistakes[deep] ?? '' })
  return found
}

const topOf = (name: string) => name.split('.')[0] ?? ''

/** An item the applicant is asked to correct, as `case_corrections` holds it. */
export interface Asked {
  target_type: 'field' | 'material'
  target: string
  words: string
  answer: string | null
}
export interface CorrectionItem {
  words: string
  /** What the item is about: the name of the field, or the code of the material. */
  title: string
  field?: FormField
  /** What was submitted last, to compare with. */
  was?: string
  wasTable?: ShownTable
  material?: string
  /** 给审核人员的说明. */
  answer: FormField
}

/** The input in which the applicant answers an item: `answer.field.office_address`. */
export const answerName = ({ target_type, target }: Pick<Asked, 'target_type' | 'target'>) => `answer.${target_type}.${target}`

/** What the applicant may say to each item, as a form. */
export function explanationForm(asked: readonly Asked[]): Form {
  return z.object(
    Object.fromEntries(asked.map(item => [answerName(item), optionalText({ label: '给审核人员的说明', max: 500 })])),
  )
}

/**
 * A correction as its page draws it: each item with what is unlocked, and all the rest to read.
 * @param before the edition submitted last
 * @param answers what stands in the draft
 * @param mistakes of the form, and of the explanations by the name of their input
 * @param materials what the materials asked for are called, by code
 * @param typed explanations as they were typed, where the page comes back
 */
export function correctionPage(
  form: Form,
  asked: readonly Asked[],
  rules: {
    before: Answers
    answers: Answers
    mistakes?: Mistakes
    adjust?: Adjust
    materials?: Readonly<Record<string, string>>
    typed?: Readonly<Record<string, string>>
  },
): { items: CorrectionItem[]; rest: ShownSection[]; mistakes: FormMistake[]; silent: string } {
  const { before, answers, mistakes = {}, adjust = {}, materials = {}, typed = {} } = rules
  const open = new Set(asked.filter(item => item.target_type === 'field').map(item => item.target))
  const drawn = drawnFields(form, answers, mistakes, adjust).filter(field => open.has(field.name))
  const old = showAnswers(form, before, { masked: false, adjust })
  const explanations = new Map(fieldsOf(explanationForm(asked)).map(field => [field.name, field]))
  const items = asked.map((item): CorrectionItem => {
    const name = answerName(item)
    const field = item.target_type === 'field' ? drawn.find(field => field.name === item.target) : undefined
    const explanation = explanations.get(name) ?? { name, label: '', type: 'text', required: false }
    const about = { words: item.words, answer: drawnField(explanation, typed[name] ?? item.answer ?? '', mistakes) }
    if (!field) return { ...about, title: materials[item.target] ?? item.target, material: item.target }
    const table = old.flatMap(section => section.tables).find(table => table.name === field.name)
    const was = old.flatMap(section => section.fields).find(shown => shown.name === field.name)
    const wasText = was && was.text + (was.unit ? ` ${was.unit}` : '')
    return { ...about, title: field.label, field, ...(table ? { wasTable: table } : {}), ...(wasText ? { was: wasText } : {}) }
  })
  const rest = showAnswers(form, before, { masked: true, adjust })
    .map(section => ({
      ...section,
      fields: section.fields.filter(field => !open.has(field.name)),
      tables: section.tables.filter(table => !open.has(table.name)),
    }))
    .filter(section => section.fields.length || section.tables.length)
  const found = items.flatMap(({ title, field, answer }) => [
    ...(field ? mistakesOf(field, mistakes) : []),
    ...mistakesOf(answer, mistakes).map(mistake => ({ ...mistake, text: `${title}：${mistake.text}` })),
  ])
  return { items, rest, mistakes: found, silent: silentFields(drawn) }
}
