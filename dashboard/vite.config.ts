import { sveltekit } from '@sveltejs/kit/vite'
import { defineConfig } from 'vite'

/** `npx vite dev` in this folder works on the page against a running `npm run demo`. */
const server = 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [sveltekit()],
  // A phone on the street waits for each request: few larger files instead of forty small ones.
  build: { rollupOptions: { output: { experimentalMinChunkSize: 20_000 } } },
  server: {
    fs: { allow: ['..'] },
    // The server takes requests only from the address it is reached by.
    proxy: { '/api': { target: server, ws: true, changeOrigin: true, headers: { origin: server } } }
  }
})
