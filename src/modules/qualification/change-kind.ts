import { z } from 'zod'
import { defineKind, type Finding, type KindSettings } from '../../cases/kind.ts'
import { paper, pledgeField } from '../../cases/standards.ts'
import { type Answers, showAnswers } from '../../forms/answers.ts'
import { date, type Mistakes, optionalText } from '../../forms/form.ts'
import { type Archive, type RecordAnswers, readRecord, starredPart } from '../archives/archive.ts'
import { changeFields, changeMistakes, changesIn, nowAnswers } from '../archives/change-form.ts'
import { companies, companyForm } from '../archives/company.ts'
import {
  changeDue,
  inTimeCheck,
  personMistakes,
  registeredMistakes,
  takenMistakes,
  writeChanges,
} from '../archives/company-kinds.ts'
import { changeable, changeCertificate, factsNow } from './certificates.ts'
import {
  grantedBy,
  grantOf,
  hasPaper,
  heldAnswers,
  heldFields,
  heldMistakes,
  holderOf,
  inForceCheck,
  liveCertificate,
  lockHeld,
  registered,
  withGranter,
} from './held.ts'
import { companyRoles, law, licenceClocks, unlessEnabled } from './standards.ts'

/**
 * 资质变更 (资质管理办法 第十五条；domain.md §4.3): a certificate follows what is registered. Either the archive was changed before and the
 * certificate says something else, or the change is told here, and the approval writes the archive too.
 */

const matter = { label: '资质变更', clause: '资质管理办法第十五条', instead: '请重新申请资质。' }
const clause = matter.clause

/** What a certificate says of a company, by the field of the archive that holds it. */
const printed = {
  name: 'company_name',
  code: 'credit_code',
  legal_person: 'legal_person',
  capital: 'capital',
  ownership: 'ownership',
  registered_address: 'address',
} as const satisfies Record<string, keyof typeof changeable>
type Printed = keyof typeof printed
const printedNames = Object.keys(printed) as Printed[] // Object.keys forgets the keys' type

const { name, code, legal_person, legal_person_id, capital, registered_address, ownership } = companyForm.shape

/** The part of the archive that a certificate prints; 企业类型 is filled in freely there, and changes by review here. */
const changing: Archive = {
  ...companies,
  form: z.object({
    name: name.meta({ ...name.meta(), section: '变更事项' }),
    code,
    legal_person,
    legal_person_id,
    capital,
    registered_address,
    ownership: ownership.meta({ ...ownership.meta(), star: true }),
  }),
}

const said = (field: Printed) => `said_${field}`

const form = z.object({
  ...heldFields,
  ...Object.fromEntries(printedNames.map(field => [said(field), registered(`证书记载${changeable[printed[field]]}`)])),
  ...changeFields(changing),
  changed_on: date({ label: '变更登记日期', section: '变更说明', hint: '市场监管部门核准变更的日期' }),
  reason: optionalText({ label: '变更原因', type: 'textarea', max: 500 }),
  ...pledgeField,
})

interface Difference {
  field: Printed
  before: string
  after: string
  told: boolean
}

/** Where the certificate will say something else: what is told here, and what the archive says already. */
function differencesIn(answers: Answers): Difference[] {
  const text = (field: string) => (typeof answers[field] === 'string' ? answers[field] : '')
  const shown = new Map(
    showAnswers(starredPart(changing), answers, { masked: true })
      .flatMap(section => section.fields)
      .map(field => [field.name, field.text]),
  )
  return printedNames.flatMap(field => {
    const told = text(field) !== ''
    const before = text(said(field))
    const after = told ? (shown.get(field) ?? '') : text(`now_${field}`)
    return before === after ? [] : [{ field, before, after, told }]
  })
}

const differenceChecks = printedNames.map(field => {
  const label = changeable[printed[field]]
  const id = `certificate-${field.replaceAll('_', '-')}`
  return {
    code: id,
    about: `${label}变更前后对照`,
    find({ answers }: { answers: Answers }): Finding | undefined {
      const difference = differencesIn(answers).find(one => one.field === field)
      if (!difference) return undefined
      const { before, after, told } = difference
      return {
        code: id,
        requirement: `${label}　证书记载：${before || '无'}`,
        actual: `变更为：${after || '无'}`,
        verdict: 'ok',
        law: clause,
        detail: told ? '通过后同时写入企业档案' : '企业档案已经变更',
      }
    },
  }
})

/** Papers that only some changes need. */
const proofs = [
  ['legal_person', 'legal-person-id', '变更法定代表人的，请在材料里上传新任法定代表人身份证明。'],
  ['registered_address', 'office', '变更住所的，请在材料里上传住所使用证明（产权证明或租赁合同）。'],
] as const

function settings(variant: string): KindSettings {
  return {
    chain: withGranter(variant),
    clocks: licenceClocks(),
    consults: [],
    materials: [
      paper('application-form', '企业资质变更申请表', { hint: '在本页打印，法定代表人签字、加盖公章后扫描上传' }),
      paper('business-licence', '营业执照（变更后）', { original: true, hint: '审核通过后存入企业档案' }),
      paper('registration-notice', '准予变更登记通知书', { hint: '市场监管部门出具' }),
      paper('resolution', '股东会决议', { required: false }),
      paper('legal-person-id', '新任法定代表人身份证明', {
        required: false,
        original: true,
        expires: true,
        hint: '变更法定代表人的必须提交',
      }),
      paper('charter', '企业章程', { required: false, hint: '变更内容涉及章程的提交' }),
      paper('capital-proof', '验资证明', { required: false, hint: '2015 年起不作要求，有的可以提供' }),
      paper('office', '住所使用证明', { required: false, hint: '变更住所的必须提交产权证明或租赁合同' }),
      paper('old-certificate', '原资质证书正、副本', { original: true, hint: '换发新证书时收回原件' }),
      paper('pledge', '材料真实性承诺书', { hint: '法定代表人签字，加盖公章' }),
    ],
    number: '',
    corrections: 1,
    thresholds: { filing_days: 30 },
    templates: [
      { step: 'pass', label: '与执照一致', text: '变更内容与营业执照一致，原证书正、副本已收回，同意变更。' },
      { step: 'refuse', label: '与执照不一致', text: '变更内容与营业执照不一致，请核对后重新提交。' },
      { step: 'decline', label: '不属本机关', text: '该证书不由本机关管理，请向原资质审批部门申请。' },
      { step: 'correct', label: '看不清', text: '扫描件看不清，请重新扫描后上传。' },
      { step: 'correct', label: '未交回原件', text: '没有交回原资质证书正、副本，请补交原件。' },
    ],
  }
}

export const qualificationChange = defineKind({
  code: 'qualification-change',
  label: '资质变更',
  module: 'qualification',
  law: `${law}第十五条`,
  when: '企业名称、法定代表人、住所、注册资本、企业类型变更登记后 30 日内申请，收回原证书，换发新证书，编号不变。',
  startedBy: companyRoles,
  prefix: 'ZB',
  form,
  variants: grantedBy,
  variantOf: grantOf,
  settings,
  thresholds: { filing_days: { label: '变更登记后申请期限', unit: '天' } },
  suspended: unlessEnabled,
  refusedTo: 'draft',
  checks: [...differenceChecks, inTimeCheck({ event: '变更登记', law: clause, due: changeDue }), inForceCheck(clause)],
  proof: {
    label: '物业服务企业资质证书（变更换发）',
    papers: [
      { code: 'certificate-main', label: '资质证书正本' },
      { code: 'certificate-copy', label: '资质证书副本' },
    ],
  },
  subjectOf: async (db, user) => (await holderOf(db, user, matter)).company,
  openKey: ({ id }) => `certificate:${id}`,
  async prefill(db, { subject_id }) {
    const held = await liveCertificate(db, subject_id)
    const { answers: record } = await readRecord(db, companies, subject_id)
    const facts = held && (await factsNow(db, held))
    const before: RecordAnswers = Object.fromEntries(printedNames.map(field => [field, facts?.[printed[field]] ?? '']))
    return {
      ...heldAnswers(held),
      ...Object.fromEntries(printedNames.map(field => [said(field), nowAnswers(changing, before, {})[`now_${field}`] ?? ''])),
      ...nowAnswers(changing, record, {}),
    }
  },
  async mistakes(db, kase, answers) {
    const { answers: record } = await readRecord(db, companies, kase.subject_id)
    const changes = changesIn(changing, answers)
    const differences = differencesIn(answers)
    const mistakes: Mistakes = {
      ...(await takenMistakes(db, kase, changes)),
      ...(Object.keys(changes).length ? changeMistakes(changing, record, answers) : {}),
      ...registeredMistakes(answers),
      ...(await heldMistakes(db, kase.subject_id, matter)),
    }
    if (!mistakes.legal_person) Object.assign(mistakes, personMistakes(changes))
    if (!differences.length)
      mistakes.name ??=
        '证书记载的内容与企业档案一致，也没有填写要变更的事项，不需要换发证书。请在要变更的事项后面填写变更后的内容。'
    // What the archive knows already was proved there, but for who the person is.
    for (const [field, paper, sentence] of proofs)
      if (
        differences.some(one => one.field === field && (one.told || field === 'legal_person')) &&
        !(await hasPaper(db, kase, paper))
      )
        mistakes[field] ??= sentence
    return mistakes
  },
  fileBy: changeDue,
  async whenDone(trx, kase, { answers, decidedOn }) {
    // What a certificate of before the portal says is read off the archive, so it is read before that changes.
    const held = await liveCertificate(trx, kase.subject_id)
    const said = held && (await factsNow(trx, held))
    // The archive first, in the order in which every approval locks.
    await writeChanges(trx, companies, kase, { answers, form: changing, adjust: {} })
    await lockHeld(trx, kase.subject_id, answers, matter)
    await changeCertificate(trx, { ...kase, company_id: kase.subject_id }, decidedOn, said)
  },
  afterwards: '企业档案和资质证书登记已经变更，证书编号不变。由市局制发的新正本、副本可在本页下载打印，原证书不能再使用。',
})
