import type { Knex } from 'knex'
import { z } from 'zod'
import type { Check } from '../../cases/kind.ts'
import type { Answers } from '../../forms/answers.ts'
import { showAnswers } from '../../forms/answers.ts'
import { type Adjust, type FieldMeta, fieldsOf, type Mistakes, optionalText } from '../../forms/form.ts'
import { districtNames, regionNames } from '../../lists/regions.ts'
import { type Archive, type RecordAnswers, starredPart } from './archive.ts'

/**
 * 变更申请: what a form asks for where fields of an archive change only after review (★, domain.md §9). Each field stands twice, as it
 * is registered and as it is to become; what stays is left empty, so that the applicant says what changes and nothing else does.
 */

const nowOf = (name: string) => `now_${name}`

/** The fields of the form, in pairs, in the order and sections of the archive. */
export function changeFields(archive: Archive): Record<string, z.ZodType> {
  const part = starredPart(archive)
  return Object.fromEntries(
    fieldsOf(part).flatMap(({ name, label, unit, section }): [string, z.ZodType][] => [
      [
        nowOf(name),
        optionalText({
          label: `现登记${label}`,
          archive: { label: `${archive.label}档案`, beside: true },
          max: 4000,
          ...(unit ? { unit } : {}),
          ...(section ? { section } : {}),
        }).meta({ required: true }),
      ],
      [name, unlessBlank(part.shape[name] as z.ZodType, { label: `变更后${label}`, hint: '不变更的留空' })], // fieldsOf reads the same shape
    ]),
  )
}

/** The same rule for what is filled in, and none for what is left empty; `null` then. */
function unlessBlank(schema: z.ZodType, more: Partial<FieldMeta>): z.ZodType {
  const { star: _star, section: _section, wide: _wide, ...meta } = (schema.meta() ?? {}) as Partial<FieldMeta> // what the builders of forms wrote
  return z
    .unknown()
    .optional()
    .transform((value, ctx) => {
      if (value === undefined || value === null || (typeof value === 'string' && !value.trim())) return null
      const read = schema.safeParse(value)
      if (read.success) return read.data
      for (const issue of read.error.issues) ctx.addIssue({ code: 'custom', message: issue.message })
      return null
    })
    .meta({ ...meta, ...more, required: false })
}

/** What is registered now, for the first of each pair: in words, personal data masked. */
export function nowAnswers(archive: Archive, record: RecordAnswers, adjust: Adjust): Answers {
  const shown = showAnswers(starredPart(archive), record, { masked: true, adjust }).flatMap(section => section.fields)
  return Object.fromEntries(shown.map(({ name, text }) => [nowOf(name), record[name] ? text : '']))
}

/** What is to change, as the archive keeps it. */
export function changesIn(archive: Archive, answers: Answers): RecordAnswers {
  return Object.fromEntries(
    fieldsOf(starredPart(archive)).flatMap(({ name }) => {
      const value = answers[name]
      return typeof value === 'string' && value ? [[name, value] as const] : []
    }),
  )
}

/** Nothing to change, or something that is so already. */
export function changeMistakes(archive: Archive, record: RecordAnswers, answers: Answers): Mistakes {
  const changes = Object.entries(changesIn(archive, answers))
  if (!changes.length) return { '': '没有填写要变更的事项。请在要变更的事项后面填写变更后的内容，不变更的留空。' }
  return Object.fromEntries(
    changes.flatMap(([name, value]) => (value === record[name] ? [[name, '与现登记的内容相同。不变更的请留空。'] as const] : [])),
  )
}

/** What has become different in the archive since the form was filled in, among what is to change: the labels of the fields. */
export function changedMeanwhile(archive: Archive, record: RecordAnswers, answers: Answers, adjust: Adjust): string[] {
  const now = nowAnswers(archive, record, adjust)
  const changes = changesIn(archive, answers)
  return fieldsOf(starredPart(archive)).flatMap(({ name, label }) =>
    changes[name] && (answers[nowOf(name)] ?? '') !== now[nowOf(name)] ? [label] : [],
  )
}

/** 前后对照: one line for each field that is to change, the same for applicant and officer. */
export function changeChecks(archive: Archive, law: string, adjust: (db: Knex) => Promise<Adjust>): Check[] {
  const part = starredPart(archive)
  return fieldsOf(part).map(({ name, label }) => ({
    code: `change-${name.replaceAll('_', '-')}`,
    about: `${label}变更前后对照`,
    async find({ db, answers }) {
      if (!changesIn(archive, answers)[name]) return undefined
      const shown = showAnswers(part, answers, { masked: true, adjust: await adjust(db) }).flatMap(section => section.fields)
      const after = shown.find(field => field.name === name)
      const before = answers[nowOf(name)]
      const inUnit = (text: string) => (after?.unit ? `${text} ${after.unit}` : text)
      return {
        code: `change-${name}`,
        requirement: `${label}　现登记：${typeof before === 'string' && before ? inUnit(before) : '无'}`,
        actual: `变更为：${inUnit(after?.text ?? '')}`,
        verdict: 'ok',
        law,
      }
    },
  }))
}

/** The districts and streets to choose from, for fields called `district_code` and `street_code`. */
export async function regionAdjust(db: Knex): Promise<Adjust> {
  const [regions, districts] = await Promise.all([regionNames(db), districtNames(db)])
  const streets = Object.entries(regions).filter(([code]) => code.length === 9)
  return {
    district_code: { options: Object.entries(districts).map(([value, label]) => ({ value, label })) },
    street_code: {
      options: streets.map(([value, name]) => ({ value, label: `${districts[value.slice(0, 6)] ?? ''} · ${name}` })),
    },
  }
}

/** Whether district and street are known and belong together, as a sentence by field. */
export async function regionMistakes(
  db: Knex,
  { district_code = '', street_code = '' }: { district_code?: string; street_code?: string },
): Promise<Mistakes> {
  const [names, districts] = await Promise.all([regionNames(db), districtNames(db)])
  if (district_code && !districts[district_code]) return { district_code: '没有这个区县，请从列表里选择。' }
  if (street_code && (street_code.length !== 9 || !names[street_code])) return { street_code: '没有这个街道，请从列表里选择。' }
  if (street_code && !street_code.startsWith(district_code))
    return { street_code: `${names[street_code]}不在${districts[district_code] ?? '所选区县'}，请选择该区县的街道。` }
  return {}
}
