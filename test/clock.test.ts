import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import fc from 'fast-check'
import { addDays, WorkCalendar } from '../src/calendar.ts'
import { chainOf } from '../src/cases/chain.ts'
import { type ClockReading, dueOf, mainReading, readClocks } from '../src/cases/clock.ts'
import { type Clock, desk, external, type KindSettings, party, publicity } from '../src/cases/kind.ts'
import type { State } from '../src/cases/lifecycle.ts'

/** The clocks of a case over its history, on the holidays of 2025 and 2026 as the State Council announced them. */

const known: Record<'holidays' | 'workdays', Record<string, string>> = createRequire(import.meta.url)(
  'chinese-days/dist/chinese-days.json',
)
const calendar = new WorkCalendar(
  new Map([
    ...Object.keys(known.holidays).map(day => [day, false] as const),
    ...Object.keys(known.workdays).map(day => [day, true] as const),
  ]),
)

const chain = [
  desk('district', 'district-clerk', '区县初审', '初审中', { limit: 5 }),
  desk('city', 'city-reviewer', '市局复核', '复审中'),
  external('province', '省住建厅', 'city-clerk', '省厅审批', '省厅审批中'),
  desk('approve', 'city-approver', '市局审批', '审批中'),
  publicity('city-clerk', 5),
]

const law = '行政许可法第四十二条'
const decision: Clock = {
  code: 'decision',
  label: '办理期限',
  from: 'accepted',
  until: 'decided',
  limit: 20,
  unit: 'working-day',
  pauses: ['supplement', 'waiting', 'external'],
  law,
  keeper: 'desk',
}
const acceptance: Clock = {
  ...decision,
  code: 'acceptance',
  label: '受理',
  from: 'submitted',
  until: 'accepted',
  limit: 5,
  pauses: [],
  law: '行政许可法第三十二条',
  silence: '逾期不告知的，自收到申请材料之日起即为受理',
}
const correction: Clock = {
  ...decision,
  code: 'correction',
  label: '补正',
  from: 'corrected',
  until: 'resubmitted',
  limit: 10,
  pauses: [],
  keeper: 'applicant',
}
const filing: Clock = { ...decision, code: 'filing', label: '备案', from: 'submitted', limit: 10, unit: 'calendar-day' }
const delivery: Clock = {
  ...decision,
  code: 'delivery',
  label: '发证',
  from: 'decided',
  until: 'done',
  limit: 10,
  pauses: ['waiting'],
}

/** Steps as one tells them: when, what, to which state, to which place. The morning unless the day says a time. */
type Told = readonly [when: string, step: string, to: State, place?: string | null]

function lineUp(told: readonly Told[]) {
  let [state, place]: [State, string | null] = ['draft', null]
  return told.map(([when, step, to_state, to_place = null]) => {
    const at = new Date(`${when.length > 10 ? when : `${when}T09:00`}:00+08:00`)
    const line = { at, step, from_state: state, to_state, place, to_place, user_name: '乔远', organisation_name: '历下区' }
    ;[state, place] = [to_state, to_place]
    return line
  })
}

function readOn(today: string, told: readonly Told[], settings: Partial<KindSettings> = {}): ClockReading[] {
  const history = lineUp(told)
  const last = history.findLast(({ step }) => step !== 'note')
  const kase = { state: last?.to_state ?? 'draft', place: last?.to_place ?? null } as const
  return readClocks({
    kase,
    settings: { chain, clocks: [acceptance, decision, correction], ...settings },
    history,
    calendar,
    today,
  })
}

/** One clock of the case. */
function clockOn(today: string, clock: Clock, told: readonly Told[]): ClockReading {
  const reading = readOn(today, told, { clocks: [clock] })[0]
  assert.ok(reading)
  return reading
}

const submitted = (when: string): Told => [when, 'submit', 'submitted']
const accepted = (when: string): Told => [when, 'accept', 'reviewing', 'district']
const asked = (when: string, place: string | null = 'district'): Told => [when, 'correct', 'supplement', place]
const answered = (when: string, place: string | null = 'district'): Told => [
  when,
  'resubmit',
  place ? 'reviewing' : 'submitted',
  place,
]

// The limit itself

for (const [start, limit, due, why] of [
  ['2026-11-02', 20, '2026-11-30', 'four plain weeks'],
  ['2026-02-10', 3, '2026-02-13', 'before 春节'],
  ['2026-02-10', 4, '2026-02-14', 'the make-up Saturday before 春节 counts'],
  ['2026-02-10', 5, '2026-02-24', 'nine days of 春节 do not'],
  ['2026-02-13', 6, '2026-02-28', 'to the make-up Saturday behind 春节'],
  ['2025-01-24', 2, '2025-01-27', '2025: the make-up Sunday before 春节 counts'],
  ['2025-01-24', 3, '2025-02-05', '2025: eight days of 春节 do not'],
  ['2025-09-30', 2, '2025-10-10', '2025: 国庆 and 中秋 together'],
  ['2025-09-30', 3, '2025-10-11', '2025: the make-up Saturday behind 国庆'],
  ['2026-09-30', 3, '2026-10-10', '2026: the make-up Saturday behind 国庆'],
  ['2026-09-30', 4, '2026-10-12', '2026: but not the Sunday'],
  ['2026-10-03', 1, '2026-10-08', 'an event in the holidays'],
  ['2025-12-31', 1, '2026-01-04', 'over the year, on the make-up Sunday'],
  ['2026-01-30', 1, '2026-02-02', 'over a month end'],
  ['2028-02-28', 1, '2028-02-29', 'a leap day'],
  ['2026-11-07', 5, '2026-11-13', 'an event on a Saturday'],
] as const)
  test(`accepted on ${start}, ${limit} working days end on ${due}: ${why}`, () => {
    const reading = clockOn(start, { ...decision, limit }, [submitted(start), accepted(start)])

    assert.equal(reading.due_on, due)
    assert.equal(reading.starts_on, start)
    assert.deepEqual([reading.used, reading.left, reading.state], [0, limit, 'running'])
  })

for (const [start, due, why] of [
  ['2026-11-03', '2026-11-13', 'a Friday stays'],
  ['2026-11-04', '2026-11-16', 'a Saturday moves to Monday'],
  ['2026-09-24', '2026-10-08', 'a day of 国庆 moves behind it'],
  ['2026-02-05', '2026-02-24', 'a day of 春节 moves behind it'],
  ['2026-02-04', '2026-02-14', 'a make-up Saturday does not move'],
  ['2025-09-22', '2025-10-09', '2025: behind 国庆 and 中秋'],
  ['2025-12-22', '2026-01-04', '2026-01-01 moves to the make-up Sunday'],
  ['2028-02-19', '2028-02-29', 'a leap day'],
] as const)
  test(`filed on ${start}, 10 calendar days end on ${due}: ${why}`, () => {
    assert.equal(clockOn(start, filing, [submitted(start)]).due_on, due)
  })

test('the day of the event is one in Beijing, wherever the process runs', () => {
  const late = clockOn('2026-11-03', decision, [submitted('2026-11-02'), accepted('2026-11-02T23:59')])
  const early = clockOn('2026-11-03', decision, [submitted('2026-11-02'), accepted('2026-11-03T00:01')])

  assert.deepEqual([late.starts_on, late.due_on], ['2026-11-02', '2026-11-30'])
  assert.deepEqual([early.starts_on, early.due_on], ['2026-11-03', '2026-12-01'])
})

// Lights and words

for (const [today, text, light, used, left] of [
  ['2026-11-02', '剩 5 个工作日', 'green', 0, 5],
  ['2026-11-03', '剩 4 个工作日', 'green', 0, 4],
  ['2026-11-04', '剩 3 个工作日', 'yellow', 1, 3],
  ['2026-11-06', '剩 1 个工作日', 'yellow', 3, 1],
  ['2026-11-07', '剩 1 个工作日', 'yellow', 4, 1],
  ['2026-11-09', '今天到期', 'yellow', 4, 0],
  ['2026-11-10', '超期 1 个工作日', 'red', 5, -1],
  ['2026-11-14', '超期 4 个工作日', 'red', 5, -4],
  ['2026-11-16', '超期 5 个工作日', 'red', 5, -5],
] as const)
  test(`five working days from 2026-11-02 read on ${today}: ${text}`, () => {
    const reading = clockOn(today, { ...decision, limit: 5 }, [submitted('2026-11-02'), accepted('2026-11-02')])

    assert.deepEqual([reading.text, reading.light, reading.used, reading.left], [text, light, used, left])
  })

test('a limit that ended on a Friday is overdue on Saturday, though no working day has passed', () => {
  const reading = clockOn('2026-11-07', { ...decision, limit: 5 }, [submitted('2026-10-30'), accepted('2026-10-30')])

  assert.deepEqual([reading.due_on, reading.text, reading.light, reading.left], ['2026-11-06', '已超期', 'red', -1])
})

test('calendar days are counted in days, their light in working days as everywhere else', () => {
  const told = [submitted('2026-11-03')]

  const saturday = clockOn('2026-11-07', filing, told)
  const wednesday = clockOn('2026-11-11', filing, told)
  const after = clockOn('2026-11-16', filing, told)

  assert.deepEqual([saturday.text, saturday.light, saturday.used], ['剩 6 天', 'green', 3])
  assert.deepEqual([wednesday.text, wednesday.light], ['剩 2 天', 'yellow'])
  assert.deepEqual([after.text, after.light], ['超期 3 天', 'red'])
})

test('the bar has a cell for each working day and a sentence that says the same', () => {
  const told = [submitted('2026-11-02'), accepted('2026-11-02'), asked('2026-11-04'), answered('2026-11-06')]

  const reading = clockOn('2026-11-10', { ...decision, limit: 6 }, told)

  assert.deepEqual(reading.cells, ['used', 'paused', 'paused', 'used', 'used', 'today', 'soon', 'soon'])
  assert.equal(
    reading.sentence,
    '办理期限：6 个工作日，已用 3 个，暂停 2 个不计入，今天是第 4 个，剩 2 个，应于 2026年11月12日 前办结。',
  )
})

test('the silence of the law is passed on, and moves nothing', () => {
  const reading = clockOn('2026-11-20', acceptance, [submitted('2026-11-02')])

  assert.equal(reading.silence, acceptance.silence)
  assert.deepEqual([reading.state, reading.light], ['running', 'red'])
})

// Pauses

for (const [what, from, to, due, paused] of [
  ['asked and answered on one day pauses nothing', '2026-11-05T09:00', '2026-11-05T17:00', '2026-11-30', 0],
  ['asked at night and answered next morning pauses one day', '2026-11-05T23:00', '2026-11-06T00:30', '2026-12-01', 1],
  ['asked on Friday and answered on Monday pauses the Friday', '2026-11-06', '2026-11-09', '2026-12-01', 1],
  ['asked on Saturday and answered on Sunday pauses nothing', '2026-11-07', '2026-11-08', '2026-11-30', 0],
  ['asked on the first day', '2026-11-02', '2026-11-04', '2026-12-01', 1],
  ['asked for a week', '2026-11-05', '2026-11-12', '2026-12-07', 5],
] as const)
  test(`a correction ${what}`, () => {
    const reading = clockOn('2026-11-13', decision, [submitted('2026-11-02'), accepted('2026-11-02'), asked(from), answered(to)])

    assert.deepEqual([reading.due_on, reading.paused, reading.state], [due, paused, 'running'])
  })

test('two corrections add up', () => {
  const told = [
    submitted('2026-11-02'),
    accepted('2026-11-02'),
    asked('2026-11-04'),
    answered('2026-11-05'),
    asked('2026-11-10'),
    answered('2026-11-13'),
  ] as const

  assert.deepEqual(clockOn('2026-11-16', decision, told).due_on, '2026-12-04')
})

test('while the applicant corrects, the clock rests and the days left stay', () => {
  const told = [submitted('2026-11-02'), accepted('2026-11-02'), asked('2026-11-05')]

  const [soon, later] = [clockOn('2026-11-06', decision, told), clockOn('2026-11-20', decision, told)]

  assert.deepEqual([soon.state, soon.light, soon.text], ['paused', 'rest', '暂停，补正中'])
  assert.deepEqual([soon.used, soon.left, later.used, later.left], [2, 18, 2, 18])
  assert.deepEqual([soon.due_on, later.due_on], ['2026-12-02', '2026-12-16'])
  assert.equal(later.cells.filter(cell => cell === 'paused').length, 12)
})

test('a pause does not undo that the limit was over', () => {
  const told = [submitted('2026-11-02'), accepted('2026-11-02'), asked('2026-11-12')]

  const reading = clockOn('2026-11-20', { ...decision, limit: 5 }, told)

  assert.deepEqual([reading.due_on, reading.light, reading.text], ['2026-11-09', 'rest', '暂停，补正中，此前超期 2 个工作日'])
})

test('asked for on the very last day: that day does not count, so it falls due when the answer comes', () => {
  const told = [submitted('2026-11-02'), accepted('2026-11-02'), asked('2026-11-09'), answered('2026-11-18')]

  const reading = clockOn('2026-11-18', { ...decision, limit: 5 }, told)

  assert.deepEqual([reading.due_on, reading.text], ['2026-11-18', '今天到期'])
})

test('the pause of a limit in calendar days counts days of rest too, and the end still moves to a working day', () => {
  const told = [submitted('2026-11-03'), asked('2026-11-06', null), answered('2026-11-09', null)]

  // 10 days + 3 paused end on Monday 16; without the pause it would have been Friday 13.
  assert.deepEqual(clockOn('2026-11-10', filing, told).due_on, '2026-11-16')
})

test('a correction asked for on the working day the end has moved to moves it on', () => {
  const told = [submitted('2026-11-04'), asked('2026-11-16', null), answered('2026-11-18', null)]

  assert.equal(clockOn('2026-11-18', filing, told).due_on, '2026-11-18')
})

test('days at an authority outside the city do not count, where the clock says so', () => {
  const told: Told[] = [
    submitted('2026-11-02'),
    accepted('2026-11-02'),
    ['2026-11-04', 'pass', 'reviewing', 'city'],
    ['2026-11-06', 'pass', 'reviewing', 'province'],
  ]

  const away = clockOn('2026-11-13', decision, told)
  const back = clockOn('2026-11-16', decision, [...told, ['2026-11-16', 'pass', 'reviewing', 'approve']])
  const strict = clockOn('2026-11-13', { ...decision, pauses: ['supplement'] }, told)

  assert.deepEqual([away.text, away.paused], ['暂停，省住建厅办理中', 6])
  assert.deepEqual([back.state, back.paused, back.due_on], ['running', 6, '2026-12-08'])
  assert.deepEqual([strict.state, strict.paused], ['running', 0])
})

test('a note in the history moves nothing', () => {
  const told: Told[] = [
    submitted('2026-11-02'),
    accepted('2026-11-02'),
    asked('2026-11-05'),
    ['2026-11-09', 'urge', 'supplement', 'district'],
  ]

  assert.deepEqual(readOn('2026-11-10', told), readOn('2026-11-10', told.slice(0, 3)))
})

// From which event to which

test('acceptance is owed within its days, and the notice of correction meets it', () => {
  const told = [submitted('2026-11-02'), asked('2026-11-04', null)]

  assert.deepEqual(clockOn('2026-11-03', acceptance, told.slice(0, 1)).state, 'running')
  assert.deepEqual(
    [clockOn('2026-11-20', acceptance, told).state, clockOn('2026-11-20', acceptance, told).text],
    ['met', '按时办结'],
  )
  assert.equal(clockOn('2026-11-20', decision, told).state, 'ahead')
})

test('a corrected application has to be accepted anew, from the day it came in', () => {
  const told = [submitted('2026-11-02'), asked('2026-11-04', null), answered('2026-11-12', null)]

  const reading = clockOn('2026-11-13', acceptance, told)

  assert.deepEqual([reading.state, reading.starts_on, reading.due_on], ['running', '2026-11-12', '2026-11-19'])
})

test('accepted too late, it stays missed; on the last day it is met', () => {
  const late = clockOn('2026-12-01', acceptance, [submitted('2026-11-02'), accepted('2026-11-11')])
  const last = clockOn('2026-12-01', acceptance, [submitted('2026-11-02'), accepted('2026-11-09')])

  assert.deepEqual([late.state, late.light, late.text, late.left], ['missed', 'red', '超期 2 个工作日办结', -2])
  assert.deepEqual([last.state, last.light, last.used], ['met', 'green', 5])
})

test('a correction is the applicant’s clock', () => {
  const told = [submitted('2026-11-02'), accepted('2026-11-03'), asked('2026-11-05')]

  assert.deepEqual(clockOn('2026-11-06', correction, told.slice(0, 2)).state, 'ahead')
  assert.deepEqual(clockOn('2026-11-06', correction, told).due_on, '2026-11-19')
  assert.deepEqual(clockOn('2026-11-10', correction, [...told, answered('2026-11-10')]).text, '按时提交')
})

const decided: Told[] = [
  submitted('2026-11-02'),
  accepted('2026-11-02'),
  ['2026-11-04', 'pass', 'reviewing', 'city'],
  ['2026-11-06', 'pass', 'reviewing', 'approve'],
  ['2026-11-10', 'pass', 'waiting', 'publicity'],
]

test('the decision is made when the last desk lets the case go into publicity', () => {
  const reading = clockOn('2026-11-30', decision, decided)

  assert.deepEqual([reading.state, reading.used, reading.left], ['met', 6, 14])
})

test('an objection upheld opens the decision again; the publicity did not count', () => {
  const reading = clockOn('2026-11-16', decision, [...decided, ['2026-11-13', 'uphold', 'reviewing', 'approve']])

  // 2026-11-10 ended in publicity, as did 11 and 12.
  assert.deepEqual([reading.state, reading.paused, reading.used, reading.due_on], ['running', 3, 6, '2026-12-03'])
})

test('the stage after the decision begins with the last decision, and rests in publicity where it says so', () => {
  const upheld: Told[] = [
    ...decided,
    ['2026-11-13', 'uphold', 'reviewing', 'approve'],
    ['2026-11-17', 'pass', 'waiting', 'publicity'],
  ]

  assert.equal(clockOn('2026-11-09', delivery, decided.slice(0, 4)).state, 'ahead')
  assert.equal(clockOn('2026-11-16', delivery, upheld.slice(0, 6)).state, 'ahead')
  assert.deepEqual(clockOn('2026-11-18', delivery, upheld).starts_on, '2026-11-17')
  assert.equal(clockOn('2026-11-18', delivery, upheld).text, '暂停，公示中')
  assert.equal(clockOn('2026-11-24', delivery, [...upheld, ['2026-11-24', 'expire', 'done']]).state, 'met')
})

test('a wait in the middle of the chain decides nothing', () => {
  const middle = [
    desk('one', 'city-clerk', '经办', '初审中'),
    publicity('city-clerk', 5),
    desk('two', 'city-approver', '审批', '审批中'),
  ]
  const told: Told[] = [
    submitted('2026-11-02'),
    ['2026-11-02', 'accept', 'reviewing', 'one'],
    ['2026-11-04', 'pass', 'waiting', 'publicity'],
  ]

  const [reading] = readOn('2026-11-09', told, { chain: middle, clocks: [decision] })

  assert.deepEqual([reading?.state, reading?.paused, reading?.used], ['paused', 4, 1])
})

for (const [step, to] of [
  ['refuse', 'refused'],
  ['refuse', 'rejected'],
  ['refuse', 'draft'],
] as const)
  test(`不通过 leading to ${to} is a decision, and no limit runs after it`, () => {
    const readings = readOn('2026-11-20', [submitted('2026-11-02'), accepted('2026-11-03'), ['2026-11-09', step, to]])

    assert.deepEqual(readings.map(({ code, state }) => [code, state]).slice(0, 2), [
      ['acceptance', 'met'],
      ['decision', 'met'],
    ])
    assert.deepEqual(dueOf(readings), { due_on: '9999-12-31', paused: false })
  })

test('不予受理 meets the acceptance; the decision never began', () => {
  const readings = readOn('2026-11-20', [submitted('2026-11-02'), ['2026-11-04', 'decline', 'declined']])

  assert.deepEqual(
    readings.map(({ state }) => state),
    ['met', 'dropped', 'dropped'],
  )
})

test('withdrawn in time, a limit is dropped; withdrawn when it was over, it stays missed', () => {
  const told: Told[] = [submitted('2026-11-02'), accepted('2026-11-03')]

  assert.equal(clockOn('2026-12-20', decision, [...told, ['2026-11-10', 'withdraw', 'withdrawn']]).state, 'dropped')
  assert.equal(clockOn('2027-01-20', decision, [...told, ['2027-01-11', 'withdraw', 'withdrawn']]).state, 'missed')
})

test('a new submission after a refusal begins everything anew', () => {
  const told: Told[] = [
    submitted('2026-11-02'),
    accepted('2026-11-03'),
    ['2026-11-05', 'refuse', 'rejected'],
    submitted('2026-11-16'),
  ]

  const [first, second] = readOn('2026-11-17', told)

  assert.deepEqual([first?.state, first?.starts_on, first?.due_on], ['running', '2026-11-16', '2026-11-23'])
  assert.equal(second?.state, 'ahead')
})

test('nothing runs before the submission', () => {
  const readings = readOn('2026-11-17', [])

  assert.deepEqual(
    readings.map(({ state }) => state),
    ['ahead', 'ahead', 'ahead'],
  )
  assert.equal(mainReading(readings), undefined)
})

// The limit of the place

const placeOn = (today: string, told: readonly Told[], settings?: Partial<KindSettings>) =>
  readOn(today, told, settings).find(({ code }) => code.startsWith('place:'))

test('a desk with a limit of its own has it from the acceptance, or from the day the case came', () => {
  assert.equal(placeOn('2026-11-03', [submitted('2026-11-02')]), undefined)
  const first = placeOn('2026-11-04', [submitted('2026-11-02'), accepted('2026-11-03')])
  assert.deepEqual(
    [first?.code, first?.label, first?.starts_on, first?.due_on],
    ['place:district', '区县初审', '2026-11-03', '2026-11-10'],
  )

  const back: Told[] = [
    submitted('2026-11-02'),
    accepted('2026-11-03'),
    ['2026-11-05', 'pass', 'reviewing', 'city'],
    ['2026-11-09', 'sendBack', 'reviewing', 'district'],
  ]
  assert.equal(placeOn('2026-11-10', back)?.starts_on, '2026-11-09')
  assert.equal(placeOn('2026-11-10', back.slice(0, 3)), undefined)
})

test('the days of a correction do not count for the desk that asked', () => {
  const told = [submitted('2026-11-02'), accepted('2026-11-03'), asked('2026-11-05'), answered('2026-11-11')]

  assert.equal(placeOn('2026-11-06', told.slice(0, 3))?.state, 'paused')
  assert.deepEqual([placeOn('2026-11-12', told)?.due_on, placeOn('2026-11-12', told)?.starts_on], ['2026-11-16', '2026-11-03'])
})

test('a publicity only ends: it never turns yellow or red', () => {
  for (const [today, text] of [
    ['2026-11-11', '公示还有 4 个工作日'],
    ['2026-11-17', '公示今天期满'],
    ['2026-11-19', '公示期已满'],
  ] as const) {
    const reading = placeOn(today, decided)
    assert.deepEqual([reading?.text, reading?.light, reading?.due_on], [text, 'rest', '2026-11-17'])
  }
})

test('a party that must answer keeps its own limit', () => {
  const asking = [desk('one', 'city-clerk', '经办', '初审中'), party('reply', 'respondent', '被申请人答复', '待答复', 3)]
  const told: Told[] = [
    submitted('2026-11-02'),
    ['2026-11-02', 'accept', 'reviewing', 'one'],
    ['2026-11-03', 'pass', 'reviewing', 'reply'],
  ]

  const readings = readOn('2026-11-04', told, { chain: asking, clocks: [{ ...decision, limit: 3 }] })

  assert.deepEqual(
    readings.map(({ keeper, due_on }) => [keeper, due_on]),
    [
      ['desk', '2026-11-05'],
      ['applicant', '2026-11-06'],
    ],
  )
  assert.equal(dueOf(readings).due_on, '2026-11-06')
})

// What the case is sorted by

for (const [what, today, told, due_on, paused, main] of [
  ['a draft has nothing due', '2026-11-03', [], '9999-12-31', false, undefined],
  ['before the acceptance, that is due', '2026-11-03', [submitted('2026-11-02')], '2026-11-09', false, 'acceptance'],
  [
    'with a desk, the earliest',
    '2026-11-04',
    [submitted('2026-11-02'), accepted('2026-11-03')],
    '2026-11-10',
    false,
    'place:district',
  ],
  [
    'with the applicant, the correction',
    '2026-11-06',
    [submitted('2026-11-02'), accepted('2026-11-03'), asked('2026-11-05')],
    '2026-11-19',
    false,
    'correction',
  ],
  ['in publicity, its end, at rest', '2026-11-11', decided, '2026-11-17', true, 'place:publicity'],
  ['done, nothing', '2026-11-20', [...decided, ['2026-11-18', 'expire', 'done']] as Told[], '9999-12-31', false, 'decision'],
] as const)
  test(`sorted by: ${what}`, () => {
    const readings = readOn(today, told)

    assert.deepEqual(dueOf(readings), { due_on, paused })
    assert.equal(mainReading(readings)?.code, main)
  })

test('without a limit for the correction, the case rests', () => {
  const told = [submitted('2026-11-02'), accepted('2026-11-03'), asked('2026-11-05')]

  assert.deepEqual(dueOf(readOn('2026-11-06', told, { clocks: [acceptance, decision] })).paused, true)
})

// Whatever the history

const histories = fc
  .record({
    start: fc.integer({ min: 0, max: 400 }),
    gaps: fc.array(fc.tuple(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 0, max: 15 })), { maxLength: 4 }),
    limit: fc.integer({ min: 1, max: 30 }),
    later: fc.integer({ min: 0, max: 60 }),
    unit: fc.constantFrom('working-day' as const, 'calendar-day' as const),
  })
  .map(({ start, gaps, limit, later, unit }) => {
    let day = addDays('2025-01-01', start)
    const told: Told[] = [submitted(day), accepted(day)]
    for (const [runs, rests] of gaps) {
      const from = addDays(day, runs)
      day = addDays(from, rests)
      told.push(asked(from), answered(day))
    }
    return { told, clock: { ...decision, limit, unit }, today: addDays(day, later) }
  })

test('days used, today and left always make up the limit, and the bar counts what the figures say', () => {
  fc.assert(
    fc.property(histories, ({ told, clock, today }) => {
      const { used, paused, left, cells, due_on, light } = clockOn(today, clock, told)
      const count = (...wanted: string[]) => cells.filter(cell => wanted.includes(cell)).length

      assert.equal(count('used'), used)
      assert.equal(count('paused'), paused)
      assert.ok(calendar.isWorkday(due_on ?? ''))
      assert.equal(light === 'red', today > (due_on ?? ''))
      if (left >= 0) assert.equal(count('left', 'soon'), left)
      if (clock.unit === 'working-day') assert.equal(count('used', 'today', 'left', 'soon'), clock.limit)
      else assert.ok(count('used', 'today', 'left', 'soon') >= clock.limit)
    }),
  )
})

test('a pause never makes a limit end earlier, and without one it ends as the calendar says', () => {
  fc.assert(
    fc.property(histories, ({ told, clock, today }) => {
      const due = clockOn(today, clock, told).due_on ?? ''
      const unpaused = clockOn(today, { ...clock, pauses: [] }, told).due_on ?? ''

      assert.ok(due >= unpaused)
      if (told.length === 2) assert.equal(due, calendar.dueOn(told[1]?.[0] ?? '', clock))
    }),
  )
})

test('without a pause the due day does not depend on the day it is read', () => {
  fc.assert(
    fc.property(histories, fc.integer({ min: 0, max: 90 }), ({ told, clock, today }, later) => {
      assert.equal(clockOn(today, clock, told).due_on, clockOn(addDays(today, later), clock, told).due_on)
    }),
  )
})

// The way through the chain

const names = { who: (line: { user_name: string }) => line.user_name, holder: '您', start: '企业提交', end: '发证' }

function wayOf(told: readonly Told[]) {
  const history = lineUp(told)
  const last = history.at(-1)
  const kase = {
    state: last?.to_state ?? 'draft',
    place: last?.to_place ?? null,
    held_since: last?.at ?? new Date('2026-11-01T01:00:00Z'),
  } as const
  return chainOf(kase, { chain }, history, names).map(
    ({ label, text, past, now }) => `${past ? '✓' : now ? '▸' : '·'} ${label} ${text}`,
  )
}

test('the chain says who had the case, who has it and what is to come', () => {
  assert.deepEqual(wayOf(decided.slice(0, 3)), [
    '✓ 企业提交 11-02',
    '✓ 区县初审 乔远 11-04',
    '▸ 市局复核 您，11-04 起',
    '· 省厅审批 —',
    '· 市局审批 —',
    '· 公示 5 个工作日',
    '· 发证 —',
  ])
})

test('sent back, what lies ahead is ahead again', () => {
  const way = wayOf([...decided.slice(0, 3), ['2026-11-09', 'sendBack', 'reviewing', 'district']])

  assert.deepEqual(way.slice(0, 3), ['✓ 企业提交 11-02', '▸ 区县初审 您，11-09 起', '· 市局复核 —'])
})

test('a correction waits at the desk that asked for it; before the acceptance that is the first', () => {
  assert.equal(wayOf([submitted('2026-11-02'), accepted('2026-11-03'), asked('2026-11-05')])[1], '▸ 区县初审 等待补正，11-05 起')
  assert.equal(wayOf([submitted('2026-11-02'), asked('2026-11-05', null)])[1], '▸ 区县初审 等待补正，11-05 起')
  assert.equal(wayOf([submitted('2026-11-02')])[1], '▸ 区县初审 您，11-02 起')
})

test('a case that ended early stops where it ended', () => {
  assert.deepEqual(wayOf([submitted('2026-11-02'), ['2026-11-04', 'decline', 'declined']]), [
    '✓ 企业提交 11-02',
    '✓ 区县初审 乔远 11-04',
    '✓ 不予受理 11-04',
  ])
  assert.deepEqual(wayOf([...decided.slice(0, 3), ['2026-11-09', 'refuse', 'refused']]).slice(2), [
    '✓ 市局复核 乔远 11-09',
    '✓ 不予通过 11-09',
  ])
  assert.deepEqual(wayOf([submitted('2026-11-02'), ['2026-11-04', 'withdraw', 'withdrawn']]), [
    '✓ 企业提交 11-02',
    '✓ 已撤回 11-04',
  ])
})

test('done, everything lies behind; rejected or not yet submitted, it is with the applicant', () => {
  assert.ok(wayOf([...decided, ['2026-11-18', 'expire', 'done']]).every(place => place.startsWith('✓')))
  assert.equal(wayOf([])[0], '▸ 企业提交 未提交，11-01 起')
  assert.equal(
    wayOf([submitted('2026-11-02'), accepted('2026-11-03'), ['2026-11-05', 'refuse', 'rejected']])[0],
    '▸ 企业提交 已驳回，11-05 起',
  )
})
