import express, { type Request, type Response } from 'express'
import type { Knex } from 'knex'
import type { Role } from '../../accounts/roles.ts'
import type { User } from '../../accounts/users.ts'
import { beijing, today } from '../../clock.ts'
import { db } from '../../db.ts'
import { NotFound } from '../../errors.ts'
import type { ShownSection } from '../../forms/answers.ts'
import { type Mistakes, partOf } from '../../forms/form.ts'
import { allow, currentUser, recordId } from '../../http.ts'
import { maskName } from '../../lists/masks.ts'
import { type Archive, type RecordAnswers, readRecord, recordOn } from './archive.ts'
import { crumbOf, keepsOwners, needOwnerKeeper, ownerKeepers, type SeenHouse, seenHouse } from './house-access.ts'
import { ownerForm, owners, residentForm, residents } from './owner.ts'
import { committeeNotices, lockShares, ownerMistakes, residentMistakes, shareNotices } from './owner-rules.ts'
import { areaText, hundredths } from './project-rules.ts'
import { changesPart, editPages, type RecordHead, readOn, revealForm, revealPages, shownRecord, stoodOn } from './record-pages.ts'
import { archiveReaders, revealers, visibleOwners, visibleResidents } from './visible.ts'
import { type Office, offices } from './words.ts'

/** 业主: `/desk/owners`. Personal data are masked wherever they are not asked for with a reason. */
export const ownerPages = express.Router()
/** 居民: `/desk/residents`. */
export const residentPages = express.Router()

/** Which of the two registers of a house a page is about. */
interface Register {
  archive: Archive
  visible(db: Knex, user: User): Knex.QueryBuilder
  at: string
  ended: string
  end: string
  /** Facts that are not asked for on the page: who registered, and the last day, which has a page of its own. */
  beside: readonly string[]
}
const ownerRegister: Register = {
  archive: owners,
  visible: visibleOwners,
  at: '/desk/lists/owners',
  ended: '已转出',
  end: '登记转出',
  beside: ['source', 'ends_on'],
}
const residentRegister: Register = {
  archive: residents,
  visible: visibleResidents,
  at: '/desk/lists/residents',
  ended: '已迁出',
  end: '登记迁出',
  beside: ['ends_on'],
}

interface Seen {
  id: number
  name: string
  house_id: number
  id_number_index: string | null
  user_id: number | null
  ends_on: string | null
}

/** A row of a register this user may see, with its house. @throws NotFound */
async function seenRow(db: Knex, user: User, { archive, visible }: Register, id: number): Promise<Seen & { house: SeenHouse }> {
  const columns = ['id', 'name', 'house_id', 'id_number_index', 'ends_on', ...(archive === owners ? ['user_id'] : [])]
  const row: Seen | undefined = await visible(db, user)
    .where({ [`${archive.code}.id`]: id })
    .first(...columns.map(column => `${archive.code}.${column}`))
  if (!row) throw new NotFound()
  return { ...row, house: await seenHouse(db, user, row.house_id) }
}

/** The forms below the address of a row: what it says, its end, and its personal data in full. */
function registerPages(
  router: express.Router,
  register: Register,
  show: (req: Request, res: Response, shown?: Shown) => Promise<void>,
) {
  const { archive, at, beside, end } = register
  const open = async (db: Knex, user: User, id: number, title: string): Promise<RecordHead> => {
    const { name, house } = await seenRow(db, user, register, id)
    await needOwnerKeeper(db, user, house)
    const crumb = [...crumbOf(house), { label: house.name, href: `/desk/houses/${house.id}` }]
    return { title, name: maskName(name), href: `/desk/${archive.code}/${id}`, crumb, at }
  }
  const check = async (trx: Knex.Transaction, user: User, id: number, answers: RecordAnswers): Promise<Mistakes> => {
    const { house_id } = await seenRow(trx, user, register, id)
    if (archive === residents) return await residentMistakes(trx, house_id, answers, id)
    return ownerMistakes(answers, await lockShares(trx, house_id), id)
  }
  const notices = async (db: Knex, id: number) => {
    if (archive === residents) return []
    const row: { house_id: number } | undefined = await db('owners').where({ id }).first('house_id')
    const shares = row ? await db('owners').where({ house_id: row.house_id }).select('share', 'starts_on', 'ends_on') : []
    return [...shareNotices(shares, today()), ...(await committeeNotices(db, [id]))]
  }

  router.get('/:id', allow(...archiveReaders), async (req, res) => show(req, res))

  editPages(router, {
    archive,
    roles: ownerKeepers,
    form: () => partOf(archive.form, ({ name }) => !beside.includes(name)),
    open: (db, user, id) => open(db, user, id, `修改${archive.label}`),
    check: (trx, user, id, answers) => only(check(trx, user, id, answers), name => !beside.includes(name)),
    notices,
    after: async (trx, _user, id, changed) => {
      // Another human has another account.
      if (archive === owners && changed.includes('id_number')) await trx('owners').where({ id }).update({ user_id: null })
    },
  })

  editPages(router, {
    archive,
    path: '/:id/end',
    roles: ownerKeepers,
    form: () => partOf(archive.form, ({ name }) => name === 'ends_on'),
    open: (db, user, id) => open(db, user, id, end),
    adjust: async (db, _user, id) => {
      const { answers } = await readRecord(db, archive, id)
      // Who never left cannot come back.
      return answers.ends_on
        ? { ends_on: { hint: '登记错了的，清空后保存，恢复为现在的登记。' } }
        : { ends_on: { required: true, hint: '' } }
    },
    check: async (trx, user, id, answers) => {
      const row = await seenRow(trx, user, register, id)
      if (!answers.ends_on && !row.ends_on) return { ends_on: `请填写${archive === owners ? '转出' : '迁出'}日期。` }
      return await only(check(trx, user, id, answers), name => name === 'ends_on')
    },
    notices,
  })

  revealPages(router, {
    archive,
    roles: revealers,
    async open(db, user, id) {
      const { name } = await seenRow(db, user, register, id)
      return { title: archive.label, name: maskName(name), href: `/desk/${archive.code}/${id}` }
    },
    show: (req, res) => show(req, res, { revealed: true }),
    again: (req, res, _id, mistake) => show(req, res, { mistake }),
  })
}

interface Shown {
  revealed?: boolean
  mistake?: string
}

/** Mistakes at fields the page does not show stand above the form. */
async function only(found: Promise<Mistakes>, isShown: (name: string) => boolean): Promise<Mistakes> {
  const mistakes = Object.entries(await found)
  const hidden = mistakes.filter(([name]) => !isShown(name)).map(([, sentence]) => sentence)
  const shown = Object.fromEntries(mistakes.filter(([name]) => isShown(name)))
  return hidden.length ? { ...shown, '': hidden.join('') } : shown
}

registerPages(ownerPages, ownerRegister, showOwner)
registerPages(residentPages, residentRegister, showResident)

/** One house of the person, as the page of an owner lists them. */
interface Holding {
  id: number
  house_id: number
  house: string
  project_id: number
  project: string
  floor_area: string
  share: string
  starts_on: string
  ends_on: string | null
}

async function showOwner(req: Request, res: Response, { revealed = false, mistake }: Shown = {}): Promise<void> {
  const user = currentUser(res)
  const id = recordId(req)
  const row = await seenRow(db, user, ownerRegister, id)
  const asOf = revealed ? { typed: '', today: today() } : readOn(req)
  const day = asOf.on ?? today()
  const [record, holdings, seats, account, changes, keeps] = await Promise.all([
    asOf.on ? recordOn(db, owners, id, asOf.on) : readRecord(db, owners, id),
    holdingsOf(user, row),
    seatsOf(user, row, day),
    accountFacts(row.user_id),
    changesPart(db, owners, id),
    keepsOwners(db, user, row.house),
  ])
  const held = holdings.filter(holding => stoodOn(holding, day))
  res.render('archives/owner', {
    row,
    house: row.house,
    name: revealed ? row.name : maskName(record?.answers.name ?? row.name),
    crumb: crumbOf(row.house),
    asOf,
    record,
    sections: record ? ownerSections(record.answers, revealed) : [],
    isRunning: held.some(holding => holding.id === id),
    holdings: holdings.map(holding => ({ ...holding, area: areaText(ownedOf(holding)), isHeld: stoodOn(holding, day) })),
    votes: votesOf(held),
    seats,
    account,
    changes,
    ...standing(user, { asOf, keeps, revealed, mistake }),
  })
}

async function showResident(req: Request, res: Response, { revealed = false, mistake }: Shown = {}): Promise<void> {
  const user = currentUser(res)
  const id = recordId(req)
  const row = await seenRow(db, user, residentRegister, id)
  const asOf = revealed ? { typed: '', today: today() } : readOn(req)
  const [record, changes, keeps] = await Promise.all([
    asOf.on ? recordOn(db, residents, id, asOf.on) : readRecord(db, residents, id),
    changesPart(db, residents, id),
    keepsOwners(db, user, row.house),
  ])
  res.render('archives/resident', {
    row,
    house: row.house,
    name: revealed ? row.name : maskName(record?.answers.name ?? row.name),
    crumb: crumbOf(row.house),
    asOf,
    record,
    sections: record ? shownRecord(residents, record.answers, { masked: !revealed }) : [],
    isRunning: record
      ? stoodOn({ starts_on: record.answers.starts_on ?? '', ends_on: record.answers.ends_on || null }, asOf.on ?? today())
      : false,
    changes,
    ...standing(user, { asOf, keeps, revealed, mistake }),
  })
}

/** 50.0000 is 50 to whoever reads it. */
function ownerSections(answers: RecordAnswers, revealed: boolean): ShownSection[] {
  return shownRecord(owners, answers, { masked: !revealed }).map(section => ({
    ...section,
    fields: section.fields.map(field => (field.name === 'share' ? { ...field, text: String(Number(field.text)) } : field)),
  }))
}

/** What this reader may do on the page. */
function standing(
  { role }: User,
  { asOf, keeps, revealed, mistake }: { asOf: { on?: string }; keeps: boolean; revealed: boolean; mistake: string | undefined },
) {
  const mayReveal = (revealers as readonly Role[]).includes(role) && !asOf.on
  return { keeps: keeps && !asOf.on, reveal: mayReveal ? { revealed, mistake, form: revealForm } : undefined }
}

/** All houses of the same person that this reader may see, those of now first. */
async function holdingsOf(user: User, { id_number_index }: Seen): Promise<Holding[]> {
  return await visibleOwners(db, user)
    .where({ 'owners.id_number_index': id_number_index })
    .orderByRaw('owners.ends_on is not null, owners.starts_on desc, owners.id')
    .limit(200)
    .select(
      'owners.id',
      'owners.house_id',
      'houses.name as house',
      'owners.project_id',
      'projects.name as project',
      'houses.floor_area',
      'owners.share',
      'owners.starts_on',
      'owners.ends_on',
    )
}

/** Hundredths of a square metre of a house that go with a share. */
const ownedOf = ({ floor_area, share }: Holding) => Math.round((hundredths(floor_area) * Number(share)) / 100)

interface Votes {
  project: string
  people: number
  houses: number
  area: string
  /** Some of it is owned together with others. */
  shared: boolean
}

/** 投票权 by project: however many houses, one person is one vote; the area is what is owned (民法典 第二百七十八条). */
function votesOf(held: readonly Holding[]): Votes[] {
  const projects = new Map(held.map(({ project_id, project }) => [project_id, project]))
  return [...projects].map(([project_id, project]) => {
    const own = held.filter(holding => holding.project_id === project_id)
    const area = areaText(own.reduce((sum, holding) => sum + ownedOf(holding), 0))
    return { project, houses: own.length, people: 1, area, shared: own.some(({ share }) => Number(share) < 100) }
  })
}

interface Seat {
  committee: string
  office: Office
  sequence: number
  starts_on: string
  ends_on: string | null
}

/** 业委会成员 on a day, through any house of this person in sight. */
async function seatsOf(
  user: User,
  { id_number_index }: Seen,
  day: string,
): Promise<(Omit<Seat, 'office'> & { office: string })[]> {
  const rows: Seat[] = await visibleOwners(db, user)
    .where({ 'owners.id_number_index': id_number_index })
    .join('committee_members', 'committee_members.owner_id', 'owners.id')
    .join('committee_terms', 'committee_terms.id', 'committee_members.term_id')
    .join('organisations', 'organisations.id', 'committee_terms.committee_id')
    .where('committee_members.starts_on', '<=', day)
    .where(open => open.whereNull('committee_members.ends_on').orWhere('committee_members.ends_on', '>=', day))
    .select(
      'organisations.name as committee',
      'committee_members.office',
      'committee_terms.sequence',
      'committee_members.starts_on',
      'committee_members.ends_on',
    )
  return rows.map(row => ({ ...row, office: offices[row.office] }))
}

/** The account that is bound to the person, without naming it. */
async function accountFacts(user_id: number | null): Promise<{ since: string; signedIn: string | undefined } | undefined> {
  if (!user_id) return undefined
  const account: { created_at: Date; last_signed_in_at: Date | null } | undefined = await db('users')
    .where({ id: user_id })
    .first('created_at', 'last_signed_in_at')
  return (
    account && {
      since: beijing(account.created_at).slice(0, 10),
      signedIn: account.last_signed_in_at ? beijing(account.last_signed_in_at).slice(0, 16) : undefined,
    }
  )
}

/** What is asked for of a new owner and a new resident. */
export const newOwnerForm = partOf(ownerForm, ({ name }) => !ownerRegister.beside.includes(name))
export const newResidentForm = partOf(residentForm, ({ name }) => !residentRegister.beside.includes(name))
