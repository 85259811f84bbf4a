// What is shipped: small, without dependencies, made of its sources, typed.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { require } from './gateway.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const shipped = readFileSync(join(ROOT, 'tidegate.js'));
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

test('the module has less than 6 KiB when it is compressed, and needs no other', () => {
  const size = gzipSync(shipped, { level: 9 }).length;
  assert.ok(size < 6 * 1024, `${size} bytes`);
  assert.equal(manifest.dependencies, undefined);
  assert.doesNotMatch(String(shipped), /\bimport\b/);
});

test('it is what `npm run build` makes of its sources', () => {
  const [, entry, ...options] = manifest.scripts.build.split(' ');
  const { write, ...rest } = {
    absWorkingDir: ROOT,
    entryPoints: [entry],
    bundle: options.includes('--bundle'),
    minify: options.includes('--minify'),
    format: 'esm',
    target: 'es2022',
    write: false,
  };
  const { outputFiles } = require('esbuild').buildSync({ ...rest, write });
  assert.ok(options.includes('--format=esm') && options.includes('--target=es2022'));
  assert.equal(outputFiles[0].text, String(shipped), 'run `npm run build` in clients/js');
});

test('its types hold for what uses it strictly', () => {
  const tsc = join(process.env.TOOLS, 'clients/node_modules/typescript/bin/tsc');
  const strict = ['--strict', '--noEmit', '--target', 'es2022', '--module', 'nodenext', '--lib', 'es2022,dom,esnext'];
  execFileSync(process.execPath, [tsc, ...strict, join(ROOT, 'test/types.ts')], { cwd: ROOT, stdio: 'pipe' });
});

test('its types name what it has', async () => {
  const types = readFileSync(join(ROOT, 'index.d.ts'), 'utf8');
  const { connect, TidegateError } = await import('../tidegate.js');
  const client = connect('ws://127.0.0.1:9', { WebSocket: class { close() {} } });
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(client));
  client.close();
  const inner = ['constructor', 'leave', 'run'];
  const told = /export interface Client \{([^]*?)\n\}/.exec(types)[1];
  for (const name of names.filter((name) => !inner.includes(name))) assert.match(told, new RegExp(`\\b${name}[<(]`), name);
  assert.ok(new TidegateError('m', 'busy', { retryAfter: 1 }) instanceof Error);
});
