// Takes the pictures of the manual (public/help/*.png) from a running portal with the demo city:
//   node src/setup/pictures.mjs http://127.0.0.1:3000
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { chromium } from 'playwright-core'

const base = process.argv[2] ?? 'http://127.0.0.1:3000'
const folder = path.join(import.meta.dirname, '../../public/help')
const password = 'Wuye@2026'
const executablePath = process.env.CHROMIUM ?? execFileSync('which', ['chromium'], { encoding: 'utf8' }).trim()
const browser = await chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] })

/** Signs somebody in, lets them do something, and takes the picture. */
async function picture(name, username, act) {
  const page = await browser.newPage({ baseURL: base, viewport: { width: 1366, height: 900 }, locale: 'zh-CN', timezoneId: 'Asia/Shanghai' })
  await page.goto('/login')
  await page.getByLabel('账号', { exact: true }).fill(username)
  await page.getByLabel('密码', { exact: true }).fill(password)
  await page.getByRole('button', { name: '登录', exact: true }).click()
  await page.waitForURL('**/desk')
  await act?.(page)
  await page.evaluate(() => document.activeElement?.blur())
  await page.screenshot({ path: path.join(folder, `${name}.png`) })
  await page.close()
  console.log(`${name}.png`)
}

/** Presses a menu entry and waits until its tab has the page. */
async function open(page, label) {
  await page.locator('.menu').getByRole('link', { name: label, exact: true }).click()
  await page.frameLocator('iframe.shown').getByRole('heading', { level: 1 }).waitFor()
}

fs.mkdirSync(folder, { recursive: true })
await picture('desk-home', 'district-clerk')
await picture('workspace', 'district-clerk', async page => {
  await open(page, '单位注册')
  await open(page, '账号与安全')
  await page.frameLocator('iframe.shown').getByRole('link', { name: '修改密码' }).click()
  await page.frameLocator('iframe.shown').getByLabel('现在的密码').fill('填到一半')
})
await picture('list', 'city-clerk', page => open(page, '单位'))
await picture('registration', 'district-clerk', async page => {
  await page.locator('main .lines a.t').first().click()
  await page.frameLocator('iframe.shown').getByRole('heading', { level: 1 }).waitFor()
})
await picture('users', 'system-admin', page => open(page, '账号'))
await browser.close()
