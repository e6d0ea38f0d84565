import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { after, before, test } from 'node:test'
import type { Knex } from 'knex'
import { type Agent, openSchema, startPortal, type TestPortal } from './portal.ts'

/** 系统管理: accounts, organisations, parameters, dictionaries, calendar, logs, sessions and the command at the console. */

let portal: TestPortal
let db: Knex
let keeper: Agent
let granter: Agent
let auditor: Agent
before(async () => {
  portal = await startPortal({ demo: true })
  db = portal.db
  keeper = await portal.as('system-admin')
  granter = await portal.as('security-admin')
  auditor = await portal.as('audit-admin')
})
after(() => portal.stop())

const bureau = '济南市住房和城乡建设局'
const userOf = (username: string) => db('users').where({ username }).first()
const user = (id: number) => db('users').where({ id }).first()
const organisation = (id: number) => db('organisations').where({ id }).first()
const lastLog = (action: string) => db('action_log').where({ action }).orderBy('id', 'desc').first()
const rolesOf = async (user_id: number) => await db('user_roles').where({ user_id }).orderBy('id').pluck('role')
const sessionsOf = async (user_id: number) => (await db('sessions').where({ user_id })).length
const idIn = (location: string | null) => Number(/(\d+)$/.exec(location ?? '')?.[1])
const codeOf = (serial: number) => `91370100MA3${String(serial).padStart(6, '0')}`
const plain = (html: string) =>
  html.replace(/&#34;/g, '"').replace(/&#39;/g, "'").replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&')

let serial = 0
/** An account made over HTTP, with its initial password. */
async function givenAccount(fields: Record<string, string> = {}): Promise<{ id: number; username: string; password: string }> {
  const username = `person${++serial}`
  const made = await keeper.post('/desk/admin/users/new', {
    username,
    name: '钱清源',
    organisation: bureau,
    phone: '',
    ...fields,
  })
  assert.equal(made.status, 303, made.text.match(/class="mistake"[\s\S]{0,300}/)?.[0])
  const page = await keeper.get(made.location ?? '')
  return { id: idIn(made.location), username: fields.username ?? username, password: secretOn(page.text) }
}

const secretOn = (html: string) => /class="secret code"[^>]*>([^<]+)</.exec(html)?.[1] ?? ''

async function givenRole(id: number, role: string, region_code = '370100') {
  const { version } = await user(id)
  const answer = await granter.post(`/desk/admin/users/${id}/grants`, { version: String(version), role, region_code })
  assert.equal(answer.status, 303)
}

/** An account that has changed its initial password and works. */
async function givenWorker(
  role: string,
  fields: Record<string, string> = {},
): Promise<{ id: number; username: string; agent: Agent }> {
  const { id, username, password } = await givenAccount(fields)
  await givenRole(id, role)
  const agent = await portal.as(username, password)
  const changed = await agent.post('/account/password', {
    password,
    new_password: 'Quince-Harbour-71',
    again: 'Quince-Harbour-71',
  })
  assert.equal(changed.status, 303)
  return { id, username, agent }
}

const act = async (agent: Agent, id: number, step: string, fields: Record<string, string> = {}) =>
  await agent.post(`/desk/admin/users/${id}/${step}`, { version: String((await user(id)).version), ...fields })

// ── Accounts ─────────────────────────────────────────────────────────────────────────────────────

test('a new account gets a random password that is shown once, works for 72 hours and must be changed', async () => {
  const made = await keeper.post('/desk/admin/users/new', {
    username: ' Zhou.Lan ',
    name: ' 周兰𠮷 ',
    organisation: bureau,
    phone: '138 1234 5678',
  })
  const id = idIn(made.location)
  const page = await keeper.get(made.location ?? '')
  const password = secretOn(page.text)

  assert.ok(password.length >= 12)
  assert.doesNotMatch((await keeper.get(made.location ?? '')).text, /class="secret/)
  const row = await user(id)
  assert.deepEqual([row.username, row.name, row.status, row.must_change_password], ['zhou.lan', '周兰𠮷', 'active', 1])
  assert.ok(Math.abs(row.password_expires_at.getTime() - Date.now() - 72 * 3600_000) < 60_000)
  assert.doesNotMatch(JSON.stringify(row), /13812345678/)
  assert.equal(row.phone_last4, '5678')
  assert.match(page.text, /138\*\*\*\*5678/)
  assert.doesNotMatch(page.text, /13812345678/)
  assert.ok(await db('search_terms').where({ scope: 'users', doc_id: id, term: 'pzhoulan' }).first())
  const log = await lastLog('user.create')
  assert.deepEqual([log.object_id, log.user_name], [String(id), '侯立言'])
  assert.doesNotMatch(JSON.stringify(await db('action_log')), new RegExp(`13812345678|${password.replace(/[^\w]/g, '.')}`))
  assert.doesNotMatch(JSON.stringify(await db('sessions').select('sess')), new RegExp(password.replace(/[^\w]/g, '.')))

  await givenRole(id, 'city-clerk')
  const agent = await portal.as('zhou.lan', password)
  assert.equal((await agent.get('/desk')).location, '/account/password')
})

test('an account without a role cannot sign in', async () => {
  const { username, password } = await givenAccount()

  assert.equal((await portal.anyone().post('/login', { username, password })).status, 422)
})

test('an initial password is worth nothing after 72 hours', async () => {
  const { id, username, password } = await givenAccount()
  await givenRole(id, 'city-clerk')
  await db('users')
    .where({ id })
    .update({ password_expires_at: new Date(Date.now() - 1000) })

  const answer = await portal.anyone().post('/login', { username, password })

  assert.equal(answer.status, 422)
  assert.match(answer.text, /初始密码已过期/)
  assert.match((await keeper.get(`/desk/admin/users/${id}`)).text, /初始密码已于/)
})

test('the organisation is found by part of its name, by code and by pinyin, and chosen where several fit', async () => {
  const base = { name: '吴见山', phone: '' }

  const many = await keeper.post('/desk/admin/users/new', { ...base, username: 'wujianshan', organisation: '历下区 办事处' })
  assert.equal(many.status, 422)
  assert.match(many.text, /有 \d+ 个单位相符，请在下面选一个/)
  const street = await db('organisations').where({ name: '历下区燕山街道办事处' }).first()
  assert.match(many.text, new RegExp(`value="${street.id}"`))
  assert.equal(await userOf('wujianshan'), undefined)
  const chosen = await keeper.post('/desk/admin/users/new', {
    ...base,
    username: 'wujianshan',
    organisation: '历下区 办事处',
    organisation_id: String(street.id),
  })
  assert.equal(chosen.status, 303)
  assert.equal((await userOf('wujianshan')).organisation_id, street.id)

  const company = await db('organisations').where({ kind: 'company', status: 'active' }).whereNotNull('code').first()
  assert.equal(
    (await keeper.post('/desk/admin/users/new', { ...base, username: 'wu.two', organisation: company.code.toLowerCase() }))
      .status,
    303,
  )
  assert.equal((await userOf('wu.two')).organisation_id, company.id)
  const spelt = await keeper.post('/desk/admin/users/new', { ...base, username: 'wu3x', organisation: 'jnszfhcxjsj' })
  assert.match(spelt.text, new RegExp(bureau))

  const foreign = await keeper.post('/desk/admin/users/new', {
    ...base,
    username: 'wu4x',
    organisation: '历下区 办事处',
    organisation_id: String(company.id),
  })
  assert.equal(foreign.status, 422, 'a choice that the text does not lead to does not count')
  const none = await keeper.post('/desk/admin/users/new', { ...base, username: 'wu5x', organisation: '没有这样的单位%_\\' })
  assert.match(none.text, /没有找到名称含/)
})

test('a username is taken once, also by two requests at once', async () => {
  const fields = { username: 'twice.over', name: '郑双', organisation: bureau, phone: '' }

  const answers = await Promise.all([keeper.post('/desk/admin/users/new', fields), keeper.post('/desk/admin/users/new', fields)])

  assert.deepEqual(answers.map(answer => answer.status).sort(), [303, 422])
  assert.match(answers.find(answer => answer.status === 422)?.text ?? '', /账号 twice\.over 已有人使用/)
  assert.equal((await db('users').where({ username: 'twice.over' })).length, 1)
})

test('a masked number that comes back unchanged stays, another is replaced, an empty one removed', async () => {
  const { id } = await givenAccount({ phone: '13912340000' })
  const { phone_cipher } = await user(id)
  const edit = async (phone: string) => await act(keeper, id, 'edit', { name: '钱清源', organisation: bureau, phone })

  assert.match((await keeper.get(`/desk/admin/users/${id}/edit`)).text, /value="139\*\*\*\*0000"/)
  assert.equal((await edit('139****0000')).status, 303)
  assert.equal((await user(id)).phone_cipher, phone_cipher)
  assert.equal((await edit('138****0000')).status, 422)
  assert.equal((await user(id)).phone_cipher, phone_cipher)

  assert.equal((await edit('13999990000')).status, 303)
  const changed = await user(id)
  assert.notEqual(changed.phone_cipher, phone_cipher)
  const log = await lastLog('user.update')
  assert.deepEqual(JSON.parse(log.detail), { changes: { phone: ['139****0000', '139****0000'] } })

  assert.equal((await edit('')).status, 303)
  assert.deepEqual([(await user(id)).phone_cipher, (await user(id)).phone_index], [null, null])
})

test('the whole number is shown once, for a reason that is logged', async () => {
  const { id } = await givenAccount({ phone: '13700001234' })

  assert.equal((await act(keeper, id, 'reveal', { reason: '' })).status, 422)
  const answer = await act(keeper, id, 'reveal', { reason: '电话通知本人来局里办理' })
  assert.equal(answer.status, 303)

  assert.match((await keeper.get(`/desk/admin/users/${id}`)).text, /13700001234/)
  assert.doesNotMatch((await keeper.get(`/desk/admin/users/${id}`)).text, /13700001234/)
  const log = await lastLog('personal.reveal')
  assert.equal(log.object_id, String(id))
  assert.match(log.detail, /电话通知本人/)
  assert.doesNotMatch(log.detail, /13700001234/)
})

test('a change is logged as before and after, makes the account findable by its new name, and is shown on its page', async () => {
  const { id } = await givenAccount()

  await act(keeper, id, 'edit', { name: '单清源', organisation: bureau, phone: '' })

  assert.deepEqual(JSON.parse((await lastLog('user.update')).detail), { changes: { name: ['钱清源', '单清源'] } })
  assert.ok(await db('search_terms').where({ scope: 'users', doc_id: id, term: 'pshanqingyuan' }).first())
  assert.equal(await db('search_terms').where({ scope: 'users', doc_id: id, term: 'pqianqingyuan' }).first(), undefined)
  assert.match((await keeper.get(`/desk/admin/users/${id}`)).text, /钱清源<\/span> → <span class="now-is">单清源/)
})

test('whoever comes second sees who changed what, keeps the typing, and wins only by sending it again', async () => {
  const { id } = await givenAccount()
  const { version } = await user(id)
  const first = { version: String(version), name: '赵先行', organisation: bureau, phone: '' }
  await keeper.post(`/desk/admin/users/${id}/edit`, first)

  const second = await keeper.post(`/desk/admin/users/${id}/edit`, { ...first, name: '赵后到' })

  assert.equal(second.status, 409)
  assert.match(second.text, /侯立言于 .* 已修改账号：姓名由“钱清源”改为“赵先行”/)
  assert.match(second.text, /value="赵后到"/)
  assert.equal((await user(id)).name, '赵先行')
  const again = await keeper.post(`/desk/admin/users/${id}/edit`, {
    ...first,
    version: /name="version" value="(\d+)"/.exec(second.text)?.[1] ?? '',
    name: '赵后到',
  })
  assert.equal(again.status, 303)
  assert.equal((await user(id)).name, '赵后到')
})

test('a sign-in in between is not taken for the change that came first', async () => {
  const { id, username } = await givenWorker('city-clerk')
  const { version } = await user(id)
  const first = { version: String(version), name: '赵先行', organisation: bureau, phone: '' }
  await keeper.post(`/desk/admin/users/${id}/edit`, first)
  await portal.anyone().post('/login', { username, password: 'not-the-word' })

  const second = await keeper.post(`/desk/admin/users/${id}/edit`, { ...first, name: '赵后到' })

  assert.equal(second.status, 409)
  assert.match(second.text, /已修改账号：姓名由“.+”改为“赵先行”/)
})

test('two changes with one version at once: one is written', async () => {
  const { id } = await givenAccount()
  const { version } = await user(id)

  const answers = await Promise.all(
    ['孙甲', '孙乙'].map(name =>
      keeper.post(`/desk/admin/users/${id}/edit`, { version: String(version), name, organisation: bureau, phone: '' }),
    ),
  )

  assert.deepEqual(answers.map(answer => answer.status).sort(), [303, 409])
  assert.equal((await user(id)).version, version + 1)
})

test('disabling ends the sessions at once and enabling lets the person in again, each with a reason', async () => {
  const { id, username, agent } = await givenWorker('city-clerk')
  assert.equal((await agent.get('/desk')).status, 200)

  const answer = await act(keeper, id, 'disable', { reason: '已调离本局' })

  assert.equal(answer.status, 303)
  assert.equal(await sessionsOf(id), 0)
  assert.equal((await agent.get('/desk')).status, 302)
  assert.equal((await portal.anyone().post('/login', { username, password: 'Quince-Harbour-71' })).status, 422)
  assert.match((await keeper.get(`/desk/admin/users/${id}`)).text, /已调离本局/)
  assert.match((await lastLog('user.disable')).detail, /已调离本局/)

  assert.equal((await act(keeper, id, 'enable', { reason: '借调期满返回' })).status, 303)
  assert.equal((await portal.anyone().post('/login', { username, password: 'Quince-Harbour-71' })).status, 303)
})

test('a step taken on an old version is refused with what happened, and the reason typed is kept', async () => {
  const { id } = await givenAccount()
  const { version } = await user(id)
  await act(keeper, id, 'edit', { name: '冯改名', organisation: bureau, phone: '' })

  const answer = await keeper.post(`/desk/admin/users/${id}/disable`, { version: String(version), reason: '已办理离职手续' })

  assert.equal(answer.status, 409)
  assert.match(answer.text, /侯立言于 .* 已修改账号/)
  assert.match(answer.text, /已办理离职手续/)
  assert.equal((await user(id)).status, 'active')
})

test('a reset password ends the sessions, is shown once and does not get past the second factor', async () => {
  const { id, username, agent } = await givenWorker('city-clerk')
  const { newSecret } = await import('../src/accounts/second-factor.ts')
  await db('users').where({ id }).update({ totp_secret: newSecret().cipher, totp_confirmed_at: new Date() })

  const answer = await act(keeper, id, 'password')

  assert.equal(answer.status, 303)
  const password = secretOn((await keeper.get(`/desk/admin/users/${id}`)).text)
  assert.equal(secretOn((await keeper.get(`/desk/admin/users/${id}`)).text), '')
  assert.equal((await agent.get('/desk')).status, 302)
  assert.equal((await portal.anyone().post('/login', { username, password: 'Quince-Harbour-71' })).status, 422)
  assert.equal((await portal.anyone().post('/login', { username, password })).location, '/login/code')
  assert.equal((await user(id)).must_change_password, 1)
  assert.ok((await user(id)).totp_confirmed_at)
  assert.ok(await lastLog('password.reset'))
})

test('the second factor is taken off for a reason, with its recovery codes and sessions', async () => {
  const { id, agent } = await givenWorker('city-clerk')
  const { newSecret } = await import('../src/accounts/second-factor.ts')
  await db('users').where({ id }).update({ totp_secret: newSecret().cipher, totp_confirmed_at: new Date() })
  await db('recovery_codes').insert({ user_id: id, digest: 'a'.repeat(64) })

  assert.equal((await act(granter, id, 'second-factor', { reason: ' ' })).status, 422)
  assert.equal((await act(granter, id, 'second-factor', { reason: '手机丢失，已当面核对身份证' })).status, 303)

  const row = await user(id)
  assert.deepEqual([row.totp_secret, row.totp_confirmed_at], [null, null])
  assert.equal((await db('recovery_codes').where({ user_id: id })).length, 0)
  assert.equal((await agent.get('/desk')).status, 302)
  assert.match((await lastLog('second-factor.reset')).detail, /手机丢失/)
  assert.equal((await act(granter, id, 'second-factor', { reason: '再来一次' })).status, 409)
})

test('the sessions of an account are ended from its page', async () => {
  const { id, agent } = await givenWorker('city-clerk')

  assert.equal((await act(keeper, id, 'sessions')).status, 303)

  assert.equal((await agent.get('/desk')).status, 302)
  assert.match((await keeper.get(`/desk/admin/users/${id}`)).text, /处登录已退出/)
  assert.ok(
    await db('action_log')
      .where({ action: 'user.sign-out', object_id: String(id) })
      .first(),
  )
})

test('an account with roles does not change its organisation', async () => {
  const { id } = await givenAccount()
  const other = '市中区住房和城乡建设局物业科'
  assert.equal((await act(keeper, id, 'edit', { name: '钱清源', organisation: other, phone: '' })).status, 303)
  await givenRole(id, 'district-clerk', '370103')

  const answer = await act(keeper, id, 'edit', { name: '钱清源', organisation: bureau, phone: '' })

  assert.equal(answer.status, 422)
  assert.match(answer.text, /这个账号还有角色，不能换单位/)
  assert.equal((await organisation((await user(id)).organisation_id)).name, other)
})

// ── Separation of the administrators ─────────────────────────────────────────────────────────────

test('the system administrator grants nothing, the security administrator keeps nothing', async () => {
  const { id } = await givenAccount()
  const { version } = await user(id)

  assert.equal(
    (await keeper.post(`/desk/admin/users/${id}/grants`, { version: String(version), role: 'city-clerk', region_code: '370100' }))
      .status,
    403,
  )
  for (const step of ['edit', 'disable', 'enable', 'password', 'sessions', 'reveal'])
    assert.equal(
      (await granter.post(`/desk/admin/users/${id}/${step}`, { version: String(version), reason: '试一试' })).status,
      403,
      step,
    )
  assert.equal((await granter.get('/desk/admin/users/new')).status, 403)
  assert.deepEqual(await rolesOf(id), [])
  const page = (await granter.get(`/desk/admin/users/${id}`)).text
  assert.match(page, /授予角色/)
  assert.doesNotMatch(page, /重置密码|停用账号|修改资料/)
  assert.doesNotMatch((await keeper.get(`/desk/admin/users/${id}`)).text, /授予角色<\/h2>/)
})

test('roles fit the organisation and regions the level of the role', async () => {
  const { id } = await givenAccount({ organisation: '历下区住房和城乡建设局物业科' })
  const grant = async (role: string, region_code: string) => (await act(granter, id, 'grants', { role, region_code })).status

  assert.equal(await grant('city-clerk', '370100'), 422)
  assert.equal(await grant('company-admin', '370102'), 422)
  assert.equal(await grant('district-clerk', '370100'), 422)
  assert.equal(await grant('district-clerk', '370102010'), 422)
  assert.equal(await grant('no-such-role', '370102'), 422)
  assert.deepEqual(await rolesOf(id), [])
  assert.equal(await grant('district-clerk', '370102'), 303)
  assert.equal(await grant('district-clerk', '370102'), 422)
  assert.equal(await grant('district-clerk', '370103'), 303)
  assert.deepEqual(await rolesOf(id), ['district-clerk', 'district-clerk'])

  const company = await db('organisations').where({ kind: 'company', district_code: '370102', status: 'active' }).first()
  const clerk = await givenAccount({ organisation: company.name })
  assert.equal((await act(granter, clerk.id, 'grants', { role: 'company-clerk', region_code: '370103' })).status, 422)
  assert.equal((await act(granter, clerk.id, 'grants', { role: 'company-clerk', region_code: company.region_code })).status, 303)
})

test('one of the three administrators holds nothing else, in either order', async () => {
  const { id } = await givenAccount()
  await givenRole(id, 'audit-admin')
  for (const role of ['system-admin', 'security-admin', 'city-clerk', 'supervisor']) {
    const answer = await act(granter, id, 'grants', { role, region_code: '370100' })
    assert.equal(answer.status, 422, role)
    assert.match(answer.text, /三员分立，且都不办业务/)
  }
  const clerk = await givenAccount()
  await givenRole(clerk.id, 'city-clerk')

  const answer = await act(granter, clerk.id, 'grants', { role: 'system-admin', region_code: '370100' })

  assert.equal(answer.status, 422)
  assert.deepEqual([await rolesOf(id), await rolesOf(clerk.id)], [['audit-admin'], ['city-clerk']])
})

test('who sets the rules of business decides none of it, in either order', async () => {
  const { id } = await givenAccount()
  await givenRole(id, 'business-admin')
  const clerk = await givenAccount()
  await givenRole(clerk.id, 'city-clerk')

  for (const role of ['city-clerk', 'city-reviewer', 'city-approver']) {
    const answer = await act(granter, id, 'grants', { role, region_code: '370100' })
    assert.equal(answer.status, 422, role)
    assert.match(answer.text, /业务管理员与市局(经办|复核|审批)人不能由同一人担任：定办事规则的不办件，办件的不定规则。/)
  }
  const answer = await act(granter, clerk.id, 'grants', { role: 'business-admin', region_code: '370100' })

  assert.equal(answer.status, 422)
  assert.match(answer.text, /市局经办人与业务管理员不能由同一人担任/)
  await givenRole(id, 'editor')
  await givenRole(clerk.id, 'city-reviewer')
  assert.deepEqual((await rolesOf(id)).sort(), ['business-admin', 'editor'])
  assert.deepEqual((await rolesOf(clerk.id)).sort(), ['city-clerk', 'city-reviewer'])
})

test('every desk of the city, the districts and the streets is apart from the business administrator', async () => {
  const { roleConflict, roleCodes } = await import('../src/accounts/roles.ts')

  const apart = roleCodes.filter(role => roleConflict([role], 'business-admin') && roleConflict(['business-admin'], role))

  assert.deepEqual(apart.sort(), [
    'audit-admin',
    'city-approver',
    'city-clerk',
    'city-reviewer',
    'district-clerk',
    'district-reviewer',
    'security-admin',
    'street-clerk',
    'street-reviewer',
    'system-admin',
  ])
})

test('two grants at once give one office, and the second reads why', async () => {
  const { id } = await givenAccount()
  const { version } = await user(id)

  const answers = await Promise.all(
    ['system-admin', 'audit-admin'].map(role =>
      granter.post(`/desk/admin/users/${id}/grants`, { version: String(version), role, region_code: '370100' }),
    ),
  )

  assert.deepEqual(answers.map(answer => answer.status).sort(), [303, 422])
  assert.match(answers.find(answer => answer.status === 422)?.text ?? '', /三员分立/)
  assert.equal((await rolesOf(id)).length, 1)
})

test('the database itself refuses a second office, with the same sentence', async () => {
  const { id } = await givenAccount()
  const { version } = await user(id)
  const other = await db.transaction()
  await other('user_roles').insert({ user_id: id, role: 'system-admin', region_code: '370100', granted_at: new Date() })

  const waiting = granter.post(`/desk/admin/users/${id}/grants`, {
    version: String(version),
    role: 'audit-admin',
    region_code: '370100',
  })
  await new Promise(resolve => setTimeout(resolve, 300))
  await other.commit()

  const answer = await waiting
  assert.equal(answer.status, 422)
  assert.match(answer.text, /三员分立，且都不办业务/)
  assert.deepEqual(await rolesOf(id), ['system-admin'])
})

test('a revoked role is gone at once for whoever acts in it', async () => {
  const { id, agent } = await givenWorker('city-clerk')
  await givenRole(id, 'city-reviewer')
  const grant = await db('user_roles').where({ user_id: id, role: 'city-clerk' }).first()

  assert.equal((await act(granter, id, `grants/${grant.id}/revoke`)).status, 303)

  assert.equal((await agent.get('/desk')).status, 302)
  assert.deepEqual(await rolesOf(id), ['city-reviewer'])
  assert.deepEqual(JSON.parse((await lastLog('role.revoke')).detail), { role: 'city-clerk', jurisdiction: '济南市', ended: 1 })
  assert.equal((await act(granter, id, `grants/${grant.id}/revoke`)).status, 404)
  const foreign = await db('user_roles').whereNot({ user_id: id }).where({ role: 'editor' }).first()
  assert.equal((await act(granter, id, `grants/${foreign.id}/revoke`)).status, 404)
})

test('nobody decides about the own account', async () => {
  const self = await userOf('security-admin')
  const own = await db('user_roles').where({ user_id: self.id }).first()
  assert.equal((await act(granter, self.id, 'grants', { role: 'city-clerk', region_code: '370100' })).status, 403)
  assert.equal((await act(granter, self.id, `grants/${own.id}/revoke`)).status, 403)
  assert.deepEqual(await rolesOf(self.id), ['security-admin'])

  const keeping = await userOf('system-admin')
  for (const step of ['disable', 'password', 'sessions'])
    assert.equal((await act(keeper, keeping.id, step, { reason: '自己来' })).status, 403, step)
  assert.equal((await user(keeping.id)).status, 'active')
  assert.equal((await keeper.get('/desk')).status, 200)
  assert.ok(await db('action_log').where({ action: 'access.refuse', user_id: keeping.id }).first())
})

test('the password and second factor of the three are reset by nobody in the portal', async () => {
  const { newSecret } = await import('../src/accounts/second-factor.ts')
  const auditor = await userOf('audit-admin')
  await db('users').where({ id: auditor.id }).update({ totp_secret: newSecret().cipher, totp_confirmed_at: new Date() })
  const before = await user(auditor.id)

  const answers = [
    await act(keeper, auditor.id, 'password'),
    await act(granter, auditor.id, 'second-factor', { reason: '手机丢失' }),
  ]

  for (const answer of answers) {
    assert.equal(answer.status, 409)
    assert.match(answer.text, /reset-admin/)
  }
  const after = await user(auditor.id)
  assert.deepEqual([after.password_hash, after.totp_secret], [before.password_hash, before.totp_secret])
  assert.doesNotMatch((await keeper.get(`/desk/admin/users/${auditor.id}`)).text, /重置密码/)
  await db('users').where({ id: auditor.id }).update({ totp_secret: null, totp_confirmed_at: null })
})

test('the last administrator of each kind stays', async () => {
  await db('user_roles')
    .whereIn('role', ['system-admin', 'audit-admin'])
    .whereNotIn('user_id', db('users').whereIn('username', ['system-admin', 'audit-admin']).select('id'))
    .delete()
  const [last, own] = [await userOf('audit-admin'), await userOf('security-admin')]
  const grant = await db('user_roles').where({ user_id: last.id }).first()

  for (const id of [last.id, own.id]) {
    const answer = await act(keeper, id, 'disable', { reason: '长期休假' })
    assert.equal(answer.status, 422)
    assert.match(answer.text, /这样就没有在用的(审计|安全)管理员了/)
    assert.match(answer.text, /value="长期休假"/)
  }
  const revoked = await act(granter, last.id, `grants/${grant.id}/revoke`)
  assert.equal(revoked.status, 422)
  assert.match(revoked.text, /这样就没有在用的审计管理员了/)
  assert.deepEqual(await rolesOf(last.id), ['audit-admin'])

  const { id } = await givenAccount()
  await givenRole(id, 'audit-admin')
  assert.equal((await act(keeper, last.id, 'disable', { reason: '长期休假' })).status, 303)
  assert.equal((await act(keeper, id, 'disable', { reason: '长期休假' })).status, 422)
  await act(keeper, last.id, 'enable', { reason: '休假结束' })
  auditor = await portal.as('audit-admin')
})

test('two administrators who disable each other at once: one of them stays', async () => {
  const [one, other] = [
    await givenWorker('system-admin', { name: '互停甲' }),
    await givenWorker('system-admin', { name: '互停乙' }),
  ]
  const own = await userOf('system-admin')
  await db('users').where({ id: own.id }).update({ status: 'disabled' })
  const versions = [String((await user(one.id)).version), String((await user(other.id)).version)]

  await Promise.all([
    one.agent.post(`/desk/admin/users/${other.id}/disable`, { version: versions[1] ?? '', reason: '互相停用' }),
    other.agent.post(`/desk/admin/users/${one.id}/disable`, { version: versions[0] ?? '', reason: '互相停用' }),
  ])

  assert.equal((await db('users').whereIn('id', [one.id, other.id]).where({ status: 'active' })).length, 1)
  await db('users').where({ id: own.id }).update({ status: 'active' })
  await db('users').whereIn('id', [one.id, other.id]).update({ status: 'disabled' })
  keeper = await portal.as('system-admin')
})

// ── Organisations ────────────────────────────────────────────────────────────────────────────────

const { checkSignOfCreditCode } = await import('../src/identifiers.ts')
const creditCode = (number: number) => {
  const first17 = codeOf(number)
  return first17 + checkSignOfCreditCode(first17)
}

test('a desk, a company and a committee are made with the region their kind needs', async () => {
  const make = (fields: Record<string, string>) =>
    keeper.post('/desk/admin/organisations/new', { code: '', address: '', contact: '', phone: '', legal_person: '', ...fields })

  const desk = await make({ kind: 'street', name: '历下区新设街道办事处', place: '370102010' })
  assert.equal(desk.status, 303)
  const street = await organisation(idIn(desk.location))
  assert.deepEqual(
    [street.region_code, street.district_code, street.street_code, street.code],
    ['370102010', '370102', '370102010', null],
  )

  const full = {
    kind: 'company',
    name: '济南新立物业服务有限公司',
    code: ` ${creditCode(1).toLowerCase()} `,
    place: '370102010',
    address: '历下区经十路 1 号',
    legal_person: '卢新立',
  }
  const firm = await make(full)
  assert.equal(firm.status, 303)
  const company = await organisation(idIn(firm.location))
  assert.deepEqual(
    [company.region_code, company.district_code, company.street_code, company.code],
    ['370102', '370102', '370102010', creditCode(1)],
  )
  assert.equal((await db('companies').where({ id: company.id }).first()).legal_person, '卢新立')
  assert.deepEqual(await db('company_areas').where({ company_id: company.id }).select('region_code', 'basis'), [
    { region_code: '370102', basis: 'registered' },
  ])
  for (const scope of ['organisations', 'companies'])
    assert.ok(await db('search_terms').where({ scope, doc_id: company.id, term: '新立' }).first(), scope)

  for (const [fields, sentence] of [
    [{ ...full, code: creditCode(1) }, /这个代码已登记给“济南新立物业服务有限公司”/],
    [{ ...full, code: creditCode(2) }, /已有同名的物业企业/],
    [{ ...full, name: '济南另立物业有限公司', code: '' }, /须填写营业执照上的统一社会信用代码/],
    [{ ...full, name: '济南另立物业有限公司', code: `${codeOf(2)}0` }, /校验码不符/],
    [{ ...full, name: '济南另立物业有限公司', code: creditCode(2), legal_person: '' }, /须填写法定代表人/],
    [{ kind: 'street', name: '某街道办事处', place: '370102' }, /街道办、镇政府的所在区域应选到街道、镇/],
    [{ kind: 'city', name: '某局', place: '370102' }, /市局的所在区域应选到全市/],
    [{ kind: 'district', name: '某区物业科', place: '370102', code: creditCode(3) }, /不填统一社会信用代码/],
    [{ kind: 'committee', name: '某小区业主委员会', place: '370102' }, /业主委员会的所在区域应选到街道、镇/],
  ] as const) {
    const answer = await make(fields)
    assert.equal(answer.status, 422)
    assert.match(plain(answer.text), sentence)
  }
  const outside = await make({ ...full, name: '北京远来物业有限公司', code: creditCode(4), place: '370100' })
  assert.equal(outside.status, 303)
  assert.equal((await db('company_areas').where({ company_id: idIn(outside.location) })).length, 0)
})

test('a company that moves takes its terms, its areas and the roles of its people along, and the archive remembers', async () => {
  const made = await keeper.post('/desk/admin/organisations/new', {
    kind: 'company',
    name: '济南搬迁物业有限公司',
    code: creditCode(10),
    place: '370102',
    address: '历下区',
    contact: '',
    phone: '',
    legal_person: '马搬迁',
  })
  const id = idIn(made.location)
  const clerk = await givenAccount({ organisation: '济南搬迁物业有限公司' })
  await givenRole(clerk.id, 'company-admin', '370102')

  const answer = await keeper.post(`/desk/admin/organisations/${id}/edit`, {
    version: '1',
    name: '济南乔迁物业有限公司',
    code: creditCode(10),
    place: '370103',
    address: '市中区',
    contact: '',
    phone: '13700001234',
  })

  assert.equal(answer.status, 303)
  assert.deepEqual(await db('company_areas').where({ company_id: id }).pluck('region_code'), ['370103'])
  assert.equal((await db('user_roles').where({ user_id: clerk.id }).first()).region_code, '370103')
  assert.ok(await db('search_terms').where({ scope: 'companies', doc_id: id, term: '乔迁' }).first())
  // Whoever looks for the former name finds it too.
  assert.ok(await db('search_terms').where({ scope: 'organisations', doc_id: id, term: '搬迁' }).first())
  const { changes } = JSON.parse((await lastLog('organisation.update')).detail)
  assert.deepEqual(changes.name, ['济南搬迁物业有限公司', '济南乔迁物业有限公司'])
  assert.deepEqual(changes.region, ['历下区', '市中区'])
  assert.deepEqual(changes.phone, ['', '137****1234'])
  assert.deepEqual(
    await db('changes').where({ table_name: 'organisations', row_id: id, field: 'name' }).select('before', 'after'),
    [{ before: '济南搬迁物业有限公司', after: '济南乔迁物业有限公司' }],
  )
  const late = await keeper.post(`/desk/admin/organisations/${id}/edit`, {
    version: '1',
    name: '济南晚到物业有限公司',
    code: creditCode(10),
    place: '370103',
    address: '',
    contact: '',
    phone: '',
  })
  assert.equal(late.status, 409)
  assert.match(late.text, /侯立言于 .* 已修改单位/)
  assert.match(late.text, /value="济南晚到物业有限公司"/)
})

test('disabling an organisation signs all its people out, and none of the three offices may go with it', async () => {
  const clerk = await portal.as('district2-clerk')
  const desk = await organisation((await userOf('district2-clerk')).organisation_id)

  assert.equal(
    (await keeper.post(`/desk/admin/organisations/${desk.id}/disable`, { version: String(desk.version), reason: '' })).status,
    422,
  )
  assert.equal(
    (await keeper.post(`/desk/admin/organisations/${desk.id}/disable`, { version: String(desk.version), reason: '机构合并' }))
      .status,
    303,
  )

  assert.equal((await clerk.get('/desk')).status, 302)
  assert.equal((await portal.anyone().post('/login', { username: 'district2-clerk', password: 'Wuye@2026' })).status, 422)
  const { version } = await organisation(desk.id)
  assert.equal(
    (await keeper.post(`/desk/admin/organisations/${desk.id}/disable`, { version: String(version), reason: '再来一次' })).status,
    409,
  )
  assert.equal(
    (await keeper.post(`/desk/admin/organisations/${desk.id}/enable`, { version: String(version), reason: '恢复设置' })).status,
    303,
  )
  await portal.as('district2-clerk')

  const own = await organisation((await userOf('system-admin')).organisation_id)
  assert.equal(
    (await keeper.post(`/desk/admin/organisations/${own.id}/disable`, { version: String(own.version), reason: '整个局' })).status,
    403,
  )
})

test('the page of an organisation lists its accounts and leads to all of them', async () => {
  const { organisation_id } = await userOf('system-admin')

  const { text } = await keeper.get(`/desk/admin/organisations/${organisation_id}`)

  assert.equal(text.match(/<th scope="row"><a href="\/desk\/admin\/users\/\d+">/g)?.length, 20)
  assert.match(text, /看全部 \d+ 个/)
  assert.match(text, /href="\/desk\/admin\/users\/new\?organisation=\d+"/)
  assert.match((await keeper.get(`/desk/admin/users/new?organisation=${organisation_id}`)).text, new RegExp(`value="${bureau}"`))
})

// ── Parameters, dictionaries, calendar ───────────────────────────────────────────────────────────

const markOn = (html: string, action: string) =>
  new RegExp(`action="${action.replace(/[?/]/g, '.')}"[^>]*>\\s*<input type="hidden" name="mark" value="([^"]*)"`).exec(
    html,
  )?.[1] ?? ''

const policy = {
  'session.idle-minutes': '30',
  'session.absolute-hours': '12',
  'sign-in.attempts': '5',
  'sign-in.lock-minutes': '15',
  'sign-in.address-attempts': '100',
  'password.days': '90',
}

test('each administrator changes the parameters of the own group and reads the others', async () => {
  const page = (await granter.get('/desk/admin/settings')).text
  const mark = markOn(page, '/desk/admin/settings/2')
  assert.match(page, /由系统管理员修改，这里只能查看/)

  assert.equal((await granter.post('/desk/admin/settings/2', { mark, ...policy, 'session.idle-minutes': '２０' })).status, 303)

  const { settingsNow } = await import('../src/admin/settings.ts')
  assert.equal((await settingsNow(db))['session.idle-minutes'], 20)
  const log = await lastLog('setting.update')
  assert.deepEqual([log.user_name, JSON.parse(log.detail)], ['武承安', { changes: { 'session.idle-minutes': [30, 20] } }])
  assert.equal((await granter.post('/desk/admin/settings/1', { mark })).status, 403)
  assert.equal((await keeper.post('/desk/admin/settings/2', { mark, ...policy })).status, 403)
  assert.equal((await keeper.post('/desk/admin/settings/9', {})).status, 404)

  const stale = await granter.post('/desk/admin/settings/2', { mark, ...policy, 'password.days': '60' })
  assert.equal(stale.status, 409)
  assert.match(stale.text, /武承安于 .* 已修改参数：无操作自动退出由“30”改为“20”/)
  assert.match(stale.text, /value="60"/)
  const again = await granter.post('/desk/admin/settings/2', {
    mark: markOn(stale.text, '/desk/admin/settings/2'),
    ...policy,
    'second-factor.required': 'on',
  })
  assert.equal(again.status, 303)
  assert.equal((await settingsNow(db))['second-factor.required'], true)
  const last = await granter.get('/desk/admin/settings')
  assert.equal(
    (await granter.post('/desk/admin/settings/2', { mark: markOn(last.text, '/desk/admin/settings/2'), ...policy })).status,
    303,
  )
  assert.equal((await settingsNow(db))['second-factor.required'], false)
})

test('a group with mistakes comes back whole, with each mistake at its field and nothing written', async () => {
  const page = (await granter.get('/desk/admin/settings')).text
  const before = await db('settings').orderBy('code')

  const answer = await granter.post('/desk/admin/settings/2', {
    mark: markOn(page, '/desk/admin/settings/2'),
    ...policy,
    'session.idle-minutes': '1',
    'sign-in.attempts': '很多',
    'password.days': '',
  })

  assert.equal(answer.status, 422)
  assert.equal(answer.text.match(/class="mistake"/g)?.length, 3)
  assert.match(answer.text, /无操作自动退出请填写 5 到 480 之间的整数，单位为分钟/)
  assert.match(answer.text, /value="很多"/)
  assert.deepEqual(await db('settings').orderBy('code'), before)
})

test('the words of a dictionary are changed, reordered, taken out of choice and given back', async () => {
  const { choices, labels, forgetDictionaries } = await import('../src/admin/dictionaries.ts')
  const address = '/desk/admin/dictionaries/fee-modes'
  const standard = {
    'label-lump-sum': '包干制',
    'position-lump-sum': '1',
    'active-lump-sum': 'on',
    'label-remuneration': '酬金制',
    'position-remuneration': '2',
    'active-remuneration': 'on',
  }
  const mark = markOn((await keeper.get(address)).text, address)

  assert.equal(
    (await keeper.post(address, { mark, ...standard, 'label-remuneration': '信托制（酬金）', 'position-lump-sum': '3' })).status,
    303,
  )

  assert.deepEqual(await choices(db, 'fee-modes'), [
    { value: 'remuneration', label: '信托制（酬金）' },
    { value: 'lump-sum', label: '包干制' },
  ])
  assert.deepEqual(JSON.parse((await lastLog('dictionary.update')).detail), {
    changes: { 酬金制的名称: ['酬金制', '信托制（酬金）'], 包干制的顺序: [1, 3] },
  })
  assert.equal((await keeper.post(address, { mark, ...standard })).status, 409)

  const next = markOn((await keeper.get(address)).text, address)
  const { 'active-lump-sum': _, ...without } = standard
  assert.equal((await keeper.post(address, { mark: next, ...without })).status, 303)
  assert.deepEqual(
    (await choices(db, 'fee-modes')).map(option => option.value),
    ['remuneration'],
  )
  assert.deepEqual(await labels(db, 'fee-modes'), { 'lump-sum': '包干制', remuneration: '酬金制' })

  const page = (await keeper.get(address)).text
  assert.equal((await keeper.post(`${address}/restore`, { mark: markOn(page, `${address}/restore`) })).status, 303)
  assert.equal((await db('dictionaries').where({ dictionary: 'fee-modes' })).length, 0)
  forgetDictionaries()
  assert.equal((await choices(db, 'fee-modes')).length, 2)
  assert.equal((await db('dictionaries')).length, 0)

  const fresh = markOn((await keeper.get(address)).text, address)
  for (const [fields, sentence] of [
    [{ ...standard, 'label-remuneration': '包干制' }, /“包干制”出现了两次/],
    [{ ...standard, 'active-lump-sum': '', 'active-remuneration': '' }, /至少要有一项供选用/],
    [{ ...standard, 'position-lump-sum': '0' }, /请填写 1 到 999 之间的整数/],
    [{ ...standard, 'label-lump-sum': '长'.repeat(31) }, /最多 30 个字/],
  ] as const) {
    const answer = await keeper.post(address, { mark: fresh, ...fields })
    assert.equal(answer.status, 422)
    assert.match(answer.text, sentence)
  }
  assert.equal((await db('dictionaries')).length, 0)
  assert.equal((await keeper.get('/desk/admin/dictionaries/no-such')).status, 404)
  assert.equal((await keeper.get('/desk/admin/dictionaries/constructor')).status, 404)
})

test('the calendar of a year is drawn, and days are set with a note', async () => {
  const { workCalendar, forgetCalendar } = await import('../src/calendar.ts')
  forgetCalendar()
  const page = await keeper.get('/desk/admin/calendar?year=2026')
  assert.equal(page.status, 200)
  assert.equal(page.text.match(/<table><caption>/g)?.length, 12)
  assert.equal(page.text.match(/class="day day-holiday/g)?.length, 1 + 33)
  assert.equal(page.text.match(/class="day day-makeup/g)?.length, 1 + 6)
  assert.match(page.text, /全年 248 个工作日/)
  const mark = markOn(page.text, '/desk/admin/calendar?year=2026')
  const address = '/desk/admin/calendar?year=2026'

  assert.equal(
    (await keeper.post(address, { mark, from: '2027-02-06', until: '2027-02-12', works: 'rest', note: '春节' })).location,
    '/desk/admin/calendar?year=2027',
  )

  const calendar = await workCalendar(db)
  assert.equal(calendar.addWorkdays('2027-02-05', 1), '2027-02-15')
  const log = await lastLog('calendar.update')
  assert.deepEqual(JSON.parse(log.detail).changes['2027-02-08'], ['上班', '休息（春节）'])
  assert.equal((await db('workdays').where({ day: '2027-02-08' }).first()).source, 'regulator')

  const stale = await keeper.post(address, { mark, from: '2027-02-06', until: '2027-02-06', works: 'work', note: '调休' })
  assert.equal(stale.status, 409)
  assert.match(stale.text, /已修改工作日历/)
  assert.match(stale.text, /value="调休"/)

  const fresh = markOn((await keeper.get(address)).text, address)
  for (const [fields, sentence] of [
    [{ from: '2027-10-07', until: '2027-10-01', works: 'rest', note: '国庆节' }, /最后一天早于第一天/],
    [{ from: '2027-10-01', until: '2027-11-01', works: 'rest', note: '国庆节' }, /一次最多改 31 天/],
    [{ from: '2027-12-30', until: '2028-01-02', works: 'rest', note: '元旦' }, /跨年的假期请分两次填/],
    [{ from: '1999-01-01', until: '1999-01-01', works: 'rest', note: '元旦' }, /2020 年到 2099 年/],
    [{ from: '2027-02-30', until: '2027-03-01', works: 'rest', note: '元旦' }, /请填写成 2026-11-23 这样的日期/],
    [{ from: '2027-05-01', until: '2027-05-01', works: 'sleep', note: '劳动节' }, /不在可选范围内/],
    [{ from: '2027-05-01', until: '2027-05-01', works: 'rest', note: ' ' }, /请填写说明/],
  ] as const) {
    const answer = await keeper.post(address, { mark: fresh, ...fields })
    assert.equal(answer.status, 422)
    assert.match(answer.text, sentence)
  }
  const clerk = await portal.as('street-clerk')
  assert.equal((await clerk.get('/desk/admin/calendar')).status, 200)
  assert.doesNotMatch((await clerk.get('/desk/admin/calendar')).text, /设定日子/)
  assert.equal(
    (await clerk.post(address, { mark: fresh, from: '2027-05-01', until: '2027-05-01', works: 'rest', note: '劳动节' })).status,
    403,
  )
  assert.equal((await (await portal.as('company')).get('/desk/admin/calendar')).status, 403)
  for (const year of ['abc', '1', '3000', '2026.5'])
    assert.equal((await keeper.get(`/desk/admin/calendar?year=${year}`)).status, 400, year)
})

// ── Bad input ────────────────────────────────────────────────────────────────────────────────────

const tables = [
  'users',
  'user_roles',
  'organisations',
  'companies',
  'settings',
  'dictionaries',
  'workdays',
  'search_terms',
  'changes',
]
async function whole(): Promise<string> {
  const counts = await Promise.all(
    tables.map(async table => [
      table,
      (await db(table).count({ n: '*' }).first())?.n,
      (
        await db(table)
          .max({ at: 'updated_at' })
          .first()
          .catch(() => undefined)
      )?.at,
    ]),
  )
  return JSON.stringify([counts, (await db('action_log').whereNotIn('action', ['access.refuse']).count({ n: '*' }).first())?.n])
}

const bad = {
  control: '坏\u0000字',
  zeroWidth: 'a\u200bb',
  bidi: 'a\u202eb',
  emoji: '😀',
}

test('every form refuses what it cannot use, says why at the field, keeps the typing and writes nothing', async () => {
  const { id } = await givenAccount({ phone: '13912345678' })
  await db('users').where({ id }).update({ totp_confirmed_at: new Date() })
  const desk = await organisation((await userOf('street2-clerk')).organisation_id)
  const own = String((await user(id)).version)
  const page = (await keeper.get('/desk/admin/settings')).text
  const site = {
    'city.name': '济南市',
    'city.bureau': bureau,
    'city.portal': '管理系统',
    'city.site': '公共平台',
    'city.phone': '0531-0000 0000',
    'city.site-code': '3701000000',
    'city.icp': '鲁ICP备0号',
    'city.police': '鲁公网安备 0号',
  }
  const forms: [Agent, string, Record<string, string>, { optional?: string[]; textual?: string[] }][] = [
    [
      keeper,
      '/desk/admin/users/new',
      { username: 'bad.input', name: '秦试', organisation: bureau, phone: '13812345678' },
      { optional: ['phone'], textual: ['organisation'] },
    ],
    [
      keeper,
      `/desk/admin/users/${id}/edit`,
      { version: own, name: '秦试', organisation: bureau, phone: '13812345678' },
      { optional: ['phone'], textual: ['organisation'] },
    ],
    [keeper, `/desk/admin/users/${id}/disable`, { version: own, reason: '离职' }, { textual: ['reason'] }],
    [keeper, `/desk/admin/users/${id}/reveal`, { version: own, reason: '联系' }, { textual: ['reason'] }],
    [granter, `/desk/admin/users/${id}/second-factor`, { version: own, reason: '丢失' }, { textual: ['reason'] }],
    [granter, `/desk/admin/users/${id}/grants`, { version: own, role: 'city-clerk', region_code: '370100' }, {}],
    [
      keeper,
      '/desk/admin/organisations/new',
      {
        kind: 'company',
        name: '济南试填物业有限公司',
        code: creditCode(50),
        place: '370102',
        address: '历下区',
        contact: '秦试',
        phone: '13812345678',
        legal_person: '秦试',
      },
      { optional: ['code', 'address', 'contact', 'phone', 'legal_person'], textual: ['address', 'contact', 'legal_person'] },
    ],
    [
      keeper,
      `/desk/admin/organisations/${desk.id}/edit`,
      {
        version: String(desk.version),
        name: '市中区试填街道办事处',
        code: '',
        place: '370103016',
        address: '市中区',
        contact: '秦试',
        phone: '0531-88880000',
      },
      { optional: ['code', 'address', 'contact', 'phone'], textual: ['address', 'contact'] },
    ],
    [
      keeper,
      `/desk/admin/organisations/${desk.id}/disable`,
      { version: String(desk.version), reason: '合并' },
      { textual: ['reason'] },
    ],
    [keeper, '/desk/admin/settings/1', { mark: markOn(page, '/desk/admin/settings/1'), ...site }, { textual: Object.keys(site) }],
    [
      keeper,
      '/desk/admin/calendar?year=2026',
      { mark: 'x', from: '2026-12-01', until: '2026-12-01', works: 'rest', note: '试' },
      { textual: ['note'] },
    ],
    [auditor, '/desk/admin/log-check', { expected: 'k1.short' }, { optional: ['expected'] }],
  ]
  const before = await whole()

  for (const [agent, address, good, { optional = [], textual = [] }] of forms)
    for (const field of Object.keys(good).filter(name => name !== 'version' && name !== 'mark')) {
      const wrong: [string, string | string[] | undefined][] = [
        ['too long', '超'.repeat(5000)],
        ['two at once', [good[field] ?? '', '第二个']],
        ['control character', bad.control],
        ['zero width', bad.zeroWidth],
        ['bidi', bad.bidi],
      ]
      if (!optional.includes(field)) wrong.push(['blank', ' \u3000 '], ['missing', undefined])
      if (!textual.includes(field)) wrong.push(['4-byte', bad.emoji], ['wrong type', '{"$ne":1}'])
      for (const [what, value] of wrong) {
        const { [field]: _gone, ...rest } = good
        const where = `${address} ${field} ${what}`
        const answer = await agent.post(address, {
          ...rest,
          ...(value === undefined ? {} : { [field]: value }),
          extra: '1',
          is_admin: 'on',
          status: 'active',
          id: '1',
        })
        assert.equal(answer.status, 422, where)
        assert.match(answer.text, /class="mistake"[\s\S]{0,300}?[\u4e00-\u9fff][^<]*。</, where)
        assert.match(
          answer.text,
          new RegExp(`name="${field}"[^>]*aria-invalid="true"|aria-invalid="true"[^>]*name="${field}"`),
          where,
        )
        const kept = Object.entries(good).find(
          ([name, text]) =>
            name !== field &&
            name !== 'version' &&
            name !== 'mark' &&
            text &&
            !['kind', 'place', 'role', 'region_code', 'works'].includes(name),
        )
        if (kept) assert.ok(plain(answer.text).includes(kept[1]), `${where}: ${kept[0]} is kept`)
      }
    }

  assert.equal(await whole(), before)
})

test('unknown and impossible ids are not found', async () => {
  for (const [agent, path] of [
    [keeper, '/desk/admin/users/ID'],
    [keeper, '/desk/admin/users/ID/edit'],
    [keeper, '/desk/admin/organisations/ID'],
    [keeper, '/desk/admin/organisations/ID/edit'],
    [auditor, '/desk/admin/action-log/ID'],
  ] as const)
    for (const id of ['999999999', 'abc', '0', '-1', '1.5', '1e3', '999999999999999999999', '%00'])
      assert.equal((await agent.get(path.replace('ID', id))).status, 404, path + id)
  for (const [agent, path] of [
    [keeper, '/desk/admin/users/ID/disable'],
    [keeper, '/desk/admin/users/ID/password'],
    [keeper, '/desk/admin/users/ID/sessions'],
    [keeper, '/desk/admin/users/ID/reveal'],
    [granter, '/desk/admin/users/ID/grants'],
    [granter, '/desk/admin/sessions/ID/end'],
    [keeper, '/desk/admin/organisations/ID/disable'],
  ] as const)
    for (const id of ['999999999', 'abc'])
      assert.equal((await agent.post(path.replace('ID', id), { version: '1', reason: '不存在' })).status, 404, path + id)
})

// ── Roles and pages ──────────────────────────────────────────────────────────────────────────────

test('only officials read the calendar, and only the administrators whose page it is open the others', async () => {
  const pages: Record<string, string[]> = {
    '/desk/admin/users/new': ['system-admin'],
    '/desk/admin/users/1': ['system-admin', 'security-admin', 'audit-admin'],
    '/desk/admin/users/1/edit': ['system-admin'],
    '/desk/admin/organisations/new': ['system-admin'],
    '/desk/admin/organisations/1': ['system-admin', 'security-admin'],
    '/desk/admin/settings': ['system-admin', 'security-admin'],
    '/desk/admin/dictionaries': ['system-admin'],
    '/desk/admin/dictionaries/posts': ['system-admin'],
    '/desk/admin/sessions': ['security-admin'],
    '/desk/admin/log-check': ['audit-admin'],
    '/desk/admin/action-log/1': ['audit-admin', 'supervisor'],
  }
  for (const role of [
    'system-admin',
    'security-admin',
    'audit-admin',
    'business-admin',
    'supervisor',
    'city-approver',
    'district-clerk',
    'company',
    'owner',
  ]) {
    const agent = await portal.as(role)
    for (const [page, readers] of Object.entries(pages))
      assert.equal((await agent.get(page)).status, readers.includes(role) ? 200 : 403, `${role} ${page}`)
  }
})

// ── Sessions ─────────────────────────────────────────────────────────────────────────────────────

test('the security administrator sees who is signed in and signs them out', async () => {
  const clerk = await portal.as('editor')
  const { id } = await userOf('editor')

  const { text } = await granter.get('/desk/admin/sessions?q=editor')
  assert.match(text, /姜若溪[\s\S]*信息采编[\s\S]*127\.0\.0\.1/)
  for (const { sid } of await db('sessions').select('sid')) assert.ok(!text.includes(sid), 'a session id is a key')
  assert.match(
    (await granter.get('/desk/admin/sessions?q=%E6%B2%A1%E6%9C%89%E8%BF%99%E4%BA%BA')).text,
    /没有叫“没有这人”的人登录着/,
  )
  assert.equal((await granter.post(`/desk/admin/sessions/${id}/end`)).status, 303)

  assert.equal((await clerk.get('/desk')).status, 302)
  assert.ok(
    await db('action_log')
      .where({ action: 'user.sign-out', object_id: String(id) })
      .first(),
  )
  assert.equal((await granter.post(`/desk/admin/sessions/${(await userOf('security-admin')).id}/end`)).status, 403)
})

test('a session that has idled out is not somebody signed in', async () => {
  const { shiftClock } = await import('../src/clock.ts')
  await portal.as('editor-issuer')
  assert.match((await granter.get('/desk/admin/sessions')).text, /邹文澜/)
  try {
    shiftClock(40 * 60_000)
    granter = await portal.as('security-admin')
    assert.doesNotMatch((await granter.get('/desk/admin/sessions')).text, /邹文澜/)
  } finally {
    shiftClock(0)
    ;[keeper, granter, auditor] = await Promise.all([
      portal.as('system-admin'),
      portal.as('security-admin'),
      portal.as('audit-admin'),
    ])
  }
})

// ── Logs ─────────────────────────────────────────────────────────────────────────────────────────

test('a row of the log is read in words, never as JSON, and the reading is logged', async () => {
  const { id } = await givenAccount()
  await act(keeper, id, 'edit', { name: '褚改名', organisation: bureau, phone: '' })
  const row = await lastLog('user.update')

  const { status, text } = await auditor.get(`/desk/admin/action-log/${row.id}`)

  assert.equal(status, 200)
  assert.match(text, /修改账号[\s\S]*侯立言[\s\S]*系统管理员[\s\S]*127\.0\.0\.1/)
  assert.match(text, /姓名<\/th><td><span class="was">钱清源<\/span><\/td><td><span class="now-is">褚改名/)
  const read = await lastLog('log.read')
  assert.deepEqual([read.object_id, read.user_name], [String(row.id), '黎鉴清'])
  for (const { id } of await db('action_log').select('id').orderByRaw('rand()').limit(60)) {
    const page = (await auditor.get(`/desk/admin/action-log/${id}`)).text.replace(/<[^>]+>/g, '')
    assert.doesNotMatch(plain(page), /\{"|":|\[object|undefined/)
  }
})

test('the check of an untouched log finds nothing, and is itself logged', async () => {
  const { sealLog } = await import('../src/admin/action-log.ts')
  await sealLog(db, new Date(Date.now() + 1000))
  const { digest } = await db('log_seals').orderBy('sequence', 'desc').first()
  assert.match((await auditor.get('/desk/admin/log-check')).text, new RegExp(digest))

  const answer = await auditor.post('/desk/admin/log-check', { expected: ` ${digest} ` })

  assert.equal(answer.status, 200)
  assert.match(answer.text, /没有发现问题[\s\S]*抄录的摘要仍在封印之中/)
  assert.equal((await lastLog('log.check')).result, 'ok')
  const other = await auditor.post('/desk/admin/log-check', { expected: `k1.${'A'.repeat(43)}` })
  assert.match(other.text, /发现 1 处问题[\s\S]*抄录的摘要已不在封印之中/)
  assert.equal((await lastLog('log.check')).result, 'failed')
  assert.equal((await auditor.post('/desk/admin/log-check', { expected: '随便' })).status, 422)
})

test('a row whose transaction was open while its neighbours were sealed does not slip into the sealed block', async () => {
  const { portalItself, record, sealLog, checkLog } = await import('../src/admin/action-log.ts')
  const soon = () => new Date(Date.now() + 1000)
  await sealLog(db, soon())
  const open = await db.transaction()
  await record(open, portalItself, { action: 'log.read', detail: { n: 1 } })
  await record(db, portalItself, { action: 'log.read', detail: { n: 2 } })

  const sealing = sealLog(db, soon())
  const early = await Promise.race([
    sealing.then(() => 'sealed'),
    new Promise(resolve => setTimeout(() => resolve('waiting'), 400)),
  ])
  await open.commit()

  assert.equal(early, 'waiting')
  assert.equal(await sealing, 2)
  assert.deepEqual((await checkLog(db)).faults, [])
})

test('the database refuses to change or remove what the log says', async () => {
  await assert.rejects(db('action_log').limit(1).update({ user_name: '别人' }), /append-only/)
  await assert.rejects(db('action_log').limit(1).delete(), /append-only/)
  await assert.rejects(db('log_seals').limit(1).delete(), /append-only/)
})

/** A log of its own, for tampering with: what somebody with the keys to the database could do. Nine rows, six of them sealed. */
async function givenLog(log: Knex) {
  const { portalItself, record, sealLog } = await import('../src/admin/action-log.ts')
  for (const table of ['action_log', 'log_seals']) {
    for (const event of ['update', 'delete']) await log.raw('drop trigger if exists ??', [`${table}_no_${event}`])
    await log(table).truncate()
  }
  for (let n = 1; n <= 9; n++) {
    await record(log, portalItself, { action: 'log.read', object: { type: 'log', id: n }, detail: { n } })
    if (n % 3 === 0 && n < 9) await sealLog(log, new Date(Date.now() + 1000))
  }
}

const tampering: [string, (db: Knex) => PromiseLike<unknown>, RegExp][] = [
  ['an untouched log', async () => undefined, /^$/],
  ['a changed field', db => db('action_log').where({ id: 2 }).update({ user_name: '别人' }), /第 2 条记录的内容与签名不符/],
  [
    'a changed detail of an unsealed row',
    db => db('action_log').where({ id: 8 }).update({ detail: '{"n":7}' }),
    /第 8 条记录的内容与签名不符/,
  ],
  [
    'a changed moment',
    db =>
      db('action_log')
        .where({ id: 5 })
        .update({ at: new Date(0) }),
    /第 5 条记录/,
  ],
  ['a removed row', db => db('action_log').where({ id: 2 }).delete(), /第 1 号封印（记录 1–3）应有 3 条记录，现有 2 条/],
  ['the last row of a block removed', db => db('action_log').where({ id: 6 }).delete(), /第 2 号封印（记录 4–6）应有 3 条/],
  [
    'a row put in with a forged signature',
    async db => {
      await db('action_log').where({ id: 2 }).delete()
      const [row] = await db('action_log').where({ id: 1 })
      await db('action_log').insert({ ...row, id: 2, nonce: 'x'.repeat(22) })
    },
    /第 2 条记录的内容与签名不符[\s\S]*第 1 号封印/,
  ],
  [
    'a true row moved to another place',
    async db => {
      const [row] = await db('action_log').where({ id: 9 })
      await db('action_log').where({ id: 9 }).delete()
      await db('action_log').where({ id: 2 }).delete()
      await db('action_log').insert({ ...row, id: 2 })
    },
    /第 1 号封印（记录 1–3）与记录对不上/,
  ],
  [
    'two rows that changed places',
    async db => {
      const [first, second] = await db('action_log').whereIn('id', [1, 2]).orderBy('id')
      await db('action_log').whereIn('id', [1, 2]).delete()
      await db('action_log').insert([
        { ...first, id: 2 },
        { ...second, id: 1 },
      ])
    },
    /第 1 号封印（记录 1–3）与记录对不上/,
  ],
  [
    'a changed seal',
    db => db('log_seals').where({ sequence: 1 }).update({ rows: 2 }),
    /第 1 号封印（记录 1–3）应有 2 条记录，现有 3 条/,
  ],
  ['a removed seal', db => db('log_seals').where({ sequence: 1 }).delete(), /第 2 号封印（记录 4–6）与前一号不相接/],
  [
    'a block removed with its seal',
    async db => {
      await db('action_log').where('id', '<=', 3).delete()
      await db('log_seals').where({ sequence: 1 }).delete()
      await db('log_seals').where({ sequence: 2 }).update({ sequence: 1 })
    },
    /与前一号不相接/,
  ],
]

test('the check finds what somebody with access to the database has done', async () => {
  const { checkLog } = await import('../src/admin/action-log.ts')
  const { db: log, close } = await openSchema('tampered')
  try {
    for (const [what, tamper, found] of tampering) {
      await givenLog(log)
      await tamper(log)

      const { faults } = await checkLog(log)

      assert.match(faults.join('\n'), found, what)
    }
  } finally {
    await close()
  }
})

test('a cut tail shows only against a digest kept elsewhere', async () => {
  const { checkLog } = await import('../src/admin/action-log.ts')
  const { db: log, close } = await openSchema('cut')
  try {
    await givenLog(log)
    const { newest } = await checkLog(log)
    await log('action_log').where('id', '>=', 4).delete()
    await log('log_seals').where({ sequence: 2 }).delete()

    assert.deepEqual((await checkLog(log)).faults, [])
    assert.match((await checkLog(log, newest)).faults.join(), /抄录的摘要已不在封印之中/)
  } finally {
    await close()
  }
})

// ── The command ──────────────────────────────────────────────────────────────────────────────────

function admin(url: string, ...words: string[]): Promise<{ code: number | null; said: string }> {
  return new Promise(resolve => {
    const child = spawn(process.execPath, ['--import=tsx', 'src/admin/command.ts', ...words], {
      env: { ...process.env, DATABASE_URL: url },
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text))
    child.once('close', code => resolve({ code, said }))
  })
}

test('the first administrators are made at the console, each office for another person', async () => {
  const schema = await openSchema('command')
  try {
    await schema.db('dictionaries').delete()
    const made = await admin(schema.url, 'create-admin', '--role', 'system-admin', '--username', 'Hou.Liyan', '--name', '侯立言')
    assert.equal(made.code, 0, made.said)
    assert.match(made.said, /已建立系统管理员：侯立言（账号 hou\.liyan，济南市住房和城乡建设局）\n初始密码：\S{12,}\n/)
    const row = await schema.db('users').where({ username: 'hou.liyan' }).first()
    assert.equal(row.must_change_password, 1)
    assert.deepEqual(await schema.db('user_roles').select('user_id', 'role', 'region_code'), [
      { user_id: row.id, role: 'system-admin', region_code: '370100' },
    ])
    assert.equal((await schema.db('organisations').first()).kind, 'city')
    assert.deepEqual(await schema.db('action_log').orderBy('id').pluck('action'), [
      'organisation.create',
      'user.create',
      'role.grant',
    ])
    assert.doesNotMatch(
      JSON.stringify(await schema.db('action_log')),
      new RegExp(/初始密码：(\S{12})/.exec(made.said)?.[1] ?? '$'),
    )

    for (const [words, sentence] of [
      [['--role', 'security-admin', '--username', 'hou.liyan', '--name', '侯立言'], /三员分立/],
      [['--role', 'security-admin', '--username', 'other', '--name', '侯立言'], /侯立言已是系统管理员/],
      [['--role', 'city-clerk', '--username', 'other', '--name', '别人'], /--role 只能是/],
      [['--role', 'audit-admin', '--username', 'X', '--name', '别人'], /--username 为 3 至 32 位/],
      [['--role', 'audit-admin', '--username', 'other'], /请用 --name 给出姓名/],
      [['--role', 'audit-admin', '--username', 'other', '--name', '别人', '--force', 'x'], /没有 --force 这个参数/],
    ] as const) {
      const { code, said } = await admin(schema.url, 'create-admin', ...words)
      assert.equal(code, 1, said)
      assert.match(said, sentence)
    }
    assert.equal((await schema.db('users')).length, 1)
  } finally {
    await schema.close()
  }
})

test('the console checks and seals the log, with an exit code for scripts', async () => {
  const schema = await openSchema('console')
  try {
    await givenLog(schema.db)
    const clean = await admin(schema.url, 'check-log')
    assert.deepEqual([clean.code, /操作日志 9 条，封印 2 个。[\s\S]*没有发现问题/.test(clean.said)], [0, true], clean.said)
    assert.match((await admin(schema.url, 'seal-log')).said, /已封印 3 条记录/)
    const { digest } = await schema.db('log_seals').where({ sequence: 3 }).first()
    assert.equal((await admin(schema.url, 'check-log', '--expect', digest)).code, 0)
    assert.equal((await admin(schema.url, 'check-log', '--expect', `k1.${'A'.repeat(43)}`)).code, 1)

    await schema.db('action_log').where({ id: 5 }).delete()
    const found = await admin(schema.url, 'check-log')
    assert.equal(found.code, 1)
    assert.match(found.said, /发现 1 处问题：\n {2}· 第 2 号封印（记录 4–6）应有 3 条记录，现有 2 条/)
    assert.match((await admin(schema.url, 'help')).said, /管理命令/)
    assert.equal((await admin(schema.url, 'make-coffee')).code, 1)
  } finally {
    await schema.close()
  }
})
