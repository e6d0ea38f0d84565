import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { addDays, loadKnownDays, WorkCalendar, weekdayOf, workCalendar } from '../src/calendar.ts'
import { openSchema } from './portal.ts'

/** 工作日历, on the holidays the State Council announced for 2025 and 2026 as the migration loads them. */

let schema: Awaited<ReturnType<typeof openSchema>>
let calendar: WorkCalendar
before(async () => {
  schema = await openSchema('calendar')
  calendar = await workCalendar(schema.db)
})
after(() => schema.close())

const plain = new WorkCalendar(new Map())

for (const [day, works] of [
  ['2026-01-02', false], // 元旦, a Friday
  ['2026-01-04', true], // its make-up Sunday
  ['2026-02-14', true], // the make-up Saturday before 春节
  ['2026-02-15', false],
  ['2026-02-16', false], // 除夕, a Monday
  ['2026-02-23', false], // the last day of 春节, a Monday
  ['2026-02-24', true],
  ['2026-02-28', true], // the make-up Saturday after it
  ['2026-09-20', true], // the make-up Sunday before 国庆
  ['2026-10-01', false],
  ['2026-10-07', false],
  ['2026-10-10', true], // the make-up Saturday after it
  ['2026-10-11', false],
  ['2025-10-06', false], // 中秋 inside 国庆
  ['2025-10-11', true],
  ['2026-11-23', true], // an ordinary Monday
  ['2026-11-28', false], // an ordinary Saturday
] as const)
  test(`${day} is ${works ? 'worked' : 'a day of rest'}`, () => {
    assert.equal(calendar.isWorkday(day), works)
  })

for (const [from, n, expected, why] of [
  ['2026-02-12', 1, '2026-02-13', 'the next day'],
  ['2026-02-13', 1, '2026-02-14', 'a make-up Saturday counts'],
  ['2026-02-14', 1, '2026-02-24', 'nine days of 春节 do not'],
  ['2026-02-13', 5, '2026-02-27', 'over 春节'],
  ['2026-02-13', 6, '2026-02-28', 'to the make-up Saturday behind it'],
  ['2026-09-30', 1, '2026-10-08', 'seven days of 国庆 do not'],
  ['2026-09-30', 3, '2026-10-10', 'its make-up Saturday counts'],
  ['2026-09-30', 4, '2026-10-12', 'the Sunday after it does not'],
  ['2026-10-01', 1, '2026-10-08', 'an event on a holiday begins the same way'],
  ['2026-03-31', 20, '2026-04-29', 'over a month end and 清明'],
  ['2026-10-12', -1, '2026-10-10', 'backwards'],
  ['2026-10-08', -1, '2026-09-30', 'backwards over 国庆'],
  ['2026-02-17', 0, '2026-02-17', 'nothing is nothing'],
] as const)
  test(`${n} working days from ${from}: ${expected}, ${why}`, () => {
    assert.equal(calendar.addWorkdays(from, n), expected)
    if (n > 0 && calendar.isWorkday(from)) assert.equal(calendar.workdaysBetween(from, expected), n)
  })

for (const [from, to, expected] of [
  ['2026-02-13', '2026-02-13', 0],
  ['2026-02-13', '2026-02-23', 1], // only the make-up Saturday
  ['2026-09-30', '2026-10-07', 0],
  ['2026-09-30', '2026-10-12', 4],
  ['2026-10-12', '2026-09-30', -4],
  ['2025-12-31', '2026-12-31', 248],
  ['2024-12-31', '2025-12-31', 248],
] as const)
  test(`from ${from} to ${to} are ${expected} working days`, () => {
    assert.equal(calendar.workdaysBetween(from, to), expected)
  })

for (const [day, limit, expected, why] of [
  ['2026-09-24', 10, '2026-10-08', 'the tenth day lies in 国庆 and moves behind it'],
  ['2026-02-05', 10, '2026-02-24', 'the tenth day lies in 春节'],
  ['2026-01-25', 20, '2026-02-14', 'a make-up Saturday does not move'],
  ['2026-11-13', 15, '2026-11-30', 'a Saturday moves to Monday'],
  ['2026-11-13', 17, '2026-11-30', 'a Monday stays'],
] as const)
  test(`${limit} calendar days from ${day} end on ${expected}: ${why}`, () => {
    assert.equal(calendar.dueOn(day, { limit, unit: 'calendar-day' }), expected)
  })

test('a limit in working days ends on a working day by itself', () => {
  assert.equal(calendar.dueOn('2026-09-30', { limit: 3, unit: 'working-day' }), '2026-10-10')
})

test('a leap day, a month end and a year end are days like others', () => {
  assert.equal(plain.addWorkdays('2028-02-28', 1), '2028-02-29')
  assert.equal(plain.addWorkdays('2028-02-29', 1), '2028-03-01')
  assert.equal(plain.addWorkdays('2026-02-27', 1), '2026-03-02')
  assert.equal(plain.addWorkdays('2027-12-31', 1), '2028-01-03')
  assert.equal(plain.dueOn('2028-02-19', { limit: 10, unit: 'calendar-day' }), '2028-02-29')
  assert.equal(addDays('2028-02-28', 2), '2028-03-01')
  assert.equal(addDays('2026-01-01', -1), '2025-12-31')
  assert.deepEqual(['2026-11-23', '2026-11-29'].map(weekdayOf), [1, 7])
})

test('the days do not depend on the zone of the process', () => {
  const zone = process.env.TZ
  try {
    for (const TZ of ['Asia/Shanghai', 'America/Los_Angeles', 'Pacific/Kiritimati']) {
      process.env.TZ = TZ
      assert.equal(calendar.addWorkdays('2026-09-30', 3), '2026-10-10')
    }
  } finally {
    if (zone === undefined) delete process.env.TZ
    else process.env.TZ = zone
  }
})

test('loading the announced days again changes nothing, and what the regulator has said stays', async () => {
  await schema.db('workdays').where({ day: '2026-02-16' }).update({ works: true, note: '值班', source: 'regulator' })
  await schema.db('workdays').where({ day: '2026-02-17' }).delete()

  assert.equal(await loadKnownDays(schema.db), 1)
  assert.equal(await loadKnownDays(schema.db), 0)

  const row = await schema.db('workdays').where({ day: '2026-02-16' }).first()
  assert.deepEqual([row.works, row.note, row.source], [1, '值班', 'regulator'])
})
