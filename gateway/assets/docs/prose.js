/** The little of Markdown that descriptions use: blocks of text, lists, tables and code; spans within them. */

/**
 * @typedef {{ kind: 'text' | 'code' | 'strong' | 'em', text: string }
 *   | { kind: 'link', text: string, url: string }} Span
 */
/**
 * @typedef {{ kind: 'paragraph', spans: Span[] } | { kind: 'list', items: Span[][] }
 *   | { kind: 'code', text: string } | { kind: 'table', head: Span[][], rows: Span[][][] }} Block
 */

const SPAN =
  /`(?<code>[^`]+)`|\*\*(?<strong>[^*]+)\*\*|\*(?<em>[^*\s][^*]*)\*|\[(?<label>[^\]]+)\]\((?<url>[^)\s]+)\)/;

/**
 * @param {string} text
 * @returns {Block[]}
 */
export function blocks(text) {
  const parts = text.replaceAll('\r\n', '\n').split(/^```.*$/m);
  return parts.flatMap((part, index) => {
    if (index % 2) return [{ kind: /** @type {const} */ ('code'), text: part.replace(/^\n|\n$/g, '') }];
    return part
      .split(/\n\s*\n/)
      .filter((chunk) => chunk.trim())
      .flatMap(chunks);
  });
}

/**
 * A table, or a paragraph and the list that may stand at its end.
 * @param {string} chunk
 * @returns {Block[]}
 */
function chunks(chunk) {
  const lines = chunk.trim().split('\n');
  if (lines.length > 1 && /^\s*\|?[\s:|-]+\|[\s:|-]*$/.test(lines[1])) {
    const [head, , ...rows] = lines.map(cells);
    return [{ kind: 'table', head, rows }];
  }
  /** @type {string[]} */
  const before = [];
  /** @type {string[]} */
  const items = [];
  for (const line of lines) {
    const item = /^\s*(?:[-*+]|\d+\.)\s+(.*)$/.exec(line);
    if (item) items.push(item[1]);
    else if (items.length) items[items.length - 1] += ` ${line.trim()}`;
    else before.push(line.trim());
  }
  /** @type {Block[]} */
  const found = [];
  if (before.length) found.push({ kind: 'paragraph', spans: spans(before.join(' ')) });
  if (items.length) found.push({ kind: 'list', items: items.map(spans) });
  return found;
}

/**
 * The cells of a table's row.
 * @param {string} line
 */
function cells(line) {
  const row = line.trim().replace(/^\|/, '').replace(/\|$/, '');
  return row.split(/(?<!\\)\|/).map((cell) => spans(cell.trim().replaceAll('\\|', '|')));
}

/**
 * @param {string} text
 * @returns {Span[]}
 */
export function spans(text) {
  /** @type {Span[]} */
  const found = [];
  let rest = text;
  for (let match = SPAN.exec(rest); match; match = SPAN.exec(rest)) {
    const { code, strong, em, label, url } = match.groups ?? {};
    if (match.index) found.push({ kind: 'text', text: rest.slice(0, match.index) });
    if (code) found.push({ kind: 'code', text: code });
    else if (strong) found.push({ kind: 'strong', text: strong });
    else if (em) found.push({ kind: 'em', text: em });
    // Any other scheme could run something.
    else
      found.push(
        /^(https?:|[/#])/.test(url) ? { kind: 'link', text: label, url } : { kind: 'text', text: label },
      );
    rest = rest.slice(match.index + match[0].length);
  }
  if (rest) found.push({ kind: 'text', text: rest });
  return found;
}
