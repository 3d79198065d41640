import adapter from '@sveltejs/adapter-static'

/** @type {import('@sveltejs/kit').Config} */
export default {
  compilerOptions: { runes: true },
  kit: {
    // One page for every address; the server sends `index.html` where no file is.
    adapter: adapter({ fallback: 'index.html', precompress: true }),
    paths: { relative: false },
    csp: {
      mode: 'hash',
      directives: {
        'default-src': ['none'],
        'script-src': ['self'],
        // Svelte's route announcer and the chart place themselves by style attributes.
        'style-src': ['self', 'unsafe-inline'],
        // A photo that has not been sent yet is shown from this phone.
        'img-src': ['self', 'data:', 'blob:'],
        'worker-src': ['self'],
        'font-src': ['self'],
        'connect-src': ['self'],
        'manifest-src': ['self'],
        'base-uri': ['self'],
        'form-action': ['self']
      }
    }
  }
}
