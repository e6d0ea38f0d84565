import type { Request } from 'express'
import { z } from 'zod'
import { text, version } from '../forms/form.ts'

/** What several administration forms ask in the same way. */

export const phonePattern = /^(1\d{10}|0\d{2,3}-?\d{7,8}(-\d{1,6})?)$/
export const phoneHint = '请填写 11 位手机号，或带区号的座机号，如 0531-88880000。'

/** The form of a step that needs a reason. */
export function reasonForm(label: string) {
  return z.object({ version, reason: text({ label, min: 2, max: 200, hint: '会记入操作日志。' }) })
}

/** The mark a form was opened with (see `markOf`); a missing one fits nothing. */
export function markFrom(req: Request): string {
  const mark: unknown = req.body?.mark
  return typeof mark === 'string' ? mark : ''
}
