import express from 'express'
import { settingsNow } from '../../admin/settings.ts'
import { allow } from '../../http.ts'
import { openPart, readRecord } from './archive.ts'
import { feePages } from './fees.ts'
import { mapPages } from './map.ts'
import { projects } from './project.ts'
import { keptProject } from './project-access.ts'
import { managerPages } from './project-manager.ts'
import { tellShortfall } from './project-notices.ts'
import { showProject } from './project-page.ts'
import { figureMistakes, roomShortfall, sumNotices } from './project-rules.ts'
import { editPages } from './record-pages.ts'
import { archiveKeepers, archiveReaders } from './visible.ts'

/** 项目: `/desk/projects`. One page with everything linked to it, the forms that change it at once, the map. */
export const projectPages = express.Router()

mapPages(projectPages)

projectPages.get('/:id', allow(...archiveReaders), showProject)

editPages(projectPages, {
  archive: projects,
  roles: archiveKeepers,
  form: user => openPart(projects, user.scope.level !== 'organisation'),
  async open(db, user, id) {
    const { name } = await keptProject(db, user, id)
    return { title: '修改项目档案', name, href: `/desk/projects/${id}`, crumb, at: list }
  },
  application: { href: '/desk/kinds/project-change', label: '项目档案变更' },
  async check(trx, user, id, answers) {
    // Whoever served it when the page was opened may have left meanwhile.
    await keptProject(trx, user, id)
    const { shape } = openPart(projects, user.scope.level !== 'organisation')
    // What the page does not show cannot be put right on it.
    return Object.fromEntries(Object.entries(figureMistakes(answers)).filter(([name]) => name in shape))
  },
  async notices(db, id) {
    const [{ answers }, rules] = await Promise.all([readRecord(db, projects, id), settingsNow(db)])
    const shortfall = roomShortfall(answers, rules)
    return [...sumNotices(answers), ...(shortfall ? [shortfall] : [])]
  },
  async after(trx, _user, id, changed) {
    if (changed.some(name => name.includes('_room_'))) await tellShortfall(trx, id)
  },
})

feePages(projectPages)
managerPages(projectPages)

const list = '/desk/lists/projects'
const crumb = [{ label: '项目', href: list }]
