// A single-page app: the server sends files and data, the browser makes the page.
export const ssr = false
export const prerender = false
