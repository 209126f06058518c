/** The page of a job: its progress, its log as it comes, and what came out. */

import React from 'react';

import { attempt } from './commands';
import { asNumber, lastOfLines, showDuration, showLines, showNumber, showText, showTime, showValue } from './format';
import { useNow, useSignal } from './hooks';
import type { IPageProps } from './pages';
import { Button, cls, Loading, Name, StatusMark, Trouble, Verdict } from './parts';
import { Commands, ILab } from './tokens';
import type { IJob } from './wire';
import { __ } from './words';

const READ_MS = 700;
const KEPT = 400_000;

export function JobPage(props: IPageProps): JSX.Element {
  const { lab } = props;
  const jobId = String(props.args['job']);
  const [job, setJob] = React.useState<IJob | null>(null);
  const [log, setLog] = React.useState('');
  const [trouble, setTrouble] = React.useState<string | null>(null);
  const now = useNow(1_000);
  const box = React.useRef<HTMLPreElement>(null);
  useSignal(lab.jobs.changed);
  React.useEffect(() => {
    let offset = 0;
    let timer = 0;
    let current = true;
    const read = async () => {
      try {
        const found = await lab.api.job(jobId, offset);
        if (!current) {
          return;
        }
        const grew = (found.offset ?? offset) > offset;
        offset = found.offset ?? offset;
        setJob(found);
        setTrouble(null);
        if (found.log) {
          setLog(was => (was + found.log).slice(-KEPT));
        }
        if (found.state === 'running' || grew) {
          timer = window.setTimeout(read, READ_MS);
        } else {
          void lab.jobs.refresh();
        }
      } catch (error) {
        if (current) {
          setTrouble((error as Error).message);
          timer = window.setTimeout(read, READ_MS * 5);
        }
      }
    };
    void read();
    return () => {
      current = false;
      window.clearTimeout(timer);
    };
  }, [jobId]);
  React.useEffect(() => {
    const node = box.current;
    if (node) {
      node.scrollTop = node.scrollHeight;
    }
  }, [log]);
  React.useEffect(() => {
    if (job) {
      props.setTitle(showText(job.title || job.verb).slice(0, 40));
    }
  }, [job?.title]);
  if (!job) {
    return <div className="mlops-Page">{trouble ? <Trouble text={trouble} /> : <Loading rows={5} />}</div>;
  }
  const running = job.state === 'running';
  const tone = { running: 'running', finished: 'finished', failed: 'failed', cancelled: 'killed', lost: 'killed' }[job.state];
  const words = { running: __('running'), finished: __('finished'), failed: __('failed'), cancelled: __('cancelled'), lost: __('lost: the server was stopped while it ran') }[job.state];
  return (
    <article className="mlops-Page mlops-JobPage" aria-label={__('Job %1', showText(job.title))}>
      {trouble ? <Trouble text={trouble} /> : null}
      <header className="mlops-RunHead">
        <div className="mlops-RunHead-title">
          <span className={`mlops-St mlops-st-${tone}`} aria-hidden="true">{{ running: '●', finished: '✓', failed: '✗', cancelled: '■', lost: '?' }[job.state]}</span>
          <h1>{showValue(job.title || job.verb, 100)}</h1>
          <span className={`mlops-st-${tone}`} role="status">{words}</span>
          <span className="mlops-grow" />
          {job.contents_path ? <Button main={!running} label={__('Open the notebook')} onClick={() => void lab.app.commands.execute('docmanager:open', { path: job.contents_path })} /> : null}
          {job.run_id ? <Button main={!running && !job.contents_path} label={job.verb === 'sweep' ? __('Open the sweep') : __('Open the run')} onClick={() => void lab.app.commands.execute(Commands.openRun, { run: job.run_id })} /> : null}
          {running ? (
            <Button danger label={job.verb === 'serve' ? __('Stop the service') : __('Cancel')} onClick={() => void attempt(() => lab.jobs.end(jobId))} />
          ) : (
            <Button
              label={__('Forget')}
              title={__('Take it off the list of jobs; its run stays')}
              onClick={() => void attempt(async () => { await lab.jobs.end(jobId); props.close(); })}
            />
          )}
        </div>
        <p className="mlops-RunHead-facts mlops-mute">
          <code className="mlops-code">mlops-nb {job.verb} {showValue(job.words.join(' '), 160)}</code>
          <span>{showTime(new Date(job.started).toISOString())}</span>
          <span>{showDuration((job.ended ?? Math.max(now, job.started)) - job.started)}</span>
          {job.url && running ? <a href={safeUrl(job.url)} target="_blank" rel="noopener noreferrer">{showText(job.url)}</a> : null}
        </p>
        {(running || job.progress) && job.verb !== 'serve' ? (
          <div className="mlops-Progress">
            <progress aria-label={__('Progress')} max={job.progress?.total || 1} value={job.progress ? job.progress.done : undefined} />
            <span className="mlops-mute">{job.progress ? `${job.progress.done} / ${job.progress.total} ${showValue(job.progress.label ?? '', 60)}` : __('starting …')}</span>
          </div>
        ) : null}
      </header>
      <div className="mlops-Tab">
        {job.state === 'failed' && job.message ? <div className="mlops-Note mlops-bad-box">{showText(job.message)}</div> : null}
        {job.result && typeof job.result.verdict === 'string' ? <VerdictBox result={job.result} /> : null}
        {job.verb === 'sweep' && Array.isArray(job.result?.points) ? <SweepBox lab={lab} result={job.result} /> : null}
        <h2>{__('Log')}</h2>
        <pre ref={box} className={cls('mlops-Text', 'mlops-Job-log')} tabIndex={0} role="log" aria-label={__('Log')}>{showLines(lastOfLines(log)) || __('Nothing yet.')}</pre>
      </div>
    </article>
  );
}

/** Only addresses of the web: a log line may say anything. */
function safeUrl(url: string): string | undefined {
  return /^https?:\/\//.test(url) ? url : undefined;
}

function VerdictBox(props: { result: any }): JSX.Element {
  const { result } = props;
  const good = ['identical', 'equivalent', 'no drift'].includes(result.verdict);
  const causes: unknown[] = Array.isArray(result.causes) ? result.causes : [];
  const differences: any[] = Array.isArray(result.differences) ? result.differences : [];
  const says: Record<string, string> = {
    identical: __('It gives exactly the same result.'),
    equivalent: __('It gives the same result within the tolerance.'),
    diverged: __('It gives another result.'),
    failed: __('It could not be run again.'),
    'no drift': __('What it is asked and answers is like what it was trained on.'),
    drift: __('What it is asked, or answers, has moved away from what it was trained on.')
  };
  const reasons: unknown[] = Array.isArray(result.reasons) ? result.reasons : [];
  return (
    <section className={cls('mlops-Note', good ? 'mlops-good-box' : 'mlops-warn-box')}>
      <p className="mlops-VerdictBox"><Verdict verdict={result.verdict} word /> <span>{says[result.verdict] ?? ''}</span></p>
      {reasons.length ? <ul>{reasons.slice(0, 30).map((reason, index) => <li key={index}>{showValue(reason, 300)}</li>)}</ul> : null}
      {causes.length ? <p>{__('Because of: %1', causes.map(cause => showValue(typeof cause === 'object' && cause ? (cause as any).kind ?? (cause as any).cause ?? cause : cause, 80)).join(', '))}</p> : null}
      {differences.length ? (
        <ul>
          {differences.slice(0, 30).map((difference, index) => (
            <li key={index}>{showValue(typeof difference === 'string' ? difference : difference.text ?? difference.message ?? difference, 300)}</li>
          ))}
        </ul>
      ) : null}
    </section>
  );
}

/** What a sweep gave: its points, the best first. */
function SweepBox(props: { lab: ILab; result: any }): JSX.Element {
  const { lab, result } = props;
  const points: any[] = result.points;
  const params = [...new Set(points.flatMap(point => Object.keys(point.params ?? {})))].slice(0, 12);
  const sign = result.mode === 'min' ? 1 : -1;
  const value = (point: any): number | null => asNumber(point.value);
  const sorted = [...points].sort((a, b) => ((value(a) ?? sign * Infinity) - (value(b) ?? sign * Infinity)) * sign || a.point - b.point);
  return (
    <section>
      <h2>{result.metric ? __('Points, the best %1 first', showText(result.metric)) : __('Points')}</h2>
      <div className="mlops-Scroll" tabIndex={0}>
        <table className="mlops-Table mlops-Grid-table">
          <thead>
            <tr>
              <th scope="col">{__('run')}</th>
              {params.map(name => <th key={name} scope="col"><Name text={name} limit={24} /></th>)}
              {result.metric ? <th scope="col" className="mlops-right"><Name text={result.metric} limit={24} /></th> : null}
            </tr>
          </thead>
          <tbody>
            {sorted.slice(0, 200).map(point => {
              const runId: string | undefined = point.run_id ?? point.run_ids?.[0];
              const best = result.best && result.best.point === point.point;
              return (
                <tr key={point.point} className={cls(best && 'mlops-current')}>
                  <th scope="row">
                    <StatusMark status={String(point.state ?? point.status ?? 'finished').toUpperCase()} />{' '}
                    {runId ? <button type="button" className="mlops-Link" onClick={() => void lab.app.commands.execute(Commands.openRun, { run: runId })}>#{point.point}</button> : `#${point.point}`}
                    {best ? <span className="mlops-good" title={__('the best')}> ★</span> : null}
                  </th>
                  {params.map(name => <td key={name} className="mlops-code">{showValue(point.params?.[name], 40)}</td>)}
                  {result.metric ? <td className="mlops-right">{showNumber(value(point))}</td> : null}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}
