import { mount } from 'svelte';
import App from './App.svelte';
import { AddressBar, linkIn } from './session/address-bar.svelte.ts';
import { EngineClient } from './session/engine-client.ts';
import { Session } from './session/session.svelte.ts';
import { Exporter } from './panels/export/exporter.svelte.ts';
import { fetchModelIndex } from './models/model-index.ts';
import { trustOwnScripts } from './security/trusted-scripts.ts';
import './ui/theme.css';

trustOwnScripts(document.baseURI);

const worker = new Worker(new URL('../worker/main.ts', import.meta.url), { type: 'module' });
const engine = new EngineClient(worker);
const session = new Session(engine);
const exporter = new Exporter(session, engine);
const models = fetchModelIndex(document.baseURI);
void session.desk.library.restore();
session.start(models, linkIn(location));
void models.then(() => new AddressBar(session).follow());

const target = document.getElementById('app');
if (!target) throw new Error('index.html has no #app');
mount(App, { target, props: { session, exporter } });
