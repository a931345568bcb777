/**
 * What a request of the workload does with the session.
 *
 * @typedef {'read' | 'write' | 'create' | 'nothing'} Use
 * @typedef {{ name: string, use: Use, bytes: number, cookie: boolean, rolling?: boolean, defer?: boolean, target: number }} Workload
 */

const KB = 1000;

/** `target`: maximum CPU time per request, relative to the floor. @type {Workload[]} */
exports.workloads = [
  { name: 'read', use: 'read', bytes: KB, cookie: true, target: 1.18 },
  { name: 'write', use: 'write', bytes: KB, cookie: true, target: 1.35 },
  { name: 'rolling', use: 'read', bytes: KB, cookie: true, rolling: true, target: 1.2 },
  { name: 'anonymous', use: 'nothing', bytes: KB, cookie: false, target: 1.04 },
  { name: 'untouched', use: 'nothing', bytes: KB, cookie: true, target: 1.12 },
  { name: 'defer untouched', use: 'nothing', bytes: KB, cookie: true, defer: true, target: 1.04 },
  { name: 'big read', use: 'read', bytes: 30 * KB, cookie: true, target: 1.45 },
  { name: 'big write', use: 'write', bytes: 30 * KB, cookie: true, target: 1.15 },
  { name: 'create', use: 'create', bytes: KB, cookie: false, target: 1.35 },
];

/** Session data of many small items, such as carts and permissions. @param {number} bytes */
exports.dataOf = function dataOf(bytes) {
  const data = { user: { id: 4711, name: 'Zoë' }, views: 0, items: /** @type {object[]} */ ([]) };
  for (let size = JSON.stringify(data).length; size < bytes; ) {
    const item = { id: data.items.length, name: `item ${data.items.length}`, count: 2, open: true };
    data.items.push(item);
    size += JSON.stringify(item).length + 1;
  }
  return data;
};
