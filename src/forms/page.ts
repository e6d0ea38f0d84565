import type { Response } from 'express'
import { type Field, type Form, fieldsOf, type Mistakes, type Values } from './form.ts'

interface FormPage {
  form: Form
  /** What stands in the fields: the row's values on a first visit, what was typed after a mistake. */
  values?: Values
  mistakes?: Mistakes
  /** Facts of single fields that only this visit knows: options from the database, a hint. */
  adjust?: Record<string, Partial<Field>>
  [local: string]: unknown
}

/**
 * Renders a page with a form: 422 when there are mistakes and no other status was chosen. What was held over a lost session comes back here.
 * @param view the EJS page; it finds `fields`, `values` and `mistakes`
 */
export function renderForm(
  res: Response,
  view: string,
  { form, values = {}, mistakes = {}, adjust = {}, ...locals }: FormPage,
): void {
  const fields = fieldsOf(form).map(field => ({ ...field, ...adjust[field.name] }))
  const held = (res.locals.held ?? {}) as Values // restoreHeld keeps only texts
  if (Object.keys(mistakes).length && res.statusCode === 200) res.status(422)
  res.render(view, { ...locals, fields, values: { ...values, ...held }, mistakes, restored: Object.keys(held).length > 0 })
}

/** The values of a row as a form shows them: `null` is an empty field, a ticked box is `on`. */
export function valuesOf(row: Record<string, unknown>): Values {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      value === null || value === undefined || value === false ? '' : value === true ? 'on' : String(value),
    ]),
  )
}
