import type { Router } from 'express'
import type { Knex } from 'knex'
import type { Role } from '../../accounts/roles.ts'
import type { User } from '../../accounts/users.ts'
import { settingsNow } from '../../admin/settings.ts'
import { NotFound } from '../../errors.ts'
import type { Adjust, Mistakes } from '../../forms/form.ts'
import { isOrganisation } from './fields.ts'
import { projectLinks } from './project.ts'
import { keptProject, type SeenProject } from './project-access.ts'
import { type Charge, managerMistake } from './project-rules.ts'
import { editPages } from './record-pages.ts'
import { archiveKeepers } from './visible.ts'

/** 项目负责人: one of the people of the company that serves the project now, within the limits of domain.md §7. */

interface Link {
  id: number
  project_id: number
  company_id: number
}

/** Who built a project may keep its archive, but the staff of the company that serves it are not its business. */
export const managerKeepers: readonly Role[] = archiveKeepers.filter(role => role !== 'developer')

/** The running link and its project, if this user may change it: the company that serves, and the offices. @throws NotFound, Forbidden */
async function openLink(db: Knex, user: User, id: number): Promise<{ link: Link; project: SeenProject }> {
  const link: Link | undefined = await db('project_links').where({ id, live: 1 }).first('id', 'project_id', 'company_id')
  if (!link || (isOrganisation(user) && link.company_id !== user.organisation_id)) throw new NotFound()
  return { link, project: await keptProject(db, user, link.project_id) }
}

/** Who of the company may be in charge: those who work as 项目经理, or hold a certificate for it. */
export async function candidates(db: Knex, company_id: number): Promise<{ id: number; name: string; projects: number }[]> {
  return await db('employments')
    .join('people', 'people.id', 'employments.person_id')
    .where({ 'employments.company_id': company_id, 'employments.live': 1 })
    .where(able =>
      able
        .where({ 'employments.post': 'project-manager' })
        .orWhereIn('people.credential', ['project-manager', 'property-manager', 'property-director']),
    )
    .orderBy(['people.name_key', 'people.id'])
    .limit(1000)
    .select(
      'people.id',
      'people.name',
      db('project_links').where({ live: 1 }).whereRaw('project_links.manager_id = people.id').count('*').as('projects'),
    )
}

/** Adds `GET` and `POST /links/:id/manager`. */
export function managerPages(router: Router): void {
  editPages(router, {
    archive: projectLinks,
    path: '/links/:id/manager',
    roles: managerKeepers,
    form: () => projectLinks.form,
    async open(db, user, id) {
      const { project } = await openLink(db, user, id)
      return {
        title: '更换项目负责人',
        name: project.name,
        href: `/desk/projects/${project.id}`,
        crumb: [{ label: '项目', href: '/desk/lists/projects' }],
        at: '/desk/lists/projects',
      }
    },
    async adjust(db, user, id): Promise<Adjust> {
      const { link } = await openLink(db, user, id)
      const people = await candidates(db, link.company_id)
      return {
        manager_id: {
          options: people.map(({ id, name, projects }) => ({
            value: String(id),
            label: `${name}（${projects ? `现负责 ${projects} 个项目` : '现没有负责项目'}）`,
          })),
          hint: people.length
            ? '从本企业在职的项目经理和持证人员中选择；更换后 30 日内有效备案以此为准。'
            : '本企业没有在职的项目经理或持证人员，请先办理人员增加。',
        },
      }
    },
    async check(trx, user, id, { manager_id }): Promise<Mistakes> {
      const { link, project } = await openLink(trx, user, id)
      if (!manager_id) return {}
      const people = await candidates(trx, link.company_id)
      const person = people.find(person => String(person.id) === manager_id)
      if (!person) return { manager_id: '这个人不在本企业在职的项目经理和持证人员中，请从列表里选择。' }
      // Two projects that ask for the same person at once are counted one after the other.
      await trx('people').where({ id: person.id }).forUpdate().first('id')
      const held: Charge[] = await trx('project_links')
        .join('projects', 'projects.id', 'project_links.project_id')
        .where({ 'project_links.manager_id': person.id, 'project_links.live': 1 })
        .select('projects.id', 'projects.name', 'projects.property_type', 'projects.floor_area')
      const mistake = managerMistake(person.name, held, project, await settingsNow(trx))
      return mistake ? { manager_id: mistake } : {}
    },
  })
}
