const { copyFileSync, mkdirSync } = require('node:fs');
const { dirname } = require('node:path');

const [from = '', to = ''] = process.argv.slice(2);
mkdirSync(dirname(to), { recursive: true });
copyFileSync(from, to);
