// The window over an office in memory, which tests drive through window.office.
import '@fontsource-variable/hanken-grotesk/wght.css';
import '@fontsource-variable/jetbrains-mono/wght.css';
import '../../src/styles/base.css';
import { mount } from 'svelte';
import App from '../../src/App.svelte';
import { FakeOffice } from '../office/office';

const asked = new URLSearchParams(location.search);
const fake = new FakeOffice({
  start: (asked.get('start') as 'empty' | 'locked' | 'ready' | null) ?? 'ready',
  big: Number(asked.get('big') ?? 0),
  theme: (asked.get('theme') as 'light' | 'dark' | null) ?? 'light',
  offline: asked.has('offline'),
});
declare global {
  interface Window {
    fake: FakeOffice;
  }
}
window.fake = fake;
mount(App, { target: document.getElementById('app')!, props: { transport: fake } });
