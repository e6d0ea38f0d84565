import express, { type NextFunction, type Request, type Response } from 'express'
import type { Knex } from 'knex'
import { z } from 'zod'
import { officials } from '../accounts/roles.ts'
import { type Action, actorOf, record } from '../admin/action-log.ts'
import { now } from '../clock.ts'
import { db, inTransaction } from '../db.ts'
import { Conflict, NotFound } from '../errors.ts'
import { dropFiles, type Received, type RefusedFile, receivedIn, receiveFiles } from '../files/receive.ts'
import { checkbox, optionalDate, readForm } from '../forms/form.ts'
import { allow, currentUser, flash, recordId } from '../http.ts'
import type { Case, StoredFile } from './case.ts'
import { settingsFor, standingOf } from './cases.ts'
import { addNote } from './history.ts'
import type { Material } from './kind.ts'
import { type Added, addFile, filesIn, lasting, materialsOf, materialToChange, mayVerify, removeFile } from './materials.ts'
import { findCase, lockCase } from './queries.ts'
import { caseWriters } from './roles.ts'
import { stateOf } from './steps.ts'

/** Files, last days and originals of the materials of a case. Every change is made under the lock of the case. */
export const materialRoutes = express.Router()

/** Refuses whoever may not change the material, before a byte of what they send is read. */
async function mayChange(req: Request, res: Response, next: NextFunction): Promise<void> {
  const kase = await findCase(db, currentUser(res), recordId(req))
  await materialToChange(db, kase, currentUser(res), await settingsFor(db, kase), codeIn(req))
  next()
}

materialRoutes.post('/:id/materials/:code', allow(...caseWriters), mayChange, receiveFiles('files'), async (req, res) => {
  const received = receivedIn(req)
  const fates: Fate[] = received.length
    ? await keepFiles(req, res, received)
    : [{ ok: false, name: '', sentence: '还没有选择文件。请先选择，再上传。', isTooLarge: false }]
  const refused = fates.filter(fate => !fate.ok)
  if (refused.length) res.status(refused.length === fates.length && refused.every(fate => fate.isTooLarge) ? 413 : 422)
  if (wantsJson(req)) return void res.json({ files: fates.map(toldOf) })
  const names = fates.flatMap(fate => (fate.ok ? [`“${fate.name}”`] : []))
  const back = `/desk/cases/${recordId(req)}#m-${codeIn(req)}`
  if (refused.length)
    return res.render('cases/materials-refused', { back, kept: names, sentences: refused.map(fate => fate.sentence) })
  flash(req, { tone: 'ok', text: `已上传 ${names.length} 个文件：${names.join('')}。` })
  res.redirect(303, back)
})

/** What became of one file of an upload. */
type Fate = RefusedFile | { ok: true; id: number; name: string; size: number; pages: number | null; sentence: string }

const toldOf = (fate: Fate) => (fate.ok ? fate : { ok: false, name: fate.name, sentence: fate.sentence })

/** Writes the rows of what was received, all in one transaction; bytes that get no row are forgotten. */
async function keepFiles(req: Request, res: Response, received: readonly Received[]): Promise<Fate[]> {
  const user = currentUser(res)
  try {
    const { fates, unused } = await inTransaction(async trx => {
      const { kase, material } = await lockMaterial(trx, req, res)
      const good = received.filter(file => file.ok)
      const unused = good.length ? await takeOutReplaced(trx, req, res, kase, material) : []
      const fates: Fate[] = received.filter(file => !file.ok)
      for (const file of good) {
        const added = await addFile(trx, kase, user, material.code, file)
        if (added.ok && !added.known) await log(trx, req, res, 'file.add', kase, added.file)
        else unused.push(file.key)
        fates.push(fateOf(file.name, added))
      }
      return { fates, unused }
    })
    await dropFiles(unused)
    return fates
  } catch (error) {
    await dropFiles(received.flatMap(file => (file.ok ? [file.key] : [])))
    throw error
  }
}

function fateOf(name: string, added: Added): Fate {
  if (!added.ok) return { ...added, name, isTooLarge: false }
  const { id, size, pages } = added.file
  return { ok: true, id, name, size, pages, sentence: added.known ? '这份文件已经在材料里，没有重复保存。' : '已上传。' }
}

/** 替换: the file named in the form goes when another has come for it. @returns keys to forget after the commit */
async function takeOutReplaced(
  trx: Knex.Transaction,
  req: Request,
  res: Response,
  kase: Case,
  material: Material,
): Promise<string[]> {
  const { replaces } = replaceForm.parse(req.body ?? {})
  const file = replaces && (await fileOfDraft(trx, kase, replaces))
  return file && file.material === material.code ? await takeOut(trx, req, res, kase, file) : []
}

const replaceForm = z.object({ replaces: z.coerce.number().int().positive().max(1e14).optional().catch(undefined) })

materialRoutes.post('/:id/files/:file/remove', allow(...caseWriters), async (req, res) => {
  const user = currentUser(res)
  const { name, code, unused } = await inTransaction(async trx => {
    const kase = await lockCase(trx, user, recordId(req))
    const file = await fileOfDraft(trx, kase, recordId(req, 'file'))
    if (!file) throw new NotFound('没有这个文件，可能刚被删除或替换，请刷新页面。')
    await materialToChange(trx, kase, user, await settingsFor(trx, kase), file.material)
    return { name: file.name, code: file.material, unused: await takeOut(trx, req, res, kase, file) }
  })
  await dropFiles(unused)
  if (wantsJson(req)) return void res.json({ ok: true })
  flash(req, { tone: 'ok', text: `已删除“${name}”。` })
  res.redirect(303, `/desk/cases/${recordId(req)}#m-${code}`)
})

async function takeOut(trx: Knex.Transaction, req: Request, res: Response, kase: Case, file: StoredFile): Promise<string[]> {
  const key = await removeFile(trx, kase, file)
  await log(trx, req, res, 'file.remove', kase, file)
  return key ? [key] : []
}

async function fileOfDraft(trx: Knex.Transaction, kase: Case, id: number): Promise<StoredFile | undefined> {
  return (await filesIn(trx, kase.id, kase.edition + 1)).find(file => file.id === id)
}

async function log(
  trx: Knex.Transaction,
  req: Request,
  res: Response,
  action: Action,
  kase: Case,
  file: StoredFile,
): Promise<void> {
  const detail = { case: kase.id, serial: kase.serial, material: file.material, size: file.size, sha256: file.sha256 }
  await record(trx, actorOf(req, res), { action, object: { type: 'file', id: file.id, label: file.name }, detail })
}

const expiryForm = z.object({
  expires_on: optionalDate({ label: '有效期至' }),
  lasting: checkbox({ label: '长期' }),
})

materialRoutes.post('/:id/materials/:code/expires', allow(...caseWriters), async (req, res) => {
  const read = readForm(expiryForm, req.body)
  const back = `/desk/cases/${recordId(req)}#m-${codeIn(req)}`
  const material = await inTransaction(async trx => {
    const { kase, material } = await lockMaterial(trx, req, res)
    if (!material.expires) throw new NotFound('这种材料不用填写有效期。')
    if (!read.ok) return material
    const expires_on = read.data.lasting ? lasting : read.data.expires_on
    await trx('case_materials')
      .insert({ case_id: kase.id, material: material.code, expires_on })
      .onConflict(['case_id', 'material'])
      .merge(['expires_on'])
    return material
  })
  if (!read.ok) {
    const sentences = Object.values(read.mistakes).map(sentence => `${material.label}：${sentence}`)
    res.status(422)
    return wantsJson(req)
      ? void res.json({ ok: false, sentence: sentences.join('') })
      : res.render('cases/materials-refused', { back, kept: [], sentences })
  }
  if (wantsJson(req)) return void res.json({ ok: true, sentence: '有效期已保存。' })
  flash(req, { tone: 'ok', text: `“${material.label}”的有效期已保存。` })
  res.redirect(303, back)
})

const originalsForm = z.object({
  seen: z.union([z.string().transform(code => [code]), z.array(z.string()).max(200)]).catch([]),
})

materialRoutes.post('/:id/originals', allow(...officials), async (req, res) => {
  const user = currentUser(res)
  const ticked = new Set(originalsForm.parse(req.body ?? {}).seen)
  const { version, words } = await inTransaction(async trx => {
    const kase = await lockCase(trx, user, recordId(req))
    const standing = await standingOf(trx, kase)
    if (!mayVerify(standing, user)) {
      const where = stateOf(standing).label
      throw new Conflict(`原件由正在办理这一件的人员核验，现在是“${where}”，不由您办理，没有改动。`)
    }
    const materials = (await materialsOf(trx, kase, standing.settings, kase.edition)).filter(({ material }) => material.original)
    const changed = materials.filter(({ material, originalSeen }) => ticked.has(material.code) !== Boolean(originalSeen))
    for (const { material } of changed) {
      const seen = ticked.has(material.code)
        ? { original_seen_by: user.id, original_seen_at: now() }
        : { original_seen_by: null, original_seen_at: null }
      await trx('case_materials')
        .insert({ case_id: kase.id, material: material.code, ...seen })
        .onConflict(['case_id', 'material'])
        .merge(['original_seen_by', 'original_seen_at'])
    }
    const labels = (isTicked: boolean) =>
      changed.filter(({ material }) => ticked.has(material.code) === isTicked).map(({ material }) => material.label)
    const words = [
      ...(labels(true).length ? [`已核验原件：${labels(true).join('、')}。`] : []),
      ...(labels(false).length ? [`取消核验：${labels(false).join('、')}。`] : []),
    ].join('')
    const after = words ? await addNote(trx, kase, user, { step: 'verify', payload: { opinion: words }, open: true }) : kase
    return { version: after.version, words }
  })
  const sentence = words || '没有改动。'
  if (wantsJson(req)) return void res.json({ ok: true, version, sentence })
  flash(req, { tone: 'ok', text: words ? `${words}已记入办理记录。` : sentence })
  res.redirect(303, `/desk/cases/${recordId(req)}#materials`)
})

/** The case of the address, locked, and its material, if this person may change it now. */
async function lockMaterial(trx: Knex.Transaction, req: Request, res: Response): Promise<{ kase: Case; material: Material }> {
  const user = currentUser(res)
  const kase = await lockCase(trx, user, recordId(req))
  return { kase, material: await materialToChange(trx, kase, user, await settingsFor(trx, kase), codeIn(req)) }
}

const codeIn = (req: Request) => String(req.params.code)

function wantsJson(req: Request): boolean {
  return req.accepts(['html', 'json']) === 'json'
}
