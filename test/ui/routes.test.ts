// the address of a screen — plan
//   every name of a screen is its route, with and without a state; nothing is Start; an unknown name is Start, and with
//   a state Distill, as links were before there was a Start screen
import { expect, test } from "vitest";
import { hashOf, ROUTES, routeOf } from "../../src/views/routes";

test.each(ROUTES)("%s", (route) => {
  expect(routeOf(hashOf(route, ""))).toBe(route);
  expect(routeOf(hashOf(route, "v=1&seed=8"))).toBe(route);
});

test.each([
  ["", "start"],
  ["#/", "start"],
  ["#/nowhere", "start"],
  ["#/?v=1&seed=8", "distill"],
  ["#?v=1&seed=8", "distill"],
])("%s is %s", (hash, route) => expect(routeOf(hash)).toBe(route));
