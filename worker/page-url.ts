/**
 * The address of the page's folder, as a worker sees it. A build puts workers into assets/, one folder below the page.
 * The development server serves the page at its base.
 */
export const pageUrl = (): URL =>
  new URL(import.meta.env.DEV ? import.meta.env.BASE_URL : '../', self.location.href);
