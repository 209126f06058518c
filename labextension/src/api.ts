/** The only file that does HTTP. */

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import * as W from './wire';

type Query = Record<string, string | number | boolean | null | undefined | readonly string[]>;

/** A refusal of the server, in its own words. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code = ''
  ) {
    super(message);
  }
}

export interface IRunsQuery {
  scope?: string;
  notebook?: string | null;
  filter?: string;
  order_by?: string[];
  limit?: number;
  page_token?: string | null;
  parent?: string | null;
  count?: boolean;
  [name: string]: string | number | boolean | null | undefined | readonly string[];
}

/** Our routes of the Jupyter server. */
export class Api {
  /** `at` is the notebook whose project's store is asked; without one it is that of the server's root. */
  constructor(
    readonly settings: ServerConnection.ISettings,
    public at: string | null = null
  ) {}

  /** The same for another notebook, whichever one is in front later. */
  fixed(at: string | null): Api {
    return new Api(this.settings, at);
  }

  /** The address of a route. */
  url(path: string, query: Query = {}): string {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries({ at: this.at, ...query })) {
      if (Array.isArray(value)) {
        value.forEach(item => search.append(name, item));
      } else if (value !== null && value !== undefined && value !== '') {
        search.append(name, String(value));
      }
    }
    const text = search.toString();
    return URLExt.join(this.settings.baseUrl, 'mlops-nb/lab', path) + (text ? `?${text}` : '');
  }

  private async answer(path: string, query: Query = {}, init: RequestInit = {}): Promise<Response> {
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(this.url(path, query), init, this.settings);
    } catch (error) {
      throw new ApiError('The Jupyter server does not answer. What is shown may be old.', 0, 'UNREACHABLE');
    }
    if (!response.ok) {
      throw await refusal(response);
    }
    return response;
  }

  private async get<T>(path: string, query: Query = {}): Promise<T> {
    return (await this.answer(path, query)).json();
  }

  private async send<T>(method: string, path: string, body: unknown): Promise<T> {
    const init = { method, body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } };
    return (await this.answer(path, {}, init)).json();
  }

  hello(): Promise<W.IHello> {
    return this.get('hello', { api: W.API });
  }

  runs(query: IRunsQuery): Promise<W.IRunsPage> {
    return this.get('runs', query);
  }

  changes(since: number, store: string): Promise<W.IChanges> {
    return this.get('runs/changes', { since, store, limit: 500 });
  }

  /** How many runs fit: asked beside the first page, so that no row waits for it. */
  count(query: IRunsQuery): Promise<{ total: number }> {
    return this.get('count', query);
  }

  sparks(runs: string[], metric: string[]): Promise<W.ISparks> {
    return this.get('sparks', { runs, metric, points: 40 });
  }

  groups(by: string, query: IRunsQuery, metrics: string[] = []): Promise<{ groups: W.IGroup[] }> {
    return this.get('groups', { by, ...query, metrics });
  }

  words(): Promise<W.IWords> {
    return this.get('words');
  }

  values(field: string): Promise<{ values: string[] }> {
    return this.get('values', { field });
  }

  run(runId: string): Promise<W.IRunDetail> {
    return this.get(`runs/${encodeURIComponent(runId)}`);
  }

  curves(runId: string, names: string[], options: Query = {}): Promise<{ curves: W.ICurveData[] }> {
    return this.get(`runs/${encodeURIComponent(runId)}/curves`, { names, ...options });
  }

  overlay(runs: string[], name: string, options: Query = {}): Promise<{ name: string; curves: W.ICurveData[] }> {
    return this.get('curves', { runs, name, ...options });
  }

  code(runId: string, against: string | null): Promise<{ cell: string; slice: W.ISliceCell[]; script: string }> {
    return this.get(`runs/${encodeURIComponent(runId)}/code`, { against });
  }

  log(runId: string, after: number): Promise<W.ILog> {
    return this.get(`runs/${encodeURIComponent(runId)}/log`, { after });
  }

  async artifact(runId: string, path: string): Promise<Blob> {
    return (await this.answer(artifactPath(runId, path))).blob();
  }

  async artifactText(runId: string, path: string): Promise<string> {
    return (await this.answer(artifactPath(runId, path))).text();
  }

  /** Save a route's answer as a file on the user's machine. */
  async download(path: string, query: Query, name: string): Promise<void> {
    saveBlob(await (await this.answer(path, query)).blob(), name);
  }

  async downloadArtifact(runId: string, path: string): Promise<void> {
    saveBlob(await this.artifact(runId, path), path.split('/').pop() || 'artifact');
  }

  writeNotebook(runId: string, kind: 'slice' | 'executed'): Promise<{ contents_path: string }> {
    return this.send('POST', `runs/${encodeURIComponent(runId)}/notebook`, { kind });
  }

  change(runs: string[], what: { name?: string; tags?: Record<string, string | null>; deleted?: boolean }): Promise<{ changed: number }> {
    return this.send('POST', 'runs/change', { runs, ...what });
  }

  compare(runs: string[]): Promise<W.ICompare> {
    return this.get('compare', { runs });
  }

  lineage(start: string): Promise<W.ILineage> {
    return this.get('lineage', { start });
  }

  models(search = ''): Promise<{ models: W.IModelItem[] }> {
    return this.get('models', { search });
  }

  model(name: string): Promise<W.IModelRecord> {
    return this.get(`models/${encodeURIComponent(name)}`);
  }

  modelCard(name: string, version: number): Promise<{ markdown: string; html: string }> {
    return this.get(`models/${encodeURIComponent(name)}/${version}/card`);
  }

  offers(run?: string): Promise<{ offers: W.IOffer[] }> {
    return this.get('offers', { run });
  }

  verb(verb: string, words: string[]): Promise<W.IVerbResult> {
    return this.send('POST', `verbs/${verb}`, { words });
  }

  startJob(verb: string, words: string[], title?: string): Promise<W.IJob> {
    return this.send('POST', 'jobs', { verb, words, ...(title ? { title } : {}) });
  }

  jobs(): Promise<{ jobs: W.IJob[] }> {
    return this.get('jobs');
  }

  job(jobId: string, offset = 0): Promise<W.IJob> {
    return this.get(`jobs/${encodeURIComponent(jobId)}`, { offset });
  }

  async endJob(jobId: string): Promise<void> {
    await this.answer(`jobs/${encodeURIComponent(jobId)}`, {}, { method: 'DELETE' });
  }

  form(target: { notebook?: string; run?: string }): Promise<W.IForm> {
    return this.get('parameters', target);
  }

  services(): Promise<{ services: W.IService[] }> {
    return this.get('services');
  }

  notebook(path: string): Promise<W.INotebookState> {
    return this.get('notebook', { path, at: path });
  }
}

function artifactPath(runId: string, path: string): string {
  return `runs/${encodeURIComponent(runId)}/artifacts/${path.split('/').map(encodeURIComponent).join('/')}`;
}

async function refusal(response: Response): Promise<ApiError> {
  let message = '';
  let code = '';
  try {
    const body = await response.json();
    message = body.message || body.reason || '';
    code = body.error_code || '';
  } catch (error) {
    // Not ours: a proxy's page.
  }
  if (!message || response.status === 401 || response.status === 403) {
    message =
      response.status === 401 || response.status === 403
        ? 'The Jupyter server does not know you any more. Reload the page and log in.'
        : response.status === 404 && !code
          ? 'The Jupyter server has no mlops_nb routes. Restart it after installing: jupyter server extension list shows mlops_nb.'
          : message || `The server answered ${response.status}.`;
  }
  return new ApiError(message, response.status, code);
}

function saveBlob(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
