import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { svelte } from '@sveltejs/vite-plugin-svelte';

const here = dirname(fileURLToPath(import.meta.url));

// The window over an office in memory. It is built apart and never lands in dist.
export default defineConfig({
  root: join(here, 'page'),
  publicDir: join(here, '..', 'public'),
  plugins: [svelte({ configFile: join(here, '..', 'svelte.config.js') })],
  base: './',
  build: { outDir: join(here, '.dist'), emptyOutDir: true, assetsInlineLimit: 0, target: 'safari16.4', chunkSizeWarningLimit: 2000 },
});
