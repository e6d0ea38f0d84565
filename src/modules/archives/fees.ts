import type { Router } from 'express'
import type { Knex } from 'knex'
import { z } from 'zod'
import type { User } from '../../accounts/users.ts'
import { settingsNow } from '../../admin/settings.ts'
import { addDays } from '../../calendar.ts'
import { today } from '../../clock.ts'
import { NotFound } from '../../errors.ts'
import { date, type Mistakes } from '../../forms/form.ts'
import { changeRecord, createRecord, type RecordAnswers, readRecord } from './archive.ts'
import { feeForm, fees } from './project.ts'
import { keptProject } from './project-access.ts'
import { tellCeiling } from './project-notices.ts'
import { ceilingNotice } from './project-rules.ts'
import { addPages, editPages, type RecordHead } from './record-pages.ts'
import { archiveKeepers } from './visible.ts'
import { pricings, propertyTypes, serviceLevels } from './words.ts'

/** 收费标准 with history: one runs for each type of property, and a new one ends the old the day before it begins. */

interface Fee {
  id: number
  project_id: number
  property_type: string
  service_level: number | null
  pricing: string
  price: string
  elevator_fee: string | null
  parking_ground_fee: string | null
  parking_underground_fee: string | null
  parking_visit_fee: string | null
  waste_fee: string | null
  basis: string | null
  starts_on: string
  ends_on: string | null
  version: number
}

/** A standard as the page of its project shows it. */
export interface ShownFee extends Fee {
  type: string
  level: string
  pricing_label: string
  /** Whether it holds on the day the page shows. */
  holds: boolean
  /** What is charged besides: 电梯运行 0.30 元/㎡·月. */
  more: string[]
}

/** The standards of a project that had begun by a day: those that hold first, then the past, newest first. */
export async function feesOn(db: Knex, project_id: number, day: string): Promise<ShownFee[]> {
  const rows: Fee[] = await db('project_fees')
    .where({ project_id })
    .where('starts_on', '<=', day)
    .orderBy([
      { column: 'starts_on', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
  const shown = rows.map(row => shownFee(row, day))
  return [...shown.filter(({ holds }) => holds), ...shown.filter(({ holds }) => !holds)]
}

function shownFee(fee: Fee, day: string): ShownFee {
  const extras: [string, string | null, string][] = [
    ['电梯运行', fee.elevator_fee, '元/㎡·月'],
    ['地上停车', fee.parking_ground_fee, '元/月·位'],
    ['地下停车', fee.parking_underground_fee, '元/月·位'],
    ['临时停车', fee.parking_visit_fee, '元/次'],
    ['装修垃圾清运', fee.waste_fee, '元/㎡'],
  ]
  return {
    ...fee,
    type: propertyTypes[fee.property_type as keyof typeof propertyTypes] ?? fee.property_type, // a code of the dictionary
    level: fee.service_level ? (serviceLevels[fee.service_level as keyof typeof serviceLevels] ?? '') : '',
    pricing_label: pricings[fee.pricing as keyof typeof pricings] ?? fee.pricing,
    holds: fee.ends_on === null || fee.ends_on >= day,
    more: extras.filter(([, amount]) => amount !== null).map(([label, amount, unit]) => `${label} ${amount} ${unit}`),
  }
}

/** The page of the project, for whoever may change it. */
async function headOf(db: Knex, user: User, project_id: number, title: string): Promise<RecordHead> {
  const { name } = await keptProject(db, user, project_id)
  return {
    title,
    name,
    href: `/desk/projects/${project_id}#h-fees`,
    crumb: [{ label: '项目', href: '/desk/lists/projects' }],
    at: '/desk/lists/projects',
  }
}

async function feeAt(db: Knex, id: number): Promise<Fee> {
  const fee: Fee | undefined = await db('project_fees').where({ id }).first()
  if (!fee) throw new NotFound()
  return fee
}

/** Whoever writes standards of a project takes turns, so that two cannot overlap. */
async function lockProject(trx: Knex.Transaction, id: number): Promise<void> {
  await trx('projects').where({ id }).forUpdate().first('id')
}

/**
 * Why a standard cannot stand beside those that are there: a sentence by field.
 * @param own its id, where it is there already
 */
async function feeMistakes(trx: Knex.Transaction, project_id: number, fee: RecordAnswers, own?: number): Promise<Mistakes> {
  const { property_type = '', starts_on = '', ends_on = '' } = fee
  if (ends_on && ends_on < starts_on) return { ends_on: `执行截止日早于起始日 ${starts_on}，请改其中一个；现行标准不填截止日。` }
  const others: Fee[] = await trx('project_fees')
    .where({ project_id, property_type })
    .modify(query => void (own && query.whereNot({ id: own })))
    .orderBy('starts_on')
  // One that runs is ended by the new one; everything else must lie apart.
  const inTheWay = others.filter(
    other =>
      (other.ends_on === null ? own !== undefined || other.starts_on >= starts_on : true) &&
      other.starts_on <= (ends_on || '9999-12-31') &&
      (other.ends_on ?? '9999-12-31') >= starts_on,
  )
  const [first] = inTheWay
  if (!first) return {}
  const label = propertyTypes[property_type as keyof typeof propertyTypes] ?? property_type
  const period = first.ends_on ? `${first.starts_on} 至 ${first.ends_on}` : `${first.starts_on} 起`
  return {
    starts_on: `${label}已有 ${period} 执行的标准（${first.price} 元/㎡·月），同一天只能有一个。${first.ends_on ? '请改起止日期，或先更正那一条。' : '新标准的起始日要晚于它；填错了的，请更正那一条。'}`,
  }
}

/** Adds the pages for 收费标准: `/:id/fees/new`, `/fees/:id/edit` to correct, `/fees/:id/end`. */
export function feePages(router: Router): void {
  addPages(router, {
    archive: fees,
    path: '/:id/fees/new',
    roles: archiveKeepers,
    form: () => feeForm,
    open: (db, user, id) => headOf(db, user, id, '新增收费标准'),
    async prefill() {
      return { starts_on: today() }
    },
    async check(trx, user, id, answers) {
      await lockProject(trx, id)
      await keptProject(trx, user, id)
      return await feeMistakes(trx, id, answers)
    },
    async create(trx, user, id, answers) {
      const by = { user_id: user.id }
      const { property_type = '', starts_on = '', ends_on } = answers
      const running: Fee | undefined = await trx('project_fees').where({ project_id: id, property_type, live: 1 }).first()
      // What begins before the one that runs is history, and does not end it.
      if (running && running.starts_on < starts_on)
        await changeRecord(trx, fees, running.id, { answers: { ends_on: addDays(starts_on, -1) }, by })
      const made = await createRecord(trx, fees, answers, { by, more: { project_fees: { project_id: id } } })
      if (!ends_on) await tellCeiling(trx, id, answers)
      return made
    },
    done: '收费标准已登记。同类物业原来的标准到新标准起始日的前一天为止。',
    async notices(db, id) {
      const day = today()
      const rules = await settingsNow(db)
      const held = (await feesOn(db, id, day)).filter(({ holds }) => holds)
      return held.flatMap(fee => ceilingNotice(answersOf(fee), rules) ?? [])
    },
    twice: '这一类物业的标准刚刚由别人登记过，这次没有保存。请回到项目页看最新的标准。',
  })
  editPages(router, {
    archive: fees,
    path: '/fees/:id/edit',
    roles: archiveKeepers,
    form: () => feeForm,
    open: async (db, user, id) => headOf(db, user, (await feeAt(db, id)).project_id, '更正收费标准'),
    async check(trx, user, id, answers) {
      const { project_id } = await feeAt(trx, id)
      await lockProject(trx, project_id)
      await keptProject(trx, user, project_id)
      return await feeMistakes(trx, project_id, answers, id)
    },
    async after(trx, _user, id, changed) {
      if (!changed.some(name => ['price', 'pricing', 'service_level', 'property_type'].includes(name))) return
      const { project_id } = await feeAt(trx, id)
      const { answers } = await readRecord(trx, fees, id)
      if (!answers.ends_on) await tellCeiling(trx, project_id, answers)
    },
    async notices(db, id) {
      const notice = ceilingNotice((await readRecord(db, fees, id)).answers, await settingsNow(db))
      return notice ? [notice] : []
    },
  })
  editPages(router, {
    archive: fees,
    path: '/fees/:id/end',
    roles: archiveKeepers,
    form: () => endForm,
    open: async (db, user, id) => headOf(db, user, (await feeAt(db, id)).project_id, '停止执行收费标准'),
    async check(trx, user, id, answers): Promise<Mistakes> {
      const { project_id, starts_on } = await feeAt(trx, id)
      await lockProject(trx, project_id)
      await keptProject(trx, user, project_id)
      if ((answers.ends_on ?? '') < starts_on)
        return { ends_on: `这条标准 ${starts_on} 起执行，截止日不能早于这一天。没有执行过的，请用“更正”。` }
      const [mistake] = Object.values(await feeMistakes(trx, project_id, answers, id))
      return mistake ? { ends_on: mistake } : {}
    },
  })
}

const endForm = z.object({
  ends_on: date({ label: '最后执行日', hint: '这一天以后不再执行。换新标准不必在这里停止，登记新标准时会自动截止。' }),
})

const answersOf = ({ property_type, service_level, pricing, price }: Fee): RecordAnswers => ({
  property_type,
  service_level: service_level === null ? '' : String(service_level),
  pricing,
  price,
})
