import { showAnswers } from '../forms/answers.ts'
import type { Form } from '../forms/form.ts'

/** What a conclusion says, field by field, for pages and papers; what was left empty says nothing. */
export function conclusionWords(
  form: Form | undefined,
  conclusion: Readonly<Record<string, string>> | undefined,
): { label: string; text: string }[] {
  if (!form || !conclusion) return []
  return showAnswers(form, conclusion, { masked: false })
    .flatMap(section => section.fields)
    .filter(field => conclusion[field.name])
    .map(({ label, text, unit }) => ({ label, text: unit ? `${text} ${unit}` : text }))
}
