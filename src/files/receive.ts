import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { finished } from 'node:stream/promises'
import type { Request, RequestHandler } from 'express'
import multer, { MulterError, type StorageEngine } from 'multer'
import { BadRequest, HttpError } from '../errors.ts'
import { cleanName } from './names.ts'
import { accepted, type FileKind, fileKinds, inspect, kindOfType, mostBytes, nameMistake } from './sniff.ts'
import { storage } from './storage.ts'

/** What one file of a request became. Each has its own fate: a bad one does not take the good ones with it. */
export type Received = ReceivedFile | RefusedFile
export interface ReceivedFile {
  ok: true
  /** The client's name, cleaned. */
  name: string
  extension: string
  type: string
  size: number
  sha256: string
  pages: number | null
  /** Where the bytes lie. Whoever does not write a row for it forgets it with `dropFiles`. */
  key: string
}
export interface RefusedFile {
  ok: false
  name: string
  /** Why, and what to do. */
  sentence: string
  isTooLarge: boolean
}

declare global {
  namespace Express {
    namespace Multer {
      interface File {
        received?: Received
      }
    }
  }
}

/** How many files one request may bring. */
export const mostFiles = 20
// A form of that many files, with its own words around them.
const mostInRequest = mostFiles * (mostBytes + 4096) + 64 * 1024

const inWhole = (bytes: number) => bytes / 1024 / 1024
const megabytes = inWhole(mostBytes)
const limits = {
  files: mostFiles,
  // Each file has its own limit below, which leaves the others alone; more than this cannot arrive at all.
  fileSize: mostInRequest,
  fields: 5,
  fieldSize: 1000,
  fieldNameSize: 40,
  fieldNestingDepth: 0,
  fieldArrayIndexLimit: 0,
  parts: mostFiles + 5,
  headerPairs: 20,
}

// An opinion of 2,000 characters, and some more to be told that it is too long.
const written = { ...limits, fields: 50, fieldSize: 32 * 1024, parts: mostFiles + 50 }

/** What a page tells about uploads, and what the file chooser offers. */
export const uploadRules = {
  accept: accepted.map(extension => `.${extension}`).join(','),
  extensions: accepted,
  mostBytes,
  words: `pdf、jpg、png、docx、xlsx，每个不超过 ${megabytes} MB，一次最多 ${mostFiles} 个。`,
}

/** What a route takes where that is less than anything. */
export interface Taken {
  /** The one kind. */
  only?: FileKind
  /** The largest file, in bytes. */
  most?: number
  /** The files come with a form that people write in: an opinion, a conclusion. */
  written?: true
}

/**
 * Reads a multipart body whose files are named `field`: each is streamed into the storage while it is hashed and counted, then
 * looked into. Stands only on routes that take files, and behind their permission checks. Find what came with `receivedIn`.
 * @throws HttpError 400 for a broken body, 411 without a length, 413 for too much, 507 when the disk is full; nothing is kept then
 */
export function receiveFiles(field: string, taken: Taken = {}): RequestHandler {
  const within = taken.written ? written : limits
  const upload = multer({ storage: engineFor(taken), limits: within, defParamCharset: 'utf8' }).array(field)
  return (req, res, next) => {
    const length = req.get('content-length')
    // Without a length a body could go on for ever.
    if (length === undefined) throw new HttpError(411, '上传的内容没有写明长度，没有保存。请换用新一些的浏览器。')
    if (Number(length) > mostInRequest)
      throw new HttpError(
        413,
        `这一次选的文件太大，没有保存。每个文件不超过 ${megabytes} MB，一次最多 ${mostFiles} 个，请分几次上传。`,
      )
    upload(req, res, (error?: unknown) => next(error === undefined || error === null ? undefined : inWords(error)))
  }
}

/** The files a request brought, in their order. */
export function receivedIn(req: Request): Received[] {
  return Array.isArray(req.files) ? req.files.flatMap(file => file.received ?? []) : []
}

/** What came, where only a scan will do: a paper that opens in place, so that whoever reads the case sees it. */
export function asScan(received: Received): Received {
  const kind = received.ok ? kindOfType(received.type) : undefined
  if (!received.ok || (kind && fileKinds[kind].preview)) return received
  const sentence = `“${received.name}”不是扫描件。请把盖章的原件扫描或拍照，存成 pdf、jpg 或 png 后上传。`
  return { ok: false, name: received.name, sentence, isTooLarge: false }
}

/** Forgets the bytes of files that got no row. What cannot be removed now, the sweep finds. */
export async function dropFiles(keys: readonly string[]): Promise<void> {
  for (const key of keys) await storage.remove(key).catch(() => undefined)
}

/** Where multer hands over each file as it arrives. */
const engineFor = (taken: Taken): StorageEngine => ({
  _handleFile(_req, file, done) {
    receive(file.stream, cleanName(file.originalname), taken).then(
      received => done(null, { received }),
      cause => done(new StorageFault(cause)),
    )
  },
  // Called for what was kept already when the rest of the request failed.
  _removeFile(_req, { received }, done) {
    dropFiles(received?.ok ? [received.key] : []).then(() => done(null), done)
  },
})

/** Something went wrong between us and the storage, not between the client and us. */
class StorageFault extends Error {
  constructor(cause: unknown) {
    super('file not stored', { cause })
    this.name = 'StorageFault'
  }
}

async function receive(content: Readable, name: string, { only, most = mostBytes }: Taken): Promise<Received> {
  const refused = (sentence: string, isTooLarge = false): RefusedFile => ({ ok: false, name, sentence, isTooLarge })
  const wrongName = nameMistake(name, only)
  if (wrongName) {
    await finished(content.resume())
    return refused(wrongName)
  }
  const counted = new Counted(content)
  let key: string
  try {
    key = await storage.put(counted.upTo(most))
  } catch (error) {
    if (!(error instanceof TooLarge)) throw error
    return refused(`“${name}”有 ${inMegabytes(counted.size)}，超过 ${inWhole(most)} MB。请压缩或拆成几个文件后上传。`, true)
  }
  try {
    const verdict = await inTurn(async () => inspect(await contentOf(key), name, only))
    if (!verdict.ok) {
      await dropFiles([key])
      return refused(verdict.sentence)
    }
    const { type, extension, pages } = verdict
    return { ok: true, name, extension, type, size: counted.size, sha256: counted.digest(), pages, key }
  } catch (error) {
    await dropFiles([key])
    throw error
  }
}

// Rounded up: one byte too many is not “20.0 MB, more than 20 MB”.
const inMegabytes = (size: number) => `${(Math.ceil((size / 1024 / 1024) * 10) / 10).toFixed(1)} MB`

class TooLarge extends Error {}

/** Hashes and counts what passes. */
class Counted {
  size = 0
  #content: AsyncIterable<Uint8Array>
  #hash = createHash('sha256')

  constructor(content: Readable) {
    // Whoever stops reading leaves the stream to multer, which reads the request to its end; a destroyed one would break it off.
    this.#content = content.iterator({ destroyOnReturn: false })
  }

  /** The content; one that is longer is read to its end, so that the files behind it still arrive. @throws TooLarge after that */
  async *upTo(most: number): AsyncGenerator<Uint8Array> {
    for await (const piece of this.#content) {
      this.size += piece.length
      this.#hash.update(piece)
      if (this.size <= most) yield piece
    }
    if (this.size > most) throw new TooLarge()
  }

  digest(): string {
    return this.#hash.digest('hex')
  }
}

async function contentOf(key: string): Promise<Buffer> {
  const content = await storage.open(key)
  if (!content) throw new Error('a file just stored is gone')
  return await buffer(content)
}

let last: Promise<unknown> = Promise.resolve()

/** One after another: a file that is looked into lies in memory whole. */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const mine = last.then(work)
  last = mine.catch(() => undefined)
  return mine
}

const full = new Set(['ENOSPC', 'EDQUOT'])

/** What multer and its parser throw has no status; here it gets one, and a sentence. */
function inWords(error: unknown): unknown {
  if (error instanceof StorageFault) {
    const { cause } = error
    const isFull = cause instanceof Error && 'code' in cause && full.has(String(cause.code))
    return isFull
      ? new HttpError(507, '存储空间已满，这一次的文件没有保存，先前上传的都在。请稍后再传，并告知系统管理员。')
      : cause
  }
  if (error instanceof MulterError && (error.code === 'LIMIT_FILE_COUNT' || error.code === 'LIMIT_PART_COUNT'))
    return new HttpError(413, `一次最多传 ${mostFiles} 个文件，这一次的都没有保存。请分几次选择，或把多页合成一个 PDF。`)
  return new BadRequest('文件没有传完整，或文件名里有特殊字符，没有保存。请检查网络和文件名后重新上传。')
}
