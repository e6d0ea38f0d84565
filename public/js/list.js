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

// Empty conditions would only make the address long.
for (const form of document.querySelectorAll('form[data-list]')) {
  form.addEventListener('submit', () => {
    const idle = [...form.elements].filter(field => field.name && !field.value && !field.disabled)
    for (const field of idle) field.disabled = true
    // Coming back to a page that the browser kept, they must be there again.
    setTimeout(() => {
      for (const field of idle) field.disabled = false
    })
  })
}
