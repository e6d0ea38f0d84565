import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Router } from 'express'
import { type Agent, startPortal, type TestPortal } from './portal.ts'

/** Who may open which page, read off the guards of the routes themselves and tried over HTTP as every role. */

let portal: TestPortal
before(async () => {
  portal = await startPortal({ demo: true })
})
after(() => portal.stop())

const { roleCodes, roles } = await import('../src/accounts/roles.ts')
const { admin } = await import('../src/admin/routes.ts')
const { desk } = await import('../src/desk/routes.ts')
const { registrationDesk } = await import('../src/accounts/registration-desk.ts')
const { cases } = await import('../src/cases/routes.ts')
const { materialRoutes } = await import('../src/cases/material-routes.ts')
const { caseDocuments } = await import('../src/documents/routes.ts')
const { catalogue } = await import('../src/cases/catalogue-routes.ts')
const { inbox } = await import('../src/messages/routes.ts')
const { objectionRoutes } = await import('../src/publicity/objection-routes.ts')
const { warnings } = await import('../src/warnings/routes.ts')
const { files } = await import('../src/files/routes.ts')
const { archivePages } = await import('../src/modules/archives/index.ts')
const { qualificationPages } = await import('../src/modules/qualification/index.ts')
const { allLists } = await import('../src/lists/registry.ts')

interface Page {
  method: string
  path: string
  roles: readonly string[] | 'anyone signed in' | undefined
}

function pagesOf(router: Router, prefix: string): Page[] {
  return router.stack.flatMap(layer => {
    const route = layer.route
    if (!route) return []
    const guard = route.stack[0]?.handle as { roles?: Page['roles'] } | undefined // allow() marks its guards
    return route.stack
      .slice(-1)
      .map(last => ({ method: (last.method ?? 'get').toUpperCase(), path: prefix + route.path, roles: guard?.roles }))
  })
}

const pages = [
  ...pagesOf(admin, '/desk/admin'),
  ...pagesOf(desk, '/desk'),
  ...pagesOf(registrationDesk, '/desk/registrations'),
  ...pagesOf(cases, '/desk/cases'),
  ...pagesOf(materialRoutes, '/desk/cases'),
  ...pagesOf(caseDocuments, '/desk/cases'),
  ...pagesOf(catalogue, '/desk/kinds'),
  ...pagesOf(inbox, '/desk/messages'),
  ...pagesOf(objectionRoutes, '/desk/cases'),
  ...pagesOf(warnings, '/desk/warnings'),
  ...pagesOf(files, ''),
  ...[...archivePages, ...qualificationPages].flatMap(([path, router]) => pagesOf(router, path)),
]

// One demo account for each role; company-clerk has none of its own and gets one here.
const accountOf: Record<string, string> = { 'company-admin': 'company', 'company-clerk': 'company2' }

test('every page of the desk says who may open it', () => {
  assert.ok(pages.length > 20)
  for (const page of pages) assert.ok(page.roles, `${page.method} ${page.path}`)
})

test('the three administrators have no page of business, and nobody else has theirs', () => {
  for (const page of pages.filter(page => page.path.startsWith('/desk/registrations')))
    for (const role of ['system-admin', 'security-admin', 'audit-admin'])
      assert.ok(!page.roles?.includes(role), `${role} ${page.path}`)
  for (const page of pages.filter(
    page => !/^\/desk\/(admin|messages|registrations|warnings|search|help)|^\/desk\/?$|^\/files/.test(page.path),
  ))
    for (const role of ['system-admin', 'security-admin', 'audit-admin'])
      assert.ok(page.roles !== 'anyone signed in' && !page.roles?.includes(role), `${role} ${page.path}`)
  for (const page of pages.filter(page => page.path.startsWith('/desk/admin') && page.method === 'POST'))
    for (const role of roleCodes.filter(role => !role.endsWith('-admin') || role === 'company-admin'))
      assert.ok(page.roles !== 'anyone signed in' && !page.roles?.includes(role), `${role} ${page.path}`)
})

for (const role of roleCodes)
  test(`${roles[role].label} opens what the guards allow and is refused the rest`, async () => {
    const username = accountOf[role] ?? role
    if (role === 'company-clerk')
      await portal.db('user_roles').whereIn('user_id', portal.db('users').select('id').where({ username })).update({ role })
    const agent = await portal.as(username)
    for (const page of pages) {
      const path = page.path.replace(/:\w+/g, '999999999')
      const may = page.roles === 'anyone signed in' || page.roles?.includes(role)
      const answer = page.method === 'GET' ? await agent.get(path) : await refusedPost(agent, path, Boolean(may))
      if (!answer) continue
      if (may)
        assert.ok(
          answer.status === 200 ||
            (page.path.includes(':') && [302, 404].includes(answer.status)) ||
            // Some addresses are names for a list, or ask for something first.
            ([302, 303].includes(answer.status) && /^\/desk\/(lists|people)\//.test(answer.location ?? '')),
          `${page.method} ${path}: ${answer.status}`,
        )
      else assert.equal(answer.status, 403, `${page.method} ${path}`)
    }
    for (const list of allLists()) {
      const may = (list.roles as readonly string[]).includes(role)
      for (const path of [
        `/desk/lists/${list.code}`,
        `/desk/lists/${list.code}/export.csv`,
        `/desk/lists/${list.code}/export.json`,
      ])
        assert.equal((await agent.get(path)).status, may ? 200 : 403, path)
    }
  })

/** What a role may do is not done here; only that the others are turned away. */
async function refusedPost(agent: Agent, path: string, may: boolean) {
  return may ? undefined : await agent.post(path, { version: '1' })
}

test('nobody who is not signed in opens any of it', async () => {
  for (const page of pages.filter(page => page.method === 'GET')) {
    const answer = await portal.anyone().get(page.path.replace(/:\w+/g, '1'))
    assert.equal(answer.status, 302, page.path)
    assert.match(answer.location ?? '', /^\/login\?next=/)
  }
})
