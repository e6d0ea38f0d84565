import { addDays, type Limit, type WorkCalendar } from '../calendar.ts'
import { dayOf } from '../clock.ts'
import type { Case, HistoryRow } from './case.ts'
import { noDue } from './case.ts'
import type { Clock, KindSettings, Place } from './kind.ts'
import { closedStates, steps } from './lifecycle.ts'
import { few, pauseInWords, waitInWords } from './light.ts'

/** What a clock of a case says on a day. */
export interface ClockReading {
  code: string
  label: string
  law: string
  limit: number
  unit: 'working-day' | 'calendar-day'
  keeper: 'desk' | 'applicant'
  /** What has to be done by then: 受理, 办结, 提交. */
  deed: string
  /** `ahead`: not begun; `running`; `paused`; `met`: ended in time; `missed`: ended late; `dropped`: the case closed before it mattered. */
  state: 'ahead' | 'running' | 'paused' | 'met' | 'missed' | 'dropped'
  /** Beijing day of the event it counts from (that day itself does not count), or nothing while it is ahead. */
  starts_on: string | null
  /** The last lawful day, pauses so far added; while paused, as if it went on when today is over. */
  due_on: string | null
  /**
   * Days used, paused and left in its unit. While it runs, today is in neither `used` nor `left` (today is day `used + 1`); once
   * it has ended, `used` holds its last day. `left` is negative as soon as the due day is over, be it only by a day of rest.
   */
  used: number
  paused: number
  left: number
  light: 'green' | 'yellow' | 'red' | 'rest'
  /** 剩 7 个工作日 · 今天到期 · 超期 1 个工作日 · 暂停，补正中 · 按时办结 */
  text: string
  /** One for each day of its unit from the start to the due day (or today, if later), for the bar. */
  cells: ('used' | 'paused' | 'today' | 'left' | 'soon' | 'late')[]
  /** The whole bar in one sentence, for its label. */
  sentence: string
  silence?: string
}

type Past = Pick<HistoryRow, 'at' | 'step' | 'from_state' | 'to_state' | 'place' | 'to_place'>

interface Input {
  kase: Pick<Case, 'state' | 'place'>
  settings: Pick<KindSettings, 'clocks' | 'chain'>
  history: readonly Past[]
  calendar: WorkCalendar
  today: string
}

/**
 * Reads all clocks of a case over its history: those of the kind, then the limit of the place it is at. Pure.
 *
 * The day of the event does not count (民法典 第二百零一条). A day counts as paused when the case was paused at its end, as far as
 * known today: of a correction, the day it was asked for does not count and the day it was answered does; asked and answered on one
 * day, it pauses nothing. A new submission after a refusal begins everything anew.
 */
export function readClocks(input: Input): ClockReading[] {
  const timeline = timelineOf(input)
  const place = input.settings.chain.find(({ code }) => code === input.kase.place)
  return [
    ...input.settings.clocks.map(clock =>
      read({ ...clock, deed: deeds[clock.until] }, spanOf(clock, timeline, input), timeline, input),
    ),
    ...(place ? placeReading(place, timeline, input) : []),
  ]
}

/**
 * What the case is sorted by: the due day of the reading that matters now, and whether that one rests. While the applicant or a
 * party has to keep a limit the case is with them, so theirs is it; else the earliest one that runs; else the earliest that rests.
 */
export function dueOf(readings: readonly ClockReading[]): { due_on: string; paused: boolean } {
  const main = openReading(readings)
  return { due_on: main?.due_on ?? noDue, paused: main?.light === 'rest' }
}

/** The reading to show large: the one the case is sorted by, else the one that ended last. Nothing before the submission. */
export function mainReading(readings: readonly ClockReading[]): ClockReading | undefined {
  const ended = readings.filter(({ state }) => state === 'met' || state === 'missed')
  const late = ended.findLast(({ state, keeper }) => state === 'missed' && keeper === 'desk')
  return openReading(readings) ?? late ?? ended.findLast(({ keeper }) => keeper === 'desk') ?? ended.at(-1)
}

function openReading(readings: readonly ClockReading[]): ClockReading | undefined {
  const open = readings.filter(({ state }) => state === 'running' || state === 'paused')
  const active = open.filter(({ light }) => light !== 'rest')
  const theirs = active.filter(({ keeper }) => keeper === 'applicant')
  const [wanted] = [theirs, active, open].filter(some => some.length)
  return wanted?.toSorted((one, other) => (one.due_on ?? noDue).localeCompare(other.due_on ?? noDue))[0]
}

/** A step on its day, and what the case is in after it. */
interface Moment extends Past {
  day: string
  /** The place it is in afterwards. */
  at_place: string | null
  /** Which pause holds afterwards. */
  pause: Clock['pauses'][number] | undefined
}

/** The steps since the last submission; notes move nothing. */
function timelineOf({ settings, history }: Input): Moment[] {
  const taken = history.filter(({ step }) => Object.hasOwn(steps, step))
  const first = taken.findLastIndex(({ step }) => step === 'submit')
  if (first < 0) return []
  const external = new Set(settings.chain.filter(({ sort }) => sort === 'external').map(({ code }) => code))
  return taken.slice(first).map(row => {
    // The place is kept while the applicant corrects.
    const at_place = row.to_state === 'supplement' ? (row.to_place ?? row.place) : row.to_place
    const outside = row.to_state === 'reviewing' && at_place !== null && external.has(at_place)
    const pause = row.to_state === 'supplement' || row.to_state === 'waiting' ? row.to_state : outside ? 'external' : undefined
    return { ...row, day: dayOf(row.at), at_place, pause }
  })
}

/** From which step to which a clock runs; without the second it still does. */
interface Span {
  from: Moment
  until?: Moment
  /** The applicant took the case back, or let it lie. */
  withdrawn?: true
}

function spanOf(clock: Pick<Clock, 'from' | 'until'>, timeline: Moment[], { settings }: Input): Span | undefined {
  const begin = timeline.findLastIndex((moment, at) => begins(clock, moment, timeline.slice(at + 1), settings.chain))
  const from = timeline[begin]
  if (!from) return undefined
  let until: Moment | undefined
  // The step that begins the last stage may end it too: a decision without publicity is also the end.
  for (const moment of clock.from === 'decided' ? timeline.slice(begin) : timeline.slice(begin + 1)) {
    if (moment.step === 'withdraw' || moment.step === 'abandon')
      return until ? { from, until } : { from, until: moment, withdrawn: true }
    if (!until && ends(clock.until, moment, settings.chain)) until = moment
    // 异议成立: the case is undecided again.
    else if (until && clock.until === 'decided' && !isDecided(moment, settings.chain)) until = undefined
  }
  return until ? { from, until } : { from }
}

function begins({ from, until }: Pick<Clock, 'from' | 'until'>, moment: Moment, later: Moment[], chain: Place[]): boolean {
  switch (from) {
    case 'submitted':
      // 受理 is owed anew from the day a corrected application comes in (行政许可法 第三十二条); other limits go on with their pause.
      return moment.step === 'submit' || (until === 'accepted' && moment.step === 'resubmit' && moment.to_state === 'submitted')
    case 'accepted':
      return moment.step === 'accept'
    case 'corrected':
      return moment.step === 'correct'
    case 'decided':
      return (
        (moment.to_state === 'waiting' || moment.to_state === 'done') &&
        isDecided(moment, chain) &&
        moment.from_state !== 'waiting' &&
        later.every(next => isDecided(next, chain))
      )
  }
}

function ends(until: Clock['until'], moment: Moment, chain: Place[]): boolean {
  switch (until) {
    case 'accepted':
      return moment.step === 'accept' || moment.step === 'correct' || moment.step === 'decline'
    case 'resubmitted':
      return moment.step === 'resubmit'
    case 'decided':
      return isDecided(moment, chain)
    case 'done':
      return isOver(moment)
  }
}

function isOver({ to_state }: Moment): boolean {
  return to_state === 'draft' || to_state === 'rejected' || closedStates.includes(to_state)
}

/** Nobody has anything to decide after this step: it ended the case, or led into a wait with no desk behind it. */
function isDecided(moment: Moment, chain: Place[]): boolean {
  if (moment.to_state !== 'waiting') return isOver(moment)
  const at = chain.findIndex(({ code }) => code === moment.at_place)
  return chain.slice(at + 1).every(({ sort }) => sort === 'wait')
}

type Counted = Pick<Clock, 'code' | 'label' | 'law' | 'limit' | 'unit' | 'pauses' | 'keeper' | 'silence'> & { deed: string }

const deeds = { accepted: '受理', resubmitted: '提交', decided: '办结', done: '办结' } as const

function read(clock: Counted, span: Span | undefined, timeline: Moment[], input: Input): ClockReading {
  const { code, label, law, limit, unit, keeper, deed, silence } = clock
  const about = { code, label, law, limit, unit, keeper, deed, ...(silence ? { silence } : {}) }
  if (!span) {
    const over = closedStates.includes(input.kase.state)
    const [state, text] = over ? (['dropped', '不再计算'] as const) : (['ahead', '尚未起算'] as const)
    const nothing = { starts_on: null, due_on: null, used: 0, paused: 0, left: limit, cells: [] }
    return { ...about, ...nothing, state, light: 'rest', text, sentence: `${label}：${days(limit, unit)}，${text}。` }
  }
  const count = countDays(clock, span, timeline, input)
  const state = stateOf(span, count, pausedNow(clock, span, timeline))
  const light = lightOf(state, count, input)
  const text = textOf(clock, state, count, input)
  const { due_on, used, paused, left } = count
  return {
    ...about,
    state,
    starts_on: span.from.day,
    due_on,
    used,
    paused,
    left,
    light,
    text,
    cells: count.cells.map(cell => (cell === 'left' && light === 'yellow' ? 'soon' : cell)),
    sentence: sentenceOf(clock, state, count, text),
  }
}

interface Count {
  due_on: string
  used: number
  paused: number
  left: number
  /** The day it is read on: today, or the day it ended. */
  on: string
  /** Whether the due day was over on that day. */
  late: boolean
  /** Whether that day is a day of the unit that counts, while the clock runs. */
  counts: boolean
  cells: ClockReading['cells']
}

function countDays(clock: Counted, span: Span, timeline: Moment[], { calendar, today }: Input): Count {
  const { limit, unit, pauses } = clock
  const ended = span.until !== undefined
  const on = span.until?.day ?? today
  const isUnit = (day: string) => unit === 'calendar-day' || calendar.isWorkday(day)
  const isPaused = pauseOn(pauses, timeline, span.until)
  const cells: ClockReading['cells'] = []
  let [used, paused, past, counts] = [0, 0, 0, false]
  let due = ''
  let counted = 0
  for (let day = addDays(span.from.day, 1); !due || day <= on; day = addDays(day, 1)) {
    // What is to come is taken as running; the day of the end counts, however the case stood before.
    const rests = day <= on && isPaused(day)
    const falls = isUnit(day)
    if (!due && !rests) {
      if (falls) counted++
      // A limit in calendar days that ends on a day of rest ends on the next working day (第二百零三条).
      if (counted >= limit && calendar.isWorkday(day)) due = day
    }
    if (!falls) continue
    const late = due !== '' && day > due
    if (rests) paused++
    else if (late) past++
    if (!rests && !late && day <= on) {
      if (day === today && !ended) counts = true
      else used++
    }
    cells.push(rests ? 'paused' : late ? 'late' : day > on ? 'left' : day === today && !ended ? 'today' : 'used')
  }
  const late = on > due
  const left = late ? -Math.max(past, 1) : cells.filter(cell => cell === 'left').length
  return { due_on: due, used, paused, left, on, late, counts, cells }
}

/** Whether a pause that this clock knows held at the end of a day. */
function pauseOn(pauses: Clock['pauses'], timeline: Moment[], until: Moment | undefined): (day: string) => boolean {
  const moments = until ? timeline.slice(0, timeline.indexOf(until) + 1) : timeline
  return day => {
    if (day === until?.day) return false
    const last = moments.findLast(moment => moment.day <= day)
    return last?.pause !== undefined && pauses.includes(last.pause)
  }
}

function pausedNow({ pauses }: Counted, { until }: Span, timeline: Moment[]): boolean {
  const pause = timeline.at(-1)?.pause
  return !until && pause !== undefined && pauses.includes(pause)
}

function stateOf(span: Span, { late }: Count, paused: boolean): ClockReading['state'] {
  if (!span.until) return paused ? 'paused' : 'running'
  if (late) return 'missed'
  return span.withdrawn ? 'dropped' : 'met'
}

function lightOf(state: ClockReading['state'], { due_on, late }: Count, { calendar, today }: Input): ClockReading['light'] {
  if (state === 'met') return 'green'
  if (state === 'missed') return 'red'
  if (state !== 'running') return 'rest'
  if (late) return 'red'
  // In working days whatever the unit: so home and lists, which know the due day alone, show the same light.
  return calendar.workdaysBetween(today, due_on) <= few ? 'yellow' : 'green'
}

const units = { 'working-day': '个工作日', 'calendar-day': '天' } as const

function days(n: number, unit: Limit['unit']): string {
  return `${n} ${units[unit]}`
}

function textOf(
  { unit, deed }: Counted,
  state: ClockReading['state'],
  { due_on, left, late, on, cells }: Count,
  { settings, kase }: Input,
): string {
  const place = settings.chain.find(({ code }) => code === kase.place)
  // 受理 is met by 退回补正 and 不予受理 too.
  const done = deed === '受理' ? '办结' : deed
  const over = cells.includes('late') ? `超期 ${days(-left, unit)}` : '已超期'
  switch (state) {
    case 'paused': {
      const why = `暂停，${pauseInWords(kase.state, place)}`
      return late ? `${why}，此前${over}` : why
    }
    case 'running':
      if (late) return over
      return due_on === on ? '今天到期' : `剩 ${days(left, unit)}`
    case 'met':
      return `按时${done}`
    case 'missed':
      return over === '已超期' ? `超期${done}` : `${over}${done}`
    default:
      return '不再计算'
  }
}

function sentenceOf({ label, limit, unit, deed }: Counted, state: ClockReading['state'], count: Count, text: string): string {
  const { due_on, used, paused, left, counts } = count
  const parts = [`${label}：${days(limit, unit)}，已用 ${used} ${units[unit].slice(0, 1)}`]
  if (paused) parts.push(`暂停 ${paused} ${units[unit].slice(0, 1)}不计入`)
  if (state === 'running' && counts) parts.push(`今天是第 ${used + 1} ${units[unit].slice(0, 1)}`)
  if (state === 'running' && left >= 0) parts.push(`剩 ${left} ${units[unit].slice(0, 1)}，应于 ${inWords(due_on)} 前${deed}`)
  else parts.push(text)
  return `${parts.join('，')}。`
}

function inWords(day: string): string {
  const [year, month, date] = day.split('-').map(Number)
  return `${year}年${month}月${date}日`
}

/**
 * The limit of the place the case is at, since it came there (at the first desk since the acceptance). At a desk or a party it is
 * a limit to keep, and days with the applicant do not count; a timed wait only ends, so it rests.
 */
function placeReading(place: Place, timeline: Moment[], input: Input): ClockReading[] {
  const isHere = ({ to_state, at_place }: Moment) =>
    at_place === place.code && ['reviewing', 'waiting', 'supplement'].includes(to_state)
  const last = timeline.findLastIndex(moment => !isHere(moment))
  const from = timeline.slice(last + 1).find(({ to_state }) => to_state !== 'supplement')
  if (!from || place.sort === 'external' || !place.limit) return []
  const clock: Counted = {
    code: `place:${place.code}`,
    label: place.label,
    law: place.sort === 'wait' ? '流程规定的期间' : '流程规定的环节时限',
    ...place.limit,
    pauses: ['supplement'],
    keeper: place.sort === 'party' ? 'applicant' : 'desk',
    deed: place.sort === 'party' ? '答复' : '办理',
  }
  const reading = read(clock, { from }, timeline, input)
  if (place.sort !== 'wait') return [reading]
  const { left, unit, due_on } = reading
  const text = waitInWords(place.label, { today: input.today, due_on: due_on ?? '', left: days(left, unit) })
  return [{ ...reading, light: 'rest', text, cells: reading.cells.map(cell => (cell === 'soon' ? 'left' : cell)) }]
}
