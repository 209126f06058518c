/** The page of a run. */

import React from 'react';

import { attempt } from './commands';
import { showDuration, showText, showTime } from './format';
import { useLoad, useNow } from './hooks';
import type { IPageProps } from './pages';
import { Button, cls, Loading, Name, StatusMark, Trouble, Verdict } from './parts';
import { ArtifactsTab, LogTab, OutputsTab, RevisionsTab } from './run_files';
import { CodeTab, CurvesTab, DataTab, EnvironmentTab } from './run_parts';
import { OverviewTab } from './run_overview';
import { Commands, ILab } from './tokens';
import type { IRun, IRunDetail } from './wire';
import { __ } from './words';

type Tab = 'overview' | 'curves' | 'code' | 'data' | 'environment' | 'outputs' | 'artifacts' | 'log' | 'revisions';

const SETTLE_MS = 400;

export interface ITabProps {
  lab: ILab;
  detail: IRunDetail;
  reload: () => void;
}

function tabsOf(detail: IRunDetail): { id: Tab; label: string; count?: number; view: React.ComponentType<ITabProps> }[] {
  return [
    { id: 'overview', label: __('Overview'), view: OverviewTab },
    { id: 'curves', label: __('Curves'), view: CurvesTab },
    { id: 'code', label: __('Code'), view: CodeTab },
    { id: 'data', label: __('Data & lineage'), count: detail.data.length, view: DataTab },
    { id: 'environment', label: __('Environment'), view: EnvironmentTab },
    { id: 'outputs', label: __('Outputs'), count: detail.outputs.length, view: OutputsTab },
    { id: 'artifacts', label: __('Artifacts'), count: detail.artifacts.length, view: ArtifactsTab },
    { id: 'log', label: __('Log'), view: LogTab },
    { id: 'revisions', label: __('Revisions'), count: detail.revisions.length, view: RevisionsTab }
  ];
}

/** Ask again when the feed says that a run was written. */
export function useChanges(lab: ILab, runs: string[], then: () => void): void {
  const call = React.useRef(then);
  call.current = then;
  const key = runs.join();
  React.useEffect(() => {
    let timer = 0;
    const soon = () => {
      timer = timer || window.setTimeout(() => {
        timer = 0;
        call.current();
      }, SETTLE_MS);
    };
    const take = (_: unknown, rows: IRun[]) => {
      if (rows.some(row => runs.includes(row.run_id) || (row.parent_run_id !== null && runs.includes(row.parent_run_id)))) {
        soon();
      }
    };
    const reset = () => soon();
    lab.feed.rows.connect(take);
    lab.feed.reset.connect(reset);
    return () => {
      window.clearTimeout(timer);
      lab.feed.rows.disconnect(take);
      lab.feed.reset.disconnect(reset);
    };
  }, [key]);
}

export function RunPage(props: IPageProps): JSX.Element {
  const { lab } = props;
  const runId = String(props.args['run']);
  const load = useLoad(() => lab.api.run(runId), [runId]);
  const [tab, setTab] = React.useState<Tab>((props.args['tab'] as Tab) ?? 'overview');
  useChanges(lab, [runId], load.reload);
  const detail = load.value;
  React.useEffect(() => {
    if (detail) {
      props.setTitle(showText(detail.run.name).slice(0, 40), __('Run %1 of %2', showText(detail.run.name), showText(detail.run.experiment)));
    }
  }, [detail?.run.name]);
  if (!detail) {
    return <div className="mlops-Page">{load.error ? <Trouble text={load.error} retry={load.reload} /> : <Loading rows={8} />}</div>;
  }
  const tabs = tabsOf(detail);
  const View = tabs.find(each => each.id === tab)!.view;
  const keys = (event: React.KeyboardEvent) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step) {
      const next = (tabs.findIndex(each => each.id === tab) + step + tabs.length) % tabs.length;
      setTab(tabs[next].id);
      (event.currentTarget.children[next] as HTMLElement).focus();
      event.preventDefault();
    }
  };
  return (
    <article className="mlops-Page mlops-RunPage" aria-label={__('Run %1', showText(detail.run.name))}>
      {load.error ? <Trouble text={load.error} retry={load.reload} /> : null}
      <RunHead lab={lab} detail={detail} />
      <div className="mlops-Tabs" role="tablist" aria-label={__('Parts of the run')} onKeyDown={keys}>
        {tabs.map(each => (
          <button
            key={each.id}
            type="button"
            role="tab"
            id={`mlops-tab-${runId}-${each.id}`}
            aria-selected={each.id === tab}
            aria-controls={`mlops-panel-${runId}`}
            tabIndex={each.id === tab ? 0 : -1}
            className={cls(each.id === tab && 'mlops-on')}
            onClick={() => setTab(each.id)}
          >
            {each.label}
            {each.count ? <span className="mlops-Count">{each.count}</span> : null}
          </button>
        ))}
      </div>
      <div className="mlops-Tab" role="tabpanel" id={`mlops-panel-${runId}`} aria-labelledby={`mlops-tab-${runId}-${tab}`} tabIndex={0}>
        <View lab={lab} detail={detail} reload={load.reload} />
      </div>
    </article>
  );
}

function RunHead(props: { lab: ILab; detail: IRunDetail }): JSX.Element {
  const { lab, detail } = props;
  const { run } = detail;
  const running = run.status === 'RUNNING';
  const now = useNow(running ? 1000 : 60_000);
  const [name, setName] = React.useState<string | null>(null);
  const call = (command: string, args: object = {}) => void attempt(() => lab.app.commands.execute(command, { run: run.run_id, ...args }));
  const rename = () => {
    const next = (name ?? '').trim();
    setName(null);
    if (next && next !== run.name) {
      void attempt(() => lab.api.change([run.run_id], { name: next }));
    }
  };
  return (
    <header className="mlops-RunHead">
      <div className="mlops-RunHead-title">
        <StatusMark status={run.status} word={run.status !== 'FINISHED'} />
        {name === null ? (
          <h1 title={__('Double-click to rename')} onDoubleClick={() => setName(run.name)}>
            <Name text={run.name} limit={100} />
          </h1>
        ) : (
          <input
            autoFocus
            aria-label={__('Name of the run')}
            value={name}
            onChange={event => setName(event.target.value)}
            onBlur={rename}
            onKeyDown={event => (event.key === 'Enter' ? rename() : event.key === 'Escape' ? setName(null) : undefined)}
          />
        )}
        <Verdict verdict={run.verdict} word />
        <span className="mlops-grow" />
        <div className="mlops-RunHead-buttons">
          {running ? <Button danger label={__('Stop')} onClick={() => call(Commands.stop)} /> : null}
          {detail.models.some(model => model.logged !== false) ? <Button main label={__('Register …')} onClick={() => call(Commands.register)} /> : null}
          {detail.previous ? (
            <Button label={__('Compare')} title={__('With the last revision')} onClick={() => call(Commands.compare, { runs: [run.run_id, detail.previous!.run_id] })} />
          ) : null}
          {!running ? <Button label={__('Reproduce')} onClick={() => call(Commands.reproduce)} /> : null}
          <Button label={__('Re-run with …')} onClick={() => call(Commands.rerun)} />
          <Button label={__('Restore code')} onClick={() => call(Commands.restore)} />
        </div>
      </div>
      <p className="mlops-RunHead-facts mlops-mute">
        <span>{showText(run.experiment)}</span>
        {run.notebook ? (
          run.contents_path ? (
            <button type="button" className="mlops-Link" onClick={() => void lab.app.commands.execute('docmanager:open', { path: run.contents_path })}>
              <Name text={run.notebook} />
            </button>
          ) : (
            <Name text={run.notebook} />
          )
        ) : null}
        {run.revision > 1 ? <span>{__('revision %1', run.revision)}</span> : null}
        <span>{showTime(new Date(run.start_time).toISOString())}</span>
        <span>{running ? showDuration(Math.max(0, now - run.start_time)) : showDuration(run.duration_ms)}</span>
        <span>{showText(run.user)}</span>
        <button type="button" className="mlops-Link mlops-code" title={__('Copy the id')} onClick={() => call(Commands.copyId)}>
          {run.run_id}
        </button>
      </p>
    </header>
  );
}
