import type { Request, Response } from 'express'
import { z } from 'zod'
import { roleCodes, roles } from '../accounts/roles.ts'
import { addDays, forgetCalendar, WorkCalendar, weekdayOf } from '../calendar.ts'
import { recomputeDue } from '../cases/due.ts'
import { now, today } from '../clock.ts'
import { db, inTransaction } from '../db.ts'
import { BadRequest } from '../errors.ts'
import { choice, date, type Mistakes, readForm, text, typed, type Values } from '../forms/form.ts'
import { renderForm } from '../forms/page.ts'
import { allow, currentUser, flash, queryText } from '../http.ts'
import { type Actor, actorOf, record } from './action-log.ts'
import { markOf, whoWasFirst } from './changes.ts'
import { markFrom } from './fields.ts'
import { admin } from './router.ts'
import type { Outcome } from './users.ts'

// 工作日历: 系统管理员 keeps it, every official reads it.

const staff = roleCodes.filter(role => roles[role].staff)

interface Day {
  day: string
  works: number
  note: string
  source: 'package' | 'regulator'
  updated_at: Date
  editor: string | null
}

const longest = 31
const firstYear = 2020
const lastYear = 2099

const rangeForm = z.object({
  from: date({ label: '第一天' }),
  until: date({ label: '最后一天', hint: `只改一天就填同一天，一次最多 ${longest} 天。` }),
  works: choice({
    label: '安排',
    options: [
      { value: 'rest', label: '休息' },
      { value: 'work', label: '上班' },
    ],
  }),
  note: text({ label: '说明', max: 60, hint: '如 春节，或 国庆节调休。' }),
})
type RangeForm = z.infer<typeof rangeForm>

admin.get('/calendar', allow(...staff), async (req, res) => showYear(req, res))

admin.post('/calendar', allow('system-admin'), async (req, res) => {
  const read = readForm(rangeForm, req.body)
  const values = typed(rangeForm, req.body)
  const mark = markFrom(req)
  const mistakes = read.ok ? mistakesIn(read.data) : read.mistakes
  if (!read.ok || Object.keys(mistakes).length) return showYear(req, res, { values, mark, mistakes })
  const year = read.data.from.slice(0, 4)
  const saved = await setDays(actorOf(req, res), read.data, mark)
  if (!saved.ok) return showYear(req, res, { values, stale: saved.stale })
  // Thousands of cases take longer than a person waits, so this goes on behind the answer; the nightly job does the same again.
  if (saved.changed) recomputeDue(db, { from: read.data.from }).catch(error => req.log.error({ err: error }, 'recompute due'))
  const { from, until, works, note } = read.data
  const days = from === until ? from : `${from} 至 ${until}`
  flash(req, {
    tone: 'ok',
    text: saved.changed
      ? `${days} 已设为${works === 'work' ? '上班' : '休息'}（${note}），${saved.changed} 天有变化，在办件的到期日随之重算。`
      : '这些天本来就是这样，没有改动。',
  })
  res.redirect(303, `/desk/admin/calendar?year=${year}`)
})

function mistakesIn({ from, until }: RangeForm): Mistakes {
  const year = Number(from.slice(0, 4))
  if (year < firstYear || year > lastYear) return { from: `请填写 ${firstYear} 年到 ${lastYear} 年之间的日期。` }
  if (until < from) return { until: `最后一天早于第一天 ${from}，请改正其中一个。` }
  if (until > addDays(from, longest - 1))
    return { until: `一次最多改 ${longest} 天，请填 ${addDays(from, longest - 1)} 或更早。` }
  if (until.slice(0, 4) !== from.slice(0, 4)) return { until: `跨年的假期请分两次填，先填到 ${from.slice(0, 4)}-12-31。` }
  return {}
}

/** Writes a span of days, if the calendar still stands as it was shown. */
async function setDays(
  actor: Actor,
  { from, until, works, note }: RangeForm,
  mark: string,
): Promise<Outcome<{ changed: number }>> {
  const object = { type: 'calendar', id: 'workdays', label: `${from.slice(0, 4)} 年工作日历` }
  try {
    return await inTransaction(async (trx): Promise<Outcome<{ changed: number }>> => {
      const rows: Pick<Day, 'day' | 'works' | 'note'>[] = await trx('workdays')
        .orderBy('day')
        .forUpdate()
        .select('day', 'works', 'note')
      if (mark !== markOf(rows)) return { ok: false, mistakes: {}, stale: await whoWasFirst(trx, object) }
      const present = new Map(rows.map(row => [row.day, row]))
      const changes: Record<string, [unknown, unknown]> = {}
      for (let day = from; day <= until; day = addDays(day, 1)) {
        const before = present.get(day)
        const wanted = works === 'work'
        if (before && (before.works === 1) === wanted && before.note === note) continue
        changes[day] = [before ? inWords(before.works === 1, before.note) : inWords(weekdayOf(day) < 6), inWords(wanted, note)]
        const columns = { works: wanted, note, source: 'regulator', updated_at: now(), updated_by: actor.user_id }
        const row = { day, ...columns, created_at: now(), created_by: actor.user_id }
        await trx('workdays')
          .insert(row)
          .onConflict('day')
          .merge({ ...columns, version: trx.raw('workdays.version + 1') })
      }
      const changed = Object.keys(changes).length
      if (changed) await record(trx, actor, { action: 'calendar.update', object, detail: { changes } })
      return { ok: true, changed }
    })
  } finally {
    forgetCalendar()
  }
}

const inWords = (works: boolean, note = '') => `${works ? '上班' : '休息'}${note ? `（${note}）` : ''}`

/** What stands in the calendar, as a form about it was opened with. */
async function markOfCalendar(): Promise<string> {
  return markOf(await db('workdays').orderBy('day').select('day', 'works', 'note'))
}

async function daysOf(year: string): Promise<Day[]> {
  return await db('workdays')
    .leftJoin('users', 'users.id', 'workdays.updated_by')
    .whereBetween('workdays.day', [`${year}-01-01`, `${year}-12-31`])
    .orderBy('workdays.day')
    .select('workdays.day', 'works', 'note', 'source', 'workdays.updated_at', 'users.name as editor')
}

interface Shown {
  values?: Values
  mark?: string
  mistakes?: Mistakes
  stale?: string | undefined
}

async function showYear(req: Request, res: Response, { values, mark, mistakes = {}, stale }: Shown = {}): Promise<void> {
  const current = Number(today().slice(0, 4))
  const typedYear = /^(20[2-9]\d)-/.exec(values?.from ?? '')?.[1]
  const asked = queryText(req, 'year') || typedYear || String(current)
  const year = Number(asked)
  if (!/^\d{4}$/.test(asked) || year < firstYear || year > lastYear)
    throw new BadRequest(`年份请用 ${firstYear} 到 ${lastYear} 之间的四位数字。`)
  const rows = await daysOf(asked)
  if (stale) res.status(409)
  renderForm(res, 'admin/calendar', {
    form: rangeForm,
    values: values ?? {},
    mistakes,
    stale,
    mark: mark || (await markOfCalendar()),
    year,
    current,
    years: [year - 1, year + 1].filter(other => other >= firstYear && other <= lastYear),
    months: monthsOf(year, rows),
    workdays: countWorkdays(year, rows),
    total: rows.length,
    spans: spansOf(rows),
    keeps: currentUser(res).role === 'system-admin',
  })
}

const weekdayNames = ['周一', '周二', '周三', '周四', '周五', '周六', '周日']
const withWeekday = (day: string) => `${day} ${weekdayNames[weekdayOf(day) - 1]}`

interface Span extends Day {
  /** The last day, where there are several. */
  until: string
  days: number
}

/** Neighbouring days that say the same, as one line. */
function spansOf(rows: Day[]): (Span & { words: string })[] {
  const spans: Span[] = []
  for (const row of rows) {
    const last = spans.at(-1)
    const continues =
      last &&
      addDays(last.until, 1) === row.day &&
      last.works === row.works &&
      last.note === row.note &&
      last.source === row.source
    if (continues) Object.assign(last, { until: row.day, days: last.days + 1 })
    else spans.push({ ...row, until: row.day, days: 1 })
  }
  return spans.map(span => ({
    ...span,
    words: span.days > 1 ? `${withWeekday(span.day)} 至 ${withWeekday(span.until)}` : withWeekday(span.day),
  }))
}

interface Cell {
  number: number
  /** `plain` and `rest` follow the weekday; `holiday` and `makeup` do not. */
  look: 'plain' | 'rest' | 'holiday' | 'makeup'
  note: string
  today: boolean
}

/** The twelve months as weeks of seven places, empty where a month has not begun or is over. */
function monthsOf(year: number, rows: Day[]): { label: string; weeks: (Cell | null)[][] }[] {
  const told = new Map(rows.map(row => [row.day, row]))
  return Array.from({ length: 12 }, (_, month) => {
    const first = `${year}-${String(month + 1).padStart(2, '0')}-01`
    const cells: (Cell | null)[] = Array(weekdayOf(first) - 1).fill(null)
    for (let day = first; day.slice(0, 7) === first.slice(0, 7); day = addDays(day, 1)) cells.push(cellOf(day, told.get(day)))
    while (cells.length % 7) cells.push(null)
    return {
      label: `${month + 1} 月`,
      weeks: Array.from({ length: cells.length / 7 }, (_, week) => cells.slice(week * 7, week * 7 + 7)),
    }
  })
}

function cellOf(day: string, row: Day | undefined): Cell {
  const isWeekend = weekdayOf(day) > 5
  const look = !row ? (isWeekend ? 'rest' : 'plain') : row.works !== 1 ? 'holiday' : isWeekend ? 'makeup' : 'plain'
  return { number: Number(day.slice(8)), look, note: row?.note ?? '', today: day === today() }
}

function countWorkdays(year: number, rows: Day[]): number {
  const calendar = new WorkCalendar(new Map(rows.map(row => [row.day, row.works === 1])))
  return calendar.workdaysBetween(`${year - 1}-12-31`, `${year}-12-31`)
}
