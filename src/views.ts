import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import ejs from 'ejs'
import type { Express, RequestHandler } from 'express'
import express from 'express'
import { beijing, dayOf, now } from './clock.ts'
import { config } from './config.ts'
import { root } from './root.ts'

const views = path.join(root, 'views')
const assets = path.join(root, 'public')
// Source maps and the rest of node_modules stay unreachable: only what is named here is served.
const vendorFiles = ['@tabler/core/dist/css/tabler.min.css', 'chart.js/dist/chart.umd.min.js']

/** What a page hands up to its layout. */
export interface Page {
  title: string
  layout: 'desk' | 'site' | 'login'
  crumb: { label: string; href: string }[]
  /** The address of the menu entry to mark, where it is not the page's own. */
  at?: string
}

/** Registers EJS with layouts, and the functions every page may use to print. */
export function useViews(app: Express): void {
  app.set('views', views)
  app.set('view engine', 'ejs')
  app.set('view cache', cache)
  app.engine('ejs', (file, locals, done) => void renderPage(file, locals, done))
  Object.assign(app.locals, { asset, vendor, number, onDay, atTime, atSecond, now })
}

// Only who edits pages wants them read again on each request.
const cache = config.environment !== 'development'
const options = { root: views, views: [views], cache, rmWhitespace: true }

/** Renders a page, then hands what it printed to the layout it chose. */
export async function renderPage(file: string, locals: object, done: (error: unknown, html?: string) => void) {
  try {
    const { settings: _settings, _locals, cache: _cache, ...own } = locals as Record<string, unknown> // Express adds these three itself
    const page: Page = { title: '', layout: 'desk', crumb: [] }
    const data = { ...(_locals as object), ...own, page }
    const body = await ejs.renderFile(file, data, options)
    // A part of a page, for a script that puts it in its place.
    if (own.layout === false) return done(null, body)
    done(null, await ejs.renderFile(path.join(views, 'layouts', `${page.layout}.ejs`), { ...data, body }, options))
  } catch (error) {
    done(error)
  }
}

const digests = new Map<string, { mtime: number; digest: string }>()

/** The address of an own file in `public/`, with the digest of its content so that browsers may keep it for ever. */
function asset(file: string): string {
  return `/assets/${file}?v=${digestOf(path.join(assets, file))}`
}

/** The address of a served file of a package, likewise. */
function vendor(file: string): string {
  return `/vendor/${digestOf(vendorPath(file))}/${file}`
}

const require = createRequire(import.meta.url)
const vendorPath = (file: string) => {
  const [, name = '', rest = ''] = /^((?:@[^/]+\/)?[^/]+)\/(.*)$/.exec(file) ?? []
  const folder = require.resolve
    .paths(name)
    ?.map(base => path.join(base, name))
    .find(base => fs.existsSync(base))
  return path.join(folder ?? path.join(root, 'node_modules', name), rest)
}

function digestOf(file: string): string {
  const known = digests.get(file)
  if (known && cache) return known.digest
  const mtime = fs.statSync(file).mtimeMs
  if (known?.mtime === mtime) return known.digest
  const digest = createHash('sha256').update(fs.readFileSync(file)).digest('hex').slice(0, 10)
  digests.set(file, { mtime, digest })
  return digest
}

/** Serves `/assets` and `/vendor`. */
export function serveAssets(): RequestHandler {
  const router = express.Router()
  router.use('/assets', (req, res, next) => {
    // Only an address with the digest of its content may be kept for ever.
    const lasting = typeof req.query.v === 'string'
    express.static(assets, { index: false, immutable: lasting, maxAge: lasting ? '1y' : '10m' })(req, res, next)
  })
  const byAddress = new Map<string, string>()
  for (const file of vendorFiles) byAddress.set(vendor(file), vendorPath(file))
  router.use('/vendor', (req, res, next) => {
    const file = byAddress.get(req.baseUrl + req.path)
    if (file) res.sendFile(file, { immutable: true, maxAge: '1y', dotfiles: 'allow' })
    else next()
  })
  return router
}

/** 1234567.5 as 1,234,567.50 with two digits; nothing as an em dash. A minus is U+2212. */
function number(value: number | string | null | undefined, digits = 0): string {
  if (value === null || value === undefined || value === '') return '—'
  return formatOf(digits).format(Number(value)).replace('-', '−')
}

const formats: Intl.NumberFormat[] = []

/** Making a format costs a hundred times what using it does. */
function formatOf(digits: number): Intl.NumberFormat {
  formats[digits] ??= new Intl.NumberFormat('zh-CN', { minimumFractionDigits: digits, maximumFractionDigits: digits })
  return formats[digits]
}

/** A date or moment as `2026-11-23`, Beijing time. */
function onDay(value: Date | string | null | undefined): string {
  if (!value) return '—'
  return typeof value === 'string' ? value : dayOf(value)
}

/** A moment as `2026-11-23 10:42`, Beijing time. */
function atTime(value: Date | null | undefined): string {
  return value ? beijing(value).slice(0, 16) : '—'
}

/** A moment as `2026-11-23 10:42:16`, Beijing time, for logs. */
function atSecond(value: Date | null | undefined): string {
  return value ? beijing(value) : '—'
}
