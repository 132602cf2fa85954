import { expect, it } from 'vitest';
import { isOwnScript } from '../../../web/security/trusted-scripts.ts';

const folder = 'https://host.example/kvtab/';

it.each(['https://host.example/kvtab/assets/main-abc.js', 'sw.js', './sw.js'])('%s may be started', (url) => {
  expect(isOwnScript(url, folder)).toBe(true);
});

it.each([
  'https://elsewhere.example/kvtab/assets/main.js',
  'https://host.example/other/main.js',
  '../main.js',
  '//elsewhere.example/main.js',
  'data:text/javascript,alert(1)',
  'blob:https://host.example/1.js',
  'sw.js?x=1',
  'models/x.json',
  'https://host.example/kvtab.js',
  'http://',
])('%s may not be started', (url) => {
  expect(isOwnScript(url, folder)).toBe(false);
});
