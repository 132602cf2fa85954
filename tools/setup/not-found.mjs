// Answers a wrong address as static hosts do: with public/404.html, instead of the page, which would stay white there
// because its own addresses are relative.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './build-for-node.mjs';

/** The page lies at the root of these servers, however deep the wrong address is. */
const text = () => readFileSync(join(root, 'public', '404.html'), 'utf8').replace('href="./"', 'href="/"');

/**
 * @param {import('node:http').IncomingMessage} request after Vite has made `/index.html` of `/`
 * @param {import('node:http').ServerResponse} response
 * @param {() => void} next
 */
function answer({ url, headers }, response, next) {
  // What a program asks for needs no words.
  if (url?.split('?')[0] === '/index.html' || !headers.accept?.includes('text/html')) {
    next();
    return;
  }
  response.writeHead(404, { 'Content-Type': 'text/html; charset=utf-8' });
  response.end(text());
}

/** @returns {import('vite').Plugin} for `npm start` and `npm run dev` */
export const notFound = () => ({
  name: 'kvtab:not-found',
  config: () => ({ appType: 'mpa' }),
  configureServer({ middlewares }) {
    return () => {
      middlewares.use(answer);
    };
  },
  configurePreviewServer({ middlewares }) {
    return () => {
      middlewares.use(answer);
    };
  },
});
