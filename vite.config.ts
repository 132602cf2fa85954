import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

export default defineConfig({
  root: 'web',
  publicDir: '../public',
  // Relative addresses: the built page works from any folder of any host.
  base: './',
  plugins: [svelte({ configFile: false })],
  worker: { format: 'es' },
  build: { outDir: '../dist', emptyOutDir: true, target: 'es2023' },
  // An address rather than a name, because `localhost` is ::1 to one program and 127.0.0.1 to another.
  server: { host: '127.0.0.1' },
  preview: { host: '127.0.0.1' },
});
