import type { Knex } from 'knex'
import { settingsNow } from '../../admin/settings.ts'
import type { Case } from '../../cases/case.ts'
import type { DoneContext } from '../../cases/kind.ts'
import { dayOf, now, today } from '../../clock.ts'
import { type CertificateFacts, type CertificatePaper, issueCertificate } from '../../documents/certificate.ts'
import { canonical } from '../../documents/documents.ts'
import { NotNow } from '../../errors.ts'
import type { Answers } from '../../forms/answers.ts'
import { changeRecord, indexRecord, readRecord, recordOn } from '../archives/archive.ts'
import { companies } from '../archives/company.ts'
import {
  type CertificateLevel,
  type CertificateState,
  certificateLevels,
  certificateStates,
  ownerships,
} from '../archives/words.ts'
import { lastDayAfter, runsOn } from './company.ts'

/**
 * The life of a certificate (资质管理办法；domain.md §4.6): awarded, changed, printed anew after a loss, ended. Each in the transaction of
 * the case that decides it, each leaves an edition or a reason behind, and every company has at most one that is 有效 (a unique key).
 */

/** 承接业务范围 (资质管理办法 第八条；domain.md §4.1). */
export const scopes: Record<Exclude<CertificateLevel, 'none'>, string> = {
  first: '可以承接各种物业管理项目。',
  second: '可以承接30万平方米以下的住宅项目和8万平方米以下的非住宅项目的物业管理业务。',
  third: '可以承接20万平方米以下住宅项目和5万平方米以下的非住宅项目的物业管理业务。',
  provisional: '可以承接20万平方米以下住宅项目和5万平方米以下的非住宅项目的物业管理业务（暂定）。',
}

/** 一级 and 二级 are granted and printed by the ministry and the province; the city keeps them in its register. */
export function isGrantedElsewhere(level: CertificateLevel): boolean {
  return level === 'first' || level === 'second'
}

export const editionReasons = {
  issued: '核发',
  changed: '变更换发',
  reissued: '遗失补办',
  imported: '导入登记',
} as const
export type EditionReason = keyof typeof editionReasons

export interface CertificateRow {
  id: number
  company_id: number
  previous_id: number | null
  case_id: number | null
  number: string
  level: CertificateLevel
  state: CertificateState
  issuer: string
  approved_on: string
  issued_on: string
  valid_until: string | null
  ended_on: string | null
  end_reason: string | null
  end_basis: string | null
  renewing: number
  edition: number
  version: number
}

export interface Edition {
  edition: number
  reason: EditionReason
  papers: 'both' | 'main' | 'copy' | 'none'
  facts: CertificateFacts
  issued_on: string
  case_id: number | null
}

/** The valid certificate of a company, locked until the transaction ends; nothing where it holds none. */
export async function lockCertificate(trx: Knex.Transaction, company_id: number): Promise<CertificateRow | undefined> {
  return await trx('certificates').where({ company_id, live: 1 }).forUpdate().first()
}

/**
 * What a company says of itself, as a certificate prints it.
 * @param day as it was at the end of that day, or of the first one the archive knows; today unless told
 */
export async function companyFacts(
  db: Knex,
  company_id: number,
  day?: string,
): Promise<Pick<CertificateFacts, 'company_name' | 'credit_code' | 'legal_person' | 'capital' | 'ownership' | 'address'>> {
  const record = await readRecord(db, companies, company_id)
  const opened = dayOf(record.created_at)
  const past = day && (await recordOn(db, companies, company_id, day < opened ? opened : day))
  const { answers } = past || record
  const { ownership = '' } = answers
  return {
    company_name: answers.name ?? '',
    credit_code: answers.code ?? '',
    legal_person: answers.legal_person ?? '',
    capital: answers.capital ?? '',
    ownership: Object.hasOwn(ownerships, ownership) ? ownerships[ownership as keyof typeof ownerships] : ownership, // just looked up
    address: answers.registered_address ?? '',
  }
}

/** The editions of a certificate, the newest first. One from before the portal has none until it is changed. */
export async function editionsOf(db: Knex, certificate_id: number): Promise<Edition[]> {
  const rows: (Omit<Edition, 'facts'> & { facts: string })[] = await db('certificate_editions')
    .where({ certificate_id })
    .orderBy('edition', 'desc')
    .select('edition', 'reason', 'papers', 'facts', 'issued_on', 'case_id')
  return rows.map(row => ({ ...row, facts: JSON.parse(row.facts) as CertificateFacts })) // written by addEdition alone
}

/**
 * What a certificate says now: its newest edition. One from before the portal is on paper only, so what the archive said
 * on the day of its issue stands in for it.
 */
export async function factsNow(db: Knex, row: CertificateRow): Promise<CertificateFacts> {
  const [newest] = await editionsOf(db, row.id)
  return newest?.facts ?? factsFor(row, await companyFacts(db, row.company_id, row.issued_on))
}

function factsFor(
  row: Pick<CertificateRow, 'number' | 'level' | 'approved_on' | 'valid_until' | 'issuer' | 'issued_on'>,
  company: Awaited<ReturnType<typeof companyFacts>>,
): CertificateFacts {
  const { number, level, approved_on, valid_until, issuer, issued_on } = row
  return {
    ...company,
    number,
    level: certificateLevels[level],
    scope: level === 'none' ? '' : scopes[level],
    approved_on,
    valid_until,
    issuer,
    issued_on,
  }
}

/**
 * Writes the next edition of a certificate, and its papers where the city prints them.
 * @param papers which of the two; none where another authority prints them
 */
async function addEdition(
  trx: Knex.Transaction,
  { id, company_id, number, edition }: Pick<CertificateRow, 'id' | 'company_id' | 'number' | 'edition'>,
  { reason, papers, facts, case_id }: Pick<Edition, 'reason' | 'papers' | 'facts' | 'case_id'>,
): Promise<void> {
  await trx('certificate_editions').insert({
    certificate_id: id,
    edition,
    reason,
    papers,
    facts: canonical(facts),
    issued_on: facts.reissued ?? facts.issued_on,
    case_id,
    created_at: now(),
  })
  const which: Record<Edition['papers'], readonly CertificatePaper[]> = {
    both: ['certificate-main', 'certificate-copy'],
    main: ['certificate-main'],
    copy: ['certificate-copy'],
    none: [],
  }
  if (papers !== 'none')
    await issueCertificate(trx, {
      certificate_id: id,
      organisation_id: company_id,
      number,
      facts,
      papers: which[papers],
      ...(case_id === null ? {} : { case_id }),
    })
}

/**
 * Enters a certificate that is or was held, without papers of ours: an import, or one granted elsewhere.
 * @returns its id
 * @throws NotNow when the company holds another valid one (unique key), or the number is taken
 */
export async function enterCertificate(
  trx: Knex.Transaction,
  row: Omit<CertificateRow, 'id' | 'edition' | 'version' | 'renewing'>,
  { reason, facts, user_id }: { reason: EditionReason; facts?: Partial<CertificateFacts>; user_id: number | null },
): Promise<number> {
  const at = now()
  const stamps = { created_at: at, updated_at: at, created_by: user_id, updated_by: user_id }
  const [id = 0] = await trx('certificates').insert({ ...row, ...stamps })
  const said = { ...factsFor(row, await companyFacts(trx, row.company_id)), ...facts }
  const { case_id } = row
  await addEdition(trx, { ...row, id, edition: 1 }, { reason, papers: 'none', facts: said, case_id })
  return id
}

/**
 * Issues the certificate of an approved application in the transaction of the approval: the one before becomes 已换发, the new one is
 * the company's only valid one, 正本 and 副本 carry a verification code each. What the archive holds by review is printed as it stands
 * today, so a change approved meanwhile is not undone. 一级 and 二级 take number, authority and day from the conclusion and the outcome
 * of the higher authority, which prints them itself.
 * @throws NotNow when the number keyed in was given to another certificate since; Error when the settings give the kind no number
 */
export async function award(
  trx: Knex.Transaction,
  kase: Pick<Case, 'id' | 'kind'> & { company_id: number },
  { answers, settings, decidedOn, number, outcome, conclusion }: DoneContext,
  level: Exclude<CertificateLevel, 'none'>,
): Promise<number> {
  const set = await settingsNow(trx)
  const elsewhere = isGrantedElsewhere(level)
  const keyed = (name: string) => (typeof conclusion[name] === 'string' ? conclusion[name] : '')
  if (!number) throw new Error(`${kase.kind} has no number`)
  if (elsewhere && (await certificateNumbered(trx, number)))
    throw new NotNow(`证书编号 ${number} 已登记在另一张证书上。请核对上级机关的批复，退回录入环节更正。`)
  const { company_id } = kase
  await fillIn(trx, kase, answers)
  const before = await foundation(
    trx,
    company_id,
    typeof answers.certificate_number === 'string' ? answers.certificate_number : '',
  )
  if (before?.state === 'valid')
    await trx('certificates')
      .where({ id: before.id })
      .update({ state: 'replaced', ended_on: decidedOn, renewing: 0, version: before.version + 1, updated_at: now() })
  const approved_on = outcome?.on ?? decidedOn
  const longest = lastDayAfter(approved_on, settings.thresholds.valid_years ?? 1)
  const until = keyed('valid_until')
  // What the city grants itself never runs longer than its rule.
  const valid_until = until && (elsewhere || until < longest) ? until : longest
  if (valid_until < today())
    throw new NotNow(
      `现在不能发证：按批复日期 ${approved_on} 计算，证书有效期至 ${valid_until}，已经届满。请核对批复日期后重新录入。`,
    )
  const row = {
    company_id,
    previous_id: before?.id ?? null,
    case_id: kase.id,
    number,
    level,
    state: 'valid' as const,
    issuer: (elsewhere && outcome?.authority) || set['city.bureau'],
    approved_on,
    issued_on: elsewhere ? approved_on : today(),
    valid_until,
    ended_on: null,
    end_reason: null,
    end_basis: null,
  }
  const at = now()
  const [id = 0] = await trx('certificates').insert({ ...row, created_at: at, updated_at: at })
  // A company is also found by the number of its certificate.
  await indexRecord(trx, companies, company_id, (await readRecord(trx, companies, company_id)).answers)
  const facts = factsFor(row, await companyFacts(trx, company_id))
  await addEdition(
    trx,
    { ...row, id, edition: 1 },
    { reason: 'issued', papers: elsewhere ? 'none' : 'both', facts, case_id: kase.id },
  )
  return id
}

/**
 * The certificate an application rests on, locked: the valid one it names. One that has run out meanwhile is followed by the new one
 * all the same; the desks have decided knowing that.
 * @param named its number, or nothing for a company that held none
 * @throws NotNow when it was revoked, cancelled or replaced since, or another has come up
 */
async function foundation(trx: Knex.Transaction, company_id: number, named: string): Promise<CertificateRow | undefined> {
  const live = await lockCertificate(trx, company_id)
  if (live && (live.number === named || (!named && !runsOn(live)))) return live
  const before: CertificateRow | undefined = named
    ? await trx<CertificateRow>('certificates').where({ company_id, number: named }).forUpdate().first()
    : undefined
  if (!live && (!named || before?.state === 'expired')) return before
  const why = live
    ? `企业现在持有另一张有效证书 ${live.number}`
    : `申请依据的证书 ${named} ${before ? `已是“${certificateStates[before.state]}”` : '不在册'}`
  throw new NotNow(`现在不能发证：${why}。请重新审核，不再符合条件的不予通过。`)
}

/** What the archive does not know yet and the approved application tells. What it knows by review stays. */
async function fillIn(trx: Knex.Transaction, kase: Pick<Case, 'id'> & { company_id: number }, answers: Answers): Promise<void> {
  const { answers: known } = await readRecord(trx, companies, kase.company_id)
  const told = Object.entries({ capital: '', established_on: '', ownership: 'other' }).flatMap(([name, unknown]) => {
    const value = answers[name]
    return typeof value === 'string' && value && (known[name] ?? '') === unknown && value !== unknown
      ? [[name, value] as const]
      : []
  })
  if (told.length)
    await changeRecord(trx, companies, kase.company_id, {
      answers: Object.fromEntries(told),
      by: { user_id: null, case_id: kase.id },
    })
}

/** The number of a certificate as it is kept: one hand writes full width, small letters or blanks where another does not. */
export function plainNumber(typed: string): string {
  return typed.normalize('NFKC').replace(/\s/g, '').toUpperCase()
}

/** Whether a number stands on a certificate already. */
export async function certificateNumbered(db: Knex, number: string): Promise<boolean> {
  return (await db('certificates').where({ number }).first('id')) !== undefined
}

/** What may differ between two editions, as 变更记录 calls it. */
export const changeable = {
  company_name: '企业名称',
  credit_code: '统一社会信用代码',
  legal_person: '法定代表人',
  capital: '注册资本（万元）',
  ownership: '企业类型',
  address: '住所',
} as const satisfies Partial<Record<keyof CertificateFacts, string>>

/** Where what a certificate says differs from what is so today, in the words of 变更记录. */
export function changesBetween(
  said: CertificateFacts,
  today: Pick<CertificateFacts, keyof typeof changeable>,
): { item: string; before: string; after: string }[] {
  return Object.entries(changeable).flatMap(([name, item]) => {
    const [before, after] = [said[name as keyof typeof changeable], today[name as keyof typeof changeable]] // keys of changeable
    return before === after ? [] : [{ item, before, after }]
  })
}

/**
 * 变更: the same number, the next edition with the company as the archive knows it today; 正副本 issued before become 已换发. Write the
 * archive first.
 * @param saidBefore what the certificate said before the archive was written; read now unless told
 * @throws NotNow when nothing differs, or there is no valid certificate any more
 */
export async function changeCertificate(
  trx: Knex.Transaction,
  kase: Pick<Case, 'id'> & { company_id: number },
  on: string,
  saidBefore?: CertificateFacts,
): Promise<void> {
  const row = await lockCertificate(trx, kase.company_id)
  if (!row) throw new NotNow('这家企业已没有有效的资质证书，不能换发。请不通过并说明理由。')
  const said = saidBefore ?? (await factsNow(trx, row))
  const company = await companyFacts(trx, kase.company_id)
  const changes = changesBetween(said, company).map(change => ({ on, ...change }))
  if (!changes.length) throw new NotNow('证书记载的内容与企业档案一致，没有要变更的。请不通过并说明理由。')
  const { reissued: _, ...before } = said
  const elsewhere = isGrantedElsewhere(row.level)
  const issued_on = elsewhere ? row.issued_on : today()
  const next = { ...row, edition: row.edition + 1, issued_on }
  await trx('certificates')
    .where({ id: row.id })
    .update({ edition: next.edition, issued_on, version: row.version + 1, updated_at: now() })
  const facts = { ...before, ...company, issued_on, changes: [...(said.changes ?? []), ...changes] }
  await addEdition(trx, next, { reason: 'changed', papers: elsewhere ? 'none' : 'both', facts, case_id: kase.id })
}

/**
 * 遗失补办: the same certificate printed again and marked 补; what was lost is void.
 * @throws NotNow when there is no valid certificate any more
 */
export async function reissueCertificate(
  trx: Knex.Transaction,
  kase: Pick<Case, 'id'> & { company_id: number },
  papers: 'both' | 'main' | 'copy',
): Promise<void> {
  const row = await lockCertificate(trx, kase.company_id)
  if (!row) throw new NotNow('这家企业已没有有效的资质证书，不能补办。请不通过并说明理由。')
  if (isGrantedElsewhere(row.level))
    throw new NotNow(`${certificateLevels[row.level]}证书由${row.issuer}制发，请向发证机关补办。`)
  const next = { ...row, edition: row.edition + 1 }
  await trx('certificates')
    .where({ id: row.id })
    .update({ edition: next.edition, version: row.version + 1, updated_at: now() })
  const facts = { ...(await factsNow(trx, row)), reissued: today() }
  await addEdition(trx, next, { reason: 'reissued', papers, facts, case_id: kase.id })
}

/**
 * Ends a valid certificate: 注销 or 撤销 by a decision, 过期 by the clock.
 * @param reason in words for the public, nothing personal
 * @param basis the clause
 * @throws NotNow when it is not valid any more
 */
export async function endCertificate(
  trx: Knex.Transaction,
  id: number,
  { state, on, reason, basis }: { state: 'cancelled' | 'revoked' | 'expired'; on: string; reason: string; basis: string },
): Promise<CertificateRow> {
  const row = await trx<CertificateRow>('certificates').where({ id }).forUpdate().first()
  if (row?.state !== 'valid') throw new NotNow('这张证书已经不是有效证书，请刷新页面看它现在的状态。')
  await trx('certificates')
    .where({ id })
    .update({
      state,
      ended_on: on,
      end_reason: reason.slice(0, 300),
      end_basis: basis.slice(0, 300),
      renewing: 0,
      version: row.version + 1,
      updated_at: now(),
    })
  return row
}
