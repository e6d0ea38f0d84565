// The long form of a case: saves what is typed, keeps the self-check up to date, adds and removes rows in place. The form works
// without this file, by its buttons. What is typed is kept on the server alone, never in the browser.
;(() => {
  const form = document.querySelector('form[data-draft]')
  const place = document.querySelector('[data-case-form]')
  if (!form || !place) return

  const pause = 1500
  /** Up to this size a browser finishes a request of a page that is already closed. */
  const leavingLimit = 60_000
  const saved = place.querySelector('[data-saved]')
  const trouble = place.querySelector('[data-trouble]')
  const findings = place.querySelector('[data-findings]')
  const isOurs = control => control.form === form

  // ── Saving ─────────────────────────────────────────────────────────────────────────────────────

  /** How often something was changed, and which of these changes the server has. */
  let changes = 0
  let kept = 0
  let timer
  let saving
  let failures = 0
  /** Nothing more is saved: somebody else changed the draft, or the case is no longer written in. */
  let stopped = false
  let submitted = false

  const isUnsaved = () => changes > kept
  const body = () => new URLSearchParams(new FormData(form))

  const changed = () => {
    changes++
    plan(pause)
  }
  const plan = wait => {
    clearTimeout(timer)
    if (!stopped) timer = setTimeout(() => void save(), wait)
  }

  /** Tells once; the same words again are not read out again. */
  const tell = (text, link) => {
    if (trouble.dataset.words === text) return
    trouble.dataset.words = text
    trouble.replaceChildren(text)
    if (!link) return
    const anchor = trouble.appendChild(document.createElement('a'))
    anchor.href = link.href
    anchor.target = '_blank'
    anchor.rel = 'noopener'
    anchor.textContent = link.label
  }

  /** Resolves when the request that is on its way, or the one begun here, has been answered. */
  const save = async () => {
    clearTimeout(timer)
    if (!saving && (!isUnsaved() || stopped)) return
    saving ??= send().finally(() => {
      saving = undefined
      if (isUnsaved() && !failures) plan(pause)
    })
    await saving
  }

  const send = async () => {
    const upTo = changes
    const text = body().toString()
    let answer
    try {
      answer = await fetch(form.dataset.draft, {
        method: 'POST',
        body: text,
        redirect: 'manual',
        keepalive: text.length < leavingLimit,
        headers: { 'Content-Type': 'application/x-www-form-urlencoded', 'X-Background': '1', Accept: 'application/json' },
      })
    } catch {
      return later('网络不通，草稿还没有存上。填写的内容都在这一页，连上后自动保存。')
    }
    if (answer.ok) return keep(upTo, await answer.json())
    if (answer.status === 401 || answer.type === 'opaqueredirect')
      return later('登录已到时，草稿还没有存上。填写的内容都在这一页，', { href: '/login', label: '重新登录后自动保存' })
    const { message } = await answer.json().catch(() => ({}))
    if (answer.status >= 500 || answer.status === 429) return later('系统暂时存不上草稿。填写的内容都在这一页，稍后自动再存。')
    stopped = true
    failures++
    if (answer.status === 409)
      return tell(message || '另一台电脑刚改过这份草稿，这里的修改没有存上。', {
        href: location.href,
        label: '另开一页看最新内容',
      })
    tell(message || '草稿没有存上。填写的内容都在这一页，请先抄下再刷新。')
  }

  const keep = (upTo, { saved_at, draft_version }) => {
    kept = upTo
    failures = 0
    form.elements.draft_version.value = draft_version
    saved.textContent = `草稿已自动保存 ${saved_at}`
    tell('')
    // The strip of windows need not ask before it closes this one.
    if (!isUnsaved()) form.dispatchEvent(new CustomEvent('kept', { bubbles: true }))
    void check()
  }

  const later = (text, link) => {
    failures++
    tell(text, link)
    plan(Math.min(5000 * 2 ** (failures - 1), 60_000))
  }

  window.addEventListener('online', () => void save())

  // ── Self-check ─────────────────────────────────────────────────────────────────────────────────

  let checking

  const check = async () => {
    if (!findings || !form.dataset.check) return
    checking?.abort()
    checking = new AbortController()
    const { signal } = checking
    try {
      const answer = await fetch(form.dataset.check, {
        method: 'POST',
        body: body(),
        redirect: 'manual',
        signal,
        headers: { 'X-Background': '1', Accept: 'text/html' },
      })
      if (answer.ok) findings.innerHTML = await answer.text()
    } catch {
      // The lines of before stay; the next saving asks again.
    }
  }

  // ── Leaving ────────────────────────────────────────────────────────────────────────────────────

  const saveOnLeaving = () => {
    if (!submitted) void save()
  }
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'hidden') saveOnLeaving()
    else void save()
  })
  window.addEventListener('pagehide', saveOnLeaving)
  window.addEventListener('beforeunload', event => {
    if (!isUnsaved() || submitted) return
    saveOnLeaving()
    event.preventDefault()
  })
  // A page taken out of the browser's memory holds an old version of the draft.
  window.addEventListener('pageshow', event => {
    if (event.persisted) location.reload()
  })

  // Whatever is pressed goes out when the draft is saved, with its new version; what cannot be saved stays on the page.
  let waiting = false
  form.addEventListener('submit', async event => {
    const { submitter } = event
    const isPlainSave = submitter?.hasAttribute('data-plain-save') ?? false
    if (!isPlainSave && (stopped || (!saving && !isUnsaved()))) {
      submitted = true
      return
    }
    event.preventDefault()
    if (waiting) return
    waiting = true
    await save()
    waiting = false
    // The Enter key in a field saves and no more.
    if (!isPlainSave && !failures) form.requestSubmit(submitter)
  })

  // Only this event: `change` comes once more when a field that was saved long ago is left.
  document.addEventListener('input', event => {
    if (!isOurs(event.target)) return
    changed()
    mark(event.target)
  })

  // ── Sections ───────────────────────────────────────────────────────────────────────────────────

  const icons = place.querySelector('use')?.getAttribute('href').split('#')[0]

  /** A section shows whether what it asks for is filled in; what the server found wrong stays marked until it is asked again. */
  const mark = control => {
    const part = control.closest('.form-part')
    const link = part && place.querySelector(`[data-part="${part.id}"]`)
    const icon = link?.querySelector('.icon')
    if (!icon || icon.classList.contains('bad')) return
    const isDone = [...part.querySelectorAll('[required]')].every(one =>
      one.type === 'checkbox' ? one.checked : one.value.trim(),
    )
    icon.classList.toggle('ok', isDone)
    icon.querySelector('use').setAttribute('href', `${icons}#${isDone ? 'circle-check' : 'circle'}`)
    link.querySelector('[data-part-words]').textContent = isDone ? '，齐全' : '，未完成'
  }

  const links = [...place.querySelectorAll('.contents a')]
  const inSight = new Set()
  const seen = new IntersectionObserver(
    entries => {
      for (const { target, isIntersecting } of entries) inSight[isIntersecting ? 'add' : 'delete'](target.id)
      const first = links.find(link => inSight.has(link.hash.slice(1)))
      if (!first) return
      for (const link of links) link.toggleAttribute('aria-current', false)
      first.setAttribute('aria-current', 'true')
    },
    { rootMargin: '-110px 0px -40% 0px' },
  )
  for (const link of links) {
    const part = document.getElementById(link.hash.slice(1))
    if (part) seen.observe(part)
  }

  // ── Rows ───────────────────────────────────────────────────────────────────────────────────────

  const count = box => {
    const rows = box.querySelectorAll('tbody tr')
    for (const [at, row] of rows.entries()) for (const number of row.querySelectorAll('[data-at]')) number.textContent = at + 1
    const add = box.querySelector('button[value$="+"]')
    add.disabled = rows.length >= Number(box.dataset.max)
    return add
  }

  const add = box => {
    const used = [...box.querySelectorAll('tbody button[name=rows]')].map(button => Number(button.value.split('-').at(-1)))
    const index = Math.max(-1, ...used) + 1
    const row = box.querySelector('template').content.cloneNode(true)
    for (const part of row.querySelectorAll('*'))
      for (const { name, value } of [...part.attributes])
        if (name !== 'href' && name !== 'formaction' && value.includes('#')) part.setAttribute(name, value.replace('#', index))
    const first = row.querySelector('input, select, textarea')
    box.querySelector('tbody').append(row)
    count(box)
    first?.focus()
  }

  const remove = async (box, button) => {
    const row = button.closest('tr')
    const isFilled = [...row.querySelectorAll('input, select, textarea')].some(one => one.value.trim())
    const number = row.querySelector('[data-at]').textContent
    const question = { title: `删除第 ${number} 行？`, text: '这一行填写的内容会一起删除。', verb: '删除', keep: '留着' }
    if (isFilled && !(await window.ask(question))) return button.focus()
    const next = (row.nextElementSibling ?? row.previousElementSibling)?.querySelector('button[name=rows]')
    row.remove()
    const addButton = count(box)
    ;(next ?? addButton).focus()
    mark(box)
    changed()
  }

  place.addEventListener('click', event => {
    const button = event.target.closest('button[name=rows]')
    const box = button?.closest('[data-rows]')
    if (!box) return
    event.preventDefault()
    if (button.value.endsWith('+')) add(box)
    else void remove(box, button)
  })
})()
