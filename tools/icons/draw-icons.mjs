// `node tools/icons/draw-icons.mjs` draws the icons of the installed page. Operating systems want PNG, and public/icon.svg
// is simple enough to draw here: three bars on a green ground, the middle one hollow.
import { mkdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';

const ground = [0x14, 0x66, 0x5a];
const white = [0xff, 0xff, 0xff];
const pale = [0x9f, 0xd8, 0xcb];
/** Samples along each side of a pixel, for smooth edges. */
const SAMPLES = 4;

/** The distance of a point from a rounded box; negative inside. @param {number} x @param {number} y @param {readonly number[]} box left, top, width, height, radius */
function distance(x, y, [left = 0, top = 0, width = 0, height = 0, radius = 0]) {
  const dx = Math.abs(x - left - width / 2) - width / 2 + radius;
  const dy = Math.abs(y - top - height / 2) - height / 2 + radius;
  return Math.hypot(Math.max(dx, 0), Math.max(dy, 0)) + Math.min(Math.max(dx, dy), 0) - radius;
}

/** Color at a point of the 32 × 32 drawing, or null if it is transparent. @param {number} x @param {number} y @param {number} corner */
function colourAt(x, y, corner) {
  if (distance(x, y, [0, 0, 32, 32, corner]) > 0) return null;
  if (distance(x, y, [6, 7, 20, 4, 2]) <= 0 || distance(x, y, [6, 21, 20, 4, 2]) <= 0) return white;
  if (Math.abs(distance(x, y, [6, 14, 20, 4, 2])) <= 0.75) return pale;
  return ground;
}

/** @param {number} side @param {{ corner: number, scale: number }} style `scale` shrinks the bars for a mask's safe zone */
function pixels(side, { corner, scale }) {
  const rows = Buffer.alloc(side * (side * 4 + 1));
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const sum = [0, 0, 0, 0];
      for (let sample = 0; sample < SAMPLES ** 2; sample++) {
        const x = ((column + ((sample % SAMPLES) + 0.5) / SAMPLES) / side) * 32;
        const y = ((row + (Math.floor(sample / SAMPLES) + 0.5) / SAMPLES) / side) * 32;
        const outside = colourAt(x, y, corner) === null;
        const colour = outside ? null : (colourAt(16 + (x - 16) / scale, 16 + (y - 16) / scale, 0) ?? ground);
        if (colour)
          [...colour, 255].forEach((value, channel) => (sum[channel] = (sum[channel] ?? 0) + value));
      }
      const cover = (sum[3] ?? 0) / 255;
      const at = row * (side * 4 + 1) + 1 + column * 4;
      for (let channel = 0; channel < 3; channel++) {
        rows[at + channel] = cover === 0 ? 0 : Math.round((sum[channel] ?? 0) / cover);
      }
      rows[at + 3] = Math.round((cover / SAMPLES ** 2) * 255);
    }
  }
  return rows;
}

/** @param {string} type @param {Buffer} data */
function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}

/** @param {number} side @param {{ corner: number, scale: number }} style */
function png(side, style) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([8, 6], 8); // 8 bits per channel, RGBA
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(pixels(side, style), { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

const folder = resolve(import.meta.dirname, '../../public/icons');
mkdirSync(folder, { recursive: true });
const rounded = { corner: 7, scale: 1 };
writeFileSync(resolve(folder, 'icon-192.png'), png(192, rounded));
writeFileSync(resolve(folder, 'icon-512.png'), png(512, rounded));
writeFileSync(resolve(folder, 'maskable-512.png'), png(512, { corner: 0, scale: 0.75 }));
