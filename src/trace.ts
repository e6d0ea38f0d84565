import { AsyncLocalStorage } from 'node:async_hooks'
import type { NextFunction, Request, Response } from 'express'
import { addressOf } from './http.ts'

/** Where a request comes from, for what is logged far below its route. */
interface Trace {
  address: string
  request_id: string
}

const traces = new AsyncLocalStorage<Trace>()

/** Carries address and number of a request through everything it causes. */
export function trace(req: Request, res: Response, next: NextFunction): void {
  traces.run({ address: addressOf(req), request_id: res.locals.requestId }, next)
}

/** The request this work belongs to; nothing for jobs and commands. */
export function currentTrace(): Trace | undefined {
  return traces.getStore()
}
