/** The plugins. They are light: views, charts and dialogs are loaded when they are first shown. */

import { ILabShell, ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { ILauncher } from '@jupyterlab/launcher';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStateDB } from '@jupyterlab/statedb';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator } from '@jupyterlab/translation';
import type { ReadonlyJSONObject } from '@lumino/coreutils';
import type { Widget } from '@lumino/widgets';

import { Api } from './api';
import { Cells } from './cells';
import { addCommands, PALETTE } from './commands';
import { Feed } from './feed';
import { runsIcon } from './icon';
import { Jobs } from './jobs';
import { Grouping } from './tree';
import { RunsList, Scope } from './list';
import { CARD_MIME, cardFactory } from './mime';
import { SidebarHost } from './host';
import { makeStatus } from './status';
import { Commands, ILab } from './tokens';
import { __, useTranslator } from './words';

const STATE = 'mlops-nb:sidebar';
const OPEN = 'mlops-nb:open';

const plugin: JupyterFrontEndPlugin<ILab> = {
  id: 'mlops-nb:plugin',
  description: 'Runs, jobs and models of mlops_nb: what all views share.',
  autoStart: true,
  provides: ILab,
  requires: [IRenderMimeRegistry],
  optional: [ITranslator, ISettingRegistry, IStateDB, INotebookTracker, IEditorLanguageRegistry, IDocumentManager, ILabShell, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    rendermime: IRenderMimeRegistry,
    translator: ITranslator | null,
    settings: ISettingRegistry | null,
    state: IStateDB | null,
    notebooks: INotebookTracker | null,
    languages: IEditorLanguageRegistry | null,
    documents: IDocumentManager | null,
    labShell: ILabShell | null,
    restorer: ILayoutRestorer | null
  ): ILab => {
    useTranslator(translator);
    const { serviceManager } = app;
    const api = new Api(serviceManager.serverSettings);
    const feed = new Feed(api, serviceManager.events);
    const list = new RunsList(feed);
    // A namespace of its own: the restorer clears away what it does not know below its name.
    const pages = new WidgetTracker<MainAreaWidget>({ namespace: 'mlops-nb-pages' });
    const open = new Map<string, ReadonlyJSONObject>();
    const lab: ILab = {
      app,
      api,
      feed,
      list,
      jobs: new Jobs(feed),
      cells: new Cells(feed, notebooks, () => lab),
      rendermime,
      languages,
      documents,
      notebooks,
      show: async (args: ReadonlyJSONObject) => {
        const { makePage, pageId } = await import('./pages');
        // A page stays with the project in which it was opened.
        args = { at: api.at, ...args };
        const id = pageId(args);
        let page: Widget | undefined = pages.find(widget => widget.id === id);
        if (!page) {
          const made = await makePage(lab, args);
          made.id = id;
          open.set(id, args);
          made.disposed.connect(() => open.delete(id));
          app.shell.add(made, labShell ? 'main' : 'right', { mode: args['split'] ? 'split-right' : undefined });
          void pages.add(made);
          page = made;
        }
        app.shell.activateById(id);
      }
    };
    app.commands.addCommand(OPEN, { execute: args => lab.show(args as ReadonlyJSONObject) });
    if (restorer) {
      void restorer.restore(pages, { command: OPEN, args: page => open.get(page.id) ?? {}, name: page => page.id });
    }
    addCommands(lab);
    void begin(app, lab, settings, state);
    if (notebooks) {
      const follow = (panel: NotebookPanel | null) => {
        const path = panel?.context.path ?? null;
        if (path !== null || !notebooks.size) {
          list.setNotebook(path);
        }
      };
      notebooks.currentChanged.connect((_, panel) => {
        follow(panel);
        panel?.context.pathChanged.connect(() => follow(notebooks.currentWidget));
      });
      follow(notebooks.currentWidget);
    }
    return lab;
  }
};

/** Settings and the state of the last visit first, then the handshake. */
async function begin(app: JupyterFrontEnd, lab: ILab, settings: ISettingRegistry | null, state: IStateDB | null): Promise<void> {
  try {
    const loaded = await settings?.load('mlops-nb:plugin');
    const read = () => {
      lab.cells.marks = loaded!.get('marks').composite !== false;
      lab.cells.live = loaded!.get('live').composite !== false;
      lab.cells.redraw();
    };
    if (loaded) {
      lab.list.restore({ scope: loaded.get('scope').composite as Scope, grouping: loaded.get('groupBy').composite as Grouping });
      read();
      loaded.changed.connect(read);
    }
  } catch (error) {
    console.warn('mlops_nb: its settings could not be read.', error);
  }
  if (state) {
    try {
      const kept = await app.restored.then(() => state.fetch(STATE));
      if (kept) {
        lab.list.restore(kept as object);
      }
    } catch (error) {
      console.warn('mlops_nb: what was kept of the last visit could not be read.', error);
    }
    lab.list.keep.connect(() => void state.save(STATE, lab.list.kept as unknown as ReadonlyJSONObject));
  }
  lab.list.begin();
  await lab.feed.start();
}

const sidebar: JupyterFrontEndPlugin<void> = {
  id: 'mlops-nb:sidebar',
  description: 'The sidebar of runs.',
  autoStart: true,
  requires: [ILab],
  optional: [ILayoutRestorer],
  activate: (app: JupyterFrontEnd, lab: ILab, restorer: ILayoutRestorer | null) => {
    const host = new SidebarHost(lab);
    host.id = 'mlops-nb-runs';
    host.title.icon = runsIcon;
    host.title.caption = __('Runs and models');
    app.shell.add(host, 'left', { rank: 350, type: 'Runs' });
    restorer?.add(host, 'mlops-nb-runs');
    const { commands } = app;
    commands.addCommand(Commands.showRuns, {
      label: __('Show Runs'),
      caption: __('Show the runs in the left sidebar'),
      icon: runsIcon,
      execute: () => app.shell.activateById(host.id)
    });
    commands.addCommand(Commands.search, {
      label: __('Search Runs'),
      execute: async () => {
        app.shell.activateById(host.id);
        await host.ready;
        host.node.querySelector<HTMLElement>('.mlops-Search-field')?.focus();
      }
    });
  }
};

const entries: JupyterFrontEndPlugin<void> = {
  id: 'mlops-nb:entries',
  description: 'Ways to the views: the palette, the launcher.',
  autoStart: true,
  requires: [ILab],
  optional: [ICommandPalette, ILauncher],
  activate: (app: JupyterFrontEnd, lab: ILab, palette: ICommandPalette | null, launcher: ILauncher | null) => {
    for (const command of PALETTE) {
      palette?.addItem({ command, category: 'MLOps' });
    }
    launcher?.add({ command: Commands.grid, args: { isLauncher: true }, category: __('Other'), rank: 2 });
  }
};

const card: JupyterFrontEndPlugin<void> = {
  id: 'mlops-nb:card',
  description: 'The card of a run in the output of its cell.',
  autoStart: true,
  requires: [ILab, IRenderMimeRegistry],
  activate: (app: JupyterFrontEnd, lab: ILab, rendermime: IRenderMimeRegistry) => {
    rendermime.addFactory(cardFactory(lab), 0);
    // Notebooks that are open already have made their own registry: it is cloned with what is there at that time.
    lab.notebooks?.forEach(panel => {
      if (!panel.content.rendermime.mimeTypes.includes(CARD_MIME)) {
        panel.content.rendermime.addFactory(cardFactory(lab), 0);
      }
    });
  }
};

const status: JupyterFrontEndPlugin<void> = {
  id: 'mlops-nb:status',
  description: 'Whether cells are recorded, and where.',
  autoStart: true,
  requires: [ILab],
  optional: [IStatusBar],
  activate: (app: JupyterFrontEnd, lab: ILab, bar: IStatusBar | null) => {
    bar?.registerStatusItem('mlops-nb:status', { item: makeStatus(lab), align: 'left', rank: 20 });
  }
};

export default [plugin, sidebar, entries, card, status];
