import { administrators, type Role, roleCodes, roles } from '../accounts/roles.ts'
import type { User } from '../accounts/users.ts'
import { caseHandlers, caseReaders } from '../cases/roles.ts'
import { allLists } from '../lists/registry.ts'
import { ownerKeepers } from '../modules/archives/house-access.ts'
import { archiveOffices, archiveReaders } from '../modules/archives/visible.ts'
import { inspectionOverseers } from '../modules/qualification/inspections.ts'

export interface MenuItem {
  href: string
  label: string
  /** A name in public/icons.svg. */
  icon: string
}
export interface MenuGroup {
  label: string
  items: MenuItem[]
}

/** A page says for whom it is; a list says so itself, and its label too. */
type Entry = { href: string; label: string; icon: string; roles: readonly Role[] } | { list: string; icon: string }

const staff = roleCodes.filter(role => roles[role].staff)

/** Every page a person may start from. An entry is added together with its page, so that none leads nowhere. */
const groups: readonly { label: string; entries: readonly Entry[] }[] = [
  {
    label: '工作台',
    entries: [
      { href: '/desk', label: '工作台首页', icon: 'home', roles: roleCodes },
      { href: '/desk/lists/cases?box=todo&sort=due_on', label: '待办', icon: 'inbox', roles: caseHandlers },
      { href: '/desk/lists/cases?box=mine', label: '在途', icon: 'hourglass', roles: caseHandlers },
      { href: '/desk/lists/cases?box=done', label: '已办', icon: 'circle-check', roles: caseHandlers },
      { list: 'warnings', icon: 'alert-triangle' },
      { href: '/desk/messages', label: '消息', icon: 'mail', roles: roleCodes },
    ],
  },
  {
    label: '业务办理',
    entries: [
      { href: '/desk/kinds', label: '事项目录', icon: 'sitemap', roles: caseReaders },
      { list: 'cases', icon: 'clipboard-list' },
      { list: 'registrations', icon: 'user-plus' },
    ],
  },
  {
    label: '档案管理',
    entries: [
      {
        href: '/desk/companies/mine',
        label: '我的企业档案',
        icon: 'building-skyscraper',
        roles: ['company-admin', 'company-clerk', 'developer'],
      },
      { list: 'companies', icon: 'building-skyscraper' },
      { list: 'branches', icon: 'world' },
      { list: 'developers', icon: 'building-bank' },
      { list: 'projects', icon: 'building-community' },
      { href: '/desk/projects/map', label: '项目分布图', icon: 'map-pin', roles: archiveReaders },
      { list: 'buildings', icon: 'building' },
      { list: 'houses', icon: 'key' },
      { list: 'people', icon: 'id' },
      { list: 'owners', icon: 'users' },
      { list: 'residents', icon: 'users-group' },
      { href: '/desk/imports', label: '批量导入', icon: 'upload', roles: ownerKeepers },
    ],
  },
  {
    label: '业务管理',
    entries: [
      { list: 'areas', icon: 'map' },
      { list: 'tenders', icon: 'scale' },
      { list: 'experts', icon: 'users-group' },
      { list: 'links', icon: 'link' },
      { list: 'contracts', icon: 'file-text' },
      { list: 'signings', icon: 'rubber-stamp' },
      { list: 'duties', icon: 'list-details' },
      { href: '/desk/filings', label: '项目看板', icon: 'chart-bar', roles: archiveOffices },
    ],
  },
  {
    label: '资质管理',
    entries: [
      { list: 'certificates', icon: 'certificate' },
      { list: 'certificates-expiring', icon: 'hourglass' },
      { list: 'certificate-prints', icon: 'printer' },
      { list: 'inspections', icon: 'checklist' },
      { href: '/desk/inspections', label: '年检进度', icon: 'chart-bar', roles: inspectionOverseers },
    ],
  },
  {
    label: '账号与权限',
    entries: [
      { list: 'users', icon: 'users' },
      { href: '/desk/admin/sessions', label: '在线会话', icon: 'device-laptop', roles: ['security-admin'] },
    ],
  },
  {
    label: '系统设置',
    entries: [
      { href: '/desk/admin/kinds', label: '事项设置', icon: 'adjustments', roles: ['business-admin', 'supervisor'] },
      { href: '/desk/admin/settings', label: '参数', icon: 'adjustments', roles: ['system-admin', 'security-admin'] },
      { href: '/desk/admin/dictionaries', label: '字典', icon: 'book', roles: ['system-admin'] },
    ],
  },
  {
    label: '日志',
    entries: [
      { list: 'sign-ins', icon: 'login' },
      { list: 'action-log', icon: 'history' },
      { href: '/desk/admin/log-check', label: '日志核对', icon: 'shield-check', roles: ['audit-admin'] },
    ],
  },
  {
    label: '单位与日历',
    entries: [
      { list: 'organisations', icon: 'building' },
      { list: 'regions', icon: 'map' },
      { href: '/desk/admin/calendar', label: '工作日历', icon: 'calendar', roles: staff },
    ],
  },
  {
    label: '我的',
    entries: [
      { href: '/account', label: '账号与安全', icon: 'lock', roles: roleCodes },
      { href: '/desk/help', label: '使用帮助', icon: 'help', roles: roleCodes },
    ],
  },
]

/** The menu of the role somebody acts in. */
export function menuFor(user: User): MenuGroup[] {
  return groups
    .map(({ label, entries }) => ({ label, items: entries.flatMap(entry => itemFor(entry, user.role)) }))
    .filter(group => group.items.length)
}

function itemFor(entry: Entry, role: Role): MenuItem[] {
  if ('href' in entry) return entry.roles.includes(role) ? [{ href: entry.href, label: entry.label, icon: entry.icon }] : []
  const list = allLists().find(list => list.code === entry.list)
  return list?.roles.includes(role) ? [{ href: `/desk/lists/${list.code}`, label: list.label, icon: entry.icon }] : []
}

/** The entries worth a button on the home page: what the role works with, before what everybody has. */
export function oftenFor(user: User): MenuItem[] {
  return (
    menuFor(user)
      .flatMap(group => group.items)
      // What has a block of its own on the home page needs no second way.
      .filter(({ href }) => href !== '/desk' && !/^\/desk\/(lists\/warnings|messages|lists\/cases\?box=)/.test(href))
      .slice(0, 6)
  )
}

/** Whether this role keeps the house and decides no business, so that its home shows the house and not a desk. */
export function keepsHouse(role: Role): boolean {
  return administrators.includes(role)
}
