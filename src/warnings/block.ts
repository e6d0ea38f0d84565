import type { Source } from '../desk/part.ts'
import { upTo } from '../desk/week.ts'
import { mostCounted } from '../lists/rows.ts'
import { causes, readBy, visibleWarnings, type Warning } from './warnings.ts'

const lines = 5

/** 预警 on the home page: what stands and this person has not read yet, the red first. */
export const openWarnings: Source = async (db, user) => {
  if (!causes.some(({ roles }) => roles.includes(user.role))) return undefined
  const unread = () => readBy(visibleWarnings(db, user).whereNull('warnings.closed_at'), user, false)
  const counted = unread()
    .select(db.raw('1'))
    .limit(mostCounted + 1)
  const [[count], rows]: [{ n: number }[], Pick<Warning, 'id' | 'title' | 'level'>[]] = await Promise.all([
    db.from(counted.as('counted')).count({ n: '*' }),
    unread()
      .orderBy(['warnings.level', 'warnings.due_on', 'warnings.id'])
      .limit(lines)
      .select('warnings.id', 'warnings.title', 'warnings.level'),
  ])
  return {
    label: '预警',
    total: upTo(count?.n ?? 0),
    all: '/desk/warnings',
    lines: rows.map(({ id, title, level }) => ({ title, level, href: `/desk/warnings/${id}` })),
  }
}
