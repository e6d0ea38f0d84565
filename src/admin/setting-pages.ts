import type { Response } from 'express'
import { z } from 'zod'
import { type Role, roles } from '../accounts/roles.ts'
import { now } from '../clock.ts'
import { db, inTransaction, isDuplicate } from '../db.ts'
import { Conflict, Forbidden, NotFound } from '../errors.ts'
import { type Field, fieldsOf, type Mistakes, readForm, typed, type Values } from '../forms/form.ts'
import { valuesOf } from '../forms/page.ts'
import { allow, currentUser, flash } from '../http.ts'
import { type Actor, actorOf, difference, record } from './action-log.ts'
import { markOf, whoWasFirst } from './changes.ts'
import { markFrom } from './fields.ts'
import { admin } from './router.ts'
import { forgetSettings, type SettingCode, type Settings, settingCodes, settings, settingsNow, standardOf } from './settings.ts'
import type { Outcome } from './users.ts'

// 参数: each group is a form of its own and belongs to one of the administrators; the other reads it.

interface Group {
  /** Its place among the groups, which is its address. */
  number: number
  label: string
  owner: Role
  codes: SettingCode[]
}

const groups: Group[] = [...new Set(settingCodes.map(code => settings[code].group))].map((label, at) => {
  const codes = settingCodes.filter(code => settings[code].group === label)
  const [first] = codes
  return { number: at + 1, label, owner: first ? settings[first].owner : 'system-admin', codes }
})

const formOf = ({ codes }: Group) => z.object(Object.fromEntries(codes.map(code => [code, settings[code].field as z.ZodType])))

admin.get('/settings', allow('system-admin', 'security-admin'), async (_req, res) => showSettings(res))

admin.post('/settings/:number', allow('system-admin', 'security-admin'), async (req, res) => {
  const group = groups.find(group => String(group.number) === req.params.number)
  if (!group) throw new NotFound('没有找到这组参数。')
  if (group.owner !== currentUser(res).role) throw new Forbidden(`“${group.label}”由${roles[group.owner].label}修改。`)
  const form = formOf(group)
  const read = readForm(form, req.body)
  if (!read.ok) return showSettings(res, { group, mark: markFrom(req), values: read.values, mistakes: read.mistakes })
  const saved = await saveSettings(actorOf(req, res), group, read.data as Partial<Settings>, markFrom(req)) // the form is made of the fields of these settings
  if (!saved.ok) return showSettings(res, { group, values: typed(form, req.body), stale: saved.stale })
  flash(req, {
    tone: 'ok',
    text: saved.changed ? `“${group.label}”已保存，${saved.changed} 项有变化，5 秒内全部生效。` : '没有改动，参数照旧。',
  })
  res.redirect(303, '/desk/admin/settings')
})

/** Writes what differs, if the group still stands as it was shown. */
async function saveSettings(
  actor: Actor,
  group: Group,
  wanted: Partial<Settings>,
  mark: string,
): Promise<Outcome<{ changed: number }>> {
  try {
    const outcome = await inTransaction(async (trx): Promise<Outcome<{ changed: number }>> => {
      const rows: { code: SettingCode; value: string; version: number }[] = await trx('settings')
        .whereIn('code', group.codes)
        .orderBy('code')
        .forUpdate()
      const present = Object.fromEntries(group.codes.map(code => [code, standardOf(code)]))
      for (const row of rows) present[row.code] = JSON.parse(row.value)
      const object = { type: 'setting', id: group.number, label: group.label }
      if (mark !== markOf(present)) return { ok: false, mistakes: {}, stale: await whoWasFirst(trx, object) }
      const changes = difference(present, wanted)
      for (const [code, [, value]] of Object.entries(changes)) {
        const row = rows.find(row => row.code === code)
        const columns = { value: JSON.stringify(value), updated_at: now(), updated_by: actor.user_id }
        if (row)
          await trx('settings')
            .where({ code })
            .update({ ...columns, version: row.version + 1 })
        else await trx('settings').insert({ code, ...columns, created_at: now(), created_by: actor.user_id })
      }
      const changed = Object.keys(changes).length
      if (changed) await record(trx, actor, { action: 'setting.update', object, detail: { changes } })
      return { ok: true, changed }
    })
    return outcome
  } catch (error) {
    // Two first changes of one setting at once: neither had a row to lock.
    if (isDuplicate(error)) throw new Conflict('这组参数刚刚由别人改过，您的修改没有保存，请重新打开参数页。')
    throw error
  } finally {
    forgetSettings()
  }
}

interface Shown {
  group?: Group
  /** What the form was opened with, while that still counts. */
  mark?: string
  values?: Values
  mistakes?: Mistakes
  stale?: string | undefined
}

async function showSettings(res: Response, { group: asked, mark, values = {}, mistakes = {}, stale }: Shown = {}): Promise<void> {
  if (Object.keys(mistakes).length) res.status(422)
  if (stale) res.status(409)
  const set = await settingsNow(db)
  const user = currentUser(res)
  const held = (res.locals.held ?? {}) as Values // restoreHeld keeps only texts
  res.render('admin/settings', {
    mistakes,
    groups: groups.map(group => {
      const present = Object.fromEntries(group.codes.map(code => [code, set[code]]))
      const came = asked?.number === group.number
      return {
        ...group,
        owner: roles[group.owner].label,
        mine: group.owner === user.role,
        mark: (came && mark) || markOf(present),
        fields: fieldsOf(formOf(group)).map(withStandard),
        values: { ...valuesOf(present), ...held, ...(came ? unticked(group, values) : {}) },
        mistakes: came ? mistakes : {},
        stale: came ? stale : undefined,
        facts: group.codes.map(code => ({ label: labelOf(code), value: inWords(code, set[code]) })),
      }
    }),
  })
}

/** A box that was sent back without its tick is not in the form at all. */
function unticked(group: Group, values: Values): Values {
  const boxes = fieldsOf(formOf(group)).filter(field => field.type === 'checkbox')
  return { ...Object.fromEntries(boxes.map(({ name }) => [name, ''])), ...values }
}

function withStandard(field: Field): Field {
  const code = field.name as SettingCode // the fields of a group are its settings
  const standard = inWords(code, standardOf(code))
  return field.type === 'text'
    ? field
    : { ...field, hint: `${field.hint ?? ''}默认${field.type === 'checkbox' ? `为${standard}` : ` ${standard}`}。` }
}

const fieldOf = (code: SettingCode) => fieldsOf(z.object({ [code]: settings[code].field as z.ZodType }))[0]
const labelOf = (code: SettingCode) => fieldOf(code)?.label ?? code

function inWords(code: SettingCode, value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? '是' : '否'
  const unit = fieldOf(code)?.unit
  return unit ? `${value} ${unit}` : String(value)
}
