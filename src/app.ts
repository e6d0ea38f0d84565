import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import compression from 'compression'
import express, { type ErrorRequestHandler, type Express, type NextFunction, type Request, type Response } from 'express'
import helmet from 'helmet'
import pino from 'pino'
import { pinoHttp } from 'pino-http'
import { account, isOutdated, isRequired } from './accounts/account-pages.ts'
import { holdForm, restoreHeld } from './accounts/held.ts'
import { takeAttempt } from './accounts/limits.ts'
import { registrationDesk } from './accounts/registration-desk.ts'
import { registrationPages } from './accounts/registration-pages.ts'
import { sessions } from './accounts/sessions.ts'
import { useLocalStrategy } from './accounts/sign-in.ts'
import { signIn } from './accounts/sign-in-pages.ts'
import { actorOf, record } from './admin/action-log.ts'
import { admin } from './admin/routes.ts'
import { settingsNow } from './admin/settings.ts'
import { catalogue } from './cases/catalogue-routes.ts'
import { materialRoutes } from './cases/material-routes.ts'
import { cases } from './cases/routes.ts'
import { config } from './config.ts'
import { db, isDatabaseAway } from './db.ts'
import { menuFor } from './desk/menu.ts'
import { desk } from './desk/routes.ts'
import { caseDocuments } from './documents/routes.ts'
import { BadRequest, Conflict, Forbidden, HttpError, NotFound, NotNow, TooMany } from './errors.ts'
import { files } from './files/routes.ts'
import { addressOf, ownPath } from './http.ts'
import { imports } from './imports/routes.ts'
import { listsEverywhere } from './lists/everywhere.ts'
import { lists } from './lists/routes.ts'
import { countUnread, inbox } from './messages/routes.ts'
import { metrics, observe } from './metrics.ts'
import { archivePages } from './modules/archives/index.ts'
import './modules/index.ts'
import { filingPages } from './modules/filings/index.ts'
import { qualificationPages } from './modules/qualification/index.ts'
import { objectionRoutes } from './publicity/objection-routes.ts'
import { publicityPages } from './publicity/routes.ts'
import { certificateSite } from './site/certificate-routes.ts'
import { guides } from './site/guide-routes.ts'
import { projectSite } from './site/project-routes.ts'
import { site } from './site/routes.ts'
import { tenderSite } from './site/tender-routes.ts'
import { verifyPages } from './site/verify-routes.ts'
import { trace } from './trace.ts'
import { serveAssets, useViews } from './views.ts'
import { warnings } from './warnings/routes.ts'

export interface Portal {
  app: Express
  /** Makes `/ready` answer 503, so that a load balancer looks elsewhere before the server stops. */
  close(): void
}

/** Wires the portal: edges first, then the public site without session, then everything that knows who is asking. */
export function createApp(log = openLog()): Portal {
  const app = express()
  let closing = false
  app.disable('x-powered-by')
  app.set('trust proxy', trustProxy())
  app.set('etag', false)
  useViews(app)
  useLocalStrategy()

  app.use((_req, res, next) => {
    res.locals.requestId = randomBytes(6)
      .toString('hex')
      .toUpperCase()
      .replace(/^(.{4})(.{4})/, '$1-$2-')
    res.set('X-Request-Id', res.locals.requestId)
    next()
  })
  app.use(pinoHttp({ logger: log, genReqId: (_req, res) => (res as Response).locals.requestId, ...logShape }))
  app.use(trace)
  app.use(observe)
  app.use(headers())
  app.use(serveAssets())
  // What may be kept says so itself; errors and forms never are.
  app.use((_req, res, next) => {
    res.set('Cache-Control', 'no-store')
    next()
  })
  app.get('/health', (_req, res) => void res.type('text').send('ok\n'))
  app.get('/ready', async (_req, res) => {
    const ready =
      !closing &&
      (await db.raw('select 1').then(
        () => true,
        () => false,
      ))
    res
      .status(ready ? 200 : 503)
      .type('text')
      .send(ready ? 'ready\n' : 'not ready\n')
  })
  app.get('/metrics', metrics)
  app.use(compression())
  app.use(sameOrigin)
  // A list of 300 people has 2,400 fields.
  app.use(express.urlencoded({ extended: false, limit: '512kb', parameterLimit: 5000 }))
  app.use(express.json({ limit: '256kb' }))
  // Every form here has named fields. A list passes for an object nearly everywhere and has none.
  app.use((req, _res, next) => {
    if (Array.isArray(req.body)) throw new BadRequest()
    next()
  })
  app.use(pageLocals)

  app.use(site)
  app.use(guides)
  app.use(verifyPages)
  app.use(certificateSite)
  app.use(projectSite)
  app.use(tenderSite)
  app.use(publicityPages)
  app.use(registrationPages)

  app.use(['/login', '/logout', '/account', '/desk', '/files'], sessions())
  app.use(signIn)
  app.use(['/account', '/desk', '/files'], signedIn, restoreHeld, settleAccount)
  app.use(['/account', '/desk'], countUnread)
  app.use(account)
  app.use(files)
  app.use('/desk', desk)
  app.use('/desk/messages', inbox)
  app.use('/desk/lists', lists)
  app.use('/desk/imports', imports)
  app.use('/desk/cases', materialRoutes, caseDocuments, objectionRoutes, cases)
  app.use('/desk/kinds', catalogue)
  app.use('/desk/registrations', registrationDesk)
  app.use('/desk/warnings', warnings)
  for (const [path, pages] of [...archivePages, ...qualificationPages, ...filingPages]) app.use(path, pages)
  app.use('/desk/admin', admin)

  app.use(() => {
    throw new NotFound('')
  })
  app.use(showError)
  const close = () => {
    closing = true
  }
  return { app, close }
}

function trustProxy(): boolean | number | string {
  if (/^\d+$/.test(config.trustProxy)) return Number(config.trustProxy)
  return config.trustProxy === '' ? false : config.trustProxy
}

/** The structured log: standard output in production, a file beside the data elsewhere, so that the terminal stays readable. */
export function openLog() {
  const to = config.production ? 1 : path.join(config.dataDir, 'portal.log')
  if (typeof to === 'string') fs.mkdirSync(config.dataDir, { recursive: true })
  const stream = pino.destination({ dest: to, sync: false })
  // A full disk must not stop the portal.
  stream.on('error', () => undefined)
  return pino({ level: config.logLevel, timestamp: pino.stdTimeFunctions.isoTime, serializers: { err: plainError } }, stream)
}

/** What the log keeps of an error. The database quotes values in its messages (`Duplicate entry '…'`), so of those only the code stays. */
export function plainError(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error }
  const { code, errno } = error as { code?: unknown; errno?: unknown } // what mysql2 and Node add
  const fromDatabase = 'sqlMessage' in error || 'sqlState' in error
  const stack = error.stack
    ?.split('\n')
    .filter(line => /^\s+at /.test(line))
    .join('\n')
  return { type: error.name, code, errno, ...(fromDatabase ? {} : { message: error.message }), stack }
}

// Addresses of pages can carry search words, so queries stay out of the log, as do bodies, cookies and names.
const logShape = {
  autoLogging: { ignore: (req: { url?: string }) => /^\/(assets|vendor|health)\b/.test(req.url ?? '') },
  serializers: {
    req: (req: { id: string; method: string; url: string; remoteAddress: string }) => ({
      id: req.id,
      method: req.method,
      path: req.url.split('?')[0],
    }),
    res: (res: { statusCode: number }) => ({ status: res.statusCode }),
    // pino-http puts its own serializer before this one, with message and stack; what was thrown lies under `raw`.
    err: (seen: { raw?: unknown } | null) => plainError(seen?.raw ?? seen),
  },
}

function headers() {
  const https = config.baseUrl.startsWith('https:')
  const policy = (ancestors: string) =>
    helmet({
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          defaultSrc: ["'self'"],
          scriptSrc: ["'self'"],
          styleSrc: ["'self'"],
          imgSrc: ["'self'", 'data:'],
          objectSrc: ["'none'"],
          baseUri: ["'none'"],
          formAction: ["'self'"],
          frameSrc: ["'self'"],
          frameAncestors: [ancestors],
        },
      },
      // Under no-referrer browsers send `Origin: null`, and the origin guard below would refuse every form on plain http.
      referrerPolicy: { policy: 'same-origin' },
      strictTransportSecurity: https ? { maxAge: 31_536_000 } : false,
      crossOriginOpenerPolicy: https,
      originAgentCluster: https,
      xFrameOptions: { action: ancestors === "'self'" ? 'sameorigin' : 'deny' },
    })
  const [framed, alone] = [policy("'self'"), policy("'none'")]
  return (req: Request, res: Response, next: NextFunction) =>
    (/^\/(desk|login|account|files)(\/|$)/.test(req.path) ? framed : alone)(req, res, next)
}

/** The CSRF guard: whatever changes something must come from a page of our own. */
function sameOrigin(req: Request, _res: Response, next: NextFunction) {
  if (['GET', 'HEAD', 'OPTIONS'].includes(req.method)) return next()
  if (!isSameOrigin(req)) throw new Forbidden('这个操作不是从本系统的页面发出的，没有执行。请回到系统里重新操作。')
  next()
}

function isSameOrigin(req: Request): boolean {
  const site = req.get('sec-fetch-site')
  if (site) return site === 'same-origin'
  try {
    return new URL(req.get('origin') ?? req.get('referer') ?? '').host === req.host
  } catch {
    return false
  }
}

async function pageLocals(req: Request, res: Response, next: NextFunction) {
  // Throws a URIError, which is a 400, before any route could take a broken address for an unknown one.
  decodeURIComponent(req.path)
  res.locals.path = req.path
  const set = await settingsNow(db)
  res.locals.city = {
    name: set['city.name'],
    bureau: set['city.bureau'],
    portal: set['city.portal'],
    site: set['city.site'],
    phone: set['city.phone'],
    icp: set['city.icp'],
    police: set['city.police'],
    siteCode: set['city.site-code'],
  }
  res.locals.demo = config.demoSize > 0
  res.locals.idleMinutes = set['session.idle-minutes']
  next()
}

/** Sends strangers to the sign-in page and brings them back afterwards, with what they had typed. */
async function signedIn(req: Request, res: Response, next: NextFunction) {
  const user = res.locals.user
  if (user) {
    res.locals.menu = menuFor(user)
    res.locals.searchable = listsEverywhere(user.role).length > 0
    showFlashes(req, res)
    return next()
  }
  const expired = res.locals.expired ? '&expired=1' : ''
  if (req.method === 'GET' || req.method === 'HEAD')
    return res.redirect(302, `/login?next=${encodeURIComponent(req.originalUrl)}${expired}`)
  if (req.get('x-background') !== undefined) return void res.status(401).json({ signed_in: false })
  res.redirect(303, `/login?next=${encodeURIComponent(await holdForm(req))}${expired}`)
}

/** The sentences for the next page, taken when a page is printed and not when a file is downloaded. */
function showFlashes(req: Request, res: Response) {
  const take = () => {
    const flashes = req.session?.flash ?? []
    if (flashes.length) delete req.session.flash
    return flashes
  }
  Object.defineProperty(res.locals, 'flashes', { get: take, enumerable: true })
}

/** Before anything else: an initial or outdated password is changed, and a second factor set up where the policy asks for one. */
async function settleAccount(req: Request, res: Response, next: NextFunction) {
  const user = res.locals.user
  const here = req.baseUrl + req.path
  if (!user || here === '/desk/alive') return next()
  const set = await settingsNow(db)
  user.must_change_password ||= isOutdated(user, set['password.days'])
  if (user.must_change_password) return here === '/account/password' ? next() : res.redirect(303, '/account/password')
  if (!user.has_second_factor && isRequired(user, set['second-factor.required']) && !here.startsWith('/account'))
    return res.redirect(303, '/account/second-factor')
  next()
}

const bodyErrors = new Set(['entity.parse.failed', 'request.aborted', 'request.size.invalid'])

/** Turns whatever was thrown into one Chinese page with a request number; never throws itself. */
const showError: ErrorRequestHandler = async (error, req, res, _next) => {
  const { status, message } = facts(error)
  if (status >= 500) req.log?.error({ err: error }, 'request failed')
  else if (status === 403) req.log?.warn({ reason: message }, 'refused')
  if (res.headersSent) return void res.destroy()
  if (error instanceof Forbidden) await noteRefusal(req, res).catch(error => req.log?.error({ err: error }, 'refusal not logged'))
  if (error instanceof TooMany) res.set('Retry-After', String(error.seconds))
  if (status === 503) res.set('Retry-After', '30')
  res.status(status)
  if (req.accepts(['html', 'json']) === 'json')
    return void res.json({ status, message: message || '请求没有完成。', request: res.locals.requestId })
  res.render(
    'error',
    {
      status,
      message,
      isRace: error instanceof Conflict && !(error instanceof NotNow),
      from: cameFrom(req),
      way: error instanceof NotNow ? error.way : undefined,
      ...(status === 409 || status === 503 ? { typed: typedText(req) } : {}),
    },
    (broken, html) => {
      if (!broken) return void res.send(html)
      req.log?.error({ err: broken }, 'error page failed')
      res
        .type('html')
        .send(
          `<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>系统出错</title><p>系统出错，请稍后再试。请求编号 ${res.locals.requestId}</p></html>`,
        )
    },
  )
}

/** Refusals stand in the action log (ASVS 16.3.2, 16.3.3); those of strangers only so many an hour, or they could fill it. */
async function noteRefusal(req: Request, res: Response): Promise<void> {
  if (!res.locals.user && (await takeAttempt({ name: 'refused', points: 30, seconds: 3600 }, addressOf(req)))) return
  const detail = { method: req.method, path: req.originalUrl.split('?')[0] }
  await record(db, actorOf(req, res), { action: 'access.refuse', result: 'refused', detail })
}

function facts(error: unknown): { status: number; message: string } {
  if (error instanceof HttpError) return { status: error.status, message: error.message }
  if (isDatabaseAway(error)) return { status: 503, message: '' }
  const { status, type, code } = (error ?? {}) as { status?: unknown; type?: unknown; code?: unknown } // body-parser, multer and router errors
  if (type === 'entity.too.large' || code === 'LIMIT_FILE_SIZE') return { status: 413, message: '' }
  if (bodyErrors.has(String(type)) || error instanceof URIError) return { status: 400, message: '' }
  if (typeof status === 'number' && status >= 400 && status < 500) return { status, message: '' }
  return { status: 500, message: '' }
}

/** The page a refused form stood on, to go back to; nothing when it was none of ours. */
function cameFrom(req: Request): string | undefined {
  const referer = URL.canParse(req.get('referer') ?? '') ? new URL(req.get('referer') ?? '') : undefined
  return req.method === 'POST' && referer?.host === req.host
    ? ownPath(referer.pathname + referer.search, '') || undefined
    : undefined
}

/** The longer texts of a refused form, so that nothing typed is lost; passwords and the like are not shown. */
function typedText(req: Request): { label: string; value: string }[] {
  const body: unknown = req.body
  if (typeof body !== 'object' || body === null) return []
  return Object.entries(body).flatMap(([name, value]) =>
    typeof value === 'string' &&
    value.trim() &&
    !/password|token|^(version|draft_version|mark|part|action|item|rows|fields|save)$|_id$/i.test(name)
      ? [{ label: name, value: value.slice(0, 5000) }]
      : [],
  )
}
