/**
 * The life of every case, whatever its kind: an official can check these two tables against domain.md §3.1. Buttons, refusals,
 * words in the history and the tests are derived from them.
 */

/** 业务状态. `tone` and `icon` are the look of the state; a kind may rename a state, and a place names what `reviewing` and `waiting` are called there. */
export const states = {
  draft: { label: '未提交', tone: 'rest', icon: 'pencil' },
  submitted: { label: '待受理', tone: 'desk', icon: 'inbox' },
  supplement: { label: '待补正', tone: 'you', icon: 'edit' },
  reviewing: { label: '审核中', tone: 'desk', icon: 'eye' },
  waiting: { label: '公示中', tone: 'public', icon: 'speakerphone' },
  done: { label: '已通过', tone: 'done', icon: 'check' },
  rejected: { label: '已驳回', tone: 'no', icon: 'arrow-back-up' },
  refused: { label: '不予通过', tone: 'no', icon: 'ban' },
  declined: { label: '不予受理', tone: 'no', icon: 'ban' },
  withdrawn: { label: '已撤回', tone: 'rest', icon: 'arrow-back-up' },
} as const satisfies Record<string, { label: string; tone: string; icon: string }>

export type State = keyof typeof states
export const stateCodes = Object.keys(states) as State[] // Object.keys forgets the literal types

/** States in which nothing more happens to a case. */
export const closedStates: readonly State[] = ['done', 'refused', 'declined', 'withdrawn']
/** States in which a case has ended without approval, or is the applicant's again after a refusal. */
export const undoneStates: readonly State[] = ['draft', 'rejected', 'refused', 'declined', 'withdrawn']
/** States in which the applicant holds the case and may write in it. */
export const writableStates: readonly State[] = ['draft', 'rejected', 'supplement']

/** What a step wants besides the press of a button. */
export type Need = 'opinion' | 'corrections' | 'outcome' | 'visit'

export interface Step {
  label: string
  /** The applicant; the desk, external place or keeper the case is with; the party it waits for; or the clock. */
  by: 'applicant' | 'desk' | 'party' | 'clock'
  from: readonly State[]
  /** A state, or what the chain says: the next place, the one before, or where the kind sends what it refuses. */
  to: State | 'first' | 'next' | 'previous' | 'refused' | 'back' | 'dissent'
  needs?: 'opinion' | 'corrections'
  /** Who filed it, or decided it at another place, may not take the step (不得自审). */
  fourEyes?: true
  /** A step against the applicant: its mark in the history is red and its reasons are mandatory. */
  negative?: true
}

/**
 * 办理步骤. `first` is the first desk of the chain, `next` the following place or `done` after the last, `previous` the desk before,
 * `refused` what the kind says (`draft`, `rejected` or `refused`), `dissent` what it says of a party that does not agree, `back` the
 * desk that asked for the correction.
 */
export const steps = {
  submit: { label: '提交', by: 'applicant', from: ['draft', 'rejected'], to: 'submitted' },
  resubmit: { label: '补正提交', by: 'applicant', from: ['supplement'], to: 'back' },
  withdraw: { label: '撤回', by: 'applicant', from: ['submitted', 'supplement', 'reviewing'], to: 'withdrawn' },
  abandon: { label: '逾期未补正，视为撤回', by: 'clock', from: ['supplement'], to: 'withdrawn', negative: true },
  accept: { label: '受理', by: 'desk', from: ['submitted'], to: 'first', fourEyes: true },
  decline: {
    label: '不予受理',
    by: 'desk',
    from: ['submitted'],
    to: 'declined',
    needs: 'opinion',
    fourEyes: true,
    negative: true,
  },
  correct: {
    label: '退回补正',
    by: 'desk',
    from: ['submitted', 'reviewing'],
    to: 'supplement',
    needs: 'corrections',
    fourEyes: true,
    negative: true,
  },
  pass: { label: '通过', by: 'desk', from: ['reviewing'], to: 'next', fourEyes: true },
  sendBack: {
    label: '退回上一步',
    by: 'desk',
    from: ['reviewing'],
    to: 'previous',
    needs: 'opinion',
    fourEyes: true,
    negative: true,
  },
  refuse: { label: '不通过', by: 'desk', from: ['reviewing'], to: 'refused', needs: 'opinion', fourEyes: true, negative: true },
  answer: { label: '答复', by: 'party', from: ['reviewing'], to: 'next', needs: 'opinion' },
  dissent: { label: '不同意', by: 'party', from: ['reviewing'], to: 'dissent', needs: 'opinion', negative: true },
  lapse: { label: '逾期未答复', by: 'clock', from: ['reviewing'], to: 'next' },
  expire: { label: '期满', by: 'clock', from: ['waiting'], to: 'next' },
  // What the approval rests on is gone: whoever decided looks at it again.
  bounce: { label: '不能生效，退回', by: 'clock', from: ['waiting'], to: 'previous', negative: true },
  // Who looks after objections may have passed the case before: it goes back to the desk that decides, which is another's.
  uphold: { label: '异议成立', by: 'desk', from: ['waiting'], to: 'previous', needs: 'opinion', negative: true },
} as const satisfies Record<string, Step>

export type StepCode = keyof typeof steps
export const stepCodes = Object.keys(steps) as StepCode[] // Object.keys forgets the literal types

/** Whether a text is the code of a step. */
export function isStep(text: string): text is StepCode {
  return Object.hasOwn(steps, text)
}

/** What stands in the history without moving the case. */
export const notes = {
  note: '内部备注',
  urge: '催办',
  consult: '征求意见',
  advise: '回复意见',
  verify: '核验原件',
  object: '收到异议',
  dismiss: '异议不成立',
} as const
export type NoteCode = keyof typeof notes

/** How a line of the history is called. */
export function stepLabel(code: string): string {
  if (isStep(code)) return steps[code].label
  return Object.hasOwn(notes, code) ? notes[code as NoteCode] : code
}
