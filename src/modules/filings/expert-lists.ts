import { defineList, type List } from '../../lists/list.ts'
import { within } from '../../lists/narrowings.ts'
import { expertKeepers, expertReaders } from './experts.ts'
import { expertStates, specialties } from './words.ts'

/** 评标专家名册: without ID number and phone, which stand masked on the page of one expert. */
export const experts = defineList({
  code: 'experts',
  label: '评标专家',
  about: '前期物业招标的评标专家名册，由市局管理；抽取在招标页上进行',
  roles: expertReaders,
  from: db => db('experts'),
  key: 'experts.id',
  columns: [
    { name: 'name', label: '姓名', source: 'experts.name', sort: 'experts.name_key' },
    {
      name: 'state',
      label: '状态',
      type: 'state',
      source: 'experts.state',
      words: expertStates,
      tones: { active: 'done', suspended: 'you', removed: 'rest' },
    },
    { name: 'specialty', label: '专业', source: 'experts.specialty', words: specialties },
    { name: 'title', label: '职称', source: 'experts.title' },
    { name: 'employer', label: '工作单位', source: 'experts.employer' },
    { name: 'joined_on', label: '入册日期', type: 'date', source: 'experts.joined_on' },
    { name: 'valid_until', label: '聘期至', type: 'date', source: 'experts.valid_until' },
  ],
  heading: 'name',
  sort: 'name',
  groups: { filter: 'state' },
  filters: [
    { name: 'state', label: '状态', type: 'select', options: expertStates, where: 'experts.state' },
    { name: 'specialty', label: '专业', type: 'select', options: specialties, where: 'experts.specialty' },
    within({ name: 'until', label: '聘期', source: 'experts.valid_until' }),
  ],
  search: { about: '姓名、工作单位', contains: ['experts.name', 'experts.employer'] },
  href: ({ key }) => `/desk/experts/${key}`,
  actions: ({ role }) =>
    expertKeepers.includes(role) ? [{ href: '/desk/experts/new', label: '登记专家', icon: 'user-plus' }] : [],
  empty: { title: '名册里还没有专家', text: '市局登记评标专家后列在这里，开标前一天起从中随机抽取。' },
})

export const expertLists: readonly List[] = [experts]
