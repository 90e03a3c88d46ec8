// Numbers, dates and names as people read them.

import { security } from '../labels.js';

export function milliseconds(value) {
  if (value == null) return '';
  if (value >= 1000) return `${(value / 1000).toFixed(1)} s`;
  return `${value < 9.95 && value >= 0.05 ? value.toFixed(1) : Math.round(value)} ms`;
}

/** @type {[unit: string, power: number][]} */
const UNITS = [['GB', 1e9], ['MB', 1e6], ['kB', 1e3]];

export function octets(value) {
  for (const [unit, power] of UNITS) {
    if (value >= power) return `${(value / power).toFixed(1).replace(/\.0$/, '')} ${unit}`;
  }
  return value === 1 ? '1 byte' : `${value} bytes`;
}

export function day(iso) {
  return new Date(iso).toLocaleDateString(undefined, { year: 'numeric', month: 'long', day: 'numeric' });
}

export function moment(iso) {
  const date = new Date(iso);
  const today = date.toDateString() === new Date().toDateString();
  return today ? date.toLocaleTimeString() : date.toLocaleString();
}

/** @type {[unit: string, seconds: number, most: number][]} */
const SPANS = [['s', 1, 60], ['min', 60, 60], ['h', 3600, 48], ['days', 86_400, Infinity]];

/** How far a moment is ahead, such as “in 5 min”. */
export function ahead(iso) {
  const seconds = (Date.parse(iso) - Date.now()) / 1000;
  if (seconds < 0.5) return 'now';
  const [unit, size] = SPANS.find(([, length, most]) => Math.round(seconds / length) < most) ?? SPANS[0];
  return `in ${Math.round(seconds / size)} ${unit}`;
}

export const count = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;

export const encryption = (way) => security[way] ?? way;

/** A phrase as a sentence. */
export const sentence = (phrase) => `${phrase[0].toUpperCase()}${phrase.slice(1)}.`;

/** The common name and the organisation out of a distinguished name (RFC 4514). */
export function shortName(distinguished) {
  const parts = distinguished.split(/(?<!\\),/).map((part) => part.trim());
  const find = (key) => parts.find((part) => part.startsWith(`${key}=`))?.slice(key.length + 1).replace(/\\(.)/g, '$1');
  const names = [find('O'), find('CN')].filter(Boolean);
  return names.length ? [...new Set(names)].join(', ') : distinguished;
}
