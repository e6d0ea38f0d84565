import { addDays, daysBetween, type WorkCalendar } from '../../calendar.ts'

/**
 * The days of a tender (domain.md §5.2, §5.3; 建住房〔2003〕130号), as pure rules.
 *
 * All limits here are calendar days and the day of the event does not count. Two sorts must be told apart: by the last day of a
 * limit something has to be done (filing, signing), so a limit that ends on a day of rest ends on the next working day (民法典
 * 第二百零三条); a span that others must be given (before the announcement, for bidding) is never shorter or longer for holidays.
 */

/** A limit within which something has to be done: its last day. */
export function lastDay(from: string, days: number, calendar: WorkCalendar): string {
  return calendar.dueOn(from, { limit: days, unit: 'calendar-day' })
}

/** The first day the announcement may appear, or the invitations go out, for a filing handed in on `submitted` (第十一条). */
export function earliestAnnouncement(submitted: string, days: number): string {
  return addDays(submitted, days)
}

/** The first day on which bids may close, when the documents are handed out from `issued` on (第十四条). */
export function earliestClosing(issued: string, days: number): string {
  return addDays(issued, days)
}

/** The last day on which the documents may be clarified or changed (第十五条). */
export function lastClarification(closing: string, days: number): string {
  return addDays(closing, -days)
}

/** The last day on which the winner may be fixed while bids hold until `valid` (第三十六条). */
export function lastFixing(valid: string, days: number): string {
  return addDays(valid, -days)
}

/** What a project is built for, which decides when its tender must be over (第十九条). */
export const saleSorts = {
  presale: '预售商品房',
  sale: '现售商品房',
  own: '非出售的新建物业',
} as const
export type SaleSort = keyof typeof saleSorts

/**
 * The last day on which the tender must be over (第十九条).
 * @param day of the 预售许可证, of the sale, or of the first use
 * @param days how long before the sale, and before the use
 */
export function completeBy(sort: SaleSort, day: string, days: { sale: number; own: number }): string {
  return addDays(day, sort === 'presale' ? -1 : -days[sort])
}

/** The fewest experts from outside in a committee: two thirds, rounded up (第二十八条). */
export function expertsNeeded(size: number): number {
  return Math.ceil((size * 2) / 3)
}

/** Why a committee is against 第二十八条, in a sentence; nothing where it is not. */
export function committeeFault(size: number, experts: number, least: number): string | undefined {
  const law = '（前期物业管理招标投标管理暂行办法第二十八条）'
  if (size < least || size % 2 === 0) return `评标委员会为 ${least} 人以上的单数，现为 ${size} 人${law}。`
  if (experts > size) return `评标专家 ${experts} 人，多于评标委员会的 ${size} 人，请核对。`
  const needed = expertsNeeded(size)
  return experts < needed ? `招标人代表以外的评标专家不少于三分之二，即 ${needed} 人，现为 ${experts} 人${law}。` : undefined
}

/** The days of a tender as planned; '' for one not filled in yet. */
export interface TenderDays {
  announce_on: string
  documents_from: string
  documents_until: string
  clarify_until: string
  bids_until: string
  opens_on: string
  valid_until: string
}

export interface TenderLimits {
  announce: number
  bidding: number
  clarification: number
  fixing: number
}

const rule = (article: string) => `（前期物业管理招标投标管理暂行办法${article}）`

/**
 * What is wrong with the planned days, a sentence by field: each says the rule and the day that would do.
 * @param submitted the day the filing is handed in
 */
export function dayFaults(days: TenderDays, submitted: string, limits: TenderLimits): Partial<Record<keyof TenderDays, string>> {
  const { announce_on, documents_from, documents_until, clarify_until, bids_until, opens_on, valid_until } = days
  const faults: Partial<Record<keyof TenderDays, string>> = {}
  const earliest = earliestAnnouncement(submitted, limits.announce)
  if (announce_on && announce_on < earliest)
    faults.announce_on = `公告发布或者投标邀请书发出 ${limits.announce} 日以前备案：${submitted} 提交的，最早 ${earliest}${rule('第十一条')}。`
  if (documents_from && announce_on && documents_from < announce_on)
    faults.documents_from = `招标文件开始发出日期早于公告日期 ${announce_on}，请核对。`
  if (documents_until && documents_from && documents_until < documents_from)
    faults.documents_until = `招标文件发出截止日期早于开始日期 ${documents_from}，请核对。`
  if (bids_until && documents_from) {
    const first = earliestClosing(documents_from, limits.bidding)
    if (bids_until < documents_from) faults.bids_until = `投标截止日期早于招标文件开始发出日期 ${documents_from}，请核对。`
    else if (bids_until < first)
      faults.bids_until = `自招标文件发出到投标截止不少于 ${limits.bidding} 日，现为 ${daysBetween(documents_from, bids_until)} 日，最早 ${first}${rule('第十四条')}。`
    else if (documents_until && bids_until < documents_until)
      faults.bids_until = `投标截止日期早于招标文件发出截止日期 ${documents_until}，请核对。`
  }
  if (clarify_until && bids_until && clarify_until > lastClarification(bids_until, limits.clarification))
    faults.clarify_until = `澄清或者修改在投标截止 ${limits.clarification} 日以前书面通知所有收受人，最晚 ${lastClarification(bids_until, limits.clarification)}${rule('第十五条')}。`
  else if (clarify_until && documents_from && clarify_until < documents_from)
    faults.clarify_until = `澄清截止日期早于招标文件开始发出日期 ${documents_from}，请核对。`
  if (opens_on && bids_until && opens_on !== bids_until)
    faults.opens_on = `开标与投标截止在同一时间，应为 ${bids_until}（招标投标法第三十四条）。`
  if (valid_until && opens_on && lastFixing(valid_until, limits.fixing) <= opens_on)
    faults.valid_until = `中标人在投标有效期结束 ${limits.fixing} 日以前确定，有效期至少到 ${addDays(opens_on, limits.fixing + 1)}${rule('第三十六条')}。`
  return faults
}
