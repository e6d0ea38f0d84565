import type { Knex } from 'knex'
import { type Role, roleCodes, roles } from '../accounts/roles.ts'
import { fromNow, now, today } from '../clock.ts'

/** What one of the three administrators finds on the home page: figures, and a list of what wants a look. */
export interface House {
  label: string
  figures: { label: string; value: number; unit: string; note?: string; href?: string }[]
  list: {
    label: string
    hint: string
    empty: string
    lines: { title: string; who: string; note: string; href?: string }[]
    total: number
    all?: string
  }
}

const day = 86_400_000
const shown = 8
const sinceMidnight = () => new Date(`${today()}T00:00:00+08:00`)

/**
 * The home of 系统管理员, 安全管理员 and 审计管理员: each sees what is his to keep, and no business (GB/T 22239-2019 8.1.5).
 * In a large city the figures take a while to count. They are kept for twenty times as long as that took, so a small city always
 * shows the present moment and no city spends more than a twentieth of its time on counting.
 * @param role one of the three
 */
export async function houseFor(db: Knex, role: Role): Promise<House> {
  const known = counted.get(role)
  if (known && known.until > performance.now()) return await known.house
  const began = performance.now()
  const fresh = { house: countHouse(db, role), until: Number.POSITIVE_INFINITY }
  counted.set(role, fresh)
  try {
    return await fresh.house
  } finally {
    // A failure is not kept: its time is over at once.
    fresh.until = performance.now() + 20 * (performance.now() - began)
    fresh.house.catch(() => counted.delete(role))
  }
}

const counted = new Map<Role, { house: Promise<House>; until: number }>()

function countHouse(db: Knex, role: Role): Promise<House> {
  if (role === 'system-admin') return accountsHouse(db)
  if (role === 'security-admin') return grantsHouse(db)
  return logsHouse(db)
}

async function accountsHouse(db: Knex): Promise<House> {
  // 等保 8.1.4.2 c): accounts nobody has used for 90 days are looked at.
  const idle = () =>
    db('users')
      .where({ 'users.status': 'active' })
      .where(query =>
        query
          .where('users.last_signed_in_at', '<', fromNow(-90 * day))
          .orWhere(never => never.whereNull('users.last_signed_in_at').where('users.created_at', '<', fromNow(-90 * day))),
      )
  const [byStatus, waiting, organisations, idleCount, rows] = await Promise.all([
    db('users').groupBy('status').select('status').count({ n: '*' }) as Promise<{ status: string; n: number }[]>,
    count(db('users').where({ status: 'active', must_change_password: true })),
    count(db('organisations').where({ status: 'active' })),
    count(idle()),
    idle()
      .join('organisations', 'organisations.id', 'users.organisation_id')
      .orderBy([{ column: 'users.last_signed_in_at' }, { column: 'users.id' }])
      .limit(shown)
      .select(
        'users.id',
        'users.name',
        'users.username',
        'organisations.name as organisation',
        'users.last_signed_in_at',
      ) as Promise<{ id: number; name: string; username: string; organisation: string; last_signed_in_at: Date | null }[]>,
  ])
  const of = (status: string) => Number(byStatus.find(row => row.status === status)?.n ?? 0)
  return {
    label: '账号与单位',
    figures: [
      { label: '在用账号', value: of('active'), unit: '个', href: '/desk/lists/users?status=active' },
      { label: '停用账号', value: of('disabled'), unit: '个', href: '/desk/lists/users?status=disabled' },
      { label: '等待首次改密', value: waiting, unit: '个' },
      { label: '在用单位', value: organisations, unit: '家', href: '/desk/lists/organisations?status=active' },
    ],
    list: {
      label: '90 天没有登录的账号',
      hint: '核实后停用，人员调离的请一并收回',
      empty: '所有在用账号 90 天内都登录过。',
      total: idleCount,
      all: '/desk/lists/users?idle=yes&status=active',
      lines: rows.map(row => ({
        title: `${row.name}（${row.username}）`,
        who: row.organisation,
        href: `/desk/admin/users/${row.id}`,
        note: row.last_signed_in_at
          ? `${Math.floor((now().getTime() - row.last_signed_in_at.getTime()) / day)} 天前`
          : '从未登录',
      })),
    },
  }
}

async function grantsHouse(db: Knex): Promise<House> {
  const without = () =>
    db('users')
      .where({ 'users.status': 'active' })
      .whereNotExists(db('user_roles').whereRaw('user_roles.user_id = users.id').select(db.raw('1')))
  const staff = roleCodes.filter(role => roles[role].staff)
  const [withoutCount, lockedToday, wrongToday, unprotected, rows] = await Promise.all([
    count(without()),
    count(db('sign_ins').where({ outcome: 'locked' }).where('at', '>=', sinceMidnight())),
    count(db('sign_ins').whereIn('outcome', ['wrong', 'code-wrong']).where('at', '>=', sinceMidnight())),
    count(
      db('users')
        .where({ status: 'active' })
        .whereNull('totp_confirmed_at')
        .whereExists(db('user_roles').whereRaw('user_roles.user_id = users.id').whereIn('role', staff).select(db.raw('1'))),
    ),
    without()
      .join('organisations', 'organisations.id', 'users.organisation_id')
      .orderBy('users.id', 'desc')
      .limit(shown)
      .select('users.id', 'users.name', 'users.username', 'users.created_at', 'organisations.name as organisation') as Promise<
      { id: number; name: string; username: string; created_at: Date; organisation: string }[]
    >,
  ])
  return {
    label: '授权与登录安全',
    figures: [
      { label: '没有角色的账号', value: withoutCount, unit: '个', href: '/desk/lists/users?role=none&status=active' },
      { label: '今天锁定的登录', value: lockedToday, unit: '次', href: `/desk/lists/sign-ins?outcome=locked&at_from=${today()}` },
      { label: '今天输错密码或验证码', value: wrongToday, unit: '次', href: `/desk/lists/sign-ins?at_from=${today()}` },
      { label: '未启用动态验证码', value: unprotected, unit: '人', note: '工作人员和管理员' },
    ],
    list: {
      label: '等待授权的账号',
      hint: '没有角色的账号不能登录',
      empty: '每个在用账号都有角色。',
      total: withoutCount,
      all: '/desk/lists/users?role=none&status=active',
      lines: rows.map(row => ({
        title: `${row.name}（${row.username}）`,
        who: row.organisation,
        href: `/desk/admin/users/${row.id}`,
        note: daysAgo(row.created_at),
      })),
    },
  }
}

async function logsHouse(db: Knex): Promise<House> {
  const last: { sequence: number; last_id: number; rows: number; sealed_at: Date } | undefined = await db('log_seals')
    .orderBy('sequence', 'desc')
    .first()
  const [logged, refused, open, signedIn, seals] = await Promise.all([
    count(db('action_log').where('at', '>=', sinceMidnight())),
    count(db('action_log').where('at', '>=', sinceMidnight()).whereNot({ result: 'ok' })),
    count(db('action_log').where('id', '>', last?.last_id ?? 0)),
    count(db('sign_ins').where({ outcome: 'ok' }).where('at', '>=', sinceMidnight())),
    db('log_seals')
      .orderBy('sequence', 'desc')
      .limit(shown)
      .select('sequence', 'first_id', 'last_id', 'rows', 'sealed_at') as Promise<
      { sequence: number; first_id: number; last_id: number; rows: number; sealed_at: Date }[]
    >,
  ])
  return {
    label: '日志概况',
    figures: [
      { label: '今天的操作记录', value: logged, unit: '条', href: `/desk/lists/action-log?at_from=${today()}` },
      { label: '今天被拒绝或失败', value: refused, unit: '条', href: `/desk/lists/action-log?at_from=${today()}` },
      { label: '今天登录成功', value: signedIn, unit: '次', href: `/desk/lists/sign-ins?outcome=ok&at_from=${today()}` },
      { label: '等待封印的记录', value: open, unit: '条', note: '每分钟封印一次' },
    ],
    list: {
      label: '最近的日志封印',
      hint: '封印后的记录一经改动、删除或插入，核对时就会发现',
      empty: '还没有封印。第一批记录写入后一分钟内自动封印。',
      total: last?.sequence ?? 0,
      lines: seals.map(seal => ({
        title: `第 ${seal.sequence} 号封印`,
        who: `记录 ${seal.first_id}–${seal.last_id}，共 ${seal.rows} 条`,
        note: ago(seal.sealed_at),
      })),
    },
  }
}

async function count(query: Knex.QueryBuilder): Promise<number> {
  const row: { n: number | string } | undefined = await query.count({ n: '*' }).first()
  return Number(row?.n ?? 0)
}

function daysAgo(moment: Date): string {
  const days = Math.floor((now().getTime() - moment.getTime()) / day)
  return days ? `${days} 天前建立` : '今天建立'
}

function ago(moment: Date): string {
  const minutes = Math.floor((now().getTime() - moment.getTime()) / 60_000)
  if (minutes < 1) return '刚刚'
  if (minutes < 60) return `${minutes} 分钟前`
  return minutes < 1440 ? `${Math.floor(minutes / 60)} 小时前` : `${Math.floor(minutes / 1440)} 天前`
}
