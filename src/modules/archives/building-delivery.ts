import type { Request, Response, Router } from 'express'
import { z } from 'zod'
import { today } from '../../clock.ts'
import { db, inTransaction } from '../../db.ts'
import { date, fieldsOf, type Mistakes, readForm, typed, type Values } from '../../forms/form.ts'
import { allow, currentUser, flash, recordId } from '../../http.ts'
import { changeRecord } from './archive.ts'
import { crumbOf, needHouseKeeper, type SeenBuilding, seenBuilding } from './house-access.ts'
import { projectDifferences } from './house-counts.ts'
import { buildings, houses } from './project.ts'
import { logChange } from './record-pages.ts'
import { archiveKeepers } from './visible.ts'

/** 登记交付: the houses of a building whose keys were handed over on one day, all in one step. */

const deliveryForm = z.object({ delivered_on: date({ label: '交付日期', hint: '办理交付手续的日期。' }) })
const picksForm = z
  .object({
    houses: z
      .union([z.string(), z.array(z.string())])
      .optional()
      .catch(undefined),
  })
  .catch({})

interface Typed {
  values: Values
  mistakes: Mistakes
  picked: ReadonlySet<number>
}

/** Adds `GET` and `POST /:id/deliver` to the pages of buildings. */
export function deliveryPages(router: Router): void {
  router.get('/:id/deliver', allow(...archiveKeepers), async (req, res) => showDelivery(req, res, await keptBuilding(req, res)))

  router.post('/:id/deliver', allow(...archiveKeepers), async (req, res) => {
    const building = await keptBuilding(req, res)
    const read = readForm(deliveryForm, req.body)
    const picked = picksIn(req.body)
    const mistakes: Mistakes = {
      ...(read.ok ? lateMistake(read.data.delivered_on) : read.mistakes),
      ...(picked.size ? {} : { houses: '请勾选这一天交付的房屋。' }),
    }
    if (!read.ok || Object.keys(mistakes).length) {
      res.status(422)
      return await showDelivery(req, res, building, { values: typed(deliveryForm, req.body), mistakes, picked })
    }
    const delivered = await deliver(req, res, building, { picked, ...read.data })
    flash(req, {
      tone: 'ok',
      text: delivered ? `${delivered} 户已登记为 ${read.data.delivered_on} 交付。` : '勾选的房屋都已经登记过交付，没有改动。',
    })
    await tellDifferences(req, building)
    res.redirect(303, `/desk/buildings/${building.id}`)
  })
}

async function keptBuilding(req: Request, res: Response): Promise<SeenBuilding> {
  const user = currentUser(res)
  const building = await seenBuilding(db, user, recordId(req))
  await needHouseKeeper(db, user, building)
  return building
}

async function showDelivery(_req: Request, res: Response, building: SeenBuilding, again?: Typed): Promise<void> {
  const waiting: { id: number; name: string }[] = await db('houses')
    .where({ building_id: building.id, state: 'sold' })
    .orderBy(['name_key', 'id'])
    .select('id', 'name')
  res.render('archives/building-deliver', {
    building,
    crumb: crumbOf({ ...building, building_id: building.id, building: building.name }),
    fields: fieldsOf(deliveryForm),
    houses: waiting.map(house => ({ ...house, picked: again ? again.picked.has(house.id) : true })),
    values: again?.values ?? {},
    mistakes: again?.mistakes ?? {},
  })
}

function picksIn(body: unknown): ReadonlySet<number> {
  const { houses = [] } = picksForm.parse(body ?? {})
  return new Set([houses].flat().map(Number).filter(Number.isSafeInteger))
}

function lateMistake(delivered_on: string): Mistakes {
  return delivered_on > today() ? { delivered_on: `交付日期不能晚于今天（${today()}），到那一天再登记。` } : {}
}

/** Hands over what is still 已售未交; the rest was handed over before. @returns how many houses */
async function deliver(
  req: Request,
  res: Response,
  { id, name, project }: SeenBuilding,
  { picked, delivered_on }: { picked: ReadonlySet<number>; delivered_on: string },
): Promise<number> {
  const by = { user_id: currentUser(res).id }
  return await inTransaction(async trx => {
    await trx('buildings').where({ id }).forUpdate().first('id')
    const ids: number[] = await trx('houses')
      .where({ building_id: id, state: 'sold' })
      .whereIn('id', [...picked])
      .orderBy('id')
      .pluck('id')
    for (const house of ids) await changeRecord(trx, houses, house, { answers: { state: 'delivered', delivered_on }, by })
    if (ids.length)
      await logChange(trx, req, res, 'archive.change', {
        archive: buildings,
        id,
        name: `${project} ${name}：${ids.length} 户登记交付`,
        fields: [],
      })
    return ids.length
  })
}

/** The figures of the project are ★: they change by application, and whoever delivers is told so. */
async function tellDifferences(req: Request, { project_id, project }: SeenBuilding): Promise<void> {
  const differences = await projectDifferences(db, project_id)
  if (differences.length)
    flash(req, {
      tone: 'warn',
      text: `${project}的登记数与房屋档案不一致：${differences.join('；')}。`,
      link: { href: '/desk/kinds/project-change', label: '办理项目档案变更' },
    })
}
