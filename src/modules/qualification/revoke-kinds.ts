import type { Knex } from 'knex'
import { z } from 'zod'
import { settingsNow } from '../../admin/settings.ts'
import type { Case } from '../../cases/case.ts'
import { editionOf } from '../../cases/drafts.ts'
import { payloadsOf } from '../../cases/history.ts'
import {
  abandonmentCode,
  type Check,
  type DoneContext,
  defineKind,
  desk,
  type Kind,
  type KindSettings,
  party,
} from '../../cases/kind.ts'
import { takeNumber } from '../../cases/numbers.ts'
import { historyOf } from '../../cases/queries.ts'
import { settingsInForce } from '../../cases/settings.ts'
import { cityRule, paper, standardClocks } from '../../cases/standards.ts'
import { dayOf, today } from '../../clock.ts'
import { issueDocument } from '../../documents/documents.ts'
import { exOfficioDecision } from '../../documents/letters.ts'
import { NotFound, NotNow } from '../../errors.ts'
import type { Answers } from '../../forms/answers.ts'
import { choice, date, type Mistakes, optionalChoice, text } from '../../forms/form.ts'
import { tell } from '../../messages/messages.ts'
import { type CertificateLevel, certificateLevels, optionsOf } from '../archives/words.ts'
import { type Behaviour, behaviours, registerBehaviours } from './behaviours.ts'
import { award, type CertificateRow, endCertificate, isGrantedElsewhere, lockCertificate } from './certificates.ts'
import { certificateOf, lastDayAfter } from './company.ts'
import { qualificationConfirm, qualificationNew } from './kinds.ts'
import { publicly } from './public-words.ts'
import { unlessEnabled } from './standards.ts'

/**
 * 资质撤销、降级: the city ends a certificate or lowers its level of its own motion (行政许可法 第六十九条、第七十条；domain.md §4.6). The company is
 * heard before the decision; the public reads the reason and the clause, never the file.
 */

export const revokeKind = 'certificate-revoke'

const measures = {
  revoke: '撤销',
  cancel: '注销（依职权）',
  lower: '降低等级',
} as const
type Measure = keyof typeof measures

const titles: Record<Measure, string> = {
  revoke: '物业服务企业资质撤销决定书',
  cancel: '物业服务企业资质注销决定书',
  lower: '物业服务企业资质降级决定书',
}

/** Levels the city grants, which a certificate can be lowered to, and from which ones. */
const lowerLevels = { third: '三级', provisional: '三级（暂定）' } as const
type LowerLevel = keyof typeof lowerLevels
const rank: readonly CertificateLevel[] = ['none', 'provisional', 'third', 'second', 'first']

const form = z.object({
  company_name: text({ label: '企业名称', section: '资质证书', archive: { label: '企业档案' }, wide: true }),
  certificate_number: text({ label: '证书编号', archive: { label: '资质台账' } }),
  certificate_level: text({ label: '资质等级', archive: { label: '资质台账' } }),
  measure: choice({ label: '处理', section: '拟作出的决定', type: 'radio', options: optionsOf(measures) }),
  level: optionalChoice({ label: '降低到', options: optionsOf(lowerLevels), hint: '降低等级的选择' }),
  basis: text({
    label: '依据',
    max: 300,
    wide: true,
    hint: '写明法律名称和条款，如“行政许可法第六十九条第二款”。会向社会公开',
    rule: publicly('依据'),
  }),
  reason: text({
    label: '公开的理由',
    type: 'textarea',
    max: 300,
    hint: '证书核验页、公开台账和决定书都会写这一段，不写个人信息',
    rule: publicly('公开的理由'),
  }),
  behaviour: optionalChoice({
    label: '涉及的行为',
    section: '查明的情况',
    options: optionsOf(behaviours),
    hint: '属于资质管理办法列明行为的选择，一年内申请资质时会提示审核人员',
    wide: true,
  }),
  occurred_on: date({ label: '行为发生或查实日期' }),
  facts: text({
    label: '查明的事实和证据',
    type: 'textarea',
    max: 3000,
    hint: '企业陈述申辩时看得到，决定书会写；不向社会公开',
  }),
})

const settings: KindSettings = {
  chain: [
    desk('city-reviewer', 'city-reviewer', '市局复核', '复核中'),
    party('statement', 'respondent', '企业陈述申辩', '陈述申辩中', 5),
    desk('city-approver', 'city-approver', '市局决定', '决定中'),
  ],
  // What the office begins is no application that could count as taken back.
  clocks: standardClocks({ limit: 20, law: cityRule }).filter(({ code }) => code !== abandonmentCode),
  consults: [],
  materials: [
    paper('evidence', '证据材料', { hint: '检查记录、查证文书、处罚决定等，企业陈述申辩时看得到' }),
    paper('internal', '内部请示、举报材料', { required: false, hint: '只有主管部门看得到' }),
  ],
  number: '济资撤〔{yyyy}〕{seq:4}号',
  corrections: 1,
  thresholds: {},
  templates: [
    { step: 'pass', label: '事实清楚', text: '事实清楚，证据确实，依据正确，同意。' },
    { step: 'refuse', label: '陈述成立', text: '企业陈述申辩的理由成立，不予撤销、降级。' },
    { step: 'decline', label: '不予立案', text: '事实不清，证据不足，不予立案。' },
    { step: 'correct', label: '补充证据', text: '请补充证明该事实的证据材料。' },
  ],
}

const wordOf = (answers: Answers, name: string) => (typeof answers[name] === 'string' ? answers[name] : '')
const measureOf = (answers: Answers) => wordOf(answers, 'measure') as Measure // a choice of the form
const levelOf = (label: string) => rank.find(level => certificateLevels[level] === label)

const stillHeld: Check = {
  code: 'certificate',
  about: '这张证书仍是企业的有效证书',
  async find({ db, kase, answers }) {
    const held = await certificateOf(db, kase.subject_id)
    const number = wordOf(answers, 'certificate_number')
    const same = held?.number === number
    return {
      code: 'certificate',
      requirement: `证书 ${number} 有效`,
      actual: same ? '有效' : held ? `企业现在的证书是 ${held.number}` : '企业现在没有有效证书',
      verdict: same ? 'ok' : 'bad',
      law: '行政许可法第六十九条、第七十条',
      ...(same ? {} : { detail: '证书已变，本件不能通过。请不通过或撤回，需要时重新提出' }),
    }
  },
}

const grantedBy: Check = {
  code: 'authority',
  about: '一级、二级证书由发证机关决定',
  async find({ db, kase }) {
    const held = await certificateOf(db, kase.subject_id)
    if (!held || !isGrantedElsewhere(held.level)) return undefined
    const row: { issuer: string } | undefined = await db('certificates').where({ id: held.id }).first('issuer')
    return {
      code: 'authority',
      requirement: `${certificateLevels[held.level]}资质由发证机关撤销、降级`,
      actual: `发证机关 ${row?.issuer ?? ''}`,
      verdict: 'warn',
      law: '行政许可法第六十九条',
      detail: '请先取得发证机关的决定，文号写在“依据”里，原件作为证据材料上传；本市据此登记',
    }
  },
}

async function levelMistakes(_db: Knex, _kase: Case, answers: Answers): Promise<Mistakes> {
  const mistakes: Mistakes = {}
  const [level, present] = [wordOf(answers, 'level'), levelOf(wordOf(answers, 'certificate_level'))]
  if (measureOf(answers) === 'lower') {
    if (!level) mistakes.level = '降低等级的，请选择降低到哪一级。'
    else if (present && rank.indexOf(level as LowerLevel) >= rank.indexOf(present))
      mistakes.level = `现在是${certificateLevels[present]}，只能降低到更低的等级。没有更低等级的，请选“撤销”。`
  } else if (level) mistakes.level = '只有降低等级才选。请改为“不填”，或者把处理改为“降低等级”。'
  if (wordOf(answers, 'occurred_on') > today()) mistakes.occurred_on = '日期还没有到。请填写行为发生或查实的日期。'
  return mistakes
}

/** 资质撤销、降级, ex officio. */
const certificateRevoke = defineKind({
  code: revokeKind,
  label: '资质撤销、降级',
  module: 'qualification',
  law: '行政许可法第六十九条、第七十条，物业服务企业资质管理办法（建设部令第164号）',
  when: '查实不应当继续持有资质证书或者应当降低等级的，由市局依职权办理，作出决定前听取企业陈述申辩。',
  startedBy: ['city-clerk'],
  startsAt: { label: '选择证书', href: '/desk/lists/certificates' },
  parties: ['respondent'],
  reaches: ['city'],
  prefix: 'CX',
  form,
  settings,
  refusedTo: 'refused',
  steps: { accept: '立案', decline: '不予立案' },
  states: { submitted: '待立案', done: '已决定', refused: '不予撤销、降级', declined: '不予立案' },
  suspended: unlessEnabled,
  checks: [stillHeld, grantedBy],
  keptBack: ['internal'],
  async subjectOf(db, _user, { subject_id }) {
    if (!subject_id) throw new NotNow('请先在资质台账里打开要处理的证书，再按“撤销、降级”。')
    const company: { name: string; district_code: string | null; street_code: string | null } | undefined = await db(
      'organisations',
    )
      .where({ id: subject_id, kind: 'company' })
      .first('name', 'district_code', 'street_code')
    if (!company) throw new NotFound('没有找到这家物业企业。')
    if (!(await certificateOf(db, subject_id)))
      throw new NotNow(`“${company.name}”现在没有有效的资质证书，没有可以撤销、降级的。`)
    return { type: 'company', id: subject_id, ...company }
  },
  // Not the key of the company's own businesses: a draft of those must not stand in the way, nor tell of this one.
  openKey: ({ id }) => `certificate-revoke:${id}`,
  async prefill(db, { subject_id }) {
    const company: { name: string } | undefined = await db('organisations').where({ id: subject_id }).first('name')
    const held = await certificateOf(db, subject_id)
    return {
      company_name: company?.name ?? '',
      certificate_number: held?.number ?? '',
      certificate_level: held ? certificateLevels[held.level] : '',
    }
  },
  mistakes: levelMistakes,
  partiesOf: async (_trx, { subject_id }) => [{ role: 'respondent', organisation_id: subject_id }],
  whenDone: carryOut,
  afterwards: '证书状态、公开台账和核验页已随决定改变，决定书已发给企业。',
})

/** Carries the decision out: ends the certificate, or puts one of a lower level in its place; the company gets the letter. */
async function carryOut(trx: Knex.Transaction, kase: Case, context: DoneContext): Promise<void> {
  const { answers, decidedOn: on, number } = context
  if (!number) throw new Error(`${revokeKind} has no number`)
  const company_id = kase.subject_id
  const row = await lockCertificate(trx, company_id)
  if (!row || row.number !== wordOf(answers, 'certificate_number'))
    throw new NotNow('这张证书已不是企业的有效证书，不能据此决定。请不通过并写明情况，需要时重新提出。')
  const measure = measureOf(answers)
  const [reason, basis] = [wordOf(answers, 'reason'), wordOf(answers, 'basis')]
  if (measure === 'lower') {
    const level = wordOf(answers, 'level') as LowerLevel // checked at the submission
    const lower = await lowerCertificate(trx, kase, context, row, level)
    await trx('certificates')
      .where({ id: row.id })
      .update({ end_reason: `降低等级：${reason}`.slice(0, 300), end_basis: basis.slice(0, 300) })
    await send(trx, kase, context, { row, number, lower: `${lowerLevels[level]}，新证书编号 ${lower}` })
  } else {
    await endCertificate(trx, row.id, { state: measure === 'revoke' ? 'revoked' : 'cancelled', on, reason, basis })
    await send(trx, kase, context, { row, number })
  }
}

/** A certificate of the lower level, numbered by the rule of whoever grants it; lowering it does not make it last longer. */
async function lowerCertificate(
  trx: Knex.Transaction,
  kase: Case,
  context: DoneContext,
  row: CertificateRow,
  level: LowerLevel,
): Promise<string> {
  const kind: Kind = level === 'third' ? qualificationConfirm : qualificationNew
  const { settings } = await settingsInForce(trx, kind, '')
  const number = await takeNumber(trx, settings.number, { year: today().slice(0, 4), region: kase.district_code ?? '' })
  const longest = lastDayAfter(context.decidedOn, settings.thresholds.valid_years ?? 1)
  const valid_until = row.valid_until !== null && row.valid_until < longest ? row.valid_until : longest
  const like = { ...context, answers: { certificate_number: row.number }, settings, number, conclusion: { valid_until } }
  await award(trx, { ...kase, company_id: kase.subject_id }, like, level)
  return number
}

async function send(
  trx: Knex.Transaction,
  kase: Case,
  { answers, decidedOn }: DoneContext,
  { row, number, lower }: { row: CertificateRow; number: string; lower?: string },
): Promise<void> {
  const set = await settingsNow(trx)
  const measure = measureOf(answers)
  const name = kase.subject_name
  const held = `${certificateLevels[row.level]}资质证书（编号 ${row.number}）`
  const letter = exOfficioDecision(
    {
      title: titles[measure],
      issuer: set['city.bureau'],
      number,
      matter: certificateRevoke.label,
      to: name,
      on: decidedOn,
      ...(set['city.phone'] ? { contact: `联系电话：${set['city.phone']}` } : {}),
    },
    {
      decision: `经查，本机关决定：${lower ? `你单位的${held}降低为${lower}` : `${measure === 'revoke' ? '撤销' : '注销'}你单位的${held}`}。原证书正本、副本请自收到本决定书之日起十日内交回。`,
      found: wordOf(answers, 'facts'),
      reason: wordOf(answers, 'reason'),
      heard: await heard(trx, kase),
      law: wordOf(answers, 'basis'),
      remedy: { review: set['documents.remedy-review'], court: set['documents.remedy-court'] },
    },
  )
  await issueDocument(trx, {
    paper: 'revocation',
    case_id: kase.id,
    organisation_id: row.company_id,
    number,
    title: letter.title,
    facts: letter,
    issued_on: decidedOn,
  })
  await tell(trx, {
    to: { organisation_id: row.company_id },
    title: `贵企业的资质证书 ${row.number} 已${lower ? '降低等级' : measure === 'revoke' ? '被撤销' : '被注销'}，决定书 ${number}。`,
    body: `理由：${wordOf(answers, 'reason')}\n依据：${wordOf(answers, 'basis')}\n不服决定的救济途径见决定书，可在办件页查看、打印。`,
    link: `/desk/cases/${kase.id}`,
    case_id: kase.id,
    channels: ['inbox', 'sms', 'mail'],
  })
}

/** What the company said before the decision. */
async function heard(trx: Knex.Transaction, kase: Case): Promise<string> {
  const history = await historyOf(trx, kase.id)
  const answer = history.findLast(({ step }) => step === 'answer')
  const said = answer?.payload_id ? (await payloadsOf(trx, kase.id)).get(answer.payload_id)?.opinion : undefined
  return said
    ? `本机关在作出决定前听取了你单位的陈述和申辩（${said.replace(/[。；\s]+$/, '')}），经复核，不影响上述认定。`
    : '本机关已告知你单位陈述和申辩的权利，你单位在规定期限内没有提出。'
}

export const revokeKinds: readonly Kind[] = [certificateRevoke]

/** Decisions of this city that established one of the behaviours (domain.md §4.5). */
registerBehaviours({
  code: 'revocations',
  label: '本市资质撤销、降级决定',
  async find(db, company_id, from, to) {
    const cases: Case[] = await db<Case>('cases')
      .where({ subject_type: 'company', subject_id: company_id, kind: revokeKind, state: 'done' })
      .select()
    const found = await Promise.all(
      cases.map(async kase => {
        const answers = await editionOf(db, kase, kase.edition)
        const code = wordOf(answers, 'behaviour')
        const on = kase.decided_at ? dayOf(kase.decided_at) : ''
        return Object.hasOwn(behaviours, code) && on >= from && on <= to
          ? [{ code: code as Behaviour, on, where: `${measures[measureOf(answers)]}决定 ${kase.number ?? ''}` }] // just looked up
          : []
      }),
    )
    return found.flat()
  },
})
