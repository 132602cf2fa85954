import { create, globals } from 'webgpu';

/** Names the driver, so that none is searched for. */
const driverVariables = ['VK_ICD_FILENAMES', 'VK_DRIVER_FILES'];

// Dawn ends when the last reference to what `create` returned is gone.
let dawn: GPU | undefined;

/**
 * WebGPU for Node: the machine's own driver, or a software driver if it has none.
 *
 * @param findSoftwareVulkan gives the manifest of a software Vulkan driver, if there is one
 * @returns WebGPU; it has no adapter if there is no driver at all
 */
export async function openDawn(findSoftwareVulkan: () => Promise<string | undefined>): Promise<GPU> {
  if (dawn) return dawn;
  Object.assign(globalThis, globals);
  dawn = create([]);
  const named = driverVariables.some((name) => (process.env[name] ?? '') !== '');
  if (named || (await dawn.requestAdapter())) return dawn;

  const driver = await findSoftwareVulkan();
  if (driver === undefined) return dawn;
  // The Vulkan loader reads the variable for every Dawn instance, so the process need not start again.
  process.env['VK_ICD_FILENAMES'] = driver;
  dawn = create([]);
  return dawn;
}
