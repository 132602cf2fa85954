/** The parts of the page that take turns. The first one opens by itself, and a link may name another one. */
export const TABS = ['write', 'compare', 'throughput', 'laboratory'] as const;

export type Tab = (typeof TABS)[number];

export const isTab = (text: string): text is Tab => TABS.some((tab) => tab === text);
