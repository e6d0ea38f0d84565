import { type Answers, rowsOf, textOf } from '../../forms/answers.ts'
import { feeModes, pricings, propertyTypes, serviceLevels } from '../archives/words.ts'
import { type SigningFiling, type SigningPhase, signingFilings } from './signing-form.ts'

/**
 * 合同范本 of the portal: two model texts in plain words, one for the developer before there is a committee, one for the committee
 * after. A text once offered is kept as it was, so a new edition of a model is a new code and changes nothing signed before.
 */

/** By the phase it is for; the number is the edition of the model. */
export const models: Readonly<Record<SigningPhase, { code: string; label: string }>> = {
  early: { code: 'early-2026-1', label: '前期物业服务合同（范本 2026 年第 1 版）' },
  selected: { code: 'selected-2026-1', label: '物业服务合同（业委会范本 2026 年第 1 版）' },
}

/** What the text says of project and parties: from the archives, as of the day it is composed. */
export interface ModelFacts {
  /** Names this text and no other: 签订编号 and which draft of it. */
  reference: string
  phase: SigningPhase
  filing: SigningFiling
  party: { name: string; code: string; address: string }
  company: { name: string; code: string; address: string }
  project: { name: string; code: string; address: string; type: string; area: string; houses: string }
}

const blank = '＿＿＿＿'
const orBlank = (text: string) => text || blank

/** 2026-11-23 as a contract writes it. */
function inWords(day: string): string {
  const [, year, month, date] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(day) ?? []
  return year ? `${year}年${Number(month)}月${Number(date)}日` : blank
}

type Chapter = readonly [title: string, articles: readonly string[]]

/**
 * The text of the contract, line by line, the same for the same facts on any server: what both sides confirm, to the letter.
 * A heading stands alone on its line and begins with 第…章.
 */
export function composeText(facts: ModelFacts, answers: Answers): string {
  let count = 0
  const lines = [
    facts.phase === 'early' ? '前期物业服务合同' : '物业服务合同',
    `合同编号：${orBlank(textOf(answers, 'contract_code'))}`,
    `文本编号：${facts.reference}`,
    `范本：${models[facts.phase].label}（${models[facts.phase].code}）`,
    `类型：${signingFilings[facts.filing]}`,
    ...chaptersOf(facts, answers).flatMap(([title, articles], at) => [
      `第${numeral(at + 1)}章 ${title}`,
      ...articles.map(article => {
        count++
        return `第${numeral(count)}条 ${article}`
      }),
    ]),
  ]
  return lines.join('\n').normalize('NFC')
}

function chaptersOf(facts: ModelFacts, answers: Answers): readonly Chapter[] {
  const { phase } = facts
  return [
    parties(facts),
    project(facts, answers),
    service(facts, answers),
    term(answers),
    charges(answers),
    duties(phase),
    rooms(answers),
    breach(answers),
    special(answers),
    ending(phase),
    [
      '争议',
      [
        '履行中有争议的，双方先协商；协商不成的，可以请项目所在地的街道办事处、居民委员会或者人民调解组织调解；仍不成的，向项目所在地人民法院起诉。',
      ],
    ],
    closing(phase),
  ]
}

const unit = ({ name, code, address }: ModelFacts['party']) =>
  [name, code && `统一社会信用代码 ${code}`, address && `住所 ${address}`].filter(Boolean).join('，')

const parties = ({ phase, party, company }: ModelFacts): Chapter => [
  '当事人',
  [
    `甲方：${unit(party)}。${phase === 'early' ? '甲方是本项目的建设单位，在业主选聘物业服务企业之前，为本项目选聘乙方。' : '甲方是本项目的业主委员会，依照业主大会的决定代表全体业主与乙方订立合同。'}`,
    `乙方：${unit(company)}。乙方是提供本项目物业服务的企业。`,
    '双方遵循自愿、公平、诚信的原则，依照《中华人民共和国民法典》《物业管理条例》和《山东省物业管理条例》订立本合同。',
  ],
]

const project = ({ project }: ModelFacts, answers: Answers): Chapter => [
  '项目',
  [
    `项目名称：${project.name}（项目编号 ${project.code}），坐落于${project.address}，主要物业类型为${project.type}，规划${project.houses}户，总建筑面积 ${project.area} 平方米。`,
    `乙方服务的建筑面积为 ${orBlank(textOf(answers, 'serviced_area'))} 平方米，范围以登记的物业服务区域为准。`,
  ],
]

function service({ phase }: ModelFacts, answers: Answers): Chapter {
  const levels = rowsOf(answers, 'fees').flatMap(row => {
    const level = serviceLevels[Number(row.service_level) as keyof typeof serviceLevels] // a code of the form, or nothing
    const type = propertyTypes[row.property_type as keyof typeof propertyTypes] // likewise
    return level && type ? [`${type}${level}`] : []
  })
  const guarantee = textOf(answers, 'guarantee')
  const fund = textOf(answers, 'fund_terms')
  return [
    '服务内容与标准',
    [
      '乙方提供以下服务：共用部位和共用设施设备的日常维护、运行与检查；公共区域的清洁和绿化养护；公共秩序的维护和消防安全的日常管理；车辆停放的管理；装修活动的告知与巡查；服务档案的建立和保管。',
      `服务等级：${levels.length ? levels.join('、') : '按照双方约定的内容提供，不分等级'}。各等级的具体要求以本市公布的住宅物业服务等级标准为准。`,
      `乙方委派${orBlank(textOf(answers, 'manager'))}担任项目负责人，配备服务人员不少于 ${orBlank(textOf(answers, 'staff_count'))} 人。更换项目负责人的，乙方提前书面告知甲方。`,
      '乙方可以把专项服务委托给有相应能力的单位，但不得把全部服务转委托，也不得把全部服务拆开后分别转委托；乙方对受托单位的工作向业主负责。',
      ...(phase === 'early'
        ? [
            `承接查验：${textOf(answers, 'takeover_terms') || '交付使用之前，双方共同查验共用部位、共用设施设备，形成记录并移交资料。查验发现的问题由甲方负责解决。'}`,
          ]
        : textOf(answers, 'takeover_terms')
          ? [`承接查验：${textOf(answers, 'takeover_terms')}`]
          : []),
      `专项维修资金：${fund || '保修期满后共用部位、共用设施设备的大中修、更新和改造费用，依照维修资金的规定由业主表决后使用，乙方配合申请和公示。'}`,
      ...(guarantee ? [`履约保证：${guarantee}`] : []),
    ],
  ]
}

const term = (answers: Answers): Chapter => [
  '期限',
  [
    `服务期限自${inWords(textOf(answers, 'starts_on'))}起，至${inWords(textOf(answers, 'ends_on'))}止。`,
    '乙方不同意续聘的，在期限届满九十日以前书面通知甲方。期限届满后没有续聘或者另聘的决定、乙方继续提供服务的，本合同继续有效，期限为不定期；任何一方解除不定期合同的，提前六十日书面通知对方。',
  ],
]

function charges(answers: Answers): Chapter {
  const mode = textOf(answers, 'fee_mode')
  const rows = rowsOf(answers, 'fees').map(row => {
    const type = propertyTypes[row.property_type as keyof typeof propertyTypes] ?? blank // a code of the form, or nothing
    const way = pricings[row.pricing as keyof typeof pricings] // likewise
    return [
      `${type}每月每平方米 ${orBlank(row.price ?? '')} 元`,
      way && `（${way}）`,
      row.elevator_fee && `，电梯运行费每月每平方米 ${row.elevator_fee} 元`,
      row.basis && `，依据${row.basis}`,
    ]
      .filter(Boolean)
      .join('')
  })
  const others = (
    [
      ['parking_ground_fee', '地上停车每位每月', '元'],
      ['parking_underground_fee', '地下停车每位每月', '元'],
      ['parking_visit_fee', '临时停车每次', '元'],
      ['waste_fee', '装修垃圾清运每平方米', '元'],
    ] as const
  ).flatMap(([name, label, unit]) => (textOf(answers, name) ? [`${label} ${textOf(answers, name)} ${unit}`] : []))
  const modeWords =
    mode === 'remuneration'
      ? `收费方式为${feeModes.remuneration}：乙方从预收的物业服务资金中按约定提取酬金，其余用于本合同约定的支出，结余或者不足由业主享有或者承担。`
      : mode === 'lump-sum'
        ? `收费方式为${feeModes['lump-sum']}：业主支付固定的物业费，盈余或者亏损由乙方享有或者承担。`
        : `收费方式为${blank}。`
  return [
    '收费',
    [
      modeWords,
      `物业费按房屋建筑面积计收：${rows.length ? rows.join('；') : blank}。`,
      ...(others.length ? [`其他收费：${others.join('；')}。`] : []),
      '乙方把服务事项、负责人员、服务标准、收费项目和收费标准在服务区域的显著位置公示，每年公布收支情况。乙方不得在约定以外另立名目收费，不得以停水、停电、停热、停气的方式催交物业费。',
      '合同期内调整收费标准的，由双方依照法定程序协商一致后变更本合同，并重新备案；实行政府指导价的，不得超过规定的标准。',
    ],
  ]
}

const duties = (phase: SigningPhase): Chapter => [
  '双方权利义务',
  [
    phase === 'early'
      ? '甲方向房屋买受人明示本合同和临时管理规约，按规定移交项目资料，承担保修责任；已竣工但尚未售出或者尚未交付的房屋，物业费由甲方支付。'
      : '甲方监督乙方履行合同，听取并转达业主和物业使用人的意见，督促业主按时交纳物业费，协助乙方做好服务，对共有部分的经营和收益使用进行监督。',
    '乙方按照约定提供服务，妥善维修、养护、清洁、绿化和经营管理共有部分，维护基本秩序，采取合理措施保护业主的人身、财产安全；对违反治安、环保、消防等规定的行为及时制止、报告并协助处理。',
    '乙方定期向业主公开并向业主大会、业主委员会报告服务事项、收费、维修资金使用、共有部分的经营与收益等情况，执行政府依法实施的应急处置和其他管理措施。',
    '乙方对在服务中知悉的业主个人信息保密，只用于履行本合同。',
  ],
]

const rooms = (answers: Answers): Chapter => [
  '用房与共有部分',
  [
    `物业服务用房建筑面积 ${orBlank(textOf(answers, 'room_area'))} 平方米，位于${orBlank(textOf(answers, 'room_place'))}，归全体业主共有，乙方在合同期内无偿使用，不得买卖、抵押，不得改变用途。`,
    '利用共有部分经营的，须经业主依法共同决定；收入在扣除合理成本之后归全体业主所有，单独列账，定期公布。',
    '乙方不得擅自占用、挖掘共用道路和场地，不得擅自改变共有部分的用途。',
  ],
]

const breach = (answers: Answers): Chapter => [
  '违约',
  [
    orBlank(textOf(answers, 'breach_terms')),
    '一方违反本合同给对方或者业主造成损失的，依法承担赔偿责任。因不可抗力不能履行的，根据影响部分或者全部免除责任，但应当及时通知对方。',
  ],
]

const special = (answers: Answers): Chapter => {
  const articles = textOf(answers, 'special')
    .split('\n')
    .map(line => line.trim())
    .filter(Boolean)
  return ['特别约定', articles.length ? [...articles, '本章与其他章不一致的，以本章为准。'] : ['双方没有特别约定。']]
}

const ending = (phase: SigningPhase): Chapter => [
  '解除与交接',
  [
    phase === 'early'
      ? '期限届满之前，业主委员会或者业主与新物业服务人订立的物业服务合同生效的，本合同终止。'
      : '业主依照法定程序共同决定解聘乙方的，可以解除本合同，提前六十日书面通知乙方；解除给乙方造成损失的，除不可归责于业主的事由外，依法赔偿。',
    '合同终止后，乙方在约定期限或者合理期限内退出服务区域，把物业服务用房、相关设施和服务所必需的资料交还给业主委员会、决定自行管理的业主或者其指定的人，配合新物业服务人做好交接，如实告知使用和管理状况。',
    '在业主或者业主大会选聘的新物业服务人接管之前，乙方继续处理服务事项的，可以请求业主支付这一期间的物业费。',
  ],
]

const closing = (phase: SigningPhase): Chapter => [
  '附则',
  [
    `本合同自双方都确认之日起成立${phase === 'early' ? '，对业主具有法律约束力' : '，对全体业主具有法律约束力'}。签订后按规定向物业主管部门备案。`,
    '本合同由双方在物业行业综合管理系统各自以本单位账号确认，系统记录文本的 SHA-256 摘要、确认人、确认单位、确认时间和再次验证的方式。文本改动的，摘要随之改变，先前的确认不再有效。',
    '需要变更本合同的，双方另行签订，并办理变更备案。',
  ],
]

const digits = ['', '一', '二', '三', '四', '五', '六', '七', '八', '九']

/** 1 to 99 in Chinese; beyond that the figure. */
function numeral(n: number): string {
  if (n > 99) return String(n)
  const [tens, ones] = [Math.floor(n / 10), n % 10]
  return `${tens > 1 ? digits[tens] : ''}${tens ? '十' : ''}${digits[ones]}`
}
