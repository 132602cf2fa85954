// Runs the headless runner, and builds it first unless these exact sources have been built.
import { importBuilt, root } from '../setup/build-for-node.mjs';

const { main } = /** @type {typeof import('./main.ts')} */ (await importBuilt('headless'));
const status = await main({
  root,
  findSoftwareVulkan: async () => {
    const { findSoftwareVulkan } = await import('../setup/vulkan.mjs');
    return findSoftwareVulkan();
  },
});
// Dawn would keep the process alive.
process.exit(status);
