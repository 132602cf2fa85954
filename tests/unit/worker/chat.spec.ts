import { describe, expect, it } from 'vitest';
import { valueOf } from '../../../worker/outcome.ts';
import type { ChatMessage, GenerateRequest } from '../../../worker/protocol/generate.ts';
import { ask, ignore, loaded } from './engines.ts';

const template =
  '{{ bos_token }}{% for m in messages %}{{ m.role }}:{{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}';
const said = (role: ChatMessage['role'], content: string): ChatMessage => ({ role, content });
const first = [said('user', 'Who lives in the wood?')];

async function chatting(chat_template = template, model = 'fairy-lckv') {
  const { engine, opened } = await loaded(model, { more: { 'chat_template.jinja': chat_template } });
  const turn = async (chat: readonly ChatMessage[], changes: Partial<GenerateRequest> = {}) =>
    valueOf(await engine.generate(ask({ input: { chat }, maxNewTokens: 12, ...changes }), ignore));
  const bytes = () => opened[0]?.allocatedBytes ?? 0;
  return { engine, turn, bytes };
}

/** The same turn by an engine without earlier KV. */
const afresh = async (chat: readonly ChatMessage[], changes: Partial<GenerateRequest> = {}) =>
  (await chatting()).turn(chat, changes);

// Token by token, a turn does not depend on how the earlier ones were split.
const exact = { mode: 'sequential' } as const;

describe('A chat', () => {
  it.each([
    ['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\nsize 12\n', 'it is a Git LFS pointer'],
    ['a web page', '<!doctype html><html>', 'it is a web page'],
    ['bytes', '\uFFFD\uFFFD\0', 'it is not text in UTF-8'],
  ])('is refused if chat_template.jinja is %s', async (_, file, reason) => {
    const { engine } = await loaded('fairy-lckv', { more: { 'chat_template.jinja': file } });
    expect(await engine.generate(ask({ input: { chat: first } }), ignore)).toMatchObject({
      failure: { code: 'bad-template', reason: expect.stringContaining(reason) as string },
    });
  });

  it('reads only the new part in its next turn, and writes the same as if it read everything', async () => {
    const { turn, bytes } = await chatting();
    const one = await turn(first, exact);
    expect(one.reuse).toEqual({ heldTokens: 0, reusedTokens: 0 });
    const kept = bytes();

    const next = [...first, said('assistant', one.text ?? ''), said('user', 'And then?')];
    const two = await turn(next, exact);
    expect(two.reuse.heldTokens).toBe(one.promptTokens + one.tokens.length - 1);
    expect(two.reuse.reusedTokens).toBe(two.reuse.heldTokens);
    expect(two.tokens).toEqual((await afresh(next, exact)).tokens);
    expect(two.kv.bytes).toBeGreaterThan(one.kv.bytes);
    expect(kept).toBeGreaterThan(0);
  });

  it('reads again from the first change of the conversation', async () => {
    const { turn } = await chatting();
    const one = await turn(first, exact);
    const edited = [...first, said('assistant', 'A fox.'), said('user', 'And then?')];
    const two = await turn(edited, exact);
    expect(two.reuse.reusedTokens).toBeLessThan(two.reuse.heldTokens);
    expect(two.reuse.reusedTokens).toBeGreaterThanOrEqual(one.promptTokens - 1);
    expect(two.tokens).toEqual((await afresh(edited, exact)).tokens);

    // The first turn once more: its whole prompt is there, and only its last token is read again.
    const again = await turn(first, exact);
    expect(again.reuse.reusedTokens).toBe(again.promptTokens - 1);
    expect(again.tokens).toEqual(one.tokens);
  });

  it('reads everything again if the template rewrites earlier turns', async () => {
    const { turn } = await chatting(`{{ messages | length }}: ${template}`);
    const one = await turn(first, exact);
    const two = await turn([...first, said('assistant', one.text ?? ''), said('user', 'And?')], exact);
    expect(two.reuse.reusedTokens).toBeLessThan(3);
  });

  it('continues under a policy from the rows that are left, and reads everything again after a change', async () => {
    const policy = { ...exact, policy: { id: 'h2o', heavy: 6, recent: 6 } };
    const { turn } = await chatting();
    const one = await turn(first, policy);
    const next = [...first, said('assistant', one.text ?? ''), said('user', 'And then?')];
    const two = await turn(next, policy);
    expect(two.reuse.heldTokens).toBe(one.promptTokens + one.tokens.length - 1);
    expect(two.reuse.reusedTokens).toBe(two.reuse.heldTokens);
    expect(two.kv.layers.map(({ rows }) => rows)).toEqual(two.kv.layers.map(() => 12));
    const whole = await afresh(next, policy);
    expect(two.tokens).not.toEqual(whole.tokens); // it no longer has the whole first turn

    const edited = [...first, said('assistant', 'A fox.'), said('user', 'And then?')];
    const three = await turn(edited, policy);
    expect(three.reuse).toMatchObject({ reusedTokens: 0 });
    expect(three.tokens).toEqual((await afresh(edited, policy)).tokens);
  });

  it('reads everything again if the sharing changed, or when it has outgrown its stores', async () => {
    const { engine, turn } = await chatting();
    const one = await turn(first);
    const next = [...first, said('assistant', one.text ?? ''), said('user', 'And then?')];
    const plain = await turn(next, { config: { layerTypes: '0_1_2_3_4_5_6_7' } });
    expect(plain.reuse).toMatchObject({ reusedTokens: 0 });
    const grown = await turn(next, { config: { layerTypes: '0_1_2_3_4_5_6_7' }, maxNewTokens: 0 });
    expect(grown.reuse.reusedTokens).toBeGreaterThan(0);
    const config = { layerTypes: '0_1_2_3_4_5_6_7' };
    const tooLong = ask({ input: { chat: next }, config, maxNewTokens: 3000 });
    const outgrown = engine.generate(tooLong, (event) => {
      if (event.type === 'token') engine.stop();
    });
    expect(valueOf(await outgrown).reuse).toMatchObject({ reusedTokens: 0 });
  });

  it('continues after a stop, in the prompt or in the reply', async () => {
    const { engine, turn } = await chatting();
    const one = await turn(first, exact);
    const next = [...first, said('assistant', one.text ?? ''), said('user', 'And then? '.repeat(20))];
    const input = { chat: next };
    const inPrompt = await engine.generate(ask({ input, ...exact, maxNewTokens: 9 }), (event) => {
      if (event.type === 'prefill') engine.stop();
    });
    expect(valueOf(inPrompt)).toMatchObject({ end: 'stopped', tokens: [] });
    const two = await turn(next, exact);
    expect(two.reuse.reusedTokens).toBe(one.promptTokens + one.tokens.length - 1);
    expect(two.tokens).toEqual((await afresh(next, exact)).tokens);
  });

  it('frees its KV for a run over a text, and for another model', async () => {
    const { engine, turn, bytes } = await chatting();
    const before = bytes();
    await turn(first);
    expect(bytes()).toBeGreaterThan(before);
    valueOf(await engine.generate(ask({}), ignore));
    expect(bytes()).toBe(before);
    await turn(first);
    await engine.unload();
    expect(bytes()).toBe(0);
  });

  it('ends a turn with the end token of the tokenizer, even if config.json names another', async () => {
    const { engine } = await loaded('fairy-lckv', {
      more: {
        'chat_template.jinja': template,
        'generation_config.json': '{}',
        'tokenizer_config.json': '{"eos_token": "Ġthe"}',
      },
    });
    const asked = ask({ input: { chat: first }, maxNewTokens: 200, ignoreEos: false });
    const result = valueOf(await engine.generate(asked, ignore));
    expect(result.end).toBe('end-of-text');
  });

  it('has its tokens counted before it is read, like a text', async () => {
    const { engine, turn } = await chatting();
    const counted = valueOf(await engine.countTokens({ chat: first }));
    expect(counted).toBe((await turn(first)).promptTokens);
    expect(valueOf(await engine.countTokens({ text: 'Once upon a time' }))).toBeGreaterThan(3);
    expect(await engine.countTokens({ chat: [] })).toMatchObject({ ok: true });
  });

  it('is refused with a reason if the model has no template, or one that fails', async () => {
    const plain = await loaded('fairy-lckv');
    const asked = ask({ input: { chat: first } });
    expect(await plain.engine.generate(asked, ignore)).toMatchObject({ failure: { code: 'bad-template' } });
    const { engine, bytes } = await chatting('{% for i in range(1000000000) %}{% endfor %}');
    const before = bytes();
    expect(await engine.generate(asked, ignore)).toMatchObject({ failure: { code: 'bad-template' } });
    expect(bytes()).toBe(before);
  });
});
