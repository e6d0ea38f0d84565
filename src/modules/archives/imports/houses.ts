import type { Knex } from 'knex'
import { z } from 'zod'
import type { User } from '../../../accounts/users.ts'
import { fieldsOf, type Mistakes, partOf, text } from '../../../forms/form.ts'
import { defineImport, type Finding, type ImportRow } from '../../../imports/import.ts'
import { type RecordAnswers, readRecords } from '../archive.ts'
import { stateMistakes } from '../building-pages.ts'
import { houseKey, houseName } from '../house-names.ts'
import { houseForm, houses } from '../project.ts'
import { mayKeep } from '../project-access.ts'
import { archiveKeepers } from '../visible.ts'
import { compared, createRecords, findingsOf, inBatches, type NamedProject, projectColumn, projectsNamed } from './shared.ts'

/** 房屋 of buildings that are on file. */

// The name of a house follows from where it is.
const ownForm = partOf(houseForm, ({ name }) => name !== 'name')
const sheetForm = z.object({
  project: text(projectColumn),
  building: text({ label: '楼号', max: 40, hint: '与楼栋档案一致，如 3号楼' }),
  ...ownForm.shape,
})

interface Place {
  building_id: number
  building: string
  position: number
  project_id: number
}

export const houseImport = defineImport({
  code: 'houses',
  label: '房屋',
  about: '登记楼栋里的房屋。楼栋要先在档。',
  roles: archiveKeepers,
  list: { code: 'houses', label: '房屋' },
  sheets: async () => [
    {
      label: '房屋',
      form: sheetForm,
      key: ['project', 'building', 'unit', 'room'],
      example: {
        project: '示例花园',
        building: '3号楼',
        unit: '2单元',
        floor: '15',
        room: '1502',
        purpose: '住宅',
        floor_area: '98.60',
        state: '已交付',
        delivered_on: '2022-06-30',
      },
      notes: ['房号按“楼号-单元-室号”自动生成；没有单元的楼，单元不填。'],
    },
  ],
  async check(db, user, rows, step) {
    const fields = fieldsOf(ownForm)
    const findings: Finding[] = []
    const placed = await placesOf(db, user, rows)
    for (const part of inBatches(rows)) {
      const known = await knownHouses(db, part, placed)
      for (const row of part) {
        const place = placed(row)
        if ('sentence' in place) findings.push({ row, ...place })
        else {
          const name = nameOf(place, row)
          const there = known.get(`${place.building_id} ${name}`)
          if (there) findings.push(compared(row, fields, there, '导入只新增，已在档的请在房屋页修改。'))
          else findings.push(...newMistakes(row, name))
        }
      }
      await step(part.length)
    }
    return findings
  },
  async write(trx, user, rows, step) {
    const placed = await placesOf(trx, user, rows)
    const ids: number[] = []
    for (const part of inBatches(rows)) {
      const records = part.map(row => {
        const place = placed(row)
        if ('sentence' in place) throw new Error('a house without its building passed the check')
        const { project: _project, building: _building, ...own } = row.answers
        const { building_id, project_id, position } = place
        const name_key = houseKey(position, { unit: own.unit || null, room: own.room ?? '' })
        return { answers: { ...own, name: nameOf(place, row) }, more: { building_id, project_id, name_key } }
      })
      ids.push(...(await createRecords(trx, houses, records, { by: { user_id: user.id } })))
      await step(part.length)
    }
    return { ids }
  },
})

const nameOf = ({ building }: Place, { answers }: ImportRow) =>
  houseName(building, { unit: answers.unit || null, room: answers.room ?? '' })

function newMistakes(row: ImportRow, name: string): Finding[] {
  const long: Mistakes = name.length > 80 ? { room: `楼号、单元、室号合起来最多 80 个字，现有 ${name.length} 个。` } : {}
  return findingsOf(row, { ...long, ...stateMistakes(row.answers) })
}

type Placed = (row: ImportRow) => Place | { field: string; sentence: string }

/** Finds the buildings that rows name, where this person may add houses. */
async function placesOf(db: Knex, user: User, rows: readonly ImportRow[]): Promise<Placed> {
  const names = rows.map(({ answers }) => answers.project ?? '')
  const named = await projectsNamed(db, user, names)
  const projects = new Map<number, NamedProject>()
  for (const name of new Set(names)) {
    const found = named(name)
    if (typeof found !== 'string') projects.set(found.project_id, found)
  }
  const kept = new Set<number>()
  for (const project of projects.values())
    if (await mayKeep(db, user, { id: project.project_id, developer_id: project.developer_id })) kept.add(project.project_id)
  const buildings = new Map<string, Place>()
  for (const part of inBatches([...kept])) {
    const found: Place[] = await db('buildings')
      .whereIn('project_id', part)
      .select('id as building_id', 'name as building', 'position', 'project_id')
    for (const place of found) buildings.set(`${place.project_id} ${plain(place.building)}`, place)
  }
  return ({ answers }) => {
    const { project = '', building = '' } = answers
    const found = named(project)
    if (typeof found === 'string') return { field: 'project', sentence: found }
    if (!kept.has(found.project_id))
      return {
        field: 'project',
        sentence: `“${found.project}”的房屋由正在服务的物业企业、开发企业和管理部门的经办人维护，贵单位现在只能查看。`,
      }
    return (
      buildings.get(`${found.project_id} ${plain(building)}`) ?? {
        field: 'building',
        sentence: `“${found.project}”的楼栋里没有“${building}”。请对照楼栋档案填写，或先登记楼栋。`,
      }
    )
  }
}

const plain = (name: string) => name.normalize('NFKC').replace(/\s/g, '').toLowerCase()

async function knownHouses(db: Knex, rows: readonly ImportRow[], placed: Placed): Promise<Map<string, RecordAnswers>> {
  const places = rows.flatMap(row => {
    const place = placed(row)
    return 'sentence' in place ? [] : [{ id: place.building_id, name: nameOf(place, row) }]
  })
  const found: { id: number; building_id: number; name: string }[] = await db('houses')
    .whereIn('building_id', [...new Set(places.map(({ id }) => id))])
    .whereIn('name', [...new Set(places.map(({ name }) => name))])
    .select('id', 'building_id', 'name')
  const records = new Map((await readRecords(db, houses, found.map(({ id }) => id))).map(({ id, answers }) => [id, answers])) // biome-ignore format: one step
  return new Map(found.flatMap(({ id, building_id, name }) => {
    const answers = records.get(id)
    return answers ? [[`${building_id} ${name}`, answers]] : []
  })) // biome-ignore format: one step
}
