// A program's input put together from pieces: values of the host, and ranges of buffers that are on the GPU already.
export type InputData = Float32Array | Uint32Array | Int32Array;

export interface BufferRange {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly bytes: number;
}

/** In order, without gaps; zero behind them. */
export interface InputPieces {
  readonly pieces: readonly (InputData | BufferRange)[];
}

export type ProgramInput = InputData | InputPieces;

export const inputBytes = (input: ProgramInput | BufferRange): number => {
  if ("pieces" in input) return input.pieces.reduce((sum, piece) => sum + inputBytes(piece), 0);
  return "buffer" in input && "bytes" in input ? input.bytes : input.byteLength;
};

/** Host values go ahead of the encoder's commands, copies with them: before whatever is recorded next. */
export function writeInput(
  device: GPUDevice,
  encoder: GPUCommandEncoder,
  target: GPUBuffer,
  input: ProgramInput,
) {
  // The DOM types want an ArrayBuffer behind the view; ours are never shared.
  const write = (at: number, values: InputData) =>
    device.queue.writeBuffer(target, at, values as GPUAllowSharedBufferSource);
  if (!("pieces" in input)) return write(0, input);
  let at = 0;
  for (const piece of input.pieces) {
    if ("bytes" in piece) encoder.copyBufferToBuffer(piece.buffer, piece.offset, target, at, piece.bytes);
    else write(at, piece);
    at += inputBytes(piece);
  }
  if (at < target.size) encoder.clearBuffer(target, at);
}
