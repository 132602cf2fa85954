/** What the notice about a new version of the page says. */
export const words = {
  ready: 'A new version of kvtab is here.',
  waiting: 'It starts at your next visit, or now.',
  started:
    'Another tab has started it, and parts of this older page can no longer be opened. Reload it; what you wrote and chose stays.',
  afterRun: 'Reload after this run',
  now: 'Reload now',
  later: 'Later',
} as const;
