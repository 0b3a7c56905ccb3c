// Drawing a plan of transport, without React, a store or a page: a record of a plan, a viewport and a palette become
// calls on a canvas that is handed in, or an SVG.
export * from "./color";
export { drawMatrix, drawMatrixSelection, matrixImage, prepare } from "./draw-matrix";
export * from "./draw-ribbons";
export * from "./draw-track";
export * from "./matrix";
export * from "./matrix-svg";
export * from "./palette";
export * from "./plan";
export * from "./ribbons";
export * from "./ribbons-svg";
export * from "./rows";
export * from "./svg";
export * from "./text";
