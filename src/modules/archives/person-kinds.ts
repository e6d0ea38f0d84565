import type { Knex } from 'knex'
import { z } from 'zod'
import type { User } from '../../accounts/users.ts'
import { portalItself } from '../../admin/action-log.ts'
import type { Case } from '../../cases/case.ts'
import {
  type Check,
  type Clock,
  defineKind,
  desk,
  type KindSettings,
  type Material,
  type Place,
  party,
  type Subject,
} from '../../cases/kind.ts'
import { now, today } from '../../clock.ts'
import { blindIndex, decrypt } from '../../crypto.ts'
import { isDuplicate } from '../../db.ts'
import { NotFound, NotNow } from '../../errors.ts'
import type { Answers } from '../../forms/answers.ts'
import { choice, consent, date, type Form, fieldsOf, type Mistakes, optionalText, partOf, text } from '../../forms/form.ts'
import { normaliseCode } from '../../identifiers.ts'
import { maskId } from '../../lists/masks.ts'
import { tell } from '../../messages/messages.ts'
import { isEnabled } from '../qualification/standards.ts'
import { changeRecord, type RecordAnswers, readRecord } from './archive.ts'
import { optionalResidentId } from './fields.ts'
import {
  employmentForm,
  employmentMistakes,
  hireForm,
  isRegulated,
  people,
  personForm,
  personMistakes,
  projectMistakes,
  projectOptions,
} from './person.ts'
import {
  createPerson,
  dayBefore,
  type Employment,
  employ,
  endEmployment,
  findPerson,
  isSameName,
  liveEmployment,
  probesSpent,
  recordRefusal,
  refusalOf,
  shortageWithout,
  updatePerson,
} from './person-work.ts'
import { credentials, type LeaveReason, leaveReasons, optionsOf, posts, titles } from './words.ts'

/** 从业人员增减 and 人员归属异议 (domain.md §7). What needs no approval is done on the pages of people. */

const law = '从业人员管理（增减审批）'
const companyRoles = ['company-admin', 'company-clerk'] as const

// ── What the kinds have in common ──────────────────────────────────────────────────────────────

/** Text answers, as the archives take them. */
const flat = (answers: Answers): RecordAnswers =>
  Object.fromEntries(Object.entries(answers).map(([name, answer]) => [name, typeof answer === 'string' ? answer : '']))

const byCase = ({ id }: Pick<Case, 'id'>) => ({ user_id: null, case_id: id })

const wordOf = (words: Readonly<Record<string, string>>, code: string | null) => (code ? (words[code] ?? code) : '')

const pledge = consent({
  label: '本单位承诺：所填内容和所交材料真实、合法、有效，愿意承担不实申报的法律责任。',
  section: '承诺',
  message: '请阅读承诺并勾选，然后再提交。',
  wide: true,
})

const paper = (code: string, label: string, more: Partial<Material> = {}): Material => ({
  code,
  label,
  required: true,
  original: true,
  copies: 1,
  ...more,
})

const clocks = (decision: Pick<Clock, 'limit' | 'law'>): Clock[] => [
  {
    code: 'acceptance',
    label: '受理',
    from: 'submitted',
    until: 'accepted',
    limit: 5,
    unit: 'working-day',
    pauses: [],
    law: '行政许可法第三十二条',
    keeper: 'desk',
  },
  {
    code: 'decision',
    label: '办结',
    from: 'accepted',
    until: 'decided',
    unit: 'working-day',
    pauses: ['supplement'],
    keeper: 'desk',
    ...decision,
  },
  {
    code: 'correction',
    label: '补正',
    from: 'corrected',
    until: 'resubmitted',
    limit: 10,
    unit: 'working-day',
    pauses: [],
    law: '本市办理规定',
    keeper: 'applicant',
  },
]

const settingsWith = (
  materials: Material[],
  templates: KindSettings['templates'],
  more: { chain?: Place[]; decision?: Pick<Clock, 'limit' | 'law'> } = {},
): KindSettings => ({
  chain: more.chain ?? [
    desk('district', 'district-clerk', '区县核验', '核验中'),
    desk('city', 'city-clerk', '市局审核', '市局审核中'),
  ],
  clocks: clocks(more.decision ?? { limit: 10, law: '本市办理规定' }),
  consults: [],
  materials,
  number: '',
  corrections: 1,
  thresholds: {},
  templates,
})

const agreed = [
  { step: 'pass', label: '材料属实', text: '材料齐全，与原件一致。' },
  { step: 'pass', label: '同意', text: '经审核，同意。' },
  { step: 'correct', label: '看不清', text: '扫描件看不清，请重新扫描后上传。' },
  { step: 'refuse', label: '与证书不符', text: '填写内容与证书不一致，请核对后重新提交。' },
]

/** Where the company of the applicant is looked after: its registered seat, or for a branch where it is filed. */
async function companyOf(db: Knex, { organisation_id, organisation_name }: User): Promise<Omit<Subject, 'type'>> {
  const company: { district_code: string | null; street_code: string | null } | undefined = await db('companies')
    .join('organisations', 'organisations.id', 'companies.id')
    .where({ 'companies.id': organisation_id })
    .first('organisations.district_code', 'organisations.street_code')
  if (!company) throw new NotNow('没有找到本单位的企业档案，请联系注册地区县主管部门核对后再申请。')
  const area: { region_code: string } | undefined = company.district_code
    ? undefined
    : await db('company_areas')
        .where({ company_id: organisation_id })
        .whereRaw('char_length(region_code) = 6')
        .orderBy(['basis', 'region_code'])
        .first('region_code')
  const district_code = company.district_code ?? area?.region_code ?? null
  if (!district_code) throw new NotNow('企业档案没有登记所在区县，不知道由哪个区县核验。请先联系市局补正档案。')
  return { id: organisation_id, name: organisation_name, district_code, street_code: company.street_code }
}

/** Somebody who works for the applicant now, as what a case is about. @throws NotFound where they do not */
async function ownPerson(db: Knex, user: User, person_id: number | undefined): Promise<Subject & { live: Employment }> {
  const person = person_id ? await db('people').where({ id: person_id }).first('id', 'name') : undefined
  const live = person && (await liveEmployment(db, person.id))
  if (!person || live?.company_id !== user.organisation_id) throw new NotFound()
  const { district_code, street_code } = await companyOf(db, user)
  return { type: 'person', id: person.id, name: person.name, district_code, street_code, live }
}

/** What the archive says of a person, for the fields of a form that are only read; the ID number is masked. */
async function factsOf(db: Knex, id: number): Promise<RecordAnswers> {
  const { answers } = await readRecord(db, people, id)
  const title = [wordOf(titles, answers.title ?? ''), answers.title_name].filter(Boolean).join('，')
  const credential = [wordOf(credentials, answers.credential ?? ''), answers.credential_number].filter(Boolean).join('，')
  return {
    person_name: answers.name ?? '',
    id_shown: maskId(answers.id_number ?? ''),
    now_title: title,
    now_credential: credential || '无',
  }
}

const archive = { label: '人员档案' }
const knownPerson = {
  person_name: text({ label: '姓名', section: '人员', archive }),
  id_shown: text({ label: '身份证号', archive }),
  now_title: text({ label: '现登记职称', archive }),
  now_credential: text({ label: '现登记职业资格', archive, max: 300 }),
}

/** The part of a form about the new employment, without who it is. */
const projectAdjust = async (db: Knex, { applicant_id }: Pick<Case, 'applicant_id'>) => ({
  project_id: { options: await projectOptions(db, applicant_id) },
})

/** What a company learns of somebody else's people is counted and logged, in a case as on the page. */
async function refusalIn(trx: Knex, kase: Case, { name = '', id_number = '' }: RecordAnswers): Promise<Mistakes> {
  const spent = await probesSpent(trx, kase.applicant_id)
  if (spent) return { id_number: spent.sentence }
  const own = await trx('employments').where({ case_id: kase.id, state: 'pending' }).first('id')
  const refusal = await refusalOf(trx, kase.applicant_id, name, await findPerson(trx, id_number))
  if (!refusal || (own && refusal.reason === 'pending')) return {}
  await recordRefusal(trx, { ...portalItself, organisation_id: kase.applicant_id }, refusal, id_number)
  return refusal.mistakes
}

/** For the officer who approves and is too late: the portal may name the company to an office. */
async function assertFree(trx: Knex, person_id: number, company_id: number): Promise<void> {
  const live = await liveEmployment(trx, person_id)
  if (!live || live.company_id === company_id) return
  const other: { name: string } | undefined = await trx('organisations').where({ id: live.company_id }).first('name')
  throw new NotNow(
    `不能通过：该人员现在${other?.name ?? '其他物业企业'}在职，一人只能在一家物业企业任职。请不通过这一件，或等原企业减员、人员归属异议核定后再办。`,
  )
}

// ── 增员 ───────────────────────────────────────────────────────────────────────────────────────

const exclusive: Check = {
  code: 'exclusive',
  about: '人员没有在其他物业企业在职',
  async find({ db, kase, answers }) {
    const id_number = normaliseCode(String(answers.id_number ?? ''))
    if (id_number.length !== 18) return undefined
    // A submitted case was asked when it was submitted; before that, only the submission answers.
    const known = kase.serial ? await findPerson(db, id_number) : undefined
    const live = known && (await liveEmployment(db, known.id))
    const isElsewhere = live !== undefined && live.company_id !== kase.applicant_id
    return {
      code: 'exclusive',
      requirement: '一人只在一家物业企业任职',
      actual: isElsewhere ? '现在其他物业企业在职' : kase.serial ? '没有在其他物业企业在职' : '提交时核对',
      verdict: isElsewhere ? 'bad' : kase.serial ? 'ok' : 'warn',
      law: '从业人员管理：一人一企',
    }
  },
}

const addForm: Form = z.object({ ...hireForm.shape, pledge })

/** 增员: 中级以上职称 and 注册物业管理师 are admitted by the city; everybody else begins at once. */
export const staffAdd = defineKind({
  code: 'staff-add',
  label: '从业人员增员',
  module: 'archives',
  law,
  when: '录用具有中级以上职称或注册物业管理师资格的人员时申请；其他人员登记后直接生效，不需要审核。',
  startedBy: companyRoles,
  startsAt: { label: '新增从业人员', href: '/desk/people/new' },
  prefix: 'RZ',
  form: addForm,
  refusedTo: 'draft',
  states: { done: '已通过' },
  checks: [exclusive],
  afterwards: '人员已计入本单位在职人员，可在从业人员档案查看。',
  settings: settingsWith(
    [
      paper('identity', '身份证', { hint: '正反两面' }),
      paper('title', '职称证书', { required: false, hint: '有中级以上职称的提交' }),
      paper('credential', '职业资格证书', { required: false, hint: '有职业资格的提交', expires: true }),
      paper('contract', '劳动合同'),
      paper('insurance', '近 3 个月社会保险缴纳证明', { original: false, hint: '新入职不满 3 个月的，提交已缴月份' }),
    ],
    agreed,
  ),
  async subjectOf(db, user, { typed }) {
    const name = typeof typed?.name === 'string' ? typed.name.trim() : ''
    if (!name) throw new NotNow('请从“新增从业人员”填写，需要审核的会转成这件申请，填好的内容都在。')
    // The person may not be in the archives yet, so the case is about the company that takes them on.
    return { type: 'company', ...(await companyOf(db, user)), name: name.slice(0, 60) }
  },
  openKey(subject, { id_number }) {
    return typeof id_number === 'string' && id_number
      ? `staff-add:${subject.id}:${blindIndex('people.id_number', normaliseCode(id_number))}`
      : null
  },
  prefill: async () => ({}),
  adjust: projectAdjust,
  async mistakes(db, kase, given) {
    const answers = flat(given)
    const known = await findPerson(db, answers.id_number ?? '')
    return {
      ...personMistakes(answers),
      ...employmentMistakes(answers),
      ...(await projectMistakes(db, kase.applicant_id, answers)),
      ...(isRegulated(answers) || (known && isRegulated(known))
        ? {}
        : { title: '没有中级以上职称、也不是注册物业管理师的，不需要审核：请在“新增从业人员”直接登记，并删除这份草稿。' }),
      ...(isSameName(answers.name ?? '', kase.subject_name)
        ? {}
        : { name: `这件申请是为${kase.subject_name}办的。为别人增员，请另开一件。` }),
      ...(await missingProof(db, kase, answers)),
      ...(await refusalIn(db, kase, answers)),
    }
  },
  async whenSubmitted(trx, kase, given) {
    const answers = flat(given)
    await forgetPending(trx, kase)
    const known = await findPerson(trx, answers.id_number ?? '', true)
    const by = byCase(kase)
    const person_id = known?.id ?? (await createPerson(trx, answers, { by, source: 'case', review: 'pending' }))
    await employ(trx, { person_id, company_id: kase.applicant_id, state: 'pending', answers, by })
  },
  whenEnded: forgetPending,
  async whenDone(trx, kase, { answers: given }) {
    const answers = flat(given)
    const person = await findPerson(trx, answers.id_number ?? '', true)
    const row =
      person && (await trx('employments').where({ case_id: kase.id, person_id: person.id, state: 'pending' }).first('id'))
    if (!person || !row) throw new Error(`case ${kase.id} has no pending employment`)
    await assertFree(trx, person.id, kase.applicant_id)
    await updatePerson(trx, person.id, answers, byCase(kase))
    await trx('people').where({ id: person.id }).update({ review: 'reviewed' })
    await begin(trx, row.id)
  },
})

/** 待审核 becomes 在职. */
async function begin(trx: Knex.Transaction, id: number, more: Record<string, Knex.Value> = {}): Promise<void> {
  await trx('employments')
    .where({ id })
    .update({ state: 'employed', ...more, updated_at: now(), version: trx.raw('version + 1') })
}

/** What a submission wrote is taken back: nobody stays on file of whom nothing came. */
async function forgetPending(trx: Knex.Transaction, kase: Case): Promise<void> {
  const rows: { id: number; person_id: number }[] = await trx('employments')
    .where({ case_id: kase.id })
    .whereIn('state', ['pending', 'disputed'])
    .select('id', 'person_id')
  for (const { id, person_id } of rows) {
    await trx('employments').where({ id }).delete()
    const other = await trx('employments').where({ person_id }).first('id')
    const isNew = await trx('people').where({ id: person_id, review: 'pending' }).first('id')
    if (other || !isNew) continue
    await trx('search_terms').where({ scope: 'people', doc_id: person_id }).delete()
    await trx('people').where({ id: person_id }).delete()
  }
}

/** The certificate somebody is admitted for must be there: which one depends on what is filled in. */
async function missingProof(db: Knex, kase: Case, { title, credential }: RecordAnswers): Promise<Mistakes> {
  const there: string[] = await db('files').where({ case_id: kase.id }).whereNull('until_edition').distinct().pluck('material')
  return {
    ...(isRegulated({ title }) && !there.includes('title') ? { title: '具有中级以上职称的，请在“材料”里上传职称证书。' } : {}),
    ...(credential === 'property-manager' && !there.includes('credential')
      ? { credential: '注册物业管理师请在“材料”里上传职业资格证书。' }
      : {}),
  }
}

// ── 减员 ───────────────────────────────────────────────────────────────────────────────────────

/** What is asked when somebody leaves; on the page of the person it takes effect at once where no approval is needed. */
export const leaveFields = {
  end_reason: choice({ label: '减员原因', section: '减员', options: optionsOf(leaveReasons) }),
  ends_on: date({ label: '最后工作日' }),
}

/** What does not fit an employment that ends. */
export function leaveMistakes({ ends_on = '' }: RecordAnswers, { starts_on }: Pick<Employment, 'starts_on'>): Mistakes {
  if (ends_on > today()) return { ends_on: `最后工作日 ${ends_on} 还没有到，请在当天或以后办理。` }
  if (ends_on < starts_on) return { ends_on: `最后工作日早于入职日期 ${starts_on}，请改正。` }
  return {}
}

const staffing: Check = {
  code: 'staffing',
  about: '减员后人员数量仍符合资质等级要求',
  inUse: isEnabled,
  async find({ db, kase }) {
    const facts = await db('people').where({ id: kase.subject_id }).first('title')
    const live = await liveEmployment(db, kase.subject_id)
    if (!facts || live?.company_id !== kase.applicant_id) return undefined
    const short = await shortageWithout(db, kase.applicant_id, { post: live.post, title: facts.title })
    return {
      code: 'staffing',
      requirement: '减员后专职人员、中级以上职称人数不低于所持资质等级的要求',
      actual: short ? '减员后低于要求' : '减员后仍符合要求，或不持有资质证书',
      verdict: short ? 'warn' : 'ok',
      law: '资质管理办法第五条（三）2',
      ...(short ? { detail: `减员后${short}。可以减员，请及时补充人员` } : {}),
    }
  },
}

export const staffRemove = defineKind({
  code: 'staff-remove',
  label: '从业人员减员',
  module: 'archives',
  law,
  when: '具有中级以上职称或注册物业管理师资格的人员离职、退休、死亡、调出时申请；其他人员在人员档案页减员，直接生效。',
  startedBy: companyRoles,
  startsAt: { label: '选择人员', href: '/desk/lists/people' },
  prefix: 'RJ',
  form: z.object({
    ...knownPerson,
    post: text({ label: '岗位', archive }),
    ...leaveFields,
    note: optionalText({ label: '说明', type: 'textarea', max: 500 }),
    pledge,
  }),
  refusedTo: 'draft',
  checks: [staffing],
  afterwards: '人员已从本单位在职人员中减去。',
  settings: settingsWith(
    [
      paper('proof', '减员证明', {
        original: false,
        hint: '离职、调出的提交解除或终止劳动合同证明；退休、死亡的提交相应证明',
      }),
    ],
    agreed,
  ),
  async subjectOf(db, user, { subject_id }) {
    if (!subject_id) throw new NotNow('请从要减员的从业人员档案页办理减员。')
    const { live, ...person } = await ownPerson(db, user, subject_id)
    const facts = await db('people').where({ id: person.id }).first('title', 'credential')
    if (!isRegulated(facts ?? {})) throw new NotNow(`${person.name}减员不需要审核，请在人员档案页直接减员。`)
    if (live.state !== 'employed' && live.case_id) throw new NotNow(`${person.name}的减员申请正在审核，不用重复提交。`)
    return person
  },
  openKey: subject => `staff-remove:${subject.id}`,
  async prefill(db, { subject_id }) {
    const live = await liveEmployment(db, subject_id)
    return { ...(await factsOf(db, subject_id)), post: wordOf(posts, live?.post ?? '') }
  },
  async mistakes(db, kase, answers) {
    const live = await liveEmployment(db, kase.subject_id)
    if (live?.company_id !== kase.applicant_id) return { ends_on: '该人员已不在本单位在职，不用再减员，请删除这份草稿。' }
    return leaveMistakes(flat(answers), live)
  },
  async whenSubmitted(trx, kase) {
    await setState(trx, kase, 'employed', 'leaving')
  },
  async whenEnded(trx, kase) {
    await setState(trx, kase, 'leaving', 'employed')
  },
  async whenDone(trx, kase, { answers }) {
    await trx('people').where({ id: kase.subject_id }).forUpdate().first('id')
    const live = await liveEmployment(trx, kase.subject_id)
    // Whoever was moved meanwhile by a decision on whose employee they are has left already.
    if (live?.company_id !== kase.applicant_id) return
    const { ends_on = '', end_reason } = flat(answers)
    await endEmployment(trx, live, {
      ends_on,
      end_reason: end_reason as LeaveReason, // an option of the checked form
      by: byCase(kase),
      proof_file_id: await fileOf(trx, kase, 'proof'),
    })
  },
})

/** 在职 and 待减员, back and forth; the row remembers through which case. */
async function setState(trx: Knex.Transaction, kase: Case, from: string, to: string): Promise<void> {
  await trx('employments')
    .where({ person_id: kase.subject_id, company_id: kase.applicant_id, state: from })
    .update({ state: to, case_id: to === 'leaving' ? kase.id : null, updated_at: now(), version: trx.raw('version + 1') })
}

async function fileOf(db: Knex, { id: case_id }: Case, material: string): Promise<number | null> {
  const file = await db('files').where({ case_id, material }).whereNull('until_edition').orderBy('id').first('id')
  return file?.id ?? null
}

// ── 资格变更 ───────────────────────────────────────────────────────────────────────────────────

/** Whether a number is registered already tells of a person, so the answer is counted and logged as at 增员. */
async function takenIn(db: Knex, kase: Case, id_number: string): Promise<Mistakes> {
  const spent = await probesSpent(db, kase.applicant_id)
  if (spent) return { new_id_number: spent.sentence }
  if (!(await findPerson(db, id_number))) return {}
  await recordRefusal(
    db,
    { ...portalItself, organisation_id: kase.applicant_id },
    { reason: 'registered', probe: true },
    id_number,
  )
  return { new_id_number: '这个身份证号已经登记，不能更正成它。请对照居民身份证核对。' }
}

const certificates = partOf(personForm, field => /^(title|credential)/.test(field.name))

/** ★ fields of a person at work: a higher title, another credential, an ID number that was written down wrongly. */
export const staffChange = defineKind({
  code: 'staff-change',
  label: '从业人员资格变更',
  module: 'archives',
  law,
  when: '在职人员取得或变更职称、职业资格，或更正身份证号时申请；电话、学历等其他内容在人员档案页直接修改。',
  startedBy: companyRoles,
  startsAt: { label: '选择人员', href: '/desk/lists/people' },
  prefix: 'RB',
  form: z.object({
    ...knownPerson,
    new_id_number: optionalResidentId('更正后的身份证号', { section: '变更为', hint: '只在登记有误时填写' }),
    ...certificates.shape,
    note: optionalText({ label: '变更说明', type: 'textarea', max: 500 }),
    pledge,
  }),
  refusedTo: 'draft',
  checks: [],
  afterwards: '人员档案已更新，原内容在变更记录里。',
  settings: settingsWith(
    [
      paper('title', '职称证书', { required: false, hint: '变更职称的提交' }),
      paper('credential', '职业资格证书', { required: false, hint: '变更职业资格的提交', expires: true }),
      paper('identity', '身份证', { required: false, hint: '更正身份证号的提交' }),
    ],
    agreed,
  ),
  async subjectOf(db, user, { subject_id }) {
    if (!subject_id) throw new NotNow('请从要变更的从业人员档案页申请资格变更。')
    const { live, ...person } = await ownPerson(db, user, subject_id)
    if (live.state !== 'employed') throw new NotNow(`${person.name}正在办理减员，不能变更资格。`)
    return person
  },
  openKey: subject => `staff-change:${subject.id}`,
  async prefill(db, { subject_id }) {
    const [{ answers }, facts] = await Promise.all([readRecord(db, people, subject_id), factsOf(db, subject_id)])
    return { ...facts, ...Object.fromEntries(fieldsOf(certificates).map(({ name }) => [name, answers[name] ?? ''])) }
  },
  async mistakes(db, kase, given) {
    const answers = flat(given)
    const live = await liveEmployment(db, kase.subject_id)
    if (live?.company_id !== kase.applicant_id) return { note: '该人员已不在本单位在职，不能变更，请删除这份草稿。' }
    const { answers: before } = await readRecord(db, people, kase.subject_id)
    const differs = (name: string) => (answers[name] ?? '') !== (before[name] ?? '')
    const changed = fieldsOf(certificates).some(({ name }) => differs(name))
    const there: string[] = await db('files').where({ case_id: kase.id }).whereNull('until_edition').distinct().pluck('material')
    const mistakes: Mistakes = {
      ...(changed || answers.new_id_number ? {} : { title: '内容和档案一样，没有要变更的。请修改后再提交。' }),
      ...personMistakes(answers),
      ...((differs('title') || differs('title_name')) && answers.title !== 'none' && !there.includes('title')
        ? { title: '变更职称的，请在“材料”里上传职称证书。' }
        : {}),
      ...(differs('credential') && answers.credential && !there.includes('credential')
        ? { credential: '变更职业资格的，请在“材料”里上传职业资格证书。' }
        : {}),
      ...(answers.new_id_number && !there.includes('identity')
        ? { new_id_number: '更正身份证号的，请在“材料”里上传身份证。' }
        : {}),
    }
    // Only what is otherwise ready is looked up, so that nobody tries out numbers for nothing.
    return Object.keys(mistakes).length || !answers.new_id_number ? mistakes : await takenIn(db, kase, answers.new_id_number)
  },
  async whenDone(trx, kase, { answers: given }) {
    const answers = flat(given)
    const told = Object.fromEntries(fieldsOf(certificates).map(({ name }) => [name, answers[name] ?? '']))
    const id_number = answers.new_id_number
    try {
      await changeRecord(trx, people, kase.subject_id, {
        answers: { ...told, ...(id_number ? { id_number } : {}) },
        by: byCase(kase),
      })
    } catch (error) {
      if (isDuplicate(error)) throw new NotNow('不能通过：更正后的身份证号已登记为另一名从业人员，请先核实是哪一份有误。')
      throw error
    }
  },
})

// ── 人员归属异议 ───────────────────────────────────────────────────────────────────────────────

/** How long the old company has to answer, and the city to decide after it (domain.md §7). */
const answerDays = 5
const decisionDays = 10

/**
 * 人员归属异议: a company that has taken somebody on asks the city to decide whose employee they are, where the old company does not
 * let go. The old one may answer; it is not named to the applicant.
 */
export const staffDispute = defineKind({
  code: 'staff-dispute',
  label: '人员归属异议',
  module: 'archives',
  law: '从业人员管理（一人一企）',
  when: '要录用的人员仍登记为在其他物业企业在职，而原企业不办理减员时提出，由市局核定归属。',
  startedBy: companyRoles,
  startsAt: { label: '新增从业人员', href: '/desk/people/new' },
  parties: ['respondent'],
  reaches: ['city'],
  discreet: true,
  // What the person gave their new employer is not for the old one.
  keptBack: ['identity', 'contract'],
  prefix: 'RY',
  form: z.object({
    person_name: text({ label: '姓名', section: '人员', archive }),
    id_shown: text({ label: '身份证号', archive }),
    ...employmentForm.shape,
    grounds: text({
      label: '异议理由',
      section: '理由',
      type: 'textarea',
      max: 1000,
      hint: '写明何时离开原企业、何时与本单位建立劳动关系，原企业为何没有减员',
    }),
    pledge,
  }),
  refusedTo: 'refused',
  states: { done: '已核定', refused: '异议不成立' },
  checks: [],
  afterwards: '人员自入职之日起计入本单位在职人员，可在从业人员档案查看。',
  settings: settingsWith(
    [
      paper('identity', '身份证', { hint: '正反两面' }),
      paper('contract', '与本单位的劳动合同'),
      paper('insurance', '社会保险缴纳证明', { original: false, hint: '能看出参保单位和起止月份' }),
      paper('release', '解除或终止劳动合同证明', { required: false, hint: '原企业没有出具的，在异议理由里写明' }),
    ],
    [
      { step: 'pass', label: '转原企业答复', text: '材料齐全，转原企业答复。' },
      { step: 'pass', label: '归申请企业', text: '劳动合同和社保记录表明该人员已与申请企业建立劳动关系，归属申请企业。' },
      { step: 'refuse', label: '仍属原企业', text: '材料不足以证明该人员已离开原企业，归属不变。' },
    ],
    {
      chain: [
        desk('city', 'city-clerk', '市局受理', '市局核查中'),
        party('company', 'respondent', '原企业答复', '待原企业答复', answerDays),
        desk('decision', 'city-reviewer', '市局核定', '市局核定中', { limit: decisionDays }),
      ],
      decision: { limit: answerDays + decisionDays, law: '本市办理规定：原企业答复 5 个工作日，市局核定 10 个工作日' },
    },
  ),
  async subjectOf(db, user, { subject_id, typed }) {
    const id_number = typeof typed?.id_number === 'string' ? normaliseCode(typed.id_number) : ''
    // A second claim after a refusal begins from the first: the applicant proved then that they know the number.
    const known = id_number ? await findPerson(db, id_number) : await claimedBefore(db, user, subject_id)
    if (!known) throw new NotNow('请从“新增从业人员”填写；人员在其他物业企业在职时，可以从那里提交人员归属异议。')
    const live = await liveEmployment(db, known.id)
    if (!live || live.company_id === user.organisation_id)
      throw new NotNow('该人员没有在其他物业企业在职，不需要提出异议，请直接增员。')
    const { district_code, street_code } = await companyOf(db, user)
    return { type: 'person', id: known.id, name: known.name, district_code, street_code }
  },
  openKey: subject => `staff-dispute:${subject.id}`,
  async prefill(db, { subject_id }) {
    const { person_name = '', id_shown = '' } = await factsOf(db, subject_id)
    return { person_name, id_shown }
  },
  adjust: projectAdjust,
  async mistakes(db, kase, given) {
    const answers = flat(given)
    const live = await liveEmployment(db, kase.subject_id)
    if (!live || live.company_id === kase.applicant_id)
      return { grounds: '该人员已不在其他物业企业在职，不需要异议。请删除这份草稿，直接增员。' }
    return {
      ...employmentMistakes({ ...answers, id_number: await idNumberOf(db, kase.subject_id) }),
      ...(await projectMistakes(db, kase.applicant_id, answers)),
    }
  },
  async partiesOf(trx, kase) {
    const live = await liveEmployment(trx, kase.subject_id)
    return live ? [{ role: 'respondent', organisation_id: live.company_id }] : []
  },
  async whenSubmitted(trx, kase, given) {
    await forgetPending(trx, kase)
    await employ(trx, {
      person_id: kase.subject_id,
      company_id: kase.applicant_id,
      state: 'disputed',
      answers: flat(given),
      by: byCase(kase),
    })
  },
  async whenEnded(trx, kase) {
    await forgetPending(trx, kase)
    await tellRespondent(trx, kase, `人员归属异议已办结：${kase.subject_name}仍登记为贵单位在职`)
  },
  async whenDone(trx, kase, { answers: given }) {
    const answers = flat(given)
    await trx('people').where({ id: kase.subject_id }).forUpdate().first('id')
    const claim = await trx('employments').where({ case_id: kase.id, state: 'disputed' }).first('id', 'starts_on')
    const live = await liveEmployment(trx, kase.subject_id)
    if (!claim) throw new Error(`case ${kase.id} has no disputed employment`)
    if (live?.company_id === kase.applicant_id) throw new NotNow('该人员已在申请企业在职，不需要再核定。')
    await assertStillOld(trx, kase, live)
    const starts_on = answers.starts_on ?? claim.starts_on
    if (live) await endEmployment(trx, live, { ends_on: dayBefore(starts_on, live), end_reason: 'transferred', by: byCase(kase) })
    await begin(trx, claim.id)
    await tellRespondent(trx, kase, `人员归属异议已核定：${kase.subject_name}自 ${starts_on} 起不再计入贵单位`)
  },
})

/** What is decided is between applicant and respondent: whoever employs the person meanwhile was not heard. */
async function assertStillOld(trx: Knex.Transaction, kase: Case, live: Employment | undefined): Promise<void> {
  if (!live) return
  const old = await trx('case_parties')
    .where({ case_id: kase.id, role: 'respondent', organisation_id: live.company_id })
    .first('id')
  if (old) return
  const other: { name: string } | undefined = await trx('organisations').where({ id: live.company_id }).first('name')
  throw new NotNow(
    `不能通过：该人员现在${other?.name ?? '另一家物业企业'}在职，不是这一件的被申请企业。请不通过这一件，由申请企业对现在的企业另提异议。`,
  )
}

async function claimedBefore(db: Knex, user: User, person_id: number | undefined) {
  const claim =
    person_id &&
    (await db('cases')
      .where({ kind: 'staff-dispute', subject_type: 'person', subject_id: person_id, applicant_id: user.organisation_id })
      .first('id'))
  return claim ? await db('people').where({ id: person_id }).first('id', 'name', 'title', 'credential') : undefined
}

async function idNumberOf(db: Knex, id: number): Promise<string> {
  const row: { id_number_cipher: string } | undefined = await db('people').where({ id }).first('id_number_cipher')
  return row ? decrypt('people.id_number', row.id_number_cipher) : ''
}

async function tellRespondent(trx: Knex.Transaction, kase: Case, title: string): Promise<void> {
  const party = await trx('case_parties').where({ case_id: kase.id, role: 'respondent' }).first('organisation_id')
  // Before the city passed it on, the old company has not heard of it.
  const heard = await trx('case_history').where({ case_id: kase.id, to_place: 'company' }).first('id')
  if (party?.organisation_id && heard)
    await tell(trx, {
      to: { organisation_id: party.organisation_id },
      title,
      // Withdrawn while it was asked, the case is no longer the old company's to read.
      link: kase.state === 'withdrawn' ? `/desk/people/${kase.subject_id}` : `/desk/cases/${kase.id}`,
      case_id: kase.id,
      channels: ['inbox', 'sms', 'mail'],
      outside: '有一件人员归属异议已办结。',
    })
}

export const staffKinds = [staffAdd, staffRemove, staffChange, staffDispute] as const
