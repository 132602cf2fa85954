// What a built program is told about where it runs.
import { root } from './build-for-node.mjs';

/** @type {import('../headless/main.ts').Surroundings} */
export const surroundings = {
  root,
  findSoftwareVulkan: async () => {
    const { findSoftwareVulkan } = await import('./vulkan.mjs');
    return findSoftwareVulkan();
  },
};
