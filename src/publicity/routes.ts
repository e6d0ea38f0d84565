import express, { type Request, type Response } from 'express'
import type { Knex } from 'knex'
import { z } from 'zod'
import { limitTo } from '../accounts/limits.ts'
import { actorOf, record } from '../admin/action-log.ts'
import { addDays, type WorkCalendar, workCalendar } from '../calendar.ts'
import { allKinds, findKind } from '../cases/kind.ts'
import { fromNow, today } from '../clock.ts'
import { db } from '../db.ts'
import { NotFound } from '../errors.ts'
import { consent, type Mistakes, readForm, text, typed, type Values } from '../forms/form.ts'
import { renderForm } from '../forms/page.ts'
import { addressOf, queryText, recordId } from '../http.ts'
import { districtNames } from '../lists/regions.ts'
import {
  codeInGroups,
  codePattern,
  isRunning,
  normaliseCode,
  type Objection,
  object,
  objectionStates,
  outcomes,
  type Publicity,
} from './publicity.ts'

/** The public pages of publicity and objections. They know no session; what names nobody may be kept by any cache for a minute. */
export const publicityPages = express.Router()

const cacheable = 'public, max-age=60'
const perPage = 20
const recent = 30 * 86_400_000

publicityPages.get('/publicity', async (req, res) => {
  const day = today()
  const [calendar, districts] = await Promise.all([workCalendar(db), districtNames(db)])
  const kinds = Object.fromEntries(allKinds().flatMap(kind => (kind.publicFacts ? [[kind.code, kind.label]] : [])))
  const [kind, district] = [queryText(req, 'kind'), queryText(req, 'district')]
  const unknown = (kind && !Object.hasOwn(kinds, kind)) || (district && !Object.hasOwn(districts, district))
  const chosen = { kind: unknown ? '' : kind, district: unknown ? '' : district }
  const [rows, ended] = await Promise.all([runningRows(db, day, chosen, queryText(req, 'after')), endedRows(db, day)])
  const shown = rows.slice(0, perPage)
  const last = rows.length > perPage ? shown.at(-1) : undefined
  res.set('Cache-Control', cacheable).render('site/publicity', {
    running: shown.map(row => ({ ...row, kind: labelOf(row.kind), left: leftWords(calendar, day, row) })),
    ended: ended.map(row => ({ ...row, kind: labelOf(row.kind), end: endWords(row) })),
    kinds,
    districts,
    chosen,
    unknown: Boolean(unknown),
    next: last ? query({ ...chosen, after: `${last.ends_on}_${last.id}` }) : undefined,
  })
})

interface Chosen {
  kind: string
  district: string
}

const place = z.string().regex(/^\d{4}-\d\d-\d\d_[1-9]\d{0,14}$/)

/** Running publicities, those that end first on top; one more than a page shows whether there are others. */
async function runningRows(db: Knex, day: string, { kind, district }: Chosen, after: string): Promise<Publicity[]> {
  const rows = db<Publicity>('publicities')
    .where({ open: 1 })
    .where('ends_on', '>=', day)
    .orderBy(['ends_on', 'id'])
    .limit(perPage + 1)
  if (kind) rows.where({ kind })
  if (district) rows.where({ district_code: district })
  if (!after) return await rows
  if (!place.safeParse(after).success) throw new NotFound('')
  const [ends_on = '', id = ''] = after.split('_')
  return await rows.where(later =>
    later.where('ends_on', '>', ends_on).orWhere(same => same.where({ ends_on }).where('id', '>', Number(id))),
  )
}

interface EndedRow extends Publicity {
  /** How many objections were answered with 不成立. */
  dismissed: number
}

/** What ended lately: first what still waits for an answer to an objection, then the newest. */
async function endedRows(db: Knex, day: string): Promise<EndedRow[]> {
  const dismissed = db('objections').whereRaw('objections.publicity_id = publicities.id').where({ state: 'dismissed' }).count('*')
  const rows = () => db<EndedRow>('publicities').limit(perPage).select('publicities.*', dismissed.clone().as('dismissed'))
  const [waiting, closed] = await Promise.all([
    rows().where({ open: 1 }).where('ends_on', '<', day).orderBy(['ends_on', 'id']),
    rows()
      .where('closed_at', '>=', fromNow(-recent))
      .orderBy([
        { column: 'closed_at', order: 'desc' },
        { column: 'id', order: 'desc' },
      ]),
  ])
  return [...waiting, ...closed].slice(0, perPage)
}

function labelOf(kind: string): string {
  return findKind(kind)?.label ?? kind
}

function query(parts: Record<string, string>): string {
  return `?${new URLSearchParams(Object.entries(parts).filter(([, value]) => value))}`
}

/** 还剩 3 个工作日, or that it is the last day. */
function leftWords(calendar: WorkCalendar, day: string, { ends_on }: Publicity): string {
  const left = calendar.workdaysBetween(day, ends_on)
  return left ? `还剩 ${left} 个工作日` : '今天是最后一天'
}

/** How it ended, in words and look. */
function endWords({ outcome, dismissed }: Pick<EndedRow, 'outcome' | 'dismissed'>) {
  if (!outcome) return { label: '公示期满，正在核实办理', tone: 'desk', icon: 'eye' }
  if (outcome === 'upheld') return { label: `${outcomes.upheld}，退回重新审核`, tone: 'no', icon: 'arrow-back-up' }
  if (outcome === 'returned') return { label: `${outcomes.returned}，退回重新审核`, tone: 'no', icon: 'arrow-back-up' }
  return { label: `${outcomes.ended}，${dismissed ? '异议不成立' : '无异议'}`, tone: 'done', icon: 'check' }
}

/** One cell a working day, as on the clock of a case; a long period has no picture. */
function picture(calendar: WorkCalendar, day: string, { starts_on, ends_on }: Publicity) {
  const days: string[] = []
  for (let on = addDays(starts_on, 1); on <= ends_on && days.length <= 30; on = addDays(on, 1))
    if (calendar.isWorkday(on)) days.push(on)
  const past = days.filter(on => on < day).length
  const [year, month, date] = ends_on.split('-').map(Number)
  const sentence = `公示期 ${days.length} 个工作日，已过 ${past} 个，${year}年${month}月${date}日结束`
  return {
    sentence,
    cells: days.length > 30 ? [] : days.map(on => (on < day ? 'used' : on === day ? 'today' : '')),
  }
}

const objectionForm = z.object({
  name: text({ label: '您的姓名', max: 30, autocomplete: 'name' }),
  phone: text({
    label: '联系电话',
    type: 'tel',
    max: 20,
    autocomplete: 'tel',
    hint: '经办人核实时与您联系，不公开。',
    normalise: text => text.normalize('NFKC').replace(/[\s—–]/g, ''),
    pattern: /^(1\d{10}|0\d{2,3}-?\d{7,8}(-\d{1,6})?)$/,
    patternHint: '请填写 11 位手机号，或带区号的座机号，如 0531-88880000。',
  }),
  words: text({
    label: '异议内容',
    type: 'textarea',
    max: 2000,
    hint: '写明哪一点不属实、依据是什么，最多 2000 字。',
  }),
  consent: consent({
    label: '我已阅读《个人信息处理告知》，同意为核实异议使用上面的姓名和电话',
    message: '请先阅读《个人信息处理告知》并勾选同意。',
    wide: true,
  }),
})
const trap = 'website'
const submissions = { name: 'objection', points: 10, seconds: 3600 }
const lookUps = { name: 'objection-status', points: 60, seconds: 900 }

// Before the pages of single publicities, whose addresses would take it for a number.
publicityPages.get('/publicity/objections', (_req, res) => renderForm(res, 'site/publicity-find', { form: codeForm }))

publicityPages.get('/publicity/:id', async (req, res) => {
  const row = await findPublicity(recordId(req))
  if (!isRunning(row, today())) return await showEnded(res, row)
  res.set('Cache-Control', cacheable)
  await showRunning(res, row)
})

publicityPages.post('/publicity/:id/objections', async (req, res) => {
  const row = await findPublicity(recordId(req))
  if (!isRunning(row, today())) return await showEnded(res, row, req)
  const form = readForm(objectionForm, req.body)
  // A field people do not see; whoever fills it in is a program, or a person whose browser did.
  const trapped = typeof req.body?.[trap] === 'string' && req.body[trap].trim() !== ''
  if (!form.ok || trapped)
    return await showRunning(res, row, {
      values: typed(objectionForm, req.body),
      mistakes: {
        ...(form.ok ? {} : form.mistakes),
        ...(trapped ? { [trap]: '“请勿填写”一栏被填了内容，已为您清空，请再提交一次。' } : {}),
      },
    })
  await limitTo(submissions, addressOf(req), '同一地址提交异议太频繁')
  const { name, phone, words } = form.data
  const taken = await object(row, { name, phone, words }, async (trx, id) =>
    record(trx, actorOf(req, res), {
      action: 'objection.submit',
      object: { type: 'publicity', id: row.id, label: row.title },
      detail: { objection: id },
    }),
  )
  if (!taken) return await showEnded(res, row, req)
  res.status(201).render('site/publicity-objected', { publicity: row, code: codeInGroups(taken.code) })
})

const codeForm = z.object({
  code: text({
    label: '异议编号',
    max: 30,
    placeholder: '如 7K2M-QX4D-9TRB',
    normalise: normaliseCode,
    pattern: codePattern,
    patternHint: '异议编号是 12 位数字和字母，如 7K2M-QX4D-9TRB。',
  }),
})

publicityPages.post('/publicity/objections', async (req, res) => {
  const form = readForm(codeForm, req.body)
  if (!form.ok) return renderForm(res, 'site/publicity-find', { form: codeForm, ...form })
  await limitTo(lookUps, addressOf(req), '同一地址查询太频繁')
  const found = await findObjection(form.data.code)
  if (!found)
    return renderForm(res, 'site/publicity-find', {
      form: codeForm,
      values: form.data,
      mistakes: { code: '没有找到这个编号的异议，请核对提交后页面上的编号。' },
    })
  res.redirect(303, `/publicity/objections/${codeInGroups(found.code)}`)
})

publicityPages.get('/publicity/objections/:code', async (req, res) => {
  await limitTo(lookUps, addressOf(req), '同一地址查询太频繁')
  const code = normaliseCode(req.params.code)
  const found = codePattern.test(code) ? await findObjection(code) : undefined
  if (!found) throw new NotFound('')
  res.render('site/publicity-objection', {
    code: codeInGroups(found.code),
    state: objectionStates[found.state],
    objection: found,
    publicity: await findPublicity(found.publicity_id),
    day: today(),
  })
})

async function findPublicity(id: number): Promise<Publicity> {
  const row = await db<Publicity>('publicities').where({ id }).first()
  if (!row) throw new NotFound('')
  return row
}

/** What the status page may know of an objection: not who made it. */
async function findObjection(
  code: string,
): Promise<Pick<Objection, 'code' | 'state' | 'answer' | 'publicity_id' | 'created_at' | 'answered_at'> | undefined> {
  return await db<Objection>('objections')
    .where({ code })
    .first('code', 'state', 'answer', 'publicity_id', 'created_at', 'answered_at')
}

async function showRunning(res: Response, row: Publicity, typing: { values?: Values; mistakes?: Mistakes } = {}): Promise<void> {
  const day = today()
  const [calendar, districts] = await Promise.all([workCalendar(db), districtNames(db)])
  renderForm(res, 'site/publicity-item', {
    form: objectionForm,
    ...typing,
    publicity: row,
    kind: labelOf(row.kind),
    district: row.district_code ? districts[row.district_code] : undefined,
    facts: factsOf(row),
    left: leftWords(calendar, day, row),
    picture: picture(calendar, day, row),
    trap,
  })
}

/** The period is over: that it took place and how it ended stays, what was shown does not. */
async function showEnded(res: Response, row: Publicity, req?: Request): Promise<void> {
  const count = await db('objections').where({ publicity_id: row.id, state: 'dismissed' }).count({ n: '*' }).first()
  const words = typed(objectionForm, req?.body).words
  res.status(410).render('site/publicity-ended', {
    publicity: row,
    kind: labelOf(row.kind),
    end: endWords({ ...row, dismissed: Number(count?.n ?? 0) }),
    ...(row.outcome === 'ended' ? { register: await registerOf(row) } : {}),
    ...(words ? { words } : {}),
  })
}

/** Where the register shows what came out, if it was a certificate. */
async function registerOf({ case_id }: Publicity): Promise<string | undefined> {
  const certificate: { id: number } | undefined = await db('certificates').where({ case_id }).first('id')
  return certificate && `/certificates/${certificate.id}`
}

function factsOf({ facts }: Publicity): { label: string; value: string }[] {
  return JSON.parse(facts) as { label: string; value: string }[] // written by openPublicity alone
}
