// A checkpoint is due 25 s after the last, or after eight times what writing took, where that is longer.
import { expect, test } from "vitest";
import { checkpointClock } from "../../../src/cli/checkpoint-clock";

test("due by the clock", async () => {
  let time = 1000;
  const clock = checkpointClock(() => time);
  expect(clock.due()).toBe(false);
  time += 24_999;
  expect(clock.due()).toBe(false);
  time += 1;
  expect(clock.due()).toBe(true);
  await clock.write(async () => void (time += 10_000)); // slow: due again after 80 s
  time += 79_999;
  expect(clock.due()).toBe(false);
  time += 1;
  expect(clock.due()).toBe(true);
  await clock.write(async () => void (time += 100));
  time += 25_000;
  expect(clock.due()).toBe(true);
});
