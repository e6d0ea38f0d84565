import { z } from 'zod'
import { defineKind, desk } from '../src/cases/kind.ts'
import type { Answers } from '../src/forms/answers.ts'
import { text } from '../src/forms/form.ts'
import { applicantCompany } from '../src/modules/qualification/company.ts'

/**
 * A business for tests: one desk decides, without publicity, so the decision itself takes the number. Load it after `portal.ts`, like
 * everything of the portal.
 */

/** A case about this fails at the very end of its approval, when its number is taken already. */
export const failing = '批准时出错'

export const numberRule = '试核〔{yyyy}〕{seq:4}号'

export const trial = defineKind({
  code: 'trial-approval',
  label: '试验核准',
  module: 'filings',
  law: '试验用，没有依据',
  when: '只在测试里出现。',
  startedBy: ['company-admin', 'company-clerk'],
  prefix: 'SY',
  form: z.object({ matter: text({ label: '事由', max: 100 }) }),
  settings: {
    chain: [desk('approval', 'city-approver', '市局审批', '审批中')],
    clocks: [
      {
        code: 'decision',
        label: '办结',
        from: 'accepted',
        until: 'decided',
        limit: 20,
        unit: 'working-day',
        pauses: ['supplement'],
        law: '试验用，没有依据',
        keeper: 'desk',
      },
    ],
    consults: [],
    materials: [],
    number: numberRule,
    corrections: 1,
    thresholds: {},
    templates: [],
  },
  refusedTo: 'refused',
  checks: [],
  subjectOf: applicantCompany,
  openKey: subject => `trial-approval:${subject.id}`,
  prefill: async () => ({}),
  async whenDone(_trx, _kase, { answers }) {
    if (answers.matter === failing) throw new Error('the effect of the approval fails')
  },
})

/** What an application says; every `n`-th fails when it is approved, where that is asked for. */
export function trialAnswers(at: number, failEvery = Number.POSITIVE_INFINITY): Answers {
  return { matter: at % failEvery === failEvery - 1 ? failing : `第 ${at + 1} 件试验` }
}
