// Before the first paint: the colours and the language chosen last time, so that nothing flashes.
{
  const root = document.documentElement
  let theme, language
  try {
    theme = localStorage.getItem('mingjie.theme')
    language = localStorage.getItem('mingjie.language')
  } catch {
    // Storage may be forbidden; then the defaults hold.
  }
  const dark = theme ? theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches
  root.dataset.theme = dark ? 'dark' : 'light'
  root.lang = (language ?? navigator.language).startsWith('zh') ? 'zh-CN' : 'en'
}
