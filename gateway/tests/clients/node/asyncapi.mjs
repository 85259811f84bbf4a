// Holds the AsyncAPI document at a URL to the specification, and says all that is wrong with it. TOOLS is the folder with
// @asyncapi/parser.

import { createRequire } from 'node:module';

const require = createRequire(`${process.env.TOOLS}/`);
const { Parser } = require('@asyncapi/parser');

/** Errors and warnings of the parser's; 2 and 3 are hints. */
const WARNING = 1;

const text = await (await fetch(process.argv[2])).text();
const { document, diagnostics } = await new Parser().parse(text);
const flaws = diagnostics.filter(({ severity }) => severity <= WARNING);
for (const { path, message } of flaws) console.error(path.join('/'), message);
if (!document?.version().startsWith('3.0.')) console.error('no document of version 3.0');
process.exitCode = flaws.length || !document?.version().startsWith('3.0.') ? 1 : 0;
