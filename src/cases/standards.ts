import { consent } from '../forms/form.ts'
import { abandonmentCode, type Clock, type Material } from './kind.ts'

/** What most kinds have in common until the regulator decides otherwise (domain.md §3.2). */

/** 本市办理规定: the promise of this city, where no law sets a limit (assumed). */
export const cityRule = '本市办理规定'

/**
 * The clocks of an application: accepted or returned within 5 working days (行政许可法 第三十二条), decided, corrected within 10, and
 * taken for withdrawn when nothing was corrected within 30 days.
 * @param decision the limit of the decision in working days, its law, and what does not count besides the correction
 * @param acceptance what differs there, such as the law that sets it
 */
export function standardClocks(
  decision: Pick<Clock, 'limit' | 'law'> & Partial<Clock>,
  acceptance: Partial<Clock> = {},
): Clock[] {
  const clock = { unit: 'working-day', pauses: [], law: cityRule, keeper: 'desk' } as const
  return [
    { ...clock, code: 'acceptance', label: '受理', from: 'submitted', until: 'accepted', limit: 5, ...acceptance },
    {
      ...clock,
      code: 'decision',
      label: '办结',
      from: 'accepted',
      until: 'decided',
      pauses: ['supplement', 'waiting', 'external'],
      ...decision,
    },
    { ...clock, code: 'correction', label: '补正', from: 'corrected', until: 'resubmitted', limit: 10, keeper: 'applicant' },
    // The law has no limit for the applicant; after this one the application counts as taken back (assumed).
    {
      ...clock,
      code: abandonmentCode,
      label: '逾期未补正视为撤回',
      from: 'corrected',
      until: 'resubmitted',
      limit: 30,
      unit: 'calendar-day',
      keeper: 'applicant',
    },
  ]
}

/** A paper to hand in, required and one copy unless told. */
export const paper = (code: string, label: string, more: Partial<Material> = {}): Material => ({
  code,
  label,
  required: true,
  original: false,
  copies: 1,
  ...more,
})

/** 承诺, at the end of a form. */
export const pledgeField = {
  pledge: consent({
    label: '本单位承诺：所填内容和所交材料真实、合法、有效，愿意承担不实申报的法律责任。',
    section: '承诺',
    message: '请阅读承诺并勾选，然后再提交。',
    wide: true,
  }),
}
