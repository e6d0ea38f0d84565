import assert from 'node:assert/strict'
import path from 'node:path'
import type { Browser, FrameLocator, Page } from 'playwright-core'
import { desktop, launch, phone, signIn, violations, visit } from './browser.ts'
import type { TestPortal } from './portal.ts'
import { paper } from './qualification.ts'

/** What stories told in a real browser have in common. SHOTS=folder keeps a picture of each page that is looked at. */
export interface Stage {
  /** Somebody at a browser of their own, signed in where a name is given; nothing they meet may complain in the console. */
  as(username: string | undefined, act: (page: Page) => Promise<void>): Promise<void>
  /** Looks as a person would, at both widths, also into the tab in front: no rule of accessibility broken, nothing to scroll sideways. */
  look(page: Page, name: string): Promise<void>
  close(): Promise<void>
}

/** Opens a browser for the stories of a file. Each part stands on the one before; after a fault the rest is told at once. */
export async function openStage(portal: TestPortal): Promise<Stage> {
  const browser: Browser = await launch()
  let failed = false
  let shots = 0
  return {
    async as(username, act) {
      if (failed) throw new Error('an earlier part of the story failed')
      const { context, page, problems } = await visit(browser, { base: portal.base })
      context.setDefaultTimeout(30_000)
      try {
        if (username) await signIn(page, username)
        await act(page)
        assert.deepEqual(problems, [])
      } catch (error) {
        failed = true
        if (process.env.SHOTS) await page.screenshot({ path: path.join(process.env.SHOTS, 'failed.png'), fullPage: true })
        throw error
      } finally {
        await context.close()
      }
    },
    async look(page, name) {
      for (const viewport of [desktop, phone]) {
        await page.setViewportSize(viewport)
        assert.deepEqual(await violations(page), [], `${name} at ${viewport.width}`)
        for (const frame of page.frames()) {
          const wider = await frame.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
          assert.equal(wider, 0, `${name} at ${viewport.width}: ${frame.url()}`)
        }
        if (process.env.SHOTS)
          await page.screenshot({
            path: path.join(process.env.SHOTS, `${++shots}-${name}-${viewport.width}.png`),
            fullPage: true,
          })
      }
      await page.setViewportSize(desktop)
    },
    async close() {
      await browser.close()
    },
  }
}

/** The tab of the workspace in front, where what a form or a link of the page leads to opens. */
export const tab = (page: Page): FrameLocator => page.frameLocator('iframe.shown')

/** Waits for what the tab in front says. */
export async function told(page: Page, words: RegExp | string): Promise<void> {
  await tab(page).getByText(words).first().waitFor()
}

/** Begins an application from the catalogue. @returns its id */
export async function begin(portal: TestPortal, page: Page, kind: string, label: string): Promise<number> {
  await page.goto(`/desk/kinds/${kind}`)
  await page.getByRole('button', { name: '办这件事' }).click()
  await tab(page).getByRole('heading', { level: 1, name: label }).waitFor()
  const { id } = await portal.db('cases').where({ kind }).orderBy('id', 'desc').first('id')
  await page.goto(`/desk/cases/${id}`)
  return Number(id)
}

/** Hands in the papers of an application through its file choosers. */
export async function handIn(page: Page, codes: readonly string[]): Promise<void> {
  for (const code of codes) {
    const buffer = Buffer.from(await paper(`${page.url()} ${code}`).arrayBuffer())
    const place = page.locator(`#m-${code}`)
    await place
      .locator('input[type=file]')
      .first()
      .setInputFiles({ name: `${code}.pdf`, mimeType: 'application/pdf', buffer })
    await place
      .getByRole('link', { name: `${code}.pdf` })
      .first()
      .waitFor()
  }
}

/** Presses a button of a case page and waits for what the portal says. */
export async function decide(page: Page, id: number, button: string, says: RegExp): Promise<void> {
  await page.getByRole('button', { name: button, exact: true }).click()
  await told(page, says)
  await page.goto(`/desk/cases/${id}`)
}
