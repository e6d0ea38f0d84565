import { z } from 'zod'
import { addDays } from '../../calendar.ts'
import { type Check, defineKind, type KindSettings } from '../../cases/kind.ts'
import { paper, pledgeField } from '../../cases/standards.ts'
import { today } from '../../clock.ts'
import { NotNow } from '../../errors.ts'
import type { Answers } from '../../forms/answers.ts'
import { choice, date, type Mistakes, optionalText, text } from '../../forms/form.ts'
import { isDay } from '../../identifiers.ts'
import { certificateLevels, optionsOf } from '../archives/words.ts'
import { editionsOf, isGrantedElsewhere, reissueCertificate } from './certificates.ts'
import { heldAnswers, heldFields, heldMistakes, holderOf, inForceCheck, liveCertificate, lockHeld, registered } from './held.ts'
import { companyRoles, law, licenceClocks, shortChain, unlessEnabled } from './standards.ts'

/** 遗失补办 (资质管理办法 第十三条；domain.md §4.3): after a notice in a newspaper the certificate is printed again and marked 补. */

const matter = { label: '资质证书遗失补办', clause: '资质管理办法第十三条', instead: '请重新申请资质。' }

const lost = { both: '正本和副本', main: '正本', copy: '副本' } as const
type Lost = keyof typeof lost

const form = z.object({
  ...heldFields,
  issued_on: registered('现证书制发日期'),
  papers: choice({ label: '遗失的证书', section: '遗失情况', options: optionsOf(lost) }),
  explanation: optionalText({ label: '遗失经过', type: 'textarea', max: 1000 }),
  newspaper: text({ label: '报刊名称', section: '登报声明', max: 100, hint: '声明刊登在哪家报刊' }),
  notice_on: date({ label: '登报日期' }),
  notice_page: text({ label: '版面', max: 40, hint: '如：A07 版' }),
  ...pledgeField,
})

const textIn = (answers: Answers, name: string) => (typeof answers[name] === 'string' ? answers[name] : '')

/** The first day an application may come in: the notice must have been out for some days, so that a finder can answer. */
function earliest(answers: Answers, { thresholds }: Pick<KindSettings, 'thresholds'>): string | undefined {
  const from = textIn(answers, 'notice_on')
  return isDay(from) ? addDays(from, thresholds.notice_days ?? 0) : undefined
}

const notice: Check = {
  code: 'notice',
  about: '已登报声明，并满规定天数',
  find({ answers, settings, on }) {
    const from = earliest(answers, settings)
    if (!from) return undefined
    const days = settings.thresholds.notice_days ?? 0
    return {
      code: 'notice',
      requirement: days ? `登报声明满 ${days} 日` : '已登报声明',
      actual: `${textIn(answers, 'newspaper')} ${textIn(answers, 'notice_on')} ${textIn(answers, 'notice_page')}`.trim(),
      verdict: from <= on ? 'ok' : 'bad',
      law: matter.clause,
      ...(days ? { detail: `${from} 起可以申请` } : {}),
    }
  },
}

const settings: KindSettings = {
  chain: shortChain(),
  clocks: licenceClocks(),
  consults: [],
  materials: [
    paper('application-form', '资质证书遗失补办申请表', { hint: '在本页打印，法定代表人签字、加盖公章后扫描上传' }),
    paper('newspaper', '刊登遗失声明的报刊', { original: true, hint: '有报头、日期和声明的整版' }),
    paper('business-licence', '营业执照', { original: true }),
    paper('remaining', '没有遗失的正本或者副本', { required: false, hint: '只遗失其中一种的提交复印件' }),
    paper('pledge', '材料真实性承诺书', { hint: '法定代表人签字，加盖公章' }),
  ],
  number: '',
  corrections: 1,
  thresholds: { notice_days: 10 },
  templates: [
    { step: 'pass', label: '声明属实', text: '遗失声明已核对报刊原件，同意补办。' },
    { step: 'refuse', label: '声明不符', text: '报刊声明的企业名称或证书编号与登记不一致，请重新登报后提交。' },
    { step: 'decline', label: '不属本机关', text: '该证书不由本机关制发，请向发证机关申请补办。' },
    { step: 'correct', label: '看不清', text: '扫描件看不清，请重新扫描后上传。' },
  ],
}

export const qualificationReissue = defineKind({
  code: 'qualification-reissue',
  label: '资质证书遗失补办',
  module: 'qualification',
  law: `${law}第十三条`,
  when: '资质证书正本或者副本遗失，在报刊上声明满规定天数后申请；补办的证书编号和有效期不变，注明“补”。',
  startedBy: companyRoles,
  prefix: 'ZY',
  form,
  settings,
  thresholds: { notice_days: { label: '登报声明后满多少日可以申请', unit: '天' } },
  suspended: unlessEnabled,
  refusedTo: 'draft',
  checks: [notice, inForceCheck(matter.clause)],
  proof: {
    label: '物业服务企业资质证书（补）',
    papers: [
      { code: 'certificate-main', label: '资质证书正本' },
      { code: 'certificate-copy', label: '资质证书副本' },
    ],
  },
  async subjectOf(db, user) {
    const { company, held } = await holderOf(db, user, matter)
    if (isGrantedElsewhere(held.level))
      throw new NotNow(
        `贵企业的${certificateLevels[held.level]}资质证书 ${held.number} 由${held.issuer}制发，本市不能补办。请在报刊上声明后，向发证机关申请。`,
      )
    return company
  },
  openKey: ({ id }) => `certificate:${id}`,
  async prefill(db, { subject_id }) {
    const held = await liveCertificate(db, subject_id)
    // A notice is about the paper that was printed last: one that was changed or printed anew has a newer day than the certificate.
    const [newest] = held ? await editionsOf(db, held.id) : []
    return { ...heldAnswers(held), issued_on: newest?.issued_on ?? held?.issued_on ?? '' }
  },
  async mistakes(db, kase, answers, settings) {
    const mistakes: Mistakes = await heldMistakes(db, kase.subject_id, matter)
    const on = textIn(answers, 'notice_on')
    const from = earliest(answers, settings)
    if (on > today()) mistakes.notice_on = `登报日期 ${on} 还没有到。请在声明见报以后申请（${matter.clause}）。`
    else if (on <= textIn(answers, 'issued_on'))
      mistakes.notice_on = `登报日期 ${on} 不在现证书的制发日期 ${textIn(answers, 'issued_on')} 之后，声明的不是现在这一份证书。每次遗失都要另行登报声明（${matter.clause}），请填写遗失以后的登报日期。`
    else if (from && from > today())
      mistakes.notice_on = `声明要满 ${settings.thresholds.notice_days} 日才能申请补办。${on} 登报的，${from} 起可以提交，内容已存为草稿。`
    return mistakes
  },
  async whenDone(trx, kase, { answers }) {
    await lockHeld(trx, kase.subject_id, answers, matter)
    const papers = textIn(answers, 'papers') as Lost // the form let nothing else through
    await reissueCertificate(trx, { ...kase, company_id: kase.subject_id }, papers)
  },
  afterwards: '证书已经补办，编号和有效期不变，可在本页下载打印。遗失的那一份核验时显示“遗失作废”。',
})
