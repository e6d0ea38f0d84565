import type { NextFunction, Request, Response } from 'express'
import express from 'express'
import type { Logger } from 'pino'
import { z } from 'zod'
import { type Limit, limitTo } from '../accounts/limits.ts'
import { actorOf } from '../admin/action-log.ts'
import { today } from '../clock.ts'
import { db } from '../db.ts'
import { Forbidden, NotFound, NotNow } from '../errors.ts'
import { dropFiles, type Received, receivedIn, receiveFiles } from '../files/receive.ts'
import { fileKinds } from '../files/sniff.ts'
import { storage } from '../files/storage.ts'
import { readForm, version } from '../forms/form.ts'
import { allow, currentUser, flash, recordId } from '../http.ts'
import { handoutWorkbook } from './handout.ts'
import { findImport, importsFor, sheetsOf } from './import.ts'
import {
  confirmRun,
  dropRun,
  findRun,
  keptDays,
  lastRuns,
  type Run,
  reportOf,
  startRun,
  states,
  takeHandout,
  workRuns,
} from './runs.ts'
import { rulesOf, templateOf } from './template.ts'
import { mostBytes } from './workbook.ts'

/** 批量导入: `/desk/imports/:code`. Who may use an import stands in its declaration, and what was uploaded only the uploader sees. */
export const imports = express.Router()

const uploads: Limit = { name: 'import', points: 30, seconds: 3600 }

imports.param('code', (req, res, next, code) => allow(...findImport(code).roles)(req, res, next))

imports.get('/', allow(), (_req, res) => {
  const imports = importsFor(currentUser(res).role)
  if (!imports.length) throw new Forbidden('您现在的身份没有可以导入的资料。')
  res.render('imports/all', { imports })
})

imports.get('/:code', async (req, res) => showStart(req, res))

imports.get('/:code/template.xlsx', async (req, res) => {
  const declared = findImport(req.params.code)
  const book = await templateOf(declared, await sheetsOf(db, currentUser(res), declared))
  sendBook(res, `${declared.label}导入模板.xlsx`, 'template').send(book)
})

imports.post('/:code', mayUpload, receiveFiles('file', { only: 'xlsx', most: mostBytes }), async (req, res) => {
  const declared = findImport(req.params.code)
  const files = receivedIn(req)
  const keys = files.flatMap(file => (file.ok ? [file.key] : []))
  const [file] = files
  const sentence = mistakeOf(files)
  if (sentence || !file?.ok) {
    await dropFiles(keys)
    res.status(file && !file.ok && file.isTooLarge ? 413 : 422)
    return await showStart(req, res, sentence ?? '')
  }
  const id = await startRun(currentUser(res), declared, file, actorOf(req, res)).catch(async error => {
    await dropFiles(keys)
    throw error
  })
  kick(req.log)
  res.redirect(303, `/desk/imports/${declared.code}/${id}`)
})

/** Before a byte of the file is read. */
async function mayUpload(_req: Request, res: Response, next: NextFunction): Promise<void> {
  await limitTo(uploads, String(currentUser(res).id), '一小时内上传的次数已满')
  next()
}

function mistakeOf(files: readonly Received[]): string | undefined {
  const [file] = files
  if (!file) return '还没有选择文件。请选择填好的 xlsx 文件，再上传。'
  if (files.length > 1) return '一次只导入一个文件。请只选一个，再上传。'
  return file.ok ? undefined : file.sentence
}

/** Begins the next turn now; where this process cannot, another does within a minute. */
function kick(log: Logger): void {
  workRuns().catch(error => log.error({ err: error }, 'import failed'))
}

imports.get('/:code/:id', async (req, res) => {
  const declared = findImport(req.params.code)
  const run = await findRun(currentUser(res), declared, recordId(req))
  const sheets = await sheetsOf(db, currentUser(res), declared)
  res.render('imports/run', {
    declared,
    run,
    report: reportOf(run),
    states,
    keptDays,
    percent: percentOf(run),
    sheetNames: sheets.map(({ label }) => label),
  })
})

/** For the script of the page, which draws the bar anew and opens the page again when the state is another one. */
imports.get('/:code/:id/progress', async (req, res) => {
  const run = await findRun(currentUser(res), findImport(req.params.code), recordId(req))
  res.json({ state: run.state, percent: percentOf(run), rows: run.row_count })
})

imports.get('/:code/:id/annotated.xlsx', async (req, res) => {
  const { annotated_key, file_name } = await findRun(currentUser(res), findImport(req.params.code), recordId(req))
  const content = annotated_key ? await storage.open(annotated_key) : undefined
  if (!content) throw new NotFound('这次导入没有批注文件，或文件已按期清除。')
  content.pipe(sendBook(res, `${file_name.replace(/\.xlsx$/i, '')}_批注.xlsx`, 'annotated'))
})

const confirmForm = z.object({ version })

imports.post('/:code/:id/confirm', async (req, res) => {
  const declared = findImport(req.params.code)
  const id = recordId(req)
  const form = readForm(confirmForm, req.body)
  await confirmRun(currentUser(res), declared, id, form.ok ? form.data.version : 0, actorOf(req, res))
  kick(req.log)
  res.redirect(303, `/desk/imports/${declared.code}/${id}`)
})

imports.post('/:code/:id/drop', async (req, res) => {
  const declared = findImport(req.params.code)
  await dropRun(currentUser(res), declared, recordId(req))
  flash(req, { tone: 'ok', text: '已放弃这次导入，一行也没有写入，上传的文件已删除。' })
  res.redirect(303, `/desk/imports/${declared.code}`)
})

imports.post('/:code/:id/handout', async (req, res) => {
  const declared = findImport(req.params.code)
  const handout = await takeHandout(currentUser(res), declared, recordId(req), actorOf(req, res))
  if (!handout) throw new NotNow('附表只能领取一次，已经领取过，或已按期清除。')
  const day = today().replaceAll('-', '')
  sendBook(res, `${handout.label}_${day}.xlsx`, 'handout').send(await handoutWorkbook(handout))
})

async function showStart(req: Request, res: Response, mistake?: string): Promise<void> {
  const declared = findImport(req.params.code)
  const user = currentUser(res)
  const [sheets, runs] = await Promise.all([sheetsOf(db, user, declared), lastRuns(user, declared)])
  res.render('imports/start', {
    declared,
    sheets,
    runs,
    states,
    rules: rulesOf(),
    keptDays,
    megabytes: mostBytes / 1024 / 1024,
    mistakes: mistake ? { file: mistake } : {},
  })
}

function percentOf({ work_done, work_total }: Run): number {
  return work_total ? Math.min(99, Math.floor((work_done / work_total) * 100)) : 0
}

function sendBook(res: Response, name: string, plain: string): Response {
  const encoded = encodeURIComponent(name).replace(/['()*]/g, sign => `%${sign.charCodeAt(0).toString(16)}`)
  return res.set({
    'Content-Type': fileKinds.xlsx.type,
    // RFC 6266: a plain name for old readers, the real one in UTF-8.
    'Content-Disposition': `attachment; filename="${plain}.xlsx"; filename*=UTF-8''${encoded}`,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  })
}
