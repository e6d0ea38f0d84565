import type { Knex } from 'knex'
import { z } from 'zod'
import type { User } from '../../../accounts/users.ts'
import { blindIndex } from '../../../crypto.ts'
import { fieldsOf, optionalText, text } from '../../../forms/form.ts'
import { defineImport, type Finding, type ImportRow } from '../../../imports/import.ts'
import { type RecordAnswers, readRecords } from '../archive.ts'
import { keepsOwners, ownerKeepers } from '../house-access.ts'
import { houseName } from '../house-names.ts'
import { owners } from '../owner.ts'
import { newOwnerForm } from '../owner-pages.ts'
import { ownerMistakes, type Share, shareOf, sourceOf } from '../owner-rules.ts'
import { visibleHouses } from '../visible.ts'
import { compared, createRecords, findingsOf, inBatches, type NamedProject, projectColumn, projectsNamed } from './shared.ts'

/** 业主 of houses that are on file. */

const sheetForm = z.object({
  project: text(projectColumn),
  building: text({ label: '楼号', max: 40, hint: '与楼栋档案一致，如 3号楼' }),
  unit: optionalText({ label: '单元', max: 20, hint: '与房屋档案一致；没有单元的不填' }),
  room: text({ label: '室号', max: 20 }),
  ...newOwnerForm.shape,
})

interface House {
  id: number
  name: string
  project_id: number
}

export const ownerImport = defineImport({
  code: 'owners',
  label: '业主',
  about: '登记房屋的业主和产权比例。房屋要先在档；证件号和电话加密保存。',
  roles: ownerKeepers,
  list: { code: 'owners', label: '业主' },
  sheets: async () => [
    {
      label: '业主',
      form: sheetForm,
      key: ['project', 'building', 'unit', 'room', 'id_number'],
      example: {
        project: '示例花园',
        building: '3号楼',
        unit: '2单元',
        room: '1502',
        name: '李四',
        id_type: '居民身份证',
        id_number: '370100199001010010',
        phone: '13800000000',
        share: '100',
        starts_on: '2022-06-30',
      },
      notes: [
        '一套房屋有几个业主，就填几行，产权比例合计不超过 100%。',
        '请告知业主：登记的个人信息由主管部门用于物业管理和业主共同决定。',
      ],
    },
  ],
  async check(db, user, rows, step) {
    const fields = fieldsOf(owners.form).filter(({ name }) => name in newOwnerForm.shape)
    const findings: Finding[] = []
    const housed = await housesOf(db, user, rows)
    const coming = new Map<number, Share[]>()
    for (const part of inBatches(rows)) {
      const shares = await sharesOf(db, part, housed)
      const same = await recordsOf(db, part, shares, housed)
      for (const row of part) {
        const house = housed(row)
        if ('sentence' in house) {
          findings.push({ row, ...house })
          continue
        }
        const there = same.get(row)
        if (there) {
          findings.push(compared(row, fields, there, '导入只新增，已登记的请在业主页修改；转让的请用“产权转移”。'))
          continue
        }
        const others = [...(shares.get(house.id) ?? []), ...(coming.get(house.id) ?? [])]
        const mistakes = ownerMistakes(row.answers, others)
        findings.push(...findingsOf(row, mistakes))
        if (!Object.keys(mistakes).length) coming.set(house.id, [...(coming.get(house.id) ?? []), shareOf(-row.row, row.answers)])
      }
      await step(part.length)
    }
    return findings
  },
  async write(trx, user, rows, step) {
    const housed = await housesOf(trx, user, rows)
    const ids: number[] = []
    for (const part of inBatches(rows)) {
      const accounts = await accountsOf(trx, part)
      const records = part.map(row => {
        const house = housed(row)
        if ('sentence' in house) throw new Error('an owner without a house passed the check')
        const { project: _project, building: _building, unit: _unit, room: _room, ...own } = row.answers
        const user_id = accounts.get(indexOf(row)) ?? null
        return {
          answers: { ...own, source: sourceOf(user) },
          more: { house_id: house.id, project_id: house.project_id, user_id },
        }
      })
      ids.push(...(await createRecords(trx, owners, records, { by: { user_id: user.id } })))
      await step(part.length)
    }
    return { ids }
  },
})

const indexOf = ({ answers }: ImportRow) => blindIndex('owners.id_number', answers.id_number ?? '')
const plain = (text: string) => text.normalize('NFKC').replace(/\s/g, '').toLowerCase()

type Housed = (row: ImportRow) => House | { field: string; sentence: string }

/** Finds the houses that rows name, where this person keeps the owners. */
async function housesOf(db: Knex, user: User, rows: readonly ImportRow[]): Promise<Housed> {
  const named = await projectsNamed(db, user, rows.map(({ answers }) => answers.project ?? '')) // biome-ignore format: one step
  const kept = new Map<number, boolean>()
  const houses = new Map<string, House>()
  for (const part of inBatches(rows)) {
    const projects = new Map<number, NamedProject>()
    for (const { answers } of part) {
      const found = named(answers.project ?? '')
      if (typeof found !== 'string') projects.set(found.project_id, found)
    }
    for (const [id, project] of projects) if (!kept.has(id)) kept.set(id, await keepsOwners(db, user, project))
    const found: House[] = await visibleHouses(db, user)
      .whereIn('houses.project_id', [...projects.keys()])
      .whereIn('houses.name', [...new Set(part.map(nameOf))])
      .select('houses.id', 'houses.name', 'houses.project_id')
    for (const house of found) houses.set(`${house.project_id} ${plain(house.name)}`, house)
  }
  return row => {
    const found = named(row.answers.project ?? '')
    if (typeof found === 'string') return { field: 'project', sentence: found }
    if (!kept.get(found.project_id))
      return { field: 'project', sentence: `“${found.project}”的业主不由贵单位登记，贵单位现在只能查看。` }
    const name = nameOf(row)
    return (
      houses.get(`${found.project_id} ${plain(name)}`) ?? {
        field: 'room',
        sentence: `“${found.project}”的房屋档案里没有“${name}”。请对照房屋档案填写，或先登记房屋。`,
      }
    )
  }
}

const nameOf = ({ answers }: ImportRow) =>
  houseName(answers.building ?? '', { unit: answers.unit || null, room: answers.room ?? '' })

/** Who owns or owned the houses of these rows. Inside a transaction the houses are locked, as whoever adds an owner locks them. */
async function sharesOf(db: Knex, rows: readonly ImportRow[], housed: Housed): Promise<Map<number, Share[]>> {
  const ids = [...new Set(rows.flatMap(row => idOf(housed(row)) ?? []))]
  if (db.isTransaction) await db('houses').whereIn('id', ids).orderBy('id').forUpdate().select('id')
  const found: (Share & { house_id: number })[] = await db('owners')
    .whereIn('house_id', ids)
    .orderBy(['house_id', 'starts_on'])
    .select('house_id', 'id', 'name', 'id_number_index', 'share', 'starts_on', 'ends_on')
  const shares = new Map<number, Share[]>()
  for (const share of found) shares.set(share.house_id, [...(shares.get(share.house_id) ?? []), share])
  return shares
}

const idOf = (house: ReturnType<Housed>) => ('sentence' in house ? undefined : house.id)

/** What is on file of the same person owning the same house from the same day. */
async function recordsOf(
  db: Knex,
  rows: readonly ImportRow[],
  shares: ReadonlyMap<number, readonly Share[]>,
  housed: Housed,
): Promise<Map<ImportRow, RecordAnswers>> {
  const found = rows.flatMap(row => {
    const own = shares.get(idOf(housed(row)) ?? 0) ?? []
    const same = own.find(share => share.id_number_index === indexOf(row) && share.starts_on === row.answers.starts_on)
    return same ? [{ row, id: same.id }] : []
  })
  const records = new Map((await readRecords(db, owners, found.map(({ id }) => id))).map(({ id, answers }) => [id, answers])) // biome-ignore format: one step
  return new Map(found.flatMap(({ row, id }) => {
    const answers = records.get(id)
    return answers ? [[row, answers]] : []
  })) // biome-ignore format: one step
}

/** Whoever owns other houses and has an account has it for these too. */
async function accountsOf(trx: Knex.Transaction, rows: readonly ImportRow[]): Promise<Map<string, number>> {
  const found: { id_number_index: string; user_id: number }[] = await trx('owners')
    .whereIn('id_number_index', [...new Set(rows.map(indexOf))])
    .whereNotNull('user_id')
    .select('id_number_index', 'user_id')
  return new Map(found.map(({ id_number_index, user_id }) => [id_number_index, user_id]))
}
