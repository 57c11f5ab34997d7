// Switches between light and dark, and remembers the choice in a cookie that the server reads.
const root = document.documentElement;
const button = document.getElementById('theme');

if (button) {
  button.hidden = false;
  button.addEventListener('click', () => {
    const shown = root.dataset.theme ||
      (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
    root.dataset.theme = shown === 'dark' ? 'light' : 'dark';
    document.cookie = `theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
  });
}
