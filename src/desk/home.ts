import type { Request, Response } from 'express'
import type { User } from '../accounts/users.ts'
import { addDays, type WorkCalendar, weekdayOf, workCalendar } from '../calendar.ts'
import { beijing, now, today } from '../clock.ts'
import { db } from '../db.ts'
import { currentUser } from '../http.ts'
import { blocks, shown } from './blocks.ts'
import { houseFor } from './house.ts'
import { keepsHouse, oftenFor } from './menu.ts'

/** GET /desk */
export async function showHome(_req: Request, res: Response): Promise<void> {
  const user = currentUser(res)
  const day = today()
  const calendar = await workCalendar(db)
  const locals = { hello: greeting(user, day, calendar), often: oftenFor(user), ...(await newsAndWarnings(user, calendar)) }
  if (keepsHouse(user.role)) {
    res.render('desk/house', { ...locals, house: await houseFor(db, user.role) })
    return
  }
  const [todo, mine, done] = await Promise.all([
    gather('todo', user, calendar),
    gather('mine', user, calendar),
    gather('done', user, calendar),
  ])
  const lines = todo.lines.map(line => ({ ...line, light: line.due_on ? lightOf(calendar, day, line.due_on) : undefined }))
  res.render('desk/home', {
    ...locals,
    todo: { ...todo, lines },
    mine,
    done,
    week: weekOf(calendar, day, todo.due),
    lights: countLights(calendar, day, todo.due),
  })
}

async function newsAndWarnings(user: User, calendar: WorkCalendar) {
  const [news, warnings] = await Promise.all([gather('news', user, calendar), gather('warnings', user, calendar)])
  return { news, warnings }
}

async function gather(block: keyof typeof blocks, user: User, calendar: WorkCalendar) {
  const found = await Promise.all(blocks[block].map(source => source(db, user, calendar)))
  const parts = found.filter(part => part !== undefined)
  const due = parts.flatMap(part => part.due ?? []).sort()
  const lines = parts.flatMap(part => part.lines).sort((a, b) => (a.due_on ?? '9999').localeCompare(b.due_on ?? '9999'))
  return { total: parts.reduce((sum, part) => sum + part.total, 0), lines: lines.slice(0, shown), due, all: parts[0]?.all }
}

const weekdays = ['', '一', '二', '三', '四', '五', '六', '日']

function greeting(user: User, day: string, calendar: WorkCalendar) {
  const hour = Number(beijing(now()).slice(11, 13))
  const part = hour < 6 ? '夜深了' : hour < 11 ? '上午好' : hour < 13 ? '中午好' : hour < 18 ? '下午好' : '晚上好'
  const monday = addDays(day, 1 - weekdayOf(day))
  const worked = [0, 1, 2, 3, 4, 5, 6].filter(offset => calendar.isWorkday(addDays(monday, offset))).length
  const [year, month, date] = day.split('-').map(Number)
  return {
    words: `${part}，${user.name}`,
    day: `${year}年${month}月${date}日 星期${weekdays[weekdayOf(day)]}`,
    role: user.role_label,
    week: worked ? `本周 ${worked} 个工作日` : '本周放假',
  }
}

/** Time left, counted in working days: three or fewer are yellow (domain.md §3). */
function lightOf(calendar: WorkCalendar, day: string, due: string) {
  const left = calendar.workdaysBetween(day, due)
  if (due < day) return { light: 'red', text: left ? `超期 ${-left} 个工作日` : '已超期' }
  if (due === day) return { light: 'yellow', text: '今天到期' }
  return { light: left <= 3 ? 'yellow' : 'green', text: `剩 ${left} 个工作日` }
}

function countLights(calendar: WorkCalendar, day: string, due: string[]) {
  const counts = { red: 0, yellow: 0, green: 0 }
  for (const on of due) counts[lightOf(calendar, day, on).light as keyof typeof counts]++
  return counts
}

/** The cells of the week: overdue, today, the next four working days, and later. */
function weekOf(calendar: WorkCalendar, day: string, due: string[]) {
  const count = (test: (on: string) => boolean) => due.filter(test).length
  const cells = [
    { label: '已超期', count: count(on => on < day), look: 'late' },
    { label: `今天 周${weekdays[weekdayOf(day)]}`, count: count(on => on === day), look: 'today' },
  ]
  let last = day
  for (let next = addDays(day, 1); cells.length < 6; next = addDays(next, 1)) {
    if (!calendar.isWorkday(next)) continue
    // What falls due on a day off counts with the working day after it.
    const from = last
    cells.push({
      label: `周${weekdays[weekdayOf(next)]} ${Number(next.slice(8))}`,
      count: count(on => on > from && on <= next),
      look: cells.length < 5 ? 'soon' : '',
    })
    last = next
  }
  const label = last <= addDays(day, 7 - weekdayOf(day)) ? '下周及以后' : '以后'
  return [...cells, { label, count: count(on => on > last), look: '' }]
}
