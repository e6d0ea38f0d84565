import express, { type Request, type Response } from 'express'
import type { Knex } from 'knex'
import { z } from 'zod'
import type { User } from '../../accounts/users.ts'
import { actorOf } from '../../admin/action-log.ts'
import { addDays } from '../../calendar.ts'
import { findKind } from '../../cases/kind.ts'
import { today } from '../../clock.ts'
import { db } from '../../db.ts'
import { Forbidden, NotFound, NotNow } from '../../errors.ts'
import { choice, date, fieldsOf, type Mistakes, readForm, text, typed, type Values, version } from '../../forms/form.ts'
import { allow, currentUser, flash, recordId } from '../../http.ts'
import { districtNames } from '../../lists/regions.ts'
import { type CertificateLevel, certificateLevels } from '../archives/words.ts'
import { progressChart, stacked } from './inspection-chart.ts'
import { inspections as list } from './inspection-lists.ts'
import {
  closingMistake,
  extendSeason,
  type Inspection,
  inspectionKind,
  inspectionLooks,
  inspectionOverseers,
  inspectionResults,
  openSeason,
  progressOf,
  recordRectification,
  type Season,
  seasonOf,
  totalOf,
  visibleInspections,
  windowOf,
} from './inspections.ts'
import { unlessEnabled } from './standards.ts'

/** 年检: the season of a year, and one record. */
export const inspectionPages = express.Router()

// ── 年检进度 ───────────────────────────────────────────────────────────────────────────────────

const seasonForm = z.object({
  closes_on: date({ label: '截止日' }),
  reason: text({ label: '原因', max: 300, hint: '记入操作日志；延期的同时告知还没有申报的企业' }),
  version,
})

const thisYear = () => Number(today().slice(0, 4))

/** Years there is something to show of, the newest first; the present one is always among them. */
async function yearsOf(db: Knex): Promise<number[]> {
  const [seasons, records]: number[][] = await Promise.all([
    db('inspection_seasons').pluck('year'),
    db('inspections').distinct('year').pluck('year'),
  ])
  return [...new Set([thisYear(), ...(seasons ?? []), ...(records ?? [])])].sort((one, other) => other - one)
}

inspectionPages.get('/', allow(...inspectionOverseers), async (_req, res) => {
  const newest: { year: number } | undefined = await db('inspection_seasons').orderBy('year', 'desc').first('year')
  await showProgress(res, newest?.year ?? thisYear())
})

inspectionPages.get('/:year', allow(...inspectionOverseers), async (req, res) => showProgress(res, await yearIn(req)))

inspectionPages.post('/:year/season', allow('city-clerk'), async (req, res) => {
  const year = await yearIn(req)
  const season = await seasonOf(db, year)
  const form = readForm(seasonForm, req.body)
  const opens_on = season?.opens_on ?? today()
  const mistakes: Mistakes = form.ok ? {} : form.mistakes
  // A second press finds what the first one did.
  const again = form.ok && season?.closes_on === form.data.closes_on
  const wrong = form.ok && !again && closingMistake({ year, opens_on, ...season }, form.data.closes_on)
  if (wrong) mistakes.closes_on = wrong
  if (!form.ok || Object.keys(mistakes).length)
    return await showProgress(res, year, { values: typed(seasonForm, req.body), mistakes })
  const { closes_on, reason } = form.data
  const why = await unlessEnabled(db)
  if (why || !mayMove(year, season)) throw new NotNow(why ?? `${year} 年的年检窗口已经过去，不能再改。`)
  if (!again) {
    if (season) await extendSeason(actorOf(req, res), { year, closes_on, reason, version: form.data.version })
    else await openSeason(actorOf(req, res), { year, opens_on, closes_on, reason })
  }
  flash(req, {
    tone: 'ok',
    text: season
      ? `截止日已延至 ${closes_on}，还没有申报的企业已经收到消息。`
      : `${year} 年资质年检已开启，${closes_on} 截止，应检企业已经收到消息。`,
  })
  res.redirect(303, `/desk/inspections/${year}`)
})

/** @throws NotFound for what is no year, or one nothing is known of */
async function yearIn(req: Request): Promise<number> {
  const written = String(req.params.year)
  const year = Number(written)
  // Only as a year is written: 0x7EA and 2e3 are numbers too.
  if (!/^\d{4}$/.test(written) || !(await yearsOf(db)).includes(year)) throw new NotFound('没有这一年的年检。')
  return year
}

/** A season can be opened in its own year, and moved until a year after it began. */
function mayMove(year: number, season: Season | undefined): boolean {
  return season ? today() <= addDays(season.opens_on, 365) : year === thisYear()
}

async function showProgress(
  res: Response,
  year: number,
  { values = {}, mistakes = {} }: { values?: Values; mistakes?: Mistakes } = {},
): Promise<void> {
  const user = currentUser(res)
  const [season, window, found, names, years, suspended] = await Promise.all([
    seasonOf(db, year),
    windowOf(db, year),
    progressOf(db, user, year),
    districtNames(db),
    yearsOf(db),
    unlessEnabled(db),
  ])
  const rows = found.map(row => ({ ...row, name: names[row.district_code ?? ''] ?? '没有登记区县', ...shareOf(row) }))
  const total = totalOf(found)
  const day = today()
  if (Object.keys(mistakes).length) res.status(422)
  res.render('qualification/inspection-progress', {
    year,
    years,
    season,
    window,
    today: day,
    state: !season ? 'none' : day < season.opens_on ? 'ahead' : day <= season.closes_on ? 'open' : 'over',
    rows,
    total: { ...total, ...shareOf(total) },
    chart: progressChart(rows),
    words: inspectionResults,
    columns: ['exempt', 'open', 'filed', 'passed', 'basic', 'failed', 'absent'],
    stacked,
    // Opening and moving the season is the city's.
    moves: user.role === 'city-clerk' && !suspended && mayMove(year, season),
    suspended,
    fields: fieldsOf(seasonForm).filter(({ type }) => type !== 'hidden'),
    values: { closes_on: season ? '' : window.closes_on >= day ? window.closes_on : '', ...values },
    mistakes,
  })
}

/** 申报率, as 76.9%; nothing where nobody is asked. */
function shareOf({ obliged, inspected, counts }: Pick<ReturnType<typeof totalOf>, 'obliged' | 'inspected' | 'counts'>) {
  const filed = counts.filed + inspected
  return { filed, share: obliged ? `${((filed / obliged) * 100).toFixed(1)}%` : '—' }
}

// ── One record ───────────────────────────────────────────────────────────────────────────────

const rectifyForm = z.object({
  verdict: choice({
    label: '验收结果',
    type: 'radio',
    options: [
      { value: 'done', label: '合格' },
      { value: 'failed', label: '不合格' },
    ],
  }),
  words: text({ label: '验收情况', type: 'textarea', max: 500, hint: '写明核对了什么、整改到什么程度；告知企业。' }),
  version,
})

interface Seen extends Inspection {
  company: string
  district_code: string | null
  number: string | null
  level: CertificateLevel | null
  live: number | null
  serial: string | null
}

/** @throws NotFound outside this person's sight */
async function findInspection(user: User, id: number): Promise<Seen> {
  const row: Seen | undefined = await visibleInspections(db, user)
    .leftJoin('certificates', 'certificates.id', 'inspections.certificate_id')
    .leftJoin('cases', 'cases.id', 'inspections.case_id')
    .where({ 'inspections.id': id })
    .first(
      'inspections.*',
      'organisations.name as company',
      'organisations.district_code',
      'certificates.number',
      'certificates.level',
      'certificates.live',
      'cases.serial',
    )
  if (!row) throw new NotFound('没有找到这条年检记录。编号可能有误，或不在您的管辖范围。')
  return row
}

inspectionPages.get('/records/:id', allow(...list.roles), async (req, res) =>
  showRecord(res, await findInspection(currentUser(res), recordId(req))),
)

inspectionPages.post('/records/:id/rectify', allow('district-clerk'), async (req, res) => {
  const user = currentUser(res)
  const row = await findInspection(user, recordId(req))
  if (!accepts(user, row)) throw new Forbidden('整改由企业注册地的区县经办人验收，您可以查看。')
  const why = await unlessEnabled(db)
  if (why) throw new NotNow(why)
  const form = readForm(rectifyForm, req.body)
  if (!form.ok) return await showRecord(res, row, { values: typed(rectifyForm, req.body), mistakes: form.mistakes })
  const { verdict, words, version } = form.data
  await recordRectification(actorOf(req, res), { id: row.id, version, verdict, words })
  flash(req, {
    tone: 'ok',
    text:
      verdict === 'done'
        ? '整改验收合格，已记入年检台账，企业已经收到消息。'
        : '整改没有通过验收，年检结论改为不合格，企业和市局会收到提醒。',
  })
  res.redirect(303, `/desk/inspections/records/${row.id}`)
})

/** 整改 is looked at by the district the company is registered in. */
function accepts({ role, scope }: User, { district_code }: Seen): boolean {
  return role === 'district-clerk' && scope.level === 'district' && scope.code === district_code
}

async function showRecord(
  res: Response,
  row: Seen,
  { values = {}, mistakes = {} }: { values?: Values; mistakes?: Mistakes } = {},
): Promise<void> {
  const user = currentUser(res)
  const [season, names, suspended] = await Promise.all([seasonOf(db, row.year), districtNames(db), unlessEnabled(db)])
  const day = today()
  const isRectifying = row.result === 'basic' && !row.rectified_on
  // What a 不合格 asks for, as long as the certificate it was about still holds.
  const unsettled = row.result === 'failed' && row.live === 1 && !suspended
  const revoke = findKind('certificate-revoke')
  if (Object.keys(mistakes).length) res.status(422)
  res.render('qualification/inspection', {
    row,
    season,
    label: inspectionResults[row.result],
    look: inspectionLooks[row.result],
    level: row.level ? certificateLevels[row.level] : '',
    district: names[row.district_code ?? ''] ?? '',
    isOwn: user.scope.level === 'organisation',
    kind: inspectionKind,
    mayFile: row.result === 'open' && !suspended && season !== undefined && season.opens_on <= day && day <= season.closes_on,
    late: isRectifying && row.rectify_until !== null && row.rectify_until < day,
    isRectifying,
    accepts: isRectifying && !suspended && accepts(user, row),
    suspended,
    unsettled,
    wayOut: unsettled ? wayOutOf(row.level) : undefined,
    revokes: unsettled && revoke?.startedBy.includes(user.role) ? revoke : undefined,
    fields: fieldsOf(rectifyForm).filter(({ type }) => type !== 'hidden'),
    values,
    mistakes,
  })
}

/** What a company whose inspection failed has to apply for (domain.md §4.3: the level is verified again, lowered or cancelled). */
function wayOutOf(level: CertificateLevel | null): { text: string; kind?: string; label?: string } {
  const [code, text] =
    level === 'provisional'
      ? ['qualification-confirm', '请补足条件，在暂定证书届满前申请三级核定；届满没有核定的，暂定资质失效。']
      : [
          level === 'third' ? 'qualification-confirm' : 'qualification-upgrade',
          '请补足条件，申请按原等级重新核定；达不到原等级条件的，由市局依法降低等级或者撤销，也可以自行申请注销。',
        ]
  const kind = findKind(code)
  return kind ? { text, kind: kind.code, label: kind.label } : { text }
}
