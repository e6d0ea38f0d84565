// The tab workspace of the desk. Every page works without this file; with it the page opened first becomes the room in which
// others open as tabs: each a same-origin frame over the normal page, kept alive, so that a half-filled form is still there after
// looking something up. The strip is remembered for the browser session: paths and the names of menu entries, never page titles,
// which may hold the name of a person.
;(() => {
  const strip = document.querySelector('.strip')
  const main = document.getElementById('main')
  const { acting } = document.body.dataset
  if (!strip || !main || !acting || window.top !== window.self) return

  const wide = window.matchMedia('(min-width: 992px)')
  const memory = 'desk-tabs'
  const home = '/desk'
  const list = strip.querySelector('.windows')
  const most = 15
  const suffix = / · [^·]*$/
  const tabs = []
  let active
  let panels
  let count = 0
  let leaving = false
  let scrolled = 0

  const pathOf = place => place.pathname + place.search
  const inDesk = path => /^\/(desk|account)(\/|\?|$)/.test(path)
  const plain = event => event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey)

  // ── What a tab is ──────────────────────────────────────────────────────────────────────────────

  /** `inline` is the page this document itself came with; every other tab has a frame, made when first shown. */
  const addTab = (path, title, more = {}) => {
    const tab = {
      id: `${Date.now()}-${++count}`,
      path,
      title,
      label: title,
      inline: false,
      frame: null,
      dirty: false,
      loaded: 0,
      shown: 0,
      ...more,
    }
    tab.item = document.createElement('li')
    tab.link = tab.item.appendChild(document.createElement('a'))
    tab.link.addEventListener('click', event => {
      if (!plain(event)) return
      event.preventDefault()
      show(tab)
    })
    if (tabs.length) {
      tab.button = tab.item.appendChild(document.createElement('button'))
      tab.button.type = 'button'
      tab.button.append(pictureOf('x'))
      tab.button.addEventListener('click', () => close([tab]))
    }
    tabs.push(tab)
    list.append(tab.item)
    return tab
  }

  const pictureOf = name => {
    const picture = document.querySelector('.topbar .icon').cloneNode(true)
    const use = picture.querySelector('use')
    use.setAttribute('href', use.getAttribute('href').replace(/#.*/, `#${name}`))
    return picture
  }

  /** The name of the menu entry a page belongs to, and whether it lies behind it: what may be remembered of it. */
  const labelOf = (page, path) => {
    const entry = page?.querySelector('.menu [aria-current]') ?? menuEntry(path)
    const name = entry?.textContent.trim() || (path.startsWith('/account') ? '账号与安全' : '')
    if (!name) return '已打开的页面'
    return entry && entry.pathname !== path.split('?')[0] ? `${name} · 详情` : name
  }

  const menuEntry = path => {
    const entries = [...document.querySelectorAll('.menu a:not(.close)')].filter(entry => {
      const own = pathOf(entry)
      return own === path || (own !== home && (path.startsWith(`${own}/`) || path.startsWith(`${own}?`)))
    })
    return entries.sort((a, b) => b.pathname.length - a.pathname.length)[0]
  }

  // ── Drawing ────────────────────────────────────────────────────────────────────────────────────

  const draw = () => {
    for (const tab of tabs) {
      const on = tab === active
      tab.item.className = on ? 'on' : ''
      tab.link.href = tab.path
      tab.link.title = tab.title
      tab.link.textContent = tab.title
      if (on) tab.link.setAttribute('aria-current', 'page')
      else tab.link.removeAttribute('aria-current')
      tab.button?.setAttribute('aria-label', `关闭窗口：${tab.title}`)
      tab.frame?.classList.toggle('shown', on && !tab.inline)
      if (tab.frame) tab.frame.title = tab.title
    }
    const framed = !active.inline
    if (framed && !main.hidden) scrolled = window.scrollY
    const back = !framed && main.hidden
    main.hidden = framed
    document.documentElement.classList.toggle('tabbed', framed)
    if (back) window.scrollTo(0, scrolled)
    markMenu()
    // Only along the strip: scrollIntoView would move the page as well.
    const { offsetLeft, offsetWidth } = active.item
    if (offsetLeft < list.scrollLeft) list.scrollLeft = offsetLeft
    else if (offsetLeft + offsetWidth > list.scrollLeft + list.clientWidth)
      list.scrollLeft = offsetLeft + offsetWidth - list.clientWidth
    save()
  }

  const markMenu = () => {
    const entry = active.at ? document.querySelector(`.menu a[href="${CSS.escape(active.at)}"]`) : menuEntry(active.path)
    for (const marked of document.querySelectorAll('.menu [aria-current]')) marked.removeAttribute('aria-current')
    entry?.setAttribute('aria-current', 'page')
  }

  const save = () => {
    if (!wide.matches || leaving) return
    const kept = tabs.map(({ path, label }) => ({ path, label }))
    try {
      sessionStorage.setItem(memory, JSON.stringify({ acting, tabs: kept }))
    } catch {}
  }

  const recall = () => {
    try {
      const kept = JSON.parse(sessionStorage.getItem(memory))
      return kept?.acting === acting ? kept.tabs.filter(tab => typeof tab.path === 'string' && inDesk(tab.path)) : []
    } catch {
      return []
    }
  }

  // ── Showing, opening, closing ──────────────────────────────────────────────────────────────────

  const show = (tab, step = 'replace') => {
    const before = active
    active = tab
    // The home page is read again after a while: the counts on it change while work is done elsewhere.
    const stale = tab === tabs[0] && before !== tab && Date.now() - tab.loaded > 30_000
    if (stale || !(tab.inline || tab.frame)) load(tab)
    tab.shown = Date.now()
    rest()
    draw()
    settle(step)
    if (!tab.inline) tab.frame.focus()
  }

  /** Address and title follow the tab shown. `step`: push a place to come back to, or replace the present one. */
  const settle = step => {
    const state = { tab: active.id, inline: active.inline }
    history[step === 'push' ? 'pushState' : 'replaceState'](state, '', active.path)
    document.title = active.full ?? document.title.replace(/^.*(?= · [^·]*$)/, active.title)
  }

  /** Many living pages are a burden: the one not seen for longest is put away, unless something was typed in it, and read again when shown. */
  const rest = () => {
    const living = tabs.filter(tab => tab.frame && tab !== active && !tab.dirty && !tab.inline)
    if (living.length < most) return
    const [oldest] = living.sort((a, b) => a.shown - b.shown)
    oldest.frame.remove()
    oldest.frame = null
  }

  const open = (path, title) => {
    const there = tabs.find(tab => tab.path === path) ?? tabs.find(tab => tab.from === path && !tab.dirty)
    if (!there) return show(addTab(path, title, { from: path }), 'push')
    // A list that was searched stays as it is. A tab that has moved on to another page goes back to what was pressed,
    // and so does the one in front: pressing where one already is means "again".
    const entry = menuEntry(path)
    const moved =
      there.path.split('?')[0] !== path.split('?')[0] ||
      (entry && pathOf(entry) === path && there.at !== undefined && there.at !== path)
    const again = there === active && !there.dirty
    show(there)
    if (moved || again) load(there, path)
  }

  const goHome = () => {
    const again = active === tabs[0]
    show(tabs[0])
    if (again) load(tabs[0])
  }

  const load = (tab, path = tab.path) => {
    if (tab.frame) {
      tab.frame.src = path
      return
    }
    frameOf(tab).src = path
  }

  const frameOf = tab => {
    if (tab.frame) return tab.frame
    if (!panels) {
      panels = document.createElement('div')
      panels.className = 'panels'
      panels.setAttribute('role', 'region')
      panels.setAttribute('aria-label', '打开的窗口')
      panels.append(Object.assign(document.createElement('p'), { textContent: '正在打开…' }))
      main.after(panels)
    }
    tab.frame = document.createElement('iframe')
    tab.frame.name = `tab-${tab.id}`
    tab.frame.title = tab.title
    tab.frame.addEventListener('load', () => arrived(tab))
    panels.append(tab.frame)
    return tab.frame
  }

  const arrived = tab => {
    const page = tab.frame.contentDocument
    // A page the browser refuses to show has no document; a frame that waits for its first page has an empty one.
    if (!page || page.URL === 'about:blank') return
    const other = page.body?.dataset.acting
    if (other && other !== acting) return leave(home)
    const left = tab.inline
    describe(tab, page, pathOf(tab.frame.contentWindow.location))
    tend(tab, page)
    draw()
    if (tab !== active) return
    settle(left && tab !== tabs[0] ? 'push' : 'replace')
    if (left) tab.frame.focus()
  }

  /** What a tab shows now: the page of this document, or that of its frame. Each face is kept, for the way back. */
  const describe = (tab, page, path) => {
    const inline = page === document
    const title = page.title.replace(suffix, '')
    const at = page.querySelector('.menu [aria-current]')?.getAttribute('href')
    const face = { inline, path, title, full: page.title, label: tab === tabs[0] ? tab.label : labelOf(page, path), at }
    if (at?.split('?')[0] === path.split('?')[0]) tab.from ??= at
    if (inline) tab.front = face
    else tab.back = face
    Object.assign(tab, face, { loaded: Date.now(), dirty: Boolean(page.querySelector('main [aria-invalid=true]')) })
  }

  const close = async closing => {
    const unsaved = closing.filter(tab => tab.dirty)
    if (unsaved.length) {
      const title = closing.length === 1 ? `关闭“${closing[0].title}”？` : `关闭这 ${closing.length} 个窗口？`
      const text =
        closing.length === 1
          ? '这一页填了内容，还没有提交，关闭后不保留。'
          : `其中 ${unsaved.length} 个填了内容，还没有提交，关闭后不保留。`
      if (!(await window.ask({ title, text, verb: '关闭', keep: '留着' }))) return
    }
    const at = tabs.indexOf(active)
    for (const tab of closing) {
      tab.frame?.remove()
      tab.item.remove()
      tabs.splice(tabs.indexOf(tab), 1)
    }
    if (tabs.includes(active)) return draw()
    show(tabs[Math.min(at, tabs.length - 1)] ?? tabs[0])
    active.link.focus()
  }

  const reload = async () => {
    const tab = active
    const text = '这一页填了内容，还没有提交，重新载入后不保留。'
    if (tab.dirty && !(await window.ask({ title: `重新载入“${tab.title}”？`, text, verb: '重新载入' }))) return
    tab.dirty = false
    // A frame that could not reach the server shows a page of the browser, which only a new address replaces.
    if (tab.frame?.contentDocument && !tab.inline) tab.frame.contentWindow.location.reload()
    else load(tab)
  }

  /** The whole window goes elsewhere: somebody else acts now. */
  const leave = path => {
    leaving = true
    try {
      sessionStorage.removeItem(memory)
    } catch {}
    location.assign(path)
  }

  // ── What happens inside a page ─────────────────────────────────────────────────────────────────

  /** Keeps the links and forms of a page inside its tab. `within` limits it to a part, for the page that lies in this document. */
  const tend = (tab, page, within) => {
    const mine = target => !within || (within.contains(target) && tab.inline)

    page.addEventListener('click', event => {
      const link = event.target.closest('a[href]')
      if (!link || !wide.matches || !mine(link) || event.defaultPrevented || !plain(event)) return
      if (link.hasAttribute('download') || (link.target && link.target !== '_self') || !/^https?:$/.test(link.protocol)) return
      const path = pathOf(link)
      if (link.origin !== location.origin || !inDesk(path)) {
        link.target = '_blank'
        link.rel = 'noopener'
      } else if (link.hash && path === tab.path) {
        return
      } else if (path === home) {
        event.preventDefault()
        goHome()
      } else if (tab === tabs[0]) {
        event.preventDefault()
        open(path, link.textContent.trim())
      } else if (within) {
        link.target = frameOf(tab).name
      }
    })

    page.addEventListener('submit', event => {
      const form = event.target
      if (!mine(form) || event.defaultPrevented) return
      tab.dirty = false
      // What was just done changes the counts of the home page.
      if (form.method === 'post') tabs[0].loaded = 0
      const { pathname } = new URL(event.submitter?.formAction || form.action)
      if (pathname === '/logout' || pathname === '/desk/role') form.target = '_top'
      else if (within && wide.matches && !form.target) form.target = frameOf(tab).name
    })

    page.addEventListener('input', event => {
      // What is searched, ticked, or chosen in a menu (columns, rows per page) is no work that could be lost.
      const idle = '.drop, [data-size], [role="search"], [data-picks]'
      if (mine(event.target) && event.target.form?.method === 'post' && !event.target.closest(idle)) tab.dirty = true
    })
    // A form that saves itself says so (case-form.js).
    page.addEventListener('kept', event => {
      if (mine(event.target)) tab.dirty = false
    })

    page.addEventListener('keydown', event => {
      if (event.key !== 'p' || !(event.ctrlKey || event.metaKey) || active.inline) return
      event.preventDefault()
      active.frame.contentWindow.print()
    })
  }

  // ── Start ──────────────────────────────────────────────────────────────────────────────────────

  const start = () => {
    const here = pathOf(location)
    list.replaceChildren()
    const kept = recall()
    addTab(home, '工作台首页')
    const times = {}
    for (const { path, label } of kept) {
      if (path === home) continue
      times[label] = (times[label] ?? 0) + 1
      addTab(path, times[label] > 1 ? `${label} ${times[label]}` : label, { label })
    }
    active = tabs.find(tab => tab.path === here) ?? addTab(here, '')
    describe(active, document, here)
    tend(active, document, main)

    const tools = strip.appendChild(document.createElement('details'))
    tools.className = 'drop'
    const summary = tools.appendChild(document.createElement('summary'))
    summary.append(pictureOf('dots'))
    summary.setAttribute('aria-label', '窗口操作')
    const menu = tools.appendChild(document.createElement('div'))
    const offer = (label, picture, act) => {
      const button = menu.appendChild(document.createElement('button'))
      button.type = 'button'
      button.append(pictureOf(picture), label)
      button.addEventListener('click', () => {
        tools.open = false
        act()
      })
      return button
    }
    offer('重新载入这一页', 'refresh', reload)
    const one = offer('关闭这一页', 'x', () => close([active]))
    const others = offer('关闭其他', 'circle-x', () => close(tabs.slice(1).filter(tab => tab !== active)))
    const all = offer('全部关闭', 'trash', () => close(tabs.slice(1)))
    tools.addEventListener('toggle', () => {
      one.disabled = active === tabs[0]
      all.disabled = tabs.length < 2
      others.disabled = !tabs.slice(1).some(tab => tab !== active)
    })

    list.addEventListener('wheel', event => list.scrollBy({ left: event.deltaY }), { passive: true })

    // Menu and bar open tabs; the forms of the bar (sign out, act in another role) go on in the whole window.
    document.addEventListener('click', event => {
      const link = event.target.closest('.menu a[href], .topbar a[href]')
      if (!link || !wide.matches || event.defaultPrevented || !plain(event) || link.hash) return
      event.preventDefault()
      link.closest('.drop')?.removeAttribute('open')
      if (pathOf(link) === home) goHome()
      else open(pathOf(link), link.textContent.trim())
    })
    document.addEventListener('submit', event => {
      if (event.defaultPrevented || !event.target.closest('.topbar')) return
      const action = event.target.getAttribute('action')
      if (action === '/logout') sessionStorage.removeItem(memory)
      // The search over everything has one tab, which each new search takes over.
      if (action !== '/desk/search' || !wide.matches) return
      const tab = tabs.find(({ path }) => path.startsWith(action)) ?? addTab(action, '搜索')
      event.target.target = frameOf(tab).name
      show(tab, 'push')
    })

    window.addEventListener('popstate', event => {
      const tab = tabs.find(tab => tab.id === event.state?.tab)
      if (!tab) return
      Object.assign(tab, event.state.inline ? tab.front : tab.back)
      show(tab)
    })
    window.addEventListener('beforeunload', event => {
      if (!leaving && tabs.some(tab => tab.dirty)) event.preventDefault()
    })

    settle('replace')
    draw()
  }

  if (wide.matches) start()
  else wide.addEventListener('change', start, { once: true })
})()
