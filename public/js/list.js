// Comfort for lists; all of them work without this file.

for (const form of document.querySelectorAll('form[data-size]')) {
  form.querySelector('button').hidden = true
  form.querySelector('select').addEventListener('change', () => form.requestSubmit())
}

for (const button of document.querySelectorAll('[data-print]')) {
  button.hidden = false
  button.addEventListener('click', () => {
    button.closest('.drop').open = false
    window.print()
  })
}

// Picking rows: the box in the head picks the whole page, Shift picks all between two, the bar counts.
for (const form of document.querySelectorAll('form[data-picks]')) {
  const alls = [...form.querySelectorAll('[data-pick-all]')]
  const boxes = [...form.querySelectorAll('[name="key"]')]
  const told = form.querySelector('[data-picked]')
  let last

  const count = () => {
    const picked = boxes.filter(box => box.checked)
    for (const box of boxes) box.closest('tr').classList.toggle('picked', box.checked)
    for (const all of alls) {
      all.checked = picked.length === boxes.length
      all.indeterminate = picked.length > 0 && !all.checked
    }
    told.textContent = ` ${picked.length} 条`
  }

  for (const all of alls) {
    all.parentElement.hidden = false
    all.addEventListener('change', () => {
      for (const box of boxes) box.checked = all.checked
      count()
    })
  }
  for (const box of boxes) {
    box.addEventListener('click', event => {
      if (event.shiftKey && last) {
        const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((one, other) => one - other)
        for (const between of boxes.slice(from, to)) between.checked = box.checked
      }
      last = box
      count()
    })
  }
  form.addEventListener('reset', () => setTimeout(count))
  // The browser may bring ticks back after a step back.
  window.addEventListener('pageshow', count)
  count()
}
