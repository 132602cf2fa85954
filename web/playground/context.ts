import { createContext } from 'svelte';
import type { EngineClient } from './engine-client.ts';
import type { Playground } from './playground.svelte.ts';

/** The page's state, for every component below the one that provides it. */
export const [getPlayground, providePlayground] = createContext<Playground>();

/** The worker's client, for panels that call the engine for something that the playground does not do. */
export const [getEngine, provideEngine] = createContext<EngineClient>();
