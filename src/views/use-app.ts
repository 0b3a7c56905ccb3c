// React's access to the store. Components select what they draw; actions come from the app itself.
import { createContext, useContext } from "react";
import { useStore } from "zustand";
import { useShallow } from "zustand/react/shallow";
import type {
  Actions,
  App,
  AppState,
  Aside,
  Comparison,
  DatasetStore,
  DataState,
  FirstPicture,
  TransportScreenState,
  LibraryState,
  ModelLibrary,
  TransportScreenStore,
  Undo,
} from "../store";

/** The runs, the Transport screen, and what else the page keeps. */
export interface PageApp extends App {
  readonly transportScreen: TransportScreenStore;
  readonly first: FirstPicture;
  readonly comparison: Comparison;
  readonly aside: Aside;
  readonly undo: Undo;
  readonly library: ModelLibrary;
  readonly data: DatasetStore;
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

export const useTransportScreen = (): TransportScreenStore => useAppParts().transportScreen;

export const useLibrary = (): ModelLibrary => useAppParts().library;

/** Select from what is known of the models on this device. */
export function useLibraryState<T>(select: (state: LibraryState) => T): T {
  return useStore(useLibrary().store, useShallow(select));
}

export const useDataset = (): DatasetStore => useAppParts().data;

/** Select from what is known of own rows. */
export function useDataState<T>(select: (state: DataState) => T): T {
  return useStore(useDataset().store, useShallow(select));
}

/** Select from the Transport screen's state. */
export function useTransportState<T>(select: (state: TransportScreenState) => T): T {
  return useStore(useTransportScreen().store, useShallow(select));
}
