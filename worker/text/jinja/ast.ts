/** The tree of a Jinja template. */

export type Expression =
  | { readonly type: 'literal'; readonly value: string | number | boolean | null; readonly isFloat: boolean }
  | { readonly type: 'name'; readonly name: string }
  | { readonly type: 'list' | 'tuple'; readonly items: readonly Expression[] }
  | { readonly type: 'dict'; readonly entries: readonly (readonly [Expression, Expression])[] }
  | { readonly type: 'concat'; readonly items: readonly Expression[] }
  | { readonly type: 'unary'; readonly operator: 'not' | '-' | '+'; readonly operand: Expression }
  | {
      readonly type: 'binary';
      readonly operator: string;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly type: 'compare';
      readonly first: Expression;
      readonly rest: readonly (readonly [operator: string, right: Expression])[];
    }
  | {
      readonly type: 'if';
      readonly test: Expression;
      readonly then: Expression;
      readonly otherwise: Expression | null;
    }
  | { readonly type: 'attribute'; readonly object: Expression; readonly name: string }
  | { readonly type: 'item'; readonly object: Expression; readonly key: Expression }
  | {
      readonly type: 'slice';
      readonly object: Expression;
      readonly parts: readonly [Expression | null, Expression | null, Expression | null];
    }
  | { readonly type: 'call'; readonly callee: Expression; readonly args: Arguments }
  /** `operand` is null for the body of a block. */
  | {
      readonly type: 'filter' | 'test';
      readonly operand: Expression | null;
      readonly name: string;
      readonly args: Arguments;
    };

export interface Arguments {
  readonly positional: readonly Expression[];
  readonly named: readonly (readonly [string, Expression])[];
  /** Behind `*`. */
  readonly rest: Expression | null;
  /** Behind `**`. */
  readonly namedRest: Expression | null;
}

export type Target =
  | { readonly type: 'name'; readonly name: string }
  | { readonly type: 'namespace'; readonly name: string; readonly field: string }
  | { readonly type: 'tuple'; readonly items: readonly Target[] };

export interface Parameter {
  readonly name: string;
  readonly fallback: Expression | null;
}

/** What a macro, or the block of a call, takes and does. */
export interface Callee {
  readonly parameters: readonly Parameter[];
  readonly body: Body;
  /** The names that stand in its body. */
  readonly reads: ReadonlySet<string>;
}

export type Statement =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'output'; readonly value: Expression }
  | {
      readonly type: 'if';
      readonly branches: readonly (readonly [Expression, Body])[];
      readonly otherwise: Body;
    }
  | {
      readonly type: 'for';
      readonly target: Target;
      readonly over: Expression;
      readonly filter: Expression | null;
      readonly recursive: boolean;
      readonly body: Body;
      readonly otherwise: Body;
    }
  | { readonly type: 'break' | 'continue' }
  | { readonly type: 'set'; readonly target: Target; readonly value: Expression }
  | {
      readonly type: 'set-block';
      readonly target: Target;
      readonly filter: Expression | null;
      readonly body: Body;
    }
  | {
      readonly type: 'with';
      readonly values: readonly (readonly [Target, Expression])[];
      readonly body: Body;
    }
  | ({ readonly type: 'macro'; readonly name: string } & Callee)
  | ({ readonly type: 'call-block'; readonly call: Expression } & Callee)
  | { readonly type: 'filter-block'; readonly filter: Expression; readonly body: Body }
  /** A group without effect of its own: `generation`, `block`, `autoescape`. */
  | { readonly type: 'group'; readonly body: Body };

export type Body = readonly Statement[];
