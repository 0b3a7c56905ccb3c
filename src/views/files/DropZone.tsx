import { useState, type DragEvent, type ReactNode } from "react";
import { gatherDropped, type Gathered } from "./gather";

interface DropZoneProps {
  readonly onFiles: (gathered: Gathered) => void;
  /** Shown over the page while something is dragged over it. */
  readonly invitation: string;
  readonly className: string;
  readonly children: ReactNode;
}

/** A whole screen that takes what is dropped anywhere on it. Pickers inside it serve the keyboard. */
export function DropZone({ onFiles, invitation, className, children }: DropZoneProps) {
  const [over, setOver] = useState(false);
  const hasFiles = (event: DragEvent) => event.dataTransfer.types.includes("Files");
  return (
    <div
      className={`${className} drop-zone`}
      data-over={over}
      onDragOver={(event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={(event) => {
        const to = event.relatedTarget;
        if (!(to instanceof Node && event.currentTarget.contains(to))) setOver(false);
      }}
      onDrop={(event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        setOver(false);
        void gatherDropped(event.dataTransfer).then(onFiles);
      }}
    >
      {children}
      {over && (
        <p className="drop-invitation" aria-hidden="true">
          {invitation}
        </p>
      )}
    </div>
  );
}
