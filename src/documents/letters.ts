import type { Letter, LetterPart } from './letter.ts'
import { onPaper } from './printing.ts'

/**
 * What the papers of a case say: pure functions from the facts of a case to a letter. The forms follow 行政许可法 第三十二条 (受理, 一次性告知,
 * 不予受理) and 第三十八条 (reasons and remedies of a refusal); 备案 is told in the same words with its own law.
 */

/** What all papers of a case begin with. */
export interface CaseFacts {
  issuer: string
  number: string
  /** 资质新设立申报（三级暂定） */
  matter: string
  /** 设定依据 of the kind. */
  law: string
  /** Whether the kind is a licence, to which 行政许可法 applies. */
  licence: boolean
  serial: string
  to: string
  /** 你单位, or 你 for a person. */
  you: string
  submitted_on: string
  on: string
  contact?: string
}

const text = (words: string): LetterPart => ({ sort: 'text', text: words })
const heading = (words: string): LetterPart => ({ sort: 'heading', text: words })

const received = ({ you, submitted_on, matter, serial }: CaseFacts) =>
  `${you}于${onPaper(submitted_on)}提交的“${matter}”申请（业务流水号：${serial}）收悉。`

function head(title: string, { issuer, number, matter, to, on, contact }: CaseFacts, parts: LetterPart[]): Letter {
  return { issuer, title, number, matter, to, parts, on, ...(contact ? { contact } : {}) }
}

const licenceLaw = (clause: string) => `《中华人民共和国行政许可法》${clause}`

/** 受理通知书. @param limit when it will be decided, without pauses; absent where no limit is set */
export function acceptanceNotice(
  facts: CaseFacts,
  { limit, materials }: { limit?: { days: string; law: string; pauses: string }; materials: { label: string; files: number }[] },
): Letter {
  const law = facts.licence ? licenceLaw('第三十二条第一款第（五）项') : inBookMarks(facts.law)
  const pauses = limit?.pauses ? `，${limit.pauses}所需时间不计算在内` : ''
  return head('受理通知书', facts, [
    text(
      `${received(facts)}经审查，申请事项属于本机关职权范围，申请材料齐全，符合法定形式。依据${law}的规定，本机关决定予以受理。`,
    ),
    ...(limit ? [text(`本机关自受理之日起${limit.days}内作出决定（${inBookMarks(limit.law)}）${pauses}。`)] : []),
    text('办理进度可以登录本系统，凭业务流水号查看。'),
    ...(materials.length
      ? [
          heading('随申请收到的材料：'),
          {
            sort: 'table' as const,
            widths: [10, 70, 20],
            head: ['序号', '材料名称', '文件数'],
            rows: materials.map(({ label, files }, n) => [String(n + 1), label, `${files} 个`]),
          },
        ]
      : []),
  ])
}

/** 补正告知书: everything that is missing, told once. */
export function correctionNotice(
  facts: CaseFacts,
  { items, limit, once }: { items: { label: string; words: string }[]; limit?: { days: string }; once: boolean },
): Letter {
  const law = facts.licence ? licenceLaw('第三十二条第一款第（四）项') : inBookMarks(facts.law)
  return head('补正告知书', facts, [
    text(`${received(facts)}经审查，申请材料不齐全或者不符合法定形式。依据${law}的规定，现将需要补正的全部内容一次告知如下：`),
    { sort: 'items', items: items.map(({ label, words }, n) => `${n + 1}. ${label}：${ended(words)}`) },
    text(
      `请${limit ? `自收到本告知书之日起${limit.days}内` : ''}登录本系统，逐项补正后重新提交。除上列内容外，其余内容已经锁定，不需要修改。`,
    ),
    text(`${once ? '以上为一次性告知，本机关不再就同一申请要求补正其他内容。' : ''}补正期间不计入办理期限。`),
  ])
}

/** Where somebody may turn who does not accept a decision. */
export interface Remedy {
  review: string
  court: string
}

const remedyText = ({ review, court }: Remedy) =>
  `如不服本决定，可以自收到本决定书之日起六十日内，依据《中华人民共和国行政复议法》第二十条向${review}申请行政复议；也可以自收到本决定书之日起六个月内，依据《中华人民共和国行政诉讼法》第四十六条向${court}提起行政诉讼。`

/** 不予受理决定书. */
export function declineDecision(facts: CaseFacts, { reason, remedy }: { reason: string; remedy: Remedy }): Letter {
  const law = facts.licence ? licenceLaw('第三十二条第一款') : inBookMarks(facts.law)
  return head('不予受理决定书', facts, [
    text(`${received(facts)}经审查，本机关决定不予受理。`),
    heading('一、理由'),
    text(ended(reason)),
    heading('二、依据'),
    text(`${law}。`),
    heading('三、救济途径'),
    text(remedyText(remedy)),
  ])
}

/** 不予通过决定书: facts, reason, clause, remedy. @param outside the authority whose outcome it follows, with its document */
export function refusalDecision(
  facts: CaseFacts,
  {
    accepted_on,
    reason,
    remedy,
    outside,
  }: { accepted_on?: string; reason: string; remedy: Remedy; outside?: { authority: string; number: string } },
): Letter {
  const accepted = accepted_on ? `本机关于${onPaper(accepted_on)}受理。` : ''
  const looked = outside ? `经${outside.authority}审查（${outside.number}），` : '经审查，'
  const law = [...(facts.licence ? [licenceLaw('第三十八条第二款')] : []), inBookMarks(facts.law)].join('、')
  return head('不予通过决定书', facts, [
    text(`${received(facts)}${accepted}${looked}本机关决定：对该申请不予通过。`),
    heading('一、事实和理由'),
    text(ended(reason)),
    heading('二、依据'),
    text(`${law}。`),
    heading('三、救济途径'),
    text(remedyText(remedy)),
  ])
}

/**
 * A decision an office made of its own motion against somebody: what was decided, facts and reason, what was said to it, clause, remedy
 * (行政处罚法 第五十九条 in form; 行政许可法 第六十九条、第七十条).
 */
export function exOfficioDecision(
  facts: Pick<CaseFacts, 'issuer' | 'number' | 'matter' | 'to' | 'on' | 'contact'> & { title: string },
  more: { decision: string; found: string; reason: string; heard: string; law: string; remedy: Remedy },
): Letter {
  const { title, issuer, number, matter, to, on, contact } = facts
  return {
    issuer,
    title,
    number,
    matter,
    to,
    parts: [
      text(more.decision),
      heading('一、事实和理由'),
      text(ended(more.found)),
      text(ended(more.reason)),
      heading('二、陈述和申辩'),
      text(ended(more.heard)),
      heading('三、依据'),
      text(ended(more.law)),
      heading('四、救济途径'),
      text(remedyText(more.remedy)),
    ],
    on,
    ...(contact ? { contact } : {}),
  }
}

/** One step as the slip shows it: the desk, never the person. */
export interface SlipLine {
  place: string
  step: string
  opinion: string
  on: string
}

/** 审批单: what was decided, where, with which opinions, on which days. */
export function decisionSlip(
  facts: CaseFacts,
  more: { accepted_on?: string; decided_on: string; closed_on: string; result: string; number?: string; lines: SlipLine[] },
): Letter {
  const { to: _to, ...rest } = head(`${facts.matter}审批单`, facts, [
    {
      sort: 'facts',
      facts: [
        { label: '申请人', value: facts.to, wide: true },
        { label: '办理事项', value: facts.matter, wide: true },
        { label: '设定依据', value: facts.law, wide: true },
        { label: '业务流水号', value: facts.serial },
        { label: '提交日期', value: onPaper(facts.submitted_on) },
        { label: '受理日期', value: more.accepted_on ? onPaper(more.accepted_on) : '—' },
        { label: '决定日期', value: onPaper(more.decided_on) },
        { label: '办结日期', value: onPaper(more.closed_on) },
        { label: '办理结果', value: more.result },
        ...(more.number ? [{ label: '证书（备案）编号', value: more.number, wide: true }] : []),
      ],
    },
    {
      sort: 'table',
      widths: [18, 14, 46, 22],
      head: ['环节', '办理', '意见', '日期'],
      rows: more.lines.map(({ place, step, opinion, on }) => [place, step, opinion || '—', onPaper(on)]),
    },
  ])
  return rest
}

/** 物业服务企业资质管理办法（建设部令第164号）第六条 with its name in book marks; what is no name of a law stays as it is. */
export function inBookMarks(law: string): string {
  if (/^(《|本)/.test(law)) return law
  return law
    .replace(/^行政许可法/, '中华人民共和国行政许可法')
    .replace(/^([^（(〔\d\s]+?(?:法|条例|办法|规则|规定|细则))(?=$|（|第|\s)/, '《$1》')
}

/** A sentence with its full stop. */
function ended(words: string): string {
  const kept = words.trim()
  return /[。！？；.!?]$/.test(kept) ? kept : `${kept}。`
}
