// The kinds of number that a config is made of, each with its own complaint.
import * as v from "valibot";

export const finite = v.pipe(v.number(), v.finite());
export const positive = v.pipe(finite, v.gtValue(0, "must be greater than 0"));
export const fraction = v.pipe(
  finite,
  v.minValue(0, "must be between 0 and 1"),
  v.maxValue(1, "must be between 0 and 1"),
);
export const count = (min: number, max: number) =>
  v.pipe(
    v.number(),
    v.integer("must be a whole number"),
    v.minValue(min, `must be at least ${min}`),
    v.maxValue(max, `must be at most ${max}`),
  );
