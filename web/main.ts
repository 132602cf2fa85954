import { mount } from 'svelte';
import App from './App.svelte';
import { AddressBar, linkIn } from './config/address-bar.svelte.ts';
import { EngineClient } from './engine/engine-client.ts';
import { Session } from './engine/session.svelte.ts';
import { Exporter } from './export/exporter.svelte.ts';
import { fetchModelIndex } from './model/model-index.ts';
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
