import type { Request, Response } from 'express'
import type { Knex } from 'knex'
import type { Role } from '../accounts/roles.ts'
import { fromNow, now } from '../clock.ts'
import { isSame, isSigned, randomCode, sign } from '../crypto.ts'
import { addressOf } from '../http.ts'

/**
 * 操作日志 (GB/T 22239-2019 8.1.4.3, ASVS V16). A row is written in the transaction of what it tells of, so the one cannot exist
 * without the other. Each row carries an HMAC of all its fields; a job seals blocks of rows, each seal chained to the one before,
 * so that a changed, removed or inserted row is found. The database itself refuses updates and deletes.
 */

export interface Actor {
  user_id: number | null
  user_name: string | null
  role: Role | null
  organisation_id: number | null
  address: string | null
  request_id: string | null
}

/** The portal itself, when a job or command acts. */
export const portalItself: Actor = {
  user_id: null,
  user_name: '系统',
  role: null,
  organisation_id: null,
  address: null,
  request_id: null,
}

export interface Entry {
  action: Action
  object?: { type: string; id: string | number; label?: string }
  result?: 'ok' | 'refused' | 'failed'
  /** Before and after of what changed, or what the action needs to be understood. Never passwords, tokens or full personal numbers. */
  detail?: object
}

/** What the log can say was done, and how a person reads it. */
export const actions = {
  'sign-in': '登录',
  'sign-out': '退出登录',
  'sign-in.lock': '登录锁定',
  'role.switch': '切换身份',
  'password.change': '修改密码',
  'password.reset': '重置密码',
  'email.change': '修改邮箱',
  'second-factor.enable': '启用动态验证码',
  'second-factor.disable': '停用动态验证码',
  'second-factor.reset': '重置动态验证码',
  'session.end': '退出其他设备',
  'user.create': '新建账号',
  'user.update': '修改账号',
  'user.disable': '停用账号',
  'user.enable': '恢复账号',
  'user.sign-out': '让账号退出登录',
  'role.grant': '授予角色',
  'role.revoke': '收回角色',
  'organisation.create': '新建单位',
  'organisation.update': '修改单位',
  'organisation.disable': '停用单位',
  'organisation.enable': '恢复单位',
  'registration.submit': '提交单位注册',
  'registration.confirm': '确认单位注册',
  'registration.refuse': '退回单位注册',
  'setting.update': '修改参数',
  'dictionary.update': '修改字典',
  'calendar.update': '修改工作日历',
  'kind.update': '修改事项设置',
  'archive.add': '新增档案',
  'archive.change': '修改档案',
  'archive.transfer': '登记产权转移',
  'person.hire': '增员',
  'person.leave': '减员',
  'person.photo': '更换人员照片',
  'person.refuse': '退回增员登记',
  'list.export': '导出列表',
  'list.print': '打印列表',
  'list-view.share': '共享列表视图',
  'list-view.unshare': '取消共享列表视图',
  'case.step': '办理办件',
  'import.upload': '上传导入文件',
  'import.confirm': '确认导入',
  'import.finish': '完成导入',
  'import.handout': '领取导入附表',
  'log.read': '查看日志',
  'log.check': '核对日志',
  'warning.read': '已阅预警',
  'personal.reveal': '查看完整个人信息',
  'document.print': '打印文书和案卷',
  'certificate.lapse': '证书届满失效',
  'certificate.renewing': '证书延续办理中',
  'link.begin': '项目挂接生效',
  'link.end': '解除项目挂接',
  'contract.begin': '物业服务合同生效',
  'contract.end': '物业服务合同终止',
  'signing.draft': '起草在线合同',
  'signing.change': '修改在线合同',
  'signing.offer': '发出在线合同',
  'signing.return': '退回在线合同',
  'signing.withdraw': '撤回在线合同',
  'signing.confirm': '确认在线合同',
  'signing.sign': '签订在线合同',
  'expert.add': '登记评标专家',
  'expert.change': '修改评标专家',
  'expert.state': '变更评标专家状态',
  'tender.draw': '抽取评标专家',
  'tender.excuse': '登记评标专家请假、回避',
  'tender.invite': '登记受邀投标人',
  'tender.bid': '登记投标人',
  'tender.open': '登记开标',
  'tender.fail': '登记流标',
  'objection.submit': '提交公示异议',
  'inspection.season': '设定年检窗口',
  'inspection.rectify': '登记整改验收',
  'file.add': '上传材料',
  'file.remove': '删除材料',
  'file.read': '查看材料文件',
  'file.sweep': '清点材料文件',
  'access.refuse': '越权访问被拒绝',
} as const
export type Action = keyof typeof actions

/** Who acts in this request, as the log names them. */
export function actorOf(req: Request, res: Response): Actor {
  const user = res.locals.user
  return {
    user_id: user?.id ?? null,
    user_name: user?.name ?? null,
    role: user?.role ?? null,
    organisation_id: user?.organisation_id ?? null,
    address: addressOf(req),
    request_id: res.locals.requestId ?? null,
  }
}

/**
 * Writes one row. Give it the transaction of the change it tells of.
 * @throws when the row cannot be written; what it tells of must then not happen either (8.1.4.3 d)
 */
export async function record(db: Knex, actor: Actor, { action, object, result = 'ok', detail }: Entry): Promise<void> {
  const row = {
    nonce: randomCode(16),
    at: now(),
    ...actor,
    action,
    object_type: object?.type ?? null,
    object_id: object === undefined ? null : String(object.id),
    object_label: object?.label?.slice(0, 200) ?? null,
    result,
    detail: detail === undefined ? null : JSON.stringify(detail),
  }
  await db('action_log').insert({ ...row, mac: sign('log row', canonical(row)) })
}

/** The fields that differ, as `{ field: [before, after] }`, for the detail of a change. */
export function difference(before: object, after: object): Record<string, [unknown, unknown]> {
  const old = new Map(Object.entries(before))
  return Object.fromEntries(
    Object.entries(after)
      .filter(([field, value]) => old.has(field) && old.get(field) !== value)
      .map(([field, value]) => [field, [old.get(field), value]]),
  )
}

export interface LogRow {
  id: number
  nonce: string
  at: Date
  user_id: number | null
  user_name: string | null
  role: string | null
  organisation_id: number | null
  address: string | null
  request_id: string | null
  action: string
  object_type: string | null
  object_id: string | null
  object_label: string | null
  result: string
  detail: string | null
  mac: string
}

function canonical(row: Omit<LogRow, 'id' | 'mac'>): string {
  return JSON.stringify([
    row.nonce,
    row.at.toISOString(),
    row.user_id,
    row.user_name,
    row.role,
    row.organisation_id,
    row.address,
    row.request_id,
    row.action,
    row.object_type,
    row.object_id,
    row.object_label,
    row.result,
    row.detail,
  ])
}

interface Seal {
  sequence: number
  first_id: number
  last_id: number
  rows: number
  sealed_at: Date
  digest: string
}

const settled = 5000
/** The job seals every minute; what is open for longer has lost its seal, or the portal stood still. */
const longestOpen = 10 * 60_000

/**
 * Seals all rows not sealed yet. The range is read with locks, so a row whose transaction is still open is waited for and
 * cannot appear later inside a sealed block; the newest few seconds wait for the next seal.
 * @param before rows younger than this stay open
 * @returns how many rows were sealed
 */
export async function sealLog(db: Knex, before: Date = fromNow(-settled)): Promise<number> {
  return await db.transaction(
    async trx => {
      const last = await trx<Seal>('log_seals').orderBy('sequence', 'desc').forUpdate().first()
      const newest = await trx('action_log')
        .where('id', '>', last?.last_id ?? 0)
        .where('at', '<=', before)
        .max({ id: 'id' })
        .first()
      if (newest?.id == null) return 0
      const first_id = (last?.last_id ?? 0) + 1
      const last_id = Number(newest.id)
      const { rows, digest } = await digestOf(trx, { first_id, last_id, previous: last?.digest ?? '', lock: true })
      const seal = { sequence: (last?.sequence ?? 0) + 1, first_id, last_id, rows, sealed_at: now(), digest }
      await trx('log_seals').insert(seal)
      return rows
    },
    { isolationLevel: 'read committed' },
  )
}

interface Block {
  first_id: number
  last_id: number
  previous: string
  lock?: boolean
}

/** The digest over a block: ids and row signatures in order, chained to the seal before. Read in pieces, so a long block stays small in memory. */
async function digestOf(db: Knex, { first_id, last_id, previous, lock }: Block) {
  let rows = 0
  let chain = `${previous}|${first_id}|${last_id}`
  for (let from = first_id; from <= last_id; ) {
    const query = db<LogRow>('action_log')
      .where('id', '>=', from)
      .where('id', '<=', last_id)
      .orderBy('id')
      .limit(2000)
      .select('id', 'mac')
    const piece = lock ? await query.forUpdate() : await query
    if (!piece.length) break
    chain = sign('log seal', `${chain}\n${piece.map(row => `${row.id} ${row.mac}`).join('\n')}`)
    rows += piece.length
    from = (piece.at(-1)?.id ?? last_id) + 1
  }
  return { rows, digest: sign('log seal', `${chain}|${rows}`) }
}

export interface LogCheck {
  rows: number
  seals: number
  /** One sentence per fault found, in Chinese. */
  faults: string[]
  /** The digest of the newest seal; kept elsewhere, it proves later that no seal was cut off. */
  newest: string | undefined
}

/**
 * Checks every row against its signature and every block against its seal.
 * @param expected the digest of a seal that was kept elsewhere; it must still be among the seals
 */
export async function checkLog(db: Knex, expected?: string): Promise<LogCheck> {
  const faults: string[] = []
  const noted = new Map<string, number>()
  let rows = 0
  for (let from = 0; ; ) {
    const piece = await db<LogRow>('action_log').where('id', '>', from).orderBy('id').limit(1000)
    for (const row of piece)
      if (!isSigned('log row', canonical(row), row.mac))
        faults.push(`第 ${row.id} 条记录的内容与签名不符，已被改动或不是系统写入。`)
    for (const { id, action, detail } of piece)
      if (action === 'log.check') for (const digest of digestsIn(detail)) noted.set(digest, id)
    rows += piece.length
    const last = piece.at(-1)
    if (!last) break
    from = last.id
  }
  let previous: Seal | undefined
  const seals = await db<Seal>('log_seals').orderBy('sequence')
  for (const seal of seals) {
    const name = `第 ${seal.sequence} 号封印（记录 ${seal.first_id}–${seal.last_id}）`
    if (seal.sequence !== (previous?.sequence ?? 0) + 1 || seal.first_id !== (previous?.last_id ?? 0) + 1)
      faults.push(`${name}与前一号不相接，其间的封印被删除或改动。`)
    const found = await digestOf(db, { ...seal, previous: previous?.digest ?? '' })
    if (found.rows !== seal.rows) faults.push(`${name}应有 ${seal.rows} 条记录，现有 ${found.rows} 条，有记录被删除或插入。`)
    else if (!isSame(found.digest, seal.digest)) faults.push(`${name}与记录对不上，有记录被改动或替换。`)
    previous = seal
  }
  for (const [digest, id] of noted)
    if (!seals.some(seal => isSame(seal.digest, digest)))
      faults.push(`第 ${id} 条核对记录记下的封印已不存在，封印被删除或重做过。`)
  const open = await db<LogRow>('action_log')
    .where('id', '>', previous?.last_id ?? 0)
    .where('at', '<', fromNow(-longestOpen))
    .orderBy('id')
    .first('id')
  if (open)
    faults.push(
      `第 ${open.id} 条起有记录超过 10 分钟没有封印：封印被删除，或系统停着没有封印。请确认系统在运行，几分钟后再核对。`,
    )
  if (expected && !seals.some(seal => isSame(seal.digest, expected)))
    faults.push('抄录的摘要已不在封印之中：那以后的封印被删除或重做过。')
  return { rows, seals: seals.length, faults, newest: previous?.digest }
}

/** The seal a check found newest, as its own row remembers it. */
function digestsIn(detail: string | null): string[] {
  const { newest } = JSON.parse(detail ?? '{}') as { newest?: string | null } // what the page of the check writes
  return newest ? [newest] : []
}

/** How far the log is sealed: the newest seal, and what has come since. */
export async function sealState(db: Knex): Promise<{ last: Seal | undefined; open: number; oldestOpen: Date | undefined }> {
  const last = await db<Seal>('log_seals').orderBy('sequence', 'desc').first()
  const since = await db('action_log')
    .where('id', '>', last?.last_id ?? 0)
    .count({ n: '*' })
    .min({ at: 'at' })
    .first()
  return { last, open: Number(since?.n ?? 0), oldestOpen: since?.at ?? undefined }
}
