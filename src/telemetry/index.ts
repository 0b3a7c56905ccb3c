export * from "./credit";
export * from "./records";
export * from "./series";
