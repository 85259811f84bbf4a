/**
 * JSON as text: where it is wrong, and how it reads well. Numbers are never parsed, so that a 64-bit offset is
 * shown digit by digit as it came; nothing recurses, so that depth costs no stack.
 */

/** @typedef {'string' | 'number' | 'word' | 'sign' | 'bad'} Kind */
/** @typedef {{ kind: Kind, text: string, at: number }} Token  `at`: UTF-16 units from the start */
/** @typedef {{ line: number, column: number, message: string }} Mistake  both counted from 1 */
/** @typedef {{ kind: 'key' | 'string' | 'number' | 'word' | 'plain', text: string }} Piece */

const TOKEN = new RegExp(
  [
    String.raw`(?<string>"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")`,
    String.raw`(?<number>-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.]))`,
    String.raw`(?<word>(?:true|false|null)(?!\w))`,
    String.raw`(?<sign>[{}[\]:,])`,
    String.raw`(?<space>[ \t\r\n]+)`,
  ].join('|'),
  'gy',
);

/**
 * The tokens of `text`, up to the first that is none.
 * @param {string} text
 * @returns {Generator<Token, void>}
 */
function* tokens(text) {
  const pattern = new RegExp(TOKEN);
  for (let at = 0; at < text.length; at = pattern.lastIndex) {
    pattern.lastIndex = at;
    const groups = pattern.exec(text)?.groups;
    const kind = groups && Object.keys(groups).find((name) => groups[name] !== undefined);
    if (!groups || !kind) {
      yield { kind: 'bad', text: text.slice(at, at + 12), at };
      return;
    }
    if (kind !== 'space') yield { kind: /** @type {Kind} */ (kind), text: groups[kind], at };
  }
}

/**
 * The first mistake in `text`, or null where it is JSON.
 * @param {string} text
 * @returns {Mistake | null}
 */
export function mistake(text) {
  /** @type {string[]} What is open: `{` or `[`. */
  const open = [];
  let wanted = 'value';
  for (const token of tokens(text)) {
    const next = token.kind === 'bad' ? null : step(token, wanted, open);
    if (!next) return { ...place(text, token.at), message: complaint(token, wanted) };
    wanted = next;
  }
  return wanted === 'end'
    ? null
    : { ...place(text, text.length), message: `${EXPECTED[wanted]}, and it ends here` };
}

/** What is said where a state meets something else. @type {Record<string, string>} */
const EXPECTED = {
  value: 'a value is expected',
  'first value': 'a value or ] is expected',
  key: 'a key in double quotes is expected',
  'first key': 'a key in double quotes or } is expected',
  colon: '":" is expected',
  'more {': '"," or "}" is expected',
  'more [': '"," or "]" is expected',
  end: 'nothing more is expected',
};

/**
 * The state after `token`, or null where it may not stand here.
 * @param {Token} token
 * @param {string} wanted
 * @param {string[]} open
 * @returns {string | null}
 */
function step({ kind, text }, wanted, open) {
  const after = () => (open.length ? `more ${open[open.length - 1]}` : 'end');
  const close = (/** @type {string} */ sign) => {
    if (text !== sign) return null;
    open.pop();
    return after();
  };
  switch (wanted) {
    case 'value':
    case 'first value':
      if (text === '{' || text === '[') {
        open.push(text);
        return text === '{' ? 'first key' : 'first value';
      }
      if (kind !== 'sign') return after();
      return wanted === 'first value' ? close(']') : null;
    case 'key':
    case 'first key':
      if (kind === 'string') return 'colon';
      return wanted === 'first key' ? close('}') : null;
    case 'colon':
      return text === ':' ? 'value' : null;
    case 'more {':
      return text === ',' ? 'key' : close('}');
    case 'more [':
      return text === ',' ? 'value' : close(']');
    default:
      return null;
  }
}

/**
 * @param {Token} token
 * @param {string} wanted
 */
function complaint(token, wanted) {
  if (token.kind === 'bad' && token.text.startsWith('"'))
    return 'a text in double quotes is not closed, or has a bad escape';
  const found = token.text.length > 20 ? `${token.text.slice(0, 20)}…` : token.text;
  return `${EXPECTED[wanted]}, not ${found}`;
}

/**
 * @param {string} text
 * @param {number} at
 */
function place(text, at) {
  const before = text.slice(0, at).split('\n');
  return { line: before.length, column: before[before.length - 1].length + 1 };
}

/**
 * `text`, which is JSON, indented by two, as pieces to be coloured.
 * @param {string} text
 * @returns {Piece[]}
 */
export function pieces(text) {
  /** @type {Piece[]} */
  const out = [];
  const plain = (/** @type {string} */ text) => {
    const last = out[out.length - 1];
    if (last?.kind === 'plain') last.text += text;
    else out.push({ kind: 'plain', text });
  };
  let depth = 0;
  let before = '';
  const line = () => plain(`\n${'  '.repeat(Math.min(depth, 40))}`);
  for (const { kind, text: word } of tokens(text)) {
    const closes = word === '}' || word === ']';
    if (closes) depth -= 1;
    const isEmpty = closes && (before === '{' || before === '[');
    if ((closes && !isEmpty) || before === ',' || (!closes && (before === '{' || before === '['))) line();
    if (word === ':' && kind === 'sign') {
      const key = out[out.length - 1];
      if (key) key.kind = 'key';
      plain(': ');
    } else if (kind === 'sign' || kind === 'bad') plain(word);
    else out.push({ kind, text: word });
    if (kind === 'sign' && (word === '{' || word === '[')) depth += 1;
    before = kind === 'sign' ? word : '';
  }
  return out;
}

/**
 * `text` indented by two where it is JSON, else as it is.
 * @param {string} text
 */
export function pretty(text) {
  if (mistake(text)) return text;
  return pieces(text)
    .map((piece) => piece.text)
    .join('');
}
