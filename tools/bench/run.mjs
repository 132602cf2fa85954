// `npm run bench -- --model fairy-lckv --new 128`: measures, and prints JSON. `--help` lists the options.
import { importBuilt, root } from '../setup/build-for-node.mjs';
import { whereMeasured } from './machine.mjs';

const { main, count, growth, commandLine } = /** @type {typeof import('./main.ts')} */ (
  await importBuilt('bench')
);

/** @param {import('./options.ts').BenchArguments} asked */
async function run({ place, request, count: asked, growth: grows }) {
  if (grows) return growth(request);
  if (asked) return count(request, asked, root);
  if (place === 'chromium') {
    const { benchInChromium } = await import('./in-chromium.mjs');
    return benchInChromium(request);
  }
  const { findSoftwareVulkan } = await import('../setup/vulkan.mjs');
  return main(request, root, () => Promise.resolve(findSoftwareVulkan()));
}

if (process.argv.includes('--help')) {
  process.stdout.write(`${commandLine.usage()}\n`);
  process.exit(0);
}
try {
  const asked = commandLine.read(process.argv.slice(2));
  const { machine, commit } = whereMeasured();
  // Counts are the same on every machine.
  const where = asked.count ? {} : { machine, in: asked.place };
  const report = { ...where, commit, ...(await run(asked)) };
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`, () => process.exit(0));
} catch (error) {
  process.stderr.write(
    `bench: ${error instanceof Error ? error.message : String(error)}\n\n${commandLine.usage()}\n`,
  );
  process.exit(2);
}
