import { defineConfig } from '@playwright/test';
import window from './playwright.config';

// The window over real nodes: the program is HALLWAY_BIN, else build/bin/hallway. SHOTS=DIR takes a picture of every screen.
const { webServer: _, ...same } = window;
export default defineConfig({ ...same, testDir: './e2e', outputDir: './.out-e2e', timeout: 90_000, expect: { timeout: 15_000 }, retries: 2 });
