import type { Knex } from 'knex'
import type { User } from '../accounts/users.ts'
import type { Case } from '../cases/case.ts'
import { standingOf } from '../cases/cases.ts'
import { draftOf, editionOf, workingAnswers } from '../cases/drafts.ts'
import { payloadsOf } from '../cases/history.ts'
import { isStep, stepLabel, writableStates } from '../cases/lifecycle.ts'
import { isApplicant } from '../cases/steps.ts'
import { beijing, dayOf } from '../clock.ts'
import { type Answers, canonicalAnswers, showAnswers } from '../forms/answers.ts'
import { digestOf } from './documents.ts'
import { Paper, red } from './pdf.ts'
import { onPaper, type Printing } from './printing.ts'
import { formMargins, type Sheet, sheetsOf, writeSheets } from './sheets.ts'

/** 申请表: the form as it was submitted last, or as it stands in the draft; to be signed, sealed and handed in as a scan. */
export interface Application {
  title: string
  /** One line under the title. */
  status: string
  draft: boolean
  masked: boolean
  sheets: Sheet[]
  person: boolean
  opinions: { place: string; text: string }[]
  /** Over the answers, so that a signed print can be compared with what is submitted later. */
  digest: string
}

/** What the form of a case prints for somebody: personal data in full for the applicant alone. @throws NotFound without an edition */
export async function applicationOf(db: Knex, kase: Case, user: User): Promise<Application> {
  const { kind, settings, history } = await standingOf(db, kase)
  const own = isApplicant(kase, kind, user)
  const draft = own && writableStates.includes(kase.state)
  const answers: Answers = draft ? (await workingOf(db, kase)).answers : await editionOf(db, kase, kase.edition)
  const last = history.findLast(({ step, edition }) => (step === 'submit' || step === 'resubmit') && edition === kase.edition)
  const payloads = await payloadsOf(db, kase.id)
  const opinions = settings.chain
    .filter(place => place.sort !== 'wait')
    .map(place => {
      const line = history.findLast(
        line => line.place === place.code && isStep(line.step) && line.open && line.edition === kase.edition,
      )
      // Who answers may name themselves in what they write.
      const unnamed = kind.discreet && place.sort === 'party'
      const opinion = line?.payload_id && !unnamed ? payloads.get(line.payload_id)?.opinion : undefined
      return {
        place: place.label,
        text: line && !draft ? `${stepLabel(line.step)}。${opinion ?? ''}\n${onPaper(dayOf(line.at))}` : '',
      }
    })
  return {
    title: `${kind.label}申请表`,
    status: draft
      ? `${kase.serial ? `业务流水号 ${kase.serial}　` : ''}草稿，尚未提交`
      : `业务流水号 ${kase.serial}　第 ${kase.edition} 版${last ? `　${beijing(last.at).slice(0, 16)} 提交` : ''}`,
    draft,
    masked: !own,
    sheets: sheetsOf(showAnswers(kind.form, answers, { masked: !own, adjust: await kind.adjust?.(db, kase) })),
    person: user.role === 'owner',
    opinions,
    digest: digestOf(canonicalAnswers(answers)),
  }
}

async function workingOf(db: Knex, kase: Case): Promise<{ answers: Answers }> {
  return kase.state === 'supplement' ? await draftOf(db, kase) : await workingAnswers(db, kase)
}

/** Prints an application form. */
export async function printApplication(application: Application, { printedAt, faces }: Printing): Promise<Buffer> {
  const { title, status, draft, masked, sheets, person, opinions, digest } = application
  const paper = new Paper({
    title,
    foot: [title, ...(draft ? ['草稿'] : []), ...(masked ? ['个人信息已隐去部分内容'] : [])],
    digest,
    printedAt,
    margins: formMargins,
    ...(faces ? { faces } : {}),
  })
  paper.text(title, { tag: 'H1', size: 20, leading: 32, weight: 'bold', align: 'center' })
  paper.text(status, { size: 10.5, leading: 20, align: 'center', after: 8, ...(draft ? { colour: red, weight: 'bold' } : {}) })
  writeSheets(paper, sheets)
  const signature = person ? '申请人（签字）：' : '申请单位（盖章）：\n\n法定代表人（签字）：'
  paper.grid({
    widths: [18, 82],
    rows: [
      [{ text: '申请人声明', head: true }, { text: `以上内容真实、完整、有效。\n\n${signature}\n\n　　　　年　　月　　日` }],
    ],
    size: 10,
    height: 96,
  })
  if (opinions.length) {
    paper.space(10)
    paper.heading('审批意见', { tag: 'H2', size: 11.5, after: 4 })
    paper.grid({
      widths: [18, 82],
      rows: opinions.map(({ place, text }) => [{ text: place, head: true }, { text }]),
      size: 10,
      height: 44,
    })
  }
  return await paper.finish()
}
