// The page's parts that need no browser: text, search, requests, the log.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { explain } from '../../../assets/docs/closes.js';
import { FrameLog, LONGEST, MOST } from '../../../assets/docs/framelog.js';
import { mistake, pretty } from '../../../assets/docs/json.js';
import { blocks, spans } from '../../../assets/docs/prose.js';
import { build, curl } from '../../../assets/docs/request.js';
import { announcement, search } from '../../../assets/docs/search.js';

test('a mistake in JSON is told with its line and column', () => {
  for (const [text, expected] of [
    ['{"a": 1}', null],
    [' [] ', null],
    ['-1.5e3', null],
    ['{"a":[{"b":null}]}', null],
    ['', '1:1 a value is expected, and it ends here'],
    ['{\n  "a": 1,\n}', '3:1 a key in double quotes is expected, not }'],
    ['{"a" 1}', '1:6 ":" is expected, not 1'],
    ["{'a': 1}", "1:2 a key in double quotes or } is expected, not 'a': 1}"],
    ['[1 2]', '1:4 "," or "]" is expected, not 2'],
    ['[1,]', '1:4 a value is expected, not ]'],
    ['{"a":1]', '1:7 "," or "}" is expected, not ]'],
    ['{} {}', '1:4 nothing more is expected, not {'],
    ['[01]', '1:2 a value or ] is expected, not 01]'],
    ['["\n"]', '1:2 a text in double quotes is not closed, or has a bad escape'],
    ['[truer]', '1:2 a value or ] is expected, not truer]'],
    ['[', '1:2 a value or ] is expected, and it ends here'],
  ]) {
    const found = mistake(text);
    assert.equal(found && `${found.line}:${found.column} ${found.message}`, expected, text);
  }
});

test('what is JSON for the browser is JSON here, and nothing else', () => {
  const alphabet = [
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"a"',
    '"',
    '\\',
    '1',
    '0',
    '-',
    '.',
    'e',
    'true',
    'nul',
    'null',
    ' ',
    '\n',
    '\u00e9',
  ];
  let seed = 42;
  const random = (below) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor((seed / 2147483648) * below);
  };
  let valid = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const text = Array.from({ length: 1 + random(7) }, () => alphabet[random(alphabet.length)]).join('');
    let isJson = true;
    try {
      JSON.parse(text);
    } catch {
      isJson = false;
    }
    valid += Number(isJson);
    assert.equal(mistake(text) === null, isJson, JSON.stringify(text));
    if (isJson) assert.deepEqual(JSON.parse(pretty(text)), JSON.parse(text));
  }
  assert.ok(valid > 200, `only ${valid} texts were JSON`);
});

test('JSON is indented, and its numbers keep every digit', () => {
  assert.equal(
    pretty('{"offset":18446744073709551615,"a":[],"b":{},"c":[1.0,{"d":"x:y"}]}'),
    '{\n  "offset": 18446744073709551615,\n  "a": [],\n  "b": {},\n  "c": [\n    1.0,\n    {\n      "d": "x:y"\n    }\n  ]\n}',
  );
  assert.equal(pretty('no JSON'), 'no JSON');
  const deep = '['.repeat(50_000) + ']'.repeat(50_000);
  assert.equal(mistake(deep), null);
});

test('a search wants every word, in any case and place', () => {
  const entries = [
    { id: 'a', words: ['get /agents/', 'List agents', 'agent_id', 'Energia'] },
    { id: 'b', words: ['post /agents/', 'Make an agent', 'agent_id'] },
    { id: 'c', words: ['agent_created'] },
  ];
  assert.deepEqual(search(entries, ''), ['a', 'b', 'c']);
  assert.deepEqual(search(entries, '  POST  agents '), ['b']);
  assert.deepEqual(search(entries, 'energia'), ['a']);
  assert.deepEqual(search(entries, 'agent_'), ['a', 'b', 'c']);
  assert.deepEqual(search(entries, 'post energia'), []);
  assert.equal(announcement(3, 3, ' '), '3 entries');
  assert.equal(announcement(1, 3, 'post'), '1 of 3 entries');
  assert.equal(announcement(0, 3, 'x y'), 'Nothing matches “x y”');
});

const operation = {
  method: 'POST',
  path: '/a/{id}/b',
  parameters: [
    { name: 'id', in: 'path', required: true, schema: {}, explode: true },
    { name: 'limit', in: 'query', required: false, schema: { type: 'integer' }, explode: true },
    { name: 'tag', in: 'query', required: false, schema: { type: 'array' }, explode: true },
    { name: 'x-trace', in: 'header', required: false, schema: {}, explode: true },
  ],
  body: { required: true, description: '', media: [] },
};
const filled = {
  values: { 'path id': 'a/b ü', 'query limit': '', 'query tag': 'x, y&z', 'header x-trace': "it's" },
  type: 'application/json',
  body: '{"say": "it\'s"}',
  token: 'secret',
};

test('a form becomes a request, and that a line of curl without the token', () => {
  const request = build(operation, filled, 'http://h:1');
  assert.deepEqual(request, {
    method: 'POST',
    url: 'http://h:1/a/a%2Fb%20%C3%BC/b?tag=x&tag=y%26z',
    body: filled.body,
    headers: [
      ['x-trace', "it's"],
      ['content-type', 'application/json'],
      ['authorization', 'Bearer secret'],
    ],
  });
  const line = curl(request);
  assert.equal(
    line,
    String.raw`curl -H 'x-trace: it'\''s' -H 'content-type: application/json' -H "authorization: Bearer $TOKEN" ` +
      String.raw`--data-raw '{"say": "it'\''s"}' 'http://h:1/a/a%2Fb%20%C3%BC/b?tag=x&tag=y%26z'`,
  );
  assert.ok(!line.includes('secret'));
});

test('a request without a body has none, and a line of curl says the method where it must', () => {
  const bare = { values: {}, type: '', body: '', token: '' };
  const of = (method) => build({ method, path: '/a', parameters: [], body: null }, bare, '');
  assert.deepEqual(of('GET'), { method: 'GET', url: '/a', headers: [], body: null });
  assert.equal(curl(of('GET')), "curl '/a'");
  assert.equal(curl(of('POST')), "curl -X POST '/a'");
  assert.equal(curl(of('HEAD')), "curl --head '/a'");
  assert.equal(curl(of('DELETE')), "curl -X DELETE '/a'");
});

test('the log keeps the last frames, and cuts the longest', () => {
  const log = new FrameLog();
  for (let number = 0; number < MOST + 5; number += 1)
    log.add('received', `{"number":${number}}`, new Date(0));
  assert.deepEqual([log.size, log.first, log.next], [MOST, 5, MOST + 5]);
  assert.equal(log.matching('', MOST).length, 5, 'from a number on');
  assert.deepEqual(
    log.matching('"number":7}').map(({ number }) => number),
    [7],
  );
  log.add('sent', 'x'.repeat(LONGEST + 3), new Date(0));
  const [last] = log.matching('SENT');
  assert.deepEqual([last.text.length, last.cut, last.kind], [LONGEST, 3, 'sent']);
  log.clear();
  assert.deepEqual([log.size, log.first, log.matching('')], [0, MOST + 6, []]);
});

test('closes are explained', () => {
  assert.equal(
    explain(1013, 'slow consumer'),
    'Closed with 1013: the gateway is at capacity, or this client was too slow; try again later. The gateway says: slow consumer',
  );
  assert.equal(explain(1006, ''), 'Closed with 1006: the connection broke without a close frame.');
  assert.match(explain(4001, ''), /application’s own/);
});

test('descriptions are paragraphs, lists, tables and code, and no link runs anything', () => {
  assert.deepEqual(
    blocks('One\nline with `code`.\n\nThe list:\n- **a**\n- b\n  and more\n\n```\nx < y\n```'),
    [
      {
        kind: 'paragraph',
        spans: [
          { kind: 'text', text: 'One line with ' },
          { kind: 'code', text: 'code' },
          { kind: 'text', text: '.' },
        ],
      },
      { kind: 'paragraph', spans: [{ kind: 'text', text: 'The list:' }] },
      { kind: 'list', items: [[{ kind: 'strong', text: 'a' }], [{ kind: 'text', text: 'b and more' }]] },
      { kind: 'code', text: 'x < y' },
    ],
  );
  const plain = (text) => [{ kind: 'text', text }];
  assert.deepEqual(blocks('| code | why |\n|---|---|\n| 1000 |  |\n| 1\\|2 | b |'), [
    {
      kind: 'table',
      head: [plain('code'), plain('why')],
      rows: [
        [plain('1000'), []],
        [plain('1|2'), plain('b')],
      ],
    },
  ]);
  assert.deepEqual(spans('[a](https://b.example/) [c](javascript:alert)'), [
    { kind: 'link', text: 'a', url: 'https://b.example/' },
    { kind: 'text', text: ' ' },
    { kind: 'text', text: 'c' },
  ]);
  assert.deepEqual(spans('agent_id * 2 * 3'), [{ kind: 'text', text: 'agent_id * 2 * 3' }]);
});
