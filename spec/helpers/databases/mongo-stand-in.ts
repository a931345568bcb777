import { createServer, type Server, type Socket } from 'node:net';
import { interop } from '../../interop';

interface Bson {
  serialize(document: object): Uint8Array;
  deserialize(bytes: Uint8Array, options?: object): Document;
}
type Document = Record<string, unknown>;
interface Update {
  q: Document;
  u: { $set?: Document; $setOnInsert?: Document };
  upsert?: boolean;
}

const { BSON, Long } = interop('mongodb') as { BSON: Bson; Long: { fromNumber(value: number): unknown } };

/** Codes of messages: the question and the answer of old, with which a driver begins, and today's for both. */
const [OP_REPLY, OP_QUERY, OP_MSG] = [1, 2004, 2013];

export interface MongoStandIn {
  readonly url: string;
  /** The documents by their `_id`. */
  readonly documents: Map<unknown, Document>;
  /** The names of the commands so far. */
  readonly commands: string[];
  /** Ends all connections, and refuses others until `listen()`. */
  stop(): Promise<void>;
  listen(): Promise<void>;
}

/**
 * Stands in for a MongoDB server, which cannot be installed here: it speaks the wire protocol with the official driver,
 * and knows the few commands and the two filters of connect-mongo, over one collection. It is not MongoDB.
 */
export async function startMongoStandIn(): Promise<MongoStandIn> {
  const documents = new Map<unknown, Document>();
  const commands: string[] = [];
  const sockets = new Set<Socket>();

  const answer = (command: Document): Document => {
    const [name = '', collection] = Object.entries(command)[0] ?? [];
    commands.push(name);
    switch (name) {
      case 'find': {
        const found = [...documents.values()].filter((each) => matches(each, command['filter'] as Document));
        return { cursor: { id: Long.fromNumber(0), ns: `shop.${collection}`, firstBatch: found } };
      }
      case 'update':
        return updated(documents, command['updates'] as Update[]);
      case 'delete': {
        const ids = (command['deletes'] as { q: Document }[]).map(({ q }) => q['_id']);
        return { n: ids.filter((id) => documents.delete(id)).length };
      }
      case 'createIndexes':
      case 'endSessions':
      case 'ping':
        return {};
      default:
        if (!/^(hello|ismaster)$/i.test(name)) return { ok: 0, errmsg: `no such command: ${name}`, code: 59 };
        return {
          isWritablePrimary: true,
          ismaster: true,
          maxWireVersion: 25,
          minWireVersion: 0,
          helloOk: true,
          ...limits,
        };
    }
  };

  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket)).on('error', () => undefined);
    let received = Buffer.alloc(0);
    socket.on('data', (bytes) => {
      received = Buffer.concat([received, bytes as Buffer]);
      while (received.length >= 4 && received.length >= received.readInt32LE(0)) {
        const message = received.subarray(0, received.readInt32LE(0));
        received = received.subarray(message.length);
        socket.write(reply(message, (command) => ({ ok: 1, ...answer(command) })));
      }
    });
  });
  let port = 0;
  const listen = () =>
    new Promise<void>((resolve) => {
      server.listen(port, '127.0.0.1', () => {
        ({ port } = server.address() as { port: number });
        resolve();
      });
    });
  await listen();
  return {
    url: `mongodb://127.0.0.1:${port}/shop?directConnection=true`,
    documents,
    commands,
    listen,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

const limits = { maxBsonObjectSize: 16_777_216, maxMessageSizeBytes: 48_000_000, maxWriteBatchSize: 100_000 };

/** Filters by `_id` and by whether a document has expired. */
function matches(document: Document, filter: Document): boolean {
  return Object.entries(filter).every(([name, wanted]) => {
    if (name === '$or') return (wanted as Document[]).some((each) => matches(document, each));
    const value = document[name];
    if (typeof wanted !== 'object' || wanted === null) return value === wanted;
    const { $exists, $gt } = wanted as { $exists?: boolean; $gt?: Date };
    if ($exists !== undefined) return (value !== undefined) === $exists;
    if ($gt !== undefined) return (value as Date) > $gt;
    throw new Error(`The stand-in knows no filter ${JSON.stringify(filter)}`);
  });
}

function updated(documents: Map<unknown, Document>, updates: Update[]): Document {
  const upserted: object[] = [];
  let n = 0;
  for (const [index, { q, u, upsert }] of updates.entries()) {
    const found = documents.get(q['_id']);
    if (!found && !upsert) continue;
    n += 1;
    if (!found) upserted.push({ index, _id: q['_id'] });
    documents.set(q['_id'], { ...(found ?? { ...q, ...u.$setOnInsert }), ...u.$set });
  }
  return { n, nModified: n - upserted.length, ...(upserted.length > 0 ? { upserted } : {}) };
}

function reply(message: Buffer, answer: (command: Document) => Document): Buffer {
  const [id, code] = [message.readInt32LE(4), message.readInt32LE(12)];
  if (code === OP_MSG) return framed(id, OP_MSG, [Buffer.alloc(5), BSON.serialize(answer(commandOf(message)))]);
  if (code !== OP_QUERY) throw new Error(`The stand-in knows no message ${code}`);
  const body = message.indexOf(0, 20) + 9;
  const counted = Buffer.alloc(20);
  counted.writeInt32LE(1, 16);
  return framed(id, OP_REPLY, [counted, BSON.serialize(answer(BSON.deserialize(message.subarray(body))))]);
}

/** The command, with the documents that follow it in separate sections. */
function commandOf(message: Buffer): Document {
  let command: Document = {};
  for (let at = 20; at < message.length; ) {
    const kind = message[at];
    const size = message.readInt32LE(at + 1);
    const section = message.subarray(at + 1, at + 1 + size);
    at += 1 + size;
    if (kind === 0) {
      command = { ...BSON.deserialize(section), ...command };
      continue;
    }
    const end = section.indexOf(0, 4);
    const documents: Document[] = [];
    for (let from = end + 1; from < section.length; from += section.readInt32LE(from)) {
      documents.push(BSON.deserialize(section.subarray(from, from + section.readInt32LE(from))));
    }
    command[section.toString('utf8', 4, end)] = documents;
  }
  return command;
}

function framed(to: number, code: number, parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const header = Buffer.alloc(16);
  header.writeInt32LE(16 + body.length, 0);
  header.writeInt32LE(to, 8);
  header.writeInt32LE(code, 12);
  return Buffer.concat([header, body]);
}
