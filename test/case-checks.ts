import type { Knex } from 'knex'
import { checkHistory } from '../src/cases/check-history.ts'
import { allKinds } from '../src/cases/kind.ts'
import { stepCodes } from '../src/cases/lifecycle.ts'
import '../src/modules/index.ts'

/**
 * What must be true of cases at every moment, asked of the tables: a case is never half decided. Load it after `portal.ts`, because
 * the history is signed with the keys of the portal.
 */

// Lines beside the way of the case: they leave its version alone, so that no open page becomes stale by them.
const beside = "('note', 'urge', 'consult', 'advise', 'verify', 'dismiss')"
const closed = "('done', 'refused', 'declined', 'withdrawn')"
const written = "('draft', 'supplement', 'rejected')"
/** What makes an open page stale; other notes do not. */
const counted = `(${[...stepCodes, 'object'].map(code => `'${code}'`).join(', ')})`
const taken = `(${stepCodes.map(code => `'${code}'`).join(', ')})`

/** Each finds the ids of the cases that break it; `:lines` holds for lines of the history that the engine has written. */
const laws: Record<string, string> = {
  'version, count and the lines of the history go together': `
    select c.id from cases c
    left join (select case_id, count(*) as n, max(sequence) as last, sum(step in ${counted}) as moves from case_history group by case_id) h
      on h.case_id = c.id
    where c.version <> 1 + coalesce(h.moves, 0) or coalesce(h.n, 0) <> c.history_count or coalesce(h.last, 0) <> c.history_count`,
  'the case is where its last line leads': `
    select c.id from cases c left join case_history h on h.case_id = c.id and h.sequence = c.history_count
    where if(h.id is null, c.state <> 'draft', h.to_state <> c.state or not h.to_place <=> c.place or h.hash <> c.history_hash)`,
  'each line begins where the one before has led': `
    select h.case_id as id from case_history h join case_history p on p.case_id = h.case_id and p.sequence = h.sequence - 1
    where h.from_state <> p.to_state or not h.place <=> p.to_place or h.case_version <> p.case_version + if(p.step in ${beside}, 0, 1)`,
  'who holds the case fits its state': `
    select id from cases where
      (state in ${written} and (not holder_id <=> applicant_id or holder_role is not null))
      or (state = 'submitted' and (holder_role is null or holder_id is not null))
      or (state = 'reviewing' and (holder_role is null) = (holder_id is null))
      or (state = 'waiting' and holder_id is not null)
      or (state in ${closed} and (holder_role is not null or holder_id is not null))`,
  'a closed case has its end and lets the next one begin': `
    select id from cases where (state in ${closed}) <> (closed_at is not null) or (state in ${closed}) = (open_key is not null)`,
  'a case is public while it waits, and only then': `
    select c.id from cases c left join publicities p on p.case_id = c.id and p.open = 1 where (c.state = 'waiting') <> (p.id is not null)`,
  'every line has its payload': `
    select h.case_id as id from case_history h left join case_payloads p on p.id = h.payload_id and p.case_id = h.case_id
    where h.payload_id is not null and (p.id is null or p.digest <> h.payload_digest)`,
  'no payload is without a line': `
    select p.case_id as id from case_payloads p left join case_history h on h.case_id = p.case_id and h.payload_id = p.id
    where h.id is null`,
  'each edition was submitted once': `
    select c.id from cases c left join (select case_id, count(*) as n, max(edition) as last from case_payloads where sort = 'form' group by case_id) p
      on p.case_id = c.id
    where coalesce(p.n, 0) <> c.edition or coalesce(p.last, 0) <> c.edition or (c.edition > 0) <> (c.serial is not null)`,
  'what is approved has its number, and nothing else has': `
    select id from cases where (state = 'done' and kind not in ('qualification-change', 'qualification-reissue')) <> (number is not null)`,
  'who took a step finds the case among theirs': `
    select h.case_id as id from case_history h left join case_handlers b on b.case_id = h.case_id and b.user_id = h.user_id
    where h.user_id is not null and (b.at is null or b.at < h.at)`,
  'who has handled a case finds it among the open ones as long as it is open': `
    select b.case_id as id from case_handlers b join cases c on c.id = b.case_id where (b.open is null) <> (c.closed_at is not null)`,
  'the applicant was told of every step once, and of nothing else': `
    select c.id from cases c
    left join (select h.case_id, count(*) as n from case_history h where :lines and h.step in ${taken} group by h.case_id) h on h.case_id = c.id
    left join (select m.case_id, count(*) as n from messages m join users u on u.id = m.user_id join cases k on k.id = m.case_id
      where u.organisation_id = k.applicant_id group by m.case_id) m on m.case_id = c.id
    where c.kind <> 'certificate-revoke'
      and coalesce(m.n, 0) <> coalesce(h.n, 0) * (select count(*) from users u where u.organisation_id = c.applicant_id)`,
  'every acceptance and every end has its paper, and nothing else has': `
    select c.id from cases c
    left join (select h.case_id, sum(h.step = 'accept') as accepted, sum(h.to_state = 'done') as ended from case_history h where :lines
      group by h.case_id) h on h.case_id = c.id
    left join (select case_id, sum(paper = 'acceptance') as accepted, sum(paper = 'decision') as ended from documents group by case_id) d
      on d.case_id = c.id
    where (c.kind <> 'certificate-revoke' and coalesce(d.accepted, 0) <> coalesce(h.accepted, 0)) or coalesce(d.ended, 0) <> coalesce(h.ended, 0)`,
  'every step is in the action log once': `
    select c.id from cases c
    left join (select h.case_id, count(*) as n from case_history h where :lines and h.step in ${taken} group by h.case_id) h on h.case_id = c.id
    left join (select cast(object_id as unsigned) as case_id, count(*) as n from action_log where action = 'case.step' group by object_id) a
      on a.case_id = c.id
    where coalesce(a.n, 0) <> coalesce(h.n, 0)`,
  'the counters of serials stand where the serials do': `
    select n.value as id from counters n left join (select substr(serial, 1, 10) as prefix, count(*) as n, max(substr(serial, 11)) as last
      from cases where serial is not null group by substr(serial, 1, 10)) s on s.prefix = n.prefix
    where substr(n.prefix, 1, 2) in (:prefixes) and n.prefix regexp '^[A-Z]{2}[0-9]{8}$' and (coalesce(s.n, 0) <> n.value or coalesce(s.last, 0) + 0 <> n.value)`,
}

/** Lines of the history that were written past the engine, from the first to the last. */
export type Past = readonly [first: number, last: number]

/** Writes cases past the engine. @returns what came of it, and the lines that were written */
export async function writePast<T>(db: Knex, write: () => Promise<T>): Promise<{ made: T; past: Past }> {
  const before = await lastLine(db)
  const made = await write()
  return { made, past: [before + 1, await lastLine(db)] }
}

async function lastLine(db: Knex): Promise<number> {
  const [row]: { id: number | null }[] = await db('case_history').max('id as id')
  return row?.id ?? 0
}

/**
 * Looks for cases that are not whole.
 * @param past what was written past the engine has no messages and no papers
 * @returns one sentence for each law that is broken, and each fault in the chains of the history; empty when all is well
 */
export async function caseFaults(db: Knex, ...past: readonly Past[]): Promise<string[]> {
  const lines = past.map(([first, last]) => `h.id not between ${first} and ${last}`).join(' and ') || 'true'
  const prefixes = allKinds().map(({ prefix }) => prefix)
  const faults: string[] = []
  for (const [law, sql] of Object.entries(laws)) {
    const [rows]: { id: number }[][] = await db.raw(sql.replaceAll(':lines', lines), { prefixes })
    if (rows?.length) faults.push(`${law}: not so in ${rows.length}, such as ${rows.slice(0, 5).map(({ id }) => id)}`)
  }
  return [...faults, ...(await checkHistory(db)).faults]
}

/**
 * How the numbers behind a prefix have been given.
 * @returns nothing when they are 1, 2, 3 … up to the counter, each once
 */
export async function numberFault(db: Knex, prefix: string): Promise<string | undefined> {
  const numbers: string[] = await db('cases').where('number', 'like', `${prefix}%`).pluck('number')
  const counter: { value: number } | undefined = await db('counters').where({ prefix }).first('value')
  const given = numbers.map(number => Number(/^\d+/.exec(number.slice(prefix.length))?.[0])).sort((one, other) => one - other)
  const wrong = given.findIndex((value, at) => value !== at + 1)
  if (wrong >= 0) return `the ${wrong + 1}th number behind ${prefix} is ${given[wrong]}`
  return given.length === (counter?.value ?? 0)
    ? undefined
    : `${given.length} numbers behind ${prefix}, but the counter is at ${counter?.value}`
}
