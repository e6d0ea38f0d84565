import type { List } from '../../../lists/list.ts'
import { branches, companies, developers } from './companies.ts'
import { buildings, houses } from './houses.ts'
import { owners, residents } from './owners.ts'
import { people } from './people.ts'
import { projects } from './projects.ts'

/** The lists of the archives, in the order of the menu. */
export const archiveLists: readonly List[] = [
  companies,
  branches,
  developers,
  projects,
  buildings,
  houses,
  people,
  owners,
  residents,
]
