import { mount } from 'svelte';
import App from './App.svelte';
import { EngineClient } from './engine/engine-client.ts';
import { Session } from './engine/session.svelte.ts';
import { fetchModelIndex } from './model/model-index.ts';
import './ui/theme.css';

const worker = new Worker(new URL('../worker/main.ts', import.meta.url), { type: 'module' });
const session = new Session(new EngineClient(worker));
session.start(fetchModelIndex(document.baseURI));

const target = document.getElementById('app');
if (!target) throw new Error('index.html has no #app');
mount(App, { target, props: { session } });
