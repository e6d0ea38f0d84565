import type { Role } from '../src/accounts/roles.ts'
import { demoCompanies, demoDevelopers } from './accounts.ts'
import { certify } from './certificates.ts'
import { type Committee, electCommittees } from './committees.ts'
import { addAreas, addCompanies, addDevelopers, type Company, type Developer } from './companies.ts'
import type { Ground } from './ground.ts'
import { mobileOf } from './identities.ts'
import { inspect } from './inspections.ts'
import { personName } from './names.ts'
import { type Owner, settleOwners, settleResidents } from './owners.ts'
import { hirePeople, managersByProject, type Person } from './people.ts'
import { planProjects } from './projects.ts'
import { at } from './random.ts'
import { serveProjects } from './services.ts'
import { addUser, demoAccount } from './users.ts'

/** What the loading of a layer needs besides its ground. */
export interface LayerFacts {
  /** Code of the city. */
  city: string
  /** The organisation 实名业主. */
  owners_id: number
  /** The hash of the shared password. */
  hash: string
}

/**
 * One layer of the city: 60 property companies, 25 developers, 240 projects with 10,000 houses and as many owners, 1,500
 * practitioners, 90 committees and 600 accounts. A city of size N has N of them.
 */
export function addLayer(ground: Ground, facts: LayerFacts): void {
  const companies = addCompanies(ground)
  const developers = addDevelopers(ground)
  const projects = planProjects(ground, companies, developers)
  const owners = settleOwners(ground, projects)
  settleResidents(ground, projects)
  const people = hirePeople(ground, companies)
  const committees = electCommittees(ground, projects)
  serveProjects(ground, projects, { companies, committees, managers: managersByProject(companies, people) })
  addAreas(ground, companies)
  inspect(ground, certify(ground, companies))
  addAccounts(ground, facts, { companies, developers, committees, owners, people })
}

const perCompany = 3
const perDeveloper = 2
const ownersWithAccount = 280

function addAccounts(
  ground: Ground,
  { city, owners_id, hash }: LayerFacts,
  members: { companies: Company[]; developers: Developer[]; committees: Committee[]; owners: Owner[]; people: Person[] },
) {
  const { companies, developers, committees, owners, people } = members
  const { random } = ground
  const first = ground.layer === 0
  const account = (
    role: Role,
    organisation_id: number,
    region_code: string,
    person: { name: string; phone?: string },
    username?: string,
  ) =>
    addUser(
      ground,
      {
        name: username ? demoAccount(username).name : person.name,
        organisation_id,
        phone: person.phone ?? mobileOf('user', ground.lastId('users') + 1),
        roles: [{ role, region_code }],
      },
      username ? { username, hash } : undefined,
    )
  const somebody = () => ({ name: personName(random, random.pick(['male', 'female']), random.int(1972, 2000)) })

  for (const company of companies) {
    const clerks = people.filter(person => person.company === company && person.post === 'steward')
    for (let place = 0; place < perCompany; place++) {
      const username = first && !place && demoCompanies[company.index] ? at(['company', 'company2'], company.index) : undefined
      const role = place ? 'company-clerk' : 'company-admin'
      account(role, company.id, company.street?.district_code ?? city, clerks[place] ?? somebody(), username)
    }
  }
  for (const [index, { id, street }] of developers.entries())
    for (let place = 0; place < perDeveloper; place++) {
      const username = first && !place && demoDevelopers[index] ? at(['developer', 'developer2'], index) : undefined
      account('developer', id, street.district_code, somebody(), username)
    }
  for (const { id, project, chair } of committees) {
    const username = first && project.index < 2 ? at(['committee', 'committee2'], project.index) : undefined
    account('committee', id, project.street.code, chair, username)
  }
  const chairs = new Set(committees.map(({ chair }) => chair.id_number))
  for (const owner of chooseOwners(ground, owners, chairs)) {
    const username = owner.account
    const id = account('owner', owners_id, city, owner, username)
    for (const other of owners) if (other.id_number === owner.id_number) other.row.user_id = id
  }
}

/** Owners who have registered, those of the demo accounts first. */
function chooseOwners({ random }: Ground, owners: Owner[], chairs: Set<string>): Owner[] {
  const able = owners.filter(
    owner => owner.isHuman && !owner.account && owner.house.state !== 'sold' && !chairs.has(owner.id_number),
  )
  const different = [...new Map(random.shuffle(able).map(owner => [owner.id_number, owner])).values()]
  const demo = owners.filter(owner => owner.account === 'owner' || owner.account === 'owner2')
  return [...demo, ...different].slice(0, ownersWithAccount)
}
