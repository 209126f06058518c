/** Commands: what menus, the palette, buttons and keys call. */

import { Clipboard, Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { copyIcon, deleteIcon, runIcon, stopIcon } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { runsIcon, trackIcon } from './icon';
import { Commands, ILab } from './tokens';
import { __ } from './words';

/** What the command palette offers. */
export const PALETTE = [
  Commands.showRuns,
  Commands.search,
  Commands.grid,
  Commands.models,
  Commands.trackCell,
  Commands.trackAll,
  Commands.rerun
];

type Args = ReadonlyPartialJSONObject;

/** Do it; a refusal is shown, in its own words. */
export async function attempt<T>(doing: () => Promise<T>): Promise<T | null> {
  try {
    return await doing();
  } catch (error) {
    Notification.error((error as Error).message, { autoClose: 10_000 });
    return null;
  }
}

function current(lab: ILab): NotebookPanel | null {
  return lab.notebooks?.currentWidget ?? null;
}

export function addCommands(lab: ILab): void {
  addPages(lab);
  addActions(lab);
  addCells(lab);
}

function addPages(lab: ILab): void {
  const { commands } = lab.app;
  commands.addCommand(Commands.openRun, {
    label: __('Open Run'),
    execute: args => lab.show({ page: 'run', run: String(args['run']), ...(args['tab'] ? { tab: String(args['tab']) } : {}) })
  });
  commands.addCommand(Commands.compare, {
    label: args => (args['runs'] ? __('Compare %1 Runs', (args['runs'] as string[]).length) : __('Compare the Picked Runs')),
    isEnabled: args => {
      const runs = (args['runs'] as string[]) ?? lab.list.picked;
      return runs.length > 1 && runs.length <= 50;
    },
    execute: args => lab.show({ page: 'compare', runs: (args['runs'] as string[]) ?? lab.list.picked })
  });
  commands.addCommand(Commands.grid, {
    label: args => (args['isLauncher'] ? __('All Runs') : __('All Runs in a Table')),
    caption: __('All runs: sort, filter, group, aggregate'),
    icon: runsIcon,
    execute: args => lab.show({ page: 'grid', filter: String(args['filter'] ?? '') })
  });
  commands.addCommand(Commands.models, {
    label: __('Models'),
    caption: __('Registered models: versions, gates, history'),
    execute: () => lab.show({ page: 'models' })
  });
  commands.addCommand(Commands.openModel, {
    label: __('Open Model'),
    execute: args => lab.show({ page: 'model', name: String(args['name']) })
  });
  commands.addCommand(Commands.openJob, {
    label: __('Open Job'),
    execute: args => lab.show({ page: 'job', job: String(args['job']) })
  });
  commands.addCommand(Commands.rerun, {
    label: __('Re-run with …'),
    caption: __('Run it again with other parameters'),
    icon: runIcon,
    isEnabled: args => !!args['run'] || !!args['notebook'] || current(lab) !== null,
    execute: async args => {
      const panel = current(lab);
      if (args['run']) {
        return lab.show({ page: 'rerun', run: String(args['run']) });
      }
      const notebook = String(args['notebook'] ?? panel?.context.path);
      if (panel && panel.context.path === notebook && panel.context.model.dirty) {
        await panel.context.save();
      }
      return lab.show({ page: 'rerun', notebook });
    }
  });
}

function addActions(lab: ILab): void {
  const { commands } = lab.app;
  const runOf = (args: Args) => String(args['run'] ?? '');
  commands.addCommand(Commands.reproduce, {
    label: __('Reproduce'),
    caption: __('Run its code again in a fresh kernel, and say whether it gives the same'),
    execute: args =>
      attempt(async () => {
        const name = lab.list.find(runOf(args))?.name ?? runOf(args).slice(0, 12);
        const job = await lab.jobs.start('reproduce', [runOf(args)], __('Reproduce %1', name));
        await lab.show({ page: 'job', job: job.job_id });
      })
  });
  commands.addCommand(Commands.restore, {
    label: __('Restore Code as a Notebook'),
    caption: __('The cells that made this result, as a new notebook'),
    execute: args =>
      attempt(async () => {
        const made = await lab.api.writeNotebook(runOf(args), 'slice');
        await commands.execute('docmanager:open', { path: made.contents_path });
      })
  });
  commands.addCommand(Commands.register, {
    label: __('Register Model …'),
    execute: async args => {
      const { registerModel } = await import('./dialogs');
      return registerModel(lab, runOf(args));
    }
  });
  commands.addCommand(Commands.promote, {
    label: __('Promote …'),
    execute: async args => {
      const { promoteVersion } = await import('./dialogs');
      return promoteVersion(lab, String(args['name']), Number(args['version']));
    }
  });
  commands.addCommand(Commands.rollback, {
    label: __('Roll Back …'),
    execute: async args => {
      const { rollBack } = await import('./dialogs');
      return rollBack(lab, String(args['name']), String(args['target']), String(args['to'] ?? ''));
    }
  });
  commands.addCommand(Commands.stop, {
    label: __('Stop'),
    caption: __('Interrupt the kernel, or cancel the job'),
    icon: stopIcon,
    execute: args => attempt(() => stop(lab, runOf(args)))
  });
  commands.addCommand(Commands.copyId, {
    label: __('Copy Run Id'),
    icon: copyIcon,
    execute: args => Clipboard.copyToSystem(runOf(args))
  });
  commands.addCommand(Commands.trash, {
    label: args => ((args['runs'] as string[] | undefined)?.length === 1 ? __('Delete Run') : __('Delete Runs')),
    icon: deleteIcon,
    execute: args => trash(lab, (args['runs'] as string[]) ?? lab.list.picked)
  });
}

async function trash(lab: ILab, runs: string[]): Promise<void> {
  const names = runs.slice(0, 5).map(id => lab.list.find(id)?.name ?? id.slice(0, 12));
  const answer = await showDialog({
    title: runs.length === 1 ? __('Delete this run?') : __('Delete %1 runs?', runs.length),
    body: names.join(', ') + (runs.length > 5 ? ' …' : '') + '. ' + __('Deleted runs can be brought back until the store is cleaned.'),
    buttons: [Dialog.cancelButton({ label: __('Cancel') }), Dialog.warnButton({ label: __('Delete') })]
  });
  if (answer.button.accept) {
    await attempt(async () => {
      await lab.api.change(runs, { deleted: true });
      lab.list.pick([]);
      await lab.feed.pull();
    });
  }
}

/** A job of the server is cancelled; a cell's kernel is interrupted. */
async function stop(lab: ILab, runId: string): Promise<void> {
  const job = lab.jobs.list.find(each => each.run_id === runId && each.state === 'running');
  if (job) {
    return lab.jobs.end(job.job_id);
  }
  const detail = await lab.api.run(runId);
  const path = detail.run.contents_path;
  const open = path ? lab.notebooks?.find(panel => panel.context.path === path) : undefined;
  if (open?.sessionContext.session?.kernel) {
    return open.sessionContext.session.kernel.interrupt();
  }
  const { sessions, kernels } = lab.app.serviceManager;
  await sessions.refreshRunning();
  for (const session of sessions.running()) {
    if (session.path === path && session.kernel) {
      return kernels.connectTo({ model: session.kernel }).interrupt();
    }
  }
  throw new Error(__('This server runs no kernel of %1. Stop the run where it was started.', path ?? __('this run')));
}

function addCells(lab: ILab): void {
  const { commands } = lab.app;
  commands.addCommand(Commands.trackCell, {
    label: __('Track this Cell'),
    caption: __('Track this cell: each time that it runs it is a run (%1)', '%%track'),
    icon: trackIcon,
    isEnabled: () => current(lab)?.content.activeCell?.model.type === 'code',
    isToggled: () => {
      const panel = current(lab);
      return !!panel && lab.cells.isTracked(panel);
    },
    execute: async () => {
      const panel = current(lab);
      if (panel) {
        await lab.cells.toggle(panel);
        commands.notifyCommandChanged(Commands.trackCell);
      }
    }
  });
  commands.addCommand(Commands.trackAll, {
    label: () => (lab.cells.mode === 'auto' ? __('Track Only Marked Cells') : __('Track Every Cell of this Notebook')),
    isEnabled: () => current(lab) !== null,
    execute: () => attempt(() => lab.cells.setMode(current(lab)!, lab.cells.mode === 'auto' ? 'marked' : 'auto'))
  });
}
