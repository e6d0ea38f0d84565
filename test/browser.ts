import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import { type Browser, type BrowserContext, chromium, type Frame, type Page } from 'playwright-core'

/** A real browser for the tests that a person's eyes would otherwise do. */

const axeSource = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export const desktop = { width: 1366, height: 900 }
export const phone = { width: 390, height: 844 }

/** Starts Chromium: the one CHROMIUM names, else the system's. @throws Error when there is none */
export async function launch(): Promise<Browser> {
  // As root Chromium has no sandbox to offer; the pages it opens here are our own.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return await chromium.launch({ executablePath: process.env.CHROMIUM ?? findChromium(), args })
}

function findChromium(): string {
  for (const name of ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']) {
    try {
      return execFileSync('which', [name], { encoding: 'utf8' }).trim()
    } catch {
      // The next name may be there.
    }
  }
  throw new Error('没有找到 Chromium：请安装，或用 CHROMIUM 指定它的路径。')
}

export interface Visit {
  context: BrowserContext
  page: Page
  /** What the console and the pages complained of. */
  problems: string[]
}

/** A fresh browser profile with one page, set to Chinese and Beijing time. */
export async function visit(
  browser: Browser,
  { base, viewport = desktop, script = true }: { base: string; viewport?: { width: number; height: number }; script?: boolean },
): Promise<Visit> {
  const context = await browser.newContext({
    baseURL: base,
    viewport,
    javaScriptEnabled: script,
    locale: 'zh-CN',
    timezoneId: 'Asia/Shanghai',
  })
  const problems: string[] = []
  context.on('console', message => {
    // A page that answers 404 or 422 is reported as a failed resource; a missing file of ours is a fault.
    const page =
      /^Failed to load resource: the server responded with a status of 4/.test(message.text()) &&
      !/\/(assets|vendor)\//.test(message.location().url)
    if (message.type() === 'error' && !page) problems.push(`${message.text()} (${message.location().url})`)
  })
  context.on('weberror', error => problems.push(String(error.error())))
  return { context, page: await context.newPage(), problems }
}

/** Signs a person in through the form, as they would. */
export async function signIn(page: Page, username: string, password = 'Wuye@2026'): Promise<void> {
  await page.goto('/login')
  await page.getByLabel('账号', { exact: true }).fill(username)
  await page.getByLabel('密码', { exact: true }).fill(password)
  await page.getByRole('button', { name: '登录', exact: true }).click()
  await page.waitForURL(url => url.pathname !== '/login')
}

/**
 * What axe finds wrong on a page and in the frames inside it: rule, and the first places. It is put in through the debugger's
 * door, so that the strict content policy stays on.
 */
export async function violations(page: Page): Promise<string[]> {
  const found = await Promise.all(
    page
      .frames()
      .filter(isShown)
      .map(frame => violationsIn(page, frame)),
  )
  return found.flat()
}

// Chromium shows a PDF with a viewer of its own, which is not ours to judge.
const isShown = (frame: Frame) => frame.url().startsWith('http') && !/\/files\/\d+/.test(frame.url())

async function violationsIn(page: Page, frame: Frame): Promise<string[]> {
  // The rules about a page as a whole (one main, one h1) hold for what a person sees: the frame in front, or the page without one.
  const whole = frame === page.mainFrame() && page.frames().filter(isShown).length > 1
  // A click ends when the next document has begun, not when it is there; half of a page has neither main nor heading.
  await frame.waitForLoadState()
  const session = await page.context().newCDPSession(page)
  try {
    await session.send('Page.enable')
    const { frameTree } = await session.send('Page.getFrameTree')
    const id =
      frame === page.mainFrame()
        ? frameTree.frame.id
        : frameTree.childFrames?.find(child => child.frame.name === frame.name())?.frame.id
    if (!id) return []
    const { executionContextId } = await session.send('Page.createIsolatedWorld', { frameId: id })
    await session.send('Runtime.evaluate', { contextId: executionContextId, expression: axeSource })
    const off = whole
      ? "{ iframes: false, rules: { 'landmark-one-main': { enabled: false }, 'page-has-heading-one': { enabled: false } } }"
      : '{ iframes: false }'
    const { result } = await session.send('Runtime.evaluate', {
      contextId: executionContextId,
      expression: `axe.run(document, ${off}).then(r => r.violations.map(v => v.id + ' at ' + v.nodes.slice(0, 3).map(n => n.target.join(' ')).join(', ')))`,
      awaitPromise: true,
      returnByValue: true,
    })
    return Array.isArray(result.value)
      ? result.value.map(text => `${new URL(frame.url()).pathname}: ${text}`)
      : [`${frame.url()}: axe did not run`]
  } finally {
    await session.detach()
  }
}

/** How many pixels a page is wider than its window; 0 is right. */
export async function sidewaysScroll(page: Page): Promise<number> {
  return await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
}
