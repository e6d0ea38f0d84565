import type { Request, Response, Router } from 'express'
import type { Knex } from 'knex'
import { db } from '../../db.ts'
import { allow, currentUser } from '../../http.ts'
import { cellOf, readersOf } from '../../lists/cells.ts'
import { readChoices } from '../../lists/choices.ts'
import { inWords } from '../../lists/filters.ts'
import type { List } from '../../lists/list.ts'
import { type Asked, addressWith, readAsked, withoutConditions } from '../../lists/question.ts'
import { districtNames, regionNames } from '../../lists/regions.ts'
import { findList } from '../../lists/registry.ts'
import { countInWords, foundRows, type PageOfRows, readPage } from '../../lists/rows.ts'
import { archiveReaders } from './visible.ts'

/**
 * 项目分布: the projects of the list by their coordinates, district by district, with the list beside. It asks the list's own question:
 * conditions, search, scope and paging are those of `/desk/lists/projects`. Without script the list and the table remain.
 */

const place = '/desk/projects/map'
/** More points than these say nothing any more and are slow to draw: then one point stands for a street. */
const mostPoints = 3000
/** Conditions that stand beside the search; all others of the list are carried along. The index of the map holds these. */
const asked = ['district', 'street', 'stage', 'property_type']
const shown = ['name', 'stage', 'street']
const pageSize = 20

/** Look of the districts, in the order of their codes: six colours, then the same colours in another shape. */
const colours = ['#0b5c78', '#d98324', '#4aa08c', '#8c5aa5', '#b9a22b', '#7a8a94']
const shapes = ['circle', 'triangle', 'rect'] as const

export interface District {
  code: string
  name: string
  colour: string
  shape: (typeof shapes)[number]
  count: number
  /** How many of them have coordinates. */
  placed: number
  /** 万㎡ */
  area: number
  href: string
}

/** Adds `GET /map`, the page, and `GET /map/points`, what it draws. */
export function mapPages(router: Router): void {
  router.get('/map', allow(...archiveReaders), showMap)
  router.get('/map/points', allow(...archiveReaders), async (req, res) => {
    const read = await readMap(req, res)
    res.json(Object.keys(read.mistakes).length ? { points: [] } : await pointsOf(read))
  })
}

async function readMap(req: Request, res: Response): Promise<Asked> {
  const list = findList('projects')
  const user = currentUser(res)
  return await readAsked(db, list, user, req.query, { ...(await readChoices(db, req.session, user, list)), size: pageSize })
}

async function showMap(req: Request, res: Response): Promise<void> {
  const read = await readMap(req, res)
  const { question, conditions, given, mistakes, strays } = read
  const { list } = question
  const isRead = Object.keys(mistakes).length === 0
  const columns = list.columns.filter(({ name }) => shown.includes(name))
  const [districts, page, readers] = await Promise.all([
    isRead ? districtsOf(read) : [],
    isRead ? readPage(db, question, columns, { ...read.wish, size: pageSize }) : nothing,
    readersOf(db, columns),
  ])
  const to = (changes: Record<string, string>) => onMap(list, addressWith(list, given, changes))
  const sum = (count: (district: District) => number) => districts.reduce((all, district) => all + count(district), 0)
  const placed = sum(district => district.placed)
  res.status(isRead ? (strays.length ? 400 : 200) : 422).render('archives/project-map', {
    list: { label: list.label, href: addressWith(list, given) },
    search: list.search && { about: list.search.about, q: read.typed },
    filters: (list.filters ?? []).flatMap(filter =>
      filter.type === 'select' && asked.includes(filter.name)
        ? [{ name: filter.name, label: filter.label, options: Object.entries(read.options.get(filter.name) ?? {}) }]
        : [],
    ),
    given,
    carried: Object.entries(given).filter(([name]) => name !== 'q' && !asked.includes(name)),
    chips: conditions.map(condition => ({
      ...condition,
      words: inWords(condition),
      without: to(Object.fromEntries(condition.names.map(name => [name, '']))),
    })),
    clear: onMap(list, withoutConditions(list, given)),
    mistakes,
    strays,
    districts,
    total: sum(district => district.count),
    placed,
    told: mostIn(districts),
    byStreet: placed > mostPoints,
    most: mostPoints,
    points: onMap(list, addressWith(list, given)).replace(place, `${place}/points`),
    rows: page.rows.map(row => ({
      href: list.href?.(row, question.user),
      cells: readers.map(reader => cellOf(reader, row)),
    })),
    count: countInWords(page.count),
    previous: page.previous && to({ before: page.previous }),
    next: page.next && to({ after: page.next }),
  })
}

/** What the picture shows, in one sentence. */
function mostIn(districts: readonly District[]): string {
  const [first, ...rest] = [...districts].sort((one, other) => other.count - one.count).slice(0, 3)
  if (!first) return ''
  const words = [first, ...rest].map(({ name, count }) => `${name} ${count} 个`).join('，')
  return rest.length ? `项目最多的是${words}。` : `都在${first.name}，${first.count} 个。`
}

const nothing: PageOfRows = { rows: [], count: { n: 0, exact: true }, partial: false, start: 0 }

/** An address of the list, on the map. */
const onMap = ({ code }: List, address: string) => address.replace(`/desk/lists/${code}`, place)

/** Fresh queries of all that is found, for sums: from the index alone where it answers. Both servers would rather read the rows of a stage. */
async function sumsOf({ question, conditions }: Asked): Promise<() => Knex.QueryBuilder> {
  const found = await foundRows(db, question)
  const isHeld = conditions.every(({ names }) => names.every(name => asked.includes(name)))
  return isHeld ? () => found().from(db.raw('projects force index (projects_map_index)')) : found
}

/** What is found, by district: the legend of the map, and the table that says the same. */
async function districtsOf(read: Asked): Promise<District[]> {
  const { question, given } = read
  const [found, names] = await Promise.all([sumsOf(read), districtNames(db)])
  const rows: { code: string; n: number; placed: number; area: string | null }[] = await found()
    .groupBy('projects.district_code')
    .orderBy('projects.district_code')
    .select('projects.district_code as code')
    .count({ n: '*', placed: 'projects.longitude' })
    .sum({ area: 'projects.floor_area' })
  const order = Object.keys(names)
  return rows.map(({ code, n, placed, area }) => ({
    code,
    name: names[code] ?? code,
    ...lookOf(Math.max(order.indexOf(code), 0)),
    count: Number(n),
    placed: Number(placed),
    area: Number(area ?? 0) / 10_000,
    href: onMap(question.list, addressWith(question.list, given, { district: code })),
  }))
}

function lookOf(at: number): Pick<District, 'colour' | 'shape'> {
  return {
    colour: colours[at % colours.length] ?? '#0b5c78',
    shape: shapes[Math.floor(at / colours.length) % shapes.length] ?? 'circle',
  }
}

/** One point: a project, or a street with all that is found in it. */
interface Point {
  district: string
  x: number
  y: number
  name: string
  href: string
  /** How many projects it stands for. */
  n: number
}

/** The points of the map, with what the districts look like. */
async function pointsOf(read: Asked): Promise<{ districts: District[]; points: Point[] }> {
  const { question, given } = read
  const [districts, found] = await Promise.all([districtsOf(read), foundRows(db, question)])
  const placed = (rows: () => Knex.QueryBuilder) => rows().whereNotNull('projects.longitude').whereNotNull('projects.latitude')
  const total = districts.reduce((all, district) => all + district.placed, 0)
  if (total > mostPoints) {
    const [rows, names]: [{ street: string; district: string; n: number; x: string; y: string }[], Record<string, string>] =
      await Promise.all([
        placed(await sumsOf(read))
          .groupBy('projects.district_code', 'projects.street_code')
          .select('projects.street_code as street', 'projects.district_code as district')
          .count({ n: '*' })
          .avg({ x: 'projects.longitude', y: 'projects.latitude' }),
        regionNames(db),
      ])
    const points = rows.map(({ street, district, n, x, y }) => ({
      district,
      x: Number(x),
      y: Number(y),
      name: names[street] ?? street,
      href: onMap(question.list, addressWith(question.list, given, { street })),
      n: Number(n),
    }))
    return { districts, points }
  }
  const rows: { id: number; name: string; district: string; x: string; y: string }[] = await placed(found)
    .limit(mostPoints)
    .select(
      'projects.id',
      'projects.name',
      'projects.district_code as district',
      'projects.longitude as x',
      'projects.latitude as y',
    )
  return {
    districts,
    points: rows.map(({ id, name, district, x, y }) => ({
      district,
      x: Number(x),
      y: Number(y),
      name,
      href: `/desk/projects/${id}`,
      n: 1,
    })),
  }
}
