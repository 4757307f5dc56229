// Fails the build when what a page loads at first is over its budget.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const budget = 150 * 1024;
const dist = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist');
const html = readFileSync(join(dist, 'index.html'), 'utf8');
const first = [...html.matchAll(/(?:src|href)="\.\/(assets\/[^"]+\.js)"/g)].map((m) => m[1]);
if (first.length === 0) throw new Error('no script in dist/index.html');
// What those files import statically is loaded with them.
const seen = new Set();
const queue = [...first];
let total = 0;
while (queue.length > 0) {
  const name = queue.pop();
  if (seen.has(name)) continue;
  seen.add(name);
  const text = readFileSync(join(dist, name));
  total += gzipSync(text).length;
  for (const m of text.toString().matchAll(/(?:^|[;\n}])import(?:[^'"()]*from)?\s*["']\.\/([^"']+\.js)["']/g)) queue.push('assets/' + m[1]);
}
console.log(`first load: ${(total / 1024).toFixed(1)} KB of JavaScript, gzipped (budget ${budget / 1024})`);
if (total > budget) process.exit(1);
