/** The tree of runs: only the rows in view are in the page; the keyboard reaches all of them. */

import { useVirtualizer } from '@tanstack/react-virtual';
import React from 'react';

import { asNumber, elide, showDuration, showNumber, showText, showValue } from './format';
import { useNow, useSignal } from './hooks';
import type { RunsList } from './list';
import { Age, Button, cls, Metric, Name, RestartBadge, Spark, StatusMark, Verdict } from './parts';
import { Commands, ILab } from './tokens';
import type { IRow } from './tree';
import type { IBest, IGroup, IRun, ISpark } from './wire';
import { __, _n } from './words';

const RUN_HEIGHT = 46;
const GROUP_HEIGHT = 30;
const OVERSCAN = 8;

/** The next page is asked for when the end of this one is so many rows away. */
const AHEAD = 30;

/** What a row shows: the chosen columns, else the key metrics that it has. */
function shownOf(columns: string[], metrics: string[], run: IRun): string[] {
  if (columns.length) {
    return columns;
  }
  const keys = metrics.filter(key => key in run.metrics);
  return (keys.length ? keys : Object.keys(run.metrics)).slice(0, 2).map(key => `metrics.${key}`);
}

/** The curve that a row draws: of what it shows, or of what it does not. */
function sparkOf(list: RunsList, run: IRun): ISpark | null {
  const shown = shownOf(list.columns, list.metrics, run).filter(column => column.startsWith('metrics.')).map(column => column.slice(8));
  const others = list.metrics.filter(key => !shown.includes(key)).slice(0, 2);
  return list.spark(run.run_id, [...shown, ...others].filter(key => key in run.metrics).slice(0, 3));
}

export function RunRows(props: { lab: ILab; onMenu: (event: React.MouseEvent, run: IRun) => void }): JSX.Element {
  const { lab } = props;
  const { list } = lab;
  useSignal(list.changed);
  const rows = list.rows;
  const scroller = React.useRef<HTMLDivElement>(null);
  const [cursor, setCursor] = React.useState<string | null>(null);
  const id = React.useId();
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    // Other functions only with other rows: with each drawing, all rows would be placed anew.
    estimateSize: React.useCallback((index: number) => (rows[index].kind === 'run' ? RUN_HEIGHT : GROUP_HEIGHT), [rows]),
    getItemKey: React.useCallback((index: number) => rows[index].key, [rows]),
    overscan: OVERSCAN
  });
  const items = virtual.getVirtualItems();
  // A run that goes on shows for how long, each second.
  const now = useNow(items.some(item => rows[item.index]?.run?.status === 'RUNNING') ? 1_000 : 10_000);
  React.useEffect(() => {
    const [first, last] = items.length ? [items[0].index, items[items.length - 1].index] : [0, -1];
    for (const row of rows.slice(first, last + AHEAD)) {
      if (row.kind === 'more') {
        list.more(row.branch);
      }
    }
  });
  // What scrolls out of sight is filled anew, and not made anew: half the work of a frame.
  const places = Math.max(64, 2 ** Math.ceil(Math.log2(items.length + 1)));
  const pick = React.useCallback((runId: string) => list.togglePick(runId), [list]);

  const at = Math.max(0, rows.findIndex(row => row.key === cursor));
  const go = (index: number, extend: boolean) => {
    const row = rows[Math.max(0, Math.min(rows.length - 1, index))];
    if (row) {
      setCursor(row.key);
      virtual.scrollToIndex(rows.indexOf(row));
      if (extend && row.run) {
        const from = rows[at]?.run?.run_id;
        list.pick([...list.picked, ...(from ? [from] : []), row.run.run_id]);
      }
    }
  };
  const key = (event: React.KeyboardEvent) => {
    const row = rows[at];
    if (!row || event.target !== event.currentTarget) {
      return;
    }
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 300) / RUN_HEIGHT) - 1);
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -rows.length, End: rows.length };
    if (event.key in steps) {
      go(cursor === null ? 0 : at + steps[event.key], event.shiftKey);
    } else if (event.key === 'ArrowRight') {
      row.expandable && !row.expanded ? list.toggleOpen(row, true) : go(at + 1, false);
    } else if (event.key === 'ArrowLeft') {
      if (row.expanded) {
        list.toggleOpen(row, false);
      } else {
        let above = at;
        while (above > 0 && rows[above].depth >= row.depth) {
          above--;
        }
        go(above, false);
      }
    } else if (event.key === 'Enter') {
      row.run ? void lab.app.commands.execute(Commands.openRun, { run: row.run.run_id }) : list.toggleOpen(row);
    } else if (event.key === ' ') {
      row.run ? list.togglePick(row.run.run_id) : list.toggleOpen(row);
    } else if (event.key === 'Delete' && (list.picked.length || row.run)) {
      void lab.app.commands.execute(Commands.trash, { runs: list.picked.length ? list.picked : [row.run!.run_id] });
    } else if ((event.key === 'a' || event.key === 'A') && (event.ctrlKey || event.metaKey)) {
      list.pick(rows.flatMap(each => (each.run ? [each.run.run_id] : [])));
    } else if (event.key === 'Escape' && list.picked.length) {
      list.pick([]);
    } else if (event.key === 'c' && list.picked.length > 1) {
      void lab.app.commands.execute(Commands.compare, { runs: list.picked });
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  const click = (event: React.MouseEvent, row: IRow) => {
    setCursor(row.key);
    if (!row.run || row.kind === 'group') {
      list.toggleOpen(row);
    } else if (event.ctrlKey || event.metaKey) {
      list.togglePick(row.run.run_id);
    } else if (event.shiftKey) {
      const from = Math.min(at, rows.indexOf(row));
      const to = Math.max(at, rows.indexOf(row));
      list.pick(rows.slice(from, to + 1).flatMap(each => (each.run ? [each.run.run_id] : [])));
    } else {
      void lab.app.commands.execute(Commands.openRun, { run: row.run.run_id });
    }
  };
  return (
    <div
      ref={scroller}
      className="mlops-Rows"
      role="tree"
      tabIndex={0}
      aria-label={__('Runs')}
      aria-multiselectable="true"
      aria-activedescendant={cursor !== null && rows[at] ? `${id}-${at}` : undefined}
      onKeyDown={key}
    >
      <div role="presentation" style={{ height: virtual.getTotalSize(), position: 'relative' }}>
        {items.map(item => {
          const row = rows[item.index];
          const picked = !!row.run && row.kind === 'run' && list.picked.includes(row.run.run_id);
          return (
            <div
              key={item.index % places}
              id={`${id}-${item.index}`}
              role="treeitem"
              aria-level={row.depth + 1}
              aria-setsize={rows.length}
              aria-posinset={item.index + 1}
              aria-expanded={row.expandable ? row.expanded : undefined}
              aria-selected={picked}
              className={cls('mlops-Row', `mlops-Row-${row.kind}`, picked && 'mlops-picked', row.key === cursor && 'mlops-cursor')}
              style={{ height: item.size, transform: `translateY(${item.start}px)`, paddingLeft: 4 + row.depth * 14 }}
              onClick={event => click(event, row)}
              onContextMenu={event => row.run && row.kind === 'run' && (setCursor(row.key), props.onMenu(event, row.run))}
            >
              <Twisty row={row} onClick={() => list.toggleOpen(row)} />
              {row.kind === 'group' ? (
                <GroupRow group={row.group!} metrics={list.metrics} />
              ) : row.run ? (
                <RunRow run={row.run} columns={list.columns} metrics={list.metrics} best={list.best} spark={sparkOf(list, row.run)} now={now} onPick={pick} picked={picked} />
              ) : row.kind === 'error' ? (
                <span className="mlops-bad">{row.text}</span>
              ) : (
                <span className="mlops-mute">{__('Loading…')}</span>
              )}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function Twisty(props: { row: IRow; onClick: () => void }): JSX.Element {
  return (
    <span
      className={cls('mlops-Twisty', props.row.expanded && 'mlops-open', !props.row.expandable && 'mlops-none')}
      aria-hidden="true"
      onClick={event => {
        event.stopPropagation();
        props.onClick();
      }}
    >
      ▸
    </span>
  );
}

const GroupRow = React.memo(function GroupRow(props: { group: IGroup; metrics: string[] }): JSX.Element {
  const { group } = props;
  const running = group.statuses?.RUNNING ?? 0;
  const key = props.metrics.find(name => group.metrics?.[name]?.mean !== undefined && group.metrics?.[name]?.mean !== null);
  const mean = key ? asNumber(group.metrics[key].mean) : null;
  const std = key ? asNumber(group.metrics[key].std) : null;
  return (
    <span className="mlops-Group">
      {group.run ? <StatusMark status={running ? 'RUNNING' : group.run.status} /> : running ? <StatusMark status="RUNNING" /> : null}
      <Name text={group.run?.name || group.label || __('(none)')} limit={48} className="mlops-Group-label" />
      <span className="mlops-grow" />
      {key && mean !== null ? (
        <span className="mlops-mute mlops-Group-mean" title={__('mean of %1 over the group', showText(key))}>
          ⌀ {elide(showText(key), 12)} {showNumber(mean, 3)}
          {std !== null ? ` ± ${showNumber(std, 2)}` : ''}
        </span>
      ) : null}
      <span className="mlops-Count" title={_n('%1 run', '%1 runs', group.count)}>
        {group.count.toLocaleString('en')}
      </span>
    </span>
  );
});

interface IRunRowProps {
  run: IRun;
  columns: string[];
  metrics: string[];
  best: Record<string, IBest>;
  spark: ISpark | null;
  now: number;
  picked: boolean;
  onPick: (runId: string) => void;
}

/** Drawn again only when what it shows is another: scrolling draws the rows that come, and not those that move. */
const RunRow = React.memo(function RunRow(props: IRunRowProps): JSX.Element {
  const { run, now, best, spark } = props;
  const shown = shownOf(props.columns, props.metrics, run);
  const live = run.status === 'RUNNING';
  return (
    <div className="mlops-Run">
      <div className="mlops-Run-top">
        <input
          type="checkbox"
          tabIndex={-1}
          checked={props.picked}
          aria-label={__('Pick %1', showText(run.name))}
          onClick={event => event.stopPropagation()}
          onChange={() => props.onPick(run.run_id)}
        />
        <StatusMark status={run.status} />
        <Name text={run.name} limit={60} className="mlops-Run-name" />
        {run.revision > 1 ? <span className="mlops-mute mlops-Rev" title={__('revision %1 of this cell', run.revision)}>r{run.revision}</span> : null}
        <Verdict verdict={run.verdict} />
        <RestartBadge badge={run.badge} />
        <span className="mlops-grow" />
        {live ? (
          <span className="mlops-st-running mlops-Run-live">{showDuration(Math.max(0, now - run.start_time))}</span>
        ) : (
          <Age time={run.start_time} now={now} />
        )}
      </div>
      <div className="mlops-Run-below">
        <div className="mlops-Run-values">
        {shown.map(column => {
          const dot = column.indexOf('.');
          const [kind, key] = [column.slice(0, dot), column.slice(dot + 1)];
          if (kind === 'metrics') {
            return <Metric key={column} name={key} run={run} best={best[key]} />;
          }
          const value = kind === 'params' ? run.params[key] : kind === 'tags' ? run.tags[key] : (run as any)[key];
          return value === undefined || value === null ? null : (
            <span key={column} className="mlops-Metric" title={`${showText(key)} = ${showValue(value, 300)}`}>
              <span className="mlops-mute mlops-Metric-name">{showText(key).slice(0, 60)}</span>
              <span>{showValue(value, 24)}</span>
            </span>
          );
        })}
        {!shown.some(column => column.startsWith('metrics.') && column.slice(8) in run.metrics) && !Object.keys(run.metrics).length ? (
          <span className="mlops-mute">{run.status === 'FAILED' ? __('failed') : run.kind !== 'run' ? __(run.kind) : showText(run.experiment)}</span>
        ) : null}
        </div>
        {spark ? <Spark values={spark.values.map(asNumber)} label={__('curve of %1', showText(spark.metric))} /> : null}
      </div>
    </div>
  );
});

/** What may be done with the picked runs. */
export function PickedBar(props: { lab: ILab }): JSX.Element | null {
  const { lab } = props;
  useSignal(lab.list.changed);
  const { picked } = lab.list;
  if (!picked.length) {
    return null;
  }
  const run = (command: string, args: any) => void lab.app.commands.execute(command, args);
  return (
    <div className="mlops-Picked" role="toolbar" aria-label={__('Picked runs')}>
      <span className="mlops-mute">{__('%1 picked', picked.length)}</span>
      <span className="mlops-grow" />
      <Button
        small
        main
        label={__('Compare')}
        disabled={picked.length < 2 || picked.length > 50}
        title={picked.length < 2 ? __('Pick two or more') : picked.length > 50 ? __('At most 50') : undefined}
        onClick={() => run(Commands.compare, { runs: picked })}
      />
      <Button small label={__('Delete')} onClick={() => run(Commands.trash, { runs: picked })} />
      <Button small label={__('Unpick all')} title={__('Escape')} onClick={() => lab.list.pick([])}>
        ×
      </Button>
    </div>
  );
}
