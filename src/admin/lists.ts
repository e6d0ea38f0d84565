import { browserName } from '../accounts/browsers.ts'
import { roleCodes, roles } from '../accounts/roles.ts'
import { outcomes } from '../accounts/sign-in.ts'
import { defineList, type Row } from '../lists/list.ts'
import { actions } from './action-log.ts'
import { objectTypes } from './changes.ts'

const roleNames = Object.fromEntries(roleCodes.map(role => [role, roles[role].label]))

export const signIns = defineList({
  code: 'sign-ins',
  label: '登录日志',
  roles: ['audit-admin', 'security-admin'],
  from: db => db('sign_ins').leftJoin('users', 'users.id', 'sign_ins.user_id'),
  key: 'sign_ins.id',
  columns: [
    { name: 'at', label: '时间', type: 'second', source: 'sign_ins.at', sort: true },
    { name: 'username', label: '登录账号', type: 'code', source: 'sign_ins.username' },
    { name: 'person', label: '姓名', source: 'users.name' },
    {
      name: 'outcome',
      label: '结果',
      type: 'state',
      source: 'sign_ins.outcome',
      words: outcomes,
      tones: {
        ok: 'done',
        wrong: 'no',
        locked: 'no',
        disabled: 'no',
        'password-expired': 'no',
        'code-asked': 'desk',
        'code-wrong': 'no',
        'signed-out': 'rest',
      },
    },
    { name: 'address', label: '来源地址', type: 'code', source: 'sign_ins.address' },
    { name: 'agent', label: '浏览器', source: 'sign_ins.agent', text: row => browserName(String(row.agent ?? '')) },
    { name: 'request_id', label: '请求编号', type: 'code', source: 'sign_ins.request_id', shown: false },
  ],
  heading: 'at',
  sort: '-at',
  filters: [
    { name: 'outcome', label: '结果', type: 'select', options: outcomes, where: 'sign_ins.outcome' },
    { name: 'at', label: '时间', type: 'period', of: 'moment', where: 'sign_ins.at' },
  ],
  search: {
    about: '姓名、登录账号和来源地址的开头、结果、请求编号',
    through: [{ source: 'sign_ins.user_id', terms: 'users', texts: ['users.name', 'users.username'] }],
    starts: ['sign_ins.username'],
    codes: ['sign_ins.address', 'sign_ins.request_id'],
    words: [{ source: 'sign_ins.outcome', words: outcomes, loosely: true }],
  },
  logged: 'log.read',
  phone: 'frame',
})

const results = { ok: '成功', refused: '被拒绝', failed: '失败' }

export const actionLog = defineList({
  code: 'action-log',
  label: '操作日志',
  roles: ['audit-admin', 'supervisor'],
  from: db => db('action_log'),
  key: 'action_log.id',
  columns: [
    { name: 'at', label: '时间', type: 'second', source: 'action_log.at', sort: true },
    { name: 'user_name', label: '操作人', source: 'action_log.user_name' },
    { name: 'role', label: '身份', source: 'action_log.role', words: roleNames },
    { name: 'action', label: '操作', source: 'action_log.action', words: actions },
    { name: 'object_type', label: '对象类型', source: 'action_log.object_type', words: objectTypes, shown: false },
    {
      name: 'object_label',
      label: '对象',
      source: 'action_log.object_label',
      text: row => objectOf(row),
    },
    { name: 'object_id', label: '对象编号', type: 'code', source: 'action_log.object_id', shown: false },
    {
      name: 'result',
      label: '结果',
      type: 'state',
      source: 'action_log.result',
      words: results,
      tones: { ok: 'done', refused: 'no', failed: 'no' },
    },
    { name: 'address', label: '来源地址', type: 'code', source: 'action_log.address' },
    { name: 'request_id', label: '请求编号', type: 'code', source: 'action_log.request_id', shown: false },
  ],
  heading: 'at',
  sort: '-at',
  filters: [
    { name: 'action', label: '操作', type: 'select', options: actions, where: 'action_log.action' },
    { name: 'result', label: '结果', type: 'select', options: results, where: 'action_log.result' },
    { name: 'role', label: '身份', type: 'select', options: roleNames, where: 'action_log.role' },
    { name: 'at', label: '时间', type: 'period', of: 'moment', where: 'action_log.at' },
  ],
  search: {
    about: '操作人、操作、对象和来源地址的开头、请求编号',
    through: [{ source: 'action_log.user_id', terms: 'users', texts: ['action_log.user_name'] }],
    starts: ['action_log.object_label'],
    codes: ['action_log.address', 'action_log.request_id'],
    words: [{ source: 'action_log.action', words: actions, loosely: true }],
  },
  href: row => `/desk/admin/action-log/${row.key}`,
  logged: 'log.read',
  phone: 'frame',
})

/** What an action was about: its name, or where none was kept its kind and number. */
function objectOf({ object_label, object_type, object_id }: Row): string | null {
  if (object_label) return String(object_label)
  return object_id ? `${objectTypes[String(object_type)] ?? ''} ${object_id}`.trim() : null
}

export const adminLists = [signIns, actionLog]
