import type { Knex } from 'knex'
import { z } from 'zod'
import { addDays } from '../../calendar.ts'
import type { Case, StepPayload } from '../../cases/case.ts'
import { draftOf } from '../../cases/drafts.ts'
import { defineKind, type Kind, type KindSettings } from '../../cases/kind.ts'
import { settingsById, settingsInForce } from '../../cases/settings.ts'
import { today } from '../../clock.ts'
import { NotNow } from '../../errors.ts'
import { type AnswerRow, type Answers, rowsOf, textOf } from '../../forms/answers.ts'
import { type Mistakes, optionalDate, optionalText, text } from '../../forms/form.ts'
import { isDay, normaliseCode } from '../../identifiers.ts'
import { tell } from '../../messages/messages.ts'
import { type CertificateLevel, certificateLevels } from '../archives/words.ts'
import { barring, freeAgainOn } from './behaviours.ts'
import { award, certificateNumbered, endCertificate, isGrantedElsewhere, plainNumber } from './certificates.ts'
import { mergeChecks, upgradeChecks } from './checks.ts'
import { applicantCompany, certificateOf, type HeldCertificate, lastDayAfter, projectAnswers, runsOn } from './company.ts'
import { mergeForm, mergeWays, upgradeForm } from './form.ts'
import { applyKey, factsOf, heldAnswers, proof, thresholds, tooEarly } from './kinds.ts'
import { lapseOf } from './lapse.ts'
import { mergeSettings, upgradeSettings } from './settings.ts'
import { companyRoles, law, unlessEnabled } from './standards.ts'

/** 资质升级 and 分立、合并 (domain.md §4.3): a level examined anew, whose certificate may be granted by the province or the ministry. */

type Level = Exclude<CertificateLevel, 'none'>

const isLevel = (text: string): text is Level => text !== 'none' && Object.hasOwn(certificateLevels, text)
const levelOf = ({ variant }: Pick<Case, 'variant'>) => variant as Level // variants of the kinds below are levels

// ── What a higher authority granted ───────────────────────────────────────────────────────────────

const valid_until = optionalDate({ label: '证书有效期至', hint: '按证书载明的填写；没有载明的不填，自批准之日起算' }).refine(
  day => !day || day > today(),
  '证书有效期至应在今天以后，请对照证书核对。',
)
const certificate_number = { label: '新证书编号', max: 60, normalise: plainNumber }

/**
 * What is wrong with a number keyed in: it stands on another certificate, or is about to.
 * @param kinds whose cases in publicity have been given numbers that no certificate carries yet
 */
async function numberMistakes(db: Knex, kase: Case, number: string): Promise<Mistakes> {
  if (await certificateNumbered(db, number))
    return { certificate_number: `证书编号 ${number} 已登记在另一张证书上，请对照发证机关的证书核对。` }
  const promised: { body: string | null; serial: string | null }[] = await db('cases')
    .join('case_history', 'case_history.case_id', 'cases.id')
    .join('case_payloads', 'case_payloads.id', 'case_history.payload_id')
    .whereIn('cases.kind', [qualificationUpgrade.code, qualificationMerge.code])
    .where({ 'cases.state': 'waiting', 'case_history.step': 'pass' })
    .whereNot({ 'cases.id': kase.id })
    .select('case_payloads.body', 'cases.serial')
  const other = promised.find(({ body }) => {
    const { conclusion } = JSON.parse(body ?? '{}') as StepPayload // written by writeLine alone
    return conclusion?.certificate_number === number
  })
  return other
    ? { certificate_number: `证书编号 ${number} 已录入在公示中的办件 ${other.serial} 里，请对照发证机关的证书核对。` }
    : {}
}

/** Whether a last day keyed in can be: the rule of the level counted from today, at the latest. */
async function untilMistakes(db: Knex, kase: Case, conclusion: Answers): Promise<Mistakes> {
  const until = textOf(conclusion, 'valid_until')
  if (!until || kase.settings_id === null) return {}
  const years = (await settingsById(db, kase.settings_id)).thresholds.valid_years ?? 1
  const last = lastDayAfter(today(), years)
  return until > last
    ? { valid_until: `证书有效期为 ${years} 年，最晚到 ${last}，${until} 超过了。请对照发证机关的证书核对。` }
    : {}
}

// ── 资质升级 ─────────────────────────────────────────────────────────────────────────────────────

/** Step by step: which levels a holder may ask for, its own when it will end. */
const within: Partial<Record<CertificateLevel, readonly Level[]>> = {
  third: ['second'],
  second: ['first', 'second'],
  first: ['first'],
}

/** 资质升级 (三级→二级→一级), and 二级、一级 examined again before their end. Province and ministry decide. */
export const qualificationUpgrade: Kind = defineKind({
  code: 'qualification-upgrade',
  label: '资质升级（二级、一级核定）',
  module: 'qualification',
  law: `${law}第五条、第十一条`,
  when: '持三级证书的企业申请二级，持二级证书的企业申请一级，随时可以申请；二级、一级证书将届满的，在届满前申请重新核定。一年内有第十一条所列行为的不能申请。',
  startedBy: companyRoles,
  prefix: 'ZS',
  form: upgradeForm,
  variants: { second: '升二级', first: '升一级' },
  variantOf: answers => (answers.level === 'first' ? 'first' : 'second'),
  settings: upgradeSettings,
  thresholds,
  conclusion: z.object({
    certificate_number: text({ ...certificate_number, hint: '按发证机关核发的证书填写' }),
    valid_until,
  }),
  numberIn: 'certificate_number',
  conclusionMistakes: async (db, kase, conclusion) => ({
    ...(await numberMistakes(db, kase, textOf(conclusion, 'certificate_number'))),
    ...(await untilMistakes(db, kase, conclusion)),
  }),
  refusedTo: 'refused',
  suspended: unlessEnabled,
  checks: upgradeChecks,
  afterwards: '上级机关批准后先公示，期满没有异议即登记新证书，原证书同时换下。证书由发证机关制发，请凭原资质证书领取。',
  async subjectOf(db, user) {
    const company = await applicantCompany(db, user)
    const held = await certificateOf(db, company.id)
    const { settings } = await settingsInForce(db, qualificationUpgrade, held?.level === 'third' ? 'second' : 'first')
    const only = held && within[held.level]?.length === 1 ? within[held.level]?.[0] : undefined
    const why = await whyNotUpgraded(db, company.id, settings, only)
    if (why) throw new NotNow(why)
    return company
  },
  openKey: applyKey,
  async prefill(db, { subject_id }) {
    const [answers, projects] = await Promise.all([heldAnswers(db, subject_id), projectAnswers(db, subject_id)])
    return { level: answers.certificate_level === 'third' ? 'second' : 'first', ...answers, ...projects }
  },
  async mistakes(db, kase, answers, settings): Promise<Mistakes> {
    // What was right on the day of submission stays so while it is corrected; only the level may not become another.
    if (kase.state === 'supplement')
      return textOf(answers, 'level') === kase.variant
        ? {}
        : { level: '补正时不能改变申报等级。要申请其他等级的，请撤回这一件后重新申请。' }
    const why = await whyNotUpgraded(db, kase.subject_id, settings, textOf(answers, 'level'))
    return why ? { level: why } : {}
  },
  async whenDone(trx, kase, context) {
    await award(trx, { ...kase, company_id: kase.subject_id }, context, levelOf(kase))
  },
  whenEnded: (trx, { subject_id }) => lapseOf(trx, subject_id),
  publicFacts: (kase, answers) => factsOf(answers, certificateLevels[levelOf(kase)]),
})

/**
 * Why a company cannot apply for a level now, in a sentence with the clause and what it can do.
 * @param level nothing where it is still to be chosen
 */
async function whyNotUpgraded(
  db: Knex,
  company_id: number,
  settings: KindSettings,
  level: string | undefined,
): Promise<string | undefined> {
  const held = await certificateOf(db, company_id)
  if (!held) return '资质升级由持有三级、二级或一级证书的企业申请。贵企业没有有效的资质证书，请先办理新设立申报。'
  const open: readonly string[] = within[held.level] ?? []
  const own = certificateLevels[held.level]
  if (!open.length) return `贵企业持有的证书 ${held.number} 是${own}。请先办理三级核定，取得三级证书后再申请二级。`
  if (!runsOn(held)) return `${own}证书 ${held.number} 已于 ${held.valid_until} 届满失效，不能申请升级。请重新办理新设立申报。`
  if (level !== undefined && !open.includes(level))
    return `资质逐级申请，持有${own}证书的企业可以申请${open.map(one => certificateLevels[one as Level]).join('或')}。请改选申报等级。` // values of within
  if (level === held.level) {
    const early = await tooEarly(db, held, settings)
    if (early) return early
  }
  return await barredSentence(db, company_id, settings)
}

/** Why 第十一条 keeps a company from a higher level, and until when. */
async function barredSentence(db: Knex, company_id: number, settings: KindSettings): Promise<string | undefined> {
  const years = settings.thresholds.barred_years ?? 1
  const hits = await barring(db, company_id, today(), years)
  if (!hits.length) return undefined
  const free = hits.map(hit => freeAgainOn(hit, years)).reduce((one, other) => (one > other ? one : other))
  const words = hits.map(({ label, where, on }) => `${label}（${where}，${on}）`).join('；')
  return `资质管理办法第十一条规定，申请之日前${years === 1 ? '一' : ` ${years} `}年内有所列行为的不予批准。贵企业有：${words}。自 ${free} 起可以申请。`
}

// ── 分立、合并 ───────────────────────────────────────────────────────────────────────────────────

/** What the ways of 合并 and 分立 mean for the other companies (公司法): a sentence where the rows say otherwise. */
const wayRules: Readonly<Record<string, (rows: readonly AnswerRow[]) => string | undefined>> = {
  absorb: rows => (rows.some(isGone) ? undefined : '吸收合并中被吸收的企业解散，请把被吸收的企业标为“解散注销”。'),
  found: rows =>
    rows.length > 1 && rows.every(isGone)
      ? undefined
      : '新设合并由两家以上企业合并为新企业，合并各方解散，请列全各方并都标为“解散注销”。',
  'split-off': rows => (rows.some(isGone) ? '存续分立的各方都存续，没有企业解散。有企业解散的，请改选新设分立。' : undefined),
  'split-up': rows => (rows.some(isGone) ? undefined : '新设分立中原企业解散，请列出原企业并标为“解散注销”。'),
}
function isGone({ dissolved }: AnswerRow): boolean {
  return dissolved === 'yes'
}

const codesOf = (rows: readonly AnswerRow[]) => rows.map(({ code = '' }) => normaliseCode(code)).filter(Boolean)

/** What a level is worth beside another; without a certificate a company begins at the bottom. */
const rank: Readonly<Record<CertificateLevel, number>> = { none: 0, provisional: 1, third: 2, second: 3, first: 4 }
/** Whoever holds nothing is examined for these (资质管理办法 第八条). */
const beginners: readonly string[] = ['provisional', 'third']

/** Companies of the archive by credit code. */
async function companiesCoded(db: Knex, codes: readonly string[]): Promise<{ id: number; name: string; code: string }[]> {
  return await db('organisations').where({ kind: 'company' }).whereIn('code', codes).orderBy('id').select('id', 'name', 'code')
}

/** 分立、合并: within 30 days of the registration the old certificates end and the level is examined anew. */
export const qualificationMerge: Kind = defineKind({
  code: 'qualification-merge',
  label: '资质分立、合并核定',
  module: 'qualification',
  law,
  when: '企业合并、分立的，自办理变更登记之日起 30 日内申请重新核定资质等级；解散企业的资质证书同时注销。',
  startedBy: companyRoles,
  prefix: 'ZF',
  form: mergeForm,
  variants: { provisional: '三级（暂定）', third: '三级', second: '二级', first: '一级' },
  variantOf: ({ level }) => (typeof level === 'string' && Object.hasOwn(certificateLevels, level) ? level : 'third'),
  settings: mergeSettings,
  thresholds: { ...thresholds, filing_days: { label: '变更登记后申请期限', unit: '天' } },
  conclusion: z.object({
    certificate_number: optionalText({
      ...certificate_number,
      hint: '二级、一级按发证机关核发的证书填写；三级、三级（暂定）由本市编号，不填',
    }),
    valid_until,
  }),
  numberIn: 'certificate_number',
  async conclusionMistakes(db, kase, conclusion) {
    const number = textOf(conclusion, 'certificate_number')
    if (isGrantedElsewhere(levelOf(kase)))
      return number
        ? { ...(await numberMistakes(db, kase, number)), ...(await untilMistakes(db, kase, conclusion)) }
        : { certificate_number: '请填写发证机关核发的新证书编号。' }
    return number ? { certificate_number: `${certificateLevels[levelOf(kase)]}证书由本市编号，请不要填写，发证时自动取号。` } : {}
  },
  refusedTo: 'refused',
  suspended: unlessEnabled,
  checks: mergeChecks,
  proof,
  afterwards: '批准后先公示，期满没有异议即发证，解散企业的资质证书同时注销。二级、一级证书由发证机关制发。',
  subjectOf: applicantCompany,
  openKey: applyKey,
  async prefill(db, { subject_id }) {
    const [answers, projects] = await Promise.all([heldAnswers(db, subject_id), projectAnswers(db, subject_id)])
    return { ...answers, ...projects }
  },
  async mistakes(db, kase, answers, settings) {
    const level = textOf(answers, 'level')
    const mistakes: Mistakes = await partnerMistakes(db, answers)
    const tooHigh = await levelMistake(db, kase, answers, settings)
    if (tooHigh) mistakes.level = tooHigh
    if (textOf(answers, 'registered_on') > today())
      mistakes.registered_on = '变更登记日期还没有到。请先到市场监管部门办理合并、分立登记。'
    const held = await certificateOf(db, kase.subject_id)
    if (level === 'provisional' && held && held.level !== 'provisional')
      mistakes.level = `贵企业持有${certificateLevels[held.level]}证书 ${held.number}，不申请三级（暂定）。请按合并、分立后的条件选择等级。`
    if (kase.state === 'supplement' && level !== kase.variant)
      mistakes.level = '补正时不能改变申请等级。要申请其他等级的，请撤回这一件后重新申请。'
    return mistakes
  },
  // They must hear of what is said about them. The draft is what was just submitted.
  async informed(db, kase) {
    const { answers } = await draftOf(db, kase)
    const named = await companiesCoded(db, codesOf(rowsOf(answers, 'others')))
    return named.map(({ id }) => id).filter(id => id !== kase.subject_id)
  },
  fileBy(answers, { thresholds }) {
    const from = textOf(answers, 'registered_on')
    return isDay(from) && thresholds.filing_days ? addDays(from, thresholds.filing_days) : undefined
  },
  async whenSubmitted(trx, kase, answers) {
    await tellDissolved(trx, kase, answers, ({ held }) => ({
      title: `${textOf(answers, 'company_name')}申请${wayOf(answers)}资质核定，把贵企业列为解散注销的一方。`,
      body: `${held ? `批准后贵企业的资质证书 ${held.number} 同时注销。` : ''}情况不属实的，请立即联系受理的区县主管部门；批准前还会公示，公示期内可以在公示页提出异议。`,
    }))
  },
  async whenDone(trx, kase, context) {
    const { answers, decidedOn } = context
    const gone = await dissolvedIn(trx, answers)
    const heard: number[] = await trx('case_parties').where({ case_id: kase.id, role: 'informed' }).pluck('organisation_id')
    for (const { id, name, stated, held } of gone) {
      if (name !== stated || !heard.includes(id))
        throw new NotNow(
          `现在不能生效：申请里列为解散的“${stated}”与企业档案已不一致，该企业可能没有被告知。请不通过并说明理由，由申请人核对后重新提交。`,
        )
      if (!held) continue
      if (isGrantedElsewhere(held.level)) throw new NotNow(`现在不能生效：${elsewhereSentence(stated)}`)
      await endCertificate(trx, held.id, {
        state: 'cancelled',
        on: decidedOn,
        reason: `因${wayOf(answers)}解散，由${textOf(answers, 'company_name')}重新核定资质`,
        basis: law,
      })
      await tell(trx, {
        to: { organisation_id: id },
        title: `贵企业的资质证书 ${held.number} 已注销：因${wayOf(answers)}解散，由${textOf(answers, 'company_name')}重新核定资质。`,
        body: '对注销不服的，可以依法申请行政复议或者提起行政诉讼。',
        link: `/desk/certificates/${held.id}`,
        channels: ['inbox', 'sms', 'mail'],
      })
    }
    await award(trx, { ...kase, company_id: kase.subject_id }, context, levelOf(kase))
  },
  publicFacts: (kase, answers) => [
    ...factsOf(answers, certificateLevels[levelOf(kase)]),
    {
      label: '合并、分立',
      value: `${mergeWays[answers.way as keyof typeof mergeWays]}：${rowsOf(answers, 'others') // read by the form
        .map(row => `${row.name}${isGone(row) ? '（解散）' : ''}`)
        .join('、')}`,
    },
  ],
})

const wayOf = (answers: Answers) => Object.entries(mergeWays).find(([code]) => code === answers.way)?.[1] ?? ''

const elsewhereSentence = (name: string) =>
  `“${name}”持有上级机关核发的资质证书，本市不能注销。请先向发证机关办理注销（资质管理办法第十四条），再申请重新核定。`

interface Dissolved {
  id: number
  /** As the archive has it, and as the application says. */
  name: string
  stated: string
  held: HeldCertificate | undefined
}

/** The companies of the archive that an application says are dissolved, with the certificates that would end. */
async function dissolvedIn(db: Knex, answers: Answers): Promise<Dissolved[]> {
  const rows = rowsOf(answers, 'others').filter(isGone)
  const known = await companiesCoded(db, codesOf(rows))
  return await Promise.all(
    known.map(async ({ id, name, code }) => ({
      id,
      name,
      stated: rows.find(row => normaliseCode(row.code ?? '') === code)?.name ?? '',
      held: await certificateOf(db, id),
    })),
  )
}

/** Tells each company that is said to be dissolved. */
async function tellDissolved(
  trx: Knex.Transaction,
  kase: Case,
  answers: Answers,
  words: (company: Dissolved) => { title: string; body: string },
): Promise<void> {
  for (const company of await dissolvedIn(trx, answers))
    await tell(trx, {
      to: { organisation_id: company.id },
      ...words(company),
      link: `/desk/cases/${kase.id}`,
      channels: ['inbox', 'sms', 'mail'],
    })
}

/**
 * 合并 and 分立 are no way round the steps: no level above the highest that the parties hold, and what is above the applicant's own is
 * asked what an upgrade is asked (资质管理办法 第五条、第十一条).
 */
async function levelMistake(db: Knex, kase: Case, answers: Answers, settings: KindSettings): Promise<string | undefined> {
  const level = textOf(answers, 'level')
  if (!isLevel(level)) return undefined
  const own = (await certificateOf(db, kase.subject_id))?.level ?? 'none'
  const held = [own, ...(await dissolvedIn(db, answers)).map(({ held }) => held?.level ?? 'none')]
  const highest = held.reduce((one, other) => (rank[one] >= rank[other] ? one : other))
  if (rank[level] > rank[highest] && !beginners.includes(level))
    return `资质逐级申请（资质管理办法第五条），合并、分立各方持有的最高等级是${highest === 'none' ? '“无”' : certificateLevels[highest]}，不能申请${certificateLevels[level]}。请改选等级，取得证书后再申请升级。`
  return rank[level] > rank[own] ? await barredSentence(db, kase.subject_id, settings) : undefined
}

/** Whether the other companies are others, each once, called as the archive knows them, and fit what is said to have happened. */
async function partnerMistakes(db: Knex, answers: Answers): Promise<Mistakes> {
  const rows = rowsOf(answers, 'others')
  const mistakes: Mistakes = {}
  const names = rows.map(({ name = '' }) => name)
  const [coded, named, gone] = await Promise.all([
    companiesCoded(db, codesOf(rows)),
    db('organisations').where({ kind: 'company' }).whereIn('name', names).whereNotNull('code').select('name', 'code'),
    dissolvedIn(db, answers),
  ])
  for (const [at, { name = '', code = '' }] of rows.entries()) {
    const known = coded.find(company => company.code === code)
    const namesake: { code: string } | undefined = named.find(company => company.name === name)
    const first = rows.findIndex(row => row.code === code)
    if (code === textOf(answers, 'credit_code')) mistakes[`others.${at}.code`] = '这是本企业的代码，只列本企业以外的各方。'
    else if (first < at) mistakes[`others.${at}.code`] = `这家企业已在第 ${first + 1} 行列出，请删除一行。`
    // What the archive has instead is no business of whoever asks.
    else if ((known && known.name !== name) || (!known && namesake))
      mistakes[`others.${at}.name`] = '名称和代码与企业档案对不上，请对照该企业的营业执照核对，一字不差地填写。'
    const held = gone.find(company => company.id === known?.id && company.name === name)?.held
    if (isGone(rows[at] ?? {}) && held && isGrantedElsewhere(held.level))
      mistakes[`others.${at}.dissolved`] ??= elsewhereSentence(name)
  }
  const wrong = wayRules[textOf(answers, 'way')]?.(rows)
  if (wrong) mistakes.way = wrong
  return mistakes
}

export const applyKinds: readonly Kind[] = [qualificationUpgrade, qualificationMerge]
