import type { Knex } from 'knex'
import { nameKey } from '../src/database/names.ts'
import { type SearchText, terms } from '../src/lists/terms.ts'
import { type Random, randomFrom } from './random.ts'
import { insertRows, type Row, stamps } from './rows.ts'

/** A street and the district that manages it, which may differ from the one its code belongs to. */
export interface Street {
  code: string
  name: string
  district_code: string
  district_name: string
}

/** What is known when the loading begins, and stays so if it is taken up again after a stop. */
export interface Beginning {
  /** How many times larger than the smallest city. */
  size: number
  /** The day around which all dates lie. */
  today: string
  /** The highest id of each table before anything was loaded. */
  before: Record<Numbered, number>
}

/** Tables whose ids are given here, because other rows point at them. */
export const numbered = [
  'organisations',
  'users',
  'projects',
  'buildings',
  'houses',
  'people',
  'owners',
  'contracts',
  'committee_terms',
  'certificates',
  'registrations',
] as const
export type Numbered = (typeof numbered)[number]

/** How many ids the desks take, and how many each layer. */
const reserved: Record<Numbered, { desks: number; layer: number }> = {
  organisations: { desks: 179, layer: 175 },
  users: { desks: 700, layer: 600 },
  projects: { desks: 0, layer: 240 },
  buildings: { desks: 0, layer: 1500 },
  houses: { desks: 0, layer: 10_000 },
  people: { desks: 0, layer: 1500 },
  owners: { desks: 0, layer: 10_000 },
  contracts: { desks: 0, layer: 1500 },
  committee_terms: { desks: 0, layer: 400 },
  certificates: { desks: 0, layer: 500 },
  registrations: { desks: 20, layer: 0 },
}

/** In the order in which their foreign keys let them in. */
const tables = [
  'organisations',
  'users',
  'user_roles',
  'companies',
  'company_years',
  'developers',
  'projects',
  'areas',
  'tenders',
  'buildings',
  'houses',
  'owners',
  'residents',
  'people',
  'employments',
  'company_areas',
  'project_links',
  'contracts',
  'project_fees',
  'committees',
  'committee_terms',
  'committee_members',
  'certificates',
  'inspection_seasons',
  'inspections',
  'branch_filings',
  'registrations',
  'changes',
  'search_terms',
] as const
type Table = (typeof tables)[number]

/**
 * One step of the loading: the desks, a layer of companies, projects and people, or the companies that file. Rows are collected, then
 * written together.
 */
export class Ground {
  readonly today: string
  /** When rows say they were made: the morning before. */
  readonly at: Date
  readonly random: Random
  readonly streets: readonly Street[]
  /** 0 for the desks; layers count from 1, and what comes after them goes on counting. */
  readonly step: number
  readonly #before: Record<Numbered, number>
  readonly #after: Record<Numbered, number> | undefined
  readonly #taken = new Map<Numbered, number>()
  readonly #rows = new Map<Table, Row[]>(tables.map(table => [table, []]))
  readonly #counters: Map<string, number>
  readonly #counted = new Set<string>()
  readonly #findable = new Set<string>()

  /** @param after the highest id of each table, where ids follow those instead of being reserved for the step */
  constructor(
    beginning: Beginning,
    step: number,
    streets: readonly Street[],
    counters: Map<string, number>,
    after?: Record<Numbered, number>,
  ) {
    this.today = beginning.today
    this.at = new Date(Date.parse(`${beginning.today}T01:00:00Z`) - 86_400_000)
    this.random = randomFrom(`demo city, step ${step}`)
    this.streets = streets
    this.step = step
    this.#before = beginning.before
    this.#after = after
    this.#counters = counters
  }

  /** The number of the layer, from 0. */
  get layer(): number {
    return this.step - 1
  }

  /** The next id of a table within this step, the same whenever the step is repeated. */
  newId(table: Numbered): number {
    const taken = this.#taken.get(table) ?? 0
    const { desks, layer } = reserved[table]
    if (!this.#after && taken >= (this.step ? layer : desks))
      throw new RangeError(`step ${this.step} needs more ids of ${table} than reserved`)
    this.#taken.set(table, taken + 1)
    return this.lastId(table)
  }

  /** The id given last in this step, or the last before it. */
  lastId(table: Numbered): number {
    const { desks, layer } = reserved[table]
    const first = this.#after?.[table] ?? this.#before[table] + (this.step ? desks + this.layer * layer : 0)
    return first + (this.#taken.get(table) ?? 0)
  }

  /** How many ids of the table come before this one, over all steps. */
  serialOf(table: Numbered, id: number): number {
    return id - this.#before[table] - 1
  }

  /** The next value behind a prefix, counted on over all steps. */
  next(prefix: string): number {
    const value = (this.#counters.get(prefix) ?? 0) + 1
    this.#counters.set(prefix, value)
    this.#counted.add(prefix)
    return value
  }

  add(table: Table, row: Row): void {
    this.#rows.get(table)?.push(row)
  }

  /** Name, sort key and stamps: what every named row has. */
  named(name: string, person = false) {
    return { name, name_key: nameKey(name, person), ...stamps(this.at) }
  }

  /** Makes a row findable by its texts, and by those of an earlier call. */
  index(scope: string, id: number, texts: readonly (SearchText | null)[]): void {
    const found = new Set(
      texts.flatMap(text => (text === null ? [] : typeof text === 'string' ? terms(text) : terms(text.text, text.person))),
    )
    for (const term of found) {
      const mark = `${scope} ${id} ${term}`
      if (this.#findable.has(mark)) continue
      this.#findable.add(mark)
      this.add('search_terms', { scope, term, doc_id: id })
    }
  }

  /** Writes everything collected. */
  async write(trx: Knex.Transaction): Promise<void> {
    // The key of the terms is their order on the disk: sorted, they fill its pages instead of scattering over them.
    const order = (row: Row) => `${row.scope} ${row.term} ${String(row.doc_id).padStart(12, '0')}`
    this.#rows.get('search_terms')?.sort((a, b) => (order(a) < order(b) ? -1 : 1))
    for (const table of tables) {
      await insertRows(trx, table, this.#rows.get(table) ?? [])
      this.#rows.delete(table)
    }
    const counted = [...this.#counted].sort().map(prefix => ({ prefix, value: this.#counters.get(prefix) ?? 0 }))
    if (counted.length) await trx('counters').insert(counted).onConflict('prefix').merge(['value'])
  }
}

/** A number in the city's form, such as `济物挂〔2026〕0012号`. */
export function fileNumber(ground: Ground, prefix: string): string {
  return `${prefix}${String(ground.next(prefix)).padStart(4, '0')}号`
}
