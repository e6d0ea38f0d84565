import { dayOf } from '../clock.ts'
import type { Case, HistoryRow } from './case.ts'
import type { KindSettings, Place } from './kind.ts'
import { closedStates, states, steps } from './lifecycle.ts'

/** One place of the way of a case, as the case page draws it. */
export interface ChainPlace {
  label: string
  /** Who and when: 乔远 11-17; or what is to come: 5 个工作日. */
  text: string
  past: boolean
  now: boolean
  sort: Place['sort'] | 'start' | 'end'
}

type Line = Pick<HistoryRow, 'at' | 'step' | 'place' | 'to_place' | 'user_name' | 'organisation_name'>

/** What differs from reader to reader and from kind to kind. */
export interface ChainNames {
  /** Who took a step, as this reader may know it: a person for officials, an office for applicants. */
  who(line: Line): string
  /** Whom the case waits for now: 您, or nobody by name. */
  holder: string
  /** The first place: 企业提交. */
  start: string
  /** The last one: 发证, 办结. */
  end: string
}

/**
 * The way of a case since it was last submitted: the submission, the places of the chain, the end. What lies behind says who and
 * when; where the case is says since when; what is to come says how long it takes. A case that ended early stops where it ended.
 */
export function chainOf(
  kase: Pick<Case, 'state' | 'place' | 'held_since'>,
  { chain }: Pick<KindSettings, 'chain'>,
  history: readonly Line[],
  names: ChainNames,
): ChainPlace[] {
  const taken = history.filter(({ step }) => Object.hasOwn(steps, step))
  const lines = taken.slice(
    Math.max(
      taken.findLastIndex(({ step }) => step === 'submit'),
      0,
    ),
  )
  const { state } = kase
  const isOver = closedStates.includes(state)
  const isAtStart = state === 'draft' || state === 'rejected'
  const last = lines.at(-1)
  const here = isAtStart ? -1 : state === 'done' ? chain.length : placeIndex(chain, isOver ? last?.place : kase.place)
  const reached = isOver && state !== 'done' ? chain.slice(0, state === 'withdrawn' ? here : here + 1) : chain
  const since = `${short(kase.held_since)} 起`

  const places = reached.map((place, index): ChainPlace => {
    const { label, sort } = place
    const now = !isOver && index === here
    const past = index < here || (isOver && index === here)
    const waits = state === 'supplement' ? `等待补正，${since}` : [names.holder, since].filter(Boolean).join('，')
    return { label, sort, now, past, text: now ? waits : past ? signature(place, index, lines, names) : prospect(place) }
  })
  const submission = lines.find(({ step }) => step === 'submit')
  return [
    {
      label: names.start,
      text: isAtStart ? `${states[state].label}，${since}` : submission ? short(submission.at) : '',
      past: !isAtStart,
      now: isAtStart,
      sort: 'start',
    },
    ...places,
    {
      label: isOver && state !== 'done' ? states[state].label : names.end,
      text: isOver && last ? short(last.at) : '—',
      past: isOver,
      now: false,
      sort: 'end',
    },
  ]
}

/** Before the acceptance a case is with the first desk, though at no place yet. */
function placeIndex(chain: readonly Place[], code: string | null | undefined): number {
  return Math.max(
    chain.findIndex(place => place.code === code),
    0,
  )
}

/** Who let the case go on from here last, and when; 受理 or 不予受理 is at no place yet and belongs to the first. */
function signature({ code, sort }: Place, index: number, lines: readonly Line[], names: ChainNames): string {
  const line = lines.findLast(line => (line.place ?? (index === 0 ? code : null)) === code && line.to_place !== code)
  if (!line) return ''
  return [sort === 'wait' ? '' : names.who(line), short(line.at)].filter(Boolean).join(' ')
}

function prospect(place: Place): string {
  const limit = place.sort === 'external' ? undefined : place.limit
  return limit ? `${limit.limit} ${limit.unit === 'working-day' ? '个工作日' : '天'}` : '—'
}

/** Month and day are enough within one case. */
function short(moment: Date): string {
  return dayOf(moment).slice(5)
}
