import type { Request, Response } from 'express'
import type { User } from '../accounts/users.ts'
import { addDays, type WorkCalendar, weekdayOf, workCalendar } from '../calendar.ts'
import { type Light, lightOf } from '../cases/light.ts'
import { beijing, now, today } from '../clock.ts'
import { db } from '../db.ts'
import { currentUser } from '../http.ts'
import { countInWords } from '../lists/rows.ts'
import { blocks } from './blocks.ts'
import { houseFor } from './house.ts'
import { keepsHouse, oftenFor } from './menu.ts'
import { type Part, shown } from './part.ts'
import { type Cell, sumOf, weekdayName, weekOf } from './week.ts'

/** GET /desk */
export async function showHome(_req: Request, res: Response): Promise<void> {
  const user = currentUser(res)
  const day = today()
  const calendar = await workCalendar(db)
  const week = weekOf(calendar, day)
  const gather = (block: keyof typeof blocks) => partsOf(block, user, calendar, week)
  const [news, warnings] = await Promise.all([gather('news'), gather('warnings')])
  const locals = {
    hello: greeting(user, day, calendar),
    often: oftenFor(user),
    news: blockOf(news),
    warnings: blockOf(warnings),
  }
  if (keepsHouse(user.role)) {
    res.render('desk/house', { ...locals, house: await houseFor(db, user.role) })
    return
  }
  const [todo, mine, done, informed] = await Promise.all([gather('todo'), gather('mine'), gather('done'), gather('informed')])
  const lines = todo
    .flatMap(part => part.lines)
    .map(line => ({ ...line, light: line.light ?? (line.due_on ? lightOf(calendar, day, line.due_on) : undefined) }))
    .sort(byUrgency)
  res.render('desk/home', {
    ...locals,
    todo: { ...blockOf(todo), lines: lines.slice(0, shown) },
    mine: blockOf(mine),
    done: blockOf(done),
    informed: blockOf(informed),
    week: week.map((cell, at) => cellOf(cell, at, todo)),
    lights: countLights(week, todo),
  })
}

async function partsOf(block: keyof typeof blocks, user: User, calendar: WorkCalendar, week: readonly Cell[]): Promise<Part[]> {
  const found = await Promise.all(blocks[block].map(source => source(db, user, calendar, week)))
  return found.filter(part => part !== undefined)
}

/** A block as the page draws it; with several sources the rest lies in several places. */
function blockOf(parts: readonly Part[]) {
  const total = sumOf(parts.map(part => part.total))
  const rest = parts.flatMap(({ label, total, all }) =>
    all && total.n ? [{ label, href: all, count: countInWords(total) }] : [],
  )
  return {
    total: total.n,
    count: countInWords(total),
    lines: parts.flatMap(part => part.lines).slice(0, shown),
    rest,
    all: parts.find(part => part.all)?.all,
  }
}

interface Lit {
  light: Light | undefined
  due_on?: string
}

/** What rests stands last, whenever it was due. */
function byUrgency(one: Lit, other: Lit): number {
  const key = ({ light, due_on }: Lit) => `${light?.light === 'rest' ? 1 : 0} ${due_on ?? '9999'}`
  return key(one) < key(other) ? -1 : key(one) > key(other) ? 1 : 0
}

/** A cell leads to what it counts; where that is of several sorts it says how many of each, and leads to the first. */
function cellOf(cell: Cell, at: number, parts: readonly Part[]) {
  const here = parts.flatMap(part => {
    const count = part.week?.[at]
    return count?.n ? [{ label: part.label, count, href: part.narrowed?.(cell) ?? part.all }] : []
  })
  return {
    label: cell.label,
    look: cell.look,
    count: countInWords(sumOf(here.map(({ count }) => count))),
    some: here.length > 0,
    href: here.find(({ href }) => href)?.href,
    title: here.length > 1 ? here.map(({ label, count }) => `${label} ${countInWords(count)}`).join('，') : undefined,
  }
}

const colours = { late: 'red', soon: 'yellow', ample: 'green', paused: 'rest' } as const

function countLights(week: readonly Cell[], parts: readonly Part[]) {
  const counts = Object.entries(colours).map(([light, colour]) => {
    const cells = parts.flatMap(part => (part.week ?? []).filter((_, at) => week[at]?.light === light))
    return { colour, total: sumOf(cells) }
  })
  return counts.filter(({ total }) => total.n).map(({ colour, total }) => ({ colour, count: countInWords(total) }))
}

function greeting(user: User, day: string, calendar: WorkCalendar) {
  const hour = Number(beijing(now()).slice(11, 13))
  const part = hour < 6 ? '夜深了' : hour < 11 ? '上午好' : hour < 13 ? '中午好' : hour < 18 ? '下午好' : '晚上好'
  const monday = addDays(day, 1 - weekdayOf(day))
  const worked = [0, 1, 2, 3, 4, 5, 6].filter(offset => calendar.isWorkday(addDays(monday, offset))).length
  const [year, month, date] = day.split('-').map(Number)
  return {
    words: `${part}，${user.name}`,
    day: `${year}年${month}月${date}日 星期${weekdayName(day)}`,
    role: user.role_label,
    week: worked ? `本周 ${worked} 个工作日` : '本周放假',
  }
}
