import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { generateSync } from 'otplib'
import { startPortal, type TestPortal } from './portal.ts'

let portal: TestPortal
before(async () => {
  portal = await startPortal({ demo: true })
})
after(() => portal.stop())

const password = 'Wuye@2026'
const sessionOf = (agent: { cookies: Map<string, string> }) => agent.cookies.get('portal')

test('a clerk signs in, sees the own name and role, and signs out', async () => {
  const clerk = portal.anyone()

  const answer = await clerk.post('/login', { username: ' City-Clerk ', password })
  assert.deepEqual([answer.status, answer.location], [303, '/desk'])
  assert.match((await clerk.get('/desk')).text, /市局经办人/)

  assert.equal((await clerk.post('/logout')).location, '/login')
  assert.equal((await clerk.get('/desk')).location, '/login?next=%2Fdesk')
})

test('signing in leads back to the page asked for, and never out of the portal', async () => {
  const clerk = portal.anyone()
  assert.equal((await clerk.get('/desk/help?a=1')).location, '/login?next=%2Fdesk%2Fhelp%3Fa%3D1')

  assert.equal(
    (await clerk.post('/login?next=%2Fdesk%2Fhelp%3Fa%3D1', { username: 'city-clerk', password })).location,
    '/desk/help?a=1',
  )
  for (const next of ['//evil.example', 'https://evil.example', '/\\evil.example', 'javascript:alert(1)'])
    assert.equal(
      (await portal.anyone().post(`/login?next=${encodeURIComponent(next)}`, { username: 'city-clerk', password })).location,
      '/desk',
    )
})

test('the session id changes at sign-in, and the one from before is worth nothing', async () => {
  const clerk = await portal.as('city-clerk')
  const first = sessionOf(clerk)

  await clerk.post('/login', { username: 'city-clerk', password })

  const second = sessionOf(clerk)
  assert.notEqual(first, second)
  const thief = portal.anyone()
  thief.cookies.set('portal', first ?? '')
  assert.equal((await thief.get('/desk')).status, 302)
  assert.equal((await clerk.get('/desk')).status, 200)
})

test('the page a browser follows to at once after signing in finds the session written', async () => {
  for (let turn = 0; turn < 20; turn++) {
    const clerk = portal.anyone()
    const body = new URLSearchParams({ username: 'city-clerk', password })
    const head = await clerk.raw('/login', { method: 'POST', body, headers: { origin: portal.base } })
    // The body of the redirect is not waited for, as a browser does not.
    assert.equal((await clerk.get('/desk')).status, 200, `turn ${turn}`)
    await head.body?.cancel()
  }
})

test('the cookie of a signed-out session opens nothing', async () => {
  const clerk = await portal.as('city-clerk')
  const old = sessionOf(clerk) ?? ''

  await clerk.post('/logout')

  clerk.cookies.set('portal', old)
  assert.equal((await clerk.get('/desk')).status, 302)
})

test('unknown user, wrong password and disabled account read the same', async () => {
  await portal.db('users').where({ username: 'editor' }).update({ status: 'disabled' })

  const texts = []
  for (const [username, word] of [
    ['no-such-user', password],
    ['editor-issuer', 'wrong'],
    ['editor', password],
  ] as const) {
    const answer = await portal.anyone().post('/login', { username, password: word })
    assert.equal(answer.status, 422)
    texts.push(answer.text.replaceAll(username, 'NAME').replace(/\w{4}-\w{4}-\w{4}/g, ''))
  }

  assert.equal(texts[0], texts[1])
  assert.equal(texts[1], texts[2])
  await portal.db('users').where({ username: 'editor' }).update({ status: 'active' })
})

test('five wrong passwords lock this name from this address, for the right password too, and time unlocks it', async () => {
  const clerk = portal.anyone()
  for (let turn = 0; turn < 5; turn++)
    assert.equal((await clerk.post('/login', { username: 'street-clerk', password: 'wrong' })).status, 422)

  const locked = await clerk.post('/login', { username: 'street-clerk', password })
  assert.equal(locked.status, 429)
  assert.match(locked.text, /已锁定/)
  assert.ok(Number(locked.headers.get('retry-after')) > 800)
  const unknown = portal.anyone()
  for (let turn = 0; turn < 5; turn++) await unknown.post('/login', { username: 'nobody-here', password: 'wrong' })
  assert.equal((await unknown.post('/login', { username: 'nobody-here', password: 'wrong' })).status, 429)
  assert.equal((await portal.anyone().post('/login', { username: 'street2-clerk', password })).status, 303)

  await portal.db('rate_limits').update({ expire: Date.now() - 1 })
  assert.equal((await clerk.post('/login', { username: 'street-clerk', password })).status, 303)
})

test('a forged forwarding header does not dodge the lock', async () => {
  for (let turn = 0; turn < 5; turn++)
    await portal
      .anyone()
      .post('/login', { username: 'editor-reviewer', password: 'wrong' }, { 'x-forwarded-for': `10.0.0.${turn}` })

  const locked = await portal
    .anyone()
    .post('/login', { username: 'editor-reviewer', password }, { 'x-forwarded-for': '10.0.0.99' })
  assert.equal(locked.status, 429)
  await portal.db('rate_limits').delete()
})

test('a success between mistakes starts the count again', async () => {
  for (let round = 0; round < 2; round++) {
    for (let turn = 0; turn < 4; turn++) await portal.anyone().post('/login', { username: 'committee', password: 'wrong' })
    assert.equal((await portal.anyone().post('/login', { username: 'committee', password })).status, 303)
  }
})

test('twelve guesses at once count as twelve', async () => {
  const answers = await Promise.all(
    Array.from({ length: 12 }, () => portal.anyone().post('/login', { username: 'committee2', password: 'wrong' })),
  )

  assert.equal(answers.filter(answer => answer.status === 422).length, 5)
  assert.equal(answers.filter(answer => answer.status === 429).length, 7)
})

test('every attempt stands in the sign-in log, without what was typed as password', async () => {
  await portal.anyone().post('/login', { username: 'supervisor', password: 'Not-The-Right-1' })
  await portal.as('supervisor')

  const rows = await portal.db('sign_ins').where({ username: 'supervisor' }).orderBy('id')
  assert.deepEqual(
    rows.map(row => row.outcome),
    ['wrong', 'ok'],
  )
  assert.doesNotMatch(JSON.stringify(await portal.db('action_log')), /Not-The-Right-1/)
})

test('half an hour without a click ends the session, and so do twelve hours of clicking', async () => {
  const { shiftClock } = await import('../src/clock.ts')
  const minute = 60_000
  const clerk = await portal.as('city-clerk')
  const busy = await portal.as('city-reviewer')
  try {
    shiftClock(29 * minute)
    assert.equal((await busy.get('/desk')).status, 200)
    shiftClock(31 * minute)
    assert.equal((await clerk.get('/desk')).location, '/login?next=%2Fdesk&expired=1')
    for (let at = 50; at < 720; at += 20) {
      shiftClock(at * minute)
      assert.equal((await busy.get('/desk')).status, 200)
    }
    shiftClock(721 * minute)
    assert.equal((await busy.get('/desk')).status, 302)
  } finally {
    shiftClock(0)
  }
})

test('polling in the background does not keep a session alive, 继续使用 does', async () => {
  const { shiftClock } = await import('../src/clock.ts')
  const minute = 60_000
  const [idle, kept] = [await portal.as('city-clerk'), await portal.as('city-clerk')]
  try {
    shiftClock(20 * minute)
    assert.equal((await idle.get('/desk', { 'x-background': '1' })).status, 200)
    assert.equal((await kept.post('/desk/alive')).status, 200)
    shiftClock(40 * minute)
    assert.equal((await idle.get('/desk')).status, 302)
    assert.equal((await kept.get('/desk')).status, 200)
  } finally {
    shiftClock(0)
  }
})

test('a session ended by somebody else is not brought back by a request still in flight', async () => {
  const clerk = await portal.as('city-clerk')
  const { shiftClock } = await import('../src/clock.ts')
  const own = () => portal.db('sessions').whereIn('user_id', portal.db('users').select('id').where({ username: 'city-clerk' }))
  try {
    // After two minutes the next request writes the session, to note that the person is still there.
    shiftClock(120_000)
    const inFlight = clerk.get('/desk')
    while (!(await own().clone().delete())) await new Promise(resolve => setImmediate(resolve))
    await inFlight
    assert.equal(Number((await own().count({ n: '*' }).first())?.n), 0)
  } finally {
    shiftClock(0)
  }
})

test('a disabled account is out at its next click', async () => {
  const issuer = await portal.as('editor-issuer')
  await portal.db('users').where({ username: 'editor-issuer' }).update({ status: 'disabled' })

  assert.equal((await issuer.get('/desk')).status, 302)
  await portal.db('users').where({ username: 'editor-issuer' }).update({ status: 'active' })
})

test('a person with two roles acts in one at a time, under a new session id after the switch', async () => {
  const reviewer = await portal.as('city-reviewer')
  assert.match((await reviewer.get('/desk')).text, /韩\S+ · 市局复核人|市局复核人/)
  const before = sessionOf(reviewer)
  const other = await portal
    .db('user_roles')
    .join('users', 'users.id', 'user_roles.user_id')
    .where({ username: 'city-reviewer', role: 'city-clerk' })
    .first('user_roles.id')

  await reviewer.post('/desk/role', { role_id: String(other.id) })

  assert.notEqual(sessionOf(reviewer), before)
  assert.match((await reviewer.get('/account')).text, /市局经办人（[^）]+），现在使用/)
  const foreign = await portal.db('user_roles').where({ role: 'system-admin' }).first('id')
  await reviewer.post('/desk/role', { role_id: String(foreign.id) })
  assert.match((await reviewer.get('/account')).text, /市局经办人（[^）]+），现在使用/)
})

test('a new password ends the other devices and needs the old one', async () => {
  const [one, other] = [await portal.as('developer2'), await portal.as('developer2')]
  const next = 'Lv-Shu-Cheng-Yin-88'

  const refused = await one.post('/account/password', { password: 'wrong', new_password: next, again: next })
  assert.equal(refused.status, 422)
  assert.match(refused.text, /现在的密码不对/)
  assert.equal((await one.post('/account/password', { password, new_password: next, again: next })).status, 303)

  assert.equal((await other.get('/desk')).status, 302)
  assert.equal((await one.get('/desk')).status, 200)
  await portal.as('developer2', next)
})

for (const [word, because] of [
  ['Aa1@', '至少 10 个字符'],
  ['abcdefghijkl', '三类'],
  ['Password123!', '太常见'],
  ['Wuye-Portal-99', '不要出现'],
  ['Developer-77-x', '不要出现'],
] as const)
  test(`the new password ${word} is refused: ${because}`, async () => {
    const person = await portal.as('developer')
    const answer = await person.post('/account/password', { password, new_password: word, again: word })
    assert.equal(answer.status, 422)
    assert.match(answer.text, new RegExp(because))
    assert.doesNotMatch(answer.text, new RegExp(word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')))
  })

test('an initial password opens only the page that changes it, and not after three days', async () => {
  await portal.db('users').where({ username: 'owner2' }).update({ must_change_password: true })
  const owner = await portal.as('owner2')
  assert.equal((await owner.get('/desk')).location, '/account/password')
  assert.equal((await owner.get('/account')).location, '/account/password')

  const next = 'Qing-Quan-Shi-Liu-5'
  assert.equal((await owner.post('/account/password', { password, new_password: next, again: next })).location, '/desk')
  assert.equal((await owner.get('/desk')).status, 200)

  await portal
    .db('users')
    .where({ username: 'owner2' })
    .update({ password_expires_at: new Date(Date.now() - 1000) })
  const late = await portal.anyone().post('/login', { username: 'owner2', password: next })
  assert.equal(late.status, 422)
  assert.match(late.text, /初始密码已过期/)
})

test("an official's password is changed after 90 days, a company's is not", async () => {
  const old = new Date(Date.now() - 91 * 86_400_000)
  await portal.db('users').whereIn('username', ['street-reviewer', 'company2']).update({ demo: false, password_changed_at: old })
  try {
    assert.equal((await (await portal.as('street-reviewer')).get('/desk')).location, '/account/password')
    assert.equal((await (await portal.as('company2')).get('/desk')).status, 200)
  } finally {
    await portal.db('users').whereIn('username', ['street-reviewer', 'company2']).update({ demo: true })
  }
})

test('the second factor: set up, asked for, each code once, recovery codes once', async () => {
  const person = await portal.as('business-admin')
  const page = await person.get('/account/second-factor')
  const key = /key">([A-Z2-7 ]+)</.exec(page.text)?.[1]?.replaceAll(' ', '') ?? ''
  assert.equal((await person.post('/account/second-factor', { password, code: '000000' })).status, 422)
  const enabled = await person.post('/account/second-factor', { password, code: generateSync({ secret: key }) })
  assert.equal(enabled.location, '/account')
  const shown = await person.get('/account')
  const codes = [...shown.text.matchAll(/class="code num">([0-9A-Z]{5}-[0-9A-Z]{5})</g)].map(found => found[1] ?? '')
  assert.equal(codes.length, 10)
  assert.doesNotMatch((await person.get('/account')).text, new RegExp(codes[0] ?? 'none'))
  assert.doesNotMatch(JSON.stringify(await portal.db('users').where({ username: 'business-admin' })), new RegExp(key))

  const later = portal.anyone()
  assert.equal((await later.post('/login', { username: 'business-admin', password })).location, '/login/code')
  assert.equal((await later.get('/desk')).status, 302)
  const { shiftClock } = await import('../src/clock.ts')
  try {
    const used = await later.post('/login/code', { code: generateSync({ secret: key }) })
    assert.equal(used.status, 422, 'the code that set it up is used')
    shiftClock(60_000)
    const code = generateSync({ secret: key, epoch: Math.floor(Date.now() / 1000) + 60 })
    assert.equal((await later.post('/login/code', { code })).location, '/desk')
    assert.equal((await later.get('/desk')).status, 200)

    const again = portal.anyone()
    await again.post('/login', { username: 'business-admin', password })
    assert.equal((await again.post('/login/code', { code })).status, 422)
    assert.equal((await again.post('/login/code', { code: codes[0]?.toLowerCase() ?? '' })).location, '/desk')
    const third = portal.anyone()
    await third.post('/login', { username: 'business-admin', password })
    assert.equal((await third.post('/login/code', { code: codes[0] ?? '' })).status, 422)
  } finally {
    shiftClock(0)
  }
})

test('a sign-in that waits for its code ends when the password is changed', async () => {
  const { newSecret } = await import('../src/accounts/second-factor.ts')
  const { secret, cipher } = newSecret()
  const owner = await portal.as('owner')
  await portal.db('users').where({ username: 'owner' }).update({ totp_secret: cipher, totp_confirmed_at: new Date() })
  const thief = portal.anyone()
  assert.equal((await thief.post('/login', { username: 'owner', password })).location, '/login/code')

  const next = 'Qing-Quan-Shi-Liu-6'
  assert.equal((await owner.post('/account/password', { password, new_password: next, again: next })).status, 303)

  const answer = await thief.post('/login/code', { code: generateSync({ secret }) })
  assert.equal(answer.status, 422)
  assert.match(answer.text, /重新登录/)
  assert.equal((await thief.get('/desk')).status, 302)
})

test('officials without a second factor are led to it when the policy asks, and can do nothing else', async () => {
  const { forgetSettings } = await import('../src/admin/settings.ts')
  await portal
    .db('settings')
    .insert({ code: 'second-factor.required', value: 'true', created_at: new Date(), updated_at: new Date() })
  await portal.db('users').where({ username: 'district-reviewer' }).update({ demo: false })
  forgetSettings()
  try {
    const reviewer = await portal.as('district-reviewer')
    assert.equal((await reviewer.get('/desk')).location, '/account/second-factor')
    assert.equal((await reviewer.get('/account/second-factor')).status, 200)
    assert.equal((await (await portal.as('district-clerk')).get('/desk')).status, 200, 'demo accounts are exempt')
    assert.equal((await (await portal.as('company')).get('/desk')).status, 200, 'companies are not officials')
  } finally {
    await portal.db('settings').where({ code: 'second-factor.required' }).delete()
    await portal.db('users').where({ username: 'district-reviewer' }).update({ demo: true })
    forgetSettings()
  }
})

test('what was typed when the session had ended is back in the form after signing in again', async () => {
  const admin = await portal.as('system-admin')
  await portal.db('sessions').delete()

  const lost = await admin.post('/desk/admin/users/new', { username: 'half-typed', name: '半截', password: 'secret-word' })
  assert.equal(lost.status, 303)
  const login = lost.location ?? ''
  assert.match(login, /^\/login\?next=/)
  assert.match((await admin.get(login)).text, /已为您保留/)
  const back = await admin.post(login, { username: 'system-admin', password })
  const form = await admin.get(back.location ?? '')

  assert.equal(form.status, 200)
  assert.match(form.text, /value="half-typed"/)
  assert.match(form.text, /value="半截"/)
  assert.doesNotMatch(JSON.stringify(await portal.db('held_forms')), /secret-word/)
})
