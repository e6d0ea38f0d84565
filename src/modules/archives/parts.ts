import type { Knex } from 'knex'
import type { User } from '../../accounts/users.ts'

/** What other modules (信用, 投诉, 备案) know of a record hangs onto its page: the archives do not know who they are. */

export type PartOf = 'companies' | 'developers' | 'projects' | 'people'

/** What a part shows of one record. */
export interface PartContent {
  /** The view drawn inside the card, from the root of `views`: /credit/part. */
  view: string
  locals?: Record<string, unknown>
  /** Beside the heading: 近 12 个月. */
  summary?: string
  /** Where all of it is. */
  all?: { label: string; href: string }
}

export interface Part {
  code: string
  /** The heading of the card. */
  label: string
  /** Cards stand in this order. */
  order: number
  /**
   * What there is for this reader.
   * @param on the past day the page shows, or nothing for today
   * @returns nothing where the reader has no business with it
   */
  load(db: Knex, user: User, id: number, on?: string): Promise<PartContent | undefined>
}

const registered = new Map<PartOf, Part[]>()

/** Hangs a part onto the pages of an archive. @throws Error when the code is taken */
export function registerPart(archive: PartOf, part: Part): void {
  const parts = registered.get(archive) ?? []
  if (parts.some(({ code }) => code === part.code)) throw new Error(`part ${part.code} of ${archive} is registered twice`)
  registered.set(
    archive,
    [...parts, part].sort((one, other) => one.order - other.order),
  )
}

export type ShownPart = Pick<Part, 'code' | 'label'> & PartContent

/** The parts of a record for one reader, for `views/archives/parts`. */
export async function partsOf(archive: PartOf, db: Knex, user: User, id: number, on?: string): Promise<ShownPart[]> {
  const loaded = await Promise.all(
    (registered.get(archive) ?? []).map(async ({ code, label, load }) => {
      const content = await load(db, user, id, on)
      return content && { code, label, ...content }
    }),
  )
  return loaded.filter(part => part !== undefined)
}
