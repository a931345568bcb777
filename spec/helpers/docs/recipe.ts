import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type NodeProgram, root, startNode } from '../programs/node-program';
import { codeBlocks } from './markdown';

/** The packages that a program names: those of Node have a colon. */
const PACKAGE = /(?:\bfrom |\brequire\()'((?:@[\w-]+\/)?[\w-]+)(?:\/[\w-]+)*'/g;

/** A program of a page, as it stands there. */
export interface Recipe {
  /** Starts it as its readers do: in a folder with its packages. Returns its address. */
  start(env?: Record<string, string>): Promise<string>;
  readonly program: NodeProgram;
  end(): Promise<void>;
}

/**
 * The only program of `docs/recipes/<name>.md` that contains `part`. It listens on a free port, or on `SPEC_PORT`, and
 * ends after the specs. `edit` makes another setup of it.
 */
export function recipe(name: string, part: string, edit = (code: string): string => code): Recipe {
  const found = codeBlocks(`docs/recipes/${name}.md`).filter(({ code }) => code.includes(part));
  const [block] = found;
  if (found.length !== 1 || !block) throw new Error(`${found.length} programs of ${name}.md contain ${part}`);
  const code = edit(block.code);
  let folder: string | undefined;
  let program: NodeProgram | undefined;
  const end = async () => {
    await program?.end();
    if (folder) rmSync(folder, { recursive: true });
    folder = program = undefined;
  };
  afterAll(end);
  return {
    async start(env = {}) {
      await end();
      folder = mkdtempSync(join(realpathSync(tmpdir()), 'spec-recipe-'));
      const file = join(folder, /^import /m.test(code) ? 'app.mjs' : 'app.js');
      writeFileSync(file, code);
      for (const [, used = ''] of code.matchAll(PACKAGE)) link(used, join(folder, 'node_modules'));
      const args = ['--require', './spec/helpers/programs/free-port.js', file];
      program = await startNode(args, { SESSION_SECRET: 'the secret of the specs', ...env });
      const [url] = await program.says(/^http:\S+$/m);
      return url;
    },
    get program() {
      if (!program) throw new Error(`The program of ${name}.md has not been started`);
      return program;
    },
    end,
  };
}

function link(used: string, modules: string): void {
  const at = join(modules, used);
  if (existsSync(at)) return;
  mkdirSync(dirname(at), { recursive: true });
  const places = [join(root, 'node_modules', used), join(root, 'spec/interop/node_modules', used)];
  symlinkSync(used === 'koa-evented-session' ? root : (places.find(existsSync) ?? `${used} is not installed`), at);
}
