import type { Request, Response } from 'express'
import { addDays } from '../calendar.ts'
import { kindAt } from '../cases/catalogue-routes.ts'
import { allKinds, type Kind, type KindSettings, modules, variantsOf } from '../cases/kind.ts'
import { ruleFault, sampleNumber } from '../cases/numbers.ts'
import {
  addSettings,
  type Edition,
  editionsOf,
  inForce,
  isSameSettings,
  newest,
  predecessor,
  settingsById,
  upcoming,
} from '../cases/settings.ts'
import { beijing, today } from '../clock.ts'
import { db, inTransaction } from '../db.ts'
import { Conflict, NotFound } from '../errors.ts'
import type { Mistakes, Values } from '../forms/form.ts'
import { allow, currentUser, flash, queryText, recordId } from '../http.ts'
import { type Actor, actorOf, record } from './action-log.ts'
import type { Change } from './changes.ts'
import { changeRows, drawForm, readSettings, type Typed, typedFrom, typedPosted } from './kind-forms.ts'
import { settingsChanges, tellSettings } from './kind-words.ts'
import { admin } from './router.ts'

// 事项设置: what the regulator decides about its kinds. A row of settings never changes; saving writes the next one, for a day.

const keeper = allow('business-admin')
const reader = allow('business-admin', 'supervisor')

admin.get('/kinds', reader, async (_req, res) => {
  const rows = await Promise.all(
    allKinds().flatMap(kind =>
      Object.entries(variantsOf(kind)).map(async ([variant, label]) => {
        const editions = await editionsOf(db, kind, variant)
        const present = standing(editions)
        return {
          kind,
          module: modules[kind.module],
          variant,
          variantLabel: label,
          present,
          chain: (await settingsById(db, present.id)).chain.map(({ label }) => label),
          next: (await upcoming(db, editions, today()))[0],
          last: newest(editions),
        }
      }),
    ),
  )
  res.render('admin/kinds', { rows, keeps: keeps(res) })
})

admin.get('/kinds/:kind', keeper, async (req, res) => {
  const { kind, variant } = kindAt(req)
  const editions = await editionsOf(db, kind, variant)
  const present = standing(editions)
  const base = editionIn(editions, Number(queryText(req, 'edition') || present.id))
  const effective_on = base.effective_on > today() ? base.effective_on : today()
  const held = (res.locals.held ?? {}) as Values // restoreHeld keeps only texts
  const typed = Object.keys(held).length ? typedPosted(held) : typedFrom(await settingsById(db, base.id), effective_on)
  await showForm(res, { kind, variant, base: base.id, opened: newest(editions)?.id ?? 0, typed })
})

admin.post('/kinds/:kind', keeper, async (req, res) => {
  const { kind, variant } = kindAt(req)
  const editions = await editionsOf(db, kind, variant)
  const base = editionIn(editions, numberIn(req, 'base'))
  const opened = numberIn(req, 'opened')
  const typed = typedPosted(req.body)
  const command: unknown = req.body?.do
  if (typeof command === 'string' && command !== 'save')
    return await showForm(res, {
      kind,
      variant,
      base: base.id,
      opened,
      typed: changeRows(typed, command),
      part: command.split(':')[1],
    })

  const before = await settingsById(db, base.id)
  const read = readSettings(typed, { kind, variant, base: before })
  if (!read.ok) return await showForm(res, { kind, variant, base: base.id, opened, typed, mistakes: read.mistakes })
  const { settings, effective_on } = read
  const saved = await saveSettings(actorOf(req, res), { kind, variant, effective_on, settings, opened })
  if (saved === 'stale') {
    const yours = settingsChanges(before, settings, kind)
    return await showForm(res.status(409), { kind, variant, base: base.id, opened, typed, yours })
  }
  const { label } = kind
  const day = effective_on === today() ? '今天起生效，新提交的办件按它办' : `${effective_on} 起生效`
  flash(req, { tone: 'ok', text: saved === 'same' ? '没有改动，设置照旧。' : `“${label}”的设置已保存，${day}。` })
  res.redirect(303, historyOf(kind, variant))
})

admin.get('/kinds/:kind/history', reader, async (req, res) => {
  const { kind, variant } = kindAt(req)
  const editions = await editionsOf(db, kind, variant)
  const written = [...editions].sort((a, b) => b.id - a.id)
  const before = Number(queryText(req, 'before')) || Number.POSITIVE_INFINITY
  const page = written.filter(({ id }) => id < before).slice(0, pageSize)
  const coming = await upcoming(db, editions, today())
  const lines = await Promise.all(
    page.map(async edition => ({
      edition,
      state: stateOf(edition, editions, coming),
      changes: await changesIn(kind, edition, editions),
    })),
  )
  const oldest = page.at(-1)
  res.render('admin/kind-history', {
    ...naming(kind, variant),
    lines,
    more: oldest && written.some(({ id }) => id < oldest.id) ? oldest.id : undefined,
    opened: newest(editions)?.id,
    keeps: keeps(res),
  })
})

admin.get('/kinds/:kind/editions/:id', reader, async (req, res) => {
  const { kind, variant } = kindAt(req)
  const editions = await editionsOf(db, kind, variant)
  const edition = editionIn(editions, recordId(req))
  const settings = await settingsById(db, edition.id)
  const wanted = queryText(req, 'with')
  const other = wanted ? editionIn(editions, Number(wanted)) : predecessor(editions, edition)
  const changes = other ? settingsChanges(await settingsById(db, other.id), settings, kind) : []
  const items = tellSettings(settings, kind)
  res.render('admin/kind-edition', {
    ...naming(kind, variant),
    edition,
    state: stateOf(edition, editions, await upcoming(db, editions, today())),
    sections: [...new Set(items.map(({ section }) => section))].map(section => ({
      label: section,
      facts: items.filter(item => item.section === section).map(({ label, value }) => ({ label, value, wide: true })),
    })),
    others: editions.filter(({ id }) => id !== edition.id).reverse(),
    other,
    changes,
    keeps: keeps(res),
  })
})

admin.post('/kinds/:kind/editions/:id/withdraw', keeper, async (req, res) => {
  const { kind, variant } = kindAt(req)
  const editions = await editionsOf(db, kind, variant)
  const edition = editionIn(editions, recordId(req))
  if (!(await upcoming(db, editions, today())).some(({ id }) => id === edition.id))
    throw new Conflict('这一版已经生效、已被替换或已撤回，不能再撤回。要改回去，请从以前的一版开始修改。')
  const before = inForce(editions, addDays(edition.effective_on, -1))
  if (!before) throw new Error(`nothing before kind_settings ${edition.id}`)
  const saved = await saveSettings(actorOf(req, res), {
    kind,
    variant,
    effective_on: edition.effective_on,
    settings: await settingsById(db, before.id),
    opened: numberIn(req, 'opened'),
  })
  if (saved === 'stale') throw new Conflict('您打开之后又有人保存了新的设置，这次没有撤回。请回到设置记录看过再决定。')
  flash(req, { tone: 'ok', text: `${edition.effective_on} 的改动已撤回，到那一天照旧。` })
  res.redirect(303, historyOf(kind, variant))
})

const pageSize = 30

/** Writes the next row of settings and tells the log what it changes against what would hold on its day. */
async function saveSettings(
  actor: Actor,
  wanted: { kind: Kind; variant: string; effective_on: string; settings: KindSettings; opened: number },
): Promise<'saved' | 'same' | 'stale'> {
  const { kind, variant, effective_on, settings, opened } = wanted
  return await inTransaction(async trx => {
    const editions = await editionsOf(trx, kind, variant)
    if ((newest(editions)?.id ?? 0) > opened) return 'stale'
    const held = await settingsById(trx, standing(editions, effective_on).id)
    if (isSameSettings(held, settings)) return 'same'
    if (!(await addSettings(trx, { kind, variant, effective_on, settings, opened, user_id: actor.user_id }))) return 'stale'
    const changes = settingsChanges(held, settings, kind)
    const name = variantsOf(kind)[variant]
    await record(trx, actor, {
      action: 'kind.update',
      object: { type: 'kind', id: kind.code, label: kind.label },
      detail: {
        changes: Object.fromEntries(changes.map(({ label, before, after }) => [label, [before, after]])),
        effective_on,
        ...(name ? { variant: name } : {}),
      },
    })
    return 'saved'
  })
}

interface Shown {
  kind: Kind
  variant: string
  /** The edition the form was filled from, and the one that was newest then. */
  base: number
  opened: number
  typed: Typed
  /** Where the last button was pressed. */
  part?: string | undefined
  mistakes?: Mistakes
  /** What this person wanted to change, when somebody was faster. */
  yours?: Change[]
}

async function showForm(
  res: Response,
  { kind, variant, base, opened, typed, part = 'places', mistakes = {}, yours }: Shown,
): Promise<void> {
  if (Object.keys(mistakes).length) res.status(422)
  const editions = await editionsOf(db, kind, variant)
  const settings = await settingsById(db, base)
  const theirs = yours && editions.filter(({ id }) => id > opened)
  const rule = typed.single.number ?? ''
  res.render('admin/kind', {
    ...naming(kind, variant),
    form: drawForm(typed, mistakes, { kind, variant, base: settings }),
    mistakes,
    openParts: Object.keys(mistakes).length ? Object.keys(mistakes).map(name => name.split('.')[0]) : [part],
    base: editionIn(editions, base),
    // Whoever has read what came between may now save over it.
    opened: theirs ? newest(editions)?.id : opened,
    present: standing(editions),
    coming: await upcoming(db, editions, today()),
    sample: rule && !ruleFault(rule) ? sampleNumber(rule) : undefined,
    running: await runningCases(kind, variant),
    theirs:
      theirs &&
      (await Promise.all(
        theirs.map(async edition => ({
          id: edition.id,
          at: edition.created_at,
          user_name: edition.editor,
          label: `改了设置，${edition.effective_on} 起生效`,
          result: 'ok',
          changes: await changesIn(kind, edition, editions),
          facts: [],
        })),
      )),
    yours,
    today: today(),
  })
}

/** Cases that go on under the settings they were submitted with. */
async function runningCases(kind: Kind, variant: string): Promise<number> {
  const found = await db('cases')
    .where({ kind: kind.code, variant })
    .whereIn('state', ['submitted', 'supplement', 'reviewing', 'waiting'])
    .count({ n: '*' })
    .first()
  return Number(found?.n ?? 0)
}

async function changesIn(kind: Kind, edition: Edition, editions: readonly Edition[]): Promise<Change[]> {
  const before = predecessor(editions, edition)
  return before ? settingsChanges(await settingsById(db, before.id), await settingsById(db, edition.id), kind) : []
}

const tones = { 现行: 'done', 将生效: 'public', 已撤回: 'rest', 已替换: 'rest', 以前: 'rest' } as const

function stateOf(
  edition: Edition,
  editions: readonly Edition[],
  coming: readonly Edition[],
): { label: keyof typeof tones; tone: string } {
  const state = () => {
    const { id, effective_on, revision } = edition
    if (standing(editions).id === id) return '现行'
    if (coming.some(other => other.id === id)) return '将生效'
    if (editions.some(other => other.effective_on === effective_on && other.revision > revision)) return '已替换'
    return effective_on > today() ? '已撤回' : '以前'
  }
  const label = state()
  return { label, tone: tones[label] }
}

/** What holds on a day; there always is something, because the kind's own settings are installed for ever. */
function standing(editions: readonly Edition[], day = today()): Edition {
  const found = inForce(editions, day)
  if (!found) throw new Error(`no settings on ${day}`)
  return found
}

function editionIn(editions: readonly Edition[], id: number): Edition {
  const found = editions.find(edition => edition.id === id)
  if (!found) throw new NotFound('没有找到这一版设置。')
  return found
}

function numberIn(req: Request, name: string): number {
  const value: unknown = req.body?.[name]
  return typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : 0
}

function naming(kind: Kind, variant: string) {
  return {
    kind,
    variant,
    variants: Object.entries(variantsOf(kind)).map(([code, label]) => ({ code, label })),
    name: variantsOf(kind)[variant] ? `${kind.label}（${variantsOf(kind)[variant]}）` : kind.label,
    words: (edition: Edition) =>
      `${edition.editor ?? '随系统装入'} ${edition.editor ? beijing(edition.created_at).slice(0, 16) : ''}`.trim(),
  }
}

const historyOf = (kind: Kind, variant: string) => `/desk/admin/kinds/${kind.code}/history${variant ? `?variant=${variant}` : ''}`
const keeps = (res: Response) => currentUser(res).role === 'business-admin'
