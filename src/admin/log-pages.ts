import type { Response } from 'express'
import { z } from 'zod'
import { roleCodes, roles } from '../accounts/roles.ts'
import { db } from '../db.ts'
import { NotFound } from '../errors.ts'
import { type Mistakes, optionalText, readForm, type Values } from '../forms/form.ts'
import { renderForm } from '../forms/page.ts'
import { allow, currentUser, recordId } from '../http.ts'
import { actorOf, checkLog, type LogCheck, type LogRow, record, sealState } from './action-log.ts'
import { actionLabel, objectTypes, readDetail, results } from './changes.ts'
import { admin } from './router.ts'

// Pages of the action log. Reading is itself logged.

const auditor = allow('audit-admin')

// 监察审计 reads the logs as well (domain.md §2) and decides nothing.
admin.get('/action-log/:id', allow('audit-admin', 'supervisor'), async (req, res) => {
  const id = recordId(req)
  const row: LogRow | undefined = await db<LogRow>('action_log').where({ id }).first()
  if (!row) throw new NotFound('没有找到这条记录。')
  await record(db, actorOf(req, res), { action: 'log.read', object: { type: 'log', id, label: `第 ${id} 条记录` } })
  const organisation: { name: string } | undefined = row.organisation_id
    ? await db('organisations').where({ id: row.organisation_id }).first('name')
    : undefined
  const [previous, next] = await Promise.all([
    db('action_log').where('id', '<', id).max({ id: 'id' }).first(),
    db('action_log').where('id', '>', id).min({ id: 'id' }).first(),
  ])
  const opens = currentUser(res).role === 'audit-admin'
  res.render('admin/log-row', {
    row,
    told: readDetail(row),
    label: actionLabel(row.action),
    result: results[row.result] ?? row.result,
    role: roleCodes.filter(role => role === row.role).map(role => roles[role].label)[0],
    organisation: organisation?.name,
    object:
      row.object_type &&
      `${objectTypes[row.object_type] ?? row.object_type}${row.object_label ? ` “${row.object_label}”` : ''}${row.object_id ? `（${row.object_id}）` : ''}`,
    account: opens && row.object_type === 'user' ? `/desk/admin/users/${row.object_id}` : undefined,
    person: opens && row.user_id ? `/desk/admin/users/${row.user_id}` : undefined,
    previous: previous?.id ?? undefined,
    next: next?.id ?? undefined,
  })
})

const digestPattern = /^[a-z0-9]{1,8}\.[A-Za-z0-9_-]{43}$/
const checkForm = z.object({
  expected: optionalText({
    label: '以前抄录的摘要',
    max: 64,
    pattern: digestPattern,
    patternHint: '摘要形如 k1.加 43 位字母数字，请整段粘贴抄录的内容。',
    hint: '填了就一并核对：它还在封印之中，才说明那以后没有封印被删掉重做。',
  }),
})

admin.get('/log-check', auditor, async (_req, res) => showCheck(res))

admin.post('/log-check', auditor, async (req, res) => {
  const read = readForm(checkForm, req.body)
  if (!read.ok) return showCheck(res, { values: read.values, mistakes: read.mistakes })
  const check = await checkLog(db, read.data.expected ?? undefined)
  await record(db, actorOf(req, res), {
    action: 'log.check',
    object: { type: 'log', id: 'action_log', label: '全部操作日志' },
    result: check.faults.length ? 'failed' : 'ok',
    detail: { rows: check.rows, seals: check.seals, faults: check.faults.length, newest: check.newest ?? null },
  })
  await showCheck(res, { check, values: { expected: read.data.expected ?? '' } })
})

async function showCheck(
  res: Response,
  { check, values = {}, mistakes = {} }: { check?: LogCheck; values?: Values; mistakes?: Mistakes } = {},
): Promise<void> {
  renderForm(res, 'admin/log-check', { form: checkForm, values, mistakes, state: await sealState(db), check })
}
