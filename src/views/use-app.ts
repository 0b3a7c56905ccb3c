// React's door to the store. Components select what they draw; actions come from the app itself.
import { createContext, useContext } from "react";
import { useStore } from "zustand";
import { useShallow } from "zustand/react/shallow";
import type {
  Actions,
  App,
  AppState,
  Aside,
  Comparison,
  DataDeskStore,
  DataState,
  FirstPicture,
  LabState,
  LibraryState,
  ModelLibrary,
  TransportLab,
  Undo,
} from "../store";

/** The app of the runs, and the lab of the Transport screen. */
export interface PageApp extends App {
  readonly lab: TransportLab;
  readonly first: FirstPicture;
  readonly comparison: Comparison;
  readonly aside: Aside;
  readonly undo: Undo;
  readonly library: ModelLibrary;
  readonly data: DataDeskStore;
}

const AppContext = createContext<PageApp | undefined>(undefined);
export const AppProvider = AppContext.Provider;

export function useAppParts(): PageApp {
  const app = useContext(AppContext);
  if (!app) throw new Error("A view was mounted outside AppProvider.");
  return app;
}

/** Select from the state; objects are compared one level deep. */
export function useApp<T>(select: (state: AppState) => T): T {
  return useStore(useAppParts().store, useShallow(select));
}

export const useActions = (): Actions => useAppParts().actions;

export const useLab = (): TransportLab => useAppParts().lab;

export const useLibrary = (): ModelLibrary => useAppParts().library;

/** Select from what is known of the models on this device. */
export function useLibraryState<T>(select: (state: LibraryState) => T): T {
  return useStore(useLibrary().store, useShallow(select));
}

export const useDataDesk = (): DataDeskStore => useAppParts().data;

/** Select from what is known of own rows. */
export function useDataState<T>(select: (state: DataState) => T): T {
  return useStore(useDataDesk().store, useShallow(select));
}

/** Select from the lab's state. */
export function useLabState<T>(select: (state: LabState) => T): T {
  return useStore(useLab().store, useShallow(select));
}
