// Serves the test page with the same headers as the node, so that the content security policy is tested too.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '.dist');
const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' };
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

createServer(async (request, reply) => {
  const path = normalize(new URL(request.url, 'http://x').pathname);
  const name = path === '/' ? 'index.html' : path.slice(1);
  try {
    const body = await readFile(join(root, name));
    reply.writeHead(200, { 'Content-Type': types[extname(name)] ?? 'application/octet-stream', 'Content-Security-Policy': policy });
    reply.end(body);
  } catch {
    reply.writeHead(404).end();
  }
}).listen(Number(process.argv[2]), '127.0.0.1');
