import assert from 'node:assert/strict'
import { connect as connectSocket } from 'node:net'
import { after, before, test } from 'node:test'
import { Agent, startPortal, type TestPortal } from './portal.ts'

let portal: TestPortal
before(async () => {
  portal = await startPortal({ demo: true })
})
after(() => portal.stop())

const password = 'Wuye@2026'

test('a form from another site changes nothing', async () => {
  for (const headers of [
    { origin: 'https://evil.example', referer: 'https://evil.example/' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'null', referer: '' },
  ]) {
    const answer = await portal
      .anyone()
      .post('/login', { username: 'city-clerk', password }, headers as unknown as Record<string, string>)
    assert.equal(answer.status, 403, JSON.stringify(headers))
    assert.equal(answer.headers.get('set-cookie'), null)
  }
  const bare = await fetch(`${portal.base}/login`, {
    method: 'POST',
    body: new URLSearchParams({ username: 'city-clerk', password }),
    redirect: 'manual',
  })
  assert.equal(bare.status, 403, 'no origin at all')
  assert.equal(
    (await portal.anyone().post('/login', { username: 'city-clerk', password }, { 'sec-fetch-site': 'same-origin' })).status,
    303,
  )
})

test('every page carries the policy of security, and none has inline script or style', async () => {
  const clerk = await portal.as('city-clerk')
  for (const path of ['/', '/login', '/desk', '/account', '/register/company', '/no-such-page', '/desk/no-such-page']) {
    const page = await clerk.get(path)
    const policy = page.headers.get('content-security-policy') ?? ''
    assert.match(policy, /default-src 'self';script-src 'self';style-src 'self';/, path)
    assert.doesNotMatch(policy, /unsafe/)
    assert.match(policy, /^\/(desk|login|account)/.test(path) ? /frame-ancestors 'self'/ : /frame-ancestors 'none'/, path)
    assert.equal(page.headers.get('x-content-type-options'), 'nosniff')
    assert.equal(page.headers.get('referrer-policy'), 'same-origin')
    assert.equal(page.headers.get('x-powered-by'), null)
    assert.doesNotMatch(page.text, /<script(?![^>]*\bsrc=)|\sstyle="|\son\w+="|<style/, path)
  }
})

test('public pages set no cookie and may be cached, signed-in pages never', async () => {
  const visitor = await portal.anyone().get('/')
  assert.equal(visitor.headers.get('set-cookie'), null)
  assert.match(visitor.headers.get('cache-control') ?? '', /public/)
  assert.equal((await portal.anyone().get('/login')).headers.get('set-cookie'), null)

  const clerk = await portal.as('city-clerk')
  assert.equal((await clerk.get('/desk')).headers.get('cache-control'), 'no-store')
})

test('the session cookie is out of reach of scripts and other sites', async () => {
  const answer = await portal.anyone().post('/login', { username: 'city-clerk', password })
  assert.match(answer.headers.get('set-cookie') ?? '', /^portal=[^;]+; Path=\/; HttpOnly; SameSite=Lax$/)
})

test('mistakes in the request get their own status and a Chinese page with a number', async () => {
  const clerk = await portal.as('city-clerk')
  const own = { origin: portal.base }
  const form = { 'content-type': 'application/x-www-form-urlencoded', ...own }
  const cases: [string, number, () => Promise<Response>][] = [
    ['unknown page', 404, () => clerk.raw('/desk/nothing', {})],
    ['broken escape', 400, () => clerk.raw('/%E0%A4%A', {})],
    [
      'broken json',
      400,
      () => clerk.raw('/login', { method: 'POST', body: '{"a":', headers: { 'content-type': 'application/json', ...own } }),
    ],
    [
      'strange charset',
      415,
      () =>
        clerk.raw('/login', {
          method: 'POST',
          body: 'a=1',
          headers: { ...form, 'content-type': 'application/x-www-form-urlencoded; charset=ebcdic' },
        }),
    ],
    ['too large', 413, () => clerk.raw('/login', { method: 'POST', body: `a=${'x'.repeat(600_000)}`, headers: form })],
    [
      'too many fields',
      413,
      () =>
        clerk.raw('/login', { method: 'POST', body: Array.from({ length: 5001 }, (_, n) => `f${n}=1`).join('&'), headers: form }),
    ],
    [
      'list as json',
      400,
      () =>
        clerk.raw('/desk/cases/1/notes', {
          method: 'POST',
          body: '[{"note":"x"}]',
          headers: { 'content-type': 'application/json', ...own },
        }),
    ],
    ['foreign page', 403, () => clerk.raw('/desk/admin/users/new', {})],
    ['bad id', 404, () => clerk.raw('/desk/registrations/abc', {})],
    ['huge id', 404, () => clerk.raw('/desk/registrations/99999999999999999999', {})],
    ['unknown id', 404, () => clerk.raw('/desk/registrations/999999', {})],
  ]
  for (const [name, status, ask] of cases) {
    const answer = await ask()
    const text = await answer.text()
    assert.equal(answer.status, status, name)
    assert.match(text, /请求编号/, name)
    assert.match(text, new RegExp(answer.headers.get('x-request-id') ?? 'none'), name)
    assert.match(answer.headers.get('content-type') ?? '', /charset=utf-8/i, name)
    assert.doesNotMatch(text, /node_modules|\.ejs|at .+\.ts:|SELECT |select `/, name)
  }
})

test('no form takes a list for its fields, whatever the list holds', async () => {
  const company = await portal.as('company')
  const clerk = await portal.as('city-clerk')
  const { id } = await portal.db('cases').first('id')
  for (const [agent, path] of [
    [company, '/desk/cases/new/qualification-new'],
    [company, `/desk/cases/${id}/draft`],
    [company, `/desk/cases/${id}/check`],
    [company, `/desk/cases/${id}/submit`],
    [clerk, `/desk/cases/${id}/originals`],
    [clerk, '/desk/role'],
    [portal.anyone(), '/login'],
  ] as const)
    for (const body of ['[]', '[1]', '[{"version":1}]', '[["seen","licence"]]']) {
      const headers = { 'content-type': 'application/json', origin: portal.base }
      const answer = await agent.raw(path, { method: 'POST', body, headers })
      assert.equal(answer.status, 400, `${path} ${body}`)
      assert.match(await answer.text(), /请求编号/)
    }
})

test('names of object members, and names no account can have, are ordinary wrong names', async () => {
  for (const username of ['张三', '𠮷', 'Ｃity-Clerk中', '__proto__', 'constructor', 'toString', 'hasOwnProperty'])
    assert.equal((await portal.anyone().post('/login', { username, password })).status, 422)
})

const bad: [string, string | string[], RegExp][] = [
  ['missing', '', /请填写账号/],
  ['blanks', '   ', /请填写账号/],
  ['too long', 'x'.repeat(65), /最多 64 个字/],
  ['twice', ['a', 'b'], /只能填写一项/],
  ['control character', 'a\u0000b', /控制字符/],
  ['bidi control', 'a\u202eb', /控制字符/],
  ['code point that is no character', 'a\uffffb', /控制字符/],
]
for (const [name, username, message] of bad)
  test(`sign-in with an account name that is ${name} says so beside the field`, async () => {
    const answer = await portal.anyone().post('/login', { username, password, role: 'system-admin' })
    assert.equal(answer.status, 422)
    assert.match(answer.text, message)
    assert.match(answer.text, /aria-invalid="true"/)
  })

test('what no column could hold is a mistake or not found, never a fault of ours', async () => {
  const clerk = await portal.as('city-clerk')
  assert.equal((await clerk.get('/desk?held=中文')).status, 200)
  assert.equal((await clerk.get('/desk/lists/organisations?q=𠮷，张三 x&after=中文')).status < 500, true)
  const looked = await portal.anyone().post('/register/status', { number: '编号', username: '张三' })
  assert.equal(looked.status, 422)
  assert.match(looked.text, /ZC 加 12 位数字/)
})

test('health speaks without the database, metrics only to the addresses allowed', async () => {
  const visitor = portal.anyone()
  assert.equal((await visitor.get('/health')).text, 'ok\n')
  assert.equal((await visitor.get('/ready')).status, 200)
  assert.match((await visitor.get('/metrics')).text, /http_request_duration_seconds_count/)
})

test('files of packages are served by list only, and kept for ever', async () => {
  const page = await portal.anyone().get('/login')
  const css = /href="(\/vendor\/[^"]+tabler\.min\.css)"/.exec(page.text)?.[1] ?? ''
  const file = await portal.anyone().get(css)
  assert.equal(file.status, 200)
  assert.match(file.headers.get('cache-control') ?? '', /immutable/)
  for (const path of [
    '/vendor/x/express/package.json',
    '/vendor/../package.json',
    '/assets/../package.json',
    '/assets/%2e%2e/package.json',
    '/.git/config',
    '/package.json',
  ])
    assert.equal((await portal.anyone().get(path)).status, 404, path)
})

test('a database that goes away is a 503 page, and its return needs no restart', async () => {
  const { connect, useDatabase } = await import('../src/db.ts')
  const { forgetSettings } = await import('../src/admin/settings.ts')
  const clerk = await portal.as('city-clerk')
  const good = portal.db
  const away = connect('mysql://nobody@127.0.0.1:9/none')
  forgetSettings()
  try {
    for (const path of ['/', '/desk', '/login']) {
      const answer = await clerk.get(path)
      assert.equal(answer.status, 503, path)
      assert.match(answer.text, /数据库/)
      assert.ok(answer.headers.get('retry-after'))
    }
    const posted = await clerk.post('/desk/registrations/1/refuse', { opinion: '这段意见写了很久，不能丢' })
    assert.equal(posted.status, 503)
    assert.match(posted.text, /这段意见写了很久，不能丢/)
    assert.equal((await clerk.get('/health')).status, 200)
    assert.equal((await clerk.get('/ready')).status, 503)
  } finally {
    await away.destroy()
    useDatabase(good)
    forgetSettings()
  }
  assert.equal((await clerk.get('/desk')).status, 200)
})

test('a refused page is in the action log with who, what and where', async () => {
  const clerk = await portal.as('district-clerk')
  await clerk.get('/desk/admin/users/new')

  const row = await portal.db('action_log').where({ action: 'access.refuse' }).orderBy('id', 'desc').first()
  assert.equal(row.role, 'district-clerk')
  assert.match(row.detail, /\/desk\/admin\/users\/new/)
  assert.ok(row.request_id)
})

test('what strangers post is not kept, and what is kept has its limits', async () => {
  const stranger = await portal.anyone().post('/desk/registrations/1/refuse', { opinion: '陌生人' })
  assert.equal(stranger.status, 303)
  assert.doesNotMatch(stranger.location ?? '', /held/)

  const clerk = await portal.as('city-clerk')
  await portal.db('sessions').delete()
  for (let turn = 0; turn < 25; turn++) await clerk.post('/desk/registrations/1/refuse', { opinion: '反复' })
  await clerk.post('/desk/registrations/1/refuse', { opinion: '长'.repeat(70_000) })
  assert.equal(Number((await portal.db('held_forms').count({ n: '*' }).first())?.n), 20)
})

test('an error of the database leaves its code in the log, never a value', async () => {
  const { plainError } = await import('../src/app.ts')
  await portal.db('rate_limits').insert({ key: 'secret-value', points: 1 })
  const error = await portal
    .db('rate_limits')
    .insert({ key: 'secret-value', points: 1 })
    .then(
      () => undefined,
      (thrown: unknown) => thrown,
    )

  assert.match(JSON.stringify(plainError(error)), /ER_DUP_ENTRY/)
  assert.doesNotMatch(JSON.stringify(plainError(error)), /secret-value/)
})

test('a refused form of a stranger is in the action log, but cannot fill it', async () => {
  await portal.db('rate_limits').delete()
  const count = async () =>
    Number((await portal.db('action_log').where({ action: 'access.refuse' }).whereNull('user_id').count({ n: '*' }).first())?.n)
  const before = await count()
  for (let turn = 0; turn < 35; turn++)
    await portal.anyone().post('/login', { username: 'x' }, { origin: 'https://evil.example' })
  assert.equal((await count()) - before, 30)
  await portal.db('rate_limits').delete()
})

test('half a request does not hold up the others', async () => {
  const { port } = new URL(portal.base)
  const socket = connectSocket(Number(port), '127.0.0.1')
  socket.write('POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nusername=')
  try {
    assert.equal((await new Agent(portal.base).get('/')).status, 200)
  } finally {
    socket.destroy()
  }
})
