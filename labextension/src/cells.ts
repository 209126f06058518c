/** Marks of tracked cells in notebooks: the last run, its verdict, whether the cell was changed since; live while it runs. */

import type { Cell } from '@jupyterlab/cells';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { ISignal, Signal } from '@lumino/signaling';

import type { Feed } from './feed';
import { showText, STATUS_SYMBOLS, VERDICT_SYMBOLS } from './format';
import { Mode, modeOf, tellsMode } from './kernels';
import { Commands, ILab } from './tokens';
import type { ICellState, INotebookState, IRun } from './wire';
import { __ } from './words';

const TRACK = /^\s*%%track\b.*(\n|$)/;
const ASKED_AGAIN = 3;
const ASK_AGAIN_MS = 300;
const LOADED = /^\s*%(load_ext|reload_ext)\s+mlops_nb\b/m;

interface IMark {
  button: HTMLButtonElement;
  strip: HTMLElement | null;
  drop: (() => void) | null;
}

/** The source without the line that tracks it. */
export function bare(source: string): string {
  return source.replace(TRACK, '').trim();
}

function part(text: string, tone = ''): HTMLElement {
  const node = document.createElement('span');
  node.textContent = text;
  node.className = tone;
  return node;
}

export class Cells {
  marks = true;
  live = true;

  private _states = new WeakMap<NotebookPanel, INotebookState>();
  private _modes = new WeakMap<NotebookPanel, Mode>();
  private _asking = new WeakSet<NotebookPanel>();
  private _drawn = new WeakMap<Cell, IMark>();
  private _timers = new WeakMap<NotebookPanel, number>();
  private _changed = new Signal<this, void>(this);

  constructor(
    private _feed: Feed,
    private _notebooks: INotebookTracker | null,
    private _lab: () => ILab
  ) {
    _notebooks?.widgetAdded.connect((_, panel) => this._follow(panel));
    _notebooks?.forEach(panel => this._follow(panel));
    _notebooks?.currentChanged.connect(() => this._changed.emit());
    _feed.rows.connect((_, runs) => this._take(runs));
    _feed.reset.connect(() => this._notebooks?.forEach(panel => void this._read(panel)));
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** How cells of the active notebook are tracked, as its kernel says; null if there is none that could. */
  get mode(): Mode | null {
    const panel = this._notebooks?.currentWidget;
    return (panel && this._modes.get(panel)) ?? null;
  }

  redraw(): void {
    this._notebooks?.forEach(panel => this._draw(panel));
  }

  /** Put `%%track` on top of the active cell, or take it away. */
  async toggle(panel: NotebookPanel): Promise<void> {
    const cell = panel.content.activeCell;
    if (!cell || cell.model.type !== 'code') {
      return;
    }
    const shared = cell.model.sharedModel;
    const source = shared.getSource();
    if (TRACK.test(source)) {
      shared.setSource(source.replace(TRACK, ''));
      return;
    }
    shared.setSource(`%%track\n${source}`);
    const notebook = panel.content.model!.sharedModel;
    if (!notebook.cells.some(each => LOADED.test(each.getSource()))) {
      const made = { cell_type: 'code', source: '%load_ext mlops_nb', metadata: {}, outputs: [], execution_count: null };
      notebook.insertCell(0, made as any);
    }
    const kernel = panel.sessionContext.session?.kernel;
    // Loading twice does nothing.
    kernel?.requestExecute({ code: '%load_ext mlops_nb', silent: true, store_history: false });
    if (kernel) {
      void this._ask(panel);
    }
  }

  isTracked(panel: NotebookPanel): boolean {
    const cell = panel.content.activeCell;
    return !!cell && cell.model.type === 'code' && TRACK.test(cell.model.sharedModel.getSource());
  }

  /** `%track auto`, `marked` or `off` in the notebook's kernel. */
  async setMode(panel: NotebookPanel, mode: 'auto' | 'marked' | 'off'): Promise<void> {
    const kernel = panel.sessionContext.session?.kernel;
    if (!kernel) {
      throw new Error(__('The notebook has no kernel. Start one, then try again.'));
    }
    const code = `%load_ext mlops_nb\n%track ${mode}`;
    await kernel.requestExecute({ code, silent: false, store_history: false }).done;
    await this._ask(panel);
  }

  /** Ask the kernel how cells are tracked in it: the magic may have been typed. */
  private async _ask(panel: NotebookPanel, tries = ASKED_AGAIN): Promise<void> {
    const kernel = panel.sessionContext.session?.kernel;
    if (!kernel || kernel.isDisposed) {
      return;
    }
    const mode = await modeOf(kernel).catch(() => {
      if (tries && !kernel.isDisposed) {
        window.setTimeout(() => void this._ask(panel, tries - 1), ASK_AGAIN_MS);
      }
      return null;
    });
    if (mode !== null && panel.sessionContext.session?.kernel === kernel && mode !== this._modes.get(panel)) {
      this._modes.set(panel, mode);
      this._changed.emit();
    }
  }

  private _follow(panel: NotebookPanel): void {
    const context = panel.sessionContext;
    const anew = () => {
      this._modes.delete(panel);
      this._changed.emit();
      this._asking.add(panel);
      if (context.session?.kernel?.status === 'idle') {
        this._asking.delete(panel);
        void this._ask(panel);
      }
    };
    context.kernelChanged.connect(anew);
    context.iopubMessage.connect((_, message) => {
      if (message.header.msg_type === 'execute_input' && tellsMode(String((message.content as any).code))) {
        this._asking.add(panel);
      }
    });
    context.statusChanged.connect((_, status) => {
      if (status === 'restarting' || status === 'autorestarting') {
        this._modes.delete(panel);
        this._asking.add(panel);
        this._changed.emit();
      } else if (status === 'idle' && this._asking.delete(panel)) {
        void this._ask(panel);
      }
    });
    if (context.session?.kernel) {
      anew();
    }
    void panel.context.ready.then(() => {
      panel.content.model?.cells.changed.connect(() => this._soon(panel));
      panel.content.model?.contentChanged.connect(() => this._soon(panel));
      void this._read(panel);
    });
  }

  private _take(runs: IRun[]): void {
    const paths = new Set(runs.map(run => run.contents_path));
    this._notebooks?.forEach(panel => {
      if (paths.has(panel.context.path)) {
        void this._read(panel);
      }
    });
  }

  private async _read(panel: NotebookPanel): Promise<void> {
    if (!this._feed.ready || panel.isDisposed) {
      return;
    }
    try {
      this._states.set(panel, await this._feed.api.notebook(panel.context.path));
    } catch (error) {
      return;
    }
    this._draw(panel);
    this._changed.emit();
  }

  private _soon(panel: NotebookPanel): void {
    window.clearTimeout(this._timers.get(panel));
    this._timers.set(panel, window.setTimeout(() => this._draw(panel), 200));
  }

  private _draw(panel: NotebookPanel): void {
    if (panel.isDisposed) {
      return;
    }
    const state = this._states.get(panel);
    for (const cell of panel.content.widgets) {
      const known = cell.model.type === 'code' ? state?.cells[cell.model.id] : undefined;
      if (known && this.marks) {
        this._mark(cell, known);
      } else {
        this._unmark(cell);
      }
    }
  }

  private _mark(cell: Cell, state: ICellState): void {
    let mark = this._drawn.get(cell);
    if (!mark || !cell.node.contains(mark.button)) {
      const button = document.createElement('button');
      button.type = 'button';
      button.className = 'mlops-Mark';
      cell.node.appendChild(button);
      mark = { button, strip: null, drop: null };
      this._drawn.set(cell, mark);
      cell.disposed.connect(() => this._unmark(cell));
    }
    const stale = bare(cell.model.sharedModel.getSource()) !== bare(state.source);
    const { button } = mark;
    const verdict = state.verdict ? VERDICT_SYMBOLS[state.verdict] ?? '' : '';
    const words = [
      `${showText(state.name)}: ${state.status.toLowerCase()}`,
      state.revision > 1 ? __('revision %1', state.revision) : '',
      state.verdict ? __('reproduced: %1', state.verdict) : '',
      stale ? __('changed since its last run') : ''
    ].filter(Boolean);
    const agrees = state.verdict === 'identical' || state.verdict === 'equivalent';
    button.replaceChildren(
      part(STATUS_SYMBOLS[state.status]),
      ...(verdict ? [part(verdict, agrees ? 'mlops-good' : 'mlops-bad')] : []),
      ...(stale ? [part('✎', 'mlops-warn')] : [])
    );
    button.title = `${words.join('\n')}\n${__('Click to open the run')}`;
    button.setAttribute('aria-label', words.join(', '));
    button.className = `mlops-Mark mlops-st-${state.status.toLowerCase()}${stale ? ' mlops-stale' : ''}`;
    button.onclick = () => void this._lab().app.commands.execute(Commands.openRun, { run: state.run_id });
    this._strip(cell, mark, state);
  }

  /** While the cell runs its card stands under it, live; the cell's own card takes its place in the end. */
  private _strip(cell: Cell, mark: IMark, state: ICellState): void {
    const wanted = this.live && state.status === 'RUNNING';
    if (wanted === (mark.strip !== null)) {
      return;
    }
    if (!wanted) {
      mark.drop?.();
      mark.strip?.remove();
      mark.strip = mark.drop = null;
      return;
    }
    const strip = document.createElement('div');
    strip.className = 'mlops-CardHost mlops-Strip';
    mark.strip = strip;
    cell.node.appendChild(strip);
    void import('./card').then(({ drawLive }) => {
      if (mark.strip === strip) {
        mark.drop = drawLive(strip, this._lab(), state.run_id);
      }
    });
  }

  private _unmark(cell: Cell): void {
    const mark = this._drawn.get(cell);
    if (mark) {
      mark.drop?.();
      mark.strip?.remove();
      mark.button.remove();
      this._drawn.delete(cell);
    }
  }
}
