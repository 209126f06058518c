/** What the views are handed: one object, made by the plugins. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { INotebookTracker } from '@jupyterlab/notebook';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ReadonlyJSONObject, Token } from '@lumino/coreutils';

import type { Api } from './api';
import type { Feed } from './feed';
import type { Jobs } from './jobs';
import type { RunsList } from './list';
import type { Cells } from './cells';

export interface ILab {
  readonly app: JupyterFrontEnd;
  readonly api: Api;
  readonly feed: Feed;
  readonly list: RunsList;
  readonly jobs: Jobs;
  readonly cells: Cells;
  readonly rendermime: IRenderMimeRegistry;
  readonly languages: IEditorLanguageRegistry | null;
  readonly documents: IDocumentManager | null;
  readonly notebooks: INotebookTracker | null;
  /** Show a page in the main area; one that is there already is brought to the front. */
  show(args: ReadonlyJSONObject): Promise<void>;
}

export const ILab = new Token<ILab>('mlops-nb:ILab', 'Runs, jobs and models of mlops_nb beside the notebook.');

/** Commands that views call. */
export const Commands = {
  showRuns: 'mlops-nb:show-runs',
  openRun: 'mlops-nb:open-run',
  compare: 'mlops-nb:compare',
  grid: 'mlops-nb:all-runs',
  models: 'mlops-nb:models',
  openModel: 'mlops-nb:open-model',
  register: 'mlops-nb:register',
  promote: 'mlops-nb:promote',
  rollback: 'mlops-nb:roll-back',
  rerun: 'mlops-nb:rerun-with',
  reproduce: 'mlops-nb:reproduce',
  restore: 'mlops-nb:restore-code',
  openJob: 'mlops-nb:open-job',
  stop: 'mlops-nb:stop',
  trash: 'mlops-nb:delete-runs',
  copyId: 'mlops-nb:copy-run-id',
  trackCell: 'mlops-nb:track-cell',
  trackAll: 'mlops-nb:track-all',
  search: 'mlops-nb:search-runs'
} as const;
