/** An error whose sentence is meant for the person. Everything else is logged and shown as a plain 500. */
export class HttpError extends Error {
  status: number
  constructor(status: number, message: string) {
    super(message)
    this.name = new.target.name
    this.status = status
  }
}

/** 400: the request cannot be understood. */
export class BadRequest extends HttpError {
  constructor(message = '这个请求不完整或格式不对，请返回上一页重试。') {
    super(400, message)
  }
}

/** 403: the page or step belongs to somebody else. */
export class Forbidden extends HttpError {
  constructor(message: string) {
    super(403, message)
  }
}

/** 404: not there or not yours; one text for both, so nothing is given away. */
export class NotFound extends HttpError {
  constructor(message = '编号可能有误，或不在您的管辖范围。') {
    super(404, message)
  }
}

/** 409: somebody was first. */
export class Conflict extends HttpError {
  constructor(message: string) {
    super(409, message)
  }
}

/** 409 where nobody was first: things are not such that this can be done now. `way` is the page on which to go on. */
export class NotNow extends Conflict {
  way: { label: string; href: string } | undefined
  constructor(message: string, way?: { label: string; href: string }) {
    super(message)
    this.way = way
  }
}

/** 429: too many attempts; `seconds` until the next one may work. */
export class TooMany extends HttpError {
  seconds: number
  constructor(message: string, seconds: number) {
    super(429, message)
    this.seconds = seconds
  }
}

/** Something a person must put right before the portal can start. Its message is all that is shown. */
export class StartError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'StartError'
    this.stack = message
  }
}

/** An error as the console shows it: only the sentence where it is one for a person, the place in the code otherwise. */
export function describe(error: unknown): string {
  if (error instanceof StartError) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
