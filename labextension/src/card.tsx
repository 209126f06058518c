/** The card of a run: live while it runs, then final. The same card in a cell's output and in the strip under a running cell. */

import React from 'react';
import { createRoot } from 'react-dom/client';

import { attempt } from './commands';
import { asNumber, baseName, betterDirection, elide, shortId, showChange, showDuration, showNumber, showSize, showText, showTime, showValue, lastOfLines, progressOf } from './format';
import { useNow, useSignal } from './hooks';
import { IUsage, panelOf, usageOf } from './kernels';
import { badgeReasons, Button, cls, Name, RestartBadge, Spark, StatusMark, Verdict } from './parts';
import { Commands, ILab } from './tokens';
import type { ICard, IRun, Numeric, Status } from './wire';
import { __ } from './words';

const SHOWN_METRICS = 6;
const SHOWN_PARAMS = 8;
const LIVE_MS = 1_500;

/** Whether this is a card that this version can draw. */
export function isCard(record: unknown): record is ICard {
  const card = record as ICard;
  return !!card && card.version === 1 && typeof card.run?.run_id === 'string' && typeof card.run.params === 'object';
}

/** Draw the card of a saved output. Returns what takes it away. */
export function drawCard(host: HTMLElement, lab: ILab, card: ICard): () => void {
  const held = (host as any).mlopsRoot ?? createRoot(host);
  (host as any).mlopsRoot = held;
  held.render(<Card lab={lab} card={card} />);
  // React refuses to unmount while it draws.
  return () => window.setTimeout(() => held.unmount(), 0);
}

/** Draw the card of a run that goes on. */
export function drawLive(host: HTMLElement, lab: ILab, runId: string): () => void {
  const root = createRoot(host);
  root.render(<LiveCard lab={lab} runId={runId} />);
  return () => window.setTimeout(() => root.unmount(), 0);
}

/** What the store says now of a run; null until it is asked or if it is not there. */
function useRow(lab: ILab, runId: string, live: boolean): IRun | null {
  const [row, setRow] = React.useState<IRun | null>(null);
  React.useEffect(() => {
    const take = (_: unknown, runs: IRun[]) => {
      const mine = runs.find(run => run.run_id === runId);
      if (mine) {
        setRow(mine);
      }
    };
    lab.feed.rows.connect(take);
    if (live && lab.feed.ready) {
      lab.api.run(runId).then(detail => setRow(was => was ?? detail.run), () => undefined);
    }
    return () => {
      lab.feed.rows.disconnect(take);
    };
  }, [runId, live, lab.feed.ready]);
  return row;
}

interface IShown {
  runId: string;
  name: string;
  experiment: string;
  status: Status;
  start: number;
  duration: number | null;
  revision: number;
  params: Record<string, unknown>;
  metrics: Record<string, Numeric>;
}

function LiveCard(props: { lab: ILab; runId: string }): JSX.Element | null {
  const row = useRow(props.lab, props.runId, true);
  return row ? <Frame lab={props.lab} shown={fromRow(row)} row={row} /> : null;
}

function fromRow(row: IRun): IShown {
  return {
    runId: row.run_id, name: row.name, experiment: row.experiment, status: row.status, start: row.start_time,
    duration: row.duration_ms, revision: row.revision, params: row.params, metrics: row.metrics
  }; // prettier-ignore
}

/** As it was logged: a notebook that is saved has its keys sorted. */
function inOrder<T>(values: Record<string, T>, names: string[] = []): Record<string, T> {
  const known = names.filter(name => name in values);
  return { ...Object.fromEntries(known.map(name => [name, values[name]])), ...values };
}

function Card(props: { lab: ILab; card: ICard }): JSX.Element {
  const { card, lab } = props;
  const row = useRow(lab, card.run.run_id, card.run.status === 'RUNNING' || card.run.status === 'SCHEDULED');
  const run = {
    ...card.run,
    metrics: inOrder(card.run.metrics, card.order?.metrics),
    params: inOrder(card.run.params, card.order?.params)
  };
  const shown: IShown = row
    ? fromRow(row)
    : {
        runId: run.run_id, name: run.name, experiment: run.experiment, status: run.status, start: Date.parse(run.start_time),
        duration: card.duration_ms, revision: run.revision, params: run.params, metrics: run.metrics
      }; // prettier-ignore
  return <Frame lab={lab} shown={shown} row={row} card={card} />;
}

function Frame(props: { lab: ILab; shown: IShown; row: IRun | null; card?: ICard }): JSX.Element {
  const { lab, shown, card, row } = props;
  const running = shown.status === 'RUNNING';
  return (
    <div className={cls('mlops-Card', `mlops-t-${shown.status.toLowerCase()}`)} role="group" aria-label={__('Run %1', showText(shown.name))}>
      <Head lab={lab} shown={shown} />
      {card?.error ? <p className="mlops-Card-error">{elide(showText(card.error), 240)}</p> : null}
      <Tiles lab={lab} shown={shown} card={card} />
      <Chips shown={shown} card={card} />
      {running ? <Live lab={lab} shown={shown} path={row?.contents_path ?? null} /> : null}
      {card ? <Remarks card={card} verdict={row?.verdict ?? card.verdict} /> : null}
      <Actions lab={lab} shown={shown} card={card} row={row} />
    </div>
  );
}

function Head(props: { lab: ILab; shown: IShown }): JSX.Element {
  const { shown, lab } = props;
  const running = shown.status === 'RUNNING';
  const now = useNow(running ? 500 : 60_000);
  return (
    <p className="mlops-Card-head">
      <StatusMark status={shown.status} word={shown.status !== 'FINISHED'} />
      <button type="button" className="mlops-Link mlops-Card-name" title={__('Open the run')} onClick={() => void lab.app.commands.execute(Commands.openRun, { run: shown.runId })}>
        <Name text={shown.name} limit={80} />
      </button>
      <span className="mlops-mute" title={__('experiment')}>{elide(showText(shown.experiment), 40)}</span>
      {shown.revision > 1 ? <span className="mlops-mute">{__('revision %1', shown.revision)}</span> : null}
      <span className="mlops-mute mlops-num">{running ? showDuration(Math.max(0, now - shown.start)) : showDuration(shown.duration)}</span>
      <span className="mlops-grow" />
      <code className="mlops-mute" title={shown.runId}>{shortId(shown.runId)}</code>
    </p>
  );
}

function Tiles(props: { lab: ILab; shown: IShown; card?: ICard }): JSX.Element | null {
  const { shown, card, lab } = props;
  const running = shown.status === 'RUNNING';
  const keys = Object.keys(shown.metrics).slice(0, SHOWN_METRICS);
  const [curves, setCurves] = React.useState<Record<string, (number | null)[]>>({});
  const state = JSON.stringify(shown.metrics);
  React.useEffect(() => {
    // The saved card brings its curves; while it runs they are asked for as metrics arrive.
    if (!running || !keys.length) {
      return;
    }
    let current = true;
    lab.api.curves(shown.runId, keys, { points: 60 }).then(
      answer => current && setCurves(Object.fromEntries(answer.curves.map(curve => [curve.name, curve.y.map(asNumber)]))),
      () => undefined
    );
    return () => {
      current = false;
    };
  }, [state, running]);
  if (!keys.length) {
    return null;
  }
  return (
    <div className="mlops-Tiles" role="list">
      {keys.map(key => {
        const value = asNumber(shown.metrics[key]) ?? NaN;
        const earlier = card?.previous ? asNumber(card.previous.metrics[key]) : null;
        const change = showChange(key, value, earlier);
        const best = card ? asNumber(card.best[key]) : null;
        const direction = betterDirection(key);
        const isBest = best !== null && direction !== 0 && !((best - value) * direction > 0);
        const curve = curves[key] ?? card?.curves?.[key]?.values.map(asNumber) ?? null;
        return (
          <div key={key} className="mlops-Tile" role="listitem">
            <div className="mlops-Tile-name" title={showText(key)}>{elide(showText(key), 32)}</div>
            <div className="mlops-Tile-value">
              <b title={String(value)}>{showNumber(value)}</b>
              {change ? <span className={`mlops-Delta mlops-${change.trend}`} title={__('last run of this cell: %1', showNumber(earlier))}>{change.text}</span> : null}
              {curve && curve.length > 1 ? <Spark values={curve} width={84} height={20} label={__('curve of %1', showText(key))} /> : null}
            </div>
            {best !== null ? <div className="mlops-Tile-best">{isBest ? __('best so far') : __('best %1', showNumber(best))}</div> : null}
          </div>
        );
      })}
    </div>
  );
}

function Chips(props: { shown: IShown; card?: ICard }): JSX.Element | null {
  const { shown, card } = props;
  const entries = Object.entries(shown.params);
  const before = card?.previous?.params;
  if (!entries.length) {
    return null;
  }
  return (
    <p className="mlops-Chips">
      {entries.slice(0, SHOWN_PARAMS).map(([key, value]) => {
        const changed = !!before && key in before && JSON.stringify(before[key]) !== JSON.stringify(value);
        return (
          <code key={key} className={cls('mlops-Param', changed && 'mlops-changed')} title={changed ? __('%1, changed since the last run of this cell', showValue(value, 300)) : showValue(value, 300)}>
            <span className="mlops-mute">{elide(showText(key), 32)} = </span>
            {changed ? <span className="mlops-mute">{showValue(before![key], 16)} → </span> : null}
            {typeof value === 'string' ? `"${showValue(value, 40)}"` : showValue(value, 40)}
          </code>
        );
      })}
      {entries.length > SHOWN_PARAMS ? <span className="mlops-mute">{__('+%1 more', entries.length - SHOWN_PARAMS)}</span> : null}
    </p>
  );
}

/** What a running cell says (the last line), how far that is, and what its kernel uses. */
function Live(props: { lab: ILab; shown: IShown; path: string | null }): JSX.Element {
  const { lab, shown, path } = props;
  const [line, setLine] = React.useState('');
  const [usage, setUsage] = React.useState<IUsage | null>(null);
  React.useEffect(() => {
    let current = true;
    let after = 0;
    let last = '';
    const read = async () => {
      const kernel = panelOf(lab, path)?.sessionContext.session?.kernel ?? null;
      const asked = kernel ? usageOf(kernel).catch(() => null) : Promise.resolve(null);
      try {
        const log = await lab.api.log(shown.runId, after);
        after = log.next;
        last = lastOfLines(last + log.lines.map(each => each.text).join('')).trimEnd().split('\n').pop() ?? '';
      } catch (error) {
        // The feed says when the server does not answer.
      }
      const used = await asked;
      if (current) {
        setLine(last);
        setUsage(used);
        timer = window.setTimeout(read, LIVE_MS);
      }
    };
    let timer = window.setTimeout(read, 0);
    return () => {
      current = false;
      window.clearTimeout(timer);
    };
  }, [shown.runId]);
  const done = progressOf(line);
  return (
    <p className="mlops-Card-live">
      <span className="mlops-Pulse" aria-hidden="true" />
      {done === null ? null : <progress aria-label={__('Progress')} max={1} value={done} />}
      <span className="mlops-mute mlops-code mlops-Card-line">{elide(showText(line), 120) || __('running …')}</span>
      <span className="mlops-grow" />
      {usage ? (
        <span className="mlops-mute mlops-num" title={__('What the kernel uses')}>
          {usage.cpu === null ? '' : `${__('CPU')} ${Math.round(usage.cpu)} %  `}
          {usage.memory === null ? '' : showSize(usage.memory)}
        </span>
      ) : null}
    </p>
  );
}

function Remarks(props: { card: ICard; verdict: string | null }): JSX.Element | null {
  const { card } = props;
  const read = card.data.filter(ref => ref.mode !== 'write');
  const items: React.ReactNode[] = [];
  if (badgeReasons(card.restart_run_all)) {
    items.push(<RestartBadge key="restart" badge={card.restart_run_all} word />);
  }
  if (props.verdict) {
    items.push(<Verdict key="verdict" verdict={props.verdict} word />);
  }
  card.models.slice(0, 3).forEach((model, index) =>
    items.push(
      <span key={`model${index}`}>
        {model.variable && model.variable !== model.name ? `${showValue(model.variable, 30)} = ` : model.name === 'model' ? '' : __('model') + ' '}
        {showValue(String(model.name ?? 'model'), 40)}
      </span>
    )
  );
  if (read.length) {
    const names = read.slice(0, 2).map(ref => `${elide(showText(baseName(ref.path)), 40)} (${showSize(ref.size)})`);
    items.push(<span key="data">{__('data')} {names.join(', ')}{read.length > 2 ? ` +${read.length - 2}` : ''}</span>);
  }
  if (card.outputs_kept) {
    items.push(<span key="outputs">{card.outputs_kept === 1 ? __('1 output kept') : __('%1 outputs kept', card.outputs_kept)}</span>);
  }
  if (card.redactions) {
    items.push(<span key="redacted" className="mlops-warn">{card.redactions === 1 ? __('1 secret redacted') : __('%1 secrets redacted', card.redactions)}</span>);
  }
  card.notes.forEach((note, index) => items.push(<span key={`note${index}`}>{showValue(note, 200)}</span>));
  return items.length ? <p className="mlops-Remarks">{items}</p> : null;
}

function Actions(props: { lab: ILab; shown: IShown; card?: ICard; row: IRun | null }): JSX.Element {
  const { lab, shown, card } = props;
  const [open, setOpen] = React.useState(false);
  const run = (command: string, args: object = {}) => void attempt(() => lab.app.commands.execute(command, { run: shown.runId, ...args }));
  useSignal(lab.feed.state);
  const away = !lab.feed.ready;
  const why = away ? lab.feed.problem ?? __('Connecting …') : undefined;
  if (shown.status === 'RUNNING') {
    return (
      <p className="mlops-Card-actions">
        <Button small danger label={__('Stop')} disabled={away} title={why} onClick={() => run(Commands.stop)} />
        <Button small label={__('Open')} disabled={away} title={why} onClick={() => run(Commands.openRun)} />
      </p>
    );
  }
  const previous = card?.previous?.run_id;
  return (
    <>
      <p className="mlops-Card-actions" role="toolbar" aria-label={__('What may be done with this run')}>
        {card?.models.some(model => model.logged !== false) ? <Button small label={__('Register')} disabled={away} title={why} onClick={() => run(Commands.register)} /> : null}
        {previous ? (
          <Button small label={__('Compare')} disabled={away} title={why ?? __('With the last run of this cell')} onClick={() => run(Commands.compare, { runs: [shown.runId, previous] })} />
        ) : null}
        <Button small label={__('Reproduce')} disabled={away} title={why} onClick={() => run(Commands.reproduce)} />
        <Button small label={__('Re-run with …')} disabled={away} title={why} onClick={() => run(Commands.rerun)} />
        <Button small label={__('Restore code')} disabled={away} title={why} onClick={() => run(Commands.restore)} />
        {card ? <Button small label={open ? __('Less') : __('Details')} pressed={open} onClick={() => setOpen(!open)} /> : null}
      </p>
      {open && card ? <Details card={card} /> : null}
    </>
  );
}

function Details(props: { card: ICard }): JSX.Element {
  const { card } = props;
  const { run } = card;
  const rows: [string, React.ReactNode][] = [
    [__('run'), <code key="id">{run.run_id}</code>],
    [__('started'), showTime(run.start_time)]
  ];
  if (run.notebook) {
    rows.push([__('notebook'), <Name key="nb" text={run.notebook} limit={100} />]);
  }
  Object.entries(run.params).slice(SHOWN_PARAMS, 60).forEach(([key, value]) => rows.push([`${__('param')} ${elide(showText(key), 40)}`, showValue(value, 300)]));
  Object.entries(run.metrics).slice(SHOWN_METRICS, 60).forEach(([key, value]) => rows.push([`${__('metric')} ${elide(showText(key), 40)}`, showNumber(asNumber(value))]));
  Object.entries(run.tags).slice(0, 30).forEach(([key, value]) => rows.push([`${__('tag')} ${elide(showText(key), 40)}`, showValue(value, 300)]));
  card.data.slice(0, 20).forEach(ref => rows.push([`${__('data')} ${ref.mode}`, `${elide(showText(ref.path), 80)} · ${showSize(ref.size)}`]));
  card.models.slice(0, 10).forEach(model =>
    rows.push([`${__('model')} ${showValue(String(model.variable || model.name || ''), 30)}`, Object.entries(model.params ?? {}).map(([k, v]) => `${k}=${showValue(v, 30)}`).join(', ')])
  );
  (badgeReasons(card.restart_run_all) ?? []).forEach(reason => rows.push(['', `⚠ ${elide(showText(reason), 200)}`]));
  return (
    <table className="mlops-Facts">
      <tbody>
        {rows.map(([name, value], index) => (
          <tr key={index}>
            <th scope="row">{name}</th>
            <td>{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
