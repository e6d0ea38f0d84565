import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Express } from 'express'
import type { Browser, Locator, Page } from 'playwright-core'
import { root } from '../src/root.ts'
import { desktop, launch, phone, sidewaysScroll, signIn, type Visit, violations, visit } from './browser.ts'
import { startPortal, type TestPortal } from './portal.ts'

let portal: TestPortal
let browser: Browser

before(async () => {
  portal = await startPortal({ demo: true })
  browser = await launch()
})
after(async () => {
  await browser?.close()
  await portal?.stop()
})

const people = [
  'city-clerk', 'city-reviewer', 'city-approver', 'district-clerk', 'district-reviewer', 'district2-clerk', 'street-clerk', 'street-reviewer',
  'street2-clerk', 'company', 'company2', 'developer', 'developer2', 'committee', 'committee2', 'owner', 'owner2', 'editor', 'editor-reviewer',
  'editor-issuer', 'business-admin', 'supervisor', 'system-admin', 'security-admin', 'audit-admin',
] // biome-ignore format: names read better in rows

/** Opens a window, lets somebody act in it, and looks at what its console said. */
async function within(
  settings: { as?: string; viewport?: typeof desktop; script?: boolean },
  act: (visit: Visit) => Promise<void>,
) {
  const opened = await visit(browser, { base: portal.base, ...settings })
  try {
    if (settings.as) await signIn(opened.page, settings.as)
    await act(opened)
    assert.deepEqual(opened.problems, [])
  } finally {
    await opened.context.close()
  }
}

const inFront = (page: Page) => page.frameLocator('iframe.shown')
const strip = (page: Page) => page.getByRole('navigation', { name: '已打开的窗口' })
const tabNames = (page: Page) => strip(page).locator('.windows a').allTextContents()

/** Waits until the strip shows these names, then says so. */
async function assertTabs(page: Page, names: string[]) {
  for (let left = 40; left && String(await tabNames(page)) !== String(names); left--) await page.waitForTimeout(50)
  assert.deepEqual(await tabNames(page), names)
}

const textOf = async (place: Locator) => (await place.textContent())?.trim() ?? ''
const isFocused = async (place: Locator) => (await place.and(place.page().locator(':focus')).count()) === 1

/** Presses an entry of the menu and waits for its page to stand in a tab. */
async function openTab(page: Page, entry: string) {
  await page.getByRole('navigation', { name: '主菜单' }).getByRole('link', { name: entry, exact: true }).click()
  await inFront(page).getByRole('heading', { level: 1 }).waitFor()
  await page.locator('.windows .on', { hasText: /./ }).waitFor()
}

test('each demo role signs in, sees its own menu and home, and no entry leads nowhere', async () => {
  const menus = new Map<string, string>()
  for (const username of people)
    await within({ as: username }, async ({ page }) => {
      assert.match(await textOf(page.getByRole('heading', { level: 1 })), /^(夜深了|上午好|中午好|下午好|晚上好)，/)
      const entries = page.locator('.menu a:not(.close)')
      menus.set(username, (await entries.allInnerTexts()).join(' '))
      for (const href of await page
        .locator('.menu a:not(.close), main a')
        .evaluateAll(links => links.map(link => link.getAttribute('href') ?? '')))
        assert.equal((await page.request.get(href)).status(), 200, `${username}: ${href}`)
    })
  assert.notEqual(menus.get('city-clerk'), menus.get('company'))
  assert.notEqual(menus.get('system-admin'), menus.get('audit-admin'))
})

test('three tabs stay alive: what is half typed is there after switching, and a reload brings the strip back', async () => {
  await within({ as: 'district-clerk' }, async ({ page }) => {
    await openTab(page, '单位注册')
    await openTab(page, '账号与安全')
    await inFront(page).getByRole('link', { name: '修改密码' }).click()
    await inFront(page).getByLabel('新密码', { exact: true }).fill('写到一半的话')
    await openTab(page, '使用帮助')
    assert.equal((await tabNames(page)).length, 4)
    assert.equal(new URL(page.url()).pathname, '/desk/help')

    await strip(page).getByRole('link', { name: '修改密码' }).click()

    assert.equal(await inFront(page).getByLabel('新密码', { exact: true }).inputValue(), '写到一半的话')
    assert.equal(new URL(page.url()).pathname, '/account/password')
    assert.match(await page.title(), /^修改密码 · /)
    assert.deepEqual(await violations(page), [])

    page.once('dialog', dialog => dialog.accept())
    await page.reload()
    assert.equal(await textOf(page.getByRole('heading', { level: 1 })), '修改密码')
    await assertTabs(page, ['工作台首页', '单位注册', '修改密码', '使用帮助'])
  })
})

test('closing a tab with typed text asks once, and closing the others leaves the one in front', async () => {
  await within({ as: 'district-clerk' }, async ({ page }) => {
    await openTab(page, '使用帮助')
    await openTab(page, '账号与安全')
    await inFront(page).getByRole('link', { name: '修改密码' }).click()
    await inFront(page).getByLabel('新密码', { exact: true }).fill('还没有提交')

    await strip(page).getByRole('button', { name: '关闭窗口：修改密码' }).click()
    const question = page.getByRole('dialog', { name: '关闭“修改密码”？' })
    assert.ok(await isFocused(question.getByRole('button', { name: '留着' })))
    await question.getByRole('button', { name: '留着' }).click()
    assert.equal(await inFront(page).getByLabel('新密码', { exact: true }).inputValue(), '还没有提交')

    await strip(page).getByRole('button', { name: '关闭窗口：修改密码' }).click()
    await question.getByRole('button', { name: '关闭', exact: true }).click()
    await assertTabs(page, ['工作台首页', '使用帮助'])

    await openTab(page, '账号与安全')
    await strip(page).locator('summary').click()
    assert.deepEqual(await violations(page), [])
    await strip(page).getByRole('button', { name: '关闭其他' }).click()
    await assertTabs(page, ['工作台首页', '账号与安全'])
    await strip(page).locator('summary').click()
    await strip(page).getByRole('button', { name: '重新载入这一页' }).click()
    await inFront(page).getByRole('heading', { name: '账号与安全' }).waitFor()
  })
})

test('a link or form of the page opened first stays in its tab, and Back returns to it', async () => {
  await within({ as: 'city-clerk' }, async ({ page }) => {
    await page.goto('/account')
    await page.getByRole('main').getByRole('link', { name: '修改密码' }).click()
    await inFront(page).getByLabel('现在的密码').fill('不对的密码')
    await inFront(page).getByRole('button', { name: '修改密码' }).click()
    await inFront(page).getByRole('alert').waitFor()
    assert.match(await page.title(), /^有误：/)
    await page.goBack()
    await page.goBack()
    await page.getByRole('main').getByRole('heading', { name: '我的账号' }).waitFor()
    assert.equal(new URL(page.url()).pathname, '/account')
  })
})

test('the home page opens its links beside itself', async () => {
  await within({ as: 'city-clerk' }, async ({ page }) => {
    await page.getByRole('main').getByRole('link', { name: '事项目录' }).click()
    await inFront(page).getByRole('heading', { level: 1, name: '事项目录' }).waitFor()
    await assertTabs(page, ['工作台首页', '事项目录'])

    await strip(page).getByRole('link', { name: '工作台首页' }).click()

    await page.getByRole('heading', { name: /^待办/ }).waitFor()
    assert.equal(new URL(page.url()).pathname, '/desk')
  })
})

test('a session that ended shows the sign-in inside the tab, and signing in there goes on', async () => {
  await within({ as: 'street-clerk' }, async ({ page, context }) => {
    await openTab(page, '账号与安全')
    await context.clearCookies()

    await inFront(page).getByRole('link', { name: '修改密码' }).click()

    await inFront(page).getByLabel('账号', { exact: true }).fill('street-clerk')
    await inFront(page).getByLabel('密码', { exact: true }).fill('Wuye@2026')
    await inFront(page).getByRole('button', { name: '登录', exact: true }).click()
    await inFront(page).getByRole('heading', { name: '修改密码' }).waitFor()
    assert.equal((await tabNames(page)).length, 2)
  })
})

test('switching the role moves the whole window and starts a strip of its own', async () => {
  const { id } = await portal.db('users').where({ username: 'city-reviewer' }).first('id')
  const second = { user_id: id, role: 'supervisor', region_code: '370100', granted_at: new Date() }
  await portal.db('user_roles').insert(second).onConflict(['user_id', 'role', 'region_code']).ignore()
  await within({ as: 'city-reviewer' }, async ({ page }) => {
    await openTab(page, '账号与安全')

    await page.locator('.topbar summary').click()
    assert.deepEqual(await violations(page), [])
    await page.getByRole('button', { name: '切换身份：监察审计' }).click()

    await page.getByText('现在以“监察审计”身份办理').waitFor()
    await assertTabs(page, ['工作台首页'])
    assert.match(await textOf(page.locator('.topbar summary')), /监察审计/)
  })
})

test('signing out ends everything and forgets the strip', async () => {
  await within({ as: 'company' }, async ({ page }) => {
    await openTab(page, '使用帮助')
    await page.locator('.topbar summary').click()
    await page.getByRole('button', { name: '退出登录' }).click()
    await page.waitForURL('**/login')
    assert.equal(await page.evaluate('sessionStorage.getItem("desk-tabs")'), null)
    await page.goto('/desk')
    assert.equal(new URL(page.url()).pathname, '/login')
  })
})

test('the desk warns before the session ends, and staying is one press', async () => {
  await within({}, async ({ page }) => {
    await page.clock.install()
    await signIn(page, 'company')
    await page.clock.fastForward('25:10')
    const note = page.getByRole('alert').filter({ hasText: '没有操作' })
    await note.waitFor()
    assert.match(await textOf(note), /您已 25 分钟没有操作，5 分钟后（\d\d:\d\d）将退出。/)
    assert.deepEqual(await violations(page), [])

    const asked = page.waitForRequest('**/desk/alive')
    await page.getByRole('button', { name: '继续使用' }).click()
    assert.equal((await (await asked).response())?.ok(), true)
    await note.waitFor({ state: 'detached' })

    await page.clock.fastForward('31:00')
    await page.getByText('登录已到时，系统已退出。').waitFor()
  })
})

test('on a phone the menu opens, pages follow one another, and nothing scrolls sideways', async () => {
  await within({ as: 'district-clerk', viewport: phone }, async ({ page }) => {
    await page.getByRole('link', { name: '打开菜单' }).click()
    assert.deepEqual(await violations(page), [])
    await page.getByRole('navigation', { name: '主菜单' }).getByRole('link', { name: '账号与安全' }).click()
    await page.waitForURL('**/account')
    assert.equal(await page.locator('iframe').count(), 0)
    assert.equal(await sidewaysScroll(page), 0)
  })
})

test('without script the same pages work', async () => {
  await within({ as: 'district-clerk', script: false }, async ({ page }) => {
    await page.getByRole('navigation', { name: '主菜单' }).getByRole('link', { name: '账号与安全' }).click()
    assert.equal(new URL(page.url()).pathname, '/account')
    await page.getByRole('link', { name: '修改密码' }).click()
    await page.getByLabel('现在的密码').fill('不对的密码')
    await page.getByRole('button', { name: '修改密码' }).click()
    assert.match(await textOf(page.getByRole('alert')), /处需要修改/)
    await page.locator('.topbar summary').click()
    await page.getByRole('button', { name: '退出登录' }).click()
    assert.equal(new URL(page.url()).pathname, '/login')
  })
})

test('a form that comes back names its mistakes on top, leads to the field and keeps what was typed', async () => {
  await within({}, async ({ page }) => {
    await page.goto('/register/company')
    await page.getByLabel('企业名称').fill('济南<b>云栖</b>物业有限公司')
    await page.getByRole('button', { name: '提交注册' }).click()

    const summary = page.getByRole('alert')
    await summary.and(page.locator(':focus')).waitFor()
    assert.match(await page.title(), /^有误：/)
    assert.equal(await page.getByLabel('企业名称').inputValue(), '济南<b>云栖</b>物业有限公司')
    await summary.getByRole('link').first().click()
    assert.ok(await isFocused(page.getByLabel('统一社会信用代码')))
    assert.equal(await page.getByLabel('统一社会信用代码').getAttribute('aria-invalid'), 'true')
    assert.deepEqual(await violations(page), [])
  })
})

test('every page that can be reached is clean in both widths', { timeout: 600_000 }, async () => {
  const seen = new Set<string>()
  const faults: string[] = []
  for (const as of [
    undefined,
    'district-clerk',
    'city-clerk',
    'company',
    'supervisor',
    'system-admin',
    'security-admin',
    'audit-admin',
  ])
    await within({ as }, async ({ page }) => {
      const queue = [as ? '/desk' : '/']
      for (let path = queue.shift(); path; path = queue.shift()) {
        // One page of each kind: /desk/lists/users?after=… looks like /desk/lists/users.
        const kind = `${as && path === '/desk' ? as : ''}${path.replace(/\?.*/, '').replace(/\/\d+(?=\/|$)/g, '/:id')}`
        if (seen.has(kind)) continue
        seen.add(kind)
        faults.push(...(await faultsOf(page, path)).map(fault => `${as ?? 'anyone'}: ${path}: ${fault}`))
        const links = await page
          .locator('a[href^="/"]:not([download]):visible')
          .evaluateAll(links => links.map(link => link.getAttribute('href') ?? ''))
        queue.push(...links.filter(href => !/^\/(assets|vendor|files)\/|\/export|\.pdf$|#/.test(href)))
      }
    })
  assert.deepEqual(faults, [])
  assert.ok(seen.size > 20, `only ${seen.size} pages were found`)
})

async function faultsOf(page: Page, path: string): Promise<string[]> {
  const answer = await page.goto(path)
  const faults = answer?.status() === 200 ? [] : [`answers ${answer?.status()}`]
  for (const viewport of [desktop, phone]) {
    await page.setViewportSize(viewport)
    faults.push(...(await violations(page)).map(text => `at ${viewport.width}: ${text}`))
    if (await sidewaysScroll(page)) faults.push(`scrolls sideways at ${viewport.width}`)
  }
  if ((await page.getByRole('heading', { level: 1 }).count()) !== 1) faults.push('has no single h1')
  await page.setViewportSize(desktop)
  return faults
}

test('what is not there gets a clean page, inside the shell for those signed in', async () => {
  await within({ as: 'city-clerk' }, async ({ page }) => {
    for (const path of ['/nothing', '/desk/nothing', '/desk/help/nothing']) {
      assert.equal((await page.goto(path))?.status(), 404)
      assert.match(await textOf(page.getByRole('heading', { level: 1 })), /没有找到/)
      assert.match(await textOf(page.getByRole('main')), /请求编号 [0-9A-F-]{8,}/)
      assert.equal(await page.locator('.menu').count(), path.startsWith('/desk') ? 1 : 0)
      assert.deepEqual(await violations(page), [])
    }
  })
})

test('somebody else who signs in from another window is noticed, and the whole window starts anew', async () => {
  await within({ as: 'company' }, async ({ page, context }) => {
    await openTab(page, '账号与安全')
    const other = await context.newPage()
    await other.goto('/desk')
    await other.locator('.topbar summary').click()
    await other.getByRole('button', { name: '退出登录' }).click()
    await signIn(other, 'owner')

    await inFront(page).getByRole('link', { name: '修改密码' }).click()

    await page.locator('.topbar summary', { hasText: '业主' }).waitFor()
    await assertTabs(page, ['工作台首页'])
  })
})

test('the error page can be drawn for every status when nothing at all is known', async () => {
  const { renderPage, useViews } = await import('../src/views.ts')
  const app = { locals: {}, set() {}, engine() {} }
  useViews(app as unknown as Express) // Only what prints is taken from it.
  for (const status of [undefined, 400, 401, 403, 404, 409, 413, 415, 418, 422, 429, 500, 502, 503]) {
    const html = await new Promise<string>((resolve, reject) => {
      void renderPage(`${root}/views/error.ejs`, { ...app.locals, status }, (error, html = '') =>
        error ? reject(error) : resolve(html),
      )
    })
    assert.match(html, /<h1[^>]*>[^<]+<\/h1>/)
    assert.doesNotMatch(html, /undefined|null/)
  }
})
