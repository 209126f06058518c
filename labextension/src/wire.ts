/** What goes over the wire: the shapes of the server's answers (its own description: `lab/openapi.json`). */

export const API = 1;

export type Status = 'RUNNING' | 'SCHEDULED' | 'FINISHED' | 'FAILED' | 'KILLED';
export type Scalar = string | number | boolean | null;
/** NaN and infinities are strings. */
export type Numeric = number | string;

export interface IRun {
  run_id: string;
  name: string;
  experiment: string;
  status: Status;
  start_time: number;
  end_time: number | null;
  duration_ms: number | null;
  user: string;
  parent_run_id: string | null;
  children: number;
  notebook: string | null;
  contents_path: string | null;
  cell_id: string | null;
  line: string | null;
  revision: number;
  stage: string | null;
  kind: string;
  changed: number;
  params: Record<string, unknown>;
  metrics: Record<string, Numeric>;
  tags: Record<string, string>;
  verdict: string | null;
  badge: string | string[] | null;
  deleted: boolean;
}

export interface IHello {
  api: number;
  version: string;
  store: { id: string; where: string; kind: string; project: string; project_name: string; ok: boolean; problem: string | null; runs: number | null };
  user: string;
  can_write: boolean;
  sequence: number;
  models: string;
  events: string;
  root_dir: string;
  mismatch: string | null;
  disabled: boolean;
}

export interface IBest {
  value: Numeric;
  run_id: string;
  direction: 'max' | 'min';
}

export interface IRunsPage {
  runs: IRun[];
  next_page_token: string | null;
  total: number | null;
  sequence: number;
  metrics: string[];
  params: string[];
  best: Record<string, IBest>;
}

export interface IChanges {
  runs: IRun[];
  sequence: number;
  more: boolean;
  /** Changes whenever the registry does. */
  models: string;
  store: string;
  reset: boolean;
}

export interface IAggregate {
  count: number;
  mean: Numeric | null;
  std: Numeric | null;
  min: Numeric | null;
  max: Numeric | null;
}

export interface IGroup {
  key: string | null;
  label: string;
  count: number;
  newest: number;
  statuses: Partial<Record<Status, number>>;
  metrics: Record<string, IAggregate>;
  filter: string;
  run?: IRun | null;
}

export interface IWords {
  attributes: { name: string; type: string }[];
  metrics: string[];
  params: string[];
  tags: string[];
  operators: string[];
  statuses: string[];
  experiments: string[];
  examples: string[];
}

export interface IArtifact {
  path: string;
  digest: string;
  size: number;
}

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

export interface ISliceCell {
  execution_count: number | null;
  source: string;
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
  card: ICard | null;
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

export interface ILog {
  lines: { seq: number; time: number; stream: string; text: string }[];
  next: number;
  over: boolean;
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

export interface ILineage {
  start: string;
  nodes: { id: string; label: string; kind: string; detail?: string }[];
  edges: { source: string; target: string }[];
  svg: string;
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

export interface IVerbResult {
  status: number;
  kind: string;
  plain: any;
  note: string;
  text: string;
}

export interface IJob {
  job_id: string;
  verb: string;
  words: string[];
  title: string;
  state: 'running' | 'finished' | 'failed' | 'cancelled' | 'lost';
  exit_status: number | null;
  started: number;
  ended: number | null;
  progress: { done: number; total: number; label: string } | null;
  run_id: string | null;
  contents_path: string | null;
  result: any;
  message: string | null;
  url: string | null;
  log?: string;
  offset?: number;
}

export interface IParameter {
  name: string;
  kind: string;
  default: any;
  required: boolean;
  /** Whether None is a value of it. */
  nullable?: boolean;
  type?: string;
  help: string;
  choices: any[] | null;
  minimum: number | null;
  maximum: number | null;
}

export interface IForm {
  title: string;
  target: string;
  kind: 'notebook' | 'run';
  parameters: IParameter[];
  experiment: string | null;
}

export interface IService {
  name: string;
  uri: string;
  url: string | null;
  state: string;
  started: number;
  job_id: string | null;
  drift: { state: string; checked: number; run_id: string | null } | null;
}

export interface ICellState {
  line: string | null;
  revision: number;
  run_id: string;
  name: string;
  status: Status;
  verdict: string | null;
  badge: string | string[] | null;
  source: string;
  time: number;
}

export interface INotebookState {
  path: string;
  runs: number;
  running: number;
  cells: Record<string, ICellState>;
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
  curves: Record<string, { steps: number[]; values: (Numeric | null)[]; count: number }>;
}
