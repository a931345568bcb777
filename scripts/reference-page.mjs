import { ReflectionKind } from 'typedoc';

/**
 * @typedef {import('typedoc').DeclarationReflection} Declaration
 * @typedef {import('typedoc').SignatureReflection} Signature
 * @typedef {import('typedoc').Comment} Comment
 * @typedef {{ name: string, file: string, module: Declaration }} Page
 * @typedef {(parts: readonly import('typedoc').CommentDisplayPart[]) => string} Write
 */

const NOTE = '<!-- Written from the doc comments by `npm run docs`. -->';

/** Functions come first, then classes, then types. */
const ORDER = [ReflectionKind.Function, ReflectionKind.Class, ReflectionKind.Interface, ReflectionKind.TypeAlias];

/** @param {readonly Page[]} pages */
export function renderIndex(pages) {
  const lines = pages.map(({ name, file, module }) => {
    const links = exportsOf(module).map((it) => `[${it.name}](${file}#${anchorOf(it, module)})`);
    return `- [\`${name}\`](${file}): ${links.join(', ')}`;
  });
  return `${NOTE}\n\n# API reference\n\nWhat each entry point exports.\n\n${lines.join('\n')}\n`;
}

/** @param {Page} page @param {readonly Page[]} pages */
export function renderPage({ name, module }, pages) {
  const write = writerFor(module, pages);
  const sections = exportsOf(module).map((it) => section(it, write));
  return `${NOTE}\n\n# ${name}\n\n[All entry points](README.md)\n\n${sections.join('\n\n')}\n`;
}

/** @param {Declaration} module */
function exportsOf(module) {
  return [...(module.children ?? [])].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
}

/** Code hosts number headings that differ only in case, such as `redisStore` and `RedisStore`. @param {Declaration} it @param {Declaration} module */
function anchorOf(it, module) {
  const anchor = it.name.toLowerCase();
  const number = exportsOf(module)
    .filter(({ name }) => name.toLowerCase() === anchor)
    .indexOf(it);
  return number > 0 ? `${anchor}-${number}` : anchor;
}

/** @param {Declaration} it @param {Write} write */
function section(it, write) {
  // A callable interface has signatures too.
  const functions = it.kind === ReflectionKind.Function ? it.signatures : undefined;
  const heads = functions?.map((signature) => `function ${callable(it.name, signature)}`) ?? [headOf(it)];
  const members = membersOf(it).flatMap((member) => items(member, write));
  const comments = functions ?? [it];
  return [
    `## ${it.name}`,
    `\`\`\`ts\n${heads.join('\n')}\n\`\`\``,
    ...comments.flatMap((commented) => paragraphs(commented, write)),
    members.join('\n'),
  ]
    .filter(Boolean)
    .join('\n\n');
}

/** @param {Declaration} it */
function headOf(it) {
  const name = it.name + typeParameters(it);
  if (it.kind === ReflectionKind.TypeAlias) return `type ${name} =${choices(it.type)}`;
  if (it.kind === ReflectionKind.Variable) return `const ${name}: ${it.type}`;
  const kind = it.kind === ReflectionKind.Class ? 'class' : 'interface';
  return `${kind} ${name}${clause('extends', it.extendedTypes)}${clause('implements', it.implementedTypes)}`;
}

/** Puts each choice of a long union on its own line. @param {Declaration['type']} type */
function choices(type) {
  const isLong = type?.type === 'union' && String(type).length > 100;
  return isLong ? type.types.map((each) => `\n  | ${each}`).join('') : ` ${type}`;
}

/** @param {string} word @param {readonly import('typedoc').SomeType[] | undefined} types */
function clause(word, types) {
  return types === undefined || types.length === 0 ? '' : ` ${word} ${types.join(', ')}`;
}

/** @param {Declaration | Signature} it */
function typeParameters(it) {
  const names = it.typeParameters?.map(({ name, default: otherwise }) => (otherwise ? `${name} = ${otherwise}` : name));
  return names === undefined ? '' : `<${names.join(', ')}>`;
}

/** @param {string} name @param {Signature} signature */
function callable(name, signature) {
  const parameters = signature.parameters?.map(
    ({ flags, name: parameter, type, defaultValue }) =>
      `${flags.isRest ? '...' : ''}${parameter}${flags.isOptional || defaultValue ? '?' : ''}: ${type}`,
  );
  return `${name}${typeParameters(signature)}(${parameters?.join(', ') ?? ''}): ${signature.type}`;
}

/** The members that the class or interface itself declares, constructors first; `extends` links to the others. @param {Declaration} it */
function membersOf(it) {
  const own = (it.children ?? []).filter(({ inheritedFrom }) => inheritedFrom === undefined);
  const isNew = (/** @type {Declaration} */ member) => Number(member.kind === ReflectionKind.Constructor);
  return own.sort((a, b) => isNew(b) - isNew(a));
}

/** A list item for each signature of the member. @param {Declaration} member @param {Write} write @returns {string[]} */
function items(member, write) {
  if (member.signatures !== undefined) {
    return member.signatures.map((signature) => {
      const isNew = member.kind === ReflectionKind.Constructor;
      return item(callable(isNew ? `new ${member.parent?.name}` : member.name, signature), signature, write);
    });
  }
  const { getSignature, setSignature } = member;
  const type = (getSignature ?? member).type ?? setSignature?.parameters?.[0]?.type;
  const isReadonly = member.flags.isReadonly || (getSignature !== undefined && setSignature === undefined);
  const head = `${isReadonly ? 'readonly ' : ''}${member.name}${member.flags.isOptional ? '?' : ''}: ${type}`;
  return [item(head, getSignature ?? member, write)];
}

/** @param {string} head @param {Declaration | Signature} commented @param {Write} write */
function item(head, commented, write) {
  const text = paragraphs(commented, write)
    .join('\n\n')
    .replace(/\n(?=.)/g, '\n  ');
  return text === '' ? `- \`${head}\`` : `- \`${head}\`  \n  ${text}`;
}

/** @param {Declaration | Signature} commented @param {Write} write @returns {string[]} */
function paragraphs(commented, write) {
  const { comment } = commented;
  const parameters = 'parameters' in commented ? (commented.parameters ?? []) : [];
  const described = parameters
    .filter((parameter) => parameter.comment !== undefined)
    .map((parameter) => `- \`${parameter.name}\`: ${write(parameter.comment?.summary ?? [])}`);
  const tags = (comment?.blockTags ?? [])
    .filter(({ tag }) => tag !== '@param')
    .map(({ tag, content }) => `**${TAGS.get(tag) ?? tag.slice(1)}** ${write(content)}`);
  return [write(comment?.summary ?? []), described.join('\n'), ...tags].filter((text) => text !== '');
}

const TAGS = new Map([
  ['@throws', 'Throws'],
  ['@returns', 'Returns'],
  ['@see', 'See'],
  ['@example', 'Example:'],
]);

/** @param {Declaration} module @param {readonly Page[]} pages @returns {Write} */
function writerFor(module, pages) {
  /** @param {unknown} target */
  const addressOf = (target) => {
    const page = pages.find((it) => it.module.children?.includes(/** @type {Declaration} */ (target)));
    if (page === undefined) return undefined;
    return `${page.module === module ? '' : page.file}#${anchorOf(/** @type {Declaration} */ (target), page.module)}`;
  };
  return (parts) =>
    parts
      .map((part) => {
        if (part.kind !== 'inline-tag') return part.text;
        const address = addressOf(part.target);
        return address === undefined ? `\`${part.text}\`` : `[${part.text}](${address})`;
      })
      .join('')
      .trim();
}
