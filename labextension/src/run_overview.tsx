/** The overview of a run: what went in, what came out, what became of it. */

import React from 'react';

import { attempt } from './commands';
import { asNumber, elide, showChange, showDuration, showNumber, showText, showTime, showValue } from './format';
import { badgeReasons, Button, cls, Name, StatusMark, Verdict } from './parts';
import type { ITabProps } from './run';
import { Commands } from './tokens';
import type { IRun } from './wire';
import { __ } from './words';

export function OverviewTab(props: ITabProps): JSX.Element {
  const { detail } = props;
  return (
    <div className="mlops-Overview">
      {detail.error ? <ErrorBox error={detail.error} /> : null}
      <Restart badge={detail.restart_run_all} />
      <div className="mlops-Columns">
        <Metrics {...props} />
        <Params {...props} />
        <About {...props} />
      </div>
      <Nested {...props} />
    </div>
  );
}

function ErrorBox(props: { error: NonNullable<ITabProps['detail']['error']> }): JSX.Element {
  const { error } = props;
  const [open, setOpen] = React.useState(true);
  const head = typeof error === 'string' ? error : `${error.ename}: ${error.evalue}`;
  // Colours of the terminal are taken out: the text is what counts.
  const trace = typeof error === 'string' ? '' : (error.traceback ?? []).join('\n').replace(/\u001b\[[0-9;]*m/g, '');
  return (
    <section className="mlops-ErrorBox">
      <p>
        <b>{elide(showText(head), 400)}</b>
        {trace ? <Button small label={open ? __('Hide traceback') : __('Show traceback')} onClick={() => setOpen(!open)} /> : null}
      </p>
      {open && trace ? <pre tabIndex={0}>{trace}</pre> : null}
    </section>
  );
}

function Restart(props: { badge: string | string[] | null }): JSX.Element | null {
  const reasons = badgeReasons(props.badge);
  if (!reasons) {
    return null;
  }
  return reasons.length ? (
    <div className="mlops-Note mlops-warn-box">
      <b>⚠ {__('Restart & Run All of the notebook would not give this result')}</b>
      <ul>
        {reasons.map(reason => (
          <li key={reason}>{showText(reason)}</li>
        ))}
      </ul>
    </div>
  ) : (
    <p className="mlops-good">✓ {__('Restart & Run All of the notebook gives this result')}</p>
  );
}

function Metrics(props: ITabProps): JSX.Element {
  const { run, previous } = props.detail;
  const keys = Object.keys(run.metrics);
  return (
    <section>
      <h2>{__('Metrics')}</h2>
      {keys.length ? (
        <table className="mlops-Table">
          {previous ? (
            <thead>
              <tr>
                <th scope="col">{__('metric')}</th>
                <th scope="col" className="mlops-right">{__('value')}</th>
                <th scope="col" className="mlops-right">{__('last revision')}</th>
              </tr>
            </thead>
          ) : null}
          <tbody>
            {keys.map(key => {
              const value = asNumber(run.metrics[key]) ?? NaN;
              const change = previous ? showChange(key, value, asNumber(previous.metrics[key])) : null;
              return (
                <tr key={key}>
                  <th scope="row"><Name text={key} limit={40} /></th>
                  <td className="mlops-right" title={String(value)}><b>{showNumber(value, 6)}</b></td>
                  {previous ? <td className={cls('mlops-right', change && `mlops-${change.trend}`)}>{change?.text ?? ''}</td> : null}
                </tr>
              );
            })}
          </tbody>
        </table>
      ) : (
        <p className="mlops-mute">{__('None. Numbers that the cell computes become metrics, and all that mlops_nb.log_metric logs.')}</p>
      )}
    </section>
  );
}

function Params(props: ITabProps): JSX.Element {
  const { run, previous } = props.detail;
  const keys = Object.keys(run.params);
  return (
    <section>
      <h2>{__('Params')}</h2>
      {keys.length ? (
        <table className="mlops-Table">
          <tbody>
            {keys.map(key => {
              const changed = previous && key in previous.params && JSON.stringify(previous.params[key]) !== JSON.stringify(run.params[key]);
              return (
                <tr key={key}>
                  <th scope="row"><Name text={key} limit={40} /></th>
                  <td className="mlops-code">
                    {changed ? <span className="mlops-mute">{showValue(previous!.params[key], 30)} → </span> : null}
                    <span className={cls(changed && 'mlops-changed')} title={showValue(run.params[key], 2000)}>{showValue(run.params[key], 90)}</span>
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      ) : (
        <p className="mlops-mute">{__('None. Names that the cell binds to plain values become params.')}</p>
      )}
      <Tags {...props} />
    </section>
  );
}

function Tags(props: ITabProps): JSX.Element {
  const { lab, detail } = props;
  const [text, setText] = React.useState('');
  const tags = Object.entries(detail.run.tags).filter(([key]) => !key.startsWith('mlflow.') && !key.startsWith('mlops_nb.'));
  const change = (key: string, value: string | null) =>
    void attempt(async () => {
      await lab.api.change([detail.run.run_id], { tags: { [key]: value } });
      props.reload();
    });
  const add = (event: React.FormEvent) => {
    event.preventDefault();
    const at = text.indexOf('=');
    if (at > 0) {
      change(text.slice(0, at).trim(), text.slice(at + 1).trim());
      setText('');
    }
  };
  return (
    <>
      <h2>{__('Tags')}</h2>
      <div className="mlops-Tags">
        {tags.map(([key, value]) => (
          <span key={key} className="mlops-Chip" title={`${showText(key)} = ${showValue(value, 500)}`}>
            {elide(showText(key), 30)} = {showValue(value, 40)}
            <button type="button" aria-label={__('Take the tag %1 away', showText(key))} onClick={() => change(key, null)}>×</button>
          </span>
        ))}
        <form onSubmit={add}>
          <input value={text} placeholder={__('name=value')} aria-label={__('Add a tag')} onChange={event => setText(event.target.value)} />
        </form>
      </div>
    </>
  );
}

function About(props: ITabProps): JSX.Element {
  const { lab, detail } = props;
  const { run } = detail;
  const rows: [string, React.ReactNode][] = [
    [__('started'), showTime(new Date(run.start_time).toISOString())],
    [__('duration'), showDuration(run.duration_ms)],
    [__('kind'), run.kind],
    [__('stage'), run.stage],
    [__('cell'), run.cell_id],
    [__('user'), run.user]
  ];
  const used = detail.resources;
  if (used) {
    const cpu = used['cpu_seconds'];
    const memory = used['memory_peak_bytes'];
    rows.push([__('processor time'), typeof cpu === 'number' ? showDuration(cpu * 1000) : null]);
    rows.push([__('peak memory'), typeof memory === 'number' ? `${showNumber(memory / 1e6, 3)} MB` : null]);
  }
  if (run.parent_run_id) {
    rows.push([
      __('part of'),
      <button key="p" type="button" className="mlops-Link mlops-code" onClick={() => void lab.app.commands.execute(Commands.openRun, { run: run.parent_run_id })}>
        {run.parent_run_id.slice(0, 12)}
      </button>
    ]);
  }
  return (
    <section>
      <h2>{__('About')}</h2>
      <table className="mlops-Table">
        <tbody>
          {rows.filter(([, value]) => value).map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{typeof value === 'string' ? <Name text={value} limit={48} /> : value}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {detail.versions.length ? (
        <>
          <h2>{__('Registered as')}</h2>
          {detail.versions.map(version => (
            <p key={`${version.name}/${version.version}`} className="mlops-Bar">
              <button type="button" className="mlops-Link" onClick={() => void lab.app.commands.execute(Commands.openModel, { name: version.name })}>
                <Name text={`${version.name}/${version.version}`} />
              </button>
              {[version.stage, ...version.aliases.map(alias => `@${alias}`)].filter(place => place && place !== 'None').map(place => (
                <span key={place} className="mlops-Chip">{showText(place)}</span>
              ))}
            </p>
          ))}
        </>
      ) : null}
      {detail.models.length ? (
        <>
          <h2>{__('Models')}</h2>
          {distinct(detail.models).slice(0, 10).map((model, index) => (
            <p key={index}>
              <b>{showValue(String(model.name ?? model.variable ?? 'model'), 60)}</b>{' '}
              <span className="mlops-mute mlops-code">
                {Object.entries(model.params ?? {}).slice(0, 6).map(([key, value]) => `${showText(key)}=${showValue(value, 20)}`).join(', ')}
              </span>
            </p>
          ))}
        </>
      ) : null}
    </section>
  );
}

/** A model that was fitted and logged is told once, with what is known of it. */
function distinct(models: any[]): any[] {
  const nameOf = (model: any) => String(model.name ?? model.variable ?? 'model');
  return models.filter(
    (model, index) => Object.keys(model.params ?? {}).length > 0 || !models.some((other, at) => at !== index && nameOf(other) === nameOf(model) && (at < index || Object.keys(other.params ?? {}).length > 0))
  );
}

/** Most runs that a comparison takes. */
const COMPARED = 50;

function Nested(props: ITabProps): JSX.Element | null {
  const { children } = props.detail;
  return children.length ? (
    <section>
      <h2>
        {__('Runs in it')} <span className="mlops-Count">{children.length}</span>{' '}
        {children.length > 1 ? (
          <Button
            small
            label={children.length > COMPARED ? __('Compare the first %1', COMPARED) : __('Compare them')}
            onClick={() => void attempt(() => props.lab.app.commands.execute(Commands.compare, { runs: children.slice(0, COMPARED).map(run => run.run_id) }))}
          />
        ) : null}
      </h2>
      <RunsTable lab={props.lab} runs={children} />
    </section>
  ) : null;
}

/** A plain table of runs, to open or to pick. */
export function RunsTable(props: { lab: ITabProps['lab']; runs: IRun[]; current?: string; pick?: { picked: string[]; toggle: (id: string) => void } }): JSX.Element {
  const { lab, runs, pick } = props;
  const metrics = [...new Set(runs.flatMap(run => Object.keys(run.metrics)))].slice(0, 6);
  const params = [...new Set(runs.flatMap(run => Object.keys(run.params)))]
    .filter(key => new Set(runs.map(run => JSON.stringify(run.params[key]))).size > 1)
    .slice(0, 6);
  return (
    <div className="mlops-Scroll" tabIndex={0}>
      <table className="mlops-Table mlops-Grid-table">
        <thead>
          <tr>
            {pick ? <th scope="col"><span className="mlops-unseen">{__('pick')}</span></th> : null}
            <th scope="col">{__('run')}</th>
            {params.map(key => <th key={key} scope="col"><Name text={key} limit={24} /></th>)}
            {metrics.map(key => <th key={key} scope="col" className="mlops-right"><Name text={key} limit={24} /></th>)}
            <th scope="col" className="mlops-right">{__('duration')}</th>
            <th scope="col">{__('started')}</th>
          </tr>
        </thead>
        <tbody>
          {runs.map(run => (
            <tr key={run.run_id} className={cls(run.run_id === props.current && 'mlops-current')}>
              {pick ? <td><input type="checkbox" aria-label={__('Pick %1', showText(run.name))} checked={pick.picked.includes(run.run_id)} onChange={() => pick.toggle(run.run_id)} /></td> : null}
              <th scope="row">
                <StatusMark status={run.status} />{' '}
                <button type="button" className="mlops-Link" onClick={() => void lab.app.commands.execute(Commands.openRun, { run: run.run_id })}>
                  <Name text={run.name} limit={40} />
                </button>{' '}
                {run.revision > 1 ? <span className="mlops-mute">r{run.revision} </span> : null}
                <Verdict verdict={run.verdict} />
              </th>
              {params.map(key => <td key={key} className="mlops-code">{showValue(run.params[key], 30)}</td>)}
              {metrics.map(key => <td key={key} className="mlops-right">{showNumber(asNumber(run.metrics[key]))}</td>)}
              <td className="mlops-right">{showDuration(run.duration_ms)}</td>
              <td className="mlops-mute">{showTime(new Date(run.start_time).toISOString())}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
