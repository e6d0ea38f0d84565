import express, { type Request, type Response } from 'express'
import type { Knex } from 'knex'
import { today } from '../../clock.ts'
import { db } from '../../db.ts'
import { type Form, type Mistakes, partOf } from '../../forms/form.ts'
import { allow, currentUser, queryText, recordId } from '../../http.ts'
import { createRecord, type RecordAnswers, readRecord, recordOn } from './archive.ts'
import { deliveryPages } from './building-delivery.ts'
import { crumbOf, keepsHouses, needHouseKeeper, type SeenBuilding, seenBuilding } from './house-access.ts'
import { deliveredStates } from './house-counts.ts'
import { type GridHouse, gridOf } from './house-grid.ts'
import { houseKey, houseName, nextPosition } from './house-names.ts'
import { buildingForm, buildings, houseForm, houses } from './project.ts'
import { keptProject, readableUntil } from './project-access.ts'
import { areaText, hundredths } from './project-rules.ts'
import { addPages, changesPart, editPages, readOn, shownRecord } from './record-pages.ts'
import { archiveKeepers, archiveReaders, visibleHouses } from './visible.ts'
import { housePurposes, houseStates } from './words.ts'

/** 楼栋: `/desk/buildings`, with its houses as they lie. */
export const buildingPages = express.Router()
/** What belongs to a project: `/desk/projects/:id/buildings/new`. */
export const projectBuildings = express.Router()

const at = '/desk/lists/buildings'
// More than the tallest building has; beyond it somebody reads the list.
const mostDrawn = 3000

interface House extends GridHouse {
  purpose: keyof typeof housePurposes
  floor_area: string
  owners: number
}

buildingPages.get('/:id', allow(...archiveReaders), async (req, res) => showBuilding(req, res))

async function showBuilding(req: Request, res: Response): Promise<void> {
  const user = currentUser(res)
  const building = await seenBuilding(db, user, recordId(req))
  const { id } = building
  const limit = await readableUntil(db, user, building.project_id)
  const asked = readOn(req)
  const asOf = limit && (asked.on ?? limit) >= limit ? { ...asked, on: limit } : asked
  const [record, standing, changes, isKept] = await Promise.all([
    asOf.on ? recordOn(db, buildings, id, asOf.on) : readRecord(db, buildings, id),
    visibleHouses(db, user)
      .where({ 'houses.building_id': id })
      .orderBy(['houses.name_key', 'houses.id'])
      .limit(mostDrawn)
      .select(
        'houses.id',
        'houses.name',
        'houses.unit',
        'houses.floor',
        'houses.room',
        'houses.state',
        'houses.purpose',
        'houses.floor_area',
        db.raw('(select count(*) from owners where owners.house_id = houses.id and owners.live = 1) as owners'),
      ) as Promise<House[]>, // the columns of the line above
    changesPart(db, buildings, id),
    keepsHouses(db, user, building),
  ])
  const grid = gridOf(standing)
  res.render('archives/building', {
    building,
    crumb: crumbOf(building),
    at,
    asOf,
    record,
    sections: record ? shownRecord(buildings, record.answers) : [],
    houses: standing,
    limit,
    grid,
    // A unit stands apart from the one before.
    starts: grid.units.slice(1).map((_, at) => grid.units.slice(0, at + 1).reduce((sum, { width }) => sum + width, 0)),
    states: houseStates,
    purposes: housePurposes,
    counts: countStates(standing),
    differences: record && !asOf.on ? differencesOf(record.answers, standing) : [],
    asTable: queryText(req, 'view') === 'table',
    changes,
    keeps: isKept && archiveKeepers.includes(user.role) && !asOf.on,
  })
}

function countStates(standing: readonly House[]): { code: keyof typeof houseStates; label: string; n: number }[] {
  const codes = Object.keys(houseStates) as (keyof typeof houseStates)[] // Object.keys forgets the literal types
  return codes
    .map(code => ({ code, label: houseStates[code], n: standing.filter(({ state }) => state === code).length }))
    .filter(({ n }) => n)
}

/** Where a building differs from the sum of its houses, naming both. */
function differencesOf(answers: RecordAnswers, standing: readonly House[]): string[] {
  if (!standing.length) return []
  const area = standing.reduce((sum, house) => sum + hundredths(house.floor_area), hundredths(answers.shared_area))
  const filed = Number(answers.house_count || 0)
  return [
    ...(filed === standing.length ? [] : [`户数登记为 ${filed} 户，按房屋档案为 ${standing.length} 户`]),
    ...(area === hundredths(answers.floor_area)
      ? []
      : [`建筑面积登记为 ${areaText(hundredths(answers.floor_area))} ㎡，各户与共用面积相加为 ${areaText(area)} ㎡`]),
  ]
}

deliveryPages(buildingPages)

editPages(buildingPages, {
  archive: buildings,
  roles: archiveKeepers,
  async open(db, user, id) {
    const building = await seenBuilding(db, user, id)
    await needHouseKeeper(db, user, building)
    return { title: '修改楼栋', name: building.name, href: `/desk/buildings/${id}`, crumb: crumbOf(building), at }
  },
  async check(trx, user, id, answers) {
    const building = await seenBuilding(trx, user, id)
    return await buildingMistakes(trx, building, answers, id)
  },
})

addPages(projectBuildings, {
  archive: buildings,
  path: '/:id/buildings/new',
  roles: archiveKeepers,
  form: () => buildingForm,
  async open(db, user, id) {
    const { name } = await keptProject(db, user, id)
    return {
      title: '增加楼栋',
      name,
      href: `/desk/projects/${id}`,
      crumb: [{ label: '项目', href: '/desk/lists/projects' }],
      at: '/desk/lists/projects',
    }
  },
  async check(trx, _user, id, answers) {
    return await buildingMistakes(trx, { project_id: id }, answers)
  },
  async create(trx, user, id, answers) {
    const more = { buildings: { project_id: id, position: await nextPosition(trx, id) } }
    return await createRecord(trx, buildings, answers, { by: { user_id: user.id }, more })
  },
  done: '楼栋已增加。在楼栋页可以继续增加房屋，房屋多的用 Excel 导入。',
})

/** What is wrong with a building beside the others of its project. The project is locked, so two of one name cannot come at once. */
async function buildingMistakes(
  trx: Knex.Transaction,
  { project_id }: Pick<SeenBuilding, 'project_id'>,
  answers: RecordAnswers,
  own = 0,
): Promise<Mistakes> {
  await trx('projects').where({ id: project_id }).forUpdate().first('id')
  const { name = '' } = answers
  const same = await trx('buildings').where({ project_id, name }).whereNot({ id: own }).first('id')
  return {
    ...(same ? { name: `这个项目已有“${name}”，请改用别的楼号。` } : {}),
    ...sharedMistakes(answers),
  }
}

/** Whether the areas of a building fit together. */
export function sharedMistakes({ floor_area, shared_area }: RecordAnswers): Mistakes {
  if (hundredths(shared_area) <= hundredths(floor_area)) return {}
  return {
    shared_area: `共用面积 ${areaText(hundredths(shared_area))} ㎡ 大于建筑面积 ${areaText(hundredths(floor_area))} ㎡，请核对。`,
  }
}

/** The name of a house follows from where it is. */
const placedForm: Form = partOf(houseForm, field => field.name !== 'name')

addPages(buildingPages, {
  archive: houses,
  path: '/:id/houses/new',
  roles: archiveKeepers,
  form: () => placedForm,
  async open(db, user, id) {
    const building = await seenBuilding(db, user, id)
    await needHouseKeeper(db, user, building)
    return { title: '增加房屋', name: building.name, href: `/desk/buildings/${id}`, crumb: crumbOf(building), at }
  },
  async check(trx, user, id, answers) {
    const { name } = await seenBuilding(trx, user, id)
    return await houseMistakes(trx, { building_id: id, building: name }, answers)
  },
  async create(trx, user, id, answers) {
    const { name, position, project_id } = await seenBuilding(trx, user, id)
    const place = { unit: answers.unit || null, room: answers.room ?? '' }
    return await createRecord(
      trx,
      houses,
      { ...answers, name: houseName(name, place) },
      {
        by: { user_id: user.id },
        more: { houses: { building_id: id, project_id, name_key: houseKey(position, place) } },
      },
    )
  },
  done: '房屋已增加。',
})

/** What is wrong with a house beside the others of its building, which is locked meanwhile. */
export async function houseMistakes(
  trx: Knex.Transaction,
  { building_id, building }: { building_id: number; building: string },
  answers: RecordAnswers,
  own = 0,
): Promise<Mistakes> {
  await trx('buildings').where({ id: building_id }).forUpdate().first('id')
  const name = houseName(building, { unit: answers.unit || null, room: answers.room ?? '' })
  const same = await trx('houses').where({ building_id, name }).whereNot({ id: own }).first('id')
  return {
    ...(same ? { room: `“${name}”已在这栋楼的房屋里，请核对单元和室号。` } : {}),
    ...(name.length > 80 ? { room: `楼号、单元、室号合起来最多 80 个字，现有 ${name.length} 个。` } : {}),
    ...stateMistakes(answers),
  }
}

/** Whether the state of a house and its day of delivery, and its two areas, fit together. */
export function stateMistakes({ state = '', delivered_on, floor_area, inner_area }: RecordAnswers): Mistakes {
  const isDelivered = (deliveredStates as readonly string[]).includes(state)
  const label = houseStates[state as keyof typeof houseStates] ?? state // checked by the form
  return {
    ...(isDelivered && !delivered_on ? { delivered_on: `状态为“${label}”的房屋已经交付，请填写交付日期。` } : {}),
    ...(delivered_on && delivered_on > today() ? { delivered_on: `交付日期不能晚于今天（${today()}），请核对。` } : {}),
    ...(!isDelivered && delivered_on
      ? { delivered_on: `状态为“${label}”的房屋还没有交付，请清空交付日期，或把状态改为“已交付”。` }
      : {}),
    ...(hundredths(inner_area) > hundredths(floor_area)
      ? {
          inner_area: `套内面积 ${areaText(hundredths(inner_area))} ㎡ 大于建筑面积 ${areaText(hundredths(floor_area))} ㎡，请核对。`,
        }
      : {}),
  }
}
