import { defineConfig } from '@playwright/test';

const port = 4683;

export default defineConfig({
  outputDir: './.out',
  fullyParallel: false,
  workers: 1,
  timeout: 30_000,
  expect: { timeout: 5_000 },
  reporter: [['list']],
  projects: [
    // The window over an office in memory.
    { name: 'window', testDir: './spec' },
    // The window over real nodes: HALLWAY_BIN, else build/bin/hallway. SHOTS=DIR takes a picture of every screen.
    { name: 'nodes', testDir: './e2e', timeout: 90_000, expect: { timeout: 10_000 } },
  ],
  use: {
    baseURL: `http://127.0.0.1:${port}/`,
    viewport: { width: 1280, height: 800 },
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    },
  },
  webServer: { command: `node serve.mjs ${port}`, cwd: '.', port, reuseExistingServer: false },
});
