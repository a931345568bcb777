const { accessSync, constants, readdirSync } = require('node:fs');
const { delimiter, dirname, join } = require('node:path');
const { programFolders } = require('./machine');

/** Names of programs on Fedora and Ubuntu. @type {Record<string, string[]>} */
const otherNames = { chromium: ['chromium-browser'] };

/**
 * The path of a program, on the PATH or where packages install it; `undefined` if it is not installed.
 *
 * @param {string} name
 * @returns {string | undefined}
 */
function findProgram(name) {
  const path = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean);
  const everywhere = [...path, ...programFolders.flatMap(folders)];
  const names = [name, ...(otherNames[name] ?? [])];
  return names.flatMap((each) => everywhere.map((folder) => join(folder, each))).find(isProgram);
}

/**
 * The folders that match a place, latest version first.
 *
 * @param {string} place
 * @returns {string[]}
 */
function folders(place) {
  const star = place.indexOf('*');
  if (star < 0) return [place];
  const parent = dirname(place.slice(0, star + 1));
  const start = place.slice(parent.length + 1, star);
  const rest = place.slice(star + 1);
  return namesIn(parent)
    .filter((name) => name.startsWith(start))
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .map((name) => join(parent, name, rest));
}

/** @param {string} folder */
function namesIn(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** @param {string} path */
function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

module.exports = { findProgram };
