import express, { type Request, type Response } from 'express'
import type { Knex } from 'knex'
import type { User } from '../../accounts/users.ts'
import { today } from '../../clock.ts'
import { db } from '../../db.ts'
import { type Form, partOf } from '../../forms/form.ts'
import { allow, currentUser, recordId } from '../../http.ts'
import { type Archive, createRecord, type RecordAnswers, readRecord, readRecords, recordOn } from './archive.ts'
import { houseMistakes } from './building-pages.ts'
import {
  collectionNote,
  crumbOf,
  keepsHouses,
  keepsOwners,
  needHouseKeeper,
  needOwnerKeeper,
  ownerKeepers,
  type SeenHouse,
  seenHouse,
} from './house-access.ts'
import { projectDifferences } from './house-counts.ts'
import { transferPages } from './house-transfer.ts'
import { owners, residents } from './owner.ts'
import { newOwnerForm, newResidentForm } from './owner-pages.ts'
import { addOwner, lockShares, ownerMistakes, residentMistakes, shareNotices, sourceOf, totalOf } from './owner-rules.ts'
import { houseForm, houses } from './project.ts'
import { addPages, changesPart, editPages, type RecordHead, readOn, shownRecord, stoodOn } from './record-pages.ts'
import { archiveKeepers, archiveReaders } from './visible.ts'
import { houseStates, ownerSources } from './words.ts'

/** 房屋: `/desk/houses`, with those who own and live in it, now and before. */
export const housePages = express.Router()

const at = '/desk/lists/houses'

housePages.get('/:id', allow(...archiveReaders), async (req, res) => showHouse(req, res))

async function showHouse(req: Request, res: Response): Promise<void> {
  const user = currentUser(res)
  const house = await seenHouse(db, user, recordId(req))
  const { id } = house
  const asOf = readOn(req)
  const day = asOf.on ?? today()
  const [record, owning, living, changes, mayHouse, mayOwners] = await Promise.all([
    asOf.on ? recordOn(db, houses, id, asOf.on) : readRecord(db, houses, id),
    peopleOf(owners, id, day, asOf.on),
    peopleOf(residents, id, day, asOf.on),
    changesPart(db, houses, id),
    keepsHouses(db, user, house),
    keepsOwners(db, user, house),
  ])
  const isNow = !asOf.on
  res.render('archives/house', {
    house,
    crumb: crumbOf(house),
    at,
    asOf,
    record,
    state: houseStates[house.state],
    sections: record ? shownRecord(houses, record.answers) : [],
    owning,
    total: totalOf(owning.now),
    living,
    notices: isNow ? await noticesOf(house, owning.now) : [],
    changes,
    keepsHouse: isNow && mayHouse && archiveKeepers.includes(user.role),
    keepsOwners: isNow && mayOwners && ownerKeepers.includes(user.role),
  })
}

/** Somebody of a house in words, personal data masked. */
interface Shown {
  id: number
  words: Record<string, string>
  /** The account is bound. */
  isBound: boolean
  share: string
  starts_on: string
  ends_on: string | null
}

/** Who owns or lives in a house on a day, and who did before. Later ones are not known yet on a past day. */
async function peopleOf(
  archive: Archive,
  house_id: number,
  day: string,
  on?: string,
): Promise<{ now: Shown[]; before: Shown[] }> {
  const periods: { id: number; starts_on: string; ends_on: string | null; user_id?: number | null }[] = await db(archive.code)
    .where({ house_id })
    .where('starts_on', '<=', day)
    .orderBy(['starts_on', 'id'])
    .limit(500)
    .select('id', 'starts_on', 'ends_on', ...(archive === owners ? ['user_id', 'source'] : ['source']))
  const records = await readRecords(
    db,
    archive,
    periods.map(({ id }) => id),
  )
  const byId = new Map(records.map(record => [record.id, record]))
  const shown = await Promise.all(
    periods.map(async period => {
      const stands = stoodOn(period, day)
      // What was corrected since read otherwise then.
      const then = on && stands ? await recordOn(db, archive, period.id, on) : undefined
      return { ...shownPerson(archive, period, (then ?? byId.get(period.id))?.answers ?? {}), stands }
    }),
  )
  return { now: shown.filter(({ stands }) => stands), before: shown.filter(({ stands }) => !stands).reverse() }
}

function shownPerson(
  archive: Archive,
  {
    id,
    starts_on,
    ends_on,
    user_id,
    source,
  }: { id: number; starts_on: string; ends_on: string | null; user_id?: number | null; source?: string },
  answers: RecordAnswers,
): Shown {
  const fields = shownRecord(archive, answers).flatMap(section => section.fields)
  const words = Object.fromEntries(fields.map(({ name, text }) => [name, text]))
  const by = ownerSources[source as keyof typeof ownerSources] ?? '' // a word of the register, or another table's
  return {
    id,
    words: { ...words, source: by },
    isBound: Boolean(user_id),
    share: answers.share ?? '',
    starts_on,
    ends_on,
  }
}

/** What does not fit together about a house, and between the houses of its project and what the project says of itself. */
async function noticesOf(house: SeenHouse, owning: readonly Shown[]): Promise<string[]> {
  const differences = await projectDifferences(db, house.project_id)
  const isSold = house.state !== 'unsold'
  return [
    ...(isSold || !owning.length ? [] : ['房屋状态是“未售”，但已登记业主，请核对状态。']),
    ...(isSold && !owning.length ? [`房屋状态是“${houseStates[house.state]}”，还没有登记业主。`] : []),
    ...shareNotices(owning, today()),
    ...(differences.length
      ? [`${house.project}的登记数与房屋档案不一致：${differences.join('；')}。登记数由项目档案变更更正。`]
      : []),
  ]
}

/** The name of a house follows from where it is. */
const placedForm: Form = partOf(houseForm, ({ name }) => name !== 'name')

const headOf = (house: SeenHouse, title: string): RecordHead => ({
  title,
  name: `${house.project} ${house.name}`,
  href: `/desk/houses/${house.id}`,
  crumb: crumbOf(house),
  at,
})

editPages(housePages, {
  archive: houses,
  roles: archiveKeepers,
  form: () => placedForm,
  async open(db, user, id) {
    const house = await seenHouse(db, user, id)
    await needHouseKeeper(db, user, house)
    return headOf(house, '修改房屋')
  },
  async check(trx, user, id, answers) {
    return await houseMistakes(trx, await seenHouse(trx, user, id), answers, id)
  },
})

const openForOwners = (title: string) => async (db: Knex, user: User, id: number) => {
  const house = await seenHouse(db, user, id)
  await needOwnerKeeper(db, user, house)
  return { ...headOf(house, title), note: collectionNote }
}

addPages(housePages, {
  archive: owners,
  path: '/:id/owners/new',
  roles: ownerKeepers,
  form: () => newOwnerForm,
  open: openForOwners('登记业主'),
  async prefill(db, id) {
    const held: string[] = await db('owners').where({ house_id: id, live: 1 }).pluck('share')
    const left = 100 - held.reduce((sum, share) => sum + Number(share), 0)
    return { id_type: 'resident-id', share: left > 0 ? String(Number(left.toFixed(4))) : '' }
  },
  async check(trx, _user, id, answers) {
    return ownerMistakes(answers, await lockShares(trx, id))
  },
  create: async (trx, user, id, answers) => await addOwner(trx, user, await seenHouse(trx, user, id), answers),
  async notices(db, id) {
    return shareNotices(await db('owners').where({ house_id: id }).select('share', 'starts_on', 'ends_on'), today())
  },
  twice: '这个证件号刚刚已登记为本房屋的业主，没有重复登记。',
  done: '业主已登记。',
})

addPages(housePages, {
  archive: residents,
  path: '/:id/residents/new',
  roles: ownerKeepers,
  form: () => newResidentForm,
  open: openForOwners('登记居民'),
  async check(trx, _user, id, answers) {
    return await residentMistakes(trx, id, answers)
  },
  async create(trx, user, id, answers) {
    const { project_id } = await seenHouse(trx, user, id)
    const more = { residents: { house_id: id, project_id, source: sourceOf(user) } }
    return await createRecord(trx, residents, answers, { by: { user_id: user.id }, more })
  },
  twice: '这个证件号刚刚已登记为本房屋的居民，没有重复登记。',
  done: '居民已登记。',
})

transferPages(housePages)
