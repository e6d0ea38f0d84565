import express from 'express'
import type { Knex } from 'knex'
import { limitTo } from '../accounts/limits.ts'
import { today } from '../clock.ts'
import { nameKey } from '../database/names.ts'
import { db } from '../db.ts'
import { NotFound } from '../errors.ts'
import { addressOf, queryText, recordId } from '../http.ts'
import { isDay } from '../identifiers.ts'
import { districtNames } from '../lists/regions.ts'
import { serviceLevels } from '../modules/archives/words.ts'
import { tenderLooks } from '../modules/filings/tender-lists.ts'
import { type TenderMethod, type TenderState, tenderMethods, tenderStates } from '../modules/filings/words.ts'

/** 招标公告 and 中标结果 for anybody: no experts, no names of people, no bids before there is a winner. */
export const tenderSite = express.Router()

const cacheable = 'public, max-age=60'
const searches = { name: 'tender-search', points: 120, seconds: 600 }
const perPage = 20

/** What can be looked for, and the states each stands for. */
const sorts: Readonly<Record<string, { label: string; states: readonly TenderState[] }>> = {
  running: { label: '招标公告', states: ['tendering', 'opened'] },
  results: { label: '中标结果', states: ['awarded', 'settled'] },
  failed: { label: '流标', states: ['failed'] },
}

interface PublicTender {
  id: number
  state: TenderState
  method: TenderMethod
  number: string
  announce_on: string
  project: string
  address: string
  district_code: string
  developer: string
  agency: string | null
  service_level: keyof typeof serviceLevels | null
  floor_area: string
  documents_from: string | null
  documents_until: string | null
  bids_until: string | null
  opens_on: string | null
  opens_at: string | null
  opening_place: string | null
  failed_on: string | null
  winner: string | null
  price: string | null
  awarded_on: string | null
  award_number: string | null
}

const columns = [
  ...['id', 'state', 'method', 'number', 'announce_on', 'district_code', 'agency', 'service_level', 'floor_area'],
  ...['documents_from', 'documents_until', 'bids_until', 'opens_on', 'opens_at', 'opening_place', 'failed_on'],
  ...['winner', 'price', 'awarded_on', 'award_number'],
].map(column => `tenders.${column}`)

/** Tenders that are public: filed, announced, and by the day of the announcement; an invitation is public once it has an end. */
function announced(): Knex.QueryBuilder {
  return db('tenders')
    .join('projects', 'projects.id', 'tenders.project_id')
    .join('organisations as developer', 'developer.id', 'tenders.developer_id')
    .whereNotNull('tenders.number')
    .where('tenders.announce_on', '<=', today())
    .where(shown => shown.where({ 'tenders.method': 'open' }).orWhereIn('tenders.state', ['awarded', 'settled', 'failed']))
}

const shownColumns = [...columns, 'projects.name as project', 'projects.address', 'developer.name as developer']

/** The winner is told once the award stands. */
const withoutEarly = (row: PublicTender): PublicTender =>
  sorts.results?.states.includes(row.state) ? row : { ...row, winner: null, price: null, awarded_on: null, award_number: null }

tenderSite.get('/tenders', async (req, res) => {
  const [q = '', sort = '', district = '', after = ''] = ['q', 'sort', 'district', 'after'].map(name =>
    queryText(req, name).trim(),
  )
  const districts = await districtNames(db)
  const chosen = {
    sort: Object.hasOwn(sorts, sort) ? sort : 'running',
    district: Object.hasOwn(districts, district) ? district : '',
  }
  const words = q.slice(0, 60)
  if (words) await limitTo(searches, addressOf(req), '同一网络查询太频繁')
  const query = announced()
    .whereIn('tenders.state', [...(sorts[chosen.sort]?.states ?? [])])
    .orderBy([
      { column: 'tenders.announce_on', order: 'desc' },
      { column: 'tenders.id', order: 'desc' },
    ])
    .limit(perPage + 1)
    .select(shownColumns)
  if (chosen.district) query.where({ 'tenders.district_code': chosen.district })
  // Names by their beginning, in characters or pinyin, so that an index finds them.
  if (words)
    query.where(either =>
      either
        .where('projects.name_key', 'like', `${escaped(nameKey(words))}%`)
        .orWhere('tenders.number', 'like', `${escaped(words)}%`),
    )
  const [, at = '', id] = /^(.{10})_([1-9]\d{0,14})$/.exec(after) ?? []
  if (after) {
    if (!isDay(at)) throw new NotFound('')
    query.whereRaw('(tenders.announce_on < ? or (tenders.announce_on = ? and tenders.id < ?))', [at, at, Number(id)])
  }
  const rows: PublicTender[] = await query
  const shown = rows.slice(0, perPage)
  const last = rows.length > perPage ? shown.at(-1) : undefined
  const typed = { q: words, sort: chosen.sort, district: chosen.district }
  if (!words) res.set('Cache-Control', cacheable)
  res.render('site/tenders', {
    rows: shown.map(row => lookAt(withoutEarly(row), districts)),
    sorts: Object.fromEntries(Object.entries(sorts).map(([code, { label }]) => [code, label])),
    districts,
    chosen,
    typed: words,
    ...(after ? { first: `/tenders${address(typed)}` } : {}),
    ...(last ? { next: `/tenders${address({ ...typed, after: `${last.announce_on}_${last.id}` })}` } : {}),
  })
})

const escaped = (text: string) => text.replace(/[\\%_]/g, '\\$&')

function lookAt(row: PublicTender, districts: Readonly<Record<string, string>>) {
  return {
    ...row,
    method: tenderMethods[row.method],
    district: districts[row.district_code] ?? '',
    level: row.service_level === null ? '' : serviceLevels[row.service_level],
    look: { label: tenderStates[row.state], ...tenderLooks[row.state] },
  }
}

function address(parts: Record<string, string>): string {
  const given = new URLSearchParams(Object.entries(parts).filter(([, value]) => value))
  return given.size ? `?${given}` : ''
}

tenderSite.get('/tenders/:id', async (req, res) => {
  const row: PublicTender | undefined = await announced()
    .where({ 'tenders.id': recordId(req) })
    .whereNot({ 'tenders.state': 'cancelled' })
    .first(shownColumns)
  if (!row) throw new NotFound()
  res.set('Cache-Control', cacheable).render('site/tender', { tender: lookAt(withoutEarly(row), await districtNames(db)) })
})
