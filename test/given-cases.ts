import type { Knex } from 'knex'
import { z } from 'zod'
import type { Case } from '../src/cases/case.ts'
import { defineKind, desk, external, type Kind, publicity, registerKinds } from '../src/cases/kind.ts'
import { closedStates, writableStates } from '../src/cases/lifecycle.ts'
import { NotNow } from '../src/errors.ts'
import { text } from '../src/forms/form.ts'

/** Single cases as a test tells them, written straight to their tables: for what only reads cases. Load it after `portal.ts`. */

/** A business of its own, so that lists and homes are told from settings no other test changes. */
export const shelter: Kind = defineKind({
  code: 'shelter-filing',
  label: '避雨亭备案',
  module: 'filings',
  law: '试验用，没有依据',
  when: '只在测试里出现。',
  startedBy: ['company-admin', 'company-clerk'],
  prefix: 'BY',
  form: z.object({ matter: text({ label: '事由', max: 100 }) }),
  settings: {
    chain: [
      desk('district', 'district-clerk', '区县初审', '初审中'),
      desk('review', 'city-reviewer', '市局复核', '复审中'),
      external('province', '省住建厅', 'city-clerk', '省厅审批', '省厅审批中'),
      publicity('city-clerk', 5),
    ],
    clocks: [
      {
        code: 'acceptance',
        label: '受理',
        from: 'submitted',
        until: 'accepted',
        limit: 5,
        unit: 'working-day',
        pauses: [],
        law: '—',
        keeper: 'desk',
      },
      {
        code: 'decision',
        label: '办结',
        from: 'accepted',
        until: 'decided',
        limit: 20,
        unit: 'working-day',
        pauses: ['supplement', 'external'],
        law: '—',
        keeper: 'desk',
      },
      {
        code: 'correction',
        label: '补正',
        from: 'corrected',
        until: 'resubmitted',
        limit: 10,
        unit: 'working-day',
        pauses: [],
        law: '—',
        keeper: 'applicant',
      },
    ],
    consults: [],
    materials: [],
    number: '',
    corrections: 1,
    thresholds: {},
    templates: [],
  },
  refusedTo: 'rejected',
  states: { done: '已备案' },
  checks: [],
  subjectOf: () => Promise.reject(new NotNow('这里不申请避雨亭备案。')),
  openKey: subject => `shelter-filing:${subject.id}`,
  prefill: async () => ({}),
})
registerKinds(shelter)

const holders: Record<string, string> = { district: 'district-clerk', review: 'city-reviewer', province: 'city-clerk' }

let settings_id: number | undefined
let count = 0

export interface Given extends Partial<Case> {
  /** Who applied. */
  company: number
  /** Officials who have taken a step. */
  handled?: number[]
  /** Organisations that are to know. */
  informed?: number[]
}

/** A case somewhere on its way; whom it waits for follows from its state and place. */
export async function givenCase(db: Knex, { company, handled = [], informed = [], ...told }: Given): Promise<number> {
  const { settingsInForce } = await import('../src/cases/settings.ts')
  const { indexTerms } = await import('../src/lists/terms.ts')
  const { now } = await import('../src/clock.ts')
  settings_id ??= (await settingsInForce(db, shelter)).id
  const { state = 'submitted', place = state === 'waiting' ? 'publicity' : null } = told
  const subject = await db('organisations').where({ id: company }).first('name', 'district_code', 'street_code')
  const isWritable = writableStates.includes(state)
  const isDraft = state === 'draft'
  const at = now()
  const serial = isDraft ? null : `BY20261123${String(++count).padStart(5, '0')}`
  const [id = 0] = await db('cases').insert({
    serial,
    kind: shelter.code,
    title: `${shelter.label} · ${subject.name}`,
    subject_type: 'company',
    subject_id: company,
    subject_name: subject.name,
    applicant_id: company,
    district_code: subject.district_code,
    street_code: subject.street_code,
    state,
    place,
    holder_role: isWritable ? null : state === 'submitted' ? 'district-clerk' : (holders[place ?? ''] ?? null),
    holder_id: isWritable ? company : null,
    held_since: at,
    settings_id: isDraft ? null : settings_id,
    edition: isDraft ? 0 : 1,
    submitted_at: isDraft ? null : at,
    closed_at: closedStates.includes(state) ? at : null,
    created_at: at,
    updated_at: at,
    created_by: 1,
    ...told,
  })
  await db('case_parties').insert({ case_id: id, organisation_id: company, role: 'applicant' })
  for (const organisation_id of informed) await db('case_parties').insert({ case_id: id, organisation_id, role: 'informed' })
  for (const user_id of handled) await db('case_handlers').insert({ user_id, case_id: id, at })
  await indexTerms(db, 'cases', id, [subject.name, shelter.label, serial ?? ''])
  return id
}

/** A step in the history of a case, as far as the clocks read it. */
export async function givenStep(
  db: Knex,
  case_id: number,
  when: string,
  step: string,
  [from_state, place]: readonly [string, string | null],
  [to_state, to_place]: readonly [string, string | null],
): Promise<void> {
  const before: number[] = await db('case_history').where({ case_id }).pluck('sequence')
  const sequence = Math.max(0, ...before) + 1
  await db('case_history').insert({
    case_id,
    sequence,
    at: new Date(`${when}T10:00:00+08:00`),
    user_name: '乔远',
    organisation_name: '历下区',
    step,
    from_state,
    to_state,
    place,
    place_label: '',
    to_place,
    edition: 1,
    case_version: sequence,
    open: true,
    hash: '',
  })
}

/** Sets the clock to a Beijing morning. */
export async function setDay(day: string, time = '09:00'): Promise<void> {
  const { shiftClock } = await import('../src/clock.ts')
  shiftClock(Date.parse(`${day}T${time}:00+08:00`) - Date.now())
}
