import { createHash } from 'node:crypto'
import type { Knex } from 'knex'
import { addDays } from '../calendar.ts'
import { now, today } from '../clock.ts'
import { isSame, isSigned, randomCode, sign } from '../crypto.ts'
import { isDuplicate } from '../db.ts'
import { type CertificateState, certificateStates } from '../modules/archives/words.ts'

/**
 * 文书: whatever the portal issues under a verification code. A row holds the facts of the paper as of the day it was issued, as
 * canonical text with a digest, and an HMAC over all of it; a paper that was altered in the database is neither printed nor
 * confirmed (GB/T 22239-2019 8.1.4.7 b).
 */

export interface Document {
  id: number
  code: string
  paper: string
  case_id: number | null
  organisation_id: number
  object_type: string | null
  object_id: number | null
  number: string | null
  title: string
  facts: string
  digest: string
  mac: string
  issued_on: string
  created_at: Date
}

export interface Issue {
  /** What sort of paper it is: `acceptance`, `certificate-main`. */
  paper: string
  case_id?: number
  /** To whom it is issued. */
  organisation_id: number
  /** What it is about, when that has a life of its own. */
  object?: { type: string; id: number }
  number?: string
  title: string
  facts: object
  issued_on: string
}

/** Codes are drawn anew when the one drawn exists; that this happens once is already unbelievable. */
const mostDraws = 5

/**
 * Issues a paper: stores its facts under a fresh verification code.
 * @returns id and code, the latter as it is stored; `shownCode` divides it for people
 */
export async function issueDocument(trx: Knex.Transaction, issue: Issue): Promise<{ id: number; code: string }> {
  const facts = canonical(issue.facts)
  const row = {
    paper: issue.paper,
    case_id: issue.case_id ?? null,
    organisation_id: issue.organisation_id,
    object_type: issue.object?.type ?? null,
    object_id: issue.object?.id ?? null,
    number: issue.number ?? null,
    title: issue.title.slice(0, 200),
    facts,
    digest: digestOf(facts),
    issued_on: issue.issued_on,
    created_at: now(),
  }
  for (let draw = 1; ; draw++) {
    const code = drawCode()
    try {
      const [id = 0] = await trx('documents').insert({ ...row, code, mac: sign('document', sealed({ ...row, code })) })
      return { id, code }
    } catch (error) {
      if (!isDuplicate(error, 'documents_code_unique') || draw === mostDraws) throw error
    }
  }
}

/** Capital letters and digits without 0, O, 1 and I, which eyes confuse: five bits each, sixty in twelve. */
const signs = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ'
const signsOfCode = 12

function drawCode(): string {
  return [...Buffer.from(randomCode(signsOfCode), 'base64url')].map(byte => signs[byte & 31]).join('')
}

/** Q7MD4KTX92HP as it is printed: Q7MD-4KTX-92HP. */
export function shownCode(code: string): string {
  return code.replace(/(.{4})(?=.)/g, '$1-')
}

/** The stored form of a code as somebody typed or scanned it: full-width signs, small letters, blanks and any dash are understood. */
export function normaliseVerificationCode(text: string): string {
  return text
    .normalize('NFKC')
    .replace(/[\s\p{Pd}_·•−]/gu, '')
    .toUpperCase()
}

/** Whether a normalised text can be a code at all; only such a text is asked for. */
export function isVerificationCode(code: string): boolean {
  return code.length === signsOfCode && [...code].every(one => signs.includes(one))
}

/** The paper of a normalised code. */
export async function findDocument(db: Knex, code: string): Promise<Document | undefined> {
  return isVerificationCode(code) ? await db<Document>('documents').where({ code }).first() : undefined
}

/** The papers of a case, oldest first. */
export async function documentsOf(db: Knex, case_id: number): Promise<Document[]> {
  return await db<Document>('documents').where({ case_id }).orderBy('id')
}

/** The newest print of a certificate: its 正本 or 副本. */
export async function documentOf(db: Knex, object: { type: string; id: number }, paper: string): Promise<Document | undefined> {
  return await db<Document>('documents')
    .where({ object_type: object.type, object_id: object.id, paper })
    .orderBy('id', 'desc')
    .first()
}

/** Whether a row is what was issued, to the last letter. */
export function isIntact(document: Document): boolean {
  return isSame(digestOf(document.facts), document.digest) && isSigned('document', sealed(document), document.mac)
}

/** Canonical JSON: keys in order at every depth, nothing undefined, so that the same facts are the same text on any server. */
export function canonical(value: object): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  )
}

/** SHA-256 as 64 hexadecimal digits. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function sealed(row: Omit<Document, 'id' | 'mac' | 'created_at'>): string {
  return JSON.stringify([
    row.code,
    row.paper,
    row.case_id,
    row.organisation_id,
    row.object_type,
    row.object_id,
    row.number,
    row.title,
    row.digest,
    row.issued_on,
  ])
}

/** What a paper is worth today. */
export interface Standing {
  code: CertificateState | 'superseded' | 'doubtful'
  label: string
  /** Whether it may be relied on. */
  good: boolean
  /** The last day it holds, and the day it ended or ends. */
  until: string | null
  ended_on: string | null
  /** Why it was ended, in words for the public. */
  reason: string | null
  /** The number of the certificate that took its place. */
  newer: string | null
}

/** 即将到期 from this many days before the last one (domain.md §4.6: reminders 90, 60, 30 days ahead). */
export const soon = 90

interface CertificateRow {
  id: number
  number: string
  state: string
  approved_on: string
  issued_on: string
  valid_until: string | null
  ended_on: string | null
  end_reason: string | null
  renewing: number
}

/** How long a filing holds that a paper proves. */
export interface Filed {
  valid_until: string | null
  ended_on: string | null
  /** The number of the one that took its place. */
  newer?: string | null
}

const registers = new Map<string, (db: Knex, id: number) => Promise<Filed | undefined>>()

/**
 * Tells how to look up what a 备案证明 proves: the object type its papers are issued about. Papers about other things hold until a
 * newer one of their sort.
 */
export function registerFiled(type: string, read: (db: Knex, id: number) => Promise<Filed | undefined>): void {
  registers.set(type, read)
}

/**
 * What a paper is worth today: a certificate as its row and the day say (domain.md §4.6), a proof of a filing as its register says, a
 * paper of a case as long as no newer one of its sort took its place. `doubtful` when the register and the paper contradict each other;
 * then nothing is confirmed.
 */
export async function statusOf(db: Knex, document: Document): Promise<Standing> {
  const newer = await newerPrint(db, document)
  if (document.object_type !== 'certificate') {
    if (newer) return { ...standing('superseded'), ended_on: newer.issued_on }
    const read = registers.get(document.object_type ?? '')
    return read ? filedStanding(await read(db, document.object_id ?? 0)) : standing('valid')
  }
  const row: CertificateRow | undefined = await db('certificates')
    .where({ id: document.object_id ?? 0 })
    .first('id', 'number', 'state', 'approved_on', 'issued_on', 'valid_until', 'ended_on', 'end_reason', 'renewing')
  if (!row) return standing('doubtful')
  // A certificate that was issued anew keeps its row, so only the newest print must agree with it.
  if (!newer && !agrees(row, document)) return standing('doubtful')
  const now = await certificateStanding(db, row)
  return newer && now.good ? { ...now, ...standing(replacedBy(newer)), ended_on: newer.issued_on, until: now.until } : now
}

/** A print made anew after a loss says so: the one before was declared void, and did not become another certificate. */
function replacedBy({ facts }: Pick<Document, 'facts'>): 'replaced' | 'lost' {
  return (JSON.parse(facts) as { reissued?: unknown }).reissued ? 'lost' : 'replaced' // written by issueCertificate
}

function filedStanding(filed: Filed | undefined, day = today()): Standing {
  if (!filed) return standing('doubtful')
  const { valid_until: until, ended_on, newer = null } = filed
  if (ended_on && ended_on <= day) return { ...standing(newer ? 'superseded' : 'cancelled'), until, ended_on, newer }
  const code = stateOn({ state: 'valid', valid_until: until }, day)
  return { ...standing(code), until, ended_on: code === 'expired' ? until : null }
}

/** The state of a certificate on a day. */
export async function certificateStanding(db: Knex, row: CertificateRow, day = today()): Promise<Standing> {
  const code = stateOn(row, day)
  const successor: { number: string } | undefined =
    code === 'replaced'
      ? await db('certificates').where({ previous_id: row.id }).orderBy('id', 'desc').first('number')
      : undefined
  return {
    ...standing(code),
    until: row.valid_until,
    ended_on: row.ended_on ?? (code === 'expired' ? row.valid_until : null),
    reason: row.end_reason,
    newer: successor?.number ?? null,
  }
}

/** The state that is stored, and for a valid certificate what its last day makes of it. */
export function stateOn(
  { state, valid_until, renewing }: { state: string; valid_until: string | null; renewing?: number },
  day: string,
): CertificateState | 'doubtful' {
  if (state !== 'valid') return Object.hasOwn(certificateStates, state) ? (state as CertificateState) : 'doubtful' // just looked up
  if (valid_until === null) return 'valid'
  // A renewal asked for in time keeps it in force until that is decided (行政许可法 第五十条).
  if (valid_until < day) return renewing ? 'expiring' : 'expired'
  return valid_until <= addDays(day, soon) ? 'expiring' : 'valid'
}

function standing(code: Standing['code']): Standing {
  const label = code === 'superseded' ? '已由新文书代替' : code === 'doubtful' ? '不能确认' : certificateStates[code]
  return { code, label, good: code === 'valid' || code === 'expiring', until: null, ended_on: null, reason: null, newer: null }
}

/** The paper of the same sort about the same thing that took its place. Each request for correction stands for itself. */
async function newerPrint(
  db: Knex,
  { id, paper, case_id, object_type, object_id }: Document,
): Promise<Pick<Document, 'id' | 'issued_on' | 'facts'> | undefined> {
  if (paper === 'correction') return undefined
  const same = object_type ? { object_type, object_id } : { case_id }
  if (!object_type && !case_id) return undefined
  return await db<Document>('documents')
    .where({ ...same, paper })
    .where('id', '>', id)
    .orderBy('id')
    .first('id', 'issued_on', 'facts')
}

function agrees(row: CertificateRow, { facts }: Document): boolean {
  const printed = JSON.parse(facts) as Partial<CertificateRow> // written by issueCertificate, and its signature was checked
  return (['number', 'approved_on', 'issued_on', 'valid_until'] as const).every(name => (printed[name] ?? null) === row[name])
}
