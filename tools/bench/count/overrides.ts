/** The `override` constants that a shader sets by itself, as far as they are plain numbers. */
export function overridesOf(source: string): ReadonlyMap<string, number> {
  const found = source.matchAll(/^override (\w+): \w+ = ([\w.+-]+);/gm);
  return new Map(
    [...found].flatMap(([, name = '', text = '']) => {
      const value =
        text === 'true'
          ? 1
          : text === 'false'
            ? 0
            : Number(/^[\d.]/.test(text) ? text.replace(/u$/, '') : NaN);
      return Number.isNaN(value) ? [] : [[name, value] as const];
    }),
  );
}

/** Gives the constants of a pipeline, and otherwise those of its shader. */
export function constantsOf(label: string, source: string, set: Readonly<Record<string, number>>) {
  const own = overridesOf(source);
  return (name: string): number => {
    const value = set[name] ?? own.get(name);
    if (value === undefined) throw new Error(`the kernel ${label} has no constant ${name}`);
    return value;
  };
}
