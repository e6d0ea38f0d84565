import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { WorkCalendar } from '../src/calendar.ts'
import {
  committeeFault,
  completeBy,
  dayFaults,
  earliestAnnouncement,
  earliestClosing,
  expertsNeeded,
  lastClarification,
  lastDay,
  lastFixing,
  type TenderDays,
} from '../src/modules/filings/dates.ts'

/** The days of a tender and of the filings after it, with the holidays of 2026 as the State Council announced them. */

const known: { holidays: Record<string, string>; workdays: Record<string, string> } = createRequire(import.meta.url)(
  'chinese-days/dist/chinese-days.json',
)
const calendar = new WorkCalendar(
  new Map([
    ...Object.keys(known.holidays).map(day => [day, false] as const),
    ...Object.keys(known.workdays).map(day => [day, true] as const),
  ]),
)

test('the announcement comes ten calendar days after the submission at the earliest, holidays or not', () => {
  for (const [submitted, earliest] of [
    ['2026-09-25', '2026-10-05'],
    ['2026-02-10', '2026-02-20'],
    ['2026-12-25', '2027-01-04'],
    ['2028-02-20', '2028-03-01'],
    ['2026-02-20', '2026-03-02'],
  ] as const)
    assert.equal(earliestAnnouncement(submitted, 10), earliest, submitted)
})

test('bids close twenty calendar days after the documents are handed out, clarifications end fifteen before', () => {
  assert.equal(earliestClosing('2026-09-20', 20), '2026-10-10')
  assert.equal(lastClarification('2026-10-10', 15), '2026-09-25')
  assert.equal(lastFixing('2026-12-31', 30), '2026-12-01')
})

test('what has to be done within a limit may still be done on the next working day after a rest day', () => {
  for (const [from, days, last, why] of [
    ['2026-11-02', 15, '2026-11-17', 'an ordinary Tuesday'],
    ['2026-11-06', 15, '2026-11-23', 'a Saturday turns into Monday'],
    ['2026-09-18', 15, '2026-10-08', '国庆 is over on 7 October'],
    ['2026-09-21', 10, '2026-10-08', 'its first day likewise'],
    ['2026-02-01', 15, '2026-02-24', '春节 is over on 23 February'],
    ['2026-01-30', 15, '2026-02-14', 'a Saturday that is worked for 春节'],
    ['2026-09-10', 10, '2026-09-20', 'a Sunday that is worked for 国庆'],
    ['2026-09-10', 30, '2026-10-10', 'a Saturday that is worked for 国庆, thirty days after the notice'],
  ] as const)
    assert.equal(lastDay(from, days, calendar), last, why)
})

test('the tender is over before the licence, thirty days before a sale, ninety before the use', () => {
  const days = { sale: 30, own: 90 }
  assert.equal(completeBy('presale', '2026-03-01', days), '2026-02-28')
  assert.equal(completeBy('sale', '2026-03-31', days), '2026-03-01')
  assert.equal(completeBy('own', '2026-04-01', days), '2026-01-01')
})

test('a committee is odd, of five at least, two thirds of it experts', () => {
  assert.deepEqual([5, 7, 9, 11].map(expertsNeeded), [4, 5, 6, 8])
  for (const [size, experts, isRight] of [
    [3, 3, false],
    [4, 4, false],
    [5, 3, false],
    [5, 4, true],
    [5, 5, true],
    [5, 6, false],
    [6, 6, false],
    [7, 4, false],
    [7, 5, true],
    [9, 6, true],
    [11, 7, false],
  ] as const)
    assert.equal(committeeFault(size, experts, 5) === undefined, isRight, `${experts} of ${size}`)
})

const limits = { announce: 10, bidding: 20, clarification: 15, fixing: 30 }
const plan: TenderDays = {
  announce_on: '2026-09-30',
  documents_from: '2026-09-30',
  documents_until: '2026-10-08',
  clarify_until: '2026-10-05',
  bids_until: '2026-10-20',
  opens_on: '2026-10-20',
  valid_until: '2026-11-20',
}

test('a plan on the very edge of every rule stands', () => {
  assert.deepEqual(dayFaults(plan, '2026-09-20', limits), {})
})

test('one day beyond an edge is told beside the day it is about, with the day that would do', () => {
  const faults = (changes: Partial<TenderDays>, submitted = '2026-09-20') => dayFaults({ ...plan, ...changes }, submitted, limits)
  for (const [changes, field, words] of [
    [{ announce_on: '2026-09-29' }, 'announce_on', /最早 2026-09-30/],
    [{ documents_from: '2026-09-29' }, 'documents_from', /早于公告日期 2026-09-30/],
    [{ documents_until: '2026-09-29' }, 'documents_until', /早于开始日期/],
    [
      { bids_until: '2026-10-19', opens_on: '2026-10-19', clarify_until: '2026-10-04' },
      'bids_until',
      /现为 19 日，最早 2026-10-20/,
    ],
    [{ bids_until: '2026-09-29', opens_on: '2026-09-29', clarify_until: '' }, 'bids_until', /早于招标文件/],
    [{ documents_until: '2026-10-21' }, 'bids_until', /早于招标文件发出截止/],
    [{ clarify_until: '2026-10-06' }, 'clarify_until', /最晚 2026-10-05/],
    [{ clarify_until: '2026-09-29' }, 'clarify_until', /早于招标文件/],
    [{ opens_on: '2026-10-21', valid_until: '2026-11-21' }, 'opens_on', /应为 2026-10-20/],
    [{ valid_until: '2026-11-19' }, 'valid_until', /至少到 2026-11-20/],
  ] as const) {
    const found = faults(changes)
    assert.deepEqual(Object.keys(found), [field], JSON.stringify(changes))
    assert.match(found[field] ?? '', words)
  }
  assert.deepEqual(Object.keys(faults({}, '2026-09-21')), ['announce_on'], 'a day later, the same plan is too early')
})
