import { mount } from 'svelte';
import App from './App.svelte';
import { AddressBar, linkIn } from './playground/address-bar.svelte.ts';
import { EngineClient } from './playground/engine-client.ts';
import { Playground } from './playground/playground.svelte.ts';
import { fetchModelIndex } from './models/model-index.ts';
import { trustOwnScripts } from './security/trusted-scripts.ts';
import './ui/theme.css';

trustOwnScripts(document.baseURI);

const worker = new Worker(new URL('../worker/main.ts', import.meta.url), { type: 'module' });
const engine = new EngineClient(worker);
const playground = new Playground(engine);
const models = fetchModelIndex(document.baseURI);
const link = linkIn(location); // may write the address
const opened = location.hash;
playground.start(models, link);
void models.then(() => new AddressBar(playground).follow(opened));

const target = document.getElementById('app');
if (!target) throw new Error('index.html has no #app');
// A first picture without the models would move as soon as they are known. The list is asked for before this script.
const LONGEST_WAIT_MS = 400;
const waited = new Promise((go) => setTimeout(go, LONGEST_WAIT_MS));
// Not a top-level await: other chunks could then not import from this one.
void Promise.race([models, waited]).then(() => mount(App, { target, props: { playground, engine } }));
