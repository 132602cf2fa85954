import type { Tab } from '../settings/tabs.ts';

/** The ids by which a tab and its panel name each other. */
export const tabId = (tab: Tab) => `tab-${tab}`;
export const tabPanelId = (tab: Tab) => `tabpanel-${tab}`;
