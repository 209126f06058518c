/**
 * What goes over the wire. `types.ts` is generated from the server's own shapes; here its rows get the words that they may hold,
 * and what comes as records of the panels (comparisons, models, cards) is written down.
 */

import type * as T from './types';

export { API } from './types';

export type Status = 'RUNNING' | 'SCHEDULED' | 'FINISHED' | 'FAILED' | 'KILLED';
export type Scalar = string | number | boolean | null;
/** NaN and infinities are strings. */
export type Numeric = number | string;

export type IRun = Omit<T.RunRow, 'status' | 'metrics' | 'badge'> & {
  status: Status;
  metrics: Record<string, Numeric>;
  badge: string | string[] | null;
};
export type IHello = T.Hello;
export type IBest = Omit<T.Best, 'value'> & { value: Numeric };
export type IRunsPage = Omit<T.RunsPage, 'runs' | 'best'> & { runs: IRun[]; best: Record<string, IBest> };
export type IChanges = Omit<T.Changes, 'runs'> & { runs: IRun[] };
export type IGroup = Omit<T.GroupRow, 'run' | 'statuses'> & { run: IRun | null; statuses: Partial<Record<Status, number>> };
export type ISpark = T.Spark;
export type ISparks = T.Sparks;
export type IWords = T.Words;
export type IArtifact = T.ArtifactEntry;
export type ISliceCell = T.SliceCell;
export type ILog = T.Log;
export type ILineage = T.Lineage;
export type IVerbResult = T.VerbAnswer;
export type IJobState = 'running' | 'finished' | 'failed' | 'cancelled' | 'lost';
export type IJob = Omit<T.Job, 'state'> & { state: IJobState; log?: string; offset?: number };
export type IParameter = T.FormField;
export type IForm = T.Form;
export type IService = T.Service;
export type ICellState = Omit<T.CellState, 'status'> & { status: Status };
export type INotebookState = Omit<T.NotebookState, 'cells'> & { cells: Record<string, ICellState> };

export interface IDataRef {
  path: string;
  digest: string;
  size: number;
  mode: string;
  name: string | null;
  context: string | null;
  profile: any;
  sampled: boolean;
}

export interface IRunDetail {
  run: IRun;
  code: string | null;
  slice: ISliceCell[];
  restart_run_all: string | string[] | null;
  environment: Record<string, any> | null;
  git: Record<string, any> | null;
  randomness: Record<string, any> | null;
  resources: Record<string, any> | null;
  error: { ename: string; evalue: string; traceback?: string[] } | string | null;
  outputs: any[];
  models: any[];
  data: IDataRef[];
  artifacts: IArtifact[];
  revisions: IRun[];
  children: IRun[];
  versions: { name: string; version: number; stage: string | null; aliases: string[] }[];
  previous: IRun | null;
  facts: Record<string, any>;
}

export interface ICurveData {
  name: string;
  run_id?: string;
  count: number;
  x: number[];
  y: (Numeric | null)[];
  times: number[] | null;
  last?: Numeric;
}

export interface ICompareCell {
  text: string;
  title?: string;
  differs?: boolean;
  change?: string;
  trend?: string;
}

export interface ICompare {
  runs: { run_id: string; short: string; name: string; status: Status }[];
  sections: { title: string; rows: { name: string; differs: boolean; cells: ICompareCell[] }[] }[];
  curves: Record<string, Record<string, { steps: number[]; values: (Numeric | null)[]; count: number }>>;
  blocks: { title: string; diff: string }[];
  outputs: { name: string; parts: { kind: 'image' | 'html' | 'text'; mime?: string; data: string }[] }[];
  rows: IRun[];
  axes: { params: string[]; metrics: string[] };
  importance: { param: string; metric: string; value: number }[];
}

export interface IModelItem {
  name: string;
  shown: string;
  description: string;
  versions: number;
  places: string[];
}

export interface IVersion {
  version: number;
  stage: string | null;
  aliases: string[];
  run_id: string | null;
  run: string | null;
  status: string | null;
  verdict: any;
  created: any;
  user: string;
  digest: string;
  short: string;
  size: number | null;
  source: string;
  description: string;
  tags: { key: string; label: string; value: string }[];
  metrics: any[];
}

export interface IModelChange {
  when: any;
  who: string;
  what: string;
  why: string;
  forced: boolean;
  version: number | null;
  kind: string;
}

export interface IModelRecord {
  name: string;
  shown: string;
  description: string;
  tags: { key: string; label: string; value: string }[];
  total: number;
  metrics: { key: string; label: string; direction: number }[];
  versions: IVersion[];
  places: { target: string; versions: any[]; back: any }[];
  stages: string[];
  gates: { target: string; checks: any[]; words: string[] }[];
  history: IModelChange[];
}

export interface IOffer {
  uri: string;
  run: string;
  path: string;
  time: any;
  note: string;
  experiment: string;
}

/** A run as it stands in saved outputs: `runs --json`, with times as text. */
export interface ICardRun {
  run_id: string;
  name: string;
  experiment: string;
  status: Status;
  start_time: string;
  end_time: string | null;
  params: Record<string, unknown>;
  metrics: Record<string, Numeric>;
  tags: Record<string, string>;
  notebook: string | null;
  cell_id: string | null;
  revision: number;
  stage: string | null;
}

/** `application/vnd.mlops-nb.run+json` */
export interface ICard {
  version: number;
  run: ICardRun;
  duration_ms: number | null;
  previous: ICardRun | null;
  best: Record<string, Numeric>;
  models: any[];
  data: { path: string; digest: string; size: number; mode: string }[];
  restart_run_all: 'clean' | string[] | null;
  verdict: string | null;
  redactions: number;
  notes: string[];
  error: string | null;
  outputs_kept: number | null;
  order?: { metrics: string[]; params: string[] };
  curves: Record<string, { steps: number[]; values: (Numeric | null)[]; count: number }>;
}
