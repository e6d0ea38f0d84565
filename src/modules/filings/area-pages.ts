import { Router } from 'express'
import type { StoredFile } from '../../cases/case.ts'
import { visibleCases } from '../../cases/queries.ts'
import { db } from '../../db.ts'
import { documentOf } from '../../documents/documents.ts'
import { NotFound } from '../../errors.ts'
import { sendFile } from '../../files/routes.ts'
import { fileKinds, kindOfType } from '../../files/sniff.ts'
import { allow, currentUser, recordId } from '../../http.ts'
import { regionNames } from '../../lists/regions.ts'
import { archiveReaders } from '../archives/visible.ts'
import { visibleAreas } from './areas.ts'
import { areaStates } from './words.ts'

/** 区域登记: one area with its map, its proof, and those before and after it. */
export const areaPages: Router = Router()

areaPages.get('/:id', allow(...archiveReaders), async (req, res) => {
  const user = currentUser(res)
  const id = recordId(req)
  const area = await visibleAreas(db, user)
    .leftJoin('organisations as developer', 'developer.id', 'areas.developer_id')
    .where({ 'areas.id': id })
    .first('areas.*', 'developer.name as developer', 'projects.name as project_name', 'projects.code as project_code')
  if (!area) throw new NotFound()
  const [names, others, file, proof, kase] = await Promise.all([
    regionNames(db),
    db('areas')
      .where({ project_id: area.project_id })
      .orderBy('id', 'desc')
      .select('id', 'number', 'state', 'registered_on', 'ended_on'),
    area.map_file_id ? db('files').where({ id: area.map_file_id }).first('name', 'type', 'size') : undefined,
    documentOf(db, { type: 'area', id }, 'proof'),
    area.case_id ? visibleCases(db, user).where({ 'cases.id': area.case_id }).first('cases.id') : undefined,
  ])
  res.render('filings/area', {
    area,
    region: [names[area.district_code], names[area.street_code]].filter(Boolean).join(' '),
    states: areaStates,
    others,
    map: file && shownMap(id, file),
    proof,
    kase,
    adjusts: user.role === 'developer' && area.live === 1 && area.developer_id === user.organisation_id,
  })
})

/** 区域附图, for whoever sees the area: who serves the project is no party of the case it came with. */
areaPages.get('/:id/map', allow(...archiveReaders), async (req, res) => {
  const user = currentUser(res)
  const area: { map_file_id: number | null; developer_id: number | null } | undefined = await visibleAreas(db, user)
    .where({ 'areas.id': recordId(req) })
    .first('areas.map_file_id', 'areas.developer_id')
  const file: StoredFile | undefined = area?.map_file_id && (await db('files').where({ id: area.map_file_id }).first())
  if (!area || !file) throw new NotFound()
  await sendFile(req, res, { file, own: area.developer_id === user.organisation_id })
})

/** The map as `views/cases/file-viewer` draws it. */
function shownMap(id: number, { name, type, size }: Pick<StoredFile, 'name' | 'type' | 'size'>) {
  const kind = kindOfType(type)
  return {
    name,
    href: `/desk/areas/${id}/map`,
    download: `/desk/areas/${id}/map?download`,
    facts: `${Math.max(1, Math.round(size / 1024))} KB`,
    preview: kind && fileKinds[kind].preview,
  }
}
