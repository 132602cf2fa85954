// Which Vulkan driver Dawn gets in Node. Knows nothing about Dawn itself.
import { existsSync, readFileSync, readdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findChromium } from './find-chromium.mjs';

const driverFolders = ['/usr/share/vulkan/icd.d', '/usr/local/share/vulkan/icd.d', '/etc/vulkan/icd.d'];
const swiftShader = 'vk_swiftshader_icd.json';

/** @param {string} folder */
const filesOf = (folder) => (existsSync(folder) ? readdirSync(folder).sort() : []);

/** Dawn refuses the lavapipe of Mesa 22. Since Mesa 24.3 the manifest names Vulkan 1.4. */
const isRecent = (/** @type {string} */ manifest) =>
  /"api_version":\s*"1\.(?:[4-9]|\d\d)/.test(readFileSync(manifest, 'utf8'));

/** The manifest of lavapipe, Mesa's software driver, if Mesa is installed. */
export const findLavapipe = () =>
  driverFolders
    .flatMap((folder) => filesOf(folder).map((file) => join(folder, file)))
    .filter((path) => /[\\/]lvp_icd[^\\/]*\.json$/.test(path))
    .find(isRecent);

/** The software driver that a Chromium brings: beside the binary, or in the library folder of Debian's wrapper script. */
function findSwiftShader() {
  const browser = findChromium();
  const besideBrowser = browser === undefined ? [] : [dirname(realpathSync(browser))];
  return [...besideBrowser, '/usr/lib/chromium', '/usr/lib/chromium-browser', '/opt/google/chrome']
    .map((folder) => join(folder, swiftShader))
    .find((path) => existsSync(path));
}

/** @returns {string | undefined} the manifest of a software Vulkan driver: lavapipe, otherwise SwiftShader */
export const findSoftwareVulkan = () => findLavapipe() ?? findSwiftShader();

/** Variables that name a driver, so that none is searched for. */
const driverVariables = ['VK_ICD_FILENAMES', 'VK_DRIVER_FILES'];

/**
 * Points the Vulkan loader of this process at a software driver, unless the environment names a driver already.
 * Must run before Dawn starts, and in the main thread: a worker thread's environment is a copy.
 *
 * @returns {string | undefined} the manifest in use; undefined leaves the choice to the loader
 */
export function useSoftwareVulkan() {
  const named = driverVariables.map((name) => process.env[name]).find((driver) => (driver ?? '') !== '');
  if (named !== undefined) return named;
  const driver = findSoftwareVulkan();
  if (driver !== undefined) process.env['VK_ICD_FILENAMES'] = driver;
  return driver;
}
