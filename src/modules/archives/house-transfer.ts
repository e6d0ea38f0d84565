import type { Request, Response, Router } from 'express'
import { z } from 'zod'
import { addDays } from '../../calendar.ts'
import { today } from '../../clock.ts'
import { db, inTransaction } from '../../db.ts'
import { Conflict } from '../../errors.ts'
import { type Answers, answersFrom, checkAnswers } from '../../forms/answers.ts'
import { date, type Mistakes, partOf, rows } from '../../forms/form.ts'
import { formSections, silentFields } from '../../forms/sections.ts'
import { allow, currentUser, flash, recordId } from '../../http.ts'
import { maskName } from '../../lists/masks.ts'
import { changeRecord, type RecordAnswers } from './archive.ts'
import { crumbOf, needOwnerKeeper, ownerKeepers, seenHouse } from './house-access.ts'
import { owners } from './owner.ts'
import { newOwnerForm } from './owner-pages.ts'
import { addOwner, committeeNotices, lockShares, ownerMistakes, type Share, shareNotices, shareOf } from './owner-rules.ts'
import { houses } from './project.ts'
import { logChange } from './record-pages.ts'

/** 产权转移: those who leave and those who come, in one step, so that no day is without an owner and none has two. */

const transferForm = z.object({
  starts_on: date({ label: '转移登记日期', hint: '不动产登记簿上的登记日期；原业主到前一天为止。' }),
  owners: rows({
    label: '新业主',
    of: partOf(newOwnerForm, ({ name }) => name !== 'starts_on'),
    min: 1,
    max: 20,
    rowLabel: '新业主',
  }),
})

interface Typed {
  answers: Answers
  leaving: ReadonlySet<number>
  mistakes?: Mistakes
}

/** Adds `GET` and `POST /:id/transfer` to the pages of houses. */
export function transferPages(router: Router): void {
  router.get('/:id/transfer', allow(...ownerKeepers), async (req, res) => showTransfer(req, res))

  router.post('/:id/transfer', allow(...ownerKeepers), async (req, res) => {
    const body: unknown = req.body
    const leaving = leavingIn(body)
    const answers = answersFrom(transferForm, body)
    // A press on 增加 or 删除 only asks for the page with one row more or less.
    if (pressForm.safeParse(body).success) return await showTransfer(req, res, { answers, leaving })
    const checked = checkAnswers(transferForm, answers)
    if (!checked.ok) return await showTransfer(req, res, { answers: checked.answers, leaving, mistakes: checked.mistakes })
    const coming = Array.isArray(checked.answers.owners) ? checked.answers.owners : []
    const mistakes = await transfer(req, res, { leaving, coming, starts_on: checked.data.starts_on })
    if (Object.keys(mistakes).length) return await showTransfer(req, res, { answers: checked.answers, leaving, mistakes })
    flash(req, { tone: 'ok', text: `产权转移已登记，新业主从 ${checked.data.starts_on} 起。原业主在“以前的业主”里。` })
    const shares = await db('owners')
      .where({ house_id: recordId(req) })
      .select('share', 'starts_on', 'ends_on')
    const notices = [...shareNotices(shares, today()), ...(await committeeNotices(db, [...leaving]))]
    for (const text of notices) flash(req, { tone: 'warn', text })
    res.redirect(303, `/desk/houses/${recordId(req)}`)
  })
}

const pressForm = z.object({ rows: z.string() })

async function showTransfer(req: Request, res: Response, typed?: Typed): Promise<void> {
  const user = currentUser(res)
  const house = await seenHouse(db, user, recordId(req))
  await needOwnerKeeper(db, user, house)
  const holding: Pick<Share, 'id' | 'name' | 'share' | 'starts_on'>[] = await db('owners')
    .where({ house_id: house.id, live: 1 })
    .orderBy(['starts_on', 'id'])
    .select('id', 'name', 'share', 'starts_on')
  const answers = typed?.answers ?? { owners: [{ id_type: 'resident-id', share: '100' }] }
  const sections = formSections(transferForm, answers, typed?.mistakes)
  if (typed?.mistakes) res.status(422)
  res.render('archives/house-transfer', {
    house,
    crumb: [...crumbOf(house), { label: house.name, href: `/desk/houses/${house.id}` }],
    sections,
    silent: silentFields(sections.flatMap(({ fields }) => fields)),
    holding: holding.map(({ id, name, share, starts_on }) => ({
      id,
      label: `${maskName(name)}，${Number(share)}%，${starts_on} 起`,
      leaves: typed ? typed.leaving.has(id) : true,
    })),
    mistakes: typed?.mistakes ?? {},
  })
}

/** The ids of the owners ticked as leaving. */
function leavingIn(body: unknown): ReadonlySet<number> {
  const { leaving = [] } = leavingForm.parse(body ?? {})
  return new Set([leaving].flat().map(Number).filter(Number.isSafeInteger))
}

const leavingForm = z
  .object({
    leaving: z
      .union([z.string(), z.array(z.string())])
      .optional()
      .catch(undefined),
  })
  .catch({})

interface Transfer {
  leaving: ReadonlySet<number>
  coming: readonly RecordAnswers[]
  starts_on: string
}

/** Ends and begins, all or nothing. @returns what is wrong, by field */
async function transfer(req: Request, res: Response, { leaving, coming, starts_on }: Transfer): Promise<Mistakes> {
  const user = currentUser(res)
  return await inTransaction(async trx => {
    const house = await seenHouse(trx, user, recordId(req))
    await needOwnerKeeper(trx, user, house)
    const shares = await lockShares(trx, house.id)
    const mistakes = transferMistakes(shares, { leaving, coming, starts_on })
    if (Object.keys(mistakes).length) return mistakes
    const ends_on = addDays(starts_on, -1)
    for (const id of leaving) await changeRecord(trx, owners, id, { answers: { ends_on }, by: { user_id: user.id } })
    for (const row of coming) await addOwner(trx, user, house, { ...row, starts_on })
    const name = `${house.project} ${house.name}`
    await logChange(trx, req, res, 'archive.transfer', { archive: houses, id: house.id, name, fields: [] })
    return {}
  })
}

/**
 * What is wrong with a transfer, by field.
 * @throws Conflict when somebody ticked has left meanwhile
 */
function transferMistakes(shares: readonly Share[], { leaving, coming, starts_on }: Transfer): Mistakes {
  const going = shares.filter(({ id, ends_on }) => leaving.has(id) && ends_on === null)
  if (going.length < leaving.size)
    throw new Conflict('您打开之后，这套房屋的业主已经变了，这次没有登记。请看最新的业主以后再办。')
  const late = going.find(share => share.starts_on >= starts_on)
  if (late) return { starts_on: `转移登记日期须晚于原业主 ${maskName(late.name)} 的取得日期 ${late.starts_on}。` }
  const beside = shares.map(share => (going.includes(share) ? { ...share, ends_on: addDays(starts_on, -1) } : share))
  for (const [at, row] of coming.entries()) {
    const owner = { ...row, starts_on }
    const mistakes = Object.entries(ownerMistakes(owner, beside))
    if (mistakes.length)
      return Object.fromEntries(
        mistakes.map(([name, sentence]) => [name === 'starts_on' ? name : `owners.${at}.${name}`, sentence]),
      )
    // Nobody on file has a number below zero.
    beside.push(shareOf(-1 - at, owner))
  }
  return {}
}
