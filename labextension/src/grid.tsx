/** All runs in a table: pages from the server as one scrolls; sorting, filtering and aggregating are done there. */

import { useVirtualizer } from '@tanstack/react-virtual';
import React from 'react';

import type { IRunsQuery } from './api';
import { attempt } from './commands';
import { asFilter, quoteKey } from './filter';
import { asNumber, elide, showDuration, showNumber, showText, showTime, showValue } from './format';
import { useSignal } from './hooks';
import { GroupsTable } from './grid_groups';
import type { IPageProps } from './pages';
import { Button, cls, Empty, Loading, Name, Popover, StatusMark, Trouble, Verdict } from './parts';
import { Search } from './search';
import { Commands, ILab } from './tokens';
import { both } from './tree';
import type { IRun, IWords } from './wire';
import { __ } from './words';

const PAGE = 500;
const SETTLE_MS = 400;
const ROW = 28;
const FIXED = ['name', 'experiment', 'start_time', 'duration_ms'];
const WIDTHS: Record<string, number> = { name: 220, experiment: 130, start_time: 150, duration_ms: 92, user: 90, notebook: 160, stage: 100, verdict: 92 };
const ORDER: Record<string, string> = { name: 'attributes.run_name', start_time: 'attributes.start_time', duration_ms: 'attributes.duration', experiment: 'attributes.experiment', user: 'attributes.user_id', notebook: 'attributes.notebook', stage: 'attributes.stage' };

export function orderTerm(column: string, descending: boolean): string {
  const at = column.indexOf('.');
  const term = at > 0 ? `${column.slice(0, at)}.${quoteKey(column.slice(at + 1))}` : ORDER[column] ?? `attributes.${column}`;
  return `${term} ${descending ? 'DESC' : 'ASC'}`;
}

/** Where a value stands between the least and the most of its column, for its colour. */
function scaleOf(runs: IRun[], column: string): ((value: number) => number) | null {
  const key = column.slice(8);
  let low = Infinity;
  let high = -Infinity;
  for (const run of runs) {
    const value = asNumber(run.metrics[key]);
    if (value !== null && Number.isFinite(value)) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  return high > low ? value => (value - low) / (high - low) : null;
}

export interface IGridState {
  text: string;
  sort: { column: string; descending: boolean };
  columns: string[];
  pinned: string[];
  group: string;
  colours: boolean;
}

interface IPages {
  runs: IRun[];
  token: string | null;
  total: number | null;
  loading: boolean;
  error: string | null;
  refusal: string | null;
}

/** Pages of runs for a question, one after the other. */
function usePages(lab: ILab, query: IRunsQuery): IPages & { fresh: number; more: () => void; reload: () => void } {
  const [state, setState] = React.useState<IPages>({ runs: [], token: null, total: null, loading: true, error: null, refusal: null });
  const round = React.useRef(0);
  const busy = React.useRef(false);
  const key = JSON.stringify(query);
  const read = React.useCallback(
    async (token: string | null) => {
      const mine = token ? round.current : ++round.current;
      busy.current = true;
      setState(was => ({ ...was, loading: true, error: null }));
      try {
        const page = await lab.api.runs({ ...query, limit: PAGE, page_token: token });
        if (mine === round.current) {
          const whole = !token && !page.next_page_token;
          setState(was => ({
            runs: token ? [...was.runs, ...page.runs] : page.runs,
            token: page.next_page_token,
            total: whole ? page.runs.length : was.total,
            loading: false,
            error: null,
            refusal: null
          }));
          if (!token && !whole) {
            lab.api.count(query).then(({ total }) => setState(was => (mine === round.current ? { ...was, total } : was)), () => undefined);
          }
        }
      } catch (error) {
        if (mine === round.current) {
          const { message, status } = error as any;
          setState(was => ({ ...was, loading: false, ...(status === 400 ? { refusal: message, runs: [], token: null, total: 0 } : { error: message }) }));
        }
      } finally {
        busy.current = false;
      }
    },
    [key]
  );
  React.useEffect(() => void read(null), [read]);
  const known = React.useRef(new Set<string>());
  known.current = React.useMemo(() => new Set(state.runs.map(run => run.run_id)), [state.runs]);
  const [fresh, setFresh] = React.useState(0);
  React.useEffect(() => setFresh(0), [state.total, key]);
  React.useEffect(() => {
    let timer = 0;
    const again = () => {
      window.clearTimeout(timer);
      timer = window.setTimeout(() => void read(null), SETTLE_MS);
    };
    const take = (_: unknown, rows: IRun[]) => {
      const changed = new Map(rows.map(run => [run.run_id, run]));
      setState(was => ({ ...was, runs: was.runs.filter(run => !changed.get(run.run_id)?.deleted).map(run => changed.get(run.run_id) ?? run) }));
      const unknown = rows.filter(run => !run.deleted && !known.current.has(run.run_id)).length;
      if (unknown && known.current.size <= PAGE) {
        again();
      } else if (unknown) {
        // Who has scrolled far down is not torn away: a button brings what is new.
        setFresh(count => count + unknown);
      }
    };
    lab.feed.rows.connect(take);
    lab.feed.reset.connect(again);
    return () => {
      window.clearTimeout(timer);
      lab.feed.rows.disconnect(take);
      lab.feed.reset.disconnect(again);
    };
  }, [read]);
  return { ...state, fresh, more: () => { if (state.token && !busy.current) { void read(state.token); } }, reload: () => { setFresh(0); void read(null); } }; // prettier-ignore
}

export function GridPage(props: IPageProps): JSX.Element {
  const { lab } = props;
  const [state, setState] = React.useState<IGridState>({
    text: String(props.args['filter'] ?? ''),
    sort: { column: 'start_time', descending: true },
    columns: [],
    pinned: ['name'],
    group: '',
    colours: true
  });
  const [words, setWords] = React.useState<IWords | null>(null);
  useSignal(lab.feed.state, lab.list.changed);
  const change = (part: Partial<IGridState>) => setState(was => ({ ...was, ...part }));
  React.useEffect(() => {
    props.setTitle(__('All runs'));
    lab.api.words().then(setWords, () => undefined);
  }, [lab.feed.ready]);
  const query: IRunsQuery = { filter: asFilter(state.text), order_by: [orderTerm(state.sort.column, state.sort.descending)] };
  const pages = usePages(lab, query);
  const columns = state.columns.length ? state.columns : defaultColumns(pages.runs);
  const shown = [...state.pinned, ...columns.filter(column => !state.pinned.includes(column))];
  return (
    <article className="mlops-Page mlops-GridPage" aria-label={__('All runs')}>
      {lab.feed.problem ? <Trouble text={lab.feed.problem} retry={() => void lab.feed.start()} /> : null}
      <header className="mlops-GridHead">
        <h1>{__('All runs')}</h1>
        <span className="mlops-mute" aria-live="polite">{pages.total === null ? '' : pages.total.toLocaleString('en')}</span>
        {pages.fresh ? <Button small main label={__('%1 new', pages.fresh)} title={__('Show what was written since')} onClick={pages.reload} /> : null}
        <Search text={state.text} words={words} refusal={pages.refusal} onChange={text => change({ text })} values={async field => (await lab.api.values(field)).values} />
        <label className="mlops-Bar">
          {__('Group by')}
          <select value={state.group} onChange={event => change({ group: event.target.value })}>
            <option value="">{__('nothing')}</option>
            {['experiment', 'notebook', 'cell', 'parent', 'status', 'stage', 'user', ...(words?.params ?? []).slice(0, 20).map(key => `params.${key}`)].map(each => (
              <option key={each} value={each}>{showText(each)}</option>
            ))}
          </select>
        </label>
        <Columns words={words} columns={columns} change={next => change({ columns: next })} colours={state.colours} setColours={colours => change({ colours })} />
        <Button
          label="CSV"
          title={__('Save what fits as a CSV file')}
          onClick={() => void attempt(() => lab.api.download('runs.csv', { ...query, limit: 100000 }, 'runs.csv'))}
        />
      </header>
      {lab.list.picked.length ? <Picked lab={lab} /> : null}
      {pages.error ? <Trouble text={pages.error} retry={pages.reload} /> : null}
      {state.group ? (
        <GroupsTable
          lab={lab}
          by={state.group}
          filter={asFilter(state.text)}
          metrics={shown.filter(column => column.startsWith('metrics.')).map(column => column.slice(8))}
          open={filter => change({ group: '', text: both(asFilter(state.text), filter) })}
        />
      ) : pages.loading && !pages.runs.length ? (
        <Loading rows={12} />
      ) : pages.runs.length ? (
        <Grid lab={lab} runs={pages.runs} columns={shown} state={state} change={change} more={pages.more} />
      ) : pages.refusal ? null : (
        <Empty title={state.text ? __('Nothing fits') : __('No runs yet')}>
          <p>{state.text ? __('No run fits this search.') : __('Put %1 on top of a cell and run it: each time is a run, and stands here.', '%%track')}</p>
        </Empty>
      )}
    </article>
  );
}

/** What tells the runs apart: the metrics and params that most of them have. */
function defaultColumns(runs: IRun[]): string[] {
  const count = (which: 'metrics' | 'params') => {
    const seen = new Map<string, number>();
    runs.slice(0, 200).forEach(run => Object.keys(run[which]).forEach(key => seen.set(key, (seen.get(key) ?? 0) + 1)));
    return [...seen].sort((a, b) => b[1] - a[1]).map(([key]) => `${which}.${key}`);
  };
  return [...FIXED, ...count('metrics').slice(0, 5), ...count('params').slice(0, 4)];
}

function Picked(props: { lab: ILab }): JSX.Element {
  const { lab } = props;
  const { picked } = lab.list;
  return (
    <div className="mlops-Picked" role="toolbar" aria-label={__('Picked runs')}>
      <span>{__('%1 picked', picked.length)}</span>
      <Button small main label={__('Compare')} disabled={picked.length < 2 || picked.length > 50} onClick={() => void lab.app.commands.execute(Commands.compare, { runs: picked })} />
      <Button small label={__('Delete')} onClick={() => void lab.app.commands.execute(Commands.trash, { runs: picked })} />
      <Button small label={__('Unpick all')} onClick={() => lab.list.pick([])} />
    </div>
  );
}

function Columns(props: { words: IWords | null; columns: string[]; change: (columns: string[]) => void; colours: boolean; setColours: (on: boolean) => void }): JSX.Element {
  const { words, columns, change } = props;
  const all = [...FIXED, 'user', 'notebook', 'stage', 'verdict', ...(words?.metrics ?? []).slice(0, 60).map(key => `metrics.${key}`), ...(words?.params ?? []).slice(0, 60).map(key => `params.${key}`)];
  const toggle = (column: string) => change(columns.includes(column) ? columns.filter(each => each !== column) : [...columns, column]);
  return (
    <Popover label={__('Columns')} icon={<span className="mlops-Text-icon">{__('Columns')} ▾</span>}>
      {() => (
        <fieldset className="mlops-Options">
          <legend>{__('Columns')}</legend>
          <label className="mlops-Options-switch"><input type="checkbox" checked={props.colours} onChange={event => props.setColours(event.target.checked)} />{__('Colour metrics by their value')}</label>
          {all.map(column => (
            <label key={column}>
              <input type="checkbox" checked={columns.includes(column)} onChange={() => toggle(column)} />
              <Name text={labelOf(column)} limit={34} />
              <span className="mlops-mute">{column.includes('.') ? column.split('.')[0] : ''}</span>
            </label>
          ))}
        </fieldset>
      )}
    </Popover>
  );
}

export function labelOf(column: string): string {
  const names: Record<string, string> = { name: __('run'), experiment: __('experiment'), start_time: __('started'), duration_ms: __('duration') };
  return names[column] ?? (column.includes('.') ? column.slice(column.indexOf('.') + 1) : column);
}

function Grid(props: { lab: ILab; runs: IRun[]; columns: string[]; state: IGridState; change: (part: Partial<IGridState>) => void; more: () => void }): JSX.Element {
  const { lab, runs, columns, state, change } = props;
  const scroller = React.useRef<HTMLDivElement>(null);
  const [cursor, setCursor] = React.useState(0);
  const virtual = useVirtualizer({ count: runs.length, getScrollElement: () => scroller.current, estimateSize: () => ROW, overscan: 12 });
  const items = virtual.getVirtualItems();
  const last = items.length ? items[items.length - 1].index : 0;
  React.useEffect(() => {
    if (last > runs.length - 60) {
      props.more();
    }
  }, [last, runs.length]);
  const scales = React.useMemo(
    () => new Map(state.colours ? columns.filter(column => column.startsWith('metrics.')).map(column => [column, scaleOf(runs, column)]) : []),
    [runs, columns.join(), state.colours]
  );
  const widths = columns.map(column => WIDTHS[column] ?? 110);
  const template = `30px ${widths.map(width => `${width}px`).join(' ')}`;
  const lefts = columns.map((_, index) => 30 + widths.slice(0, index).reduce((sum, width) => sum + width, 0));
  const pin = (index: number): React.CSSProperties => (state.pinned.includes(columns[index]) ? { position: 'sticky', left: lefts[index], zIndex: 1 } : {});
  const keys = (event: React.KeyboardEvent) => {
    if (event.target !== event.currentTarget) {
      return;
    }
    const page = Math.floor((scroller.current?.clientHeight ?? 300) / ROW) - 2;
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -runs.length, End: runs.length };
    if (event.key in steps) {
      const next = Math.max(0, Math.min(runs.length - 1, cursor + steps[event.key]));
      setCursor(next);
      virtual.scrollToIndex(next);
    } else if (event.key === 'Enter') {
      void lab.app.commands.execute(Commands.openRun, { run: runs[cursor].run_id });
    } else if (event.key === ' ') {
      lab.list.togglePick(runs[cursor].run_id);
    } else {
      return;
    }
    event.preventDefault();
  };
  return (
    <div ref={scroller} className="mlops-Grid" role="grid" tabIndex={0} aria-label={__('All runs')} aria-rowcount={runs.length} aria-colcount={columns.length + 1} aria-activedescendant={`mlops-grid-${cursor}`} onKeyDown={keys}>
      <div className="mlops-Grid-head" role="row" style={{ gridTemplateColumns: template }}>
        <span role="columnheader" className="mlops-Grid-pick" aria-label={__('pick')} />
        {columns.map((column, index) => {
          const sorted = state.sort.column === column;
          const metric = column.startsWith('metrics.');
          const pinner = (
              <button
                type="button"
                tabIndex={-1}
                className={cls('mlops-Pin', state.pinned.includes(column) && 'mlops-on')}
                aria-label={state.pinned.includes(column) ? __('Let %1 scroll', showText(column)) : __('Pin %1', showText(column))}
                onClick={() => change({ pinned: state.pinned.includes(column) ? state.pinned.filter(each => each !== column) : [...state.pinned, column] })}
              >
                <PinIcon />
              </button>
          );
          return (
            <span key={column} role="columnheader" aria-sort={sorted ? (state.sort.descending ? 'descending' : 'ascending') : 'none'} style={pin(index)} className={cls(metric && 'mlops-right')}>
              {metric ? pinner : null}
              <button type="button" tabIndex={-1} title={showText(column)} onClick={() => change({ sort: { column, descending: sorted ? !state.sort.descending : column !== 'name' } })}>
                <Name text={labelOf(column)} limit={28} />
                {sorted ? (state.sort.descending ? ' ▼' : ' ▲') : ''}
              </button>
              {metric ? null : pinner}
            </span>
          );
        })}
      </div>
      <div role="presentation" style={{ height: virtual.getTotalSize(), position: 'relative' }}>
        {items.map(item => {
          const run = runs[item.index];
          const picked = lab.list.picked.includes(run.run_id);
          return (
            <div
              key={run.run_id}
              id={`mlops-grid-${item.index}`}
              role="row"
              aria-rowindex={item.index + 1}
              aria-selected={picked}
              className={cls('mlops-Grid-row', picked && 'mlops-picked', item.index === cursor && 'mlops-cursor')}
              style={{ gridTemplateColumns: template, transform: `translateY(${item.start}px)`, height: ROW }}
              onClick={() => setCursor(item.index)}
              onDoubleClick={() => void lab.app.commands.execute(Commands.openRun, { run: run.run_id })}
            >
              <span role="gridcell" className="mlops-Grid-pick">
                <input type="checkbox" tabIndex={-1} checked={picked} aria-label={__('Pick %1', showText(run.name))} onChange={() => lab.list.togglePick(run.run_id)} />
              </span>
              {columns.map((column, index) => (
                <GridCell key={column} lab={lab} run={run} column={column} style={pin(index)} scale={scales.get(column) ?? null} />
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function PinIcon(): JSX.Element {
  return (
    <svg width="11" height="11" viewBox="0 0 24 24" aria-hidden="true">
      <path fill="currentColor" d="M16 3v2l-1 1v5l3 3v2h-5v6l-1 1-1-1v-6H6v-2l3-3V6L8 5V3h8z" />
    </svg>
  );
}

function GridCell(props: { lab: ILab; run: IRun; column: string; style: React.CSSProperties; scale: ((value: number) => number) | null }): JSX.Element {
  const { run, column } = props;
  if (column === 'name') {
    return (
      <span role="gridcell" style={props.style}>
        <StatusMark status={run.status} />
        <button type="button" tabIndex={-1} className="mlops-Link" onClick={() => void props.lab.app.commands.execute(Commands.openRun, { run: run.run_id })}><Name text={run.name} limit={40} /></button>
        <Verdict verdict={run.verdict} />
      </span>
    );
  }
  if (column.startsWith('metrics.')) {
    const value = asNumber(run.metrics[column.slice(8)]);
    const at = value !== null && Number.isFinite(value) && props.scale ? props.scale(value) : null;
    const background = at === null ? undefined : `color-mix(in srgb, var(--jp-brand-color1) ${Math.round(at * 34)}%, var(--mlops-ground))`;
    return <span role="gridcell" className="mlops-right" style={{ ...props.style, background }} title={value === null ? undefined : String(value)}>{showNumber(value)}</span>;
  }
  const text =
    column === 'start_time' ? showTime(new Date(run.start_time).toISOString())
    : column === 'duration_ms' ? showDuration(run.duration_ms)
    : column.startsWith('params.') ? showValue(run.params[column.slice(7)], 60)
    : elide(showText((run as any)[column] ?? ''), 60); // prettier-ignore
  return <span role="gridcell" style={props.style} title={text} className={cls(column.startsWith('params.') && 'mlops-code')}>{text}</span>;
}
