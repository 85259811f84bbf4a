// The examples of README.md do what they say: each prints what stands behind its `// →`.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { test } from 'node:test';
import { Gateway } from './gateway.mjs';

const run = promisify(execFile);
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const blocks = (language) => [...readme.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\``, 'gm'))].map(([, code]) => code);

/** The settings that the README starts its gateway with. */
const settings = [...blocks('sh')[0].matchAll(/--set (?:'([^']*)'|(\S+))/g)].map(([, quoted, bare]) => quoted ?? bare);

const require = `createRequire(${JSON.stringify(`${process.env.TOOLS}/clients/`)})`;

test('every example runs, and prints what it says', async (t) => {
  const gateway = await Gateway.start(t, ...settings);
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  const examples = blocks('js');
  assert.ok(examples.length >= 6);
  for (const example of examples) {
    const code = `import { createRequire } from 'node:module'; globalThis.WebSocket ??= ${require}('ws');
      ${example.replace("import WebSocket from 'ws';", '').replaceAll('ws://127.0.0.1:8080/ws', gateway.url)}`;
    const promised = [...example.matchAll(/\/\/ → (.*?)(?= \/\/ →|$)/gm)].map(([, line]) => `${line}\n`);
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', code], { cwd, timeout: 20_000 });
    assert.equal(stdout, promised.join(''), example);
  }
});
