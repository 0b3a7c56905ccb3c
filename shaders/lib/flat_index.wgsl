// lib/flat_index.wgsl — element index of a thread in a grid that is folded into two dimensions.
//
// A grid dimension ends at 65535 workgroups; src/student/grid.ts folds longer ones into y.

fn flat_index(thread: vec3u, groups: vec3u, width: u32) -> u32 {
  return thread.y * groups.x * width + thread.x;
}
