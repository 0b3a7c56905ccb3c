export * from "./records";
export * from "./series";
