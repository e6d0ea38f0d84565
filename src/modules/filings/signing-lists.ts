import { defineList, type List } from '../../lists/list.ts'
import { districtNames } from '../../lists/regions.ts'
import { archiveReaders } from '../archives/visible.ts'
import { signingFilings, signingPhases } from './signing-form.ts'
import { signingSides, visibleSignings } from './signings.ts'
import { signingStates } from './words.ts'

/** 在线签订: contracts drafted and confirmed here; a side sees its own, an office those signed in its region. */

const away = { shown: false, phone: false } as const

export const signings = defineList({
  code: 'signings',
  label: '在线签订',
  roles: archiveReaders,
  from: visibleSignings,
  shown: (db, user) =>
    visibleSignings(db, user)
      .leftJoin('organisations as company', 'company.id', 'signings.company_id')
      .leftJoin('organisations as party', 'party.id', 'signings.party_id')
      .leftJoin('organisations as holder', 'holder.id', 'signings.holder_id'),
  key: 'signings.id',
  columns: [
    { name: 'project', label: '项目', source: 'projects.name' },
    {
      name: 'state',
      label: '状态',
      type: 'state',
      source: 'signings.state',
      words: signingStates,
      tones: { draft: 'you', offered: 'you', signed: 'done', withdrawn: 'rest' },
    },
    { name: 'holder', label: '等待', source: 'holder.name' },
    { name: 'party', label: '甲方', source: 'party.name' },
    { name: 'company', label: '乙方', source: 'company.name' },
    { name: 'phase', label: '服务阶段', source: 'signings.phase', words: signingPhases, phone: false },
    { name: 'filing', label: '备案类型', source: 'signings.filing', words: signingFilings, phone: false },
    { name: 'signed_on', label: '签订日期', type: 'date', source: 'signings.signed_on' },
    { name: 'code', label: '项目编号', type: 'code', source: 'projects.code', ...away },
    { name: 'district', label: '区县', source: 'projects.district_code', words: districtNames, ...away },
    { name: 'updated', label: '最近办理', type: 'moment', source: 'signings.updated_at', phone: false },
    { name: 'number', label: '序号', type: 'number', source: 'signings.id', sort: true, ...away },
  ],
  heading: 'project',
  sort: '-number',
  groups: { filter: 'state' },
  filters: [
    { name: 'state', label: '状态', type: 'select', options: signingStates, where: 'signings.state' },
    { name: 'phase', label: '服务阶段', type: 'select', options: signingPhases, where: 'signings.phase' },
    { name: 'filing', label: '备案类型', type: 'select', options: signingFilings, where: 'signings.filing' },
    { name: 'signed', label: '签订日期', type: 'period', of: 'date', where: 'signings.signed_on' },
  ],
  search: {
    about: '项目名称、项目编号，拼音或拼音首字母也行',
    through: [{ source: 'signings.project_id', terms: 'projects', texts: ['projects.name', 'projects.code'] }],
  },
  href: ({ key }) => `/desk/signings/${key}`,
  actions: user =>
    (signingSides as readonly string[]).includes(user.role)
      ? [{ href: '/desk/signings/new', label: '起草合同', icon: 'plus' }]
      : [],
  empty: {
    title: '还没有在线签订的合同',
    text: '物业企业和建设单位、业主委员会可以在这里用范本起草合同，双方确认同一份文本后成立。签了纸质合同的，在备案时上传扫描件。',
  },
})

export const signingLists: readonly List[] = [signings]
