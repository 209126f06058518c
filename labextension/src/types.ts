// Generated from mlops_nb/lab/shapes.py by `python -m mlops_nb.lab.describing`; do not edit.
/* eslint-disable */

/** The version of the routes that these types are of. */
export const API = 1;

/** Where things are kept, and whether that can be read. */
export interface StoreState {
  id: string;
  where: string;
  kind: string;
  project: string;
  project_name: string;
  ok: boolean;
  problem: string | null;
}

/** The front end that is installed beside this server. */
export interface Bundle {
  version: string;
}

/** The handshake. */
export interface Hello {
  api: number;
  version: string;
  store: StoreState;
  user: string;
  can_write: boolean;
  sequence: number;
  models: string;
  events: string;
  root_dir: string;
  bundle: Bundle | null;
  mismatch: string | null;
  disabled: boolean;
}

/** A run in a list. */
export interface RunRow {
  run_id: string;
  name: string;
  experiment: string;
  experiment_id: string;
  status: string;
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
  source_type: string;
  kind: string;
  changed: number;
  params: Record<string, any>;
  metrics: Record<string, number | string>;
  tags: Record<string, string>;
  verdict: string | null;
  badge: string | null;
  deleted: boolean;
}

/** The best value of a metric among runs, and whose it is. */
export interface Best {
  value: number | string;
  run_id: string;
  direction: string;
}

/** A page of runs. */
export interface RunsPage {
  runs: RunRow[];
  next_page_token: string | null;
  total: number | null;
  sequence: number;
  store: string;
  metrics: string[];
  params: string[];
  best: Record<string, Best>;
}

/** What was written after a moment. */
export interface Changes {
  runs: RunRow[];
  sequence: number;
  more: boolean;
  reset: boolean;
  store: string;
  models: string;
}

/** How many runs fit. */
export interface Count {
  total: number;
}

/** A short curve. */
export interface Spark {
  metric: string;
  values: (number | string)[];
}

/** A short curve of each run that has one: of the first metric asked for that is a curve. */
export interface Sparks {
  curves: Record<string, Spark>;
}

/** Last values of a metric in a group of runs. */
export interface Figures {
  count: number;
  mean: number;
  std: number | null;
  min: number;
  max: number;
}

/** A group of runs; `filter` selects them. */
export interface GroupRow {
  key: string | null;
  label: string;
  count: number;
  newest: number;
  oldest: number;
  newest_run: string | null;
  statuses: Record<string, number>;
  metrics: Record<string, Figures>;
  filter: string;
  run: RunRow | null;
}

/** Groups of runs, the newest first. */
export interface Groups {
  by: string;
  groups: GroupRow[];
}

/** A word of the filter language. */
export interface Word {
  name: string;
  type: string;
}

/** What a filter can be completed with. */
export interface Words {
  attributes: Word[];
  metrics: string[];
  params: string[];
  tags: string[];
  operators: string[];
  statuses: string[];
  experiments: string[];
  examples: string[];
}

/** Values that a field has. */
export interface Values {
  values: string[];
}

/** Whether a filter parses. */
export interface FilterCheck {
  ok: boolean;
  message: string;
  place: number;
}

/** How many runs were changed. */
export interface Changed {
  changed: number;
}

/** A metric's points, thinned so that they look the same. */
export interface CurvePoints {
  name: string;
  run_id: string;
  count: number;
  x: (number | string)[];
  y: (number | string)[];
  times: number[];
  min: number | string | null;
  max: number | string | null;
  last: number | string | null;
}

/** Curves. */
export interface Curves {
  curves: CurvePoints[];
}

/** An execution in a slice. */
export interface SliceCell {
  execution_count: number | null;
  source: string;
}

/** Data that a run read or wrote. */
export interface DataEntry {
  path: string;
  digest: string;
  size: number;
  mode: string;
  name: string;
  context: string;
  profile: Record<string, any>;
  sampled: boolean;
}

/** A file of a run. */
export interface ArtifactEntry {
  path: string;
  digest: string;
  size: number;
}

/** A version of a registered model that came from a run. */
export interface VersionEntry {
  name: string;
  version: number;
  stage: string;
  aliases: string[];
}

/** Everything about a run but its curves. */
export interface RunPage {
  run: RunRow;
  code: string | null;
  slice: SliceCell[];
  restart_run_all: any;
  environment: any;
  git: any;
  randomness: any;
  resources: any;
  error: any;
  outputs: any[];
  models: any[];
  data: DataEntry[];
  artifacts: ArtifactEntry[];
  revisions: RunRow[];
  children: RunRow[];
  versions: VersionEntry[];
  previous: RunRow | null;
  notebook_exists: boolean;
  facts: Record<string, any>;
}

/** The code behind a run. */
export interface Code {
  cell: string;
  slice: SliceCell[];
  script: string;
  diff: string | null;
}

/** A piece of live output. */
export interface LogEntry {
  seq: number;
  time: number;
  stream: string;
  text: string;
}

/** Live output after a number. */
export interface Log {
  lines: LogEntry[];
  next: number;
  over: boolean;
}

/** A notebook that was written, to be opened. */
export interface Opened {
  contents_path: string;
}

/** A thing in a graph of lineage. */
export interface GraphNode {
  id: string;
  label: string;
  kind: string;
  detail: string;
}

/** A step in the direction in which things are made. */
export interface GraphEdge {
  source: string;
  target: string;
  mode: string;
}

/** What something came from, and what came from it. */
export interface Lineage {
  start: string;
  nodes: GraphNode[];
  edges: GraphEdge[];
  truncated: boolean;
  svg: string;
}

/** Runs side by side: the record of the panel, and more for charts. */
export interface Compared {
  runs: Record<string, any>[];
  sections: Record<string, any>[];
  curves: Record<string, any>;
  parallel: string;
  blocks: Record<string, string>[];
  outputs: Record<string, any>[];
  rows: RunRow[];
  axes: Record<string, string[]>;
  importance: Record<string, any>[];
}

/** Registered models in a list. */
export interface Models {
  models: Record<string, any>[];
}

/** The card of a version. */
export interface ModelCard {
  markdown: string;
  html: string;
}

/** Runs whose model may be registered. */
export interface Offers {
  offers: Record<string, any>[];
}

/** What a verb gave. */
export interface VerbAnswer {
  status: number;
  kind: string;
  plain: any;
  note: string;
  text: string;
}

/** How far a job is. */
export interface Progress {
  done: number;
  total: number;
  label: string;
}

/** A long work, as a process of its own. */
export interface Job {
  job_id: string;
  verb: string;
  words: string[];
  title: string;
  state: string;
  exit_status: number | null;
  started: number;
  ended: number | null;
  pid: number;
  user: string;
  progress: Progress | null;
  run_id: string | null;
  contents_path: string | null;
  result: any;
  message: string | null;
  url: string | null;
}

/** A job with its log. */
export interface JobPage {
  job_id: string;
  verb: string;
  words: string[];
  title: string;
  state: string;
  exit_status: number | null;
  started: number;
  ended: number | null;
  pid: number;
  user: string;
  progress: Progress | null;
  run_id: string | null;
  contents_path: string | null;
  result: any;
  message: string | null;
  url: string | null;
  log: string;
  offset: number;
}

/** Jobs, the newest first. */
export interface Jobs {
  jobs: Job[];
}

/** A parameter in a form. */
export interface FormField {
  name: string;
  kind: string;
  type: string;
  default: any;
  required: boolean;
  nullable: boolean;
  help: string;
  choices: any[] | null;
  minimum: any;
  maximum: any;
  minimum_open: boolean;
  maximum_open: boolean;
  computed: string;
}

/** What a notebook or a run takes. */
export interface Form {
  title: string;
  target: string;
  kind: string;
  stated: boolean;
  parameters: FormField[];
  experiment: string | null;
}

/** The last run of a cell. */
export interface CellState {
  run_id: string;
  line: string | null;
  revision: number;
  name: string;
  status: string;
  verdict: string | null;
  badge: any;
  source: string;
  time: number;
}

/** What is known of a notebook: for its gutter and the status bar. */
export interface NotebookState {
  path: string;
  recorded_as: string;
  runs: number;
  running: number;
  cells: Record<string, CellState>;
}

/** A model that is served. */
export interface Service {
  name: string;
  uri: string;
  url: string | null;
  state: string;
  started: number;
  job_id: string | null;
  drift: Record<string, any> | null;
}

/** Models that are served. */
export interface Services {
  services: Service[];
}
