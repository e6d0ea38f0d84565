import type { NextFunction, Request, Response } from 'express'
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client'
import { config } from './config.ts'
import { NotFound } from './errors.ts'
import { addressOf } from './http.ts'

const registry = new Registry()
collectDefaultMetrics({ register: registry })
const duration = new Histogram({
  name: 'http_request_duration_seconds',
  help: 'Time to answer, by face of the portal, method and status.',
  labelNames: ['face', 'method', 'status'],
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  registers: [registry],
})

/** Measures every answer. Faces instead of paths: paths hold ids, and their number has no end. */
export function observe(req: Request, res: Response, next: NextFunction): void {
  const done = duration.startTimer()
  const face = /^\/(desk|login|account|api|assets|vendor)(?:\/|$)/.exec(req.path)?.[1] ?? 'site'
  res.on('finish', () => done({ face, method: req.method, status: String(res.statusCode) }))
  next()
}

/** `/metrics` in Prometheus' text form, for the addresses of METRICS_FROM only; elsewhere there is no such page. */
export async function metrics(req: Request, res: Response): Promise<void> {
  // Behind a proxy nobody told us of, everyone seems to come from the proxy's address.
  const unknownProxy = !config.trustProxy && req.get('x-forwarded-for') !== undefined
  if (unknownProxy || !config.metricsFrom.includes(addressOf(req))) throw new NotFound('')
  res.type(registry.contentType).send(await registry.metrics())
}
