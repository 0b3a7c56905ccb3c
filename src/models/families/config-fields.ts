// Reading the fields of a config.json: the right kind of value, within reason, or an error that names the field.

import { ModelError } from "../errors";

export type Json = Record<string, unknown>;

/** A size beyond this is a broken file, not a model for a browser tab. */
const MAX_SIZE = 2 ** 24;

export function asObject(json: unknown): Json {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    const came = Array.isArray(json) ? "an array" : json === null ? "null" : typeof json;
    throw invalid(`expected a JSON object, got ${came}`);
  }
  return { ...json };
}

export function size(config: Json, field: string, fallback?: number): number {
  const value = config[field] ?? fallback;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > MAX_SIZE) {
    throw invalid(`${field} must be a whole number from 1 to ${MAX_SIZE}, got ${show(value)}`);
  }
  return value;
}

export function positive(config: Json, field: string, fallback?: number): number {
  const value = config[field] ?? fallback;
  if (typeof value !== "number" || !(value > 0) || !Number.isFinite(value)) {
    throw invalid(`${field} must be a number above 0, got ${show(value)}`);
  }
  return value;
}

export function flag(config: Json, field: string, fallback: boolean): boolean {
  const value = config[field] ?? fallback;
  if (typeof value !== "boolean") throw invalid(`${field} must be true or false, got ${show(value)}`);
  return value;
}

/** Token ids may be lists (several ways to stop): the first is the one we train on. */
export function tokenId(config: Json, field: string, vocabSize: number): number | undefined {
  const raw = config[field] ?? undefined;
  const value: unknown = Array.isArray(raw) ? raw[0] : raw;
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value >= vocabSize) {
    throw invalid(`${field} must be a token id below vocab_size (${vocabSize}), got ${show(value)}`);
  }
  return value;
}

export const show = (value: unknown): string =>
  value === undefined ? "nothing" : JSON.stringify(value).slice(0, 80);

export const invalid = (message: string): ModelError => new ModelError("invalid", message);

export const unsupported = (field: string, came: unknown, supported: string): ModelError =>
  new ModelError(
    "unsupported",
    `${field} is ${show(came)}; supported is ${supported}. Choose another model.`,
  );

/** Refuses a field that is set to anything but the values given; what is missing or null has its usual meaning. */
export function only(config: Json, field: string, values: readonly unknown[], supported: string): void {
  const value = config[field] ?? null;
  if (value !== null && !values.includes(value)) throw unsupported(field, value, supported);
}
