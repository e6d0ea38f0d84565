import { createHash } from 'node:crypto'
import type { Knex } from 'knex'
import { isRole, organisationKinds, roles } from '../accounts/roles.ts'
import { outcomes } from '../accounts/sign-in.ts'
import { beijing } from '../clock.ts'
import { type Action, actions, type LogRow } from './action-log.ts'
import { settings } from './settings.ts'

/** What the action log tells, in words: nobody has to read JSON. */

export interface Change {
  label: string
  before: string
  after: string
}
export interface Fact {
  label: string
  value: string
}
export interface Told {
  changes: Change[]
  facts: Fact[]
}

export const results: Record<string, string> = { ok: '成功', refused: '被拒绝', failed: '失败' }

export const objectTypes: Record<string, string> = {
  user: '账号',
  organisation: '单位',
  registration: '单位注册',
  setting: '参数',
  dictionary: '字典',
  calendar: '工作日历',
  kind: '事项',
  list: '列表',
  log: '日志',
  case: '办件',
  archive: '档案',
  file: '材料文件',
  certificate: '证书',
  publicity: '公示',
  warning: '预警',
  storage: '文件存储',
  import: '批量导入',
  inspection: '年检记录',
  'inspection-season': '年检窗口',
  signing: '在线签订',
  contract: '物业服务合同',
  link: '项目挂接',
  expert: '评标专家',
  tender: '前期招标',
}

const labels: Record<string, string> = {
  case: '办件',
  serial: '流水号',
  material: '材料',
  paper: '文书',
  batch: '批次号',
  notes: '含内部备注',
  digest: '摘要',
  objection: '异议',
  step: '步骤',
  sequence: '记录序号',
  hash: '记录签名',
  size: '字节',
  sha256: 'SHA-256',
  id_number: '身份证号',
  company: '企业',
  ends_on: '最后工作日',
  unfinished: '未传完',
  orphans: '无登记',
  missing: '缺失',
  missing_total: '缺失总数',
  altered: '内容不符',
  altered_total: '内容不符总数',
  username: '账号',
  name: '名称',
  kind: '单位类型',
  code: '统一社会信用代码',
  organisation: '所属单位',
  region: '所在区域',
  contact: '联系人',
  phone: '电话',
  address: '地址',
  role: '角色',
  jurisdiction: '管辖区域',
  reason: '原因',
  opinion: '意见',
  ended: '退出的登录',
  expires: '有效期至',
  field: '项目',
  fields: '改动的项目',
  outcome: '结果',
  number: '编号',
  group: '分组',
  method: '请求方式',
  path: '页面',
  format: '格式',
  conditions: '条件',
  columns: '列',
  rows: '记录',
  new: '新增',
  same: '已在档且一致',
  seals: '封印',
  faults: '问题',
  newest: '最新封印摘要',
  effective_on: '生效日期',
  variant: '类别',
  view: '视图',
  opens_on: '开始日',
  closes_on: '截止日',
  verdict: '验收结果',
  from: '开始日',
  on: '最后一天',
  project: '项目名称',
  means: '验证方式',
  words: '说明',
  contract: '合同编号',
}

/** What a row of the log says beside who, when and what: differences under `changes` as before and after, all else as facts. */
export function readDetail({ detail, object_type }: Pick<LogRow, 'detail' | 'object_type'>): Told {
  const told: Told = { changes: [], facts: [] }
  const labelOf = (field: string) => (object_type === 'user' && field === 'name' ? '姓名' : labelIn(field))
  const read: unknown = detail === null ? {} : JSON.parse(detail)
  for (const [field, value] of Object.entries(isRecord(read) ? read : { detail: read })) {
    if (field !== 'changes' || !isRecord(value)) told.facts.push({ label: labelOf(field), value: inWords(field, value) })
    else
      for (const [name, pair] of Object.entries(value)) {
        const [before, after] = Array.isArray(pair) ? pair : [undefined, pair]
        told.changes.push({ label: labelOf(name), before: inWords(name, before), after: inWords(name, after) })
      }
  }
  return told
}

function labelIn(field: string): string {
  if (Object.hasOwn(settings, field)) {
    const meta = settings[field as keyof typeof settings].field.meta() // the line above has looked
    return String(meta?.label ?? field)
  }
  return labels[field] ?? field
}

function inWords(field: string, value: unknown): string {
  if (value === null || value === undefined || value === '') return '—'
  if (value === true) return '是'
  if (value === false) return '否'
  if (Array.isArray(value)) return value.map(part => inWords(field, part)).join('、') || '—'
  if (isRecord(value))
    return (
      Object.entries(value)
        .map(([name, part]) => `${labelIn(name)}：${inWords(name, part)}`)
        .join('；') || '—'
    )
  const text = String(value)
  if (field === 'role' && isRole(text)) return roles[text].label
  if (field === 'kind') return organisationKinds[text as keyof typeof organisationKinds] ?? text // undefined for other words
  if (field === 'outcome') return outcomes[text as keyof typeof outcomes] ?? text // likewise
  if (/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text)) return beijing(new Date(text))
  return text
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** How an action is called. */
export function actionLabel(action: string): string {
  return actions[action as Action] ?? action // undefined for an action of another version of the portal
}

export interface Thing {
  type: string
  id: string | number
}

// An account is the object of its own sign-ins and of being looked at; neither changes it.
const comings: Action[] = [
  'sign-in',
  'sign-out',
  'sign-in.lock',
  'role.switch',
  'session.end',
  'user.sign-out',
  'personal.reveal',
]

/** The newest things done to one object, newest first. */
export async function changesOf(db: Knex, { type, id }: Thing, limit: number): Promise<(LogRow & Told & { label: string })[]> {
  const rows = await db<LogRow>('action_log')
    .where({ object_type: type, object_id: String(id) })
    .whereNotIn('action', comings)
    .orderBy('id', 'desc')
    .limit(limit)
  return rows.map(row => ({ ...row, ...readDetail(row), label: actionLabel(row.action) }))
}

/** Who changed an object last, and what: the sentence for whoever came second. */
export async function whoWasFirst(db: Knex, thing: Thing): Promise<string> {
  const [last] = await changesOf(db, thing, 1)
  if (!last) return '内容刚刚被别人改过'
  const what = last.changes.map(({ label, before, after }) => `${label}由“${before}”改为“${after}”`).join('，')
  return `${last.user_name ?? '别人'}于 ${beijing(last.at).slice(0, 16)} 已${last.label}${what ? `：${what}` : ''}`
}

/** A short mark of what somebody was shown: if it is another one when they send it back, somebody was faster. */
export function markOf(values: unknown): string {
  return createHash('sha256').update(JSON.stringify(values)).digest('base64url').slice(0, 22)
}
