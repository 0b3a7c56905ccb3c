export * from "./alignments";
export * from "./lab";
export * from "./sweeps";
