import type { PropertyType } from '../src/modules/archives/words.ts'
import { addDays } from './days.ts'
import type { Ground } from './ground.ts'
import type { Project } from './projects.ts'
import { randomFrom } from './random.ts'
import { decimal, type Row, stamps } from './rows.ts'

/** What a contract says of its price, as the loading of contracts has it. */
export interface Priced {
  id: number
  starts_on: string
  /** The last day it really ran, where it is over. */
  until: string | undefined
  fee: string
  pricing: string
  service_level: number
  number: string | null
}

/** 收费标准 of a project: one for its houses by each contract with another price, one for its shops, parking with both. */
export function addFees(ground: Ground, project: Project, contracts: readonly Priced[]): void {
  const random = randomFrom(`fees of project ${project.id}`)
  const shops = project.houses.some(({ purpose }) => purpose === 'shop') && project.type !== 'commercial'
  const extras = {
    elevator_fee: project.type === 'high-rise' ? decimal(random.int(20, 45)) : null,
    parking_ground_fee: decimal(random.int(5, 12) * 1000),
    parking_underground_fee: project.type === 'multi-storey' ? null : decimal(random.int(5, 10) * 1000),
    parking_visit_fee: random.happens(0.5) ? decimal(random.int(3, 10) * 100) : null,
    waste_fee: decimal(random.int(2, 6) * 100),
  }
  const of = (type: PropertyType, price: (fee: string) => string) => {
    for (const { first, until } of spans(contracts))
      ground.add('project_fees', {
        project_id: project.id,
        contract_id: first.id,
        property_type: type,
        service_level: first.service_level,
        pricing: type === 'commercial' ? 'market' : first.pricing,
        price: price(first.fee),
        ...(type === 'commercial' ? nothing : extras),
        basis: first.number ? `物业服务合同 ${first.number}` : null,
        starts_on: first.starts_on,
        ends_on: until ?? null,
        ...stamps(ground.at),
      } satisfies Row)
  }
  of(project.type, fee => fee)
  if (shops) of('commercial', fee => decimal(Math.round(Number(fee) * 100 * 1.8)))
}

const nothing = {
  elevator_fee: null,
  parking_ground_fee: null,
  parking_underground_fee: null,
  parking_visit_fee: null,
  waste_fee: null,
}

/** Contracts one after the other at the same price are one standard; where the next begins, the one before has ended. */
function spans(contracts: readonly Priced[]): { first: Priced; until: string | undefined }[] {
  const found: { first: Priced; until: string | undefined }[] = []
  for (const contract of contracts) {
    const before = found.at(-1)
    if (before && before.first.fee === contract.fee && before.first.pricing === contract.pricing) before.until = contract.until
    else {
      if (before && (before.until === undefined || before.until >= contract.starts_on))
        before.until = addDays(contract.starts_on, -1)
      found.push({ first: contract, until: contract.until })
    }
  }
  return found
}
