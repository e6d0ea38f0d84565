import type { Source } from '../desk/part.ts'
import { upTo } from '../desk/week.ts'
import { causes, readBy, visibleWarnings, type Warning } from './warnings.ts'

const lines = 5
/** Nobody reads a hundred warnings to know that there are many. */
const fewCounted = 100

/** 预警 on the home page: what stands and this person has not read yet, the red first. */
export const openWarnings: Source = async (db, user) => {
  if (!causes.some(({ roles }) => roles.includes(user.role))) return undefined
  const unread = () => readBy(visibleWarnings(db, user).whereNull('warnings.closed_at'), user, false)
  const counted = unread()
    .select(db.raw('1'))
    .limit(fewCounted + 1)
  const [[count], rows]: [{ n: number }[], Pick<Warning, 'id' | 'title' | 'level'>[]] = await Promise.all([
    db.from(counted.as('counted')).count({ n: '*' }),
    unread()
      .orderBy(['warnings.level', 'warnings.due_on', 'warnings.id'])
      .limit(lines)
      .select('warnings.id', 'warnings.title', 'warnings.level'),
  ])
  return {
    label: '预警',
    total: upTo(count?.n ?? 0, fewCounted),
    all: '/desk/warnings',
    lines: rows.map(({ id, title, level }) => ({ title, level, href: `/desk/warnings/${id}` })),
  }
}
