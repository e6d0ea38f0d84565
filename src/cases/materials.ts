import type { Knex } from 'knex'
import type { User } from '../accounts/users.ts'
import { addDays } from '../calendar.ts'
import { now, today } from '../clock.ts'
import { NotFound, NotNow } from '../errors.ts'
import { type ReceivedFile, uploadRules } from '../files/receive.ts'
import { fileKinds, kindOfType } from '../files/sniff.ts'
import type { Case, StoredFile } from './case.ts'
import { assertWritable } from './drafts.ts'
import type { KindSettings, Material } from './kind.ts'
import { steps, writableStates } from './lifecycle.ts'
import { correctionsOf } from './queries.ts'
import { placeOf, type Standing, stepsFor } from './steps.ts'

/** A paper that never runs out: 长期. */
export const lasting = '9999-12-31'
/** Before a paper runs out, the officer is told this many days ahead. */
const soon = 30
export const mostPerMaterial = 60
export const mostPerCase = 300

/** A file as pages show it. */
export interface MaterialFile extends Pick<StoredFile, 'id' | 'name' | 'extension' | 'type' | 'pages' | 'sha256' | 'created_at'> {
  /** 28 页，3.1 MB */
  facts: string
  href: string
  download: string
  /** How a page shows it in place; other kinds are only downloaded. */
  preview: 'pdf' | 'image' | undefined
  icon: string
  /** Handed in with this edition, which is not the first: 补正新交. */
  isNew: boolean
}

/** Another applicant's case, as an officer may know it. */
export interface OtherCase {
  case_id: number
  serial: string
  subject_name: string
}

/** One material of a case, with everything known of it. */
export interface MaterialState {
  material: Material
  files: MaterialFile[]
  /** Taken out since the edition before; they stay with that one. */
  earlier: MaterialFile[]
  expires_on: string | null
  expiry: { text: string; tone: 'ok' | 'warn' | 'bad' } | null
  /** Who compared the originals, unless files have come since. */
  originalSeen: { by: string; at: Date } | null
  /** Files that another applicant handed in too. Only for officials: never print it for applicants. */
  duplicates: { file: string; others: OtherCase[] }[]
  /** Required, and no file there. */
  missing: boolean
  /** The applicant may change it now. */
  isOpen: boolean
  /** Where files are sent, and what is accepted. */
  upload: typeof uploadRules & { action: string }
}

/** The edition the applicant is writing, or the one submitted last. */
export function presentEdition(kase: Pick<Case, 'state' | 'edition'>): number {
  return writableStates.includes(kase.state) ? kase.edition + 1 : kase.edition
}

/**
 * The materials of a case in the order of the settings.
 * @param edition a submitted one, or the one being written; officials see submitted ones only
 */
export async function materialsOf(
  db: Knex,
  kase: Case,
  settings: Pick<KindSettings, 'materials'>,
  edition = presentEdition(kase),
): Promise<MaterialState[]> {
  const [files, marks, open] = await Promise.all([
    db<StoredFile>('files').where({ case_id: kase.id }).where('from_edition', '<=', edition).orderBy('id'),
    marksOf(db, kase),
    openMaterials(db, kase),
  ])
  const present = files.filter(file => isIn(file, edition))
  const others = await sameFiles(db, kase, present)
  return settings.materials.map(material => {
    const own = present.filter(file => file.material === material.code)
    const mark = marks.get(material.code)
    const isSeen = mark?.original_seen_at && own.every(file => file.created_at <= (mark.original_seen_at ?? 0))
    return {
      material,
      files: own.map(file => shown(file, edition)),
      earlier: files
        .filter(file => file.material === material.code && file.until_edition === edition - 1)
        .map(file => shown(file, edition)),
      expires_on: mark?.expires_on ?? null,
      expiry: mark?.expires_on ? expiryOf(mark.expires_on) : null,
      originalSeen: isSeen && mark.original_seen_at ? { by: mark.officer ?? '', at: mark.original_seen_at } : null,
      duplicates: own.flatMap(file => {
        const found = others.get(file.sha256)
        return found ? [{ file: file.name, others: found }] : []
      }),
      missing: material.required && !own.length,
      isOpen: open === 'all' || open.has(material.code),
      upload: { ...uploadRules, action: `/desk/cases/${kase.id}/materials/${material.code}` },
    }
  })
}

/** The required materials without a file in the edition being written: they keep a case from being submitted. */
export async function missingMaterials(
  db: Knex,
  kase: Case,
  settings: Pick<KindSettings, 'materials'>,
  edition = presentEdition(kase),
): Promise<Material[]> {
  const files = await filesIn(db, kase.id, edition)
  const there = new Set(files.map(file => file.material))
  return settings.materials.filter(material => material.required && !there.has(material.code))
}

/** The files of an edition. */
export async function filesIn(db: Knex, case_id: number, edition: number): Promise<StoredFile[]> {
  const files = await db<StoredFile>('files').where({ case_id }).where('from_edition', '<=', edition).orderBy('id')
  return files.filter(file => isIn(file, edition))
}

/** Whether a file belongs to an edition. */
export function isIn({ from_edition, until_edition }: StoredFile, edition: number): boolean {
  return from_edition <= edition && (until_edition === null || until_edition >= edition)
}

/**
 * The material this person may change now: the applicant, while they hold the case, in a correction only what it asks for.
 * @throws NotFound, Forbidden, Conflict
 */
export async function materialToChange(
  db: Knex,
  kase: Case,
  user: User,
  settings: Pick<KindSettings, 'materials'>,
  code: string,
): Promise<Material> {
  const material = settings.materials.find(material => material.code === code)
  if (!material) throw new NotFound('这个事项没有这种材料，请从办件页上传。')
  assertWritable(kase, user)
  const open = await openMaterials(db, kase)
  if (open !== 'all' && !open.has(code))
    throw new NotNow(`“${material.label}”不在这次补正的事项里，已锁定，没有改动。只有要求补正的材料可以更换。`)
  return material
}

async function openMaterials(db: Knex, kase: Case): Promise<Set<string> | 'all'> {
  if (!writableStates.includes(kase.state)) return new Set()
  if (kase.state !== 'supplement') return 'all'
  const items = await correctionsOf(db, kase)
  return new Set(items.filter(item => item.target_type === 'material').map(item => item.target))
}

export type Added = { ok: true; file: StoredFile; known: boolean } | { ok: false; sentence: string }

/**
 * Gives a received file its row. The caller holds the lock of the case and has checked who may. The same bytes in the same material
 * are one file, so a retry has the effect of once: `known` says that it was there, and the new bytes want to be dropped.
 * @param material code of the material, or `outcome`, `answer` for papers of steps
 * @param edition the first it belongs to: the one being written, or for a paper of a step the present one
 */
export async function addFile(
  trx: Knex.Transaction,
  kase: Case,
  user: Pick<User, 'id'>,
  material: string,
  { name, extension, type, size, sha256, pages, key }: ReceivedFile,
  edition = kase.edition + 1,
): Promise<Added> {
  const present = await filesIn(trx, kase.id, edition)
  const own = present.filter(file => file.material === material)
  const same = own.find(file => file.sha256 === sha256)
  if (same) return { ok: true, file: same, known: true }
  if (own.length >= mostPerMaterial)
    return {
      ok: false,
      sentence: `“${name}”没有保存：这份材料已有 ${mostPerMaterial} 个文件。请把多页合成一个 PDF，替换先传的。`,
    }
  if (present.length >= mostPerCase)
    return { ok: false, sentence: `“${name}”没有保存：这一件已有 ${mostPerCase} 个文件。请合并后替换先传的。` }
  const row = {
    case_id: kase.id,
    material,
    name,
    extension,
    type,
    size,
    sha256,
    pages,
    storage_key: key,
    from_edition: edition,
    until_edition: null,
    uploaded_by: user.id,
    created_at: now(),
  }
  const [id = 0] = await trx('files').insert(row)
  return { ok: true, file: { id, ...row }, known: false }
}

/**
 * Takes a file out of what is being written. One that was submitted before stays with the editions it belongs to; one that never
 * was is gone.
 * @returns the storage key to forget after the commit, if nothing belongs to the bytes any more
 */
export async function removeFile(trx: Knex.Transaction, kase: Case, file: StoredFile): Promise<string | undefined> {
  if (file.from_edition > kase.edition) {
    await trx('files').where({ id: file.id }).delete()
    return file.storage_key
  }
  await trx('files').where({ id: file.id }).update({ until_edition: kase.edition })
  return undefined
}

/**
 * The numbers of certificates in this case that another applicant stated as well.
 * @returns the fields, each with the other cases
 */
export async function sameNumbers(db: Knex, kase: Case): Promise<{ field: string; others: OtherCase[] }[]> {
  const rows: (OtherCase & { field: string })[] = await db('case_marks as own')
    .join('case_marks as other', 'other.mark', 'own.mark')
    .join('cases', 'cases.id', 'other.case_id')
    .where({ 'own.case_id': kase.id })
    .whereNot({ 'other.applicant_id': kase.applicant_id })
    .whereNotNull('cases.serial')
    .orderBy(['own.field', 'cases.id'])
    .limit(mostOthers)
    .distinct('own.field', 'cases.id as case_id', 'cases.serial', 'cases.subject_name')
  const fields = [...new Set(rows.map(row => row.field))]
  return fields.map(field => ({ field, others: rows.filter(row => row.field === field).map(otherCase) }))
}

/** Whether this officer ticks 原件核验 now: the case is at their desk, and nothing bars them from deciding it. */
export function mayVerify(standing: Standing, user: User): boolean {
  const { state } = standing.kase
  const isAtDesk = state === 'submitted' || (state === 'reviewing' && placeOf(standing)?.sort === 'desk')
  return isAtDesk && stepsFor(standing, user).some(step => steps[step.code].by === 'desk' && !step.barred)
}

// A blank form that everybody hands in would otherwise be found thousands of times.
const mostOthers = 500

/** Which of these files other applicants handed in too, by digest. */
async function sameFiles(db: Knex, kase: Case, files: readonly StoredFile[]): Promise<Map<string, OtherCase[]>> {
  const found = new Map<string, OtherCase[]>()
  if (!files.length) return found
  const rows: (OtherCase & { sha256: string })[] = await db('files')
    .join('cases', 'cases.id', 'files.case_id')
    .whereIn('files.sha256', [...new Set(files.map(file => file.sha256))])
    .whereNot({ 'cases.applicant_id': kase.applicant_id })
    // A draft has not been handed in.
    .whereNotNull('cases.serial')
    .whereRaw('files.from_edition <= cases.edition')
    .orderBy(['files.sha256', 'files.case_id'])
    .limit(mostOthers)
    .distinct('files.sha256', 'files.case_id', 'cases.serial', 'cases.subject_name')
  for (const row of rows) found.set(row.sha256, [...(found.get(row.sha256) ?? []), otherCase(row)])
  return found
}

const otherCase = ({ case_id, serial, subject_name }: OtherCase): OtherCase => ({ case_id, serial, subject_name })

interface Mark {
  material: string
  expires_on: string | null
  original_seen_at: Date | null
  officer: string | null
}

async function marksOf(db: Knex, kase: Case): Promise<Map<string, Mark>> {
  const rows: Mark[] = await db('case_materials')
    .leftJoin('users', 'users.id', 'case_materials.original_seen_by')
    .where({ case_id: kase.id })
    .select('material', 'expires_on', 'original_seen_at', 'users.name as officer')
  return new Map(rows.map(row => [row.material, row]))
}

function expiryOf(day: string): { text: string; tone: 'ok' | 'warn' | 'bad' } {
  if (day === lasting) return { text: '有效期：长期', tone: 'ok' }
  if (day < today()) return { text: `${day} 已过期`, tone: 'bad' }
  return { text: `有效期至 ${day}`, tone: day <= addDays(today(), soon) ? 'warn' : 'ok' }
}

function shown(file: StoredFile, edition: number): MaterialFile {
  const { id, name, extension, type, pages, sha256, created_at, size, from_edition } = file
  const kind = kindOfType(type)
  const preview = kind && fileKinds[kind].preview
  return {
    id,
    name,
    extension,
    type,
    pages,
    sha256,
    created_at,
    facts: `${pages ? `${pages} 页，` : ''}${sizeInWords(size)}`,
    href: `/files/${id}`,
    download: `/files/${id}?download=1`,
    preview,
    icon: preview === 'image' ? 'photo' : kind === 'pdf' ? 'file-type-pdf' : kind === 'xlsx' ? 'table' : 'file-text',
    isNew: from_edition === edition && edition > 1,
  }
}

function sizeInWords(size: number): string {
  if (size < 1024) return `${size} 字节`
  return size < 1024 * 1024 ? `${Math.round(size / 1024)} KB` : `${(size / 1024 / 1024).toFixed(1)} MB`
}
