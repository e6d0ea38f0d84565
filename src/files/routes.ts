import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import express, { type Request, type Response } from 'express'
import type { User } from '../accounts/users.ts'
import { actorOf, record } from '../admin/action-log.ts'
import type { Case, StoredFile } from '../cases/case.ts'
import { kindOf } from '../cases/kind.ts'
import { findCase, isKeptBack, mayReadPapers } from '../cases/queries.ts'
import { caseReaders } from '../cases/roles.ts'
import { isApplicant } from '../cases/steps.ts'
import { fromNow } from '../clock.ts'
import { db } from '../db.ts'
import { HttpError, NotFound } from '../errors.ts'
import { allow, currentUser, recordId } from '../http.ts'
import { fileKinds, kindOfType } from './sniff.ts'
import { type ByteRange, storage } from './storage.ts'
import { readerOf, type SubjectFile } from './subjects.ts'

/**
 * `/files/:id`: the papers of cases and archives. Whoever may see the case or the record may read them; nobody else learns that
 * they exist.
 */
export const files = express.Router()

files.get('/files/:id', allow(...caseReaders), async (req, res) => {
  await sendFile(req, res, await findFile(currentUser(res), recordId(req)))
})

/**
 * Sends a file, or the piece of it that was asked for, and notes the reading. The caller has checked who may read it.
 * @throws HttpError when the content is gone
 */
export async function sendFile(req: Request, res: Response, found: Found): Promise<void> {
  const { file, own } = found
  const range = rangeIn(req, file.size)
  if (range === 'beyond') {
    res.set('Content-Range', `bytes */${file.size}`)
    throw new HttpError(416, '要读的部分超出了文件。请重新打开这个文件。')
  }
  const content = req.method === 'HEAD' ? undefined : await storage.open(file.storage_key, range)
  if (req.method !== 'HEAD' && !content)
    throw new HttpError(500, `“${file.name}”的内容不在存储里，需要从备份恢复。请把下面的请求编号告诉系统管理员。`)
  if (!own && content)
    await note(req, res, found).catch(error => {
      content.destroy()
      throw error
    })
  setHeaders(req, res, file)
  const { start, end } = range ?? { start: 0, end: file.size - 1 }
  if (range) res.status(206).set('Content-Range', `bytes ${start}-${end}/${file.size}`)
  res.set('Content-Length', String(end - start + 1))
  if (content) await send(content, res)
  else res.end()
}

export interface Found {
  file: StoredFile | SubjectFile
  /** The case it belongs to; none for a file of an archive. */
  kase?: Case
  /** Reading it need not stand in the log. */
  own: boolean
}

/** A file of a record or case this user may see; of a case the applicant all, everybody else what was submitted. @throws NotFound */
async function findFile(user: User, id: number): Promise<Found> {
  const file: StoredFile | SubjectFile | undefined = await db('files').where({ id }).first()
  if (!file) throw new NotFound()
  if (file.case_id === null) {
    const reader = await readerOf(db, user, file)
    if (!reader) throw new NotFound()
    return { file, own: reader.own }
  }
  const kase = await findCase(db, user, file.case_id)
  const own = user.scope.level === 'organisation' && user.organisation_id === kase.applicant_id
  if (
    !own &&
    !isApplicant(kase, kindOf(kase), user) &&
    (file.from_edition > kase.edition || !(await mayReadPapers(db, user, kase)))
  )
    throw new NotFound()
  if (isKeptBack(user, kase, file.material)) throw new NotFound()
  return { file, kase, own }
}

/** The one piece asked for; nothing where the whole is, or more pieces than one. */
function rangeIn(req: Request, size: number): ByteRange | 'beyond' | undefined {
  const ranges = req.range(size)
  if (ranges === -1) return 'beyond'
  return Array.isArray(ranges) && ranges.type === 'bytes' && ranges.length === 1 ? ranges[0] : undefined
}

/** A viewer fetches a paper in many pieces, in any order; within this time they are one reading. */
const oneReading = 10 * 60_000

/**
 * Reading a paper of others stands in the action log before the first byte leaves (GB/T 22239-2019 8.1.4.3), whichever piece that
 * is of. Pieces asked for at the same moment may each write a row; none goes without.
 */
async function note(req: Request, res: Response, { file, kase }: Found): Promise<void> {
  const noted = await db('action_log')
    .where({ object_type: 'file', object_id: String(file.id), action: 'file.read', user_id: currentUser(res).id })
    .where('at', '>', fromNow(-oneReading))
    .first('id')
  if (noted) return
  await record(db, actorOf(req, res), {
    action: 'file.read',
    object: { type: 'file', id: file.id, label: file.name },
    detail: { ...(kase ? { case: kase.id, serial: kase.serial } : {}), material: file.material },
  })
}

/** Content is never guessed, never kept by the browser, and opened in place only where nothing in it can act. */
function setHeaders(req: Request, res: Response, file: Found['file']): void {
  const kind = kindOfType(file.type)
  const preview = kind && fileKinds[kind].preview
  const way = preview && req.query.download === undefined ? 'inline' : 'attachment'
  const name = encodeURIComponent(file.name).replace(/['()*]/g, sign => `%${sign.charCodeAt(0).toString(16)}`)
  res.set({
    'Content-Type': kind ? file.type : 'application/octet-stream',
    // RFC 6266: a plain name for old readers, the real one in UTF-8.
    'Content-Disposition': `${way}; filename="file-${file.id}.${file.extension}"; filename*=UTF-8''${name}`,
    'Cache-Control': 'no-store',
    'Accept-Ranges': 'bytes',
    'X-Content-Type-Options': 'nosniff',
    // Chromium's viewer of PDFs refuses a sandbox.
    'Content-Security-Policy': `default-src 'none'; ${preview === 'pdf' ? "object-src 'self'; style-src 'unsafe-inline'" : 'sandbox'}; frame-ancestors 'self'`,
  })
}

async function send(content: Readable, res: Response): Promise<void> {
  try {
    await pipeline(content, res)
  } catch (error) {
    // Whoever closes the window has not done anything wrong.
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE')) throw error
  }
}
