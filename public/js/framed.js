// Runs before the page is drawn: inside a tab of the workspace one class hides the shell.
if (window.top !== window.self) document.documentElement.classList.add('framed')
