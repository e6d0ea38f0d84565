import type { Knex } from 'knex'
import { isSame } from '../crypto.ts'
import { digestOf } from '../documents/documents.ts'
import type { Case, HistoryRow, StoredFile } from './case.ts'
import { papersKey } from './drafts.ts'
import { hashOf } from './history.ts'
import { isStep, stepLabel } from './lifecycle.ts'
import { isIn } from './materials.ts'

/** Whether the 办理记录 are whole, and whether the cases are what their records say (GB/T 22239-2019 8.1.4.7). */

export interface HistoryCheck {
  cases: number
  lines: number
  /** Contents erased by law; their digests stay. */
  erased: number
  /** One sentence per fault found, in Chinese. */
  faults: string[]
}

type Checked = Pick<
  Case,
  'id' | 'serial' | 'title' | 'state' | 'place' | 'edition' | 'version' | 'applicant_id' | 'history_count' | 'history_hash'
>
interface Payload {
  id: number
  case_id: number
  body: string | null
  digest: string
  erased_at: Date | null
}
interface Logged {
  sequence: number
  hash: string
}
/** What belongs to one case. */
interface Belongings {
  lines: HistoryRow[]
  payloads: Payload[]
  files: StoredFile[]
  /** The newest step the sealed log tells of. */
  logged: Logged | undefined
}

const mostFaults = 200
const perTurn = 200

/**
 * Checks every line of every case against its hash, its content against the digest, the papers of an edition against those that were
 * frozen with it, the case against the end of its record, and that end against the sealed log. Memory does not grow with the cases.
 */
export async function checkHistory(db: Knex): Promise<HistoryCheck> {
  const check: HistoryCheck = { cases: 0, lines: 0, erased: 0, faults: [] }
  for (let from = 0; check.faults.length < mostFaults; ) {
    const cases: Checked[] = await db('cases').where('id', '>', from).orderBy('id').limit(perTurn)
    if (!cases.length) break
    const all = await belongingsOf(
      db,
      cases.map(({ id }) => id),
    )
    for (const kase of cases) {
      const own = all(kase.id)
      check.cases++
      check.lines += own.lines.length
      check.erased += own.payloads.filter(payload => payload.body === null && payload.erased_at).length
      check.faults.push(...faultsIn(kase, own))
    }
    from = cases.at(-1)?.id ?? from
  }
  check.faults.push(...(await missingCases(db)))
  return check
}

async function belongingsOf(db: Knex, ids: number[]): Promise<(id: number) => Belongings> {
  const newest = db('action_log')
    .where({ object_type: 'case', action: 'case.step' })
    .whereIn('object_id', ids.map(String))
    .groupBy('object_id')
    .max('id as id')
  const [lines, payloads, files, logged] = await Promise.all([
    db<HistoryRow>('case_history').whereIn('case_id', ids).orderBy(['case_id', 'sequence']),
    db<Payload>('case_payloads').whereIn('case_id', ids).select('id', 'case_id', 'body', 'digest', 'erased_at'),
    db<StoredFile>('files').whereIn('case_id', ids),
    db('action_log')
      .whereIn('id', db.from(newest.as('newest')).select('id'))
      .select('object_id', 'detail') as Promise<{ object_id: string; detail: string }[]>,
  ])
  const ends = new Map(logged.map(row => [Number(row.object_id), JSON.parse(row.detail) as Logged])) // written by writeLine alone
  const of = <Row extends { case_id: number }>(rows: Row[]) => {
    const found = new Map<number, Row[]>(ids.map(id => [id, []]))
    for (const row of rows) found.get(row.case_id)?.push(row)
    return (id: number) => found.get(id) ?? []
  }
  const [own, contents, papers] = [of(lines), of(payloads), of(files)]
  return id => ({ lines: own(id), payloads: contents(id), files: papers(id), logged: ends.get(id) })
}

function faultsIn(kase: Checked, { lines, payloads, files, logged }: Belongings): string[] {
  const name = `办件 ${kase.serial ?? kase.id}（${kase.title}）`
  const faults: string[] = []
  const contents = new Map(payloads.map(payload => [payload.id, payload]))
  let previous = ''
  for (const [index, line] of lines.entries()) {
    const which = `${name}的第 ${line.sequence} 条办理记录（${stepLabel(line.step)}）`
    if (line.sequence !== index + 1) return [...faults, `${name}的办理记录从第 ${index + 1} 条起缺失或被插入。`]
    if (!isSame(line.hash, hashOf(line, previous))) return [...faults, `${which}与签名不符，已被改动或不是系统写入。`]
    previous = line.hash
    if (line.payload_id === null) continue
    const payload = contents.get(line.payload_id)
    contents.delete(line.payload_id)
    // Erased by law: the digest stays in the line.
    if (payload?.body === null && payload.erased_at) continue
    if (!payload?.body || digestOf(payload.body) !== line.payload_digest) faults.push(`${which}所附的内容已被改动或删除。`)
    else if (line.edition === kase.edition) faults.push(...paperFaults(name, payload.body, line, files))
  }
  if (lines.length !== kase.history_count || !isSame(previous, kase.history_hash))
    faults.push(`${name}应有 ${kase.history_count} 条办理记录，现有 ${lines.length} 条，末尾被删除或添加。`)
  for (const payload of contents.values())
    faults.push(`${name}有一段内容（编号 ${payload.id}）不属于任何一条办理记录，不是系统写入。`)
  if (logged && !isSame(lines[logged.sequence - 1]?.hash ?? '', logged.hash))
    faults.push(`${name}的第 ${logged.sequence} 条办理记录与操作日志对不上，办理记录被截断或重写。`)
  return [...faults, ...stateFaults(name, kase, lines)]
}

/** The papers of an edition are those whose digests were frozen with it. */
function paperFaults(name: string, body: string, { step, edition }: HistoryRow, files: StoredFile[]): string[] {
  if (step !== 'submit' && step !== 'resubmit') return []
  const frozen = (JSON.parse(body) as Record<string, unknown>)[papersKey] // written by sealedEdition alone
  if (!Array.isArray(frozen)) return []
  const present = files
    .filter(file => isIn(file, edition) && file.material !== 'outcome' && file.material !== 'answer')
    .map(({ material, sha256 }) => `${material} ${sha256}`)
    .sort()
  return JSON.stringify(frozen) === JSON.stringify(present)
    ? []
    : [`${name}第 ${edition} 版的材料与提交时不一致，文件被更换或删除。`]
}

/** State, place, edition, version and applicant are what the record ends with. */
function stateFaults(name: string, kase: Checked, lines: HistoryRow[]): string[] {
  const last = lines.findLast(line => isStep(line.step))
  const counted = lines.findLast(line => isStep(line.step) || line.step === 'object')
  const submitted = lines.findLast(line => line.step === 'submit')
  if (!last || !counted || !submitted) return kase.serial ? [`${name}有流水号，却没有提交的办理记录。`] : []
  const differs =
    kase.state !== last.to_state ||
    kase.place !== last.to_place ||
    kase.edition !== last.edition ||
    kase.version !== counted.case_version + 1 ||
    kase.applicant_id !== submitted.organisation_id
  return differs ? [`${name}现在的状态、环节或申请人与办理记录的最后一步不一致，被直接改动过。`] : []
}

/** Cases the sealed log tells of and that are gone. */
async function missingCases(db: Knex): Promise<string[]> {
  const faults: string[] = []
  for (let from = 0; ; ) {
    const rows: { id: number; object_id: string; object_label: string | null }[] = await db('action_log')
      .where({ action: 'case.step', object_type: 'case' })
      .where('id', '>', from)
      .orderBy('id')
      .limit(2000)
      .select('id', 'object_id', 'object_label')
    if (!rows.length) return faults
    const told = new Map(rows.map(row => [Number(row.object_id), row.object_label]))
    const there = new Set<number>(
      await db('cases')
        .whereIn('id', [...told.keys()])
        .pluck('id'),
    )
    for (const [id, label] of told)
      if (!there.has(id)) faults.push(`办件 ${id}（${label}）已不存在，操作日志里有它的办理步骤，被删除过。`)
    from = rows.at(-1)?.id ?? from
  }
}
