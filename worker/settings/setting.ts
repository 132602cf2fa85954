/**
 * What one row of a table of settings says. Forms, links, checks, the headless runner, the benchmark, citations and
 * stored runs read these rows, so a new setting is one new row.
 */
import type { NumberRange } from '../../gpu/plan/number-range.ts';

/**
 * Which part of a request a setting belongs to. `model` and `load` settings reload the model; `page` settings belong
 * to no run. `sequences` says how many sequences a run writes, each with a request of its own.
 */
export type SettingPart =
  | 'model'
  | 'load'
  | 'sharing'
  | 'run'
  | 'policy'
  | 'prompt'
  | 'sampling'
  | 'sequences'
  | 'page';

/** The forms that draw every row that names them. */
export type FormName = 'sharing' | 'policy' | 'precision' | 'sampling';

/** What the headless runner calls a setting. */
interface HeadlessField<Value> {
  /** The path in a request, as `sampling.topK`. */
  readonly field: string;
  /** What counts if a request has no such field: a value, the checkpoint's own, or nothing, so that it is refused. */
  readonly absent: { readonly is: Value } | 'as-stored' | 'refused';
}

/** Settings by key, each with the values that it may have. */
type ShownCondition = Readonly<Record<string, readonly string[]>>;

interface Row<Value> {
  /** What the page opens with. */
  readonly initial: Value;
  /**
   * What the setting is in a link or a stored run that does not name it, if that is not `initial`. Links name such a
   * setting always.
   */
  readonly whenUnnamed?: Value;
  /** The key in a link and the option of the benchmark. */
  readonly link: string;
  readonly label: string;
  /** What the page says below the field. */
  readonly meaning: string;
  readonly part: SettingPart;
  /** The form that draws the field; null if a component of its own does. */
  readonly form: FormName | null;
  /** Whether the field takes a whole line of its form. */
  readonly wide: boolean;
  /** The field is shown only while one of these conditions holds; null for always. */
  readonly shownIf: readonly ShownCondition[] | null;
  /** Whether the configurations of a comparison may differ in it. */
  readonly compared: boolean;
  /** Null if a request has no such field, or has it in an object that only the engine can check. */
  readonly headless: HeadlessField<Value> | null;
}

export interface NumberSetting extends Row<number | null> {
  readonly kind: 'number';
  readonly range: NumberRange;
  /** Whether the field may be empty, which stands for a default that depends on other settings. */
  readonly mayBeEmpty: boolean;
  /** How far the arrows of its field go. */
  readonly step: number;
}

export interface ChoiceSetting extends Row<string> {
  readonly kind: 'choice';
  /** What the page calls each value, in the order in which they are listed. */
  readonly options: Readonly<Record<string, string>>;
}

export interface FlagSetting extends Row<boolean> {
  readonly kind: 'flag';
}

export interface TextSetting extends Row<string> {
  readonly kind: 'text';
  /** Characters that a link may carry. */
  readonly longest: number;
  /** Whether a link may say it. Called only with texts that are not too long. */
  readonly accepts: (text: string) => boolean;
}

export type Setting = NumberSetting | ChoiceSetting | FlagSetting | TextSetting;

/** Rows by key, in the order of links and forms. */
export type SettingTable = Readonly<Record<string, Setting>>;

/** Null stands for a number whose field is empty. */
export type SettingValue = string | number | boolean | null;

export type ValueOf<S extends Setting> = S extends NumberSetting
  ? number | null
  : S extends FlagSetting
    ? boolean
    : S extends ChoiceSetting
      ? keyof S['options'] & string
      : string;

export const reloads = ({ part }: Setting): boolean => part === 'model' || part === 'load';

export const belongsToRun = ({ part }: Setting): boolean => part !== 'page';
