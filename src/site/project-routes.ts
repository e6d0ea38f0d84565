import express from 'express'
import { limitTo } from '../accounts/limits.ts'
import { daysBetween } from '../calendar.ts'
import { findKind } from '../cases/kind.ts'
import { today } from '../clock.ts'
import { nameKey } from '../database/names.ts'
import { db } from '../db.ts'
import { NotFound } from '../errors.ts'
import { addressOf, queryText, recordId } from '../http.ts'
import { districtNames, regionNames } from '../lists/regions.ts'
import { feesOn } from '../modules/archives/fees.ts'
import { presentContract, projectFacts, serving } from '../modules/archives/project-facts.ts'
import { contractStates, propertyTypes, type Stage, servicePhases, stages } from '../modules/archives/words.ts'
import { contractLooks } from '../modules/filings/contract-lists.ts'

/** 小区查询 for anybody: who serves a project, by which contract, for what price. No person is named. */
export const projectSite = express.Router()

const cacheable = 'public, max-age=60'
const searches = { name: 'project-search', points: 120, seconds: 600 }
const perPage = 20

interface PublicProject {
  id: number
  name: string
  name_key: string
  address: string
  district_code: string
  street_code: string
  property_type: keyof typeof propertyTypes
  stage: Stage
  floor_area: string
  house_count: number
  developer_id: number | null
}

const columns = [
  ...['id', 'name', 'name_key', 'address', 'district_code', 'street_code', 'property_type', 'stage', 'floor_area'],
  ...['house_count', 'developer_id'],
].map(column => `projects.${column}`)

projectSite.get('/projects', async (req, res) => {
  const [q = '', district = '', after = ''] = ['q', 'district', 'after'].map(name => queryText(req, name).trim())
  const districts = await districtNames(db)
  const words = q.slice(0, 60)
  const chosen = Object.hasOwn(districts, district) ? district : ''
  if (words) await limitTo(searches, addressOf(req), '同一网络查询太频繁')
  const query = db('projects')
    .leftJoin('project_links as link', on => on.on('link.project_id', 'projects.id').onVal('link.live', 1))
    .leftJoin('organisations as company', 'company.id', 'link.company_id')
    .orderBy(['projects.name_key', 'projects.id'])
    .limit(perPage + 1)
    .select([...columns, 'company.name as company'])
  if (chosen) query.where({ 'projects.district_code': chosen })
  // Names by their beginning, in characters or pinyin, so that an index finds them.
  if (words) query.where('projects.name_key', 'like', `${nameKey(words).replace(/[\\%_]/g, '\\$&')}%`)
  const [, key = '', id] = /^(.{0,120})_([1-9]\d{0,14})$/.exec(after) ?? []
  if (after) {
    if (!id) throw new NotFound('')
    query.whereRaw('(projects.name_key > ? or (projects.name_key = ? and projects.id > ?))', [key, key, Number(id)])
  }
  const rows: (PublicProject & { company: string | null })[] = await query
  const shown = rows.slice(0, perPage)
  const last = rows.length > perPage ? shown.at(-1) : undefined
  const typed = { q: words, district: chosen }
  const streets = await regionNames(db)
  if (!words) res.set('Cache-Control', cacheable)
  res.render('site/projects', {
    rows: shown.map(row => ({
      ...row,
      district: districts[row.district_code] ?? '',
      street: streets[row.street_code] ?? '',
      stage: stages[row.stage],
    })),
    districts,
    chosen,
    typed: words,
    ...(after ? { first: `/projects${address(typed)}` } : {}),
    ...(last ? { next: `/projects${address({ ...typed, after: `${last.name_key}_${last.id}` })}` } : {}),
  })
})

function address(parts: Record<string, string>): string {
  const given = new URLSearchParams(Object.entries(parts).filter(([, value]) => value))
  return given.size ? `?${given}` : ''
}

projectSite.get('/projects/:id', async (req, res) => {
  const project: PublicProject | undefined = await db('projects')
    .where({ 'projects.id': recordId(req) })
    .first(columns)
  if (!project) throw new NotFound()
  const day = today()
  const [facts, fees, districts, streets, developer] = await Promise.all([
    projectFacts(db, project.id, day),
    feesOn(db, project.id, day),
    districtNames(db),
    regionNames(db),
    project.developer_id ? db('organisations').where({ id: project.developer_id }).first('name') : undefined,
  ])
  const link = serving(facts)
  const contract = presentContract(facts)
  const left = contract && daysBetween(day, contract.ended_on ?? contract.ends_on)
  res.set('Cache-Control', cacheable).render('site/project', {
    project: {
      ...project,
      district: districts[project.district_code] ?? '',
      street: streets[project.street_code] ?? '',
      type: propertyTypes[project.property_type],
      stage: stages[project.stage],
      developer: developer?.name ?? '',
    },
    company: link && {
      name: link.company,
      since: link.starts_on,
      phase: servicePhases[link.phase as keyof typeof servicePhases] ?? '', // written by the portal alone
    },
    contract: contract && {
      number: contract.number,
      from: contract.starts_on,
      until: contract.ended_on ?? contract.ends_on,
      left: left === undefined ? '' : left < 0 ? `已到期 ${-left} 日` : left ? `还有 ${left} 日` : '今天到期',
      look: { label: contractStates[contract.shown], ...contractLooks[contract.shown] },
    },
    fees,
    area: facts.area,
    committee: facts.committee && { name: facts.committee.name, until: facts.committee.term?.ends_on },
    // What was filed with the authorities; changes of the archive are not of interest here.
    filings: facts.done
      .flatMap(({ kind, number, on }) => {
        const known = findKind(kind)
        return number && known?.module === 'filings' ? [{ label: known.label, number, on }] : []
      })
      .reverse(),
  })
})
