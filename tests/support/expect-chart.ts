import { expect } from 'vitest';

/** A saved chart: its title, axes, legend and caption as SVG; the same twice as large as PNG, painted. */
export function expectChart(svg: string, png: Buffer, [painted, pixels]: readonly [number, number]): void {
  const texts = ['KV bytes in use', 'tokens', 'KV in use', 'this plan', 'plain LLaMA', 'KiB'];
  for (const text of texts) expect(svg).toContain(text);
  expect(svg).toMatch(/>Model fairy-lckv; plan 0_6_6_6_6_6_6_7</);
  expect(svg).toMatch(/>Adapter: CPU/);
  expect(svg).toMatch(/>Drawn by kvtab [\d.]+, commit [0-9a-z]+</);
  const size = (of: 'width' | 'height') => Number(new RegExp(`<svg[^>]* ${of}="(\\d+)"`).exec(svg)?.[1]);
  expect(png.subarray(1, 4).toString()).toBe('PNG');
  expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([2 * size('width'), 2 * size('height')]);
  expect(painted, 'pixels of the line of this plan').toBeGreaterThan(1000);
  expect(painted).toBeLessThan(pixels / 20);
}
