// lib/subgroup_broadcast.wgsl — what the first eight lanes of a subgroup hold, used by every lane.
//
// A lane reads one row of a tile of eight (its row: lane % 8) and all lanes then use all eight: one load where
// threads on their own would make eight. Call from uniform control flow.
// Needs    enable subgroups; a subgroup of at least 8 lanes.

// x · y_j for the eight y_j.
fn dot_eight(x: vec4f, y: vec4f) -> array<vec4f, 2> {
  return array(
    vec4f(dot(x, subgroupBroadcast(y, 0u)), dot(x, subgroupBroadcast(y, 1u)),
      dot(x, subgroupBroadcast(y, 2u)), dot(x, subgroupBroadcast(y, 3u))),
    vec4f(dot(x, subgroupBroadcast(y, 4u)), dot(x, subgroupBroadcast(y, 5u)),
      dot(x, subgroupBroadcast(y, 6u)), dot(x, subgroupBroadcast(y, 7u))));
}

// Σ_j w_j · y_j.
fn mix_eight(low: vec4f, high: vec4f, y: vec4f) -> vec4f {
  return low.x * subgroupBroadcast(y, 0u) + low.y * subgroupBroadcast(y, 1u)
    + low.z * subgroupBroadcast(y, 2u) + low.w * subgroupBroadcast(y, 3u)
    + high.x * subgroupBroadcast(y, 4u) + high.y * subgroupBroadcast(y, 5u)
    + high.z * subgroupBroadcast(y, 6u) + high.w * subgroupBroadcast(y, 7u);
}

// The eight y_j.
fn all_eight(y: f32) -> array<vec4f, 2> {
  return array(
    vec4f(subgroupBroadcast(y, 0u), subgroupBroadcast(y, 1u), subgroupBroadcast(y, 2u), subgroupBroadcast(y, 3u)),
    vec4f(subgroupBroadcast(y, 4u), subgroupBroadcast(y, 5u), subgroupBroadcast(y, 6u), subgroupBroadcast(y, 7u)));
}
