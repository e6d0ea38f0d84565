// Comfort for every page; all of them work without this file.

/**
 * Asks before something is lost. The title is the question, the button its verb, the safe choice has the focus.
 * @returns a promise of whether to go on
 */
window.ask = ({ title, text, verb, keep = '留着' }) => {
  const dialog = document.createElement('dialog')
  dialog.className = 'ask'
  dialog.setAttribute('aria-labelledby', 'ask-title')
  const form = dialog.appendChild(document.createElement('form'))
  form.method = 'dialog'
  const heading = form.appendChild(document.createElement('h2'))
  heading.id = 'ask-title'
  heading.textContent = title
  if (text) form.appendChild(document.createElement('p')).textContent = text
  const row = form.appendChild(document.createElement('p'))
  row.className = 'row-x'
  const button = (label, value, look) => {
    const made = row.appendChild(document.createElement('button'))
    made.className = look
    made.value = value
    made.textContent = label
    return made
  }
  button(verb, 'yes', 'btn btn-no')
  button(keep, '', 'btn').autofocus = true
  document.body.append(dialog)
  dialog.showModal()
  return new Promise(resolve => {
    dialog.addEventListener('close', () => {
      dialog.remove()
      resolve(dialog.returnValue === 'yes')
    })
  })
}

// Menus close when something else is pressed, on Esc, and when the window itself is left for a tab inside it.
const closeDrops = except => {
  for (const drop of document.querySelectorAll('.drop[open]')) if (drop !== except) drop.open = false
}
document.addEventListener('click', event => closeDrops(event.target.closest('.drop')))
window.addEventListener('blur', () => closeDrops())
document.addEventListener('keydown', event => {
  const drop = event.key === 'Escape' && event.target.closest('.drop[open]')
  if (!drop) return
  drop.open = false
  drop.querySelector('summary').focus()
})

// A form that asks first carries the question: data-ask (title), data-ask-text, data-ask-verb, data-ask-keep.
// Any other form goes out once: a second press within some seconds has no second effect. A search changes nothing.
document.addEventListener('submit', async event => {
  const form = event.target
  if (event.defaultPrevented || form.method !== 'post' || form.matches('[role="search"]')) return
  if (form.dataset.ask && !form.dataset.agreed) {
    event.preventDefault()
    const submitter = event.submitter
    const verb = form.dataset.askVerb ?? submitter?.textContent.trim() ?? form.dataset.ask
    const { ask: title, askText: text, askKeep: keep } = form.dataset
    if (!(await window.ask({ title, text, verb, keep }))) return submitter?.focus()
    form.dataset.agreed = 'yes'
    return form.requestSubmit(submitter)
  }
  delete form.dataset.agreed
  if (form.dataset.sent) return event.preventDefault()
  form.dataset.sent = 'yes'
  setTimeout(() => delete form.dataset.sent, 5000)
})
window.addEventListener('pageshow', () => {
  for (const form of document.querySelectorAll('form[data-sent]')) delete form.dataset.sent
})

// The summary of mistakes is read out and leads to the fields; a short form has none, so its first mistake takes the focus.
;(document.querySelector('.mistakes') ?? document.querySelector('main [aria-invalid=true]'))?.focus()

// What is printed names the moment of printing, not of loading.
const beijing = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Shanghai', dateStyle: 'short', timeStyle: 'short' })
window.addEventListener('beforeprint', () => {
  for (const place of document.querySelectorAll('[data-print-time]')) place.textContent = beijing.format(new Date())
})
// The menu of a list prints by itself.
for (const button of document.querySelectorAll('[data-print]:not(.drop *)')) {
  button.hidden = false
  button.addEventListener('click', () => window.print())
}
