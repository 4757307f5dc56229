import '@fontsource-variable/hanken-grotesk/wght.css';
import '@fontsource-variable/jetbrains-mono/wght.css';
import './styles/base.css';
import { mount } from 'svelte';
import App from './App.svelte';
import { http, openSession } from './lib/transport';

await openSession().catch(() => undefined);
mount(App, { target: document.getElementById('app')!, props: { transport: http } });
