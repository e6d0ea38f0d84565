import express from 'express'
import { limitTo } from '../accounts/limits.ts'
import { today } from '../clock.ts'
import { db } from '../db.ts'
import type { Standing } from '../documents/documents.ts'
import { onPaper } from '../documents/printing.ts'
import { NotFound } from '../errors.ts'
import { addressOf, queryText, recordId } from '../http.ts'
import { isDay } from '../identifiers.ts'
import { describe, readSearch, type Search } from '../lists/grammar.ts'
import { districtNames } from '../lists/regions.ts'
import { countInWords } from '../lists/rows.ts'
import { isHan } from '../lists/terms.ts'
import { certificateLevels, certificateStates } from '../modules/archives/words.ts'
import { isEnabled } from '../modules/qualification/standards.ts'
import { lookOn, looks, perPage, readRegister, searched, statuses, tellCertificate } from './certificate-register.ts'
import { decisionsPage, noticesPage, type Place, publicMatters, yearsOf } from './decisions.ts'

/**
 * 资质证书查询, 行政许可决定 and 撤销、注销公告: the public register. The pages know no session; what nobody searched for may be kept by
 * any cache for a minute.
 */
export const certificateSite = express.Router()

const cacheable = 'public, max-age=60'
const searches = { name: 'certificate-search', points: 120, seconds: 600 }
const { none: _, ...levels } = certificateLevels
const statusLabels = Object.fromEntries(Object.entries(statuses).map(([code, { label }]) => [code, label]))

certificateSite.get('/certificates', async (req, res) => {
  const [q = '', level = '', district = '', status = '', after = ''] = ['q', 'level', 'district', 'status', 'after'].map(name =>
    queryText(req, name).trim(),
  )
  const { search, mistake } = readWords(q)
  if (search) await limitTo(searches, addressOf(req), '同一网络查询太频繁')
  const [day, districts, enabled] = [today(), await districtNames(db), await isEnabled(db)]
  const known = { level: pick(levels, level), district: pick(districts, district), status: pick(statusLabels, status) }
  const strange = [level && !known.level, district && !known.district, status && !known.status].some(Boolean)
  // Who asks for one company or number wants to know how it stands, whatever that is; who looks around, what is in force.
  const wish = { ...known, status: known.status || (search ? 'all' : 'valid'), ...(search ? { search } : {}) }
  const place = dayPlaceOf(after)
  const { rows, count, partial } = mistake
    ? nothing
    : await readRegister(db, { ...wish, ...(place ? { after: place } : {}) }, day)
  const shown = rows.slice(0, perPage)
  const last = rows.length > perPage ? shown.at(-1) : undefined
  const typed = { q: search?.text ?? '', level: known.level, district: known.district, status: known.status }
  const elsewhere =
    !rows.length && search && wish.status !== 'all' ? (await readRegister(db, { ...wish, status: 'all' }, day)).count : undefined
  if (!search) res.set('Cache-Control', cacheable)
  res.status(mistake ? 422 : 200).render('site/certificates', {
    rows: shown.map(row => ({ ...row, look: lookOn(row, day), district: row.district_code ? districts[row.district_code] : '' })),
    count: countInWords(count),
    partial,
    levels,
    districts,
    statusLabels,
    chosen: { level: known.level, district: known.district, status: wish.status },
    searched,
    typed: mistake ? q : (search?.text ?? ''),
    words: search ? describe(search) : '',
    mistake,
    strange,
    enabled,
    ...(after ? { first: `/certificates${query(typed)}` } : {}),
    ...(last ? { next: `/certificates${query({ ...typed, after: `${last.issued_on}_${last.id}` })}` } : {}),
    ...(elsewhere?.n
      ? { wider: { count: countInWords(elsewhere), href: `/certificates${query({ ...typed, status: 'all' })}` } }
      : {}),
  })
})

const nothing = { rows: [], count: { n: 0, exact: true }, partial: false }

/** What was typed, as words; a single letter would find a tenth of the city. */
function readWords(typed: string): { search?: Search; mistake?: string } {
  const read = readSearch(typed)
  const short = read.search?.alternatives.flat().find(word => [...word].length === 1 && !isHan(word))
  return short ? { mistake: `“${short}”太短，找到的会太多。字母和数字请至少输入两个，汉字一个也行。` } : read
}

function pick(words: Readonly<Record<string, string>>, code: string): string {
  return Object.hasOwn(words, code) ? code : ''
}

/** The row a page begins behind: its day and id. @throws NotFound for a place no page of ours leads to */
function dayPlaceOf(after: string): Place<string> | undefined {
  if (!after) return undefined
  const [, at = '', id] = /^(.{10})_([1-9]\d{0,14})$/.exec(after) ?? []
  if (!isDay(at)) throw new NotFound('')
  return { at, id: Number(id) }
}

/** The same with the moment of a decision. */
function momentPlaceOf(after: string): Place<Date> | undefined {
  if (!after) return undefined
  const [, at, id] = /^(\d{13})_([1-9]\d{0,14})$/.exec(after) ?? []
  if (!at) throw new NotFound('')
  return { at: new Date(Number(at)), id: Number(id) }
}

function query(parts: Record<string, string>): string {
  const given = new URLSearchParams(Object.entries(parts).filter(([, value]) => value))
  return given.size ? `?${given}` : ''
}

certificateSite.get('/certificates/:id', async (req, res) => {
  const day = today()
  const [told, districts, enabled] = await Promise.all([
    tellCertificate(db, recordId(req), day),
    districtNames(db),
    isEnabled(db),
  ])
  const { row, standing, others } = told
  res.set('Cache-Control', cacheable).render('site/certificate', {
    ...told,
    level: certificateLevels[row.level],
    district: row.district_code ? districts[row.district_code] : '',
    look: { label: standing.label, ...looks[standing.code] },
    words: wordsFor(standing, row.renewing === 1, day),
    others: others.map(other => ({
      ...other,
      label: certificateLevels[other.level],
      look: lookOn(other, day),
    })),
    enabled,
  })
})

/** The state in a sentence, as the page of verification says it of a paper. */
function wordsFor(
  { code, label, until, ended_on, newer }: Standing,
  renewing: boolean,
  day: string,
): { tone: string; text: string } {
  const on = ended_on ? `${onPaper(ended_on)}起` : ''
  const useless = '请不要据此签约、投标或验收。'
  switch (code) {
    case 'valid':
      return { tone: 'ok', text: until ? `登记为有效，有效期到${onPaper(until)}为止。` : '登记为有效，没有规定有效期。' }
    case 'expiring':
      if (renewing && until && until < day)
        return {
          tone: 'warn',
          text: `有效期已于${onPaper(until)}届满。企业在届满前申请了延续，作出决定之前仍然有效（行政许可法第五十条）。`,
        }
      return { tone: 'warn', text: `登记为有效，${until ? onPaper(until) : ''}到期，到期后失效。` }
    case 'expired':
      return { tone: 'bad', text: `有效期到${until ? onPaper(until) : ''}为止，已经失效。${useless}` }
    case 'replaced':
      return { tone: 'bad', text: `${on}由新证书代替${newer ? `，新证书编号 ${newer}` : ''}，不能再使用。` }
    case 'doubtful':
      return { tone: 'bad', text: '登记有疑问，核对清楚之前不能确认。' }
    default:
      return { tone: 'bad', text: `${label}，${on}失效。${useless}` }
  }
}

/** What `matter` says for the notices, which are no matter of a case. */
const ended = 'revoked'

certificateSite.get('/decisions', async (req, res) => {
  const [matter = '', year = '', after = ''] = ['matter', 'year', 'after'].map(name => queryText(req, name).trim())
  const isNotices = matter === ended
  const matters = Object.fromEntries(publicMatters().map(({ code, label }) => [code, label]))
  const years = await yearsOf(db, isNotices ? 'notices' : 'decisions')
  const chosen = { matter: pick({ ...matters, [ended]: ended }, matter), year: years.includes(year) ? year : '' }
  const told = isNotices
    ? await noticesPage(db, chosen.year, dayPlaceOf(after))
    : await decisionsPage(db, chosen, momentPlaceOf(after))
  res.set('Cache-Control', cacheable).render('site/decisions', {
    rows: told.rows,
    isNotices,
    levels: certificateLevels,
    looks,
    stateLabels: certificateStates,
    matters,
    years,
    chosen,
    strange: Boolean((matter && !chosen.matter) || (year && !chosen.year)),
    enabled: await isEnabled(db),
    ...(after ? { first: `/decisions${query(chosen)}` } : {}),
    ...(told.next ? { next: `/decisions${query({ ...chosen, after: told.next })}` } : {}),
  })
})
