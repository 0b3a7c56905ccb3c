// Rotary positions for the families that have them: a table by name, and queries or keys turned by it.
import { rope, ropeTable } from "../ops/rope";
import { ropeFrequencies, type RopeSettings } from "../../models";
import type { Var } from "../tape";
import type { Forward } from "./network";

/** @param rotary how many values of a head are rotated. */
export function rotaryTable(positions: number, rotary: number, settings: RopeSettings): Float32Array {
  const { frequencies, scale } = ropeFrequencies(rotary, settings);
  return ropeTable(positions, frequencies, scale);
}

export interface Rotation {
  readonly heads: number;
  readonly headDim: number;
  readonly rotary?: number;
  /** The name of the table. */
  readonly table?: string;
}

export function rotate(f: Forward, x: Var, { table = "rope", ...rotation }: Rotation): Var {
  const { length, start } = f.place;
  return rope(f.tape, x, { ...rotation, length, start, table: f.model.constants.table(table) });
}
