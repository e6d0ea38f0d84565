import { createHash } from 'node:crypto'
import type { Knex } from 'knex'
import type { User } from '../../accounts/users.ts'
import { type Action, type Actor, record } from '../../admin/action-log.ts'
import { settingsNow } from '../../admin/settings.ts'
import { now, today } from '../../clock.ts'
import { randomCode } from '../../crypto.ts'
import { contractPaper, printContract, type SignedContract } from '../../documents/contract-paper.ts'
import { digestOf, documentOf, isIntact, issueDocument, registerFiled, statusOf } from '../../documents/documents.ts'
import { Conflict, Forbidden, NotFound, NotNow } from '../../errors.ts'
import type { ReceivedFile } from '../../files/receive.ts'
import { storage } from '../../files/storage.ts'
import { type Answers, canonicalAnswers, textOf } from '../../forms/answers.ts'
import { tell } from '../../messages/messages.ts'
import { archiveReaders } from '../archives/visible.ts'
import { propertyTypes } from '../archives/words.ts'
import { termsOf } from './contract-form.ts'
import { type Contract, contractColumns } from './contracts.ts'
import { lockProject, projectAt } from './project.ts'
import { type SigningFiling, type SigningPhase, signingFilings, signingPhases } from './signing-form.ts'
import { composeText, models } from './signing-model.ts'
import { companyRoles } from './standards.ts'
import { touchProject } from './touched.ts'
import type { SigningState } from './words.ts'

/**
 * 在线签订 (domain.md §5.6; 民法典 第四百六十九条、第四百九十一条; 电子签名法): a text drafted from a model goes between the two sides until both have
 * confirmed the same digest. Every change runs under the lock of its row; a confirmation is a row of its own that carries the digest.
 */

export interface Signing {
  id: number
  project_id: number
  company_id: number
  /** The other side: developer or committee. */
  party_id: number
  phase: SigningPhase
  filing: SigningFiling
  model: string
  answers: string
  body: string
  digest: string
  state: SigningState
  /** Who has to act; nobody once it is signed or withdrawn. */
  holder_id: number | null
  drafter_id: number
  edition: number
  /** Why it was returned or withdrawn. */
  words: string | null
  signed_on: string | null
  case_id: number | null
  version: number
  updated_at: Date
}

export interface Signature {
  organisation_id: number
  organisation_name: string
  user_name: string
  digest: string
  means: Means
  signed_at: Date
}

export const means = { password: '登录密码', code: '动态验证码' } as const
export type Means = keyof typeof means

/** Who drafts and reads as a side. */
export const signingSides = [...companyRoles, 'developer', 'committee'] as const
/** Who binds the organisation: its clerks draft, its administrator confirms. */
export const signers = ['company-admin', 'developer', 'committee'] as const

const rule = '《中华人民共和国民法典》第九百三十八条'

// ── Who may sign with whom ─────────────────────────────────────────────────────────────────────

export interface Pair {
  project_id: number
  project: string
  phase: SigningPhase
  company_id: number
  company: string
  party_id: number
  party: string
}

/** The name of a pair in the form that begins a text. */
export const pairKey = ({ project_id, company_id, phase }: Pick<Pair, 'project_id' | 'company_id' | 'phase'>) =>
  `${project_id}-${company_id}-${phase}`

/**
 * Who may sign a contract about a project today: the company that serves it, is approved to, or holds its award or agreed selection,
 * with the developer; the company that serves it or is approved to, with the committee in its term.
 * @param only of this organisation, of this project
 */
export async function pairsOf(
  db: Knex,
  only: { organisation_id?: number; project_id?: number; company_id?: number },
): Promise<Pair[]> {
  const [links, winners] = await Promise.all([
    narrowed(db, only, 'company_id').from('project_links').whereIn('state', ['linked', 'approved']),
    narrowed(db, only, 'winner_id').from('tenders').whereIn('state', ['awarded', 'agreed']).whereNotNull('winner_id'),
  ])
  const early: Served[] = [...links.filter(({ phase }) => phase === 'early'), ...winners]
  const ids = [...new Set([...links, ...winners].map(row => row.project_id))]
  const [projects, committees, companies] = await Promise.all([
    db('projects')
      .leftJoin('organisations as developer', 'developer.id', 'projects.developer_id')
      .whereIn('projects.id', ids)
      .select('projects.id', 'projects.name', 'projects.developer_id', 'developer.name as developer'),
    db('committees')
      .join('organisations', 'organisations.id', 'committees.id')
      .whereIn('committees.project_id', ids)
      .where({ 'committees.live': 1, 'committees.state': 'in-term' })
      .select('committees.id', 'committees.project_id', 'organisations.name'),
    db('organisations')
      .whereIn(
        'id',
        [...links, ...winners].map(row => row.company_id),
      )
      .select('id', 'name'),
  ])
  const projectOf = new Map<number, { name: string; developer_id: number | null; developer: string | null }>(
    projects.map(row => [row.id, row]),
  )
  const committeeOf = new Map<number, { id: number; name: string }>(committees.map(row => [row.project_id, row]))
  const companyOf = new Map<number, string>(companies.map(row => [row.id, row.name]))
  const found = new Map<string, Pair>()
  const add = ({ project_id, company_id }: Served, phase: SigningPhase, party: { id: number; name: string }) => {
    const pair = {
      project_id,
      project: projectOf.get(project_id)?.name ?? '',
      phase,
      company_id,
      company: companyOf.get(company_id) ?? '',
      party_id: party.id,
      party: party.name,
    }
    const { organisation_id } = only
    if (!organisation_id || organisation_id === company_id || organisation_id === party.id) found.set(pairKey(pair), pair)
  }
  for (const row of early) {
    const project = projectOf.get(row.project_id)
    if (project?.developer_id && project.developer) add(row, 'early', { id: project.developer_id, name: project.developer })
  }
  for (const row of links) {
    const committee = committeeOf.get(row.project_id)
    if (committee) add(row, 'selected', committee)
  }
  return [...found.values()].sort((one, other) => (pairKey(one) < pairKey(other) ? -1 : 1))
}

interface Served {
  project_id: number
  company_id: number
  phase?: string
}

/** Rows of links or tenders that concern an organisation, as a company or as the other side. */
function narrowed(
  db: Knex,
  { organisation_id, project_id, company_id }: Parameters<typeof pairsOf>[1],
  company: 'company_id' | 'winner_id',
): Knex.QueryBuilder<object, Served[]> {
  const query = db.queryBuilder()
  if (project_id) query.where({ project_id })
  if (company_id) query.where({ [company]: company_id })
  if (organisation_id)
    query.where(own =>
      own
        .where({ [company]: organisation_id })
        .orWhereIn('project_id', db('projects').where({ developer_id: organisation_id }).select('id'))
        .orWhereIn('project_id', db('committees').where({ id: organisation_id, live: 1 }).select('project_id')),
    )
  return query.select('project_id', { company_id: company }, ...(company === 'company_id' ? ['phase'] : []))
}

// ── Reading ────────────────────────────────────────────────────────────────────────────────────

/** Texts with their project: each side its own, an office those signed in its region. */
export function visibleSignings(db: Knex, user: User): Knex.QueryBuilder {
  const query = db('signings').leftJoin('projects', 'projects.id', 'signings.project_id')
  if (!archiveReaders.includes(user.role)) return query.whereRaw('1 = 0')
  const { scope } = user
  switch (scope.level) {
    case 'city':
      return query.where({ 'signings.state': 'signed' })
    case 'district':
      return query.where({ 'signings.state': 'signed', 'projects.district_code': scope.code })
    case 'street':
      return query.where({ 'signings.state': 'signed', 'projects.street_code': scope.code })
    case 'organisation': {
      const isCompany = (companyRoles as readonly string[]).includes(user.role)
      return query.where({ [isCompany ? 'signings.company_id' : 'signings.party_id']: scope.organisation_id })
    }
    case 'none':
      return query.whereRaw('1 = 0')
  }
}

/** A text this user may read. @throws NotFound */
export async function seenSigning(db: Knex, user: User, id: number): Promise<Signing & { project: string }> {
  const row: (Signing & { project: string }) | undefined = await visibleSignings(db, user)
    .where({ 'signings.id': id })
    .first('signings.*', 'projects.name as project')
  if (!row) throw new NotFound()
  return row
}

/** The confirmations of a text as it now stands. Those of an earlier text carry another digest and count for nothing. */
export async function signaturesOf(db: Knex, { id, digest }: Pick<Signing, 'id' | 'digest'>): Promise<Signature[]> {
  return await db<Signature & { signing_id: number; id: number }>('signatures').where({ signing_id: id, digest }).orderBy('id')
}

/** What stands in the form of a text. */
export function answersOf({ answers }: Pick<Signing, 'answers'>): Answers {
  return JSON.parse(answers) as Answers // written by canonicalAnswers
}

/** A signed text that no filing has used yet, with answers by the names of the filing forms. */
export interface SignedText {
  id: number
  answers: Answers
  digest: string
  signed_on: string
}

/** The newest signed text of a project and company that is not filed yet. */
export async function signedText(
  db: Knex,
  { project_id, company_id, phase, filing }: { project_id: number; company_id: number; phase: string; filing: string },
): Promise<SignedText | undefined> {
  const row: Signing | undefined = await db<Signing>('signings')
    .where({ project_id, company_id, phase: phase as SigningPhase, filing: filing as SigningFiling, state: 'signed' }) // others find nothing
    .whereNull('case_id')
    .orderBy('id', 'desc')
    .first()
  if (!row?.signed_on) return undefined
  return { id: row.id, answers: filedAnswers(row), digest: row.digest, signed_on: row.signed_on }
}

/** The answers as the filing forms name them: with the day of signing, without what only the text has. */
export function filedAnswers(row: Pick<Signing, 'answers' | 'signed_on'>): Answers {
  const { special: _special, ...terms } = answersOf(row)
  return { ...terms, signed_on: row.signed_on ?? '' }
}

/** Marks a signed text as used by a filing; one that another has used stays as it is. */
export async function settleSigning(trx: Knex.Transaction, id: number, case_id: number): Promise<void> {
  await trx('signings')
    .where({ id, state: 'signed' })
    .whereNull('case_id')
    .update({ case_id, updated_at: now(), version: trx.raw('version + 1') })
}

/** The PDF of a signed text. @throws NotNow when there is none, or when its row was altered */
export async function signedPdf(db: Knex, id: number): Promise<Buffer> {
  const document = await documentOf(db, { type: 'signing', id }, contractPaper)
  if (!document) throw new NotNow('双方都确认以后才有合同 PDF。')
  if (!isIntact(document)) throw new NotNow('这份合同的记录与签发时不一致，不能使用，请联系系统管理员核查。')
  const standing = await statusOf(db, document)
  // Printed as of the signing, so that the same contract is always the same file.
  return await printContract(document, {
    printedAt: document.created_at,
    seal: (await settingsNow(db))['documents.seal'],
    standing,
  })
}

/** The PDF in the storage, ready for `addFile`: it is the material `contract` of a filing. Whoever gives it no row forgets its key. */
export async function signedFile(db: Knex, id: number): Promise<ReceivedFile> {
  const pdf = await signedPdf(db, id)
  const pages = pdf.toString('latin1').match(/\/Type \/Page\b(?!s)/g)?.length ?? null
  const key = await storage.put(
    (async function* () {
      yield pdf
    })(),
  )
  return {
    ok: true,
    name: `在线签订合同 ${signingNumber(id)}.pdf`,
    extension: 'pdf',
    type: 'application/pdf',
    size: pdf.length,
    sha256: createHash('sha256').update(pdf).digest('hex'),
    pages,
    key,
  }
}

/** 签订编号 */
export const signingNumber = (id: number) => `QD-${String(id).padStart(6, '0')}`

registerFiled('signing', async (db, id) => {
  const [signing, contract] = await Promise.all([
    db('signings').where({ id, state: 'signed' }).first('id'),
    db('contracts').where({ signing_id: id }).orderBy('id', 'desc').first('ended_on'),
  ])
  return signing && { valid_until: null, ended_on: contract?.ended_on ?? null }
})

// ── Drafting ───────────────────────────────────────────────────────────────────────────────────

interface Unit {
  name: string
  code: string
  address: string
}

async function unitOf(db: Knex, id: number): Promise<Unit> {
  const row = await db('organisations').where({ id }).first('name', 'code', 'address')
  return { name: row?.name ?? '', code: row?.code ?? '', address: row?.address ?? '' }
}

type Drafted = Pick<Signing, 'id' | 'project_id' | 'company_id' | 'party_id' | 'phase' | 'filing' | 'edition'>

/** The text of a draft, and its digest. */
async function composed(db: Knex, signing: Drafted, answers: Answers): Promise<Pick<Signing, 'body' | 'digest' | 'model'>> {
  const [project, party, company] = await Promise.all([
    projectAt(db, signing.project_id),
    unitOf(db, signing.party_id),
    unitOf(db, signing.company_id),
  ])
  const body = composeText(
    {
      reference: `${signingNumber(signing.id)} 第${signing.edition}稿`,
      phase: signing.phase,
      filing: signing.filing,
      party,
      company,
      project: {
        name: project.name,
        code: project.code,
        address: project.address,
        type: propertyTypes[project.property_type] ?? '',
        area: project.floor_area,
        houses: String(project.house_count),
      },
    },
    answers,
  )
  return { body, digest: digestOf(body), model: models[signing.phase].code }
}

/** What is known before anybody types: the terms of the contract in force, else the award, else the archive of the project. */
async function firstAnswers(trx: Knex.Transaction, { project_id, company_id, filing }: Drafted): Promise<Answers> {
  const project = await projectAt(trx, project_id)
  const contract: Contract | undefined = await trx('contracts')
    .where({ project_id, company_id, state: 'filed' })
    .orderBy('id', 'desc')
    .first(contractColumns)
  const tender = await trx('tenders')
    .where({ project_id, winner_id: company_id })
    .whereIn('state', ['awarded', 'agreed', 'settled'])
    .orderBy('id', 'desc')
    .first('price', 'fee', 'manager', 'service_level')
  const price = tender?.price ?? tender?.fee
  const row = {
    property_type: project.property_type,
    pricing: 'market',
    service_level: tender?.service_level ? String(tender.service_level) : '',
    price: price ? String(price) : '',
    elevator_fee: '',
    basis: '',
  }
  const room = Number(project.service_room_area) > 0 ? project.service_room_area : ''
  return {
    contract_code: `${project.code}-${today().slice(0, 4)}`,
    serviced_area: project.floor_area,
    fees: [row],
    room_area: room,
    manager: tender?.manager ?? '',
    ...(contract && filing !== 'new' ? await termsOf(trx, contract, project.property_type) : {}),
  }
}

/**
 * Begins a text for a pair. Where the two have one under way for the project and phase, that one is returned: pressing twice has the
 * effect of once.
 * @returns its id
 */
export async function draftSigning(trx: Knex.Transaction, by: Author, pair: Pair, filing: SigningFiling): Promise<number> {
  const { project_id, company_id, party_id, phase } = pair
  await lockProject(trx, project_id)
  const open: { id: number } | undefined = await trx('signings')
    .where({ project_id, company_id, party_id, phase })
    .whereIn('state', ['draft', 'offered'])
    .orderBy('id', 'desc')
    .first('id')
  if (open) return open.id
  const at = now()
  const organisation_id = by.user.organisation_id
  const [id = 0] = await trx('signings').insert({
    // Its number is made of its id, which is not known yet.
    code: randomCode(12),
    project_id,
    company_id,
    party_id,
    phase,
    filing,
    model: models[phase].code,
    answers: '{}',
    body: '',
    digest: '',
    state: 'draft',
    holder_id: organisation_id,
    drafter_id: organisation_id,
    created_at: at,
    updated_at: at,
    created_by: by.user.id,
    updated_by: by.user.id,
  })
  const drafted: Drafted = { id, project_id, company_id, party_id, phase, filing, edition: 1 }
  const answers = await firstAnswers(trx, drafted)
  await trx('signings')
    .where({ id })
    .update({ code: signingNumber(id), answers: canonicalAnswers(answers), ...(await composed(trx, drafted, answers)) })
  await note(trx, by, 'signing.draft', { id, project: pair.project })
  return id
}

export interface Author {
  user: User
  actor: Actor
}

async function note(
  trx: Knex.Transaction,
  { actor }: Author,
  action: Action,
  { id, project, ...detail }: { id: number; project: string } & Record<string, string | number>,
): Promise<void> {
  await record(trx, actor, {
    action,
    object: { type: 'signing', id, label: `${signingNumber(id)} ${project}` },
    ...(Object.keys(detail).length ? { detail } : {}),
  })
}

/** The text with its row locked. @throws NotFound */
async function locked(trx: Knex.Transaction, user: User, id: number): Promise<Signing & { project: string }> {
  await trx('signings').where({ id }).forUpdate().first('id')
  return await seenSigning(trx, user, id)
}

async function change(trx: Knex.Transaction, { user }: Author, { id }: Signing, changes: Partial<Signing>): Promise<void> {
  await trx('signings')
    .where({ id })
    .update({ ...changes, updated_at: now(), updated_by: user.id, version: trx.raw('version + 1') })
}

/** @throws Conflict when somebody changed the text since the page was read */
function assertFresh(signing: Signing, version: number): void {
  if (signing.version !== version)
    throw new Conflict('您打开之后，这份合同已经有人办过，这次没有执行。请刷新页面，看最新的内容再办。')
}

function assertHolder(signing: Signing, user: User): void {
  if (signing.state !== 'draft') throw new NotNow('这份合同不在起草中，不能修改。要修改的，先退回或者收回起草。')
  if (signing.holder_id !== user.organisation_id) throw new Forbidden('这份合同由对方起草，改好发来以后再办。')
}

/** Saves what the drafter typed; the text is composed anew. */
export async function saveSigning(
  trx: Knex.Transaction,
  by: Author,
  id: number,
  answers: Answers,
  version: number,
): Promise<void> {
  const signing = await locked(trx, by.user, id)
  assertHolder(signing, by.user)
  assertFresh(signing, version)
  const text = await composed(trx, signing, answers)
  await change(trx, by, signing, { answers: canonicalAnswers(answers), ...text })
  if (text.digest !== signing.digest) await note(trx, by, 'signing.change', { id, project: signing.project, digest: text.digest })
}

const other = ({ company_id, party_id }: Signing, organisation_id: number) =>
  organisation_id === company_id ? party_id : company_id

/** @throws NotNow when the two may no longer sign about this project */
async function assertPair(trx: Knex.Transaction, { project_id, company_id, party_id, phase }: Signing): Promise<void> {
  const pairs = await pairsOf(trx, { project_id, company_id })
  if (!pairs.some(pair => pair.phase === phase && pair.party_id === party_id))
    throw new NotNow(
      `现在不能签订：乙方已不服务这个项目、也不是中标或批准选聘的企业，或者甲方已不是这个项目的${phase === 'early' ? '建设单位' : '届内业主委员会'}（${rule}，合同由业主一方与物业服务人订立）。`,
    )
}

/** Sends the draft to the other side. A second press finds it sent. */
export async function offerSigning(trx: Knex.Transaction, by: Author, id: number, version: number): Promise<void> {
  const signing = await locked(trx, by.user, id)
  if (signing.state === 'offered' && signing.drafter_id === by.user.organisation_id) return
  assertHolder(signing, by.user)
  assertFresh(signing, version)
  await assertPair(trx, signing)
  const to = other(signing, by.user.organisation_id)
  await change(trx, by, signing, { state: 'offered', holder_id: to, words: null })
  await note(trx, by, 'signing.offer', { id, project: signing.project, digest: signing.digest })
  await tell(trx, {
    to: { organisation_id: to },
    title: `${by.user.organisation_name}发来${signing.project}的物业服务合同，请核对后确认或者退回。`,
    link: `/desk/signings/${id}`,
    channels: ['inbox', 'sms'],
  })
}

/** Back to the drafter: returned by the other side with words, or taken back by the drafter. The next text is another draft, with another digest. */
export async function returnSigning(
  trx: Knex.Transaction,
  by: Author,
  id: number,
  words: string,
  version: number,
): Promise<void> {
  const signing = await locked(trx, by.user, id)
  if (signing.state === 'draft') return
  if (signing.state !== 'offered') throw new NotNow('这份合同已经签订或者撤回，不能再退回。')
  assertFresh(signing, version)
  const next = { ...signing, edition: signing.edition + 1 }
  await change(trx, by, signing, {
    state: 'draft',
    holder_id: signing.drafter_id,
    edition: next.edition,
    words,
    ...(await composed(trx, next, answersOf(signing))),
  })
  await note(trx, by, 'signing.return', { id, project: signing.project, reason: words })
  await tell(trx, {
    to: { organisation_id: other(signing, by.user.organisation_id) },
    title: `${signing.project}的物业服务合同已由${by.user.organisation_name}${signing.drafter_id === by.user.organisation_id ? '收回修改' : '退回修改'}，先前的确认作废。`,
    body: words,
    link: `/desk/signings/${id}`,
  })
}

/** Gives the text up; either side may, until both have confirmed. */
export async function withdrawSigning(trx: Knex.Transaction, by: Author, id: number, version: number): Promise<void> {
  const signing = await locked(trx, by.user, id)
  if (signing.state === 'withdrawn') return
  if (signing.state === 'signed') throw new NotNow('双方都已确认，合同已经成立，不能撤回。变更或者解除的，另行办理。')
  assertFresh(signing, version)
  await change(trx, by, signing, { state: 'withdrawn', holder_id: null })
  await note(trx, by, 'signing.withdraw', { id, project: signing.project })
  await tell(trx, {
    to: { organisation_id: other(signing, by.user.organisation_id) },
    title: `${by.user.organisation_name}撤回了${signing.project}的物业服务合同，没有签订。`,
    link: `/desk/signings/${id}`,
  })
}

// ── Confirming ─────────────────────────────────────────────────────────────────────────────────

/**
 * Confirms the text for one side; the caller has asked for the password or code again. With the second confirmation the contract is
 * signed and its paper issued. A second press finds the first.
 * @param digest of the text the page showed
 * @throws Conflict when the text is another one by now
 */
export async function confirmSigning(
  trx: Knex.Transaction,
  by: Author,
  id: number,
  { digest, means }: { digest: string; means: Means },
): Promise<'signed' | 'waiting'> {
  const { user } = by
  const signing = await locked(trx, user, id)
  const before = await signaturesOf(trx, signing)
  const isOwn = ({ organisation_id }: Pick<Signature, 'organisation_id'>) => organisation_id === user.organisation_id
  if (signing.digest === digest && before.some(isOwn)) return signing.state === 'signed' ? 'signed' : 'waiting'
  if (signing.digest !== digest)
    throw new Conflict('合同文本在您打开以后改过，摘要已经不同，这次没有确认。请刷新页面，看过现在的文本再确认。')
  if (signing.state !== 'offered') throw new NotNow('这份合同还在起草或者已经撤回，起草方发出以后才能确认。')
  // What was kept must be what is read: a row altered past the portal is not confirmed.
  if (digestOf(signing.body) !== signing.digest) throw new NotNow('合同文本与摘要不一致，不能确认，请联系系统管理员核查。')
  await assertPair(trx, signing)
  await trx('signatures').insert({
    signing_id: id,
    organisation_id: user.organisation_id,
    user_id: user.id,
    user_name: user.name,
    organisation_name: user.organisation_name,
    digest,
    means,
    signed_at: now(),
  })
  await note(trx, by, 'signing.confirm', { id, project: signing.project, digest, means })
  const to = other(signing, user.organisation_id)
  if (!before.some(({ organisation_id }) => organisation_id === to)) {
    await change(trx, by, signing, { holder_id: to })
    await tell(trx, {
      to: { organisation_id: to },
      title: `${user.organisation_name}已确认${signing.project}的物业服务合同，等本单位确认。`,
      link: `/desk/signings/${id}`,
    })
    return 'waiting'
  }
  await complete(trx, by, signing)
  return 'signed'
}

async function complete(trx: Knex.Transaction, by: Author, signing: Signing & { project: string }): Promise<void> {
  const { id, company_id, party_id } = signing
  const on = today()
  await change(trx, by, signing, { state: 'signed', holder_id: null, signed_on: on })
  const signatures = await signaturesOf(trx, signing)
  const facts: SignedContract = {
    issuer: '物业行业综合管理系统（在线签订）',
    title: signing.phase === 'early' ? '前期物业服务合同' : '物业服务合同',
    number: signingNumber(id),
    matter: `在线签订（${signingPhases[signing.phase]}，${signingFilings[signing.filing]}）`,
    parts: [],
    on,
    body: signing.body,
    text_digest: signing.digest,
    confirmations: signatures.map(row => ({
      side: row.organisation_id === company_id ? '乙方' : '甲方',
      organisation: row.organisation_name,
      person: row.user_name,
      means: means[row.means],
      at: row.signed_at.toISOString(),
    })),
  }
  await issueDocument(trx, {
    paper: contractPaper,
    organisation_id: company_id,
    object: { type: 'signing', id },
    number: facts.number,
    title: facts.title,
    facts,
    issued_on: on,
  })
  await note(trx, by, 'signing.sign', {
    id,
    project: signing.project,
    digest: signing.digest,
    contract: textOf(answersOf(signing), 'contract_code'),
  })
  for (const organisation_id of [company_id, party_id])
    await tell(trx, {
      to: { organisation_id },
      title: `${signing.project}的物业服务合同双方都已确认，合同成立。请按期办理备案。`,
      link: `/desk/signings/${id}`,
    })
  await touchProject(trx, signing.project_id)
}
