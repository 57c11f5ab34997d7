// What every page has: light and dark, "/" for the search field, menus that close.
const root = document.documentElement;
const theme = document.getElementById('theme');

// The choice is remembered in a cookie that the server reads.
if (theme) {
  theme.hidden = false;
  theme.addEventListener('click', () => {
    const shown = root.dataset.theme ||
      (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
    root.dataset.theme = shown === 'dark' ? 'light' : 'dark';
    document.cookie = `theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
  });
}

const writes = (el) => el.matches('input:not([type=range]), textarea, select, [contenteditable]');
const menus = () => document.querySelectorAll('details[data-menu][open]');

document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') {
    for (const menu of menus()) {
      menu.open = false;
      menu.querySelector('summary').focus();
    }
  }
  if (event.key !== '/' || event.defaultPrevented || writes(event.target)) return;
  if (event.metaKey || event.ctrlKey || event.altKey) return;
  const field = document.querySelector('[data-find]');
  if (!field) return;
  event.preventDefault();
  field.focus();
  field.select();
});

document.addEventListener('click', (event) => {
  if (event.target.closest('[data-print]')) print();
  for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false;
});
