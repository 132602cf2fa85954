/**
 * The page's address as a document: `#v=1&model=…&layers=0_6_6_6_6_6_6_7&mode=parallel`. People read, edit and compare
 * it, so it has plain parameters, and only those that differ from their default. Reading never throws; what cannot be
 * understood is reported and left out. Every length is checked before anything looks at the text.
 */
import type { SharingConfig } from '../../worker/protocol/load.ts';
import { parseSetting } from '../../worker/settings/parse.ts';
import type { Setting, SettingValue } from '../../worker/settings/setting.ts';
import { settings, type SettingKey } from '../../worker/settings/settings.ts';
import { complaintAbout, keysWhere } from '../../worker/settings/values.ts';
import { defaultConfig, type PlaygroundConfig } from './settings.ts';
import { readLinkedHealing, type LinkedHealing } from './linked-healing.ts';
import { isTab, TABS, type Tab } from './tabs.ts';
import { words } from './words.ts';

export const HASH_VERSION = '1';
/** Firefox refuses addresses of more than 1 MiB. 100,000 characters take at most 900,000, escaped. */
export const LONGEST_LINK = 1_000_000;
/** Part of a link that long texts leave to everything else. */
export const RESERVED = 20_000;
const MOST_FIELDS = 1000;
const MOST_COMPLAINTS = 20;
/** Of a field, escaped. */
const LONGEST_NAME = 200;
/** Names the texts that were too long for the link. */
export const OMITS = 'omits';
/** Names the version and the commit of the page that made the link. */
export const BUILD = 'build';
/** Holds an experiment of the laboratory, as JSON. */
export const EXPERIMENT = 'experiment';
/** Says how to heal the plan of the link. */
export const HEAL = 'heal';
/** Names the tab that the link opens. */
export const TAB = 'tab';
/** An experiment that is longer travels as a file. */
export const LONGEST_EXPERIMENT = 12_000;
const BUILD_NAME = /^[\w.@-]{1,60}$/;

export interface Decoded {
  readonly values: Partial<PlaygroundConfig>;
  /** Settings that whoever made the link had, and that were too long for it. */
  readonly omitted: readonly SettingKey[];
  /** What was not understood, in words for the person who opened the address. */
  readonly complaints: readonly string[];
  /** Version and commit of the page that made the link; null if it does not say. */
  readonly build: string | null;
  /** Fields of the configurations of a comparison, as written: `2.layers=0_1`. The panel that compares reads them. */
  readonly contenders: readonly string[];
  /** An experiment, as written: the laboratory checks it. */
  readonly experiment: string | null;
  /** How to heal the plan; null if the link does not say. */
  readonly healing: LinkedHealing | null;
  /** The tab that the link opens: the one it names, or else the one for what it brings. */
  readonly tab: Tab;
}

/** Settings that are too long for a link, which therefore goes without them. */
export function tooLongForLink(
  config: Readonly<PlaygroundConfig>,
  stored: SharingConfig | null,
  table = settings,
): readonly SettingKey[] {
  return fieldsOf(config, stored, table).omitted;
}

/**
 * A configuration as the part of an address after `#`; empty if everything is at its default.
 *
 * @param stored the model's own sharing, which is the default of the sharing; null while it is not known
 */
export function encodeHash(
  config: Readonly<PlaygroundConfig>,
  stored: SharingConfig | null,
  table = settings,
): string {
  const { parts, omitted } = fieldsOf(config, stored, table);
  return parts.length + omitted.length === 0
    ? ''
    : [`v=${HASH_VERSION}`, ...parts, ...omissions(omitted, table)].join('&');
}

/** A link that opens a tab. */
export const withTab = (link: string, tab: Tab): string =>
  tab === TABS[0] ? link : `${link === '' ? `v=${HASH_VERSION}` : link}&${TAB}=${tab}`;

interface Fields {
  /** `key=value`, escaped. */
  readonly parts: readonly string[];
  readonly omitted: readonly SettingKey[];
}

function fieldsOf(
  config: Readonly<PlaygroundConfig>,
  stored: SharingConfig | null,
  table: typeof settings,
): Fields {
  const defaults: Readonly<Partial<Record<SettingKey, SettingValue>>> = { ...defaultConfig, ...stored };
  const differing = keysWhere(() => true, table).filter((key) => {
    const row: Setting = table[key];
    // An empty or impossible number means nothing in an address.
    return config[key] !== (defaults[key] ?? row.initial) && complaintAbout(row, config[key]) === null;
  });
  if (differing.length === 0) return { parts: [], omitted: [] };
  const said = ({ whenUnnamed }: Setting) => whenUnnamed !== undefined;
  const keys = keysWhere(() => true, table).filter((key) => differing.includes(key) || said(table[key]));
  return fittingFields(keys, config, table);
}

/** Settings as fields of an address, without the texts that are too long for it. */
export function fittingFields(
  keys: readonly SettingKey[],
  values: Readonly<Partial<Record<SettingKey, SettingValue>>>,
  table: typeof settings,
): Fields {
  const parts: string[] = [];
  const omitted: SettingKey[] = [];
  let room = LONGEST_LINK - RESERVED;
  for (const key of keys) {
    const row: Setting = table[key];
    const value = String(values[key]);
    const tooLong = row.kind === 'text' && value.length > row.longest;
    const text = tooLong ? '' : escapeValue(value);
    if (tooLong || text.length > room) {
      omitted.push(key);
    } else {
      parts.push(`${row.link}=${text}`);
      room -= text.length;
    }
  }
  return { parts, omitted };
}

/** The field that names what a link leaves out, if it leaves anything out. */
export const omissions = (omitted: readonly SettingKey[], table: typeof settings): readonly string[] =>
  omitted.length === 0 ? [] : [`${OMITS}=${omitted.map((key) => table[key].link).join()}`];

/** Reads the part of an address after `#`, with or without it. Total: any text has an answer. */
export function decodeHash(hash: string, table = settings): Decoded {
  const reading: Reading = {
    values: {},
    omitted: [],
    complaints: [],
    build: null,
    contenders: [],
    experiment: null,
    healing: null,
    tab: null,
    seen: new Set(),
  };
  const text = hash.startsWith('#') ? hash.slice(1) : hash;
  if (text.length > LONGEST_LINK) {
    return {
      ...{
        values: {},
        omitted: [],
        build: null,
        contenders: [],
        experiment: null,
        healing: null,
        tab: TABS[0],
      },
      complaints: [words.link.tooLong(text.length, LONGEST_LINK)],
    };
  }
  const keyOf = new Map<string, SettingKey>(
    keysWhere(() => true, table).map((key) => [table[key].link, key]),
  );
  const parts = text.split('&', MOST_FIELDS + 1);
  for (const part of parts.slice(0, MOST_FIELDS)) {
    if (part === '') continue;
    const complaint = readField(part, keyOf, table, reading);
    if (complaint !== null) reading.complaints.push(complaint);
  }
  const { values, omitted, build, contenders, experiment, healing } = reading;
  const distinct = [...new Set(reading.complaints)];
  const more = distinct.length - MOST_COMPLAINTS;
  const complaints = [
    ...distinct.slice(0, MOST_COMPLAINTS),
    ...(more > 0 ? [words.link.moreComplaints(more)] : []),
    ...(parts.length > MOST_FIELDS ? [words.link.tooManyFields(MOST_FIELDS)] : []),
  ];
  const tab = reading.tab ?? tabFor(reading);
  return { values, omitted, complaints, build, contenders, experiment, healing, tab };
}

/** Whether a link sets nothing: at most it names a tab. */
export const setsNothing = ({
  values,
  omitted,
  complaints,
  contenders,
  experiment,
  healing,
}: Decoded): boolean =>
  Object.keys(values).length + omitted.length + complaints.length + contenders.length === 0 &&
  experiment === null &&
  healing === null;

/** The tab for what a link brings. */
function tabFor({ contenders, experiment }: Pick<Decoded, 'contenders' | 'experiment'>): Tab {
  if (experiment !== null) return 'laboratory';
  return contenders.length > 0 ? 'compare' : TABS[0];
}

interface Reading {
  readonly values: Partial<PlaygroundConfig>;
  readonly omitted: SettingKey[];
  readonly complaints: string[];
  build: string | null;
  readonly contenders: string[];
  experiment: string | null;
  healing: LinkedHealing | null;
  tab: Tab | null;
  readonly seen: Set<string>;
}

/** Reads one field into `reading`, or says why not. */
function readField(
  part: string,
  keyOf: ReadonlyMap<string, SettingKey>,
  table: typeof settings,
  reading: Reading,
): string | null {
  const { values, omitted, seen } = reading;
  const cut = part.indexOf('=');
  const written = cut < 0 ? part : part.slice(0, cut);
  if (written.length > LONGEST_NAME) return words.link.unknown(abridge(written));
  const name = unescape(written);
  const text = cut < 0 ? null : unescape(part.slice(cut + 1));
  if (name === null || text === null) return words.link.noValue(abridge(name ?? '%'));
  if (seen.has(name)) return words.link.twice(abridge(name));
  seen.add(name);
  if (name === 'v') {
    return text === HASH_VERSION ? null : words.link.otherVersion(abridge(text));
  }
  if (name === OMITS) {
    const named = new Set(text.split(',', MOST_FIELDS));
    omitted.push(...[...named].flatMap((link) => keyOf.get(link) ?? []));
    const labels = omitted.map((key) => table[key].label).join(', ');
    return labels === '' ? null : words.link.leftOut(labels);
  }
  if (/^\d\./.test(name)) {
    reading.contenders.push(part);
    return null;
  }
  if (name === EXPERIMENT) {
    if (text.length > LONGEST_EXPERIMENT) return words.link.badValue(name, abridge(text));
    reading.experiment = text;
    return null;
  }
  if (name === HEAL) {
    reading.healing = readLinkedHealing(text);
    return reading.healing === null ? words.link.badValue(name, abridge(text)) : null;
  }
  if (name === TAB) {
    if (!isTab(text)) return words.link.badValue(name, abridge(text));
    reading.tab = text;
    return null;
  }
  if (name === BUILD) {
    if (!BUILD_NAME.test(text)) return words.link.badValue(name, abridge(text));
    reading.build = text;
    return null;
  }
  const key = keyOf.get(name);
  if (key === undefined) return words.link.unknown(abridge(name));
  const value = parseSetting(table[key], text);
  if (value === undefined) return words.link.badValue(name, abridge(text));
  Object.assign(values, { [key]: value });
  return null;
}

/** Escapes only what would end a field or would be changed on its way; a space is written as +. */
export function escapeValue(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replaceAll('%20', '+')
    .replace(/%(2F|40|3A|2C|3B|3F)/g, (code) => decodeURIComponent(code));
}

function unescape(text: string): string | null {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return null;
  }
}

/** The start of a text, without characters that hide or turn what stands beside them. */
const abridge = (text: string) =>
  `${text.slice(0, 40)}${text.length > 40 ? '…' : ''}`.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\uFFFD');
